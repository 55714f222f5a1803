"""All facts of a store, in rounds of bounded size.

A round can be taken in once those before it are: functions are told before the runs of
them. Where a process stands is told last, so that a copy that was interrupted claims
nothing that it has not brought.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from ...model.facts import (
    AFTER_END,
    Artifact,
    Batch,
    ComponentFact,
    EnvironmentFact,
    Fact,
    FlagFact,
    NoteFact,
    PipelineFact,
    SourceFact,
)
from ...model.identity import SEQ_BITS
from ..naming import UNKNOWN_COMPONENT
from ..protocol import ProcessRow, RunRow, Store
from .facts_of import Processes, Words, batch_of, code_fact, site_fact

AT_ONCE = 2000
# Each with its functions, and their sources.
_PROCESSES_AT_ONCE = 100
# Of reads and writes as JSON: what a round makes of it takes some twenty times as much.
_ROUND_BYTES = 1 << 20

T = TypeVar("T")


class Round(NamedTuple):
    """Facts to take in together.

    Either ``more`` of runs that a round before has told of, or where processes stand
    (``ends``: no facts, but positions and losses), or any other facts.
    """

    batches: list[Batch]
    more: bool = False
    ends: bool = False


class Rounds:
    """Every fact that a store holds, to go through once.

    Args:
        store: the store.
        at_once: how many facts there are in a round at most.
    """

    def __init__(self, store: Store, at_once: int = AT_ONCE) -> None:
        self._store = store
        self._at_once = at_once

    def __iter__(self) -> Iterator[Round]:
        """Give the rounds."""
        yield from self._code()
        teller = next(iter(self._store.processes(0, 1)), None)
        if teller is None:
            return  # nobody ever recorded here
        # What belongs to no process is said by any of them.
        said = itertools.chain(self._components(), self._pipelines(), self._sources())
        yield from self._told_by(teller, said)
        yield from self._runs()
        yield from self._told_by(teller, itertools.chain(self._flags(), self._notes()))
        yield from self._ends()

    def _pages(
        self, read: Callable[[Any, int], list[T]], key: Callable[[T], Any], after: Any = 0
    ) -> Iterator[list[T]]:
        while page := read(after, self._at_once):
            yield page
            after = key(page[-1])

    def _told_by(self, teller: ProcessRow, facts: Iterator[Fact]) -> Iterator[Round]:
        while page := list(itertools.islice(facts, self._at_once)):
            yield Round([batch_of(teller, *page)])

    def _ends(self) -> Iterator[Round]:
        for page in self._pages(self._store.processes, lambda row: row.writer):
            batches = []
            for row in page:
                batch = batch_of(row)
                batch.segment, batch.offset, batch.lost = row.segment, row.offset, row.lost
                batch.ended = row.offset == AFTER_END
                batches.append(batch)
            yield Round(batches, ends=True)

    # -- code, and what people said --------------------------------------------------

    def _code(self) -> Iterator[Round]:
        """Give the functions of all processes, their code, and what they ran with."""
        told: set[str] = set()
        for page in self._pages(self._store.processes, lambda row: row.writer):
            for start in range(0, len(page), _PROCESSES_AT_ONCE):
                yield self._code_of(page[start : start + _PROCESSES_AT_ONCE], told)

    def _code_of(self, processes: list[ProcessRow], told: set[str]) -> Round:
        """Give the round of some processes; ``told`` are digests of sources told before."""
        store = self._store
        packages: dict[str, dict[str, str]] = {}
        texts: dict[str, str | None] = {}
        batches = {row.writer: batch_of(row) for row in processes}
        for row in processes:
            if row.environment is not None:
                if row.environment not in packages:
                    known = store.packages(row.writer << SEQ_BITS)
                    packages[row.environment] = known[1] if known else {}
                fact = EnvironmentFact(row.environment, packages[row.environment])
                batches[row.writer].facts.append(fact)
        for function in store.functions_of(batches):
            facts, digest = batches[function.writer].facts, function.digest
            # It is not known yet where its definition was damaged: each store says so itself.
            if function.component != UNKNOWN_COMPONENT:
                facts.append(site_fact(function))
            # A source is told in one round, but to all there that ask: which of them is
            # taken in first is not ours to say.
            if digest is not None and digest not in told and digest not in texts:
                texts[digest] = store.source_text(function.site)
            if digest is not None or function.dirty is not None:
                facts.append(code_fact(function, texts.get(digest or "")))
        told.update(texts)
        return Round(list(batches.values()))

    def _components(self) -> Iterator[Fact]:
        for row in self._store.components():
            for field, (at_us, value) in row.said.items():
                yield ComponentFact(row.name, at_us, {field: value})

    def _pipelines(self) -> Iterator[Fact]:
        for page in self._pages(self._store.pipeline_runs, lambda row: row.pipeline):
            for row in page:
                if row.name is not None and row.started is not None:
                    yield PipelineFact(row.run_id, row.name, row.started)

    def _sources(self) -> Iterator[Fact]:
        for page in self._pages(self._store.sources, lambda row: row.artifact):
            for row in page:
                yield SourceFact(Artifact(row.name, row.kind))

    def _flags(self) -> Iterator[Fact]:
        for page in self._pages(self._store.marked, int):
            artifacts = self._store.artifacts(page)
            for row in self._store.flags(page):
                marked = artifacts[row.artifact]
                artifact = Artifact(marked.name, marked.kind)
                yield FlagFact(artifact, row.at_us, row.state, row.note, row.by)

    def _notes(self) -> Iterator[Fact]:
        for page in self._pages(self._store.noted, str, ""):
            for row in self._store.notes(page):
                yield NoteFact(row.run_id, row.at_us, row.text, row.by)

    # -- runs ------------------------------------------------------------------------

    def _runs(self) -> Iterator[Round]:
        processes = Processes(self._store)
        for page in self._pages(self._store.run_sizes, lambda row: row[0]):
            for keys in _parted(page):
                rows = sorted(self._store.runs(keys).values())
                yield from self._rounds_of(rows, Words(self._store, processes, rows))

    def _rounds_of(self, rows: list[RunRow], words: Words) -> Iterator[Round]:
        yield Round(words.batches())
        elsewhere = words.from_elsewhere()
        if elsewhere:
            yield Round(elsewhere, more=True)
        for row in rows:
            if row.outs_more:
                outputs = iter(self._store.more_outputs(row.run))
                while page := list(itertools.islice(outputs, self._at_once)):
                    yield Round([words.more_of(row, page)], more=True)


def _parted(sizes: list[tuple[int, int]]) -> Iterator[list[int]]:
    """Part the runs of a page so that no round is large, but for a run that is by itself."""
    keys: list[int] = []
    room = _ROUND_BYTES
    for key, size in sizes:
        if keys and size > room:
            yield keys
            keys, room = [], _ROUND_BYTES
        keys.append(key)
        room -= size
    yield keys
