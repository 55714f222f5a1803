"""A backtrace as an SVG picture: runs from left to right, the output at the right edge.

It is one file that needs nothing else: no script, no font, no address. It follows the
reader's light or dark scheme, says every state in words, and reads as a list of runs where
it is heard instead of seen. The same backtrace always gives the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from . import words
from .drawing import CELL, LINE, PAD_X, PAD_Y, Drawing, draw
from .fragment import text as _text
from .layout import Point
from .narrative import (
    Trace,
    coverage_sentence,
    cut_sentence,
    headline,
    value_words,
)
from .picture import MOST_BOXES, Box, Picture
from .screen import Screen, cells, safe

_MARGIN = 20
_SAID = 60

_COLOURS = """\
.bt-svg{--paper:#fff;--ink:#1f2328;--dim:#59636e;--line:#818b98;--box:#f6f8fa;--edge:#59636e;\
--bad:#a40e26;--warn:#7d4e00;--live:#0550ae;--unknown:#5a32a3}
@media (prefers-color-scheme:dark){.bt-svg{--paper:#0d1117;--ink:#e6edf3;--dim:#9198a1;\
--line:#7d8590;--box:#161b22;--edge:#9198a1;--bad:#ff8f87;--warn:#e3b341;--live:#79c0ff;\
--unknown:#d2a8ff}}
"""
#: For a page that has the colours, under the same names.
RULES = """\
.bt-svg{background:var(--paper);color:var(--ink);font:12px ui-monospace,\
SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace}
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
STYLE = _COLOURS + RULES

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

    def details(box: Box) -> str:
        if not links or box.frame is None or box.frame >= linked:
            return ""
        return f"{links}{box.frame}"

    drawn = draw(trace, by)
    return drawn_svg(
        drawn,
        f"Backtrace of {trace.output.name}",
        f"{headline(trace)}. Nearest first",
        [] if inline else _heading(trace),
        style="" if inline else STYLE,
        link=details,
    )


def drawn_svg(
    drawn: Drawing,
    title: str,
    about: str,
    heads: Sequence[str],
    *,
    style: str,
    link: Callable[[Box], str],
    at_left: bool = False,
) -> str:
    """Give the picture of a drawing.

    Args:
        drawn: the boxes and lines, with their places.
        title: what it is called where it is heard.
        about: what is said before the boxes are listed.
        heads: lines above it.
        style: the style sheet.
        link: gives where a box leads to, or nothing.
        at_left: where the heading is wider than the boxes, they stand at its left end.
    """
    boxes = zip(drawn.picture.boxes, drawn.texts, drawn.layout.corners, drawn.sizes, strict=True)
    return "\n".join(
        [
            *_opening(drawn, title, about, heads, style, at_left=at_left),
            *_lines(drawn),
            *(_linked(_box(*each), link(each[0])) for each in boxes),
            "</g>",
            "</svg>",
            "",
        ]
    )


def _heading(trace: Trace) -> list[str]:
    value = value_words(trace.output)
    room = Screen(80)
    lines = [room.cut_end(safe(f"{trace.output.name}  {value}".rstrip()), 80), headline(trace)]
    said = (coverage_sentence(trace), cut_sentence(trace))
    return [*lines, *(safe(sentence) for sentence in said if sentence)]


def _opening(
    drawn: Drawing, title: str, about: str, heads: Sequence[str], style: str, *, at_left: bool
) -> list[str]:
    layout = drawn.layout
    top = _MARGIN + (LINE * len(heads) + 14 if heads else 0)
    wide = max(layout.width, max(map(cells, heads), default=0) * CELL) + 2 * _MARGIN
    high = layout.height + top + _MARGIN
    # The output is at the right edge, also where the heading is wider than the runs.
    shift = _MARGIN if at_left else wide - layout.width - _MARGIN
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bt-svg" viewBox="0 0 {wide:g} {high:g}"',
        f'width="{wide:g}" height="{high:g}" role="graphics-document"',
        'aria-labelledby="bt-title bt-desc">',
        f'<title id="bt-title">{_text(title)}</title>',
        f'<desc id="bt-desc">{_text(_description(about, drawn.picture))}</desc>',
        *([f"<style>\n{style}</style>"] if style else []),
        *_DEFINITIONS,
        f'<rect class="bt-paper" width="{wide:g}" height="{high:g}"/>',
        *(
            f'<text class="{"bt-strong" if n == 0 else "bt-dim"}" x="{_MARGIN}"'
            f' y="{_MARGIN + 12 + n * LINE}">{_text(head)}</text>'
            for n, head in enumerate(heads)
        ),
        f'<g transform="translate({shift:g} {top:g})">',
    ]


def _said(box: Box) -> str:
    return ", ".join(safe(line) for line in box.lines)


def _description(about: str, drawing: Picture) -> str:
    boxes = [_said(box) for box in drawing.boxes[:_SAID]]
    hidden = len(drawing.boxes) - len(boxes)
    also = [f"and {words.count(hidden, 'more box', 'more boxes')}"] if hidden > 0 else []
    return f"{about}: {'; '.join([*boxes, *also])}."


def _lines(drawn: Drawing) -> Iterable[str]:
    for arrow, path, said in zip(drawn.picture.arrows, drawn.paths, drawn.said, strict=True):
        kind = "bt-line bt-call" if arrow.called else "bt-line"
        yield (
            f'<path class="{kind}" d="{path}" marker-end="url(#bt-arrow)">'
            f"<title>{_text(said)}</title></path>"
        )


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
        at = y + PAD_Y + 9 + place * LINE
        parts.append(
            f'<text class="{_line_class(box, place)}" x="{x + PAD_X:g}" y="{at:g}">'
            f"{_text(line)}</text>"
        )
    label = _text(_said(box))
    return f'<g role="img" aria-label="{label}"><title>{label}</title>{"".join(parts)}</g>'


def _linked(group: str, address: str) -> str:
    return f'<a href="{_text(address)}">{group}</a>' if address else group


def _line_class(box: Box, place: int) -> str:
    if place == 0:
        return "bt-strong"
    # The state is the last line that the box has by itself.
    if place == len(box.lines) - 1 and box.state:
        return f"bt-is-{box.state}"
    return "bt-dim"
