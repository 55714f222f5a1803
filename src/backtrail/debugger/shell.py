"""The prompt of `bt shell`: reads lines with history and completion, and prints what answers.

Where there is no terminal to edit a line in, lines are read as they come.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..errors import BacktrailError
from ..render import words
from . import commands
from .completion import candidates
from .session import Debugging, Leave, Verb

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import History


class Terminal(Protocol):
    """What the session needs of the program around it."""

    def write(self, text: str) -> None:
        """Print an answer."""

    def say(self, text: str) -> None:
        """Tell something beside the answers."""

    def run(self, verb: tuple[str, ...]) -> None:
        """Run a command of `bt`; its errors are told."""

    def report(self, error: Exception) -> None:
        """Tell of a fault of ours."""


class Reader(Protocol):
    """Where lines come from; ``is_interactive`` says whether a person types them."""

    is_interactive: bool

    def line(self, prompt: str) -> str:
        """Give the next line; raises EOFError after the last."""

    def ask(self, question: str) -> str:
        """Give the answer to a question."""


def run(session: Debugging, terminal: Terminal, reader: Reader) -> None:
    """Answer lines until the last."""
    terminal.write(session.greeting())
    repeated = ""
    while True:
        try:
            line = reader.line(f"(bt {session.cursor.n}) ").strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            if not reader.is_interactive:
                raise
            continue
        if not line and reader.is_interactive:
            line = repeated
        if not line or line.startswith("# "):
            continue
        repeated = commands.again(session, line)
        try:
            if not _answer(session, terminal, reader, line):
                return
        except KeyboardInterrupt:
            if not reader.is_interactive:
                raise
            terminal.say("interrupted")


def _answer(session: Debugging, terminal: Terminal, reader: Reader, line: str) -> bool:
    """Carry a line out and print what comes of it; give whether the session goes on."""
    try:
        with words.times_shown(session.preferences.time, session.now()):
            answer = commands.carry_out(session, line)
            if isinstance(answer, Verb):
                _run(session, terminal, reader, answer)
            elif isinstance(answer, Leave):
                return False
            elif answer:
                terminal.write(answer)
    except BacktrailError as error:
        terminal.say(str(error))
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - one command that fails must not end the session
        terminal.report(error)
    return True


def _run(session: Debugging, terminal: Terminal, reader: Reader, verb: Verb) -> None:
    asks = verb.question and reader.is_interactive and session.preferences.confirm == "on"
    if asks and not _agrees(reader, verb.question):
        terminal.say("Nothing was changed.")
        return
    terminal.run(verb.words)
    if verb.changes:
        session.reload()


def _agrees(reader: Reader, question: str) -> bool:
    try:
        return reader.ask(f"{question} [y/N] ").strip().lower().startswith("y")
    except EOFError:
        # Ctrl-D at a question says no; at the prompt it leaves.
        return False


def reader_for(session: Debugging, history_file: Path) -> Reader:
    """Give what this process can read lines with."""
    has_terminal = _is_terminal(sys.stdin) and _is_terminal(sys.stdout)
    if has_terminal and os.environ.get("TERM", "dumb") != "dumb":
        return EditedLines(session, history_file)
    return PlainLines()


def _is_terminal(stream: object) -> bool:
    return stream is not None and getattr(stream, "isatty", lambda: False)()


class PlainLines:
    """Lines of standard input, with a prompt only where a person sits at it."""

    def __init__(self) -> None:
        self.is_interactive = _is_terminal(sys.stdin)

    def line(self, prompt: str) -> str:
        """Give the next line."""
        if self.is_interactive:
            return self.ask(prompt)
        line = "" if sys.stdin is None else sys.stdin.readline()
        if not line:
            raise EOFError
        return line

    def ask(self, question: str) -> str:
        """Print a question and give the line that answers it."""
        try:
            return input(question)
        except (EOFError, KeyboardInterrupt):
            print(file=sys.stdout)  # noqa: T201 - the shell's own prompt stands there
            raise


class EditedLines:
    """Lines that are edited in a terminal: with history, Ctrl-R and Tab."""

    is_interactive = True

    def __init__(self, session: Debugging, history_file: Path) -> None:
        self._prompt: PromptSession[str] = prompt_session(session, history_file)

    def line(self, prompt: str) -> str:
        """Give the next line."""
        return self._prompt.prompt(prompt)

    def ask(self, question: str) -> str:
        """Give the answer to a question; it is no command, so history does not keep it."""
        from prompt_toolkit import prompt

        return prompt(question)


def prompt_session(session: Debugging, history_file: Path) -> PromptSession[str]:
    """Make the prompt."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.completion.base import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.shortcuts import CompleteStyle

    class Words(Completer):
        def get_completions(
            self, document: Document, complete_event: CompleteEvent
        ) -> Iterable[Completion]:
            offered, typed = candidates(session, document.text_before_cursor)
            # The only one is what is meant: the next word can be typed at once.
            end = " " if len(offered) == 1 else ""
            return [Completion(each + end, start_position=-len(typed)) for each in offered]

    return PromptSession(
        history=_history(history_file),
        completer=Words(),
        complete_while_typing=False,
        # Columns below the line, as a shell shows them: no room is kept free for a menu.
        complete_style=CompleteStyle.READLINE_LIKE,
        reserve_space_for_menu=0,
    )


def _history(file: Path) -> History:
    """Give the history, in a file that only its owner can read; in memory where it cannot be."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # It may be there from before, with the rights that someone gave it.
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)
    except OSError:
        return InMemoryHistory()

    class Kept(FileHistory):
        def store_string(self, string: str) -> None:
            # A full disk must not end the session.
            with contextlib.suppress(OSError):
                super().store_string(string)

    return Kept(str(file))
