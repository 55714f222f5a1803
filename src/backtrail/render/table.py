"""Rows of cells -> aligned lines that never exceed the width of the screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .screen import Screen, cells

GAP = "  "
_LEAST_BESIDE_LEAD = 5


@dataclass(frozen=True, slots=True)
class Column:
    """How one column is laid out; beyond ``most`` cells its text is cut in the middle.

    Sentences (``prose``) are cut at their end.
    """

    least: int = 0
    most: int | None = None
    right: bool = False
    prose: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """Text of one cell, not yet cleaned, and its tone; ``lead`` stands before it uncut."""

    text: str
    tone: str = ""
    lead: str = ""


def align(screen: Screen, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Lay rows out under common columns; the last column gets the room that is left."""
    texts = [[screen.clean(cell.lead + cell.text) for cell in row] for row in rows]
    widths = _widths(screen, columns, texts)
    return [_line(screen, columns, widths, row) for row in rows]


def _cut(screen: Screen, column: Column, cell: Cell, width: int | None) -> str:
    lead, text = screen.clean(cell.lead), screen.clean(cell.text)
    if column.prose:
        return screen.cut_end(lead + text, width)
    if width is None or cells(lead) + _LEAST_BESIDE_LEAD > width:
        return screen.cut(lead + text, width)
    return lead + screen.cut(text, width - cells(lead))


def _widths(
    screen: Screen, columns: Sequence[Column], texts: Sequence[Sequence[str]]
) -> list[int | None]:
    widths: list[int | None] = []
    used = 0
    for place, column in enumerate(columns[:-1]):
        width = max([column.least, *(cells(row[place]) for row in texts)])
        if screen.width is not None and column.most is not None:
            width = min(width, column.most)
        widths.append(width)
        used += width + len(GAP)
    last = None if screen.width is None else max(screen.width - used, 0)
    return [*widths, last]


def _line(
    screen: Screen,
    columns: Sequence[Column],
    widths: Sequence[int | None],
    row: Sequence[Cell],
) -> str:
    left = screen.width
    parts: list[str] = []
    gap = ""
    for cell, column, width in zip(row, columns, widths, strict=True):
        shown = _cut(screen, column, cell, width)
        pad = " " * max((width or 0) - cells(shown), 0)
        before, after = (pad, "") if column.right else ("", pad)
        # A screen narrower than the columns themselves: what fits is shown.
        if left is not None:
            if left < cells(gap + before + shown):
                break
            left -= cells(gap + before + shown + after)
        parts += [gap, before, screen.paint(shown, cell.tone), after]
        gap = GAP
    return _without_trailing_space(parts)


def _without_trailing_space(parts: list[str]) -> str:
    while parts and not parts[-1].strip(" "):
        parts.pop()
    return "".join(parts)
