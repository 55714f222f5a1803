"""Facts -> rows in keys: names become integers, facts of one run are united.

Shared by the stores that speak SQL. The store supplies look-ups and inserts
through `Names`; nothing here knows a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from ..model.facts import (
    BY_OBJECT,
    BY_RUN_ID,
    Artifact,
    Batch,
    ComponentFact,
    FlagFact,
    PipelineFact,
    RunFact,
    SiteFact,
    SourceFact,
)
from ..model.identity import SEQ_BITS
from .protocol import MOST_OUTPUTS, InRow, OutRow, RunRow
from .rows import (
    Said,
    to_json,
    to_json_each,
    unite,
    united_ins,
    united_outs,
    wire_ins,
    wire_outs,
)

# Runs that are bound together: enough to share the cost of a call, few enough to be
# gone before the garbage collector looks at them.
_AT_ONCE = 100
# A NamedTuple's own constructor takes twice the time of the tuple's.
_new: Any = tuple.__new__


class Names(NamedTuple):
    """The keys that a round of facts needs, each by its name."""

    artifacts: Mapping[str, int]
    versions: Mapping[str | None, int]  # 0 for None
    components: Mapping[str, int]
    pipelines: Mapping[str, int]
    refs: Mapping[str, int]


class Mentioned:
    """The names that a round of facts mentions, in order of appearance."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self.artifacts: dict[str, int] = {}
        self.versions: dict[str, None] = {}
        self.components: dict[str, None] = {}
        self.pipelines: dict[str, None] = {}
        self.refs: dict[str, None] = {}
        self.marked: set[str] = set()  # artifacts that something else is said of
        for batch in batches:
            for fact in batch.facts:
                if fact.__class__ is RunFact:
                    self._run(fact)
                else:
                    self._rare(fact)

    def _artifact(self, artifact: Artifact) -> None:
        name, kind = artifact
        if self.artifacts.get(name, -1) < kind:
            self.artifacts[name] = kind

    def _run(self, fact: RunFact) -> None:
        known, versions = self.artifacts, self.versions
        for (name, kind), version, _, how, producer in fact.reads:
            if known.get(name, -1) < kind:
                known[name] = kind
            if version is not None:
                versions[version] = None
            if how and isinstance(producer, str):
                self.refs[producer] = None
        for (name, kind), version, _, _ in fact.writes:
            if known.get(name, -1) < kind:
                known[name] = kind
            if version is not None:
                versions[version] = None
        if fact.pipeline is not None:
            self.pipelines[fact.pipeline] = None
        if fact.parent.__class__ is str:
            self.refs[fact.parent] = None

    def _rare(self, fact: Any) -> None:
        if isinstance(fact, SiteFact):
            self.components[fact.component] = None
        elif isinstance(fact, ComponentFact):
            self.components[fact.name] = None
        elif isinstance(fact, PipelineFact):
            self.pipelines[fact.run_id] = None
        elif isinstance(fact, (SourceFact, FlagFact)):
            self._artifact(fact.artifact)
            self.marked.add(fact.artifact.name)


class Site(NamedTuple):
    """A site's key and the key of its component."""

    site: int
    component: int


_Told = tuple[RunFact, int, Site]  # a fact, its writer, its site


