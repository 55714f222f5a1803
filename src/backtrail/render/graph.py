"""A backtrace as a graph in Mermaid or DOT: boxes are runs, arrows are what they gave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from . import words
from .fold import by_component
from .names import short_names
from .narrative import FOLD_OVER, Trace, frame_mark, names_in, open_ends, tally
from .screen import safe

_NAMES_ON_EDGE = 3


@dataclass(frozen=True, slots=True)
class Box:
    """A run, a folded component, a gap or a source; ``shape`` says which."""

    key: str
    lines: tuple[str, ...]
    shape: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """What one box gave another; ``called`` where it was a call and not data."""

    start: str
    end: str
    label: str
    called: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """Boxes and the arrows between them."""

    boxes: list[Box]
    arrows: list[Arrow]


_CLASSES = {"x": "bad", "!": "warn", "?": "unknown", "~": "live", "": ""}


def mermaid(trace: Trace, *, by: str | None = None) -> str:
    """Give a Mermaid flowchart; over 60 runs it is folded by component unless ``by`` is run."""
    graph = _graph(trace, by)
    lines = ["flowchart LR"]
    for box in graph.boxes:
        label = "<br/>".join(_mermaid_text(line) for line in box.lines)
        opening, closing = _MERMAID_SHAPES[box.shape]
        state = f":::{box.state}" if box.state else ""
        lines.append(f'    {box.key}{opening}"{label}"{closing}{state}')
    for arrow in graph.arrows:
        line = "-.->" if arrow.called else "-->"
        label = f'|"{_mermaid_text(arrow.label)}"|' if arrow.label else ""
        lines.append(f"    {arrow.start} {line}{label} {arrow.end}")
    styles = [f"    classDef {name} {_MERMAID_STYLES[name]}" for name in _states_of(graph)]
    return "\n".join([*lines, *styles]) + "\n"


_MERMAID_SHAPES = {
    "run": ("[", "]"),
    "component": ("[[", "]]"),
    "gap": ("{{", "}}"),
    "source": ("[(", ")]"),
}
_MERMAID_STYLES = {
    "bad": "stroke:#b3261e,stroke-width:3px",
    "warn": "stroke:#9a6700,stroke-width:2px",
    "unknown": "stroke-dasharray:4 3",
    "live": "stroke:#0969da",
}


def _mermaid_text(text: str) -> str:
    """Escape by character number: Mermaid reads labels as HTML, with entities of its own."""
    return "".join(
        char if char.isalnum() or char in " _-./:=,()+*!~?" else f"#{ord(char)};"
        for char in safe(text)
    )


def dot(trace: Trace, *, by: str | None = None) -> str:
    """Give a Graphviz digraph; over 60 runs it is folded by component unless ``by`` is run."""
    graph = _graph(trace, by)
    lines = ["digraph backtrace {", "  rankdir=LR;", '  node [fontname="sans-serif"];']
    for box in graph.boxes:
        label = "\\n".join(_dot_text(line) for line in box.lines)
        style = _DOT_SHAPES[box.shape] + _DOT_STYLES.get(box.state, "")
        lines.append(f'  {box.key} [label="{label}", {style}];')
    for arrow in graph.arrows:
        style = ", style=dashed" if arrow.called else ""
        lines.append(f'  {arrow.start} -> {arrow.end} [label="{_dot_text(arrow.label)}"{style}];')
    return "\n".join([*lines, "}"]) + "\n"


_DOT_SHAPES = {
    "run": "shape=box",
    "component": "shape=box, peripheries=2",
    "gap": "shape=box, style=dashed",
    "source": "shape=cylinder",
}
_DOT_STYLES = {
    "bad": ', color="#b3261e", penwidth=3',
    "warn": ', color="#9a6700", penwidth=2',
    "live": ', color="#0969da"',
}


def _dot_text(text: str) -> str:
    return safe(text).replace("\\", "\\\\").replace('"', '\\"')


def _states_of(graph: Graph) -> list[str]:
    used = {box.state for box in graph.boxes}
    return [name for name in _MERMAID_STYLES if name in used]


def _graph(trace: Trace, by: str | None) -> Graph:
    folded = by == "component" or (by is None and len(trace.frames) > FOLD_OVER)
    return _folded_graph(trace) if folded else _run_graph(trace)


def _run_graph(trace: Trace) -> Graph:
    short = names_in(trace)
    times = words.moments([frame.run.started_us for frame in trace.frames])
    boxes = [
        Box(
            f"f{frame.n}",
            (
                f"#{frame.n} {frame.run.component}",
                time,
                str(frame_mark(frame)),
            ),
            "run",
            _CLASSES[frame_mark(frame).sign],
        )
        for frame, time in zip(trace.frames, times, strict=True)
    ]
    keys = [f"f{frame.n}" for frame in trace.frames]
    return _with_ends(trace, boxes, keys, short)


def _folded_graph(trace: Trace) -> Graph:
    short = short_names(given.name for frame in trace.frames for given in frame.run.inputs)
    boxes: list[Box] = []
    keys = [""] * len(trace.frames)
    for place, (name, members) in enumerate(by_component(trace.frames).items()):
        counts = ", ".join([words.count(len(members), "run"), *tally(members)])
        boxes.append(Box(f"c{place}", (name, counts), "component"))
        for frame in members:
            keys[frame.n] = f"c{place}"
    return _with_ends(trace, boxes, keys, short)


def _with_ends(trace: Trace, boxes: list[Box], keys: list[str], short: dict[str, str]) -> Graph:
    """Add the boxes where the trace ends, and every arrow; ``keys[n]`` is the box of frame n."""
    labels: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for start, end, name, called in _links(trace, keys):
        shown = short.get(name, name)
        if shown not in labels[start, end, called]:
            labels[start, end, called].append(shown)
    ends = list(boxes)
    for place, open_end in enumerate(open_ends(trace.frames)):
        what = "declared source" if open_end.declared else "not recorded"
        shape, state = ("source", "") if open_end.declared else ("gap", "unknown")
        name = short.get(open_end.name, open_end.name)
        ends.append(Box(f"e{place}", (name, what), shape, state))
        for n in open_end.readers:
            labels.setdefault((f"e{place}", keys[n], False), [])
    arrows = [
        Arrow(start, end, _label(names, called=called), called)
        for (start, end, called), names in labels.items()
    ]
    return Graph(ends, arrows)


def _links(trace: Trace, keys: list[str]) -> Iterator[tuple[str, str, str, bool]]:
    for frame in trace.frames:
        for given in frame.run.inputs:
            if given.producer is not None:
                yield keys[given.producer], keys[frame.n], given.name, False
        for called in frame.calls:
            yield keys[called], keys[frame.n], "", True


def _label(names: list[str], *, called: bool) -> str:
    if called:
        return "called"
    hidden = len(names) - _NAMES_ON_EDGE
    shown = ", ".join(names[:_NAMES_ON_EDGE])
    return f"{shown} +{hidden:,}" if hidden > 0 else shown
