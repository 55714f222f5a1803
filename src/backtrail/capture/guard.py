"""Keeps our failures out of user code: logged once for each place and kind, and counted."""

from __future__ import annotations

import logging
import os
import signal
from collections import deque

_log = logging.getLogger("backtrail")
_reported: set[str] = set()
#: What failed, the last thousand.
counted: deque[str] = deque(maxlen=1000)


def report(error: BaseException, doing: str) -> None:
    """Take note of a failure of ours while ``doing`` something.

    Raises nothing but what a signal handler of the user raised.

    With ``BACKTRAIL_STRICT=1`` (our own tests) it raises instead.
    """
    if _came_by_signal(error):
        # The user's handler struck while our code ran: a time limit, for one.
        raise error
    counted.append(doing)
    if os.environ.get("BACKTRAIL_STRICT") == "1":
        raise error
    key = f"{doing} {type(error).__name__}"
    if key in _reported:
        return
    _reported.add(key)
    try:
        _log.warning("backtrail: failed %s: %s: %s", doing, type(error).__name__, error)
    except Exception:  # noqa: BLE001 - str(error) is user code and may raise as well
        _log.warning("backtrail: failed %s: %s", doing, type(error).__name__)


def _came_by_signal(error: BaseException) -> bool:
    """Tell whether a handler that the user installed for a signal raised this."""
    codes = set()
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        code = getattr(getattr(handler, "__func__", handler), "__code__", None)
        if code is not None:
            codes.add(code)
    traceback = error.__traceback__
    while codes and traceback is not None:
        if traceback.tb_frame.f_code in codes:
            return True
        traceback = traceback.tb_next
    return False
