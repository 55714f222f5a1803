"""An impact as text: what was built on something, a line for each distance and component."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import chain
from typing import Protocol

from ..model.facts import DIGEST_KINDS
from ..model.impact import (
    ImpactCount,
    ImpactGroup,
    ImpactLink,
    ImpactOrigin,
    ImpactStep,
    ImpactWrite,
)
from ..model.records import Run
from ..model.times import to_iso
from . import words
from .fold import span
from .listing import short_ids
from .names import short_names
from .narrative import list_some, mark_of_status, mark_of_warning
from .screen import Screen
from .table import Cell, Column, align

_FOLD_OVER = 40
_OWNERS_SHOWN = 5


class Affected(Protocol):
    """What a renderer needs of an impact (`query.impact.Impact`)."""

    @property
    def origin(self) -> ImpactOrigin:
        """What was asked about."""

    @property
    def roots(self) -> Sequence[Run]:
        """The runs that were asked about."""

    @property
    def runs(self) -> Sequence[Run]:
        """The runs downstream, nearest first."""

    @property
    def groups(self) -> Sequence[ImpactGroup]:
        """The runs counted by distance and component."""

    @property
    def by_component(self) -> Sequence[ImpactCount]:
        """How much of each component is affected."""

    @property
    def by_owner(self) -> Sequence[ImpactCount]:
        """How much of each owner's is affected."""

    @property
    def outputs_total(self) -> int:
        """How many output ids are affected."""

    @property
    def flagged_total(self) -> int:
        """How many of them are flagged."""

    @property
    def wrote(self) -> Sequence[ImpactWrite]:
        """What took the place of what was asked about."""

    @property
    def truncated(self) -> bool:
        """Whether the walk was cut."""

    def links(self, groups: int) -> Sequence[ImpactLink]:
        """Give what leads from one of the first so many groups to another."""

    def run_links(self) -> Sequence[ImpactLink]:
        """Give what leads from one run to another, those asked about first."""

    def depth_of(self, place: int) -> int:
        """Give the fewest links from what was asked about to a run downstream."""


def impact(
    found: Affected,
    *,
    width: int = 100,
    color: bool = False,
    ascii: bool = False,  # noqa: A002 - the word that a user knows for it
    wide: bool = False,
    asked: str | None = None,
) -> str:
    """Give the text of an impact.

    Args:
        found: the impact.
        width: columns of the screen; no line of the table is longer.
        color: paint signs and states.
        ascii: for a terminal that shows nothing else.
        wide: cut nothing, whatever the width.
        asked: what was typed for the thing that was asked about.
    """
    screen = Screen(None if wide else max(width, 40), color, ascii)
    lines = screen.wrap(screen.clean(headline(found)))
    lines += _table(screen, found.groups)
    for sentence in sentences(found, asked):
        lines += screen.wrap(screen.clean(sentence), indent="  " if sentence[:2] == "! " else "")
    return "\n".join(lines)


def headline(found: Affected) -> str:
    """Say what was asked about: ``clean.parquet, every version. What read it, ...``."""
    origin = found.origin
    if origin.kind == "run":
        run = found.roots[0]
        mark = mark_of_status(run.status)
        state = f", {mark}" if mark.sign else ""
        (shown,) = short_ids([run.run_id])
        said = f"{shown} {run.component}, {words.minute(run.started_us)}{state}"
        return f"{said}. What was built on it:"
    if origin.kind == "runs":
        return f"{_chosen(found)}. What was built on them:"
    if origin.kind == "content":
        said = f"The content {words.short_version(origin.version)}, under any name"
    else:
        name = short_names([origin.name])[origin.name]
        version = "every version" if origin.version is None else words.short_version(origin.version)
        said = f"{name}, {version}"
    return f"{said}. What read it, and what was built on that:"


def _chosen(found: Affected) -> str:
    """Give ``37 runs of clean at 9c1d2e4 since 2026-07-24 03:17:00``."""
    origin = found.origin
    parts = [words.count(len(found.roots), "run")]
    if origin.component is not None:
        parts.append(f"of {origin.component}")
    if origin.version is not None:
        parts.append(f"at {origin.version}")
    if origin.commit is not None:
        parts.append(f"at commit {origin.commit}")
    if origin.since_us is not None:
        parts.append(f"since {words.second(origin.since_us)}")
    if origin.until_us is not None:
        until = "before" if origin.since_us is None else "until"
        parts.append(f"{until} {words.second(origin.until_us)}")
    return " ".join(parts)


# -- the table ----------------------------------------------------------------------------


