"""What of some facts a store does not hold yet.

A store holds a fact if taking it in would change nothing. Facts of a run are compared in
public words, by the rules by which a store unites them, since keys mean nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ...model.facts import (
    Batch,
    CodeFact,
    ComponentFact,
    EnvironmentFact,
    Fact,
    FlagFact,
    NoteFact,
    PipelineFact,
    RunFact,
    SiteFact,
    SourceFact,
)
from ...model.identity import SEQ_BITS
from ..intake import unite_said
from ..protocol import FunctionRow, ProcessRow, RunRow, Store
from ..rows import to_json, unite, united_ins, united_outs
from .facts_of import Processes, Words
from .rounds import Round

_Places = dict[tuple[int, int], FunctionRow]


class Holdings:
    """What one store holds, asked for a round at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._processes = Processes(store)

    def lacking(self, round_: Round) -> Round:
        """Give of a round the facts that are not held."""
        if round_.ends:
            return self._lacking_ends(round_)
        known = _Known(self._store, self._processes, round_)
        batches = []
        for batch in round_.batches:
            facts = [fact for fact in batch.facts if not known.holds(batch, fact)]
            if facts:
                batches.append(msgspec.structs.replace(batch, facts=facts))
        return round_._replace(batches=batches)

    def _lacking_ends(self, round_: Round) -> Round:
        """Give the processes that are said to stand further, with the losses not counted yet."""
        batches = []
        for batch in round_.batches:
            row = self._store.process(batch.writer.uid)
            if row is None:
                batches.append(batch)
                continue
            lost = max(0, batch.lost - row.lost)
            if lost or (row.segment, row.offset) < (batch.segment, batch.offset):
                batches.append(msgspec.structs.replace(batch, lost=lost))
        return round_._replace(batches=batches)


class _Known:
    """What a store knows of the things that a round tells of."""

    def __init__(self, store: Store, processes: Processes, round_: Round) -> None:
        self._store = store
        self._more = round_.more
        self._writers: dict[bytes, ProcessRow] = {}
        for batch in round_.batches:
            row = store.process(batch.writer.uid)
            if row is not None:
                self._writers[batch.writer.uid] = row
        facts = [fact for batch in round_.batches for fact in batch.facts]
        self._functions = self._places_of(round_.batches)
        self._marks(facts)
        self._learn_runs(round_.batches, processes)

    def _places_of(self, batches: Iterable[Batch]) -> _Places:
        """Give the functions of the processes, by process and number."""
        wanted = {
            row.writer
            for batch in batches
            if (row := self._writers.get(batch.writer.uid)) is not None
            and any(isinstance(fact, (SiteFact, CodeFact, RunFact)) for fact in batch.facts)
        }
        found = self._store.functions_of(wanted) if wanted else []
        return {(row.writer, row.n): row for row in found}

    def _marks(self, facts: list[Any]) -> None:
        store = self._store
        names = [each.artifact.name for each in facts if isinstance(each, (SourceFact, FlagFact))]
        found = store.artifacts_named(names) if names else []
        self._artifacts = {kept(row.name): row for row in found}
        by_key = {row.artifact: row.name for row in found}
        marks = store.flags(by_key) if any(isinstance(each, FlagFact) for each in facts) else []
        self._flags = {
            _kept_texts((by_key[row.artifact], row.at_us, row.state, row.note, row.by))
            for row in marks
        }
        noted = {fact.run_id for fact in facts if isinstance(fact, NoteFact)}
        self._notes = {_kept_texts(row) for row in (store.notes(noted) if noted else ())}
        ids = [fact.run_id for fact in facts if isinstance(fact, PipelineFact)]
        begun = store.pipelines_named(ids) if ids else []
        self._pipelines = {kept(row.run_id): row for row in begun}

    def _learn_runs(self, batches: Iterable[Batch], processes: Processes) -> None:
        self._keys: dict[Any, int] = {}
        for batch in batches:
            for fact in batch.facts:
                if isinstance(fact, RunFact):
                    key = self._key_of(batch.writer.uid, fact)
                    if key is not None:
                        self._keys[fact.run_id or (batch.writer.uid, fact.seq)] = key
        self._rows = self._store.runs(set(self._keys.values())) if self._keys else {}
        self._words = Words(self._store, processes, list(self._rows.values()))

    def _key_of(self, uid: bytes, fact: RunFact) -> int | None:
        if fact.run_id is not None:
            return self._store.key_of(fact.run_id)
        writer = self._writers.get(uid)
        return None if writer is None else writer.writer << SEQ_BITS | fact.seq

    # -- one fact ------------------------------------------------------------------

    def holds(self, batch: Batch, fact: Fact) -> bool:
        """Tell whether taking in a fact would change nothing."""
        if isinstance(fact, RunFact):
            return self._holds_run(batch, fact)
        if isinstance(fact, (SiteFact, CodeFact)):
            return self._holds_code(batch.writer.uid, fact)
        if isinstance(fact, EnvironmentFact):
            writer = self._writers.get(batch.writer.uid)
            return writer is not None and writer.environment == fact.digest
        if isinstance(fact, ComponentFact):
            row = self._store.component_named(fact.name)
            return row is not None and unite_said(row.said, fact) == row.said
        if isinstance(fact, PipelineFact):
            begun = self._pipelines.get(kept(fact.run_id))
            if begun is None or begun.started is None or begun.name is None:
                return False
            return kept(begun.name) == kept(fact.name) and begun.started <= fact.at_us
        if isinstance(fact, NoteFact):
            return _kept_texts((fact.run_id, fact.at_us, fact.by, fact.text)) in self._notes
        artifact = self._artifacts.get(kept(fact.artifact.name))
        if artifact is None or artifact.kind < fact.artifact.kind:
            return False
        if isinstance(fact, SourceFact):
            return bool(artifact.source)
        mark = (fact.artifact.name, fact.at_us, fact.state, fact.note, fact.by)
        return _kept_texts(mark) in self._flags

    def _holds_code(self, uid: bytes, fact: SiteFact | CodeFact) -> bool:
        row = self._function(uid, fact.n)
        if row is None:
            return False
        if isinstance(fact, SiteFact):
            said = (fact.file, fact.line, fact.function, fact.git_hash)
            known = (row.file, row.line, row.function, row.git)
            # What is known stays; what is not yet known would be filled in.
            return row.component == fact.component and all(
                a is None or b is not None for a, b in zip(said, known, strict=True)
            )
        dirty = None if row.dirty is None else bool(row.dirty)
        return (
            (dirty, row.digest) == (fact.dirty, fact.digest)
            and fact.file in (None, row.file)
            and fact.git_hash in (None, row.git)
            and (fact.source is None or self._store.source_text(row.site) is not None)
        )

    def _function(self, uid: bytes, n: int) -> FunctionRow | None:
        writer = self._writers.get(uid)
        return None if writer is None else self._functions.get((writer.writer, n))

    def _holds_run(self, batch: Batch, fact: RunFact) -> bool:
        uid = batch.writer.uid
        key = self._keys.get(fact.run_id or (uid, fact.seq))
        row = None if key is None else self._rows.get(key)
        if row is None:
            return False
        function = self._function(uid, fact.site)
        site = ("", "") if function is None else _said(function)
        known_site = _said(self._words.sites[row.site])
        if self._more:
            return known_site >= site and self._holds_writes(row.run, fact.writes)
        known = self._words.fact(row)
        if known == fact and known_site == site:
            return True
        if row.outs_more:
            # Which of them lie in the row depends on the order of keys.
            if not self._holds_writes(row.run, fact.writes):
                return False
            fact, known = (msgspec.structs.replace(each, writes=[]) for each in (fact, known))
        elif not _kinds_of(fact.writes, known.writes):
            return False
        if not _kinds_of(fact.reads, known.reads):
            return False
        keeper = self._words.uid_of(row)
        stored, told = _public(known, keeper, known_site), _public(fact, uid, site)
        return unite(stored, told, _Same()) == stored

    def _holds_writes(self, run: int, writes: list[Any]) -> bool:
        """Tell whether a run is known to have made these writes, wherever they are kept."""
        rows = self._store.artifacts_named({write[0][0] for write in writes})
        keys = {kept(row.name): row for row in rows}
        asked: list[tuple[int, int]] = []
        for (name, kind), _, at_us, _ in writes:
            row = keys.get(kept(name))
            if row is None or row.kind < kind:
                return False
            asked.append((row.artifact, at_us))
        found = self._store.writes_of_run(run, asked)
        words = self._store.versions({version for _, version, _ in found})
        made = {(artifact, words.get(version), at_us) for artifact, version, at_us in found}
        return all(
            (artifact, write[1], at_us) in made
            for (artifact, at_us), write in zip(asked, writes, strict=True)
        )


