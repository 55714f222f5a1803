"""What could explain the flagged outputs: suspects in order, and how much that is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..model.facts import FAILED, KILLED
from ..model.records import Code, Run, to_datetime
from ..render.names import short_names
from ..render.words import commit, minute, short_version, span
from ..store.protocol import Store
from .ancestry import Ancestry, ancestry
from .assemble import Assembly
from .backtrace import Watch
from .comparison import Compared, compare
from .links import Linker
from .suspects import NOTHING, Group, Place, Ranking, rank
from .traits import CODE, HOST, INPUT, PARAM, RUN, Trait, prior_among, traits

MOST_ROWS = 100
_MOST_MEMBERS = 50
_MOST_RELATED = 20
_MOST_OUTPUTS = 1_000
# What lies further upstream than so many runs is not looked at.
MOST_RUNS = 50_000


@dataclass(slots=True)
class Suspect:
    """One member of a group: a run, or something that several runs have in common.

    ``kind`` is ``run``, ``input`` (a version of an artifact that runs of the component
    read), ``code`` (a version of the component), ``param``, ``host`` or ``time`` (in which
    runs of the component started); ``text`` says which. ``run`` is the run itself, the
    run that wrote the input, or None.
    """

    kind: str
    text: str
    component: str | None = None
    run: Run | None = None


@dataclass(slots=True)
class ReviewRow:
    """Suspects that no flag can tell apart, since the same outputs have them behind.

    ``support`` counts the flagged outputs that they are behind, ``others`` the outputs
    that are not flagged. ``suspicion`` is 0 to 1 and adds up to 1 over all rows.
    ``p_value`` is the chance that any of all groups would stand out so far if flags
    had nothing to do with what is behind. ``interval`` is a range for the share of
    their outputs that are flagged. ``beyond`` counts the flagged outputs that rank 1
    is not behind; ``relation`` is ``feeds`` or ``fed-by`` where rank 1 was made from
    this run, or this run from rank 1. ``outputs`` are the flagged outputs that they are
    behind, 1,000 at most; ``good`` is the newest output to compare them with: of the
    same components, not flagged, and with none of the suspects behind.
    """

    rank: int
    members: list[Suspect]
    members_total: int
    support: int
    others: int
    suspicion: float
    ochiai: float
    p_value: float
    interval: tuple[float, float]
    beyond: int = 0
    relation: str = ""
    outputs: list[str] = field(default_factory=list)
    good: str | None = None

    @property
    def run(self) -> Run | None:
        """The run to look at first; None where no single run is behind these outputs."""
        return next((each.run for each in self.members if each.run is not None), None)


@dataclass(slots=True)
class Review:
    """Suspects for the flagged outputs, the most suspicious first.

    ``verdict`` is ``strong``, ``unsure`` or ``nothing`` (stands out), with the ``reason``
    where it is not strong: ``no-flags``, ``no-others``, ``too-few``, ``everywhere``,
    ``chance``, ``rivals``. ``flagged`` and ``others`` count what was compared.
    """

    rows: list[ReviewRow] = field(default_factory=list)
    rows_total: int = 0
    verdict: str = NOTHING
    reason: str = "no-flags"
    flagged: int = 0
    others: int = 0
    first_us: int | None = None
    last_us: int | None = None
    from_us: int | None = None
    until_us: int | None = None
    names: list[str] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    runs: int = 0
    sampled: bool = False
    truncated: bool = False

    @property
    def first_at(self) -> datetime | None:
        """When the first of the flagged outputs was written, UTC."""
        return to_datetime(self.first_us)

    @property
    def last_at(self) -> datetime | None:
        """When the last of the flagged outputs was written, UTC."""
        return to_datetime(self.last_us)

    def __str__(self) -> str:
        from ..render import review as form

        return form.text(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON form, schema ``backtrail.review/1``, as a dict."""
        from ..render import json

        return json.review_dict(self)

    def _repr_pretty_(self, printer: Any, _cycle: object) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        from ..render import review_html

        return review_html.review(self)


