"""Source text as a terminal shows it: numbers, marks, colour, and what is said of a line."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import NamedTuple

from .screen import Screen, cells

_TONES = {"x": "bad", "+": "warn", "-": "dim"}
_GAP = 3
# A space, a mark, two spaces: between the number and the text.
_MARK_CELLS = 4


class Line(NamedTuple):
    """One line: its number in its file (None: only in the commit), a mark, the text, a remark."""

    number: int | None
    sign: str
    text: str
    said: str = ""


def listing(screen: Screen, lines: Sequence[Line]) -> str:
    """Give lines with their numbers and marks; a remark stands beside its line, or below it."""
    digits = max((len(str(line.number)) for line in lines if line.number), default=1)
    before = digits + _MARK_CELLS
    room = None if screen.width is None else max(screen.width - before, 10)
    texts = [screen.cut_end(screen.clean(line.text.rstrip()), room) for line in lines]
    painted = _coloured(texts) if screen.color else texts
    column = _column(lines, texts, room)
    shown: list[str] = []
    for line, text, colored in zip(lines, texts, painted, strict=True):
        tone = _TONES.get(line.sign, "")
        number = screen.paint(f"{line.number or '':>{digits}}", "dim")
        start = f"{number} {screen.paint(line.sign, tone) or ' '}  {colored}".rstrip()
        if not line.said:
            shown.append(start)
        elif cells(text) + _GAP <= column:
            pad = " " * (column - cells(text))
            shown.append(start + pad + screen.paint(line.said, tone))
        else:
            indent = " " * (before + len(text) - len(text.lstrip()))
            shown += [start, indent + screen.paint(f"^ {line.said}", tone)]
    return "\n".join(shown)


def _column(lines: Sequence[Line], texts: Sequence[str], room: int | None) -> int:
    """Give where remarks begin: behind the longest of the lines that have one beside them."""
    ends = [
        cells(text) + _GAP
        for line, text in zip(lines, texts, strict=True)
        if line.said and (room is None or cells(text) + _GAP + len(line.said) <= room)
    ]
    longest = max((len(line.said) for line in lines), default=0)
    widest = max(ends, default=0)
    return widest if room is None else min(widest, max(room - longest, 0))


def _coloured(texts: Sequence[str]) -> list[str]:
    """Colour Python source, all lines at once: a text may go over several."""
    from rich.console import Console
    from rich.syntax import Syntax

    whole = "\n".join(texts)
    syntax = Syntax(whole, "python", theme="ansi_dark", background_color="default")
    console = Console(
        file=StringIO(), force_terminal=True, color_system="standard", legacy_windows=False
    )
    painted = []
    for line in syntax.highlight(whole).split("\n", allow_blank=True):
        with console.capture() as captured:
            console.print(line, end="", soft_wrap=True)
        painted.append(captured.get())
    # What makes other lines of it than there are is not to be trusted with them.
    return painted[: len(texts)] if len(painted) >= len(texts) else list(texts)
