"""One line on stderr while a question takes long, and Ctrl-C in it: what is known so far."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType, TracebackType

from ..render import words
from . import terminal

_PATIENCE_S = 0.5
_TICK_S = 0.1
_BAR = 8


class Progress:
    """A context manager around work that may take long; ``doing`` says what it is.

    Where the work calls `watch`, the first Ctrl-C ends it early, so that what was
    reached can be shown; before that, or a second time, it interrupts as always.
    """

    def __init__(self, doing: str) -> None:
        self.interrupted = False
        self._doing = doing
        self._reached = 0
        self._about = 0
        self._began = time.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._before: object = None

    def watch(self, reached: int, waiting: int) -> bool:
        """Take note of how far the walk is; say whether it shall go on."""
        self._reached, self._about = reached, reached + waiting
        return not self.interrupted

    def __enter__(self) -> Progress:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._interrupt)
        if terminal.shows_progress():
            self._thread = threading.Thread(target=self._tell, name="bt-progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)  # type: ignore[arg-type]

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self.interrupted or not self._reached:
            raise KeyboardInterrupt
        self.interrupted = True

    def _tell(self) -> None:
        shown = False
        while not self._over.wait(_TICK_S):
            seconds = time.monotonic() - self._began
            if seconds >= _PATIENCE_S:
                told = line(self._doing, self._reached, self._about, seconds)
                # The cursor stays in front, so that a message overwrites the line.
                sys.stderr.write(f"\x1b[K{told}\r")
                sys.stderr.flush()
                shown = True
        if shown:
            sys.stderr.write("\x1b[K")
            sys.stderr.flush()


def line(doing: str, reached: int, about: int, seconds: float) -> str:
    """Give ``Tracing  5,210 of about 10,400 runs  [####----]  3s``.

    How many there are is not known before the end: no more than those that wait.
    Where they are few, the trace is deep and narrow, and a bar would say nothing.
    """
    if not reached:
        return f"{doing}  {seconds:.0f}s"
    if about - reached < reached / 10:
        return f"{doing}  {words.count(reached, 'run')}  {seconds:.0f}s"
    done = _BAR * reached // about
    bar = "#" * done + "-" * (_BAR - done)
    return f"{doing}  {reached:,} of about {about:,} runs  [{bar}]  {seconds:.0f}s"
