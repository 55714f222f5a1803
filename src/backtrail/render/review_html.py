"""A review as a fragment of HTML, for the output cell of a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from . import words
from .fragment import items, table, text
from .review import MEMBERS_SHOWN, Reviewed, headline, sentences, shown_rows, suspicion, why

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
    suspects = table(_HEADINGS, _lines(found)) if found.rows else ""
    return f"<div><p><b>{text(headline(found))}</b></p>{suspects}{items(sentences(found))}</div>"


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
