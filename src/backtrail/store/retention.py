"""Taking away what is old: runs that nothing needs, and payloads. What is needed, others decide."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ..model.identity import SEQ_MASK, run_id_of
from .naming import Statements
from .protocol import OutRow, PrunedRow, RunRow, WriterRow
from .rows import from_json, to_json, wire_outs

_PIECES = 4


class Retention:
    """The part of `protocol.Store` that prunes; see there for the promises."""

    def _all(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def _listed(self, values: Iterable[Any]) -> Any:
        raise NotImplementedError

    def _at_leisure(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Give the rows of a statement that goes through whole tables."""
        return self._all(name, **values)

    def _alone(self) -> AbstractContextManager[Statements]:
        """Lend a transaction while nobody else takes anything in."""
        raise NotImplementedError

    def runs(self, keys: Iterable[int]) -> dict[int, RunRow]:
        """Give the runs of these keys."""
        raise NotImplementedError

    def more_outputs(self, run: int, artifact: int | None = None) -> Iterable[OutRow]:
        """Give the outputs of a run beyond those in its row."""
        raise NotImplementedError

    def writer(self, key: int) -> WriterRow:
        """Give the process that recorded the run of this key."""
        raise NotImplementedError

    # -- what is there -----------------------------------------------------------------

    def pruned(self) -> list[PrunedRow]:
        """Give what was pruned before, the oldest first."""
        return [PrunedRow(*row) for row in self._all("pruned")]

    def old_runs(self, after: int, before_us: int, limit: int) -> list[int]:
        """Give keys of runs that had ended before a moment, in their order."""
        found = self._at_leisure("old_runs", after=after, before=before_us, limit=limit)
        return [run for (run,) in found]

    def needed_since(self, before_us: int, rows: Iterable[RunRow]) -> set[int]:
        """Give those of old runs that wrote what must not be forgotten."""
        writes = [
            (row.run, out.artifact, out.at_us, out.version)
            for row in rows
            for out in self._outputs(row)
        ]
        found = self._all("needed_writes", writes=to_json(writes), before=before_us)
        # An imported run may say that it wrote something after its end.
        return {run for (run,) in found}.union(
            run for run, _, at_us, _ in writes if at_us >= before_us
        )

    def reaching_back(self, before_us: int) -> set[int]:
        """Give runs that are not old and may have read or called something that is."""
        found = self._at_leisure("runs_across", before=before_us)
        found += self._at_leisure("early_runs", before=before_us)
        return {run for (run,) in found}

    def named_since(self, before_us: int) -> set[int]:
        """Give the producers that runs which are not old named: runs, or minus a ref."""
        return {producer for (producer,) in self._at_leisure("named_by_others", before=before_us)}

    def _outputs(self, row: RunRow) -> Iterable[OutRow]:
        return itertools.chain(row.outs, self.more_outputs(row.run) if row.outs_more else ())

    # -- taking away ---------------------------------------------------------------------

    def begin_pruning(self, at_us: int, before_us: int) -> None:
        """Note that what is older than a moment is looked at from now on."""
        with self._alone() as transaction:
            transaction.do("begin_pruning", at=at_us, before=before_us)

    def drop_runs(self, at_us: int, before_us: int, keys: Sequence[int]) -> tuple[int, int]:
        """Take runs away whole, but for those that came to be needed; give runs and outputs."""
        with self._alone() as transaction:
            rows = self.runs(keys)
            for run in self.needed_since(before_us, rows.values()):
                del rows[run]
            outputs = [
                (out.artifact, out.at_us, row.run, out.version)
                for row in rows.values()
                for out in self._outputs(row)
            ]
            self._drop(transaction, rows, outputs)
            transaction.do("count_step", at=at_us)
        return len(rows), len(outputs)

    def _drop(
        self,
        transaction: Statements,
        rows: dict[int, RunRow],
        outputs: list[tuple[int, int, int, int]],
    ) -> None:
        do = transaction.do
        reads = [(row, each) for row in rows.values() for each in row.ins]
        inputs = [(each.artifact, each.at_us, row.run, each.version) for row, each in reads]
        named = [(each.producer, row.run) for row, each in reads if each.how]
        do("drop_outputs", rows=to_json(outputs))
        do("drop_inputs", rows=to_json(inputs))
        do("drop_named_inputs", rows=to_json(named))
        keys = self._listed(rows)
        do("drop_pieces", keys=keys)
        do("drop_runs", keys=keys)
        for (parent,) in do("called_by_dropped", keys=keys):
            # Who called a run that stays is still known by name.
            name = self._public_id(rows[parent])
            do("add_run_ref", name=name)
            do("adopt", ref=do("key_of_run_ref", name=name)[0][0], parent=parent)
        mentioned = (*outputs, *inputs)
        do("drop_artifacts", keys=self._listed({row[0] for row in mentioned}))
        do("drop_versions", keys=self._listed({row[3] for row in mentioned}))

    def _public_id(self, row: RunRow) -> str:
        short = self.writer(row.run).short
        return row.run_id or run_id_of(row.started, short, row.run & SEQ_MASK)

    def strip_runs(self, keys: Sequence[int]) -> int:
        """Take parameters, values and the texts of errors from runs; give from how many."""
        stripped = 0
        with self._alone() as transaction:
            for row in self.runs(keys).values():
                outs = [out._replace(value=None) for out in row.outs]
                error = row.error and row.error.partition(":")[0]
                has_any = (row.params, row.error, row.outs) != (None, error, outs)
                if has_any:
                    wire = to_json(wire_outs(outs, row.started))
                    transaction.do("strip_run", error=error, outs=wire, run=row.run)
                if row.outs_more:
                    has_any = self._strip_pieces(transaction, row.run) or has_any
                stripped += has_any
        return stripped

    def _strip_pieces(self, transaction: Statements, run: int) -> bool:
        part, has_any = -1, False
        while pieces := self._all(
            "more_outputs", run=run, artifact=None, after=part, limit=_PIECES
        ):
            for part, piece in pieces:
                outs = from_json(piece)
                if any(len(out) > 3 for out in outs):
                    has_any = True
                    wire = to_json([out[:3] for out in outs])
                    transaction.do("strip_piece", outs=wire, run=run, part=part)
        return has_any

    def tidy(self, before_us: int) -> int:
        """Take away partitions that hold nothing any more; give how many."""
        with self._alone() as transaction:
            return int(transaction.do("tidy", before=before_us)[0][0])
