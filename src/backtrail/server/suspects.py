"""The review as a page: each suspect leads to its run, and to what else was built on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..render import words
from ..render.fragment import text as _text
from ..render.listing import short_ids
from ..render.review import MEMBERS_SHOWN, headline, sentences, shown_rows, suspicion, why
from .sheet import component_address, impact_address, run_address, scrolling

if TYPE_CHECKING:
    from ..query.review import Review

_HEADS = (
    *("rank", "what", "component", "started (UTC)", "flagged", "others", "suspicion"),
    *("why it stands out", "go on"),
)


def suspects(found: Review) -> str:
    """Give the suspects, the most suspicious first, and what the ranking is worth."""
    heads = "".join(f'<th scope="col">{name}</th>' for name in _HEADS)
    rows = "".join(_rows(found))
    table = f'<table class="lines"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    said = "".join(f"<li>{_text(each)}</li>" for each in sentences(found, commands=False))
    worth = f"<ul>{said}</ul>" if said else ""
    return f"<p><strong>{_text(headline(found))}</strong></p>{scrolling(table)}{worth}"


def _rows(found: Review) -> Iterator[str]:
    rows = list(shown_rows(found))
    ids = [each.run.run_id for row in rows for each in row.members if each.run is not None]
    short = dict(zip(ids, short_ids(ids), strict=True))
    for row in rows:
        for place, member in enumerate(row.members[:MEMBERS_SHOWN]):
            run, first = member.run if member.kind == "run" else None, place == 0
            what = _text(member.kind)
            ways = ""
            if run is not None:
                at = run_address(run.run_id)
                what = f'<a class="whole" href="{at}">{_text(short[run.run_id])}</a>'
                ways = f'<a class="whole" href="{impact_address(run.run_id)}">what else used it</a>'
            cells = (
                f"{row.rank}" if first else '<span title="behind the same outputs">=</span>',
                what,
                _component(member.component),
                f'<span class="whole">{_text(words.minute(run.started_us))}</span>' if run else "",
                f"{row.support:,}/{found.flagged:,}" if first else "",
                f"{row.others:,}/{found.others:,}" if first else "",
                _text(suspicion(row.suspicion)) if first else "",
                _text(why(row, member, first=first)),
                ways,
            )
            yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _component(name: str | None) -> str:
    return f'<a href="{component_address(name)}">{_text(name)}</a>' if name else ""