def _table(screen: Screen, groups: Sequence[ImpactGroup]) -> list[str]:
    shown = [(f"+{group.depth}", group) for group in groups]
    if len(shown) > _FOLD_OVER:
        shown = _folded(groups)
    if not shown:
        return []
    short = short_names(chain.from_iterable(group.read for _, group in shown))
    ids = iter(short_ids([group.run_id for _, group in shown if group.runs == 1]))
    times = _times([group for _, group in shown], narrow=screen.is_narrow)
    rows = [
        _row(
            far,
            group,
            next(ids) if group.runs == 1 else words.count(group.runs, "run"),
            time,
            short,
            narrow=screen.is_narrow,
        )
        for (far, group), time in zip(shown, times, strict=True)
    ]
    columns = [Column(), Column(), Column(most=_component_cells(screen)), Column(), Column()]
    return align(screen, columns, rows)


def _row(
    far: str, group: ImpactGroup, who: str, time: str, short: dict[str, str], *, narrow: bool
) -> list[Cell]:
    lead, names = _reason(group, short, narrow=narrow)
    return [
        Cell(far, "strong"),
        Cell(who),
        Cell(group.component),
        Cell(time, "dim"),
        Cell(names, "warn" if group.flagged or group.failed else "", lead),
    ]


def _reason(group: ImpactGroup, short: dict[str, str], *, narrow: bool = False) -> tuple[str, str]:
    """Give what is affected of the runs, how many did not complete, and why they are there.

    Counts stay whole; names that were read may be cut, or left out on a narrow screen.
    """
    parts = []
    if group.failed:
        parts.append("x failed" if group.runs == 1 else f"x {group.failed:,} failed")
    if group.outputs:
        parts.append(tally(group.outputs, group.flagged))
    read = list_some([short.get(name, name) for name in group.read])
    if narrow and parts:
        return ", ".join(parts), ""
    if read:
        parts.append("read ")
    elif group.called:
        parts.append("called one of these")
    return ", ".join(parts), read


def tally(outputs: int, flagged: int) -> str:
    """Give ``412 outputs, 12 flagged``."""
    return words.count(outputs, "output") + (f", {flagged:,} flagged" if flagged else "")


def _times(groups: Sequence[ImpactGroup], *, narrow: bool) -> list[str]:
    ends = [us for group in groups for us in (group.first_us, group.last_us)]
    shown = words.moments(ends, narrow=narrow)
    if narrow or any(group.runs > 1 for group in groups):
        # A span to the minute leaves no room for why the runs are there.
        minutes = [words.minute(us) for us in ends]
        shown = [
            text if group.runs == 1 else minute[:10]
            for group, text, minute in zip(
                chain.from_iterable((group, group) for group in groups), shown, minutes, strict=True
            )
        ]
    return [span(*pair) for pair in zip(shown[::2], shown[1::2], strict=True)]


def _folded(groups: Sequence[ImpactGroup]) -> list[tuple[str, ImpactGroup]]:
    """Give one line a component, the nearest first, where there are too many distances."""
    folded: dict[str, tuple[int, ImpactGroup]] = {}
    for group in groups:
        known = folded.get(group.component)
        folded[group.component] = group.depth, _joined(known[1] if known else None, group)
    return [
        (f"+{group.depth}" if group.depth == last else f"+{group.depth}..{last}", group)
        for last, group in folded.values()
    ]


def _joined(known: ImpactGroup | None, more: ImpactGroup) -> ImpactGroup:
    if known is None:
        return more
    return ImpactGroup(
        known.depth,
        known.component,
        known.kind,
        known.owner,
        known.run_id,
        known.runs + more.runs,
        min(known.first_us, more.first_us),
        max(known.last_us, more.last_us),
        known.failed + more.failed,
        list(dict.fromkeys(known.read + more.read)),
        known.called or more.called,
        known.outputs + more.outputs,
        known.flagged + more.flagged,
    )


# -- below it -----------------------------------------------------------------------------


def sentences(found: Affected, asked: str | None = None, *, commands: bool = True) -> list[str]:
    """Say how much that is, whose, whether it goes on, and by which commands to see more."""
    said = []
    again = command(found, asked)
    if not found.runs and not found.truncated:
        what = {"run": "it", "runs": "them"}.get(found.origin.kind)
        said.append(
            f"Nothing that is recorded was built on {what}." if what else "No recorded run read it."
        )
        if found.origin.kind == "artifact" and commands:
            said.append(f"What is behind it: bt {shlex.quote(asked or found.origin.name)}")
    elif found.runs:
        counts = words.count(len(found.runs), "run")
        if found.outputs_total:
            counts += f", {tally(found.outputs_total, found.flagged_total)}"
        said.append(f"Affected: {counts}.{_owners(found.by_owner)}")
    said += _replaced(found)
    if found.truncated:
        said.append("! This was cut here: more lies downstream, how much is not known.")
    if found.outputs_total and commands:
        said.append(f"To list the outputs: {again} --outputs")
    if found.runs and commands:
        said.append(f"Why one is among them: {again} --path-to ID")
    return said


