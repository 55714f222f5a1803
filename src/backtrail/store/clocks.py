"""How far the clock of a server is from that of this machine."""

from __future__ import annotations

from ..model.records import Finding

# Which of several writes a reader saw is told by time where no version tells it.
_APART_S = 1.0


def clock_finding(asked_s: float, theirs_s: float, answered_s: float) -> Finding:
    """Compare clocks, in seconds: theirs lies somewhere between our asking and the answer."""
    apart_s = max(theirs_s - answered_s, asked_s - theirs_s, 0.0)
    if apart_s < _APART_S:
        return Finding("ok", "the clocks of this machine and the server agree")
    which = "behind" if theirs_s > answered_s else "ahead of"
    return Finding(
        "problem",
        f"the clock of this machine is {apart_s:.1f} s {which} the server's",
        "Of writes without a version the wrong one may be taken for what was read. Let NTP set"
        " the clocks of all machines that record.",
    )