def review(
    store: Store,
    *,
    tolerance_us: int,
    since_us: int | None = None,
    until_us: int | None = None,
    watch: Watch | None = None,
) -> Review:
    """Rank what could explain the flagged outputs that were written in [since, until)."""
    linker = Linker(store, tolerance_us)
    compared = compare(store, linker, since_us, until_us)
    answer = _about(compared)
    if not compared.flagged:
        return answer
    outputs = {**compared.flagged, **compared.others}
    found = ancestry(store, linker, outputs, limit=MOST_RUNS, watch=watch)
    suspects = list(traits(store, found))
    prior = prior_among(trait for trait, _ in suspects)
    ranking = rank(suspects, _places(compared, found), prior)
    answer.verdict, answer.reason = ranking.verdict, ranking.reason
    answer.flagged, answer.others = ranking.flagged, ranking.others
    answer.rows_total, answer.truncated = len(ranking.groups), found.truncated
    answer.runs = len(found.behind)
    answer.rows = _rows(store, found, ranking, compared)
    return answer


def _about(compared: Compared) -> Review:
    return Review(
        names=compared.names,
        unwritten=compared.unwritten,
        first_us=compared.first_us,
        last_us=compared.last_us,
        from_us=compared.from_us,
        until_us=compared.until_us,
        sampled=compared.sampled,
    )


def _places(compared: Compared, found: Ancestry) -> list[Place]:
    """Count the outputs of each start of the walk."""
    flagged, others = [0] * len(found.starts), [0] * len(found.starts)
    for output, names in compared.flagged.items():
        flagged[found.bit(*output)] += len(names)
    for output, count in compared.others.items():
        others[found.bit(*output)] += count
    strata = [compared.component_of.get(run, 0) for run, _ in found.starts]
    return [Place(*each) for each in zip(flagged, others, strata, strict=True)]


def _rows(
    store: Store, found: Ancestry, ranking: Ranking[Trait], compared: Compared
) -> list[ReviewRow]:
    groups = ranking.groups[:MOST_ROWS]
    for group in groups:
        group.members = _in_order(found, group.members)
    naming = _Naming(store, found, groups)
    examples = _Examples(found, compared)
    relations = _relations(found, groups)
    rows = []
    by_first = set(examples.behind(groups[0].bits)) if groups else set()
    for n, group in enumerate(groups):
        outputs = examples.behind(group.bits)
        rows.append(
            ReviewRow(
                n + 1,
                [naming.suspect(each) for each in group.members[:_MOST_MEMBERS]],
                len(group.members),
                group.flagged,
                group.others,
                group.suspicion,
                group.ochiai,
                group.p_value,
                group.interval,
                len(set(outputs) - by_first),
                relations.get(n, ""),
                list(dict.fromkeys(name for name, _ in outputs))[:_MOST_OUTPUTS],
                examples.good(group.bits, {run for _, run in outputs}),
            )
        )
    return rows


def _in_order(found: Ancestry, members: Sequence[Trait]) -> list[Trait]:
    """Put runs that went wrong by themselves first; what a run of the group wrote is left out."""
    runs = {each.what[0] for each in members if each.kind == RUN}
    kept = [each for each in members if each.kind != INPUT or each.what[2] not in runs]
    return sorted(kept, key=lambda each: _standing(found, each))


def _standing(found: Ancestry, trait: Trait) -> int:
    if trait.kind != RUN:
        return 2
    return 0 if found.rows[trait.what[0]].status in (FAILED, KILLED) else 1


def _relations(found: Ancestry, groups: Sequence[Group[Trait]]) -> dict[int, str]:
    """Say how the first run of each group stands to the first of rank 1."""
    firsts = [
        next((each.what[0] for each in group.members if each.kind == RUN), None)
        for group in groups[:_MOST_RELATED]
    ]
    if not firsts or firsts[0] is None:
        return {}
    related = {}
    above = found.upstream_of(firsts[0])
    for n, run in enumerate(firsts[1:], 1):
        if run is not None and run in above:
            related[n] = "feeds"
        elif run is not None and firsts[0] in found.upstream_of(run):
            related[n] = "fed-by"
    return related


