"""Errors -> what is said on stderr, and the exit code.

Every `bt` loads this module, and few need to report: what only a report needs is
imported there.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import click

from ..errors import (
    AmbiguousIdError,
    BacktrailError,
    ConfigurationError,
    CycleError,
    NotFoundError,
    StoreUnavailableError,
    names_near,
)
from ..render.screen import safe

WARNED = 1
WRONG_USE = 2
UNKNOWN_NAME = 3
STORE_AWAY = 4
OUR_BUG = 70
CANNOT_PRINT = 74
INTERRUPTED = 130

_CODES: tuple[tuple[type[BacktrailError], int], ...] = (
    (NotFoundError, UNKNOWN_NAME),
    (AmbiguousIdError, UNKNOWN_NAME),
    (StoreUnavailableError, STORE_AWAY),
    (ConfigurationError, WRONG_USE),
    (CycleError, WRONG_USE),
)
_CLOSEST_SHOWN = 5
# What a person typed as the first word, where it was taken for an id.
FIRST_WORD = "backtrail.first_word"


class NothingFoundError(NotFoundError):
    """A name is not known; ``lines`` tell more of the closest ones than their names."""

    def __init__(self, cause: NotFoundError, *, hint: str, lines: Sequence[str] = ()) -> None:
        super().__init__(cause.message, closest=cause.closest, hint=hint)
        self.lines = list(lines)


class SeveralFoundError(AmbiguousIdError):
    """A name is short for several; ``lines`` tell more of them than their names."""

    def __init__(self, cause: AmbiguousIdError, *, lines: Sequence[str]) -> None:
        super().__init__(cause.message, candidates=cause.candidates, hint=cause.hint)
        self.lines = list(lines)


class PrintError(Exception):
    """Standard output cannot be written to, for another reason than a closed pipe."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is told about an error."""

    code: int
    type: str
    message: str
    hint: str = ""
    closest: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def report(error: Exception, arguments: Sequence[str]) -> int:
    """Say on stderr what went wrong and what to do next; give the exit code."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--debug" in options:
        import traceback

        traceback.print_exception(error)
    failure = _failure_of(error)
    _print(_as_json(failure) if {"--json", "--jsonl"} & set(options) else _as_text(failure))
    return failure.code


def told(error: Exception) -> str:
    """Give in words what is known of an error, and what to do next."""
    return _as_text(_failure_of(error))


def _print(text: str) -> None:
    if sys.stderr is None:
        return
    # Where nobody listens there either, the exit code still speaks.
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _failure_of(error: Exception) -> Failure:
    kind = type(error).__name__
    if isinstance(error, BacktrailError):
        code = next((code for known, code in _CODES if isinstance(error, known)), OUR_BUG)
        if isinstance(error, (NothingFoundError, SeveralFoundError)):
            kind = type(error).__mro__[1].__name__
        near = names_near(error)
        lines = getattr(error, "lines", near)
        return Failure(code, kind, error.message, error.hint, near, lines)
    if isinstance(error, click.exceptions.Abort):
        return Failure(INTERRUPTED, kind, "interrupted")
    if isinstance(error, click.ClickException):
        return Failure(WRONG_USE, kind, _wrong_use(error), _usage_hint(error))
    if isinstance(error, PrintError):
        return Failure(CANNOT_PRINT, kind, f"cannot write to standard output: {error}")
    return Failure(OUR_BUG, kind, f"a fault in backtrail: {kind}: {error}", _bug_hint(error))


def _wrong_use(error: click.ClickException) -> str:
    """Say what is wrong in one line: click sets choices out in several, or gives a whole help."""
    command = error.ctx.command if isinstance(error, click.UsageError) and error.ctx else None
    # click has it since 8.2; before, it printed the help and left.
    is_bare = isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ()))
    if is_bare and isinstance(command, click.Group):
        return f"{command.name} needs a command: {', '.join(command.commands)}"
    return " ".join(error.format_message().split())


def _usage_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    if context is None:
        return "How to use it: bt --help"
    near = command_near(context)
    return f"Did you mean: bt {near}" if near else f"How to use it: {context.command_path} --help"


def command_near(context: click.Context) -> str | None:
    """Give the command that a mistyped first word resembles, if one does."""
    program = context.find_root().command
    word = context.meta.get(FIRST_WORD)
    if not word or not isinstance(program, click.Group):
        return None
    import difflib

    near = difflib.get_close_matches(word, program.list_commands(context), n=1, cutoff=0.7)
    return near[0] if near else None


def _bug_hint(error: Exception) -> str:
    log = _log_path()
    try:
        _append_privately(log, error)
    except OSError as problem:
        return f"See the traceback with --debug (no log: {log}: {problem.strerror})."
    return f"The traceback is in {log}; --debug prints it."


def _log_path() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(state, "backtrail", "bt-errors.log")


def _append_privately(log: Path, error: Exception) -> None:
    import traceback

    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Messages of errors can hold values of the user's: nobody else may read them.
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with open(handle, "a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"--- {datetime.now(timezone.utc).isoformat()} python {sys.version}\n")
        file.writelines(traceback.format_exception(error))


def _as_text(failure: Failure) -> str:
    lines = [f"bt: {safe(failure.message)}"]
    label = "It could be:  " if failure.type == "AmbiguousIdError" else "Close matches:  "
    for place, line in enumerate(failure.lines[:_CLOSEST_SHOWN]):
        lines.append((label if place == 0 else " " * len(label)) + safe(line))
    # Said in the lines above already; in Python it is all that is said of them.
    if failure.hint and not failure.hint.startswith("Close matches:"):
        lines.append(safe(failure.hint))
    return "\n".join(lines)


def _as_json(failure: Failure) -> str:
    import json

    return json.dumps(
        {
            "error": {
                "code": failure.code,
                "type": failure.type,
                "message": failure.message,
                "hint": failure.hint,
                "closest": failure.closest,
            }
        }
    )
