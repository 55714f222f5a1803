"""A backtrace as text: one run, one line; below them what deserves a look."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime

from ..model.records import Frame
from . import words
from .detail import frame_block
from .fold import folded, folded_lines, stage_of
from .narrative import (
    FOLD_OVER,
    OK,
    OpenEnd,
    Reason,
    Remark,
    Trace,
    coverage_sentence,
    cut_sentence,
    frame_mark,
    gap_hint,
    gap_sentence,
    gave,
    headline,
    names_in,
    open_ends,
    other_writes_sentence,
    remarks,
    source_sentence,
    value_words,
)
from .screen import Screen, cells
from .table import GAP, Cell, Column, align

_NARROWEST = 40
_SENTENCES_SHOWN = 20
_ENDS_SHOWN = 10
_LEAST_VALUE = 24
# The place of the code's commit in a row.
_COMMIT = 5


def backtrace(
    trace: Trace,
    *,
    width: int = 100,
    color: bool = False,
    ascii: bool = False,  # noqa: A002 - the word that a user knows for it
    limit: int | None = None,
    wide: bool = False,
    full: bool = False,
    now: datetime | None = None,
    by: str | None = None,
    hints: Mapping[str, str] | None = None,
    only: str | None = None,
    stage: str | None = None,
) -> str:
    """Give the text of a backtrace.

    Args:
        trace: the backtrace.
        width: columns of the screen; no line of a run is longer.
        color: paint signs and states.
        ascii: for a terminal that shows nothing else.
        limit: the first so many runs, or the last if it is negative.
        wide: cut nothing, whatever the width.
        full: code, inputs, outputs, parameters and notes below each run.
        now: the moment to count the time of runs that have not ended from.
        hints: for names of gaps a sentence that says how to mend them.
        by: ``run``, ``component`` or ``stage``; left out, long traces are folded by component.
        only: ``warn`` for the runs that deserve a look.
        stage: only the runs of this stage, or of the component of this name.
    """
    screen = Screen(None if wide else max(width, _NARROWEST), color, ascii)
    asked = [frame for frame in trace.frames if _is_asked_for(frame, only, stage)]
    too_long = limit is None and not full and stage is None and len(asked) > FOLD_OVER
    fold = by if by != "run" else None
    if by is None and too_long:
        fold = "component"
    shown = asked if fold else _chosen(asked, limit)
    short = names_in(trace)
    ends = open_ends(shown)
    lines = _header(screen, trace, fold)
    if fold:
        lines += [*folded_lines(screen, shown, fold), *_gap_lines(screen, ends, short)]
    else:
        lines += _frame_lines(screen, trace, shown, ends, short, full=full, now=now)
    lines += _hidden(screen, trace, shown, only=only, stage=stage, limited=limit is not None)
    said = remarks(shown, short)
    below = _below(screen, trace, said, ends, short, hints or {}, everything=full)
    if below:
        lines += ["", *below]
    if fold:
        lines += ["", *_fold_hints(screen, trace, shown, fold)]
    return "\n".join(lines)


def _is_asked_for(frame: Frame, only: str | None, stage: str | None) -> bool:
    if only == "warn" and not (frame.warnings or frame_mark(frame) is not OK):
        return False
    return stage is None or stage in (frame.run.component, stage_of(frame))


def _fold_hints(screen: Screen, trace: Trace, shown: Sequence[Frame], fold: str) -> list[str]:
    """Say how to open the largest group, or all of them."""
    name = shlex.quote(trace.output.name)
    lines: list[str] = []
    groups = folded(shown, fold)
    if len(groups) > 1:
        largest = shlex.quote(max(groups, key=lambda group: len(groups[group])))
        lines += screen.wrap(screen.clean(f"Open one: bt {name} --stage {largest}"))
    return lines + screen.wrap(screen.clean(f"All runs: bt {name} --by run"))


class FrameLines:
    """Lines of single frames of one backtrace; what all need is worked out once."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self.short = names_in(trace)
        self._reasons = gave(trace, self.short)

    def line(self, screen: Screen, n: int, now: datetime | None = None) -> str:
        """Give the line of frame ``n`` as it stands in the backtrace."""
        run = self._trace.frames[n].run
        [time] = words.moments([run.started_us])
        row = _frame_row(self._trace.frames[n], self._reasons[n], time, now)
        return _table(screen, [row])[0]


def _chosen(frames: Sequence[Frame], limit: int | None) -> list[Frame]:
    if limit is None:
        return list(frames)
    return list(frames[:limit] if limit >= 0 else frames[limit:])


def _header(screen: Screen, trace: Trace, fold: str | None) -> list[str]:
    """Name and value to the left, counts to the right; the name is never cut."""
    name = screen.clean(trace.output.name)
    counts = headline(trace)
    if fold:
        groups = len(folded(trace.frames, fold))
        first, comma, rest = counts.partition(", ")
        counts = f"{first} in {words.count(groups, fold)}{comma}{rest}"
    value = screen.clean(value_words(trace.output))
    flagged = "! flagged" * trace.output.flagged
    beside = cells(name) + cells(counts) + cells(flagged) + 2 * len(GAP)
    if screen.width is None or beside + min(cells(value), _LEAST_VALUE) <= screen.width:
        return [_header_line(screen, name, value, flagged, counts)]
    return [
        _header_line(screen, name, "", flagged, ""),
        _header_line(screen, "", value, "", counts),
    ]


def _header_line(screen: Screen, name: str, value: str, flagged: str, counts: str) -> str:
    used = sum(cells(part) + len(GAP) for part in (name, flagged, counts) if part)
    if screen.width is not None:
        value = screen.cut_end(value, screen.width - used)
    shown = [(name, "strong"), (value, ""), (flagged, "warn")]
    left = GAP.join(screen.paint(text, tone) for text, tone in shown if text)
    if not counts:
        return left
    left_cells = cells(GAP.join(text for text, _ in shown if text))
    room = len(GAP) if screen.width is None else screen.width - left_cells - cells(counts)
    return left + " " * room + counts


