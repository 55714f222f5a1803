"""What `help` says in the shell."""

from __future__ import annotations

from collections.abc import Sequence

from ..render.screen import Screen
from ..render.table import Cell, Column, align

NOTHING_RUNS = """\
Nothing is running here: these are runs that have ended, so there is no break, step or continue.
Move between them with up, down and frame N. Two questions come close to a breakpoint:
diff ID finds the first run that differs from those behind an output that was right, and
print params.NAME says since when a parameter has its value."""

_CLOSING = """\
Any unambiguous beginning of a command will do; f u d i l p q are frame, up, down, info, list,
print and quit. Enter repeats moves, list and bt. Commands that bt has too take its options.
#0 made the output and is the bottom; up leads to the inputs. help break: why there is none."""


def overview(screen: Screen, described: Sequence[tuple[str, str]]) -> str:
    """Give every command with what it does."""
    widest = max(len(usage) for usage, _ in described)
    most = min(widest, 34)
    rows = [
        [Cell(usage.partition(" [--by")[0], "strong"), Cell(about)] for usage, about in described
    ]
    lines = align(screen, [Column(most=most), Column(prose=True)], rows)
    closing = [line for text in _CLOSING.split("\n") for line in screen.wrap(text)]
    return "\n".join([*lines, "", *closing])


def one(screen: Screen, usage: str, about: str, short: Sequence[str]) -> str:
    """Give how one command is used."""
    lines = [*screen.wrap(usage), *screen.wrap(f"  {about}", indent="  ")]
    if short:
        lines += screen.wrap(f"  also: {', '.join(short)}")
    return "\n".join(lines)
