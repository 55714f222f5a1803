"""`bt trace`: the runs behind an output."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from . import naming
from .completion import complete_outputs
from .failures import INTERRUPTED, WARNED
from .moments import moment
from .progress import Progress
from .session import Session, common

if TYPE_CHECKING:
    from ..query.backtrace import Backtrace


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
    type=click.Choice(["run", "component", "stage"]),
    help="A line a run, a component, or a stage. Default: by component over 60 runs.",
)
@click.option(
    "--only",
    type=click.Choice(["warn"]),
    help="Only the runs that deserve a look. JSON always has all.",
)
@click.option(
    "--stage",
    metavar="NAME",
    help="Only the runs of this stage (a kind of component) or component.",
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
    only: str | None,
    stage: str | None,
    at: datetime | None,
    check: bool,
) -> None:
    """Show the runs behind the output ID, the nearest first.

    ID is an output id, the name or path of an artifact, a run id, a content digest, or the
    beginning of an id or digest (4 characters or more). @last is the newest output, @last-good
    the newest that only completed runs are behind.
    """
    asking = session.asking
    with Progress("Tracing") as progress:
        found = naming.ask(
            session,
            name,
            lambda known: asking.backtrace(known, at=at, watch=progress.watch),
        )
    session.answer = found
    if session.json:
        from ..render.json import backtrace_dict

        session.show_document(backtrace_dict(found))
    else:
        from ..render import text

        if stage is not None:
            from ..render.fold import require_stage

            require_stage(found.frames, stage)
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
                only=only,
                stage=stage,
                hints=_hints(session, found),
            )
        )
    if progress.interrupted and found.truncated:
        session.say("bt: interrupted: this is only a part of the trace, what was known so far")
        raise click.exceptions.Exit(INTERRUPTED)
    if check and any(frame.warnings for frame in found.frames):
        raise click.exceptions.Exit(WARNED)


def _hints(session: Session, found: Backtrace) -> dict[str, str]:
    """Say of gaps what some run wrote under nearly their name."""
    if not found.gaps:
        return {}
    from ..render.narrative import near_miss_sentences

    return near_miss_sentences(session.client.near_misses(found))
