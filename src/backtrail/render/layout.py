"""Where the boxes and lines of a graph lie, in layers from left to right: pure geometry.

A layer holds what is equally many links from the end: the box that nothing leaves stands
at the right edge, and what feeds a box stands to the left of it. Within the layers, boxes
are sorted so that few lines cross, then moved so that lines run level. A line that passes
a layer gets a place of its own there, so it runs through no box.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul

BETWEEN_BOXES = 16.0
BETWEEN_LINES = 9.0
BETWEEN_LAYERS = (52.0, 150.0)
# A chain of a hundred layers whose first box is read everywhere would need thousands of
# bends. Past this many, the longest lines run straight, behind the boxes.
MOST_BENDS = 1_500
_SORTING_SWEEPS = 4
_LEVELLING_SWEEPS = 5
_COUNTED_LINES = 4_000
# Past this many boxes and bends nobody sees a kink more or less, and each sweep costs.
_LEVELLED_WELL = 1_000

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Edge:
    """A line from one box to another; lines of one ``kind`` from one box share their bends."""

    tail: int
    head: int
    kind: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """The size of the picture, the top left corner of each box, and the points of each line.

    Between the first two points a line crosses the space between two layers, between the
    next two it passes a layer, and so on in turns. A line from a box to itself has none.
    """

    width: float
    height: float
    corners: list[Point]
    lines: list[list[Point]]


def layered(
    boxes: Sequence[Point], edges: Sequence[Edge], *, joined_at_heads: bool = False
) -> Layout:
    """Lay out boxes, given as width and height, and the edges between them.

    With ``joined_at_heads`` it is lines that lead to one box which share their bends.
    """
    backward = _backward_edges(len(boxes), edges)
    layers = _Layers(boxes, edges, backward, joined_at_heads=joined_at_heads)
    layers.sort()
    layers.level()
    return layers.placed(boxes, edges, backward)


def layered_from_left(boxes: Sequence[Point], edges: Sequence[Edge]) -> Layout:
    """Lay out as `layered` does, but with the box that nothing leads to at the left edge.

    Each box stands as far to the right as its longest way from there: the mirror image of the
    layout of all edges turned round.
    """
    back = [Edge(edge.head, edge.tail, edge.kind) for edge in edges]
    turned = layered(boxes, back, joined_at_heads=True)
    width = turned.width
    corners = [
        (round(width - x - box[0], 1), y) for (x, y), box in zip(turned.corners, boxes, strict=True)
    ]
    lines = [[(round(width - x, 1), y) for x, y in reversed(line)] for line in turned.lines]
    return Layout(width, turned.height, corners, lines)


def _backward_edges(count: int, edges: Sequence[Edge]) -> set[int]:
    """Give the edges that close a circle, as numbers; without them the graph has none."""
    feeding: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for number, edge in enumerate(edges):
        if edge.tail != edge.head:
            feeding[edge.head].append((number, edge.tail))
    backward: set[int] = set()
    state = bytearray(count)  # 0 new, 1 on the way, 2 done
    for start in range(count):
        if state[start]:
            continue
        state[start] = 1
        way = [(start, iter(feeding[start]))]
        while way:
            box, rest = way[-1]
            for number, tail in rest:
                if state[tail] == 1:
                    backward.add(number)
                elif not state[tail]:
                    state[tail] = 1
                    way.append((tail, iter(feeding[tail])))
                    break
            else:
                state[box] = 2
                way.pop()
    return backward


def _ranks(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Give each box the most links that lie between it and an end."""
    feeding: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for left, right in pairs:
        feeding[right].append(left)
        waiting[left] += 1
    ranks = [0] * count
    ready = [box for box in range(count) if not waiting[box]]
    for box in ready:
        for left in feeding[box]:
            ranks[left] = max(ranks[left], ranks[box] + 1)
            waiting[left] -= 1
            if not waiting[left]:
                ready.append(left)
    return ranks


# The neighbours of an item, how much each pulls, and the sum of that.
_Pull = tuple[tuple[int, ...], tuple[float, ...], float]


def _pulls(beside: Sequence[dict[int, float]]) -> list[_Pull]:
    return [(tuple(near), tuple(near.values()), sum(near.values())) for near in beside]


