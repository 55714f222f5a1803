"""`bt impact`: what is built on a run, an artifact, or the runs of some code or time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from ..render.screen import safe
from . import naming, terminal
from .completion import complete_components, complete_outputs
from .failures import INTERRUPTED
from .moments import moment
from .progress import Progress
from .session import Session, common, listed

if TYPE_CHECKING:
    from ..query.impact import Impact

# How many runs are shown, or printed by --runs, at once.
_PAGE = 500


@click.command("impact")
@click.argument("name", metavar="[WHAT]", required=False, shell_complete=complete_outputs)
@click.option(
    "--version",
    metavar="V",
    help="Only this version of the artifact; with --component, a commit or a source digest.",
)
@click.option(
    "--component",
    metavar="NAME",
    shell_complete=complete_components,
    help="The runs of this component.",
)
@click.option("--commit", metavar="HASH", help="The runs at this commit.")
@click.option("--since", type=moment, metavar="TIME", help="Runs that started then or later.")
@click.option("--until", type=moment, metavar="TIME", help="Runs that started before.")
@click.option("--outputs", is_flag=True, help="List the output ids, one a line.")
@click.option("--runs", "with_runs", is_flag=True, help="List every run, the nearest first.")
@click.option(
    "--path-to",
    "target",
    metavar="ID",
    shell_complete=complete_outputs,
    help="Show how an output id or a run comes to be affected, with the evidence.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after N runs: a part.")
@listed
@common
@click.pass_obj
def impact(
    session: Session,
    *,
    name: str | None,
    version: str | None,
    component: str | None,
    commit: str | None,
    since: datetime | None,
    until: datetime | None,
    outputs: bool,
    with_runs: bool,
    target: str | None,
    limit: int | None,
) -> None:
    """Show what was built on WHAT: the runs and output ids downstream of it.

    WHAT is a run id, the name or path of an artifact (in every version, or in one), an output
    id, or a content digest. Or leave it out and choose runs by component, commit and time.
    """
    if outputs + with_runs + (target is not None) > 1:
        raise click.UsageError("give one of --outputs, --runs and --path-to")
    asking = session.asking
    with Progress("Following") as progress:

        def ask(known: str | None) -> Impact:
            return asking.impact(
                known,
                version=version,
                component=component,
                commit=commit,
                since=since,
                until=until,
                limit=limit,
                watch=progress.watch,
            )

        if name is None:
            found = ask(None)
        elif version is not None:
            # A version that is not known must not be taken for a name that is not.
            found = ask(naming.exact(session, name))
        else:
            found = naming.ask(session, name, ask)
    if target is not None:
        _show_path(session, found, target)
    elif outputs:
        _list_outputs(session, found)
    elif with_runs:
        _list_runs(session, found)
    else:
        _show(session, found, name)
    if found.truncated:
        _say_cut(session, interrupted=progress.interrupted)


def _say_cut(session: Session, *, interrupted: bool) -> None:
    if interrupted:
        session.say("bt: interrupted: this is only a part, what was known so far")
        raise click.exceptions.Exit(INTERRUPTED)
    session.say("bt: --limit cut this: more lies downstream")


def _show(session: Session, found: Impact, asked: str | None) -> None:
    if session.json or session.jsonl:
        session.show_document(found.to_dict())
        return
    from ..render import impact as render

    session.answer = found
    screen = session.screen
    session.show(
        render.impact(
            found,
            width=screen.width or 0,
            color=screen.color,
            ascii=screen.ascii,
            wide=session.wide,
            asked=asked,
        )
    )


def _show_path(session: Session, found: Impact, target: str) -> None:
    steps = naming.ask(session, target, found.path_to)
    if session.json or session.jsonl:
        from ..render.json import step_dict

        session.show_json("impact_path/1", target=target, steps=[step_dict(s) for s in steps])
        return
    from ..render import impact as render

    session.show(render.path(session.screen, found, steps, target))


def _list_outputs(session: Session, found: Impact) -> None:
    if session.json or session.jsonl:
        from ..render.json import affected_output_dict

        _stream(session, "impact_outputs/1", "outputs", map(affected_output_dict, found.outputs))
        return
    for name in found.output_ids:
        terminal.write(safe(name))
    if not found.outputs_total:
        session.say("bt: no output id is affected")


def _list_runs(session: Session, found: Impact) -> None:
    if session.json or session.jsonl:
        from ..render.json import affected_run_dict

        each = (affected_run_dict(run, found.depth_of(n)) for n, run in enumerate(found.runs))
        _stream(session, "impact_runs/1", "runs", each)
        return
    from ..render import listing

    now = datetime.now(timezone.utc)
    for start in range(0, len(found.runs), _PAGE):
        terminal.write(listing.runs(session.screen, found.runs[start : start + _PAGE], now=now))
    if not found.runs:
        session.say("bt: no run is downstream of it")


def _stream(session: Session, schema: str, key: str, entries: Iterable[dict[str, Any]]) -> None:
    """Print a list for a program, an entry a line: there may be millions."""
    from ..render.json import dumps

    if session.jsonl:
        for entry in entries:
            terminal.write(dumps(entry))
        return
    between = f'{{"schema": "backtrail.{schema}", "{key}": ['
    for entry in entries:
        terminal.write(between + dumps(entry))
        between = ", "
    terminal.write("]}" if between == ", " else between + "]}")
