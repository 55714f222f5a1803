"""A backtrace as boxes and arrows, before any format: every drawing of it shows the same.

A run is a box, or a component where there are many runs. Where the trace ends, a box
says whether that is a gap or a declared source.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ..model.records import Frame
from . import words
from .fold import folded
from .narrative import FOLD_OVER, OpenEnd, Trace, frame_mark, names_in, open_ends, tally

MOST_BOXES = 600
_NAMES_ON_ARROW = 3
# So many files that the same runs read are one box.
_ENDS_TOGETHER = 8
_MORE = "more"
STATES = {"x": "bad", "!": "warn", "?": "unknown", "~": "live", "": ""}


@dataclass(frozen=True, slots=True)
class Box:
    """A run, a folded component, a gap, a source, or more that is not drawn: ``shape`` says which.

    ``frame`` is the number of the run, where it is one. ``about`` says it in a sentence.
    """

    key: str
    lines: tuple[str, ...]
    shape: str
    state: str = ""
    frame: int | None = None
    about: str = ""

    @property
    def group(self) -> str | None:
        """The name of the group that it shows, if it shows one."""
        return self.lines[0] if self.shape == "component" else None

    @property
    def subject(self) -> int | str:
        """The number of the run or the name of the group that it shows; else empty."""
        return (self.group or "") if self.frame is None else self.frame


@dataclass(frozen=True, slots=True)
class Arrow:
    """What one box gave another; ``called`` where it was a call and not data."""

    start: str
    end: str
    names: tuple[str, ...]
    called: bool = False

    @property
    def label(self) -> str:
        """The first names, and how many more."""
        if self.called:
            return "called"
        hidden = len(self.names) - _NAMES_ON_ARROW
        shown = ", ".join(self.names[:_NAMES_ON_ARROW])
        return f"{shown} +{hidden:,}" if hidden > 0 else shown


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes, the one that made the output first, and the arrows between them.

    ``short`` has the short names of all that the trace mentions.
    """

    boxes: list[Box]
    arrows: list[Arrow]
    short: dict[str, str]


def picture(
    trace: Trace,
    by: str | None = None,
    most: int = MOST_BOXES,
    opened: Collection[str] = (),
) -> Picture:
    """Give the picture; ``by`` is ``run``, ``component`` or ``stage``.

    Where that is not said, it is folded by component over 60 runs. Components and stages that
    are ``opened`` are shown run by run.

    It has ``most`` boxes at most: those nearest to the output, and one that counts the rest.
    """
    by = by or folding(trace)
    return _by_run(trace, most) if by == "run" else _folded(trace, by, most, opened)


def folding(trace: Trace) -> str:
    """Give how a trace is folded where nobody says how: ``run`` where it is short."""
    return "component" if len(trace.frames) > FOLD_OVER else "run"


def _by_run(trace: Trace, most: int) -> Picture:
    short = names_in(trace)
    ends = _end_boxes(trace, short)
    shown = trace.frames[: _room(len(trace.frames), len(ends), most)]
    times = words.moments([frame.run.started_us for frame in shown])
    boxes = [_run_box(frame, time) for frame, time in zip(shown, times, strict=True)]
    keys = [f"f{frame.n}" if frame.n < len(shown) else _MORE for frame in trace.frames]
    hidden = _more_counts(len(trace.frames) - len(shown), "run")
    return _drawn(trace, boxes, keys, ends, hidden, short, most)


def _run_box(frame: Frame, time: str) -> Box:
    mark = frame_mark(frame)
    lines = (f"#{frame.n} {frame.run.component}", time, str(mark))
    return Box(f"f{frame.n}", lines, "run", STATES[mark.sign], frame.n)


