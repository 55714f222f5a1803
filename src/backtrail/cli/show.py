"""`bt show`: one run whole."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from ..errors import NotFoundError
from . import naming
from .completion import complete_outputs
from .session import Session, common

if TYPE_CHECKING:
    from ..model.records import Run


@click.command("show")
@click.argument("name", metavar="RUN", shell_complete=complete_outputs)
@click.option(
    "--source",
    "with_source",
    is_flag=True,
    help="Print the code that ran; the line that failed is marked.",
)
@common
@click.pass_obj
def show(session: Session, *, name: str, with_source: bool) -> None:
    """Show a run: when, how it ended, code, parameters, inputs, outputs, notes.

    RUN is a run id or the beginning of one (4 characters or more), or anything that bt trace
    takes: then the run that wrote it last is shown.
    """
    run = _run(session, name)
    if session.json:
        from ..render.json import run_dict

        extra = {"source": session.asking.source_of(run)} if with_source else {}
        session.show_json("run/1", run=run_dict(run), **extra)
    elif with_source:
        _show_source(session, run)
    else:
        from ..render import detail

        session.show(detail.run(session.screen, run))


def _show_source(session: Session, run: Run) -> None:
    """Show what `list` of the shell shows, all of it."""
    from ..debugger.source import NoSourceError, read_listing
    from ..render.source import listing

    try:
        found = read_listing(session.asking, run, os.getcwd())
    except NoSourceError as error:
        session.say(f"bt: {error.message}")
    else:
        session.show(f"{session.screen.clean(found.title)}\n{listing(session.screen, found.lines)}")


def _run(session: Session, name: str) -> Run:
    """Find a run by its id, else the newest run that wrote what the name stands for."""

    def find(known: str) -> Run:
        try:
            return session.asking.get_run(known)
        except NotFoundError:
            pass
        writers = session.asking.who(known, limit=1)
        if not writers:
            raise NotFoundError(
                f"no recorded run wrote {known}; it was only read",
                hint="Was it written outside a registered component?",
            )
        session.say(f"bt: {known} was written by run {writers[0].run_id}")
        return writers[0]

    return naming.ask(session, name, find)
