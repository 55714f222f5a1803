"""`bt trace`: the runs behind an output."""

from __future__ import annotations

import contextlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from ..errors import AmbiguousIdError, NotFoundError
from ..render.words import quoted, second
from .completion import complete_outputs
from .failures import WARNED, NothingFoundError, command_near
from .moments import moment
from .session import Session, common

if TYPE_CHECKING:
    from ..query.backtrace import Backtrace

# As with run ids: fewer characters are more likely a slip than an abbreviation.
_SHORTEST_PREFIX = 4
_CANDIDATES = 5


def _not_zero(
    _context: click.Context, _parameter: click.Parameter, value: int | None
) -> int | None:
    if value == 0:
        raise click.BadParameter("0 shows nothing: -n 5 is the first five runs, -n -5 the last")
    return value


@click.command("trace")
@click.argument("name", metavar="ID", shell_complete=complete_outputs)
@click.option(
    "-n",
    "limit",
    type=int,
    metavar="N",
    callback=_not_zero,
    help="Only the first N runs; -n -5: the last five. JSON always has all.",
)
@click.option("--full", is_flag=True, help="Code, inputs, outputs, parameters below each run.")
@click.option(
    "--by",
    type=click.Choice(["run", "component"]),
    help="A line a run, or a line a component. Default: by component over 60 runs.",
)
@click.option(
    "--at",
    type=moment,
    metavar="TIME",
    help="As written at or before this time (2026-07-25T02:07Z).",
)
@click.option("--check", is_flag=True, help="Exit with 1 if a run has a warning.")
@common
@click.pass_obj
def trace(
    session: Session,
    *,
    name: str,
    limit: int | None,
    full: bool,
    by: str | None,
    at: datetime | None,
    check: bool,
) -> None:
    """Show the runs behind the output ID, the nearest first.

    ID is an output id or the beginning of one, the name or path of an artifact,
    a run id, or @last.
    """
    found = _backtrace(session, name, at)
    if session.json:
        from ..render.json import backtrace_dict

        document = backtrace_dict(found)
        session.show_json(str(document.pop("schema")).partition(".")[2], **document)
    else:
        from ..render import text

        screen = session.screen
        session.show(
            text.backtrace(
                found,
                width=screen.width or 0,
                color=screen.color,
                ascii=screen.ascii,
                limit=limit,
                wide=session.wide,
                full=full,
                now=datetime.now(timezone.utc),
                by=by,
            )
        )
    if check and any(frame.warnings for frame in found.frames):
        raise click.exceptions.Exit(WARNED)


def _backtrace(session: Session, name: str, at: datetime | None) -> Backtrace:
    """Ask for the backtrace, also by the beginning of an output id."""
    name = session.real_name(name)
    try:
        return session.asking.backtrace(name, at=at)
    except NotFoundError as error:
        whole = _output_beginning_with(session, name)
        if whole is None:
            raise _explained(session, name, error) from error
    session.say(f"bt: {name} is short for {whole}")
    return session.asking.backtrace(whole, at=at)


def _output_beginning_with(session: Session, prefix: str) -> str | None:
    if len(prefix) < _SHORTEST_PREFIX:
        return None
    found = session.asking.complete(prefix, limit=_CANDIDATES + 1)
    if prefix in found or not found:
        return None
    if len(found) == 1:
        return found[0]
    many = f"{len(found)}" if len(found) <= _CANDIDATES else f"more than {_CANDIDATES}"
    raise AmbiguousIdError(
        f"{prefix!r} is the beginning of {many} output ids",
        candidates=found[:_CANDIDATES],
        hint="Type more of it.",
    )


def _explained(session: Session, name: str, error: NotFoundError) -> NotFoundError:
    """Add what helps at a prompt: how to begin, a mistyped command, who wrote close matches."""
    if session.is_empty():
        return session.nothing_recorded()
    near = command_near(click.get_current_context())
    if near:
        return NothingFoundError(error, hint=f"Did you mean the command: bt {near}")
    if not error.closest:
        return error
    return NothingFoundError(
        error, hint=f"Search by text: bt find {quoted(name)}", lines=_described(session, error)
    )


def _described(session: Session, error: NotFoundError) -> list[str]:
    """Give each close match with the component that wrote it last, and when."""
    lines = []
    longest = max(len(name) for name in error.closest)
    for name in error.closest:
        # A name that was only ever read has no writer.
        with contextlib.suppress(NotFoundError, IndexError):
            run = session.asking.who(name)[0]
            name = f"{name:{longest}}  {run.component}  {second(run.started_us)}"
        lines.append(name)
    return lines
