"""`bt stale`: would an output differ, or is it too old, if it were made again now; and why."""

from __future__ import annotations

import click

from . import naming
from .completion import complete_outputs
from .failures import WARNED
from .progress import Progress
from .session import Session, common


@click.command("stale")
@click.argument("name", metavar="ID", shell_complete=complete_outputs)
@click.option(
    "--max-age",
    metavar="AGE",
    help="No run behind it may be older (30d, 12h), beside its component's own limit.",
)
@click.option(
    "--files", is_flag=True, help="Look at the files that no run wrote, as they are here now."
)
@click.option("--strict", is_flag=True, help="Exit with 1 unless it is known to be fresh.")
@common
@click.pass_obj
def stale(session: Session, *, name: str, max_age: str | None, files: bool, strict: bool) -> None:
    """Tell whether the output ID is stale, why, and what to make again; or prove it fresh.

    Exits with 0 if it is fresh or nothing speaks against it, with 1 if it is stale.
    """
    asking = session.asking
    with Progress("Comparing"):
        found = naming.ask(
            session, name, lambda known: asking.stale(known, max_age=max_age, files=files)
        )
    session.answer = found
    if session.json:
        session.show_document(found.to_dict())
    else:
        from ..render import staleness

        session.show(staleness.text(found, session.screen))
    if found.is_stale or (strict and found.verdict != "fresh"):
        raise click.exceptions.Exit(WARNED)
