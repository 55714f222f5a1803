"""A backtrace as a fragment of HTML, for the output cell of a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..model.records import Frame
from . import words
from .fragment import Cell, items, table, text
from .narrative import (
    FOLD_OVER,
    Reason,
    Trace,
    coverage_sentence,
    cut_sentence,
    frame_mark,
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

_HEADINGS = ("#", "component", "started (UTC)", "took", "status", "code", "why it is here")


def backtrace(trace: Trace) -> str:
    """Give a table of the runs with what deserves a look below it."""
    short = names_in(trace)
    shown = trace.frames[:FOLD_OVER]
    value = text(value_words(trace.output))
    parts = [
        f"<p><b>{text(trace.output.name)}</b> {value} &mdash; {text(headline(trace))}</p>",
        table(_HEADINGS, _rows(shown, gave(trace, short))),
    ]
    hidden = len(trace.frames) - len(shown)
    if hidden:
        parts.append(f"<p>{words.count(hidden, 'more run')}: print the backtrace to see them</p>")
    parts.append(items(_sentences(trace, shown, short)))
    return f"<div>{''.join(parts)}</div>"


def _rows(frames: Sequence[Frame], reasons: Sequence[Reason]) -> Iterator[Sequence[str | Cell]]:
    times = words.moments([frame.run.started_us for frame in frames])
    for frame, time in zip(frames, times, strict=True):
        mark = frame_mark(frame)
        yield (
            f"#{frame.n}",
            frame.run.component,
            time,
            words.run_duration(frame.run),
            Cell(str(mark), mark.tone),
            words.commit(frame.run.code),
            str(reasons[frame.n]),
        )


def _sentences(trace: Trace, shown: Sequence[Frame], short: dict[str, str]) -> Iterable[str]:
    for remark in remarks(shown, short):
        yield f"{remark.sign} {remark.subject}: {remark.text}"
    for end in open_ends(shown):
        if end.declared:
            yield f"= {source_sentence(end, short)}"
        else:
            yield f"? {gap_sentence(end, short)}"
    yield coverage_sentence(trace)
    yield cut_sentence(trace)
    yield other_writes_sentence(trace.output)
