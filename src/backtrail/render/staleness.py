"""A verdict on staleness -> text and JSON: the reasons or the proof, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from ..model.records import Code, to_iso
from ..model.staleness import Cause, Compared, NotKnown, Refresh, RunName, StaleReason
from . import words
from .listing import short_ids
from .names import short_names
from .screen import Screen, cells
from .table import GAP, Cell, Column, align

_REASONS_SHOWN = 10
_COMPARED_SHOWN = 20
_REFRESH_SHOWN = 20
_CHAIN_SHOWN = 4

HOW = {
    "version": "still the newest",
    "clock": "not written since",
    "value": "handed over in memory",
    "source": "from outside, not looked at",
    "file": "the file is the same",
    "gap": "not written by a recorded run",
}


class Verdict(Protocol):
    """What a renderer needs of a verdict (`query.staleness.Staleness`)."""

    @property
    def output(self) -> str:
        """The output that was asked for."""

    @property
    def verdict(self) -> str:
        """``stale``, ``fresh`` or ``unknown``."""

    @property
    def codes(self) -> list[str]:
        """The reason codes of the output."""

    @property
    def reasons(self) -> Sequence[StaleReason]:
        """Why it is stale."""

    @property
    def compared(self) -> Sequence[Compared]:
        """What came out the same."""

    @property
    def not_known(self) -> Sequence[NotKnown]:
        """What stands in the way of "fresh"."""

    @property
    def refresh(self) -> Sequence[Refresh]:
        """What to make again."""

    @property
    def runs(self) -> int:
        """How many runs were judged."""

    @property
    def judged_us(self) -> int:
        """The moment from which ages counted."""


def text(found: Verdict, screen: Screen | None = None) -> str:
    """Give the verdict, then the reasons and what to make again, or the proof."""
    screen = screen or Screen()
    short = names_in_verdict(found)
    lines = [_header(screen, found), ""]
    reasons = [reason_line(reason, short) for reason in found.reasons[:_REASONS_SHOWN]]
    lines += _marked(screen, "!", "warn", reasons)
    hidden = len(found.reasons) - _REASONS_SHOWN
    if hidden > 0:
        lines += [f"! and {hidden:,} more (--json has all)"]
    if found.verdict == "fresh":
        lines += _proof(screen, found, short)
    if found.verdict != "stale":
        said = [unknown_line(each, short) for each in found.not_known[:_REASONS_SHOWN]]
        lines += _marked(screen, "?", "unknown", said)
    if len(found.not_known) > _REASONS_SHOWN and found.verdict != "stale":
        lines += [f"? and {len(found.not_known) - _REASONS_SHOWN:,} more (--json has all)"]
    if found.refresh:
        lines += ["", *_refresh(screen, found.refresh)]
    return "\n".join(lines)


def _header(screen: Screen, found: Verdict) -> str:
    tone = {"stale": "warn", "fresh": "good"}.get(found.verdict, "unknown")
    name = screen.clean(found.output)
    said = {
        "stale": f"! stale: {', '.join(found.codes)}",
        "fresh": "fresh",
        "unknown": "? no reason to call it stale, but not all is known",
    }[found.verdict]
    judged = f"{words.count(found.runs, 'run')} judged"
    line = GAP.join([screen.paint(name, "strong"), screen.paint(said, tone)])
    used = cells(name) + cells(said) + len(GAP)
    if screen.width is None:
        return line + GAP + judged
    room = screen.width - used - len(judged)
    return line + " " * room + judged if room >= len(GAP) else line


def _marked(screen: Screen, sign: str, tone: str, said: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for each in said:
        first, *rest = screen.wrap(f"{sign} {screen.clean(each)}", indent="  ")
        lines += [screen.paint(sign, tone) + first[len(sign) :], *rest]
    return lines


def reason_line(reason: StaleReason, short: dict[str, str]) -> str:
    """Say why an output is stale: the way to the root, and what that did."""
    chain = [each.component for each in reason.chain]
    if len(chain) > _CHAIN_SHOWN:
        chain = [*chain[:2], f"{len(chain) - 3} more", chain[-1]]
    return f"{' <- '.join(chain)}  {cause_sentence(reason.root, short)}"


def cause_sentence(cause: Cause, short: dict[str, str]) -> str:
    """Say what a run did that is out of date: ``read a.csv, but clean wrote it again``."""
    name = short.get(cause.name or "", cause.name or "")
    moment = words.second(cause.newer_us)
    writer = cause.newer_run.component if cause.newer_run else ""
    had, newest = words.short_version(cause.version), words.short_version(cause.newer_version)
    if cause.code == "newer-input" and cause.by == "file":
        return f"read {name} ({had}), and the file is another now ({newest})"
    if cause.code == "newer-input" and cause.by == "version":
        return f"read {name} ({had}), which {writer} has written anew since ({newest}, {moment})"
    if cause.code == "newer-input":
        return f"read {name}, which {writer} has written again since ({moment}; by time only)"
    if cause.code == "fresher-run":
        return f"did not use the newer {name} that {writer} had written before it ran ({moment})"
    if cause.code == "code-changed" and cause.had_code and cause.newest_code:
        before, since = _code_words(cause.had_code, cause.newest_code)
        return f"ran {before}; its newest run, {moment}, ran {since}"
    age, limit = words.age(cause.age_s or 0), words.age(cause.max_age_s or 0)
    return f"ran {age} ago (limit {limit})"


def _code_words(had: Code, newest: Code) -> tuple[str, str]:
    """Name two states of code by what tells them apart."""
    if had.digest and newest.digest and had.digest != newest.digest:
        if had.git_hash and newest.git_hash and had.git_hash != newest.git_hash:
            return f"commit {words.commit(had)}", f"commit {words.commit(newest)}"
        shown = (words.short_version(each.digest) for each in (had, newest))
        before, since = (f"source {each}" for each in shown)
        return before, since
    return f"commit {words.commit(had)}", f"commit {words.commit(newest)}"


def unknown_line(each: NotKnown, short: dict[str, str]) -> str:
    """Say what is not known."""
    name = short.get(each.name or "", each.name or "")
    return f"{each.component}  {_unknown_sentence(each.code, name)}"


def _unknown_sentence(code: str, name: str) -> str:
    if code == "gap":
        return f"read {name}, which no recorded run wrote: whether it changed is not known"
    if code == "copied":
        return f"read {name}, a copy that no run recorded; what it was copied from is newer now"
    return f"read {name} in a version that nobody recorded writing"


def _proof(screen: Screen, found: Verdict, short: dict[str, str]) -> list[str]:
    """Give what was compared, a line an input."""
    shown = found.compared[:_COMPARED_SHOWN]
    if not shown:
        return ["Nothing that it was made from is recorded, so nothing can be newer."]
    rows = [
        [
            Cell(each.component, "strong"),
            Cell(short.get(each.name, each.name)),
            Cell("-" if each.version is None else words.short_version(each.version), "dim"),
            Cell(HOW.get(each.how, each.how)),
        ]
        for each in shown
    ]
    room = max((screen.width or 0) - 68, 18)
    columns = [Column(most=18), Column(most=room), Column(most=20), Column()]
    lines = align(screen, columns, rows)
    hidden = len(found.compared) - len(shown)
    return [*lines, f"and {hidden:,} more (--json has all)"] if hidden > 0 else lines


def _refresh(screen: Screen, plan: Sequence[Refresh]) -> list[str]:
    shown = plan[:_REFRESH_SHOWN]
    ids = short_ids([each.run_id for each in shown])
    rows = [
        [
            Cell(f"{n}", "strong"),
            Cell(each.component),
            Cell(f"as {run_id} did", "dim"),
            Cell(", ".join(each.codes)),
        ]
        for n, (each, run_id) in enumerate(zip(shown, ids, strict=True), 1)
    ]
    columns = [Column(right=True), Column(most=30), Column(), Column()]
    hidden = len(plan) - len(shown)
    more = [f"and {hidden:,} more (--json has all)"] if hidden > 0 else []
    how_many = words.count(len(plan), "run")
    lead = f"To make it fresh, make {how_many} again, in this order:"
    return [*screen.wrap(lead), *align(screen, columns, rows), *more]


def names_in_verdict(found: Verdict) -> dict[str, str]:
    """Give the short name of every artifact that the verdict may mention."""
    every = {reason.root.name for reason in found.reasons}
    every |= {each.name for each in found.compared} | {each.name for each in found.not_known}
    return short_names(name for name in every if name is not None)


# -- for programs ------------------------------------------------------------------


def staleness_dict(found: Verdict) -> dict[str, Any]:
    """Give the JSON form."""
    short = names_in_verdict(found)
    return {
        "schema": "backtrail.staleness/1",
        "output": found.output,
        "verdict": found.verdict,
        "codes": found.codes,
        "judged_at": to_iso(found.judged_us),
        "runs": found.runs,
        "reasons": [
            {
                "code": reason.code,
                "text": reason_line(reason, short),
                "chain": [_run_dict(each) for each in reason.chain],
                "root": _cause_dict(reason.root),
            }
            for reason in found.reasons
        ],
        "compared": [
            {
                "run_id": each.run_id,
                "component": each.component,
                "name": each.name,
                "version": each.version,
                "how": each.how,
                "newest_run_id": each.newest_run_id,
            }
            for each in found.compared
        ],
        "not_known": [
            {
                "code": each.code,
                "run_id": each.run_id,
                "component": each.component,
                "name": each.name,
                "text": unknown_line(each, short),
            }
            for each in found.not_known
        ],
        "refresh": [
            {"run_id": each.run_id, "component": each.component, "codes": each.codes}
            for each in found.refresh
        ],
    }


def _run_dict(run: RunName) -> dict[str, str]:
    return {"run_id": run.run_id, "component": run.component}


def _cause_dict(cause: Cause) -> dict[str, Any]:
    return {
        "code": cause.code,
        "run_id": cause.run_id,
        "component": cause.component,
        "name": cause.name,
        "version": cause.version,
        "newer_version": cause.newer_version,
        "newer_run": None if cause.newer_run is None else _run_dict(cause.newer_run),
        "newer_at": to_iso(cause.newer_us),
        "by": cause.by,
        "had_code": _code_dict(cause.had_code),
        "newest_code": _code_dict(cause.newest_code),
        "age_s": cause.age_s,
        "max_age_s": cause.max_age_s,
    }


def _code_dict(code: Code | None) -> dict[str, Any] | None:
    if code is None:
        return None
    return {"git_hash": code.git_hash, "dirty": code.dirty, "digest": code.digest}
