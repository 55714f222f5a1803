"""Standard output: what it can show, colour, width, pager, and writing to it."""

from __future__ import annotations

import codecs
import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Mapping

from ..render.screen import Screen
from .failures import PrintError

_WIDEST = 100
_NARROWEST = 40


def is_watched() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def shows_progress() -> bool:
    """Whether a line on standard error would be seen, and can be taken back."""
    return (
        sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    )


def screen(*, color: str = "auto", wide: bool = False) -> Screen:
    """Describe standard output for the renderers."""
    return Screen(
        width=None if wide else _width(os.environ),
        color=_has_color(color, os.environ),
        ascii=not _shows_utf8(os.environ),
    )


def _width(environ: Mapping[str, str]) -> int:
    try:
        columns = int(environ.get("COLUMNS", ""))
    except ValueError:
        columns = 0
    if columns <= 0:
        columns = os.get_terminal_size(1).columns if is_watched() else _WIDEST
    return max(min(columns or _WIDEST, _WIDEST), _NARROWEST)


def _has_color(choice: str, environ: Mapping[str, str]) -> bool:
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return is_watched() and environ.get("TERM") != "dumb"


def _shows_utf8(environ: Mapping[str, str]) -> bool:
    """Whether output is UTF-8 by its encoding and by the user's locale.

    The encoding alone does not tell: Python takes UTF-8 also where the locale
    is C (PEP 538 and 540), and there it sets LC_CTYPE to C.UTF-8 by itself.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    try:
        if codecs.lookup(encoding).name != "utf-8":
            return False
    except LookupError:
        return False
    if environ.get("PYTHONIOENCODING") or environ.get("PYTHONUTF8") == "1":
        return True
    if not environ.get("LC_ALL") and environ.get("LC_CTYPE") == "C.UTF-8":
        return environ.get("LANG") not in ("C", "POSIX")
    names = (environ.get(name) for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    locale = next((name for name in names if name), "")
    return not locale or "utf8" in locale.lower().replace("-", "")


def write(text: str) -> None:
    """Write text and a newline to standard output.

    Raises:
        PrintError: when that fails for another reason than a closed pipe.
    """
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text + "\n")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise PrintError(error.strerror) from error


def flush() -> None:
    """Write out what is buffered; the errors are those of `write`."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is left in the buffer would fail once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise PrintError(error.strerror) from error


def show(text: str, *, pager: bool = True) -> None:
    """Write text, through a pager if a person looks and it is longer than a screen."""
    command = _pager(os.environ) if pager and _needs_pager(text) else []
    if not command or not _paged(command, text):
        write(text)


def _needs_pager(text: str) -> bool:
    if not is_watched() or sys.stdin is None or not sys.stdin.isatty():
        return False
    if os.environ.get("TERM") == "dumb":
        return False
    return text.count("\n") + 2 > shutil.get_terminal_size().lines


def _pager(environ: Mapping[str, str]) -> list[str]:
    """Give the pager's command: $PAGER, else ``less -FRX``; none where it is not there."""
    try:
        command = shlex.split(environ.get("PAGER", "less -FRX"))
    except ValueError:
        return []
    return command if command and shutil.which(command[0]) else []


def _paged(command: list[str], text: str) -> bool:
    import signal
    import subprocess

    # A bare `less` shows escape sequences as text, unless told otherwise.
    environ = {"LESS": "FRX", **os.environ}
    flush()
    # Ctrl-C belongs to the pager as long as it runs.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # A reader who has seen enough leaves before the end.
        with (
            contextlib.suppress(BrokenPipeError),
            subprocess.Popen(command, stdin=subprocess.PIPE, env=environ) as process,
        ):
            process.communicate((text + "\n").encode("utf-8", "backslashreplace"))
    except OSError:
        return False
    finally:
        signal.signal(signal.SIGINT, before)
    return True
