"""The command line: `main` runs one command and maps what happens to an exit code."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]

_INTERRUPTED = 130
# A trace is many small objects that all stay: looking for cycles among them every 700 new ones,
# as Python does, takes a quarter of the time of a long answer and finds nothing.
_NEW_OBJECTS_BETWEEN_LOOKS = 50_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run `bt` with these arguments, or the process's own; give its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _occupy_standard_streams()
    gc.set_threshold(_NEW_OBJECTS_BETWEEN_LOOKS, *gc.get_threshold()[1:])
    try:
        return _exit_code(arguments)
    except BrokenPipeError:
        # `bt X | head` got what it wanted. Nothing more can be said there, also
        # not by the interpreter when it flushes the stream at its end.
        _silence_stdout()
        return 0
    except KeyboardInterrupt:
        if sys.stderr is not None:
            print("bt: interrupted", file=sys.stderr)
        return _INTERRUPTED


def _exit_code(arguments: list[str]) -> int:
    # Imported here so that Ctrl-C during the imports ends as quietly as later.
    from .failures import report
    from .program import run

    try:
        return run(arguments)
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - the outermost place: it becomes an exit code
        return report(error, arguments)


def _occupy_standard_streams() -> None:
    """Open what the caller closed: else the database becomes file number 1 and is printed to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _silence_stdout() -> None:
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