class _Examples:
    """Outputs that have a set of places behind them, or not, by name."""

    def __init__(self, found: Ancestry, compared: Compared) -> None:
        self._bytes = len(found.starts) // 8 + 1
        self._component_of = compared.component_of
        order = {name: n for n, name in enumerate(compared.names)}
        self._flagged = [
            (order[name], name, found.bit(run, at_us), run)
            for (run, at_us), names in compared.flagged.items()
            for name in names
        ]
        self._flagged.sort()
        self._others = [
            (found.rows[run].started, name, found.bit(run, at_us), run)
            for (run, at_us), name in compared.examples.items()
        ]
        self._others.sort(reverse=True)

    def behind(self, bits: int) -> list[tuple[str, int]]:
        """Give the flagged outputs of these places with their runs, flagged last first."""
        is_in = self._member_test(bits)
        return [(name, run) for _, name, bit, run in self._flagged if is_in(bit)]

    def good(self, bits: int, runs: Iterable[int]) -> str | None:
        """Give the newest output of other places than these, by a component of these runs."""
        like = {self._component_of[run] for run in runs}
        is_in = self._member_test(bits)
        others = (
            name
            for _, name, bit, run in self._others
            if self._component_of[run] in like and not is_in(bit)
        )
        return next(others, None)

    def _member_test(self, bits: int) -> Callable[[int], int]:
        """Tell of a bit whether it is set, in bytes: shifting a long number for each takes long."""
        held = bits.to_bytes(self._bytes, "little")
        return lambda bit: held[bit >> 3] >> (bit & 7) & 1


class _Naming:
    """Traits in keys -> suspects in words."""

    def __init__(self, store: Store, found: Ancestry, groups: Sequence[Group[Trait]]) -> None:
        shown = [each for group in groups for each in group.members[:_MOST_MEMBERS]]
        keys = dict.fromkeys(each.what[0] for each in shown if each.kind == RUN)
        keys |= dict.fromkeys(each.what[2] for each in shown if each.kind == INPUT)
        rows = [found.rows[key] for key in keys if key in found.rows]
        assembly = Assembly(store, rows)
        self._runs = {row.run: assembly.run(row) for row in rows}
        inputs = [each.what for each in shown if each.kind == INPUT]
        artifacts = store.artifacts({artifact for artifact, _, _ in inputs})
        short = short_names(row.name for row in artifacts.values())
        self._names = {row.artifact: short[row.name] for row in artifacts.values()}
        self._versions = store.versions({version for _, version, _ in inputs if version})
        components = store.components({each.component for each in shown if each.component})
        self._components = {row.component: row.name for row in components}

    def suspect(self, trait: Trait) -> Suspect:
        """Give a trait as people see it."""
        component = self._components.get(trait.component)
        if trait.kind == RUN:
            run = self._runs[trait.what[0]]
            return Suspect(RUN, run.run_id, component, run)
        producer = self._runs.get(trait.what[2]) if trait.kind == INPUT else None
        return Suspect(trait.kind, self._text(trait, producer), component, producer)

    def _text(self, trait: Trait, producer: Run | None) -> str:
        if trait.kind == INPUT:
            artifact, version, made = trait.what
            name = self._names[artifact]
            if producer is not None:
                at = minute(producer.started_us)
                return f"read {name} of {producer.component} {at}"
            word = f" ({short_version(self._versions.get(version))})" if version else ""
            return f"read {name}{word}" + ("" if made else ", which no recorded run wrote")
        if trait.kind == CODE:
            git, dirty, digest = trait.what
            return _code_words(Code(git, None if dirty is None else bool(dirty), digest))
        if trait.kind == PARAM:
            name, value = trait.what
            return f"{name}={value}"
        if trait.kind == HOST:
            return str(trait.what[0])
        return span(*trait.what)


def _code_words(code: Code) -> str:
    if code.git_hash and not code.dirty:
        return f"commit {commit(code)}"
    digest = f"code {short_version(code.digest)}" if code.digest else ""
    if not code.git_hash:
        return digest
    return f"commit {commit(code)}" + (f", {digest}" if digest else "")