class _Layers:
    """The boxes and bends of each layer; the layer of rank 0 is the rightmost.

    Boxes and bends are *items*: numbers, those of the boxes first. ``right`` and ``left``
    hold the neighbours of each item in the layers beside it, with a weight.
    """

    def __init__(
        self,
        boxes: Sequence[Point],
        edges: Sequence[Edge],
        backward: set[int],
        *,
        joined_at_heads: bool,
    ) -> None:
        self.joined_at_heads = joined_at_heads
        self.boxes = len(boxes)
        self.heights = [height for _, height in boxes]
        self.pairs = [
            (edge.head, edge.tail) if number in backward else (edge.tail, edge.head)
            for number, edge in enumerate(edges)
        ]
        drawn = [(left, right) for left, right in self.pairs if left != right]
        self.rank = _ranks(len(boxes), drawn)
        self.right: list[dict[int, float]] = [{} for _ in boxes]
        self.left: list[dict[int, float]] = [{} for _ in boxes]
        self.bends: list[list[int]] = [[] for _ in edges]
        self._bend(edges, backward)
        self.layers: list[list[int]] = [[] for _ in range(max(self.rank, default=0) + 1)]
        for item, rank in enumerate(self.rank):
            self.layers[rank].append(item)
        self.y = [0.0] * len(self.rank)

    def _bend(self, edges: Sequence[Edge], backward: set[int]) -> None:
        """Give each line an item in every layer that it passes, the shortest lines first."""
        spans = [self.rank[left] - self.rank[right] for left, right in self.pairs]
        trunks: dict[tuple[int, int, bool, int], int] = {}
        for number in sorted(range(len(edges)), key=lambda n: (spans[n], n)):
            left, right = self.pairs[number]
            if left == right:
                continue
            shared = right if self.joined_at_heads else left
            way = [left]
            for rank in range(self.rank[left] - 1, self.rank[right], -1):
                key = (shared, edges[number].kind, number in backward, rank)
                bend = trunks.get(key)
                if bend is None:
                    if len(trunks) >= MOST_BENDS:
                        way = []
                        break
                    bend = trunks[key] = self._new_bend(rank)
                way.append(bend)
            if not way:
                continue
            self.bends[number] = way[1:]
            for one, other in zip(way, [*way[1:], right], strict=True):
                self._tie(one, other)

    def _new_bend(self, rank: int) -> int:
        self.rank.append(rank)
        self.heights.append(0.0)
        self.right.append({})
        self.left.append({})
        return len(self.rank) - 1

    def _tie(self, left: int, right: int) -> None:
        # A kink in the middle of a line is seen more than one at its ends.
        weight = (1.0, 2.0, 8.0)[(left >= self.boxes) + (right >= self.boxes)]
        self.right[left][right] = weight
        self.left[right][left] = weight

    # -- which order ---------------------------------------------------------------------

    def sort(self) -> None:
        """Sort every layer by where its neighbours stand; keep the order with fewest crossings."""
        place = [0] * len(self.rank)
        for layer in self.layers:
            self._sort_layer(layer, self.right, place)
        if sum(map(len, self.right)) > _COUNTED_LINES:
            for _ in range(_SORTING_SWEEPS // 2):
                self._sweep(place)
            return
        best, fewest = [list(layer) for layer in self.layers], self._crossings(place)
        for _ in range(_SORTING_SWEEPS):
            if not fewest:
                break
            self._sweep(place)
            crossings = self._crossings(place)
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _sweep(self, place: list[int]) -> None:
        for layer in reversed(self.layers[:-1]):
            self._sort_layer(layer, self.left, place)
        for layer in self.layers[1:]:
            self._sort_layer(layer, self.right, place)

    @staticmethod
    def _sort_layer(layer: list[int], beside: list[dict[int, float]], place: list[int]) -> None:
        if len(layer) == 1:
            place[layer[0]] = 0
            return
        where = place.__getitem__
        wanted: dict[int, float] = {}
        last = 0.0
        for item in layer:
            near = beside[item]
            if near:
                last = sum(map(where, near)) / len(near)
            # What has no neighbour there stays beside what it stood beside.
            wanted[item] = last
        layer.sort(key=wanted.__getitem__)
        for at, item in enumerate(layer):
            place[item] = at

    def _crossings(self, place: list[int]) -> int:
        count = 0
        for layer in self.layers[1:]:
            seen: list[int] = []
            for item in layer:
                ends = sorted(place[other] for other in self.right[item])
                count += sum(len(seen) - bisect_right(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return count

    # -- how high ------------------------------------------------------------------------

    def level(self) -> None:
        """Move the items up and down, in their order, towards the mean of their neighbours."""
        steps = [self._steps(layer) for layer in self.layers]
        y = self.y
        for layer, offsets in zip(self.layers, steps, strict=True):
            middle = offsets[-1] / 2
            for item, offset in zip(layer, offsets, strict=True):
                y[item] = offset - middle
        ordered = list(zip(self.layers, steps, strict=True))
        right, left = _pulls(self.right), _pulls(self.left)
        both = _pulls([{**one, **other} for one, other in zip(self.right, self.left, strict=True)])
        for _ in range(_LEVELLING_SWEEPS if len(y) <= _LEVELLED_WELL else 2):
            for layer, offsets in ordered[1:]:
                self._move(layer, offsets, right)
            for layer, offsets in reversed(ordered[:-1]):
                self._move(layer, offsets, left)
        for layer, offsets in (*ordered, *reversed(ordered)):
            self._move(layer, offsets, both)

    def _steps(self, layer: list[int]) -> list[float]:
        """Give how far below the first item each one lies at least."""
        steps = [0.0]
        for one, other in itertools.pairwise(layer):
            bends = (one >= self.boxes) + (other >= self.boxes)
            apart = BETWEEN_LINES if bends == 2 else BETWEEN_BOXES
            steps.append(steps[-1] + (self.heights[one] + self.heights[other]) / 2 + apart)
        return steps

    def _move(self, layer: list[int], offsets: list[float], pulls: list[_Pull]) -> None:
        """Give the items the heights nearest to those they want that keep order and distance.

        The sum of weighted squares is the least possible: neighbours that would overlap are
        pooled into a block that takes their mean (isotonic regression).
        """
        y = self.y
        height = y.__getitem__
        blocks: list[tuple[float, float, int]] = []  # weighted sum, weight, items
        for item, offset in zip(layer, offsets, strict=False):
            others, weights, weight = pulls[item]
            if len(others) == 1:
                total = weight * (y[others[0]] - offset)
            elif others:
                total = sum(map(mul, weights, map(height, others))) - weight * offset
            else:
                total, weight = 0.01 * (y[item] - offset), 0.01
            size = 1
            while blocks and blocks[-1][0] * weight > total * blocks[-1][1]:
                more, heavier, members = blocks.pop()
                total, weight, size = total + more, weight + heavier, size + members
            blocks.append((total, weight, size))
        at = 0
        for total, weight, size in blocks:
            mean = total / weight
            for place in range(at, at + size):
                y[layer[place]] = mean + offsets[place]
            at += size

    # -- the picture ---------------------------------------------------------------------

    def placed(self, boxes: Sequence[Point], edges: Sequence[Edge], backward: set[int]) -> Layout:
        """Give the coordinates, from the top left corner of the picture."""
        widths = [
            max([boxes[item][0] for item in layer if item < self.boxes], default=0.0)
            for layer in self.layers
        ]
        lefts, width = self._columns(widths)
        y, heights = self.y, self.heights
        top = min([y[i] - heights[i] / 2 for i in range(len(y))], default=0.0)
        bottom = max([y[i] + heights[i] / 2 for i in range(len(y))], default=0.0)
        corners = [
            (round(lefts[self.rank[box]], 1), round(y[box] - top - heights[box] / 2, 1))
            for box in range(self.boxes)
        ]
        lines: list[list[Point]] = []
        for number in range(len(edges)):
            left, right = self.pairs[number]
            if left == right:
                lines.append([])
                continue
            points = [(lefts[self.rank[left]] + boxes[left][0], y[left])]
            for bend in self.bends[number]:
                begin = lefts[self.rank[bend]]
                points += [(begin, y[bend]), (begin + widths[self.rank[bend]], y[bend])]
            points.append((lefts[self.rank[right]], y[right]))
            rounded = [(round(x, 1), round(at - top, 1)) for x, at in points]
            lines.append(rounded[::-1] if number in backward else rounded)
        return Layout(round(width, 1), round(bottom - top, 1), corners, lines)

    def _columns(self, widths: list[float]) -> tuple[list[float], float]:
        """Give where each layer begins, and where the last one ends.

        The steeper the lines between two layers, the more room they get.
        """
        least, most = BETWEEN_LAYERS
        lefts, x = [0.0] * len(widths), 0.0
        for rank in range(len(widths) - 1, -1, -1):
            lefts[rank] = x
            x += widths[rank]
            if rank:
                y, right = self.y, self.right
                rises = [
                    abs(y[one] - y[other]) for one in self.layers[rank] for other in right[one]
                ]
                rise = max(rises, default=0.0)
                x += min(max(least, rise * 0.14), most)
        return lefts, x
