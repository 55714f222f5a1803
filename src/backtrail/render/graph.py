"""A backtrace as a graph in Mermaid or DOT: boxes are runs, arrows are what they gave."""

from __future__ import annotations

from .narrative import Trace
from .picture import Picture, picture
from .screen import safe


def mermaid(trace: Trace, *, by: str | None = None) -> str:
    """Give a Mermaid flowchart; over 60 runs it is folded by component unless ``by`` is run."""
    graph = _drawable(trace, by)
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


# Mermaid draws nothing of what has more than 500 lines or 50,000 characters.
_MERMAID_BOXES, _MERMAID_ARROWS = 200, 499


def _drawable(trace: Trace, by: str | None) -> Picture:
    """Give as much of the picture as Mermaid draws."""
    most = _MERMAID_BOXES
    while True:
        drawn = picture(trace, by, most)
        if len(drawn.arrows) <= _MERMAID_ARROWS or most < 4:
            return drawn
        most //= 2


_MERMAID_SHAPES = {
    "run": ("[", "]"),
    "component": ("[[", "]]"),
    "gap": ("{{", "}}"),
    "source": ("[(", ")]"),
    "more": ("(", ")"),
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
    graph = picture(trace, by)
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
    "more": "shape=box, style=rounded",
}
_DOT_STYLES = {
    "bad": ', color="#b3261e", penwidth=3',
    "warn": ', color="#9a6700", penwidth=2',
    "live": ', color="#0969da"',
}


def _dot_text(text: str) -> str:
    return safe(text).replace("\\", "\\\\").replace('"', '\\"')


def _states_of(graph: Picture) -> list[str]:
    used = {box.state for box in graph.boxes}
    return [name for name in _MERMAID_STYLES if name in used]
