"""Data files as tables: columns with their types, figures, first rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from . import words
from .screen import Screen, cells
from .table import GAP, Cell, Column, align

_FIGURES = ("nulls", "mean", "min", "max")
_WIDEST = 24


class DataColumn(Protocol):
    """What is shown of a column (`query.tables.Column`)."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def type(self) -> str:
        """The type of its values."""

    @property
    def figures(self) -> dict[str, Any]:
        """Figures by name."""


def schema(
    screen: Screen, columns: Sequence[DataColumn], rows: int, size_bytes: int, doubt: str
) -> str:
    """Give names and types on one line if they fit, else a line each."""
    extent = f"{words.count(rows, 'row')}, {words.size(size_bytes)}"
    line = " | ".join(screen.clean(f"{each.name} {each.type}") for each in columns)
    if screen.width is None or cells(line) + len(extent) + 5 <= screen.width:
        return "\n".join([f"{line}     {extent}", *_doubt(screen, doubt)])
    listed = [[Cell(each.name, "strong"), Cell(each.type)] for each in columns]
    head = f"{extent}, {words.count(len(columns), 'column')}"
    return "\n".join([head, *align(screen, [Column(), Column()], listed), *_doubt(screen, doubt)])


def stats(screen: Screen, columns: Sequence[DataColumn], doubt: str) -> str:
    """Give the figures of each column, a line a column."""
    shown = [name for name in _FIGURES if any(name in each.figures for each in columns)]
    titles = [Cell(name, "dim") for name in ("column", "type", *shown, "")]
    rows = [titles] + [
        [
            Cell(each.name, "strong"),
            Cell(each.type),
            *(Cell(_figure(each.figures.get(name))) for name in shown),
            Cell(""),
        ]
        for each in columns
    ]
    layout = [Column(most=_WIDEST), Column(most=_WIDEST), *(Column(right=True) for _ in shown)]
    # The last column takes the room that is left: figures shall stand close together.
    layout.append(Column())
    return "\n".join([*align(screen, layout, rows), *_doubt(screen, doubt)])


def head(screen: Screen, columns: Sequence[str], rows: Sequence[Sequence[Any]], doubt: str) -> str:
    """Give rows under the names of their columns; what is too wide is left out, and counted."""
    table = [[screen.clean(name) for name in columns]]
    table += [[screen.cut(screen.clean(_value(each)), _WIDEST) for each in row] for row in rows]
    widths = [max(cells(row[place]) for row in table) for place in range(len(columns))]
    fitting = _fitting(screen, widths)
    layout = [Column() for _ in range(fitting)]
    tones = ["dim", *[""] * len(rows)]
    lines = align(
        screen,
        layout,
        [
            [Cell(text, tone) for text in row[:fitting]]
            for row, tone in zip(table, tones, strict=True)
        ],
    )
    hidden = len(columns) - fitting
    if hidden:
        names = _names(screen, columns[fitting:])
        lines += screen.wrap(f"({words.count(hidden, 'more column')}: {names})", indent=" ")
    return "\n".join([*lines, *_doubt(screen, doubt)])


def _fitting(screen: Screen, widths: Sequence[int]) -> int:
    if screen.width is None:
        return len(widths)
    used = 0
    for place, width in enumerate(widths):
        used += width + (len(GAP) if place else 0)
        if used > screen.width:
            return max(place, 1)
    return len(widths)


def _names(screen: Screen, names: Sequence[str]) -> str:
    return screen.cut_end(screen.clean(", ".join(names)), 70)


def _doubt(screen: Screen, doubt: str) -> list[str]:
    if not doubt:
        return []
    first, *rest = screen.wrap(f"! {screen.clean(doubt)}", indent="  ")
    return [screen.paint("!", "warn") + first[1:], *rest]


def _value(given: Any) -> str:
    if isinstance(given, float):
        return f"{given:.6g}"
    return "-" if given is None else str(given)


def _figure(given: Any) -> str:
    if given is None:
        return "-"
    return f"{given:,.4g}" if isinstance(given, float) else str(given)
