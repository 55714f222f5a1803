"""Keeps our failures out of user code: logged once for each place and kind, and counted."""

from __future__ import annotations

import logging
import os

_log = logging.getLogger("backtrail")
_reported: set[str] = set()
failures = 0


def report(error: BaseException, doing: str) -> None:
    """Take note of a failure of ours while ``doing`` something; never raises.

    With ``BACKTRAIL_STRICT=1`` (our own tests) it raises instead.
    """
    global failures
    failures += 1
    if os.environ.get("BACKTRAIL_STRICT") == "1":
        raise error
    key = f"{doing} {type(error).__name__}"
    if key in _reported:
        return
    _reported.add(key)
    try:
        _log.warning("backtrail: failed %s: %s: %s", doing, type(error).__name__, error)
    except Exception:  # str(error) is user code and may raise as well
        _log.warning("backtrail: failed %s: %s", doing, type(error).__name__)
