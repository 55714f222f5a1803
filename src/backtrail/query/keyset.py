"""A set of a store's keys that takes little memory where they lie close together."""

from __future__ import annotations

_BITS = 8


class KeySet:
    """Which keys were seen; a bit each, 256 to a number.

    Keys of runs and artifacts are dense, so a million of them that were made one
    after the other take half a megabyte, where a `set` takes sixty. Keys that all
    lie far apart take about twice what a `set` would.
    """

    def __init__(self) -> None:
        self._pages: dict[int, int] = {}

    def add(self, key: int) -> bool:
        """Add a key; tell whether it is new."""
        page, bit = key >> _BITS, 1 << (key & ((1 << _BITS) - 1))
        known = self._pages.get(page, 0)
        if known & bit:
            return False
        self._pages[page] = known | bit
        return True

    def __contains__(self, key: int) -> bool:
        """Tell whether a key was added."""
        return bool(self._pages.get(key >> _BITS, 0) >> (key & ((1 << _BITS) - 1)) & 1)