def kept(text: str) -> str:
    """Give a text as every database keeps it: some know no NUL."""
    return text.replace("\0", "\\0") if "\0" in text else text


def _kept_texts(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(kept(each) if isinstance(each, str) else each for each in values)


def _said(row: FunctionRow) -> tuple[str, str]:
    """Give what tells which of two sites of one run counts, see `rows.Said`."""
    return row.git or "", row.component


def _kinds_of(told: list[Any], known: list[Any]) -> bool:
    """Tell whether artifacts have a kind that is no weaker than what is told of them."""
    kinds = {kept(each[0][0]): each[0][1] for each in known}
    return all(kinds.get(kept(name), -1) >= kind for (name, kind), *_ in told)


def _public(fact: RunFact, uid: bytes, site: tuple[str, str]) -> RunRow:
    """Give a run row in public words instead of keys."""

    def run(named: int | str | None) -> str | None:
        return f"{uid.hex()}/{named}" if isinstance(named, int) else named and kept(named)

    ins = [
        (kept(name), version or "", at_us, how, run(producer) or "")
        for (name, _), version, at_us, how, producer in fact.reads
    ]
    outs = [
        (kept(name), version or "", at_us, value)
        for (name, _), version, at_us, value in fact.writes
    ]
    words: Any = (
        *(0, 0, site),
        fact.pipeline and kept(fact.pipeline),
        run(fact.parent),
        *(fact.started_us, fact.ended_us, fact.status),
        None if fact.params is None else to_json(fact.params),
        fact.error and kept(fact.error),
        fact.run_id and kept(fact.run_id),
        *(fact.host, united_ins(ins, ()), united_outs(outs, ()), 0),
    )
    return RunRow(*words)


class _Same:
    """Where keys are words already, they stand for themselves; see `rows.Said`."""

    def site(self, key: Any) -> Any:
        """Give commit and component."""
        return key

    def pipeline(self, key: Any) -> Any:
        """Give the public id of a pipeline run."""
        return key

    def parent(self, key: Any) -> Any:
        """Give the public id of a calling run."""
        return key
