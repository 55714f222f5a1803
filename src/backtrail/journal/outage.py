"""One warning for each outage, whatever part of the way notices it first."""

from __future__ import annotations

import logging

_log = logging.getLogger("backtrail")


class Outage:
    """Warns once when something on the way to the store fails, until all is well again."""

    def __init__(self) -> None:
        self.is_on = False

    def warn(self, what: str) -> None:
        """Log what fails, unless a failure of this outage was logged before."""
        if not self.is_on:
            self.is_on = True
            what = what.rstrip(".")  # a hint of the store ends with one
            _log.warning("backtrail: %s. Your code goes on; what is recorded waits.", what)

    def end(self) -> None:
        """Take note that records reach the store again."""
        self.is_on = False
