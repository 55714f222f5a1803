"""The background thread that drains the journal into the store.

It sleeps between rounds, since it competes with the user's code for the
interpreter, and backs off with jitter while the store is out of reach.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

_MOST_BACKOFF_S = 60.0


class Flusher:
    """Calls ``round_`` every ``interval_s`` seconds until stopped.

    ``round_`` does one pass of the background work. ``failed`` is told what it
    raises, and it is tried again later.
    """

    def __init__(
        self, round_: Callable[[], None], interval_s: float, failed: Callable[[Exception], None]
    ) -> None:
        self._round = round_
        self._failed = failed
        self._interval_s = max(interval_s, 0.01)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._last: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Start the thread if it does not run yet."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="backtrail", daemon=True)
            self._thread.start()

    def stop(self, last: Callable[[], None], timeout_s: float) -> bool:
        """Let the thread do ``last`` after the round it is in, and wait for its end.

        By the thread, since a store that hangs would else hang the caller.

        Returns:
            False if it did not end in time.
        """
        self._last = last
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is None or thread is threading.current_thread() or not thread.is_alive():
            last()
            return True
        thread.join(timeout_s)
        return not thread.is_alive()

    def _work(self) -> None:
        pause = self._interval_s
        while not self._stop.wait(pause):
            try:
                self._round()
            except Exception as error:  # noqa: BLE001 - the pipeline goes on whatever happens
                self._failed(error)
                import random  # takes as long to load as a thread to start

                pause = min(pause * 2, _MOST_BACKOFF_S) * random.uniform(0.75, 1.25)
            else:
                pause = self._interval_s
        self._last()
