"""A backtrace or an impact as a fragment of HTML, for the output cell of a notebook.

No scripts, no style sheet, no outside address: a notebook is mailed around and
opened years later. Values from pipelines are text, never HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..model.impact import ImpactGroup
from ..model.records import Frame
from . import words
from .impact import Affected, tally
from .impact import headline as headline_of_impact
from .impact import sentences as sentences_of_impact
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
    list_some,
    names_in,
    open_ends,
    other_writes_sentence,
    remarks,
    source_sentence,
    value_words,
)
from .screen import safe

_COLORS = {"bad": "#b3261e", "warn": "#9a6700", "live": "#0969da", "unknown": "#6639ba"}
CELL = "text-align:left;padding:2px 10px 2px 0;white-space:nowrap"
_IMPACT_HEADINGS = ("+", "runs", "component", "started (UTC)", "outputs", "read")
_HEADINGS = ("#", "component", "started (UTC)", "took", "status", "code", "why it is here")


def backtrace(trace: Trace) -> str:
    """Give a table of the runs with what deserves a look below it."""
    short = names_in(trace)
    shown = trace.frames[:FOLD_OVER]
    value = _text(value_words(trace.output))
    parts = [
        f"<p><b>{_text(trace.output.name)}</b> {value} &mdash; {_text(headline(trace))}</p>",
        _table(shown, gave(trace, short)),
    ]
    hidden = len(trace.frames) - len(shown)
    if hidden:
        parts.append(f"<p>{words.count(hidden, 'more run')}: print the backtrace to see them</p>")
    parts.append(_list(_sentences(trace, shown, short)))
    return f"<div>{''.join(parts)}</div>"


def _table(frames: Sequence[Frame], reasons: Sequence[Reason]) -> str:
    heads = "".join(f'<th scope="col" style="{CELL}">{_text(name)}</th>' for name in _HEADINGS)
    times = words.moments([frame.run.started_us for frame in frames])
    rows = "".join(
        _row(frame, reasons[frame.n], time) for frame, time in zip(frames, times, strict=True)
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _row(frame: Frame, reason: Reason, time: str) -> str:
    mark = frame_mark(frame)
    color = _COLORS.get(mark.tone)
    run = frame.run
    texts = [
        f"#{frame.n}",
        run.component,
        time,
        words.run_duration(run),
        str(mark),
        words.commit(run.code),
        str(reason),
    ]
    styles = [CELL + (f";color:{color}" if color and place == 4 else "") for place in range(7)]
    cells = "".join(
        f'<td style="{style}">{_text(text)}</td>' for text, style in zip(texts, styles, strict=True)
    )
    return f"<tr>{cells}</tr>"


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


def _list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{_text(sentence)}</li>" for sentence in sentences if sentence)
    return f"<ul>{items}</ul>" if items else ""


def impact(found: Affected) -> str:
    """Give a table of the runs by distance and component, and sentences below it."""
    heads = "".join(
        f'<th scope="col" style="{CELL}">{_text(name)}</th>' for name in _IMPACT_HEADINGS
    )
    rows = "".join(_impact_row(group) for group in found.groups[:FOLD_OVER])
    hidden = len(found.groups) - FOLD_OVER
    more = f"<p>{words.count(hidden, 'more line')}: print the impact</p>" if hidden > 0 else ""
    return (
        f"<div><p>{_text(headline_of_impact(found))}</p>"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{more}"
        f"{_list(sentences_of_impact(found))}</div>"
    )


def _impact_row(group: ImpactGroup) -> str:
    first, last = (words.minute(us) for us in (group.first_us, group.last_us))
    texts = [
        f"+{group.depth}",
        group.run_id if group.runs == 1 else words.count(group.runs, "run"),
        group.component,
        first if first == last else f"{first} .. {last}",
        tally(group.outputs, group.flagged) if group.outputs else "",
        list_some(list(group.read)),
    ]
    cells = "".join(f'<td style="{CELL}">{_text(text)}</td>' for text in texts)
    return f"<tr>{cells}</tr>"


def _text(text: str) -> str:
    # Every backtrace loads this module, only a notebook calls it.
    from html import escape

    return escape(safe(text))
