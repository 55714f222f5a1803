"""Tables and lists of HTML for the output cell of a notebook: every answer there is made of them.

No scripts, no style sheet, no outside address: a notebook is mailed around and opened
years later, on a light page or a dark one. Text keeps the colour of the page; what is
marked has a bar beside it, in a colour that stands out on both, and says it in words.
Values from pipelines are text, never HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .screen import safe

MOST_ITEMS = 30
_CELL = "text-align:left;padding:2px 10px 2px 0;white-space:nowrap"
_STRONG = ";font-weight:bold"
#: Each stands out against white and against black by 3:1 at least.
BARS = {"bad": "#d1242f", "warn": "#9a6700", "live": "#0969da", "unknown": "#8250df"}


class Cell(NamedTuple):
    """A cell with a tone: ``bad``, ``warn``, ``live``, ``unknown``, ``strong``, or none."""

    text: str
    tone: str = ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str | Cell]]) -> str:
    """Give a table."""
    head = "".join(f'<th scope="col" style="{_CELL}">{text(each)}</th>' for each in heads)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(given: str | Cell) -> str:
    shown, tone = (given, "") if isinstance(given, str) else given
    style = _CELL
    if tone in BARS:
        style += f"{_STRONG};border-left:3px solid {BARS[tone]};padding-left:6px"
    elif tone == "strong":
        style += _STRONG
    return f'<td style="{style}">{text(shown)}</td>'


def items(sentences: Iterable[str]) -> str:
    """Give a list of the first 30 sentences, and how many more there are."""
    every = [sentence for sentence in sentences if sentence]
    shown = every[:MOST_ITEMS]
    if len(every) > len(shown):
        shown.append(f"and {len(every) - len(shown):,} more: print it to see them")
    listed = "".join(f"<li>{text(sentence)}</li>" for sentence in shown)
    return f"<ul>{listed}</ul>" if listed else ""


def text(given: str) -> str:
    """Give text that HTML shows as it is."""
    # Every backtrace loads this module, only a notebook calls it.
    from html import escape

    return escape(safe(given))
