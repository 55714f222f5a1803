"""Where boxes and lines lie: what holds of the layout of any graph."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backtrail.render import layout
from backtrail.render.layout import Edge, Layout, Point, layered, layered_from_left

BOX = (100.0, 40.0)
EITHER = st.sampled_from([layered, layered_from_left])


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[Point], list[Edge]]:
    """Boxes of several heights; edges of all kinds, also in circles and to the box itself."""
    heights = draw(st.lists(st.sampled_from([20.0, 40.0, 90.0]), min_size=1, max_size=14))
    boxes = [(100.0, height) for height in heights]
    ends = st.integers(0, len(boxes) - 1)
    pairs = draw(st.lists(st.tuples(ends, ends, st.integers(0, 1)), max_size=30, unique=True))
    return boxes, [Edge(*pair) for pair in pairs]


def overlaps(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def across(box: Point, corner: Point) -> tuple[float, float]:
    return corner[0], corner[0] + box[0]


def down(box: Point, corner: Point) -> tuple[float, float]:
    return corner[1], corner[1] + box[1]


@given(graphs(), EITHER)
def test_no_two_boxes_overlap(graph: tuple[list[Point], list[Edge]], lay: Any) -> None:
    boxes, edges = graph

    laid = lay(boxes, edges)

    for one, other in combinations(zip(boxes, laid.corners, strict=True), 2):
        assert not (overlaps(across(*one), across(*other)) and overlaps(down(*one), down(*other)))


@given(graphs(), EITHER)
def test_every_box_and_line_lies_in_the_picture(
    graph: tuple[list[Point], list[Edge]], lay: Any
) -> None:
    boxes, edges = graph

    laid = lay(boxes, edges)

    points = [point for line in laid.lines for point in line] + laid.corners
    points += [(x + w, y + h) for (w, h), (x, y) in zip(boxes, laid.corners, strict=True)]
    assert all(-0.2 <= x <= laid.width + 0.2 for x, _ in points)
    assert all(-0.2 <= y <= laid.height + 0.2 for _, y in points)


@given(graphs(), EITHER)
def test_no_line_runs_through_a_box(graph: tuple[list[Point], list[Edge]], lay: Any) -> None:
    boxes, edges = graph

    laid = lay(boxes, edges)

    for line in laid.lines:
        # Where a line passes a layer it is level; between layers there are no boxes.
        for (x, y), (to_x, to_y) in list(pairwise(line))[1::2]:
            assert y == to_y
            for box, corner in zip(boxes, laid.corners, strict=True):
                if overlaps(across(box, corner), tuple(sorted((x, to_x)))):
                    top, bottom = down(box, corner)
                    assert not top < y < bottom


@given(graphs(), EITHER)
def test_a_line_begins_at_its_tail_and_ends_at_its_head(
    graph: tuple[list[Point], list[Edge]],
    lay: Any,
) -> None:
    boxes, edges = graph

    laid = lay(boxes, edges)

    for edge, line in zip(edges, laid.lines, strict=True):
        if edge.tail == edge.head:
            assert line == []
            continue
        for end, (x, y) in ((edge.tail, line[0]), (edge.head, line[-1])):
            left, right = across(boxes[end], laid.corners[end])
            top, bottom = down(boxes[end], laid.corners[end])
            assert min(abs(x - left), abs(x - right)) < 0.2
            assert top <= y <= bottom


@given(st.integers(2, 12).flatmap(
    lambda n: st.lists(
        st.tuples(st.integers(1, n - 1), st.integers(1, n - 1)).map(lambda p: (max(p), min(p) - 1)),
        max_size=25,
        unique=True,
    ).map(lambda pairs: (n, pairs))
), EITHER)  # fmt: skip
def test_without_a_circle_every_line_runs_to_the_right(
    graph: tuple[int, list[tuple[int, int]]],
    lay: Any,
) -> None:
    count, pairs = graph

    laid = lay([BOX] * count, [Edge(*pair) for pair in pairs])

    for line in laid.lines:
        xs = [x for x, _ in line]
        assert xs == sorted(xs)


def test_the_box_that_nothing_leaves_stands_at_the_right_edge() -> None:
    laid = layered([BOX] * 3, [Edge(1, 0), Edge(2, 1), Edge(2, 0)])

    assert next(x + BOX[0] for x, _ in laid.corners) == laid.width
    assert laid.corners[2][0] == 0


def test_from_the_left_it_is_the_box_that_nothing_leads_to_and_a_leaf_stays_near() -> None:
    edges = [Edge(0, 1), Edge(1, 2), Edge(2, 3), Edge(0, 4)]

    laid = layered_from_left([BOX] * 5, edges)

    assert laid.corners[0][0] == 0
    assert laid.corners[4][0] == laid.corners[1][0]


def test_from_the_left_lines_from_one_box_share_their_way_too() -> None:
    edges = [Edge(n, n + 1) for n in range(4)] + [Edge(0, 4), Edge(0, 3)]

    laid = layered_from_left([BOX] * 5, edges)

    far, near = laid.lines[4], laid.lines[5]
    assert far[:4] == near[:4]


def test_a_chain_is_level() -> None:
    laid = layered([BOX] * 5, [Edge(n + 1, n) for n in range(4)])

    assert len({y for _, y in laid.corners}) == 1


def test_lines_from_one_box_share_their_way() -> None:
    edges = [Edge(n + 1, n) for n in range(4)] + [Edge(4, 0), Edge(4, 1)]

    laid = layered([BOX] * 5, edges)

    far, near = laid.lines[4], laid.lines[5]
    assert far[:4] == near[:4]


def test_lines_that_can_be_drawn_without_a_crossing_are() -> None:
    # Two chains whose boxes are given in turns, and out of order.
    edges = [Edge(1, 0), Edge(2, 0), Edge(4, 1), Edge(3, 2), Edge(5, 4), Edge(6, 3)]

    laid = layered([BOX] * 7, edges)

    height = [y for _, y in laid.corners]
    assert (height[1] < height[2]) == (height[4] < height[3]) == (height[5] < height[6])


def test_past_the_limit_the_longest_lines_run_straight(monkeypatch) -> None:
    monkeypatch.setattr(layout, "MOST_BENDS", 2)
    edges = [Edge(n + 1, n) for n in range(9)] + [Edge(9, 0), Edge(3, 1)]

    laid = layered([BOX] * 10, edges)

    assert len(laid.lines[9]) == 2
    assert len(laid.lines[10]) == 4


def test_the_same_graph_gives_the_same_layout() -> None:
    def lay() -> Layout:
        return layered([BOX] * 40, [Edge(n + 1 + n * 7 % 5, n) for n in range(30)])

    assert lay() == lay()


def test_a_box_alone_is_the_picture() -> None:
    laid = layered([BOX], [Edge(0, 0)])

    assert laid == Layout(100.0, 40.0, [(0.0, 0.0)], [[]])
