"""A program in a terminal of its own: keys are typed, and its screen is read as a person does."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pexpect
import pyte

_PATIENCE_S = 30.0


def be_interruptible() -> None:
    """Let Ctrl-C end this process, also where the tests run in the background of a shell.

    A shell has what it starts with ``&`` ignore it, and that is inherited.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """Runs a command in a terminal; `close` ends it whatever state it is in."""

    def __init__(
        self,
        command: list[str],
        *,
        env: dict[str, str],
        cwd: Path,
        rows: int = 60,
        columns: int = 100,
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self._screen)
        self._child: pexpect.spawn[str] = pexpect.spawn(
            command[0],
            command[1:],
            # A real terminal answers where its cursor is; this one does not.
            env={**env, "PROMPT_TOOLKIT_NO_CPR": "1"},
            cwd=str(cwd),
            dimensions=(rows, columns),
            encoding="utf-8",
            timeout=_PATIENCE_S,
            preexec_fn=be_interruptible,
        )

    @property
    def shown(self) -> str:
        """The lines on the screen, without what is empty at their ends."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def type(self, keys: str, *, until: str | re.Pattern[str]) -> str:
        """Type keys, and give what the screen shows once its last line is ``until``."""
        before = self.shown
        self._child.send(keys)
        return self.wait(until, before)

    def wait(self, until: str | re.Pattern[str], before: str = "") -> str:
        """Give what the screen shows once its last line is ``until``, and nothing more comes."""
        last = re.compile(re.escape(until)) if isinstance(until, str) else until
        give_up = time.monotonic() + _PATIENCE_S
        while time.monotonic() < give_up:
            came = self._read()
            if not came and self.shown != before and last.fullmatch(self.shown.rpartition("\n")[2]):
                return self.shown
        raise AssertionError(f"{until!r} never came last:\n{self.shown}")

    def end(self, keys: str) -> int:
        """Type keys that end the program; give its exit code."""
        self._child.send(keys)
        give_up = time.monotonic() + _PATIENCE_S
        while self._child.isalive() and time.monotonic() < give_up:
            self._read()
        self._read()
        self._child.close()
        return self._child.exitstatus if self._child.exitstatus is not None else -1

    def close(self) -> None:
        """End the program."""
        self._child.close(force=True)

    def _read(self) -> bool:
        try:
            self._stream.feed(self._child.read_nonblocking(65536, timeout=0.3))
        except (pexpect.TIMEOUT, pexpect.EOF):
            return False
        return True
