"""Put the pairs of two backtraces in order: each after those that feed it, on either side."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from ..model.records import Frame
from .align import Alignment


def upstream_of(frame: Frame) -> Iterable[int]:
    """Give the numbers of the frames that a frame takes from."""
    yield from (given.producer for given in frame.inputs if given.producer is not None)
    yield from frame.calls


def sources_first(a: list[Frame], b: list[Frame], aligned: Alignment) -> list[int]:
    """Sort pairs so that each comes after those that feed it, the farthest first.

    Where two alignments cross there is a circle; it is cut at its farthest pair. The
    order is the same with sides swapped.
    """
    feeds: list[set[int]] = [set() for _ in aligned.pairs]
    waiting = [0] * len(aligned.pairs)
    for frames, of in ((a, aligned.of_a), (b, aligned.of_b)):
        for frame in frames:
            reader = of[frame.n]
            for n in upstream_of(frame):
                fed = of.get(n)
                if fed is not None and fed != reader and reader not in feeds[fed]:
                    feeds[fed].add(reader)
                    waiting[reader] += 1
    far_first = sorted(range(len(aligned.pairs)), key=lambda n: _far(a, b, aligned, n))
    rank = {pair: place for place, pair in enumerate(far_first)}
    ready = [rank[pair] for pair in far_first if not waiting[pair]]
    heapq.heapify(ready)
    left = iter(far_first)
    order: list[int] = []
    placed: set[int] = set()
    while len(order) < len(far_first):
        if ready:
            pair = far_first[heapq.heappop(ready)]
        else:
            pair = next(each for each in left if each not in placed)
        if pair in placed:
            continue
        order.append(pair)
        placed.add(pair)
        for reader in feeds[pair]:
            waiting[reader] -= 1
            if not waiting[reader]:
                heapq.heappush(ready, rank[reader])
    return order


def _far(a: list[Frame], b: list[Frame], aligned: Alignment, n: int) -> tuple[int, int, list[str]]:
    pair = aligned.pairs[n]
    numbers = [each for each in (pair.a, pair.b) if each is not None]
    ids = [side[each].run.run_id for side, each in ((a, pair.a), (b, pair.b)) if each is not None]
    return -max(numbers), -min(numbers), sorted(ids)
