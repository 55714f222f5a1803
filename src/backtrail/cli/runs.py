"""`bt who`, `bt history`, `bt recent`: runs as lists."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from . import naming, terminal
from .completion import complete_components
from .moments import moment
from .session import Session, common

if TYPE_CHECKING:
    from ..model.records import Run

_LOOKS_LIKE_A_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _run_or_moment(text: str) -> str | datetime:
    """Tell a moment from a run id; an id of ours cannot begin like a date."""
    if not _LOOKS_LIKE_A_DATE.match(text):
        return text
    return moment(text)


_limit = click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    default=20,
    show_default=True,
    help="At most so many.",
)


@click.command("who")
@click.argument("name", metavar="PATH_OR_NAME", type=click.Path())
@common
@click.pass_obj
def who(session: Session, *, name: str) -> None:
    """List the runs that wrote a name, or a file's content wherever it lies now."""
    found = naming.ask(session, name, session.asking.who)
    _list(session, found, nothing=f"no recorded run wrote {name}; it was only read")


@click.command("history")
@click.argument("component", shell_complete=complete_components)
@_limit
@click.option("--since", type=moment, metavar="TIME", help="Started at this time or later.")
@click.option("--until", type=moment, metavar="TIME", help="Started before this time.")
@common
@click.pass_obj
def history(
    session: Session,
    *,
    component: str,
    limit: int,
    since: datetime | None,
    until: datetime | None,
) -> None:
    """List the runs of a component, newest first."""
    found = session.asking.history(component, limit=limit, since=since, until=until)
    _list(session, found, nothing=f"no run of {component} in that time")


@click.command("recent")
@_limit
@click.option(
    "--before",
    type=_run_or_moment,
    metavar="RUN|TIME",
    help="Only runs older than this one, or this time.",
)
@common
@click.pass_obj
def recent(session: Session, *, limit: int, before: str | datetime | None) -> None:
    """List the newest runs."""
    if session.is_empty():
        _list(session, [])
        session.say_empty()
        return
    found = session.asking.recent(limit=limit, before=before)
    _list(session, found, nothing="no older run")
    if len(found) == limit and terminal.is_watched() and sys.stderr.isatty():
        session.say(f"Older ones: bt recent --before {found[-1].run_id}")


def _list(session: Session, found: Sequence[Run], *, nothing: str = "") -> None:
    if session.json:
        from ..render.json import run_dict

        session.show_json("runs/1", runs=[run_dict(run) for run in found])
    elif found:
        from ..render import listing

        session.show(listing.runs(session.screen, found, now=datetime.now(timezone.utc)))
    elif nothing:
        session.say(f"bt: {nothing}")
