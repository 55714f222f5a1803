"""An impact as a fragment of HTML, for the output cell of a notebook."""

from __future__ import annotations

from ..model.impact import ImpactGroup
from . import words
from .fragment import items, table, text
from .impact import Affected, headline, sentences, tally
from .narrative import FOLD_OVER, list_some

_HEADINGS = ("+", "runs", "component", "started (UTC)", "outputs", "read")


def impact(found: Affected, most: int = FOLD_OVER, *, commands: bool = True) -> str:
    """Give a table of the runs by distance and component, and sentences below it.

    It has ``most`` lines at most; sentences that tell a command are left out if so told.
    """
    hidden = len(found.groups) - most
    more = f"<p>{words.count(hidden, 'more line')}: print the impact</p>" if hidden > 0 else ""
    rows = map(_row, found.groups[:most])
    return (
        f"<div><p><b>{text(headline(found))}</b></p>{table(_HEADINGS, rows)}{more}"
        f"{items(sentences(found, commands=commands))}</div>"
    )


def _row(group: ImpactGroup) -> list[str]:
    first, last = (words.minute(us) for us in (group.first_us, group.last_us))
    return [
        f"+{group.depth}",
        group.run_id if group.runs == 1 else words.count(group.runs, "run"),
        group.component,
        first if first == last else f"{first} .. {last}",
        tally(group.outputs, group.flagged) if group.outputs else "",
        list_some(list(group.read)),
    ]
