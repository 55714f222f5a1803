"""What the trace page in a browser draws: boxes and lines with their places, and rows of steps.

Folding and layout happen here, so a trace of ten thousand runs opens as a dozen boxes, and the
page asks for what is opened.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..model.records import Frame
from . import words
from .drawing import draw
from .fold import folded, stage_of
from .fragment import text
from .narrative import Mark, Reason, Trace, frame_mark, gave, names_in, tally
from .overlay import Overlay, details, summary
from .page import step_article
from .picture import folding

Document = dict[str, Any]
# How runs compare, by number, and groups, by name.
_Marks = dict[int | str, Mark]


def view(
    trace: Trace, by: str | None, opened: Collection[str], over: Overlay | None = None
) -> Document:
    """Give the drawing, and the rows of the list of steps: groups, and runs of those opened.

    With ``over``, each box and row says how it compares.
    """
    by = by or folding(trace)
    marks = _marks(trace, by, over)
    drawn = draw(trace, by, opened=opened, notes={each: str(m) for each, m in marks.items()})
    boxes = [
        {
            "key": box.key,
            "x": corner[0],
            "y": corner[1],
            "w": size[0],
            "h": size[1],
            "lines": lines,
            "shape": box.shape,
            "state": box.state,
            "n": box.frame,
            "group": box.group,
            "compared": _told(marks.get(box.subject)),
        }
        for box, corner, size, lines in zip(
            drawn.picture.boxes, drawn.layout.corners, drawn.sizes, drawn.texts, strict=True
        )
    ]
    arrows = [
        {"from": arrow.start, "to": arrow.end, "d": path, "said": said, "called": arrow.called}
        for arrow, path, said in zip(drawn.picture.arrows, drawn.paths, drawn.said, strict=True)
    ]
    return {
        "by": by,
        "total": len(trace.frames),
        "width": drawn.layout.width,
        "height": drawn.layout.height,
        "boxes": boxes,
        "arrows": arrows,
        "steps": _steps(trace, by, opened, marks),
        "compared": None if over is None else summary(over, trace.frames),
    }


def rows(trace: Trace, over: Overlay | None = None) -> list[Document]:
    """Give a row for each run, nearest first."""
    return _rows(trace.frames, _reasons(trace), _marks(trace, "run", over))


def step(trace: Trace, n: int, over: Overlay | None = None) -> str:
    """Give all that is known of a step, and how it compares, as HTML."""
    frame = trace.frames[n]
    reason = _reasons(trace)[n]
    place = f'data-component="{text(frame.run.component)}" data-stage="{text(stage_of(frame))}"'
    compared = [] if over is None else [details(over, frame)]
    return "\n".join((f"<div {place}>", *compared, *step_article(frame, reason), "</div>"))


def _marks(trace: Trace, by: str, over: Overlay | None) -> _Marks:
    """Say of each run, by number, and each group, by name, how it compares."""
    if over is None:
        return {}
    found: _Marks = {frame.n: over.mark(frame) for frame in trace.frames}
    if by != "run":
        found |= {name: over.mark_of(each) for name, each in folded(trace.frames, by).items()}
    return found


def _told(mark: Mark | None) -> Document | None:
    return None if mark is None else {"text": str(mark), "tone": mark.tone}


def _steps(trace: Trace, by: str, opened: Collection[str], marks: _Marks) -> list[Document]:
    if by == "run":
        return _rows(trace.frames, _reasons(trace), marks)
    reasons = _reasons(trace) if opened else []
    found: list[Document] = []
    for name, members in folded(trace.frames, by).items():
        is_open = name in opened
        found.append(_group(name, members, marks, is_open=is_open))
        found += _rows(members, reasons, marks) if is_open else []
    return found


def _reasons(trace: Trace) -> list[Reason]:
    return gave(trace, names_in(trace))


def _group(name: str, members: Sequence[Frame], compared: _Marks, *, is_open: bool) -> Document:
    marks = [frame_mark(frame) for frame in members]
    tones = {mark.tone for mark in marks if mark.sign}
    return {
        "group": name,
        "about": ", ".join([words.count(len(members), "run"), *tally(members)]),
        "tone": next((tone for tone in ("bad", "warn", "unknown", "live") if tone in tones), ""),
        "open": is_open,
        "compared": _told(compared.get(name)),
    }


def _rows(frames: Sequence[Frame], reasons: Sequence[Reason], compared: _Marks) -> list[Document]:
    times = words.moments([frame.run.started_us for frame in frames])
    found = []
    for frame, time in zip(frames, times, strict=True):
        mark = frame_mark(frame)
        found.append(
            {
                "n": frame.n,
                "component": frame.run.component,
                "started": time,
                "took": words.run_duration(frame.run),
                "state": str(mark),
                "tone": mark.tone if mark.sign else "",
                "code": words.commit(frame.run.code),
                "why": str(reasons[frame.n]),
                "from_us": frame.run.started_us,
                "to_us": frame.run.ended_us,
                "warned": bool(mark.sign),
                "compared": _told(compared.get(frame.n)),
            }
        )
    return found