def _owners(counts: Sequence[ImpactCount]) -> str:
    if all(count.name is None for count in counts):
        return ""
    shown = [f"{count.name or 'not known'} ({_share(count)})" for count in counts[:_OWNERS_SHOWN]]
    more = len(counts) - len(shown)
    return f" Owners: {', '.join(shown)}{f' +{more:,}' if more > 0 else ''}."


def _share(count: ImpactCount) -> str:
    return words.count(count.runs, "run") if count.runs else words.count(count.outputs, "output")


def _replaced(found: Affected) -> list[str]:
    names = short_names(each.name for each in found.wrote)
    stands = [names[each.name] for each in found.wrote if each.newer_us is None]
    said = [f"Nothing newer replaced {list_some(stands)}."] if stands else []
    for each in found.wrote:
        if each.newer_us is not None and each.newer_run_id is not None:
            (by,) = short_ids([each.newer_run_id])
            said.append(
                f"{names[each.name]} was written again, last {words.second(each.newer_us)} by {by}:"
                " what read that version is not counted here."
            )
    return said


def command(found: Affected, asked: str | None = None) -> str:
    """Give the command that asks this question again."""
    origin = found.origin
    parts = ["bt", "impact"]
    if asked is not None:
        parts.append(shlex.quote(asked))
    elif origin.kind == "run":
        parts += short_ids([origin.name])
    elif origin.kind != "runs":
        parts.append(shlex.quote(origin.name))
    if origin.version is not None and origin.kind != "content":
        parts += ["--version", shlex.quote(_begin_of(origin.version))]
    if origin.component is not None:
        parts += ["--component", shlex.quote(origin.component)]
    if origin.commit is not None:
        parts += ["--commit", shlex.quote(origin.commit)]
    for option, us in (("--since", origin.since_us), ("--until", origin.until_us)):
        if us is not None:
            parts += [option, to_iso(us) or ""]
    return " ".join(parts)


def _begin_of(version: str) -> str:
    """Give enough of a version to type: twelve digits of a digest, any other word whole."""
    kind, colon, digits = version.partition(":")
    return f"{kind}:{digits[:12]}" if colon and kind in DIGEST_KINDS else version


# -- the way to one of them -----------------------------------------------------------------


def path(screen: Screen, found: Affected, steps: Sequence[ImpactStep], name: str) -> str:
    """Give the runs from what was asked about to one run or output id, with the evidence."""
    short = short_names(step.read for step in steps if step.read is not None)
    ids = short_ids([step.run_id for step in steps])
    times = words.moments([step.started_us for step in steps], narrow=screen.is_narrow)
    first = 0 if found.origin.kind in ("run", "runs") else 1
    rows = [
        [
            Cell(f"+{first + place}", "strong"),
            Cell(shown),
            Cell(step.component),
            Cell(time, "dim"),
            Cell(_evidence(step, short)),
        ]
        for place, (step, shown, time) in enumerate(zip(steps, ids, times, strict=True))
    ]
    columns = [Column(), Column(), Column(most=_component_cells(screen)), Column(), Column()]
    lines = align(screen, columns, rows)
    if name not in (step.run_id for step in steps):
        lines += screen.wrap(screen.clean(f"The last of them made {name}."))
    return "\n".join(lines)


def _component_cells(screen: Screen) -> int:
    """Give what is left for a component's name beside an id, a time and a few words."""
    return max(((screen.width or 0) - 60) // 2, 12)


def _evidence(step: ImpactStep, short: dict[str, str]) -> str:
    mark = mark_of_status(step.status)
    state = [str(mark)] if mark.sign else []
    if step.evidence == "call":
        return ", ".join([*state, "called the run before it"])
    if step.read is None:
        return ", ".join(state)
    doubts = "".join(f", {mark_of_warning(code).sign} {code}" for code in step.warnings)
    evidence = words.EVIDENCE.get(step.evidence, step.evidence)
    return ", ".join([*state, f"read {short.get(step.read, step.read)}", evidence + doubts])
