"""A verdict on staleness as a fragment of HTML, for the output cell of a notebook."""

from __future__ import annotations

from . import words
from .fragment import items, table, text
from .narrative import FOLD_OVER
from .staleness import HOW, Verdict, names_in_verdict, reason_line, unknown_line

_SAID = {
    "stale": "! stale",
    "fresh": "fresh",
    "unknown": "? no reason to call it stale, but not all is known",
}


def staleness(found: Verdict) -> str:
    """Give the verdict, its reasons or its proof, and what to make again."""
    short = names_in_verdict(found)
    said = _SAID.get(found.verdict, found.verdict)
    codes = f": {', '.join(found.codes)}" if found.codes else ""
    judged = words.count(found.runs, "run")
    parts = [
        f"<p><b>{text(found.output)}</b> {text(said + codes)} &mdash; {judged} judged</p>",
        items(f"! {reason_line(reason, short)}" for reason in found.reasons),
    ]
    if found.verdict != "stale":
        parts.append(items(f"? {unknown_line(each, short)}" for each in found.not_known))
    if found.verdict == "fresh":
        parts.append(_proof(found, short))
    if found.refresh:
        parts.append(_refresh(found))
    return f"<div>{''.join(parts)}</div>"


def _proof(found: Verdict, short: dict[str, str]) -> str:
    if not found.compared:
        return "<p>Nothing that it was made from is recorded, so nothing can be newer.</p>"
    rows = (
        (
            each.component,
            short.get(each.name, each.name),
            "-" if each.version is None else words.short_version(each.version),
            HOW.get(each.how, each.how),
        )
        for each in found.compared[:FOLD_OVER]
    )
    return table(("component", "read", "version", "compared"), rows) + _more(len(found.compared))


def _refresh(found: Verdict) -> str:
    rows = (
        (str(n), each.component, f"as {each.run_id} did", ", ".join(each.codes))
        for n, each in enumerate(found.refresh[:FOLD_OVER], 1)
    )
    lead = f"To make it fresh, make {words.count(len(found.refresh), 'run')} again, in this order:"
    again = table(("", "component", "run", "since"), rows)
    return f"<p>{text(lead)}</p>{again}{_more(len(found.refresh))}"


def _more(total: int) -> str:
    hidden = total - FOLD_OVER
    return f"<p>and {hidden:,} more: print it to see them</p>" if hidden > 0 else ""
