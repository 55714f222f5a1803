"""A long backtrace folded by component: one line for each, in the order of its nearest run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..model.records import Frame
from . import words
from .narrative import OK, Mark, frame_mark, tally
from .screen import Screen
from .table import Cell, Column, align

_NUMBERED = 6
_NARROW = 92


def by_component(frames: Sequence[Frame]) -> dict[str, list[Frame]]:
    """Group frames by component, groups and members in the order of the frames."""
    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.run.component].append(frame)
    return groups


def folded_lines(screen: Screen, frames: Sequence[Frame]) -> list[str]:
    """Give one line a component: which runs, how many, when, how long together, how they went."""
    width = screen.width or 0
    columns = [
        Column(),
        Column(most=max((width - 52) // 2, 8)),
        Column(right=True),
        Column(),
        Column(least=6, right=True),
        Column(),
    ]
    # What is wrong, and where, is worth more than the hour it began.
    narrow = screen.width is not None and screen.width < _NARROW
    rows = [
        _row(name, members, dates_only=narrow) for name, members in by_component(frames).items()
    ]
    return align(screen, columns, rows)


def _row(component: str, members: Sequence[Frame], *, dates_only: bool) -> list[Cell]:
    worst = _worst(members)
    return [
        Cell(_span(members), "strong"),
        Cell(component),
        Cell(words.count(len(members), "run")),
        Cell(_times(members, dates_only=dates_only), "dim"),
        Cell(words.duration(_total_us(members))),
        Cell(_state(members, worst), worst.tone),
    ]


def _span(members: Sequence[Frame]) -> str:
    """Give ``#3-16``, or ``#3..41`` where runs of other components lie between."""
    first, last = members[0].n, members[-1].n
    if first == last:
        return f"#{first}"
    return f"#{first}{'-' if last - first + 1 == len(members) else '..'}{last}"


def _times(members: Sequence[Frame], *, dates_only: bool) -> str:
    starts = [frame.run.started_us for frame in members]
    length = 10 if dates_only else 16
    first, last = words.minute(min(starts))[:length], words.minute(max(starts))[:length]
    if first == last:
        return first
    return f"{first} .. {last[5:] if last[:4] == first[:4] else last}"


def _total_us(members: Sequence[Frame]) -> int:
    return sum(
        frame.run.ended_us - frame.run.started_us
        for frame in members
        if frame.run.ended_us is not None
    )


def _worst(members: Sequence[Frame]) -> Mark:
    marks = [frame_mark(frame) for frame in members]
    for sign in "x!?~":
        for mark in marks:
            if mark.sign == sign:
                return mark
    return OK


def _state(members: Sequence[Frame], worst: Mark) -> str:
    """Give ``ok``, or sign, counts and the numbers of the runs: ``! 2 stale: #9 #11``."""
    if worst is OK:
        return "ok"
    bad = [frame.n for frame in members if frame_mark(frame) is not OK]
    numbers = "" if len(members) == 1 else f": {words.numbers(bad, _NUMBERED)}"
    return f"{worst.sign} {', '.join(tally(members))}{numbers}"
