"""Keeps our failures out of user code: logged once for each place and kind, and counted."""

from __future__ import annotations

import logging
import os
from collections import deque

_log = logging.getLogger("backtrail")
_reported: set[str] = set()
#: What failed, the last thousand.
counted: deque[str] = deque(maxlen=1000)


def report(error: BaseException, doing: str) -> None:
    """Take note of a failure of ours while ``doing`` something; never raises.

    With ``BACKTRAIL_STRICT=1`` (our own tests) it raises instead.
    """
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
