"""What `help` says in the shell."""

from __future__ import annotations

from collections.abc import Sequence

from ..render.screen import Screen
from ..render.table import GAP

NOTHING_RUNS = """\
Nothing is running here: these are runs that have ended, so there is no break, step or continue.
Move between them with up, down and frame N. Two questions come close to a breakpoint:
diff ID finds the first run that differs from those behind an output that was right, and
print params.NAME says since when a parameter has its value."""

_CLOSING = (
    "Any unambiguous beginning of a command will do; f u d i l p q are frame, up, down, info, list,"
    " print and quit. Enter repeats moves, list and bt. Commands that bt has too take its options."
    " #0 made the output and is the bottom; up leads to the inputs."
)
_WIDEST = 30


def overview(screen: Screen, described: Sequence[tuple[str, str]]) -> str:
    """Give every command with what it does."""
    shown = [(usage.partition(" [--by")[0], about) for usage, about in described]
    column = min(max(len(usage) for usage, _ in shown), _WIDEST) + len(GAP)
    room = Screen(None if screen.width is None else max(screen.width - column, 20))
    lines: list[str] = []
    for usage, about in shown:
        first, *rest = room.wrap(about)
        lines.append(screen.paint(usage, "strong") + " " * (column - len(usage)) + first)
        lines += [" " * column + line for line in rest]
    return "\n".join([*lines, "", *screen.wrap(_CLOSING)])


def one(screen: Screen, usage: str, about: str, short: Sequence[str]) -> str:
    """Give how one command is used."""
    lines = [*screen.wrap(usage), *screen.wrap(f"  {about}", indent="  ")]
    if short:
        lines += screen.wrap(f"  also: {', '.join(short)}")
    return "\n".join(lines)
