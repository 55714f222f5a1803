"""How the steps of one trace compare with those of another, said beside each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.diffs import UNKNOWN, DiffRow
from ..model.records import Frame
from . import diff_words, words
from .diff_words import Difference
from .fragment import text
from .narrative import Mark, frame_mark

SAME = Mark("=", "same", "dim")
CHANGED = Mark("≠", "changed", "warn")
ONLY_HERE = Mark("+", "only here", "live")
NOT_KNOWN = Mark("?", "unknown", "unknown")
_MARKS = {"same": SAME, "only-b": ONLY_HERE, "diverges": CHANGED, "follows": CHANGED}
# What is no news comes last.
_ORDER = (CHANGED, ONLY_HERE, NOT_KNOWN, SAME)
_MOST_THERE = 50
_MOST_CHANGES = 12


@dataclass(frozen=True, slots=True)
class Overlay:
    """A comparison seen from its second output: ``rows`` by the id of the run that is here."""

    found: Difference
    rows: Mapping[str, DiffRow]

    def mark(self, frame: Frame) -> Mark:
        """Say how a step compares; one that the comparison has not reached is not known."""
        row = self.rows.get(frame.run.run_id)
        return NOT_KNOWN if row is None else _MARKS.get(row.verdict, NOT_KNOWN)

    def mark_of(self, frames: Sequence[Frame]) -> Mark:
        """Say how many steps of a group compare in which way, in the tone of the gravest."""
        counts = Counter(map(self.mark, frames))
        found = [mark for mark in _ORDER if counts[mark]]
        if len(found) == 1 and found[0] in (SAME, ONLY_HERE):
            return Mark(found[0].sign, f"all {found[0].word}", found[0].tone)
        told = [f"{mark.sign} {counts[mark]:,} {mark.word}" for mark in found if mark is not SAME]
        return Mark("", ", ".join(told), found[0].tone)


def overlay(found: Difference) -> Overlay:
    """Lay a comparison over the trace of its second output."""
    rows = {row.b.run.run_id: row for row in found.rows if row.b is not None}
    return Overlay(found, rows)


def summary(over: Overlay, frames: Sequence[Frame]) -> dict[str, Any]:
    """Say how a trace compares in all, and which steps only the other one has."""
    there = [row.a for row in over.found.rows if row.a is not None and row.b is None]
    there.sort(key=lambda frame: frame.n)
    counts = Counter(map(over.mark, frames))
    parts = [f"{counts[mark]:,} {mark.word}" for mark in _ORDER[:2] if counts[mark]]
    parts += [f"{len(there):,} only there"] if there else []
    parts += [f"{counts[NOT_KNOWN]:,} unknown"] if counts[NOT_KNOWN] else []
    if over.found.truncated:
        parts.append("as far as the traces go: a limit cut one")
    times = words.moments([frame.run.started_us for frame in there[:_MOST_THERE]])
    return {
        "other": over.found.a.name,
        "said": ", ".join(parts) or f"all {words.count(len(frames), 'step')} the same",
        "there": [
            {
                "run": frame.run.run_id,
                "said": f"#{frame.n} {frame.run.component}",
                "about": f"{time}, {frame_mark(frame)}",
            }
            for frame, time in zip(there, times, strict=False)
        ],
        "there_total": len(there),
    }


def details(over: Overlay, frame: Frame) -> str:
    """Say how a step compares and in what, as HTML."""
    mark = over.mark(frame)
    row = over.rows.get(frame.run.run_id)
    lines = [] if row is None else list(_changes(over.found, row))
    hidden = len(lines) - _MOST_CHANGES
    more = [f"and {words.count(hidden, 'more change')}"] if hidden > 0 else []
    listed = "".join(f"<li>{text(line)}</li>" for line in [*lines[:_MOST_CHANGES], *more])
    about = ", ".join(_about(over.found, row))
    return (
        f'<p><span class="{mark.tone}">{text(str(mark))}</span> {text(about)}</p>'
        f"{f'<ul>{listed}</ul>' if listed else ''}"
    )


def _about(found: Difference, row: DiffRow | None) -> Iterator[str]:
    other = found.a.name
    if row is None:
        yield f"not compared with {other}: it was recorded meanwhile"
        return
    own = {each.row: each for each in found.divergences}
    if row.a is None:
        like = own[row.n].like if row.n in own else None
        yield f"no step of {other} stands for it"
        if like is not None:
            yield f"which has #{like.n} in its place"
        return
    yield f"compared with #{row.a.n} of {other}"
    if found.divergences and found.divergences[0].row == row.n:
        yield "the first that differs by itself"
    elif why := str(diff_words.reason(found, row, own)):
        yield why


def _changes(found: Difference, row: DiffRow) -> Iterable[str]:
    """Give what differs, a line each: there, then here."""
    short = diff_words.names_in(found)
    known = (change for change in row.changes if change.state != UNKNOWN)
    return (diff_words.change_line(change, short) for change in known)
