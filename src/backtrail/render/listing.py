"""Runs, components and search results as lists: one thing, one line, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise, takewhile

from ..model.records import ComponentRecord, Match, Run
from . import words
from .names import short_names
from .narrative import run_mark, wrote
from .screen import Screen, cells
from .table import Cell, Column, align

# The first 18 characters of a run id tell runs of one process apart.
_ID_CELLS = 18


def runs(screen: Screen, found: Sequence[Run], *, now: datetime | None = None) -> str:
    """Give one line a run: id, component, time, duration, state, code, what it wrote."""
    # In a narrow window what a run wrote is worth more than its commit.
    with_code = not screen.is_narrow and any(run.code.git_hash for run in found)
    short = short_names(written.name for run in found for written in run.outputs)
    ids = short_ids([run.run_id for run in found])
    columns = [
        Column(),
        Column(most=max(((screen.width or 0) - 60) // 2, 10)),
        Column(),
        Column(least=6, right=True),
        Column(least=8),
        *([Column(least=8)] if with_code else []),
        Column(),
    ]
    times = words.moments([run.started_us for run in found], narrow=screen.is_narrow)
    rows = [
        _run_row(run, shown, time, short, now)
        for run, shown, time in zip(found, ids, times, strict=True)
    ]
    if not with_code:
        rows = [row[:5] + row[6:] for row in rows]
    return "\n".join(align(screen, columns, rows))


def _run_row(
    run: Run, shown_id: str, time: str, short: dict[str, str], now: datetime | None
) -> list[Cell]:
    mark = run_mark(run)
    made = wrote(run, short)
    return [
        Cell(shown_id, "strong"),
        Cell(run.component),
        Cell(time, "dim"),
        Cell(words.run_duration(run, now)),
        Cell(str(mark), mark.tone),
        Cell(words.commit(run.code), "dim"),
        Cell(made, lead="made " if made else ""),
    ]


def short_ids(ids: Sequence[str]) -> list[str]:
    """Give each id a prefix that can be typed, long enough to tell these ids apart.

    Ids that a caller chose stay whole: two of them may differ only in their end.
    """
    every = sorted(set(ids))
    lengths = dict.fromkeys(every, _ID_CELLS)
    for one, other in pairwise(every):
        needed = _shared_length(one, other) + 1
        lengths[one] = max(lengths[one], needed)
        lengths[other] = max(lengths[other], needed)
    return [run_id[: lengths[run_id]] if _is_uuid(run_id) else run_id for run_id in ids]


def _shared_length(one: str, other: str) -> int:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in pairs)


def _is_uuid(run_id: str) -> bool:
    return len(run_id) == 36 and [len(part) for part in run_id.split("-")] == [8, 4, 4, 4, 12]


def components(screen: Screen, found: Sequence[ComponentRecord]) -> str:
    """Give one line a component: name, kind, owner, last run, tags, description."""
    columns = [
        Column(most=28),
        Column(most=12),
        Column(most=20),
        Column(),
        Column(prose=True),
    ]
    times = words.moments([component.last_run_us for component in found], narrow=screen.is_narrow)
    rows = [
        [
            Cell(component.name, "strong"),
            Cell(component.kind or "-"),
            Cell(component.owner or "-"),
            Cell(time, "dim"),
            Cell(_about(component)),
        ]
        for component, time in zip(found, times, strict=True)
    ]
    return "\n".join(align(screen, columns, rows))


def _about(component: ComponentRecord) -> str:
    tags = " ".join(f"[{tag}]" for tag in component.tags)
    return "  ".join(part for part in (tags, component.description or "") if part)


def matches(screen: Screen, found: Sequence[Match]) -> str:
    """Give one line a match: what it is, its component, when, and its name whole if it fits."""
    columns = [Column(most=12), Column(most=20), Column(), Column()]
    times = words.moments([match.at_us for match in found], narrow=screen.is_narrow)
    rows = [
        [
            Cell(match.what, "dim"),
            Cell(match.component or "-"),
            Cell(time, "dim"),
            Cell(match.name, "strong"),
        ]
        for match, time in zip(found, times, strict=True)
    ]
    return "\n".join(align(screen, columns, rows))


def facts(screen: Screen, pairs: Sequence[tuple[str, str]]) -> str:
    """Give two columns, a label and what is known under it."""
    label_cells = max((cells(label) for label, _ in pairs), default=0)
    lines: list[str] = []
    for label, text in pairs:
        start = screen.paint(label, "dim") + " " * (label_cells - cells(label))
        lines.append(f"{start}  {screen.clean(text)}".rstrip())
    return "\n".join(lines)
