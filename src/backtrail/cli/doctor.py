"""`bt doctor`: does recording and asking work here, and if not, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from ..errors import StoreUnavailableError
from .failures import STORE_AWAY, WARNED
from .session import Session, common

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGNS = {"ok": ("ok", "good"), "note": ("!", "warn"), "problem": ("x", "bad")}


@dataclass(frozen=True, slots=True)
class _Line:
    level: str
    what: str
    hint: str


@click.command("doctor")
@common
@click.pass_obj
def doctor(session: Session) -> None:
    """Check the set-up: store, journal, waiting and damaged records."""
    away = False
    try:
        findings = [
            _Line(found.level, found.what, found.hint)
            for found in session.client.diagnose().findings
        ]
    except StoreUnavailableError as error:
        away = True
        findings = [_Line("problem", error.message, error.hint)]
    if session.json:
        found = [{"level": f.level, "what": f.what, "hint": f.hint} for f in findings]
        session.show_json("diagnosis/1", findings=found)
    else:
        session.show("\n".join(_lines(session, findings)))
    if away:
        raise click.exceptions.Exit(STORE_AWAY)
    if any(finding.level == "problem" for finding in findings):
        raise click.exceptions.Exit(WARNED)


def _lines(session: Session, findings: Sequence[_Line]) -> list[str]:
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
