"""A backtrace as an SVG picture: runs from left to right, the output at the right edge.

It is one file that needs nothing else: no script, no font, no address. It follows the
reader's light or dark scheme, says every state in words, and reads as a list of runs where
it is heard instead of seen. The same backtrace always gives the same text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from . import words
from .fragment import text as _text
from .layout import Edge, Layout, Point, layered
from .narrative import (
    Trace,
    coverage_sentence,
    cut_sentence,
    gave,
    headline,
    names_in,
    value_words,
)
from .picture import MOST_BOXES, Arrow, Box, Picture, picture
from .screen import Screen, cells, safe

_FONT = 12
# A fixed width makes it known how much fits into a box, whichever font the reader has.
_CELL = 7.25
_LINE = 17
_PAD_X, _PAD_Y = 12, 10
_MOST_CELLS, _LEAST_CELLS = 30, 14
_MARGIN = 20
_SAID = 60
_CUTTER = Screen(None)

STYLE = """\
.bt-svg{--paper:#fff;--ink:#1f2328;--dim:#59636e;--line:#818b98;--box:#f6f8fa;--edge:#59636e;\
--bad:#a40e26;--warn:#7d4e00;--live:#0550ae;--unknown:#5a32a3;background:var(--paper);\
color:var(--ink);font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",\
"Liberation Mono",monospace}
@media (prefers-color-scheme:dark){.bt-svg{--paper:#0d1117;--ink:#e6edf3;--dim:#9198a1;\
--line:#7d8590;--box:#161b22;--edge:#9198a1;--bad:#ff8f87;--warn:#e3b341;--live:#79c0ff;\
--unknown:#d2a8ff}}
.bt-svg text{fill:var(--ink);white-space:pre}
.bt-svg .bt-strong{font-weight:700}
.bt-svg .bt-dim{fill:var(--dim)}
.bt-svg .bt-paper{fill:var(--paper)}
.bt-svg .bt-box{fill:var(--box);stroke:var(--edge)}
.bt-svg .bt-line{fill:none;stroke:var(--line);stroke-width:1.3}
.bt-svg .bt-call{stroke-dasharray:5 4}
.bt-svg .bt-head{fill:var(--line)}
.bt-svg .bt-gap,.bt-svg .bt-more{stroke-dasharray:4 3}
.bt-svg .bt-bad{stroke:var(--bad);stroke-width:2.5}
.bt-svg .bt-warn{stroke:var(--warn);stroke-width:2}
.bt-svg .bt-live{stroke:var(--live);stroke-width:2}
.bt-svg .bt-unknown{stroke:var(--unknown)}
.bt-svg .bt-is-bad{fill:var(--bad);font-weight:700}
.bt-svg .bt-is-warn{fill:var(--warn);font-weight:700}
.bt-svg .bt-is-live{fill:var(--live);font-weight:700}
.bt-svg .bt-is-unknown{fill:var(--unknown)}
"""

_DEFINITIONS = (
    '<defs><marker id="bt-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"',
    'markerHeight="7" orient="auto"><path class="bt-head" d="M0 0L8 4L0 8z"/></marker></defs>',
)


def svg(
    trace: Trace,
    *,
    by: str | None = None,
    links: str = "",
    linked: int = MOST_BOXES,
    inline: bool = False,
) -> str:
    """Give the picture; over 60 runs it is folded by component unless ``by`` is ``run``.

    ``links`` is what the address of a run's details begins with, where there are some:
    the number follows; the first ``linked`` runs have them. ``inline`` leaves out the
    heading and the style sheet, which the page has then.
    """
    drawing = picture(trace, by)
    reasons = _reasons(trace, drawing)
    texts = [_box_lines(box, reasons.get(box.key, "")) for box in drawing.boxes]
    width = _box_width(texts)
    sizes = [(width, 2 * _PAD_Y + _LINE * len(lines) - 5) for lines in texts]
    place = {box.key: number for number, box in enumerate(drawing.boxes)}
    edges = [
        Edge(place[arrow.start], place[arrow.end], int(arrow.called)) for arrow in drawing.arrows
    ]
    layout = layered(sizes, edges)
    heads = [] if inline else _heading(trace)
    return "\n".join(
        [
            *_opening(trace, drawing, layout, heads, inline=inline),
            *_lines(drawing, layout),
            *(
                _linked(_box(box, lines, corner, size), box, links, linked)
                for box, lines, corner, size in zip(
                    drawing.boxes, texts, layout.corners, sizes, strict=True
                )
            ),
            "</g>",
            "</svg>",
            "",
        ]
    )


def _reasons(trace: Trace, drawing: Picture) -> dict[str, str]:
    """Give what each box handed on, in a few words; the one that made the output says that."""
    reasons: dict[str, str] = {}
    handed: dict[str, dict[str, None]] = defaultdict(dict)
    for arrow in drawing.arrows:
        if arrow.called:
            reasons[arrow.start] = "called"
        else:
            handed[arrow.start].update(dict.fromkeys(arrow.names))
    reasons.update((key, _gave(list(names))) for key, names in handed.items() if names)
    if trace.frames:
        reasons[drawing.boxes[0].key] = str(gave(trace, names_in(trace))[0])
    return reasons


def _gave(names: Sequence[str]) -> str:
    """Give as many names as there is room for, and how many more."""
    for shown in (3, 2, 1):
        hidden = len(names) - shown
        text = ", ".join(safe(name) for name in names[:shown])
        more = f" +{hidden:,}" if hidden > 0 else ""
        if cells(text) + cells(more) + 5 <= _MOST_CELLS:
            break
    return f"gave {_CUTTER.cut(text, _MOST_CELLS - cells(more) - 5)}{more}"


def _box_lines(box: Box, reason: str) -> list[str]:
    lines = [safe(line) for line in (*box.lines, reason) if line]
    return [_CUTTER.cut(line, _MOST_CELLS) for line in lines]


def _box_width(texts: Sequence[Sequence[str]]) -> float:
    widest = max((cells(line) for lines in texts for line in lines), default=0)
    return round(max(widest, _LEAST_CELLS) * _CELL + 2 * _PAD_X, 1)


def _heading(trace: Trace) -> list[str]:
    value = value_words(trace.output)
    room = Screen(80)
    lines = [room.cut_end(safe(f"{trace.output.name}  {value}".rstrip()), 80), headline(trace)]
    said = (coverage_sentence(trace), cut_sentence(trace))
    return [*lines, *(safe(sentence) for sentence in said if sentence)]


def _opening(
    trace: Trace, drawing: Picture, layout: Layout, heads: Sequence[str], *, inline: bool
) -> list[str]:
    top = _MARGIN + (_LINE * len(heads) + 14 if heads else 0)
    wide = max(layout.width, max(map(cells, heads), default=0) * _CELL) + 2 * _MARGIN
    high = layout.height + top + _MARGIN
    # The output is at the right edge, also where the heading is wider than the runs.
    shift = wide - layout.width - _MARGIN
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bt-svg" viewBox="0 0 {wide:g} {high:g}"',
        f'width="{wide:g}" height="{high:g}" role="graphics-document"',
        'aria-labelledby="bt-title bt-desc">',
        f'<title id="bt-title">{_text(f"Backtrace of {trace.output.name}")}</title>',
        f'<desc id="bt-desc">{_text(_description(trace, drawing))}</desc>',
        *([] if inline else [f"<style>\n{STYLE}</style>"]),
        *_DEFINITIONS,
        f'<rect class="bt-paper" width="{wide:g}" height="{high:g}"/>',
        *(
            f'<text class="{"bt-strong" if n == 0 else "bt-dim"}" x="{_MARGIN}"'
            f' y="{_MARGIN + 12 + n * _LINE}">{_text(head)}</text>'
            for n, head in enumerate(heads)
        ),
        f'<g transform="translate({shift:g} {top:g})">',
    ]


def _description(trace: Trace, drawing: Picture) -> str:
    boxes = [_said(box) for box in drawing.boxes[:_SAID]]
    hidden = len(drawing.boxes) - len(boxes)
    also = [f"and {words.count(hidden, 'more box', 'more boxes')}"] if hidden > 0 else []
    return f"{headline(trace)}. Nearest first: {'; '.join([*boxes, *also])}."


def _said(box: Box) -> str:
    return ", ".join(safe(line) for line in box.lines)


def _lines(drawing: Picture, layout: Layout) -> Iterable[str]:
    names = {box.key: box.lines[0] for box in drawing.boxes}
    for arrow, points in zip(drawing.arrows, layout.lines, strict=True):
        kind = "bt-line bt-call" if arrow.called else "bt-line"
        path = _curve(points) if points else _loop(arrow, drawing, layout)
        yield (
            f'<path class="{kind}" d="{path}" marker-end="url(#bt-arrow)">'
            f"<title>{_text(_arrow_words(arrow, names))}</title></path>"
        )


def _arrow_words(arrow: Arrow, names: dict[str, str]) -> str:
    start, end = names[arrow.start], names[arrow.end]
    if arrow.called:
        return f"{start} was called by {end}"
    if not arrow.names:
        return f"{start} was read by {end}"
    return f"{start} gave {end} {arrow.label}"


def _curve(points: Sequence[Point]) -> str:
    """Give the path: a curve between two layers, then straight through one, in turns."""
    (x, y), *rest = points
    parts = [f"M{x:g} {y:g}"]
    for place, (to_x, to_y) in enumerate(rest):
        if y == to_y:
            parts.append(f"H{to_x:g}")
        elif place % 2:
            parts.append(f"L{to_x:g} {to_y:g}")
        else:
            middle = round((x + to_x) / 2, 1)
            parts.append(f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}")
        x, y = to_x, to_y
    return "".join(parts)


def _loop(arrow: Arrow, drawing: Picture, layout: Layout) -> str:
    """Give a loop on the top edge: runs of one component fed later runs of it."""
    number = next(n for n, box in enumerate(drawing.boxes) if box.key == arrow.start)
    x, y = layout.corners[number]
    return f"M{x + 16:g} {y:g}c0 -16 26 -16 26 0"


def _box(box: Box, lines: Sequence[str], corner: Point, size: Point) -> str:
    (x, y), (width, height) = corner, size
    radius = {"source": 14, "more": 14, "component": 2}.get(box.shape, 5)
    state = f" bt-{box.state}" if box.state else ""
    frame = f'<rect class="bt-box bt-{box.shape}{state}" x="{x:g}" y="{y:g}" width="{width:g}"'
    parts = [f'{frame} height="{height:g}" rx="{radius}"/>']
    if box.shape == "component":
        # A second edge, as of a pile of sheets.
        parts.insert(
            0,
            f'<rect class="bt-box" x="{x + 4:g}" y="{y + 4:g}" width="{width:g}"'
            f' height="{height:g}" rx="{radius}"/>',
        )
    for place, line in enumerate(lines):
        at = y + _PAD_Y + 9 + place * _LINE
        parts.append(
            f'<text class="{_line_class(box, place)}" x="{x + _PAD_X:g}" y="{at:g}">'
            f"{_text(line)}</text>"
        )
    label = _text(_said(box))
    return f'<g role="img" aria-label="{label}"><title>{label}</title>{"".join(parts)}</g>'


def _linked(group: str, box: Box, links: str, linked: int) -> str:
    if not links or box.frame is None or box.frame >= linked:
        return group
    return f'<a href="{_text(links)}{box.frame}">{group}</a>'


def _line_class(box: Box, place: int) -> str:
    if place == 0:
        return "bt-strong"
    # The state is the last line that the box has by itself.
    if place == len(box.lines) - 1 and box.state:
        return f"bt-is-{box.state}"
    return "bt-dim"
