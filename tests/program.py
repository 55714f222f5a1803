"""Run `bt` as a person or a script does, in an environment that says nothing unusual."""

from __future__ import annotations

import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path
from typing import Any

from command_line import refuse_variables_of_the_interpreter, run_here

import backtrail

Bt = Callable[..., "subprocess.CompletedProcess[str]"]
_SHED = frozenset(
    "NO_COLOR FORCE_COLOR COLUMNS PAGER LESS LC_ALL LC_CTYPE PYTHONUTF8 BACKTRAIL_URL".split()
)


def plain_environment() -> dict[str, str]:
    """Give this process's environment, with UTF-8, a terminal, and no settings about output."""
    kept = {name: value for name, value in os.environ.items() if name not in _SHED}
    kept["PYTHONPATH"] = os.path.dirname(os.path.dirname(backtrail.__file__))
    return {**kept, "LANG": "C.UTF-8", "TERM": "xterm"}


def bt_on(url: str, folder: Path) -> Bt:
    """Return a function that runs `bt` in a folder, on a store, inside this process.

    ``env`` adds to the environment, ``typed`` is what `bt` reads from standard input.
    """

    def run(
        *args: str, env: dict[str, str] | None = None, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        refuse_variables_of_the_interpreter(env or {})
        return run_here([*args], _environment_on(url, env), folder, typed=typed)

    return run


def bt_process_on(url: str, folder: Path) -> Bt:
    """Return a function that runs `bt` like that of `bt_on`, but as a process of its own.

    For what only a process shows; what else it is called with goes to `subprocess.run`.
    """

    def run(
        *args: str, env: dict[str, str] | None = None, typed: str = "", **how: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "backtrail", *args],
            env=_environment_on(url, env),
            cwd=folder,
            encoding="utf-8",
            check=False,
            timeout=60,
            **{"input": typed, "capture_output": True, **how},
        )

    return run


def _environment_on(url: str, more: dict[str, str] | None) -> dict[str, str]:
    return {**plain_environment(), "BACKTRAIL_URL": url, **(more or {})}


def in_terminal(
    url: str, *args: str, rows: int = 10, keys: dict[str, str] | None = None, **env: str
) -> tuple[str, int]:
    """Run `bt` in a terminal of so many rows; give what the terminal got, and the exit code.

    ``keys`` are typed, each as soon as the text that it is listed under was shown.
    """
    settings = {**plain_environment(), "BACKTRAIL_URL": url, **env}
    pid, terminal = pty.fork()
    if pid == 0:
        # Here, since on a busy machine it would look before the other process has said it.
        ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 100, 0, 0))
        os.execve(sys.executable, [sys.executable, "-m", "backtrail", *args], settings)
    shown = b""
    waiting = dict(keys or {})
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        if not select.select([terminal], [], [], 0.5)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
        for text in [text for text in waiting if text.encode() in shown]:
            os.write(terminal, waiting.pop(text).encode())
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def shown_in_terminal(url: str, *args: str, rows: int = 10, **env: str) -> str:
    """Run `bt` in a terminal of so many rows; give what the terminal got."""
    return in_terminal(url, *args, rows=rows, **env)[0]
