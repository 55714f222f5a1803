"""`bt diff`: where two outputs part."""

from __future__ import annotations

import click

from . import naming
from .completion import complete_outputs
from .failures import INTERRUPTED, WARNED
from .progress import Progress
from .session import Session, common


@click.command("diff")
@click.argument("a", metavar="A", shell_complete=complete_outputs)
@click.argument("b", metavar="B", shell_complete=complete_outputs)
@click.option("--full", is_flag=True, help="A row for every run, and all that differs.")
@common
@click.pass_obj
def diff(session: Session, *, a: str, b: str, full: bool) -> None:
    """Compare the backtraces of A and B: the first run that differs by itself.

    A and B are what bt trace takes: output ids, names, paths, run ids, @last, @last-good. Put
    the one that was right first. Exits with 1 if they differ, with 0 if not.
    """
    asking = session.asking
    first, second = (_known(session, name) for name in (a, b))
    with Progress("Comparing") as progress:
        found = asking.diff(first, second, watch=progress.watch)
    session.answer = found
    if session.json:
        session.show_document(found.to_dict())
    else:
        from ..render import diff as text

        screen = session.screen
        session.show(
            text.backtrace_diff(
                found,
                width=screen.width or 0,
                color=screen.color,
                ascii=screen.ascii,
                wide=session.wide,
                full=full,
            )
        )
    if progress.interrupted and found.truncated:
        session.say("bt: interrupted: only a part of the backtraces was compared")
        raise click.exceptions.Exit(INTERRUPTED)
    if not found.is_same:
        raise click.exceptions.Exit(WARNED)


def _known(session: Session, name: str) -> str:
    """Give the name that something recorded answers to: each is explained by itself."""

    def answered(known: str) -> str:
        session.asking.backtrace(known, limit=1)
        return known

    return naming.ask(session, name, answered)
