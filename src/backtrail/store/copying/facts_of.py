"""Rows of runs -> the facts that they came from, as the processes that recorded tell them.

What is read of one store and taken in by another comes to the same rows there, but for
their keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...model.facts import Artifact, Batch, CodeFact, Fact, Read, RunFact, SiteFact, WriterFact
from ...model.identity import SEQ_BITS, SEQ_MASK
from ..protocol import FunctionRow, OutRow, ProcessRow, RunRow, Store
from ..rows import from_json

_PROCESSES_AHEAD = 100


def batch_of(process: ProcessRow, *facts: Fact) -> Batch:
    """Give facts of a process, without saying where it stands."""
    writer = WriterFact(process.uid, process.host, process.pid, process.started, process.info)
    return Batch(writer, 0, 0, list(facts))


def site_fact(row: FunctionRow) -> SiteFact:
    """Give the fact of a registered function."""
    return SiteFact(row.n, row.component, row.file, row.line, row.function, row.git)


def code_fact(row: FunctionRow, source: str | None) -> CodeFact:
    """Give what was learnt of a function's code."""
    dirty = None if row.dirty is None else bool(row.dirty)
    return CodeFact(row.n, row.file, row.git, dirty, row.digest, source)


class Processes:
    """The processes of runs that are asked for in the order of their keys."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, ProcessRow] = {}

    def of(self, writer: int) -> ProcessRow:
        """Give a process by its key."""
        row = self._known.get(writer)
        if row is None:
            # Those that follow will be asked for next.
            page = self._store.processes(writer - 1, _PROCESSES_AHEAD)
            self._known = {row.writer: row for row in page}
            row = page[0]
        return row


class Words:
    """What the keys of some runs stand for, and the facts that they come to with it."""

    def __init__(self, store: Store, processes: Processes, rows: list[RunRow]) -> None:
        self._store = store
        self._processes = processes
        self._rows = rows
        self.sites = {row.site: row for row in store.functions({run.site for run in rows})}
        self._learn([write for row in rows for write in row.outs], rows)
        named: set[int] = set()
        foreign: set[int] = set()
        for row in rows:
            for key in (row.parent or 0, *[read.producer for read in row.ins]):
                if key < 0:
                    named.add(-key)
                elif key and key >> SEQ_BITS != row.run >> SEQ_BITS:
                    foreign.add(key)
        self._refs = store.run_refs(named) if named else {}
        self._ids = store.public_ids(foreign) if foreign else {}
        pipelines = {row.pipeline for row in rows if row.pipeline is not None}
        self._pipelines = store.pipelines(pipelines) if pipelines else {}

    def _learn(self, writes: Iterable[OutRow], rows: Iterable[RunRow] = ()) -> None:
        artifacts = {write[0] for write in writes}
        versions = {write[1] for write in writes}
        for row in rows:
            artifacts.update([read[0] for read in row.ins])
            versions.update([read[1] for read in row.ins])
        found = self._store.artifacts(artifacts)
        self._artifacts = {key: (row[1], row[2]) for key, row in found.items()}
        self._versions: Mapping[int, str | None] = {0: None, **self._store.versions(versions)}

    def batches(self) -> list[Batch]:
        """Give the facts of the runs, a batch for each process."""
        batches: dict[int, Batch] = {}
        for row in self._rows:
            writer = row.run >> SEQ_BITS
            batch = batches.get(writer)
            if batch is None:
                batch = batches[writer] = batch_of(self._processes.of(writer))
            batch.facts.append(self.fact(row))
        return list(batches.values())

    def fact(self, row: RunRow) -> RunFact:
        """Give the fact of a run, as its process tells it."""
        writer = row.run >> SEQ_BITS
        artifacts, versions = self._artifacts, self._versions
        reads = []
        for artifact, version, at_us, how, producer in row.ins:
            named = self._named(producer, writer) if how else None
            known = Artifact(*artifacts[artifact])
            reads.append(Read(known, versions[version], at_us, how, named))
        return RunFact(
            row.run & SEQ_MASK,
            self._site_of(row),
            row.started,
            row.ended,
            row.status,
            None if row.parent is None else self._named(row.parent, writer),
            None if row.pipeline is None else self._pipelines[row.pipeline],
            None if row.params is None else from_json(row.params),
            reads,
            self._writes(row.outs),
            row.error,
            row.run_id,
            row.host,
        )

    def uid_of(self, row: RunRow) -> bytes:
        """Give the random id of the process under whose number a run is kept."""
        return self._processes.of(row.run >> SEQ_BITS).uid

    def from_elsewhere(self) -> list[Batch]:
        """Give whose code runs were of that several processes told of.

        A function is named by the number that its own process gave it. Where that is not
        the process under whose number the run is kept, it must say so itself.
        """
        batches = []
        for row in self._rows:
            site = self.sites[row.site]
            if site.writer != row.run >> SEQ_BITS and row.run_id is not None:
                fact = self._again(row, site.n, [])
                batches.append(batch_of(self._processes.of(site.writer), fact))
        return batches

    def more_of(self, row: RunRow, outputs: list[OutRow]) -> Batch:
        """Give outputs of a run beyond those in its row."""
        self._learn(outputs)
        fact = self._again(row, self._site_of(row), self._writes(outputs))
        return batch_of(self._processes.of(row.run >> SEQ_BITS), fact)

    def _again(self, row: RunRow, site: int, writes: list[Any]) -> RunFact:
        return RunFact(
            row.run & SEQ_MASK,
            site,
            row.started,
            row.ended,
            row.status,
            None,
            None,
            None,
            [],
            writes,
            row.error,
            row.run_id,
            row.host,
        )

    def _writes(self, outputs: Iterable[OutRow]) -> list[Any]:
        artifacts, versions = self._artifacts, self._versions
        return [
            (artifacts[artifact], versions[version], at_us, value)
            for artifact, version, at_us, value in outputs
        ]

    def _site_of(self, row: RunRow) -> int:
        site = self.sites[row.site]
        if site.writer == row.run >> SEQ_BITS:
            return site.n
        # The greater of commit and component counts, so this process said a lesser one:
        # the least that it knows lies not above that.
        own = self._store.functions_of([row.run >> SEQ_BITS])
        return min(own, key=lambda each: (each.git or "", each.component)).n

    def _named(self, key: int, writer: int) -> int | str | None:
        """Give how a process names a run: its own by number."""
        if key < 0:
            return self._refs[-key]
        if key >> SEQ_BITS == writer:
            return key & SEQ_MASK
        return self._ids.get(key)
