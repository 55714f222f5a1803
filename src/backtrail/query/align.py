"""Which run of one backtrace stands for which run of another.

In this order, each step only with what the earlier ones left:

1. A run that is in both stands for itself.
2. The runs that made the two outputs, if they are of one component.
3. Level by level from there: what two aligned runs read is matched by name, then by
   what of a name is shared apart from dates, folders and numbers, then in order; the
   runs that made a matched pair are aligned if they are of one component. So are the
   runs that both called.
4. What is left, by component and order of time, from the newest; then 3 again.

Every step gives the same pairs whichever backtrace comes first.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ..model.records import Frame, Input
from .passing import without_passing

T = TypeVar("T")

SAME_RUN, ASKED, BY_TIME, CALLED, ALONE = "same run", "asked for", "time", "call", "alone"

_NUMBERS = re.compile(r"\d+")


@dataclass(slots=True)
class Pair:
    """Numbers of two frames that stand for each other, and why; None: it has no counterpart."""

    a: int | None
    b: int | None
    role: str


@dataclass(slots=True)
class Alignment:
    """All frames of two backtraces, each in exactly one pair.

    ``like_a`` names, for frames of A without counterpart, the frame of B that had its
    role but stands for another; ``like_b`` the other way round.
    """

    pairs: list[Pair] = field(default_factory=list)
    of_a: dict[int, int] = field(default_factory=dict)
    of_b: dict[int, int] = field(default_factory=dict)
    like_a: dict[int, int] = field(default_factory=dict)
    like_b: dict[int, int] = field(default_factory=dict)

    def add(self, a: int, b: int, role: str) -> None:
        """Align two frames."""
        self.of_a[a] = self.of_b[b] = len(self.pairs)
        self.pairs.append(Pair(a, b, role))


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]


# What two names have in common, the surest first: all, all but dates and run ids, the
# last part, all but numbers, the kind of file.
_SHARED: tuple[Callable[[str], str], ...] = (
    str,
    without_passing,
    _last_part,
    lambda name: without_passing(_last_part(name)),
    lambda name: _NUMBERS.sub("0", name),
    lambda name: _NUMBERS.sub("0", _last_part(name)),
    lambda name: name.rpartition(".")[2] if "." in name else "",
)

# Why two inputs match, how sure that is (the least first), and the two.
_Candidate = tuple[int, int, int, str]


def align(a: Sequence[Frame], b: Sequence[Frame]) -> Alignment:
    """Align the frames of two backtraces."""
    found = Alignment()
    _align_same_runs(found, a, b)
    frontier: list[tuple[int, int]] = []
    if a[0].run.run_id != b[0].run.run_id and a[0].run.component == b[0].run.component:
        if 0 not in found.of_a and 0 not in found.of_b:
            found.add(0, 0, ASKED)
            frontier = [(0, 0)]
        else:
            # One output lies behind the other: the newer run is like it, and stands alone.
            _is_like(found, 0, 0)
            frontier = [(0, 0)]
    _align_upstream(found, a, b, frontier)
    for _, left in _left_by_component(found, a, b):
        _align_upstream(found, a, b, _align_left(found, a, b, left))
    for n in range(len(a)):
        if n not in found.of_a:
            found.of_a[n] = len(found.pairs)
            found.pairs.append(Pair(n, None, ALONE))
    for n in range(len(b)):
        if n not in found.of_b:
            found.of_b[n] = len(found.pairs)
            found.pairs.append(Pair(None, n, ALONE))
    return found


def _align_same_runs(found: Alignment, a: Sequence[Frame], b: Sequence[Frame]) -> None:
    place = {frame.run.run_id: frame.n for frame in b}
    for frame in a:
        other = place.get(frame.run.run_id)
        if other is not None:
            found.add(frame.n, other, SAME_RUN)


def _align_upstream(
    found: Alignment, a: Sequence[Frame], b: Sequence[Frame], level: list[tuple[int, int]]
) -> None:
    """Go upstream from aligned pairs, a level at a time."""
    while level:
        candidates: list[_Candidate] = []
        for left, right in level:
            candidates += _candidates(a[left], b[right])
        # The order is the same with sides swapped, and so is who comes first.
        candidates.sort(key=lambda c: (c[0], min(c[1:3]), max(c[1:3]), c[3]))
        level = []
        for _, left, right, role in candidates:
            if a[left].run.component != b[right].run.component:
                continue
            if left not in found.of_a and right not in found.of_b:
                found.add(left, right, role)
                level.append((left, right))
            elif _is_like(found, left, right):
                level.append((left, right))


def _is_like(found: Alignment, left: int, right: int) -> bool:
    """Keep that two had one role, where one of them stands for another already; tell if new."""
    if left not in found.of_a and left not in found.like_a:
        found.like_a[left] = right
        return True
    if right not in found.of_b and right not in found.like_b:
        found.like_b[right] = left
        return True
    return False


def _candidates(a: Frame, b: Frame) -> Iterator[_Candidate]:
    for rank, left, right in matched_inputs(a.inputs, b.inputs):
        if left is None or right is None:
            continue
        if left.producer is not None and right.producer is not None:
            yield rank, left.producer, right.producer, f"{left.name} of {a.run.component}"
    for left_n, right_n in zip(a.calls, b.calls, strict=False):
        yield 9, left_n, right_n, CALLED


def matched_inputs(
    a: Sequence[Input], b: Sequence[Input]
) -> list[tuple[int, Input | None, Input | None]]:
    """Match what two runs read; what has no match stands alone, with None beside it."""
    return matched(a, b, lambda given: given.name)


def matched(
    a: Iterable[T], b: Iterable[T], name_of: Callable[[T], str]
) -> list[tuple[int, T | None, T | None]]:
    """Match things by name, then by what of a name they share, in order; give the rank too."""
    left, right = list(a), list(b)
    if [name_of(each) for each in left] == [name_of(each) for each in right]:
        return [(0, one, other) for one, other in zip(left, right, strict=True)]
    pairs: list[tuple[int, T | None, T | None]] = []
    for rank, shared in enumerate(_SHARED):
        if not left or not right:
            break
        waiting: dict[str, deque[T]] = defaultdict(deque)
        for each in right:
            waiting[shared(name_of(each))].append(each)
        rest = []
        for each in left:
            queue = waiting.get(shared(name_of(each)))
            if queue:
                pairs.append((rank, each, queue.popleft()))
            else:
                rest.append(each)
        left = rest
        kept = {id(each) for queue in waiting.values() for each in queue}
        right = [each for each in right if id(each) in kept]
    pairs += [(len(_SHARED), each, None) for each in left]
    pairs += [(len(_SHARED), None, each) for each in right]
    return pairs


@dataclass(slots=True)
class _Left:
    """The frames of one component that the roles left over, on both sides."""

    a: list[int] = field(default_factory=list)
    b: list[int] = field(default_factory=list)


def _left_by_component(
    found: Alignment, a: Sequence[Frame], b: Sequence[Frame]
) -> list[tuple[str, _Left]]:
    """Give what is left on both sides, the component nearest to the output first."""
    left: dict[str, _Left] = defaultdict(_Left)
    for frame in a:
        if frame.n not in found.of_a:
            left[frame.run.component].a.append(frame.n)
    for frame in b:
        if frame.n not in found.of_b:
            left[frame.run.component].b.append(frame.n)
    both = [(name, each) for name, each in left.items() if each.a and each.b]
    return sorted(
        both,
        key=lambda item: (
            min(item[1].a[0], item[1].b[0]),
            max(item[1].a[0], item[1].b[0]),
            item[0],
        ),
    )


def _align_left(
    found: Alignment, a: Sequence[Frame], b: Sequence[Frame], left: _Left
) -> list[tuple[int, int]]:
    """Align what is left of a component in the order of time, from the newest."""
    rest_a = _newest_first(a, (n for n in left.a if n not in found.of_a))
    rest_b = _newest_first(b, (n for n in left.b if n not in found.of_b))
    fresh = list(zip(rest_a, rest_b, strict=False))
    for one, other in fresh:
        found.add(one, other, BY_TIME)
    return fresh


def _newest_first(frames: Sequence[Frame], numbers: Iterable[int]) -> list[int]:
    def moment(n: int) -> tuple[int, str]:
        return frames[n].run.started_us, frames[n].run.run_id

    return sorted(numbers, key=moment, reverse=True)