def _table(screen: Screen, rows: Sequence[Sequence[Cell]]) -> list[str]:
    width = screen.width or 0
    columns = [
        Column(),
        Column(most=max((width - 52) // 2, 8)),
        Column(),
        Column(least=6, right=True),
        Column(least=8),
        Column(least=8),
        Column(),
    ]
    if all(row[_COMMIT].text == "-" for row in rows):
        # No commit is known of any run: the room is worth more to the names.
        rows = [[*row[:_COMMIT], *row[_COMMIT + 1 :]] for row in rows]
        del columns[_COMMIT]
    return align(screen, columns, rows)


def _frame_lines(
    screen: Screen,
    trace: Trace,
    shown: Sequence[Frame],
    ends: Sequence[OpenEnd],
    short: dict[str, str],
    *,
    full: bool,
    now: datetime | None,
) -> list[str]:
    reasons = gave(trace, short)
    times = words.moments([frame.run.started_us for frame in shown], narrow=screen.is_narrow)
    rows = [
        _frame_row(frame, reasons[frame.n], time, now)
        for frame, time in zip(shown, times, strict=True)
    ]
    gaps = [end for end in ends if not end.declared]
    rows += [_gap_row(end, short) for end in gaps[:_ENDS_SHOWN]]
    lines = _table(screen, rows)
    blocks = [frame_block(screen, frame, trace.output.name) for frame in shown] if full else []
    result: list[str] = []
    for place, line in enumerate(lines):
        result += [line, *(blocks[place] if place < len(blocks) else ())]
    return result + _gaps_not_shown(gaps)


def _frame_row(frame: Frame, reason: Reason, time: str, now: datetime | None) -> list[Cell]:
    mark = frame_mark(frame)
    run = frame.run
    return [
        Cell(f"#{frame.n}", "strong"),
        Cell(run.component),
        Cell(time, "dim"),
        Cell(words.run_duration(run, now)),
        Cell(str(mark), mark.tone),
        Cell(words.commit(run.code), "dim"),
        Cell(reason.names, lead=reason.lead),
    ]


def _gap_row(end: OpenEnd, short: dict[str, str]) -> list[Cell]:
    states = [Cell(text, "unknown") for text in ("?", "?", "unknown", "-", "?", "-")]
    lead = f"gave {words.numbers(end.readers)} "
    return [*states, Cell(short.get(end.name, end.name), lead=lead)]


def _gap_lines(screen: Screen, ends: Sequence[OpenEnd], short: dict[str, str]) -> list[str]:
    gaps = [end for end in ends if not end.declared]
    rows = [_gap_row(end, short) for end in gaps[:_ENDS_SHOWN]]
    return [*_table(screen, rows), *_gaps_not_shown(gaps)] if rows else []


def _gaps_not_shown(gaps: Sequence[OpenEnd]) -> list[str]:
    hidden = len(gaps) - _ENDS_SHOWN
    return [f"?  and {hidden:,} more like it (--json lists all)"] if hidden > 0 else []


def _hidden(
    screen: Screen,
    trace: Trace,
    shown: Sequence[Frame],
    *,
    only: str | None,
    stage: str | None,
    limited: bool,
) -> list[str]:
    """Say how many runs are not shown, and what hides them."""
    hidden = len(trace.frames) - len(shown)
    if not hidden:
        return []
    options = (("--only", only), ("--stage", stage), ("-n", limited))
    hiding = " and ".join(option for option, given in options if given)
    return screen.wrap(f"({words.count(hidden, 'more run')}: leave out {hiding} to see all)")


def _below(
    screen: Screen,
    trace: Trace,
    said: Sequence[Remark],
    ends: Sequence[OpenEnd],
    short: dict[str, str],
    hints: Mapping[str, str],
    *,
    everything: bool,
) -> list[str]:
    most = len(said) if everything else _SENTENCES_SHOWN
    lines: list[str] = []
    for remark in said[:most]:
        lines += _sentence(screen, remark.sign, remark.tone, f"{remark.subject}  {remark.text}")
    if len(said) > most:
        lines += [f"! and {len(said) - most:,} more warnings: --full shows all"]
    lines += _end_sentences(screen, ends, short, hints)
    for text in (
        coverage_sentence(trace),
        cut_sentence(trace),
        other_writes_sentence(trace.output),
    ):
        lines += screen.wrap(text) if text else []
    return lines


def _end_sentences(
    screen: Screen, ends: Sequence[OpenEnd], short: dict[str, str], hints: Mapping[str, str]
) -> list[str]:
    gaps = [end for end in ends if not end.declared][:_ENDS_SHOWN]
    sources = [end for end in ends if end.declared]
    lines: list[str] = []
    for end in gaps:
        said = " ".join(filter(None, (gap_sentence(end, short), hints.get(end.name))))
        lines += _sentence(screen, "?", "unknown", said)
    if hint := gap_hint(gaps, hints):
        lines += screen.wrap(screen.clean(hint))
    for end in sources[:_ENDS_SHOWN]:
        lines += _sentence(screen, "=", "dim", source_sentence(end, short))
    if len(sources) > _ENDS_SHOWN:
        lines += [f"= and {len(sources) - _ENDS_SHOWN:,} more declared sources"]
    return lines


def _sentence(screen: Screen, sign: str, tone: str, text: str) -> list[str]:
    first, *rest = screen.wrap(f"{sign} {screen.clean(text)}", indent="  ")
    return [screen.paint(sign, tone) + first[len(sign) :], *rest]
