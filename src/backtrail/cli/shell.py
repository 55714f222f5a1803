"""`bt shell`: walk through a backtrace."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..render.screen import Screen, first_lines, safe
from . import naming, terminal
from .completion import complete_outputs
from .failures import report
from .moments import moment
from .progress import Progress
from .session import Session, common

if TYPE_CHECKING:
    from ..debugger.preferences import Preferences
    from ..debugger.session import Debugging


@click.command("shell")
@click.argument("name", metavar="[ID]", default="@last", shell_complete=complete_outputs)
@click.option(
    "--at",
    type=moment,
    metavar="TIME",
    help="As written at or before this time (2026-07-25T02:07Z).",
)
@common
@click.pass_obj
def shell(session: Session, *, name: str, at: datetime | None) -> None:
    """Walk through the runs behind ID: frame by frame, to their code, values and files.

    ID is what bt trace takes; the newest output, if it is left out. Nothing is run again. help
    lists the commands. Commands can be piped in, a line each.
    """
    if session.json or session.jsonl:
        raise click.UsageError("bt shell is for people; for a program: bt trace ID --json")
    asking = session.asking
    with Progress("Tracing") as progress:
        trace = naming.ask(
            session, name, lambda known: asking.backtrace(known, at=at, watch=progress.watch)
        )
    if trace.truncated:
        session.say("bt: interrupted: this is only a part of the trace, what was known so far")
    from ..debugger import preferences, shell
    from ..debugger.session import Debugging
    from .program import VERBS

    file = preferences.preferences_file(os.environ)
    debugging = Debugging(
        asking,
        trace,
        preferences.load(file),
        file,
        lambda wanted: _screen(session, wanted),
        VERBS,
        os.getcwd(),
    )
    shell.run(debugging, _Terminal(session, debugging), shell.reader_for(debugging, _history()))


def _screen(session: Session, wanted: Preferences) -> Screen:
    """Describe the screen: what the command line says goes before what is set."""
    color = session.color if session.color != "auto" else wanted.color
    seen = terminal.screen(color=color, wide=session.wide)
    width = seen.width if session.wide or not wanted.width else wanted.width
    return Screen(width, seen.color, seen.ascii)


def _history() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(state, "backtrail", "shell-history")


@dataclass(frozen=True, slots=True)
class _Terminal:
    """Prints what a session of the shell answers, and runs the commands that `bt` has."""

    session: Session
    debugging: Debugging

    def write(self, text: str) -> None:
        terminal.write(first_lines(text, self.debugging.preferences.limit))
        terminal.flush()

    def say(self, text: str) -> None:
        terminal.flush()
        self.session.say(safe(text))

    def report(self, error: Exception) -> None:
        report(error, sys.argv[1:])

    def run(self, verb: tuple[str, ...]) -> None:
        from .program import run

        inner = self.session.within(self.debugging.screen, self.debugging.preferences.limit)
        try:
            run(list(verb), inner)
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - told as `bt` tells it; the session goes on
            terminal.flush()
            report(error, verb)
