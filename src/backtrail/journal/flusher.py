"""The background thread that drains the journal into the store.

It sleeps between rounds, since it competes with the user's code for the
interpreter, and backs off with jitter while the store is out of reach.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable

_log = logging.getLogger("backtrail")
_MOST_BACKOFF_S = 60.0


class Flusher:
    """Calls ``round_`` every ``interval_s`` seconds until stopped.

    ``round_`` does one pass of the background work. What it raises is logged
    once for each new kind of trouble and tried again later.
    """

    def __init__(self, round_: Callable[[], None], interval_s: float) -> None:
        self._round = round_
        self._interval_s = max(interval_s, 0.01)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._last_trouble = ""

    def start(self) -> None:
        """Start the thread if it does not run yet."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="backtrail", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Ask the thread to end after the round it is in, and wait for it."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)

    def attempt(self) -> bool:
        """Do one round now; False when it failed."""
        try:
            self._round()
        except Exception as error:  # noqa: BLE001 - a worker loop: the pipeline goes on whatever happens
            trouble = f"{type(error).__name__}: {error}"
            if trouble != self._last_trouble:
                self._last_trouble = trouble
                _log.warning("backtrail: records wait in the journal: %s", trouble)
            return False
        self._last_trouble = ""
        return True

    def _work(self) -> None:
        pause = self._interval_s
        while not self._stop.wait(pause):
            if self.attempt():
                pause = self._interval_s
            else:
                pause = min(pause * 2, _MOST_BACKOFF_S) * random.uniform(0.75, 1.25)
