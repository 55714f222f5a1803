"""A review as a fragment of HTML, for the output cell of a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from . import words
from .review import MEMBERS_SHOWN, Reviewed, headline, sentences, shown_rows, suspicion, why
from .screen import safe

_CELL = "text-align:left;padding:2px 10px 2px 0;white-space:nowrap"
_HEADINGS = (
    "rank",
    "what",
    "component",
    "started (UTC)",
    "flagged",
    "others",
    "suspicion",
    "why it stands out",
)


def review(found: Reviewed) -> str:
    """Give a table of suspects with what it is worth below it."""
    table = _table(_lines(found)) if found.rows else ""
    items = "".join(f"<li>{_text(each)}</li>" for each in sentences(found))
    return f"<div><p><b>{_text(headline(found))}</b></p>{table}<ul>{items}</ul></div>"


def _lines(found: Reviewed) -> Iterator[Sequence[str]]:
    for row in shown_rows(found):
        for place, member in enumerate(row.members[:MEMBERS_SHOWN]):
            run, first = member.run if member.kind == "run" else None, place == 0
            yield (
                f"{row.rank}" if first else "=",
                member.text if run else member.kind,
                member.component or "",
                words.minute(run.started_us) if run else "",
                f"{row.support:,}/{found.flagged:,}" if first else "",
                f"{row.others:,}/{found.others:,}" if first else "",
                suspicion(row.suspicion) if first else "",
                why(row, member, first=first),
            )


def _table(lines: Iterable[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col" style="{_CELL}">{_text(name)}</th>' for name in _HEADINGS)
    rows = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{_text(cell)}</td>' for cell in line) + "</tr>"
        for line in lines
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _text(text: str) -> str:
    from html import escape

    return escape(safe(text))
