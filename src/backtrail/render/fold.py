"""A long backtrace folded by component or stage: a line each, in the order of its nearest run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from difflib import get_close_matches

from ..errors import NotFoundError
from ..model.records import Frame
from . import words
from .narrative import OK, Mark, frame_mark, tally
from .screen import Screen
from .table import Cell, Column, align

_NUMBERED = 6
_NAMED = 20


def by_component(frames: Sequence[Frame]) -> dict[str, list[Frame]]:
    """Group frames by component, groups and members in the order of the frames."""
    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[frame.run.component].append(frame)
    return groups


def stage_of(frame: Frame) -> str:
    """Give the stage of a pipeline that a run belongs to: its component's kind, or its name."""
    return frame.run.kind or frame.run.component


def folded(frames: Sequence[Frame], by: str) -> dict[str, list[Frame]]:
    """Group frames by ``component`` or ``stage``, in the order of the frames."""
    if by == "component":
        return by_component(frames)
    groups: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[stage_of(frame)].append(frame)
    return groups


def require_stage(frames: Sequence[Frame], name: str) -> None:
    """Check that a stage or component of this name is among the runs.

    Raises:
        NotFoundError: it is not; says what is.
    """
    known = list(dict.fromkeys([*map(stage_of, frames), *by_component(frames)]))
    if name not in known:
        more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
        raise NotFoundError(
            f"no stage or component {name!r} is among these runs",
            closest=get_close_matches(name, known, n=3),
            hint=f"There are: {', '.join(known[:_NAMED])}{more}",
        )


def folded_lines(screen: Screen, frames: Sequence[Frame], by: str = "component") -> list[str]:
    """Give one line a group: which runs, how many, when, how long together, how they went."""
    width = screen.width or 0
    columns = [
        Column(),
        Column(most=max((width - 52) // 2, 8)),
        Column(right=True),
        Column(),
        Column(least=6, right=True),
        Column(),
    ]
    groups = folded(frames, by)
    times = _times(list(groups.values()), narrow=screen.is_narrow)
    rows = [
        _row(name, members, time)
        for (name, members), time in zip(groups.items(), times, strict=True)
    ]
    return align(screen, columns, rows)


def _row(component: str, members: Sequence[Frame], time: str) -> list[Cell]:
    worst = _worst(members)
    return [
        Cell(_numbers(members), "strong"),
        Cell(component),
        Cell(words.count(len(members), "run")),
        Cell(time, "dim"),
        Cell(words.duration(_total_us(members))),
        Cell(_state(members, worst), worst.tone),
    ]


def _numbers(members: Sequence[Frame]) -> str:
    """Give ``#3-16``, or ``#3..41`` where runs of other components lie between."""
    first, last = members[0].n, members[-1].n
    if first == last:
        return f"#{first}"
    return f"#{first}{'-' if last - first + 1 == len(members) else '..'}{last}"


def _times(groups: Sequence[Sequence[Frame]], *, narrow: bool) -> list[str]:
    """Give when the first and the last run of each group began, in as few characters as tell."""
    starts = [[frame.run.started_us for frame in members] for members in groups]
    ends = [us for each in starts for us in (min(each), max(each))]
    within_a_day = words.minute(min(ends))[:10] == words.minute(max(ends))[:10]
    if narrow and not within_a_day:
        # What is wrong, and where, is worth more than the hour it began.
        shown = [words.minute(us)[:10] for us in ends]
    else:
        shown = words.moments(ends, narrow=narrow)
    return [span(*pair) for pair in zip(shown[::2], shown[1::2], strict=True)]


def span(first: str, last: str) -> str:
    """Give ``2026-07-12 04:05 .. 07-25 01:50``, or ``2026-07-12 04:05 .. 04:50`` within a day."""
    if first == last:
        return first
    day, _, clock = last.rpartition(" ")
    if day and first.startswith(f"{day} "):
        return f"{first} .. {clock}"
    same_year = first[:5] == last[:5] and first[4] == "-"
    return f"{first} .. {last[5:] if same_year else last}"


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