class Rows:
    """The run rows of a round, one for each run however many facts told of it.

    `bound` fills ``outputs`` and ``inputs``, a row for each write and read,
    ``named``, a row for each read that named its maker, and ``long``, the keys of
    runs that wrote more than a row takes.
    """

    def __init__(self, names: Names, said: Said) -> None:
        self.said = said
        self.outputs: list[tuple[int, int, int, int]] = []
        self.inputs: list[tuple[int, int, int, int]] = []
        self.named: list[tuple[int, int]] = []
        self.long: list[int] = []
        self._names = names
        # A run that one fact told of, as nearly all are, is bound without a RunRow.
        self._told: dict[int, RunRow | _Told] = {}
        self._named: dict[str, int] = {}

    def add(
        self, fact: RunFact, writer: int, site: Site, known_run: Callable[[str, int], int | None]
    ) -> None:
        """Add what one fact says; ``known_run`` gives the key of a public id, if it has one."""
        key = writer << SEQ_BITS | fact.seq
        if fact.run_id is not None:
            key = self._key_of_named(fact.run_id, key, known_run)
        told = (fact, writer, site)
        known = self._told.get(key)
        if known is None:
            self._told[key] = told
        else:
            self._told[key] = unite(self.row(key), self._row(key, told), self.said)

    def _key_of_named(
        self, run_id: str, key: int, known_run: Callable[[str, int], int | None]
    ) -> int:
        known = self._named.get(run_id)
        if known is None:
            known = known_run(run_id, key) or key
            self._named[run_id] = known
        return known

    def writers(self) -> set[int]:
        """Give the writers of these runs."""
        return {key >> SEQ_BITS for key in self._told}

    def __len__(self) -> int:
        return len(self._told)

    def __iter__(self) -> Iterator[int]:
        """Go through the keys of these runs."""
        return iter(self._told)

    def row(self, key: int) -> RunRow:
        """Give the row of one of these runs."""
        told = self._told[key]
        if not isinstance(told, RunRow):
            told = self._told[key] = self._row(key, told)
        return told

    def bound(self) -> Iterator[tuple[Any, ...]]:
        """Give the rows as a statement takes them, by key; those too long for one go to `long`."""
        keys = sorted(self._told)
        for start in range(0, len(keys), _AT_ONCE):
            yield from self._bound(keys[start : start + _AT_ONCE])
        # Neighbours on disk one after the other. Of one artifact they came in the
        # order of time, or nearly so.
        self.inputs.sort(key=_first)
        self.outputs.sort(key=_first)

    def _bound(self, keys: list[int]) -> Iterator[tuple[Any, ...]]:
        heads: list[tuple[Any, ...]] = []
        wires: list[Any] = []
        inputs, outputs = self.inputs, self.outputs
        for key in keys:
            told = self._told[key]
            row = told if isinstance(told, RunRow) else self._values(key, told)
            started, ins, outs = row[5], row[12], row[13]
            for artifact, version, t, how, producer in ins:
                inputs.append((artifact, t, key, version))
                if how:
                    self.named.append((producer, key))
            for artifact, version, t, _ in outs:
                outputs.append((artifact, t, key, version))
            if len(outs) > MOST_OUTPUTS:
                self.long.append(key)
            else:
                heads.append(row[:12])
                wires.append(wire_ins(ins, started))
                wires.append(wire_outs(outs, started))
        texts = iter(to_json_each(wires))
        for head in heads:
            yield (*head, next(texts), next(texts), 0)

    def _row(self, key: int, told: _Told) -> RunRow:
        values = self._values(key, told)
        ins = [_new(InRow, each) for each in values[12]]
        outs = [_new(OutRow, each) for each in values[13]]
        row: RunRow = _new(RunRow, (*values[:12], ins, outs, 0))
        return row

    def _values(self, key: int, told: _Told) -> tuple[Any, ...]:
        """Give the values of a run row, as `RunRow` has them, but reads and writes plain."""
        fact, writer, site = told
        names = self._names
        artifacts, versions = names.artifacts, names.versions
        ins = []
        for artifact, version, at_us, how, producer in fact.reads:
            if how:
                producer = _producer(how, producer, writer, names)
            ins.append((artifacts[artifact[0]], versions[version], at_us, how, producer or 0))
        if len(ins) > 1 and not _are_in_order(ins):
            ins = united_ins(ins, ())
        outs = [
            (artifacts[artifact[0]], versions[version], at_us, value)
            for artifact, version, at_us, value in fact.writes
        ]
        if len(outs) > 1:
            outs = united_outs(outs, ())
        parent, pipeline, params = fact.parent, fact.pipeline, fact.params
        if parent is not None:
            parent = -names.refs[parent] if isinstance(parent, str) else writer << SEQ_BITS | parent
        if pipeline is not None:
            pipeline = names.pipelines[pipeline]  # type: ignore[assignment]
        return (
            key,
            site[1],
            site[0],
            pipeline,
            parent,
            fact.started_us,
            fact.ended_us,
            fact.status,
            to_json(params) if params else None,
            fact.error,
            fact.run_id,
            fact.host,
            ins,
            outs,
            0,
        )


_first = itemgetter(0)


def _are_in_order(ins: list[tuple[Any, ...]]) -> bool:
    """Tell whether these are as `united_ins` would give them: they mostly are."""
    last = -1
    for each in ins:
        if each[2] <= last:
            return False
        last = each[2]
    return True


def bound(row: Sequence[Any]) -> tuple[Any, ...]:
    """Give a run row as a statement takes it."""
    started = row[5]
    ins, outs = to_json_each((wire_ins(row[12], started), wire_outs(row[13], started)))
    return (*row[:12], ins, outs, row[14])


def _producer(how: int, producer: Any, writer: int, names: Names) -> int:
    """Give the key of a named producer: a run of this writer, or -ref."""
    if how == BY_OBJECT and isinstance(producer, int):
        return writer << SEQ_BITS | producer
    if how in (BY_OBJECT, BY_RUN_ID):
        return -names.refs[producer]
    return 0


def unite_said(said: dict[str, Any], fact: ComponentFact) -> dict[str, Any]:
    """Add what a fact says about a component: the latest counts, lists are united.

    A kind is said once: the first one counts.
    """
    united = dict(said)
    for field, value in fact.changes.items():
        known = united.get(field)
        entry = [fact.at_us, value]
        if known is None:
            united[field] = entry
        elif field in ("tags", "upstream", "downstream"):
            joined = sorted({*known[1], *value})
            united[field] = [max(known[0], fact.at_us), joined]
        elif field == "kind":
            united[field] = min(known, entry, key=lambda e: (e[0], str(e[1])))
        else:
            united[field] = max(known, entry, key=lambda e: (e[0], to_json(e[1])))
    return united
