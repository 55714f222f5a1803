"""Wait for what another thread, process or server does, for as long as a busy machine takes.

A test that sleeps instead either waits too long, or not long enough while others are at work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 60.0


def until(claim: Callable[[], T], what: str, *, every_s: float = 0.01) -> T:
    """Return what ``claim`` says once it holds.

    Args:
        claim: looked at again and again; holds when it returns something true.
        what: is waited for, in words, for the message of a test that waits in vain.
        every_s: the pause between two looks.
    """
    give_up = time.monotonic() + PATIENCE_S
    while True:
        # Read before looking: a machine may stand still between the two.
        is_late = time.monotonic() > give_up
        if found := claim():
            return found
        assert not is_late, f"after {PATIENCE_S:.0f} s there is still no sign of {what}"
        time.sleep(every_s)
