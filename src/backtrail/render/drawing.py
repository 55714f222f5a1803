"""A picture with its places: each box with its lines of text, each arrow with its path.

The SVG file and the page in the browser draw the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from .layout import Edge, Layout, Point, layered, layered_from_left
from .narrative import Trace, made_output
from .picture import MOST_BOXES, Arrow, Box, Picture, picture
from .screen import Screen, cells, safe

# A fixed width makes it known how much fits into a box, whichever font the reader has.
#: Units of a character and a line of the font that it is drawn in, and the room around them.
CELL, LINE = 7.25, 17
PAD_X, PAD_Y = 12, 10
_MOST_CELLS, _LEAST_CELLS = 30, 14
_CUTTER = Screen(None)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture laid out; all lists in the order of its boxes or its arrows."""

    picture: Picture
    texts: list[list[str]]
    sizes: list[Point]
    layout: Layout
    paths: list[str]
    said: list[str]


def draw(
    trace: Trace,
    by: str | None = None,
    *,
    opened: Collection[str] = (),
    most: int = MOST_BOXES,
    notes: Mapping[int | str, str] | None = None,
) -> Drawing:
    """Give the drawing; arguments as in `picture.picture`.

    ``notes`` are last lines of boxes, by the number of a run or the name of a group.
    """
    drawn = picture(trace, by, most, opened)
    reasons = handed_on(drawn)
    if trace.frames:
        reasons[drawn.boxes[0].key] = str(made_output(trace, drawn.short))
    noted = notes or {}
    texts = [
        box_lines(box, reasons.get(box.key, ""), noted.get(box.subject, "")) for box in drawn.boxes
    ]
    return laid_out(drawn, texts)


def laid_out(drawn: Picture, texts: list[list[str]], *, from_left: bool = False) -> Drawing:
    """Give boxes with these texts their places, the last at the right edge or the first left."""
    width = _box_width(texts)
    sizes = [(width, 2.0 * PAD_Y + LINE * len(lines) - 5) for lines in texts]
    place = {box.key: number for number, box in enumerate(drawn.boxes)}
    edges = [Edge(place[each.start], place[each.end], int(each.called)) for each in drawn.arrows]
    layout = (layered_from_left if from_left else layered)(sizes, edges)
    paths = [
        _curve(points) if points else _loop(layout.corners[place[arrow.start]])
        for arrow, points in zip(drawn.arrows, layout.lines, strict=True)
    ]
    names = {box.key: box.lines[0] for box in drawn.boxes}
    said = [_arrow_words(arrow, names) for arrow in drawn.arrows]
    return Drawing(drawn, texts, sizes, layout, paths, said)


def handed_on(drawing: Picture) -> dict[str, str]:
    """Give what each box handed on, in a few words, by its key."""
    reasons: dict[str, str] = {}
    handed: dict[str, dict[str, None]] = defaultdict(dict)
    for arrow in drawing.arrows:
        if arrow.called:
            reasons[arrow.start] = "called"
        else:
            handed[arrow.start].update(dict.fromkeys(arrow.names))
    reasons.update((key, _gave(list(names))) for key, names in handed.items() if names)
    return reasons


def _gave(names: Sequence[str]) -> str:
    """Give as many names as there is room for, and how many more."""
    for shown in (3, 2, 1):
        hidden = len(names) - shown
        text = ", ".join(safe(name) for name in names[:shown])
        more = f" +{hidden:,}" if hidden > 0 else ""
        if cells(text) + cells(more) + 5 <= _MOST_CELLS:
            break
    return f"gave {_CUTTER.cut(text, _MOST_CELLS - cells(more) - 5)}{more}"


def box_lines(box: Box, *more: str) -> list[str]:
    """Give the lines of a box, and these below them, as they fit."""
    lines = [safe(line) for line in (*box.lines, *more) if line]
    return [_CUTTER.cut(line, _MOST_CELLS) for line in lines]


def _box_width(texts: Sequence[Sequence[str]]) -> float:
    widest = max((cells(line) for lines in texts for line in lines), default=0)
    return round(max(widest, _LEAST_CELLS) * CELL + 2 * PAD_X, 1)


def _arrow_words(arrow: Arrow, names: dict[str, str]) -> str:
    start, end = names[arrow.start], names[arrow.end]
    if arrow.called:
        return f"{start} was called by {end}"
    if not arrow.names:
        return f"{start} was read by {end}"
    return f"{start} gave {end} {arrow.label}"


def _curve(points: Sequence[Point]) -> str:
    """Give the path: a curve between two layers, then straight through one, in turns."""
    (x, y), *rest = points
    parts = [f"M{x:g} {y:g}"]
    for place, (to_x, to_y) in enumerate(rest):
        if y == to_y:
            parts.append(f"H{to_x:g}")
        elif place % 2:
            parts.append(f"L{to_x:g} {to_y:g}")
        else:
            middle = round((x + to_x) / 2, 1)
            parts.append(f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}")
        x, y = to_x, to_y
    return "".join(parts)


def _loop(corner: Point) -> str:
    """Give a loop on the top edge: runs of one component fed later runs of it."""
    x, y = corner
    return f"M{x + 16:g} {y:g}c0 -16 26 -16 26 0"