def _folded(trace: Trace, by: str, most: int, opened: Collection[str]) -> Picture:
    short = names_in(trace)
    ends = _end_boxes(trace, short)
    units: list[tuple[Box, Sequence[Frame]]] = []
    for place, (name, members) in enumerate(folded(trace.frames, by).items()):
        if name in opened:
            times = words.moments([frame.run.started_us for frame in members])
            pairs = zip(members, times, strict=True)
            units += [(_run_box(frame, time), [frame]) for frame, time in pairs]
        else:
            counts = (words.count(len(members), "run"), *tally(members))
            units.append((Box(f"c{place}", (name, ", ".join(counts)), "component"), members))
    shown = _room(len(units), len(ends), most)
    keys = [_MORE] * len(trace.frames)
    for box, behind in units[:shown]:
        for frame in behind:
            keys[frame.n] = box.key
    left_out = [box.shape for box, _ in units[shown:]]
    hidden = _more_counts(left_out.count("component"), by) + _more_counts(
        left_out.count("run"), "run"
    )
    return _drawn(trace, [box for box, _ in units[:shown]], keys, ends, hidden, short, most)


def _room(boxes: int, ends: int, most: int) -> int:
    """Give how many runs or components are drawn beside so many ends: half of all, at least."""
    return boxes if boxes + ends <= most else max(most - 1 - ends, most // 2)


@dataclass(frozen=True, slots=True)
class _End:
    """A box where the trace ends, and the frames that read what it stands for."""

    lines: tuple[str, str]
    shape: str
    state: str
    readers: Sequence[int]


def _end_boxes(trace: Trace, short: dict[str, str]) -> list[_End]:
    """Give a box for each open end; many that the same runs read are one."""
    groups: dict[tuple[bool, tuple[int, ...]], list[OpenEnd]] = defaultdict(list)
    for end in open_ends(trace.frames):
        groups[end.declared, tuple(end.readers)].append(end)
    found: list[_End] = []
    for (declared, readers), ends in groups.items():
        what = "declared source" if declared else "not recorded"
        shape, state = ("source", "") if declared else ("gap", "unknown")
        names = [short.get(end.name, end.name) for end in ends]
        if len(names) > _ENDS_TOGETHER:
            names = [words.count(len(names), "input")]
        found += [_End((name, what), shape, state, readers) for name in names]
    return found


def _drawn(
    trace: Trace,
    boxes: list[Box],
    keys: list[str],
    ends: list[_End],
    hidden: list[str],
    short: dict[str, str],
    most: int,
) -> Picture:
    """Add the boxes where the trace ends, and every arrow; ``keys[n]`` is the box of frame n."""
    names: dict[tuple[str, str, bool], dict[str, None]] = defaultdict(dict)
    for start, end, name, called in _links(trace, keys):
        if start != _MORE or end != _MORE:
            names[start, end, called][name] = None
    shown = [end for end in ends if any(keys[n] != _MORE for n in end.readers)]
    room = most - 1 - len(boxes)
    for place, open_end in enumerate(shown[:room]):
        boxes.append(Box(f"e{place}", open_end.lines, open_end.shape, open_end.state))
        for n in open_end.readers:
            if keys[n] != _MORE:
                names.setdefault((f"e{place}", keys[n], False), {})
    hidden = [*hidden, *_more_counts(len(ends) - len(shown[:room]), "input")]
    if hidden:
        boxes.append(Box(_MORE, (", ".join(hidden), "not drawn"), "more"))
        for open_end in shown[room:]:
            for n in open_end.readers:
                if keys[n] != _MORE:
                    names.setdefault((_MORE, keys[n], False), {})
    arrows = [
        Arrow(start, end, tuple(dict.fromkeys(short.get(n, n) for n in given)), called)
        for (start, end, called), given in names.items()
    ]
    return Picture(boxes, arrows, short)


def _more_counts(hidden: int, noun: str) -> list[str]:
    return [words.count(hidden, f"more {noun}")] if hidden else []


def _links(trace: Trace, keys: list[str]) -> Iterator[tuple[str, str, str, bool]]:
    for frame in trace.frames:
        for given in frame.run.inputs:
            if given.producer is not None:
                yield keys[given.producer], keys[frame.n], given.name, False
        for called in frame.calls:
            yield keys[called], keys[frame.n], "", True
