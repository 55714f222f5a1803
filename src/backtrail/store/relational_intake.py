"""Facts -> rows, in one transaction: what all stores that speak SQL share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from ..model.facts import (
    KILLED,
    Batch,
    CodeFact,
    ComponentFact,
    EnvironmentFact,
    FlagFact,
    NoteFact,
    PipelineFact,
    RunFact,
    SiteFact,
    SourceFact,
)
from ..model.identity import SEQ_BITS, SEQ_MASK
from .intake import Mentioned, Names, Rows, bound, unite_said
from .naming import Naming, Statements
from .protocol import MOST_OUTPUTS, RunRow
from .relational import RelationalStore
from .rows import from_json, to_json, unite, wire_outs

D = TypeVar("D", bound=Statements)


class RelationalIntake(ABC, Generic[D]):
    """Takes one round of batches in.

    A database adds the ways to write many rows at once.

    Args:
        transaction: that all of it happens in.
        naming: what is remembered of names from round to round.
        stored: answers about what is there already, from the same transaction.
    """

    def __init__(self, transaction: D, naming: Naming[D], stored: RelationalStore) -> None:
        self._transaction = transaction
        self._naming = naming
        self._stored = stored

    @abstractmethod
    def _known_run(self, run_id: str, key: int) -> int | None:
        """Give the key of the run that has this public id, if any; else ``key`` becomes it."""

    @abstractmethod
    def _write_runs(self, rows: Rows) -> None:
        """Write the runs of a round, and what they read and wrote."""

    @abstractmethod
    def _replace_runs(self, changed: list[tuple[Any, ...]]) -> None:
        """Write bound run rows, whether or not there are such runs."""

    def _take_in(self, batches: Sequence[Batch], writers: Mapping[bytes, int]) -> None:
        """Write the facts of the batches and move the positions of their writers."""
        names = self._naming.intern(self._transaction, Mentioned(batches))
        rows = Rows(names, _Said(self._transaction, self._stored))
        rare: list[tuple[int, Any]] = []
        for batch in batches:
            self._sort_out(batch, writers[batch.writer.uid], names, rows, rare)
        for kind, order, add in self._kinds_of_rare(names):
            # In one order for all: two transactions that write the same rows must not
            # each wait for the other.
            facts = [each for each in rare if each[1].__class__ is kind]
            for writer, fact in sorted(facts, key=order):
                add(writer, fact)
        self._write_runs(rows)
        for batch in batches:
            self._move_position(batch, writers[batch.writer.uid])

    def _sort_out(
        self, batch: Batch, writer: int, names: Names, rows: Rows, rare: list[tuple[int, Any]]
    ) -> None:
        transaction, naming = self._transaction, self._naming
        sites, known_run = naming.sites, self._known_run
        for fact in batch.facts:
            if fact.__class__ is RunFact:
                site = sites.get((writer, fact.site)) or naming.site_of(
                    transaction, writer, fact.site
                )
                rows.add(fact, writer, site, known_run)
            elif isinstance(fact, SiteFact):
                naming.add_site(transaction, writer, fact, names)
            else:
                rare.append((writer, fact))

    # -- rare facts ----------------------------------------------------------------

    def _kinds_of_rare(
        self, names: Names
    ) -> list[tuple[type, Callable[[tuple[int, Any]], Any], Callable[[int, Any], None]]]:
        """Give the kinds of facts beside runs: by what they are ordered, how they are added."""
        do = self._transaction.do

        def name(_: int, fact: PipelineFact) -> None:
            key = names.pipelines[fact.run_id]
            do("name_pipeline", name=fact.name, at=fact.at_us, pipeline=key)

        def declare(_: int, fact: SourceFact) -> None:
            do("declare_source", artifact=names.artifacts[fact.artifact.name])

        def describe(_: int, fact: ComponentFact) -> None:
            key = names.components[fact.name]
            said = from_json(do("said_of_component", component=key)[0][0])
            do("describe_component", said=to_json(unite_said(said, fact)), component=key)

        def note(_: int, fact: NoteFact) -> None:
            do("add_note", run_id=fact.run_id, at=fact.at_us, by=fact.by, text=fact.text)

        def flag(_: int, fact: FlagFact) -> None:
            artifact = names.artifacts[fact.artifact.name]
            mark = {"at": fact.at_us, "state": fact.state, "note": fact.note, "by": fact.by}
            do("add_flag", artifact=artifact, **mark)
            do("set_flagged", artifact=artifact)

        return [
            (ComponentFact, lambda each: each[1].name, describe),
            (CodeFact, lambda each: (each[1].digest or "", each[0], each[1].n), self._add_code),
            (PipelineFact, lambda each: each[1].run_id, name),
            (EnvironmentFact, lambda each: each[1].digest, self._add_environment),
            (SourceFact, lambda each: each[1].artifact.name, declare),
            (FlagFact, lambda each: each[1].artifact.name, flag),
            (NoteFact, lambda each: each[1].run_id, note),
        ]

    def _add_code(self, writer: int, fact: CodeFact) -> None:
        do = self._transaction.do
        site = self._naming.site_of(self._transaction, writer, fact.n)
        code = None
        if fact.digest is not None:
            do("add_code", digest=fact.digest, source=fact.source)
            code = do("key_of_code", digest=fact.digest)[0][0]
        dirty = None if fact.dirty is None else int(fact.dirty)
        do(
            "learn_code",
            file=fact.file,
            git=fact.git_hash,
            dirty=dirty,
            code=code,
            site=site.site,
        )

    def _add_environment(self, writer: int, fact: EnvironmentFact) -> None:
        do = self._transaction.do
        do("add_environment", digest=fact.digest, packages=to_json(fact.packages))
        do("set_environment", digest=fact.digest, writer=writer)

    # -- runs that are known already -------------------------------------------------

    def _unite_with_stored(self, rows: Rows, keys: Iterable[int]) -> None:
        keys = sorted(keys)
        stored = self._stored.runs(keys)
        changed: list[tuple[Any, ...]] = []
        for key in keys:
            row, known = rows.row(key), stored.get(key)
            if known is not None:
                if known.outs_more:
                    row = self._without_spilled(row, known)
                row = unite(known, row, rows.said)
                if row == known:
                    continue
            if len(row.outs) > MOST_OUTPUTS:
                row = self._spill(row)
            changed.append(bound(row))
        if changed:
            self._replace_runs(changed)

    def _without_spilled(self, row: RunRow, known: RunRow) -> RunRow:
        """Leave out the writes that an earlier fact told of, and that lie beyond the row."""
        asked = to_json([(artifact, at_us) for artifact, _, at_us, _ in row.outs])
        told = {
            tuple(write) for write in self._transaction.do("writes_by", writes=asked, run=row.run)
        }.difference(out[:3] for out in known.outs)
        return row._replace(outs=[out for out in row.outs if out[:3] not in told])

    def _spill(self, row: RunRow) -> RunRow:
        """Move outputs beyond the first thousand out of the row, in pieces."""
        do = self._transaction.do
        part = do("next_part", run=row.run)[0][0]
        rest = row.outs[MOST_OUTPUTS:]
        for start in range(0, len(rest), MOST_OUTPUTS):
            piece = to_json(wire_outs(rest[start : start + MOST_OUTPUTS], 0))
            do("add_piece", run=row.run, part=part, outs=piece)
            part += 1
        return row._replace(outs=row.outs[:MOST_OUTPUTS], outs_more=row.outs_more + len(rest))

    def _move_position(self, batch: Batch, writer: int) -> None:
        do = self._transaction.do
        if batch.lost:
            do("add_loss", lost=batch.lost, writer=writer)
        do("move_position", segment=batch.segment, offset=batch.offset, writer=writer)
        if batch.ended:
            low, high = keys_of(writer)
            do("end_killed", killed=KILLED, low=low, high=high)


def keys_of(writer: int) -> tuple[int, int]:
    """Give the least and the greatest key that a run of a writer can have."""
    return writer << SEQ_BITS, writer << SEQ_BITS | SEQ_MASK


class _Said:
    """What keys of run rows stand for; see `rows.Said`."""

    def __init__(self, transaction: Statements, stored: RelationalStore) -> None:
        self._do = transaction.do
        self._stored = stored

    def site(self, key: int) -> tuple[str, str]:
        """Give commit (empty if not known) and component of a site."""
        git, name = self._do("said_of_site", site=key)[0]
        return git or "", name

    def pipeline(self, key: int) -> str:
        """Give the public id of a pipeline run."""
        return str(self._do("id_of_pipeline", pipeline=key)[0][0])

    def parent(self, key: int) -> str:
        """Give the public id of a calling run."""
        if key >= 0:
            return self._stored.public_ids([key]).get(key, "")
        return str(self._do("id_of_run_ref", ref=-key)[0][0])
