"""`bt db`: how large the database is, whether it is sound, its schema; copies of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ..errors import StoreUnavailableError
from ..model.records import to_iso
from ..render import words
from .copy import copy
from .failures import WARNED
from .prune import prune
from .session import Session, common

if TYPE_CHECKING:
    from ..store.protocol import StoreStats


@click.group("db")
@common
def db() -> None:
    """Look after the database."""


@db.command("stats")
@common
@click.pass_obj
def stats(session: Session) -> None:
    """Say how much is stored, and since when."""
    found = session.asking.stats()
    if session.json:
        numbers = asdict(found)
        times = {f"{end}_at": to_iso(numbers.pop(f"{end}_us")) for end in ("oldest", "newest")}
        session.show_json("stats/1", **numbers, **times)
        return
    from ..render import listing

    session.show(listing.facts(session.screen, _facts(found)))


def _facts(found: StoreStats) -> list[tuple[str, str]]:
    return [
        ("database", found.url),
        ("schema", str(found.schema_version)),
        ("size", words.size(found.bytes)),
        ("runs", f"{found.runs:,}"),
        ("artifacts", f"{found.artifacts:,}"),
        ("versions", f"{found.versions:,}"),
        ("components", f"{found.components:,}"),
        ("writers", f"{found.writers:,}"),
        ("oldest run", words.second(found.oldest_us)),
        ("newest run", words.second(found.newest_us)),
    ]


@db.command("check")
@common
@click.pass_obj
def check(session: Session) -> None:
    """Check that the database is sound; exit with 1 if it is not."""
    try:
        problems = session.asking.check()
    except StoreUnavailableError as error:
        # A file that is too damaged to look into says to check it, which is done by now.
        hint = error.hint.replace("Check it with: bt db check. ", "")
        raise StoreUnavailableError(error.message, hint=hint) from error
    if session.json:
        session.show_json("check/1", problems=problems)
    elif problems:
        session.show("\n".join(f"x  {session.screen.clean(problem)}" for problem in problems))
    else:
        session.show("No faults found.")
    if problems:
        raise click.exceptions.Exit(WARNED)


@db.command("upgrade")
@common
@click.pass_obj
def upgrade(session: Session) -> None:
    """Bring the database to this version's schema."""
    before, after = session.existing.upgrade()
    if session.json:
        session.show_json("upgrade/1", before=before, after=after)
    elif before == after:
        session.show(f"The schema is {after}, the newest that this version knows.")
    else:
        session.show(f"The schema was {before} and is {after} now.")


db.add_command(copy)
db.add_command(prune)
