"""`bt who`, `bt history`, `bt recent`: runs as lists."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from . import naming, terminal
from .completion import complete_components, complete_outputs
from .moments import moment
from .session import Session, common, listed

if TYPE_CHECKING:
    from ..model.records import Run

Before = str | datetime | None

# How many runs --jsonl has in memory at once.
_PAGE = 500
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
@click.argument("name", metavar="PATH_OR_NAME", type=click.Path(), shell_complete=complete_outputs)
@_limit
@listed
@common
@click.pass_obj
def who(session: Session, *, name: str, limit: int) -> None:
    """List the runs that wrote a name, or a file's content wherever it lies now."""
    found = naming.ask(session, name, lambda known: session.asking.who(known, limit=limit))
    _list(session, found, nothing=f"no recorded run wrote {name}; it was only read")
    _say_more(session, found, limit, f"bt who {shlex.quote(name)} -n {2 * limit}")


@click.command("history")
@click.argument("component", shell_complete=complete_components)
@_limit
@click.option("--since", type=moment, metavar="TIME", help="Started at this time or later.")
@click.option("--until", type=moment, metavar="TIME", help="Started before this time.")
@listed
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

    def page(size: int, before: Before) -> list[Run]:
        return session.asking.history(component, limit=size, since=since, until=before)

    found = _paged(session, page, limit, until)
    _list(session, found, nothing=f"no run of {component} in that time")
    _say_more(session, found, limit, f"bt history {shlex.quote(component)} -n {2 * limit}")


@click.command("recent")
@_limit
@click.option(
    "--before",
    type=_run_or_moment,
    metavar="RUN|TIME",
    help="Only runs older than this one, or this time.",
)
@listed
@common
@click.pass_obj
def recent(session: Session, *, limit: int, before: str | datetime | None) -> None:
    """List the newest runs."""
    if session.is_empty():
        _list(session, [])
        session.say_empty()
        return

    def page(size: int, before: Before) -> list[Run]:
        return session.asking.recent(limit=size, before=before)

    found = _paged(session, page, limit, before)
    _list(session, found, nothing="no older run")
    if found:
        _say_more(session, found, limit, f"bt recent --before {found[-1].run_id}")


def _paged(
    session: Session, page: Callable[[int, Before], list[Run]], limit: int, before: Before
) -> list[Run]:
    """Give so many runs; under --jsonl print them a page at a time, and give none."""
    if not session.jsonl:
        return page(limit, before)
    from ..render.json import run_dict

    while limit > 0:
        found = page(min(limit, _PAGE), before)
        session.show_list("runs/1", "runs", map(run_dict, found))
        if len(found) < _PAGE:
            break
        limit -= len(found)
        before = found[-1].run_id
    return []


def _list(session: Session, found: Sequence[Run], *, nothing: str = "") -> None:
    from ..render.json import run_dict

    if session.show_list("runs/1", "runs", map(run_dict, found)):
        return
    if found:
        from ..render import listing

        session.show(listing.runs(session.screen, found, now=datetime.now(timezone.utc)))
    elif nothing:
        session.say(f"bt: {nothing}")


def _say_more(session: Session, found: Sequence[Run], limit: int, command: str) -> None:
    """Say how to see older runs, where a person may want to and there may be some."""
    if len(found) == limit and terminal.is_watched() and sys.stderr.isatty():
        session.say(f"Older ones: {command}")
