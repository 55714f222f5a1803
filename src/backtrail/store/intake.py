"""Facts -> rows in keys: names become integers, facts of one run are united.

Shared by the stores that speak SQL. The store supplies look-ups and inserts
through `Names`; nothing here knows a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..model.facts import (
    BY_OBJECT,
    BY_RUN_ID,
    RUNNING,
    Artifact,
    Batch,
    ComponentFact,
    PipelineFact,
    RunFact,
    SiteFact,
    SourceFact,
)
from ..model.identity import SEQ_BITS
from .protocol import InRow, OutRow, RunRow
from .rows import Said, to_json, unite, united_ins, united_outs

# A NamedTuple's own constructor takes twice the time of the tuple's.
_new: Any = tuple.__new__


class Names(NamedTuple):
    """The keys that a round of facts needs, each by its name."""

    artifacts: Mapping[str, int]
    versions: Mapping[str, int]
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
        elif isinstance(fact, SourceFact):
            self._artifact(fact.artifact)


class Site(NamedTuple):
    """A site's key and the key of its component."""

    site: int
    component: int


class Rows:
    """The run rows of a round, united by run."""

    def __init__(self, said: Said) -> None:
        self.said = said
        self.runs: dict[int, RunRow] = {}
        self.named: dict[str, int] = {}
        self._to_check: set[int] = set()

    def add(
        self,
        fact: RunFact,
        writer: int,
        site: Site,
        names: Names,
        known_run: Callable[[str], int | None],
    ) -> None:
        """Add what one fact says."""
        key = writer << SEQ_BITS | fact.seq
        if fact.run_id is not None:
            key = self._key_of_named(fact.run_id, key, known_run)
        row = _row(key, fact, writer, site, names)
        if fact.run_id is not None or fact.status == RUNNING:
            self._to_check.add(key)
        known = self.runs.get(key)
        self.runs[key] = row if known is None else unite(known, row, self.said)

    def _key_of_named(self, run_id: str, key: int, known_run: Callable[[str], int | None]) -> int:
        known = self.named.get(run_id)
        if known is None:
            known = known_run(run_id) or key
            self.named[run_id] = known
        return known

    def to_unite(self, open_runs: set[int], highest: Mapping[int, int]) -> list[int]:
        """Give the keys whose stored rows, if any, must be united with these.

        Args:
            open_runs: the keys of stored runs that have not ended.
            highest: the highest stored key of each writer; a run above it is new.
        """
        return [
            key
            for key in self.runs
            if key in open_runs or (key in self._to_check and key <= highest[key >> SEQ_BITS])
        ]

    def writers(self) -> set[int]:
        """Give the writers of these runs."""
        return {key >> SEQ_BITS for key in self.runs}


def _row(key: int, fact: RunFact, writer: int, site: Site, names: Names) -> RunRow:
    artifacts, versions = names.artifacts, names.versions
    ins = []
    for artifact, version, at_us, how, producer in fact.reads:
        keyed = _producer(how, producer, writer, names) if how else 0
        version_key = 0 if version is None else versions[version]
        ins.append(_new(InRow, (artifacts[artifact[0]], version_key, at_us, how, keyed)))
    outs = [
        _new(
            OutRow,
            (artifacts[artifact[0]], 0 if version is None else versions[version], at_us, value),
        )
        for artifact, version, at_us, value in fact.writes
    ]
    parent = fact.parent
    if parent is not None:
        parent = -names.refs[parent] if isinstance(parent, str) else writer << SEQ_BITS | parent
    row: RunRow = _new(
        RunRow,
        (
            key,
            site.component,
            site.site,
            None if fact.pipeline is None else names.pipelines[fact.pipeline],
            parent,
            fact.started_us,
            fact.ended_us,
            fact.status,
            to_json(fact.params) if fact.params else None,
            fact.error,
            fact.run_id,
            fact.host,
            ins if len(ins) < 2 else united_ins(ins, ()),
            outs if len(outs) < 2 else united_outs(outs, ()),
            0,
        ),
    )
    return row


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
