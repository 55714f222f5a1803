"""`bt doctor`: does recording and asking work here, and if not, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .failures import STORE_AWAY, WARNED
from .session import Session, common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..model.records import Finding

_SIGNS = {
    "ok": ("ok", "good"),
    "note": ("!", "warn"),
    "problem": ("x", "bad"),
    "unreachable": ("x", "bad"),
}


@click.command("doctor")
@common
@click.pass_obj
def doctor(session: Session) -> None:
    """Check the set-up: store, journal, waiting and damaged records."""
    findings = session.client.diagnose().findings
    if session.json:
        found = [{"level": f.level, "what": f.what, "hint": f.hint} for f in findings]
        session.show_json("diagnosis/1", findings=found)
    else:
        session.show("\n".join(_lines(session, findings)))
    levels = {finding.level for finding in findings}
    if "unreachable" in levels:
        raise click.exceptions.Exit(STORE_AWAY)
    if "problem" in levels:
        raise click.exceptions.Exit(WARNED)


def _lines(session: Session, findings: Sequence[Finding]) -> list[str]:
    screen = session.screen
    lines: list[str] = []
    for finding in findings:
        sign, tone = _SIGNS.get(finding.level, ("?", "unknown"))
        text = [finding.what, finding.hint] if finding.hint else [finding.what]
        wrapped = [
            line for part in text for line in screen.wrap("    " + screen.clean(part), "    ")
        ]
        first, *rest = wrapped
        lines += [screen.paint(sign, tone) + first[len(sign) :], *rest]
    return lines
