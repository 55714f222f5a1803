"""Facts -> rows of a PostgreSQL database, in one transaction.

Locks are taken in one order by all: writers, names of each kind, what is said of them,
runs; within a kind by key or by name. So two transactions never wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...model.facts import Batch, RunFact
from ...model.identity import SEQ_BITS, parse_run_id
from ..intake import Rows
from ..relational_intake import RelationalIntake, keys_of
from . import binary
from .connection import Transaction
from .naming import PostgresNaming

_LOCK = "SELECT lock_rows(%s, %s::bigint[])"
_ADD_NAMED = """
INSERT INTO named_run (run_id, run)
SELECT run_id, run FROM unnest(%s::text[], %s::bigint[]) AS u (run_id, run)
 ORDER BY run_id COLLATE "C" ON CONFLICT DO NOTHING
"""
_NAMED = "SELECT run_id, run FROM named_run WHERE run_id = ANY (%s::text[])"
_HIGHEST = """
SELECT w.writer, r.run
  FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS w (writer, low, high)
 CROSS JOIN LATERAL (
       SELECT run FROM run WHERE run BETWEEN w.low AND w.high ORDER BY run DESC LIMIT 1) r
"""
_REPLACE = "SELECT replace_run(%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)"
_ADD_EDGES = (
    "INSERT INTO {} (artifact, t, run, version)"
    " SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])"
    " ON CONFLICT DO NOTHING"
)
_ADD_NAMED_INPUTS = (
    "INSERT INTO named_input (producer, run)"
    " SELECT * FROM unnest(%s::bigint[], %s::bigint[]) ON CONFLICT DO NOTHING"
)
_Edge = tuple[int, int, int, int]


class PostgresIntake(RelationalIntake[Transaction]):
    """Takes one round of batches in; args as of `RelationalIntake`."""

    _naming: PostgresNaming

    def take_in(self, batches: Sequence[Batch], writers: Mapping[bytes, int]) -> None:
        """Write the facts of the batches and move the positions of their writers.

        Args:
            batches: a round.
            writers: the keys of their writers.
        """
        keys = {writers[batch.writer.uid] for batch in batches}
        self._transaction.run(_LOCK, ("writer", list(keys)))
        self._name_runs(batches, writers)
        self._take_in(batches, writers)

    def _name_runs(self, batches: Sequence[Batch], writers: Mapping[bytes, int]) -> None:
        """Find out which runs those facts mean that give a run an id of its own."""
        wanted: dict[str, int] = {}
        for batch in batches:
            first = writers[batch.writer.uid] << SEQ_BITS
            for fact in batch.facts:
                if fact.__class__ is RunFact and fact.run_id is not None:
                    wanted.setdefault(fact.run_id, first | fact.seq)
        self._named: dict[str, int] = {}
        if wanted:
            run = self._transaction.run
            for run_id in wanted:
                if parse_run_id(run_id) is not None:
                    wanted[run_id] = self._stored.key_of(run_id) or wanted[run_id]
            run(_ADD_NAMED, (list(wanted), list(wanted.values())))
            self._named.update(run(_NAMED, (list(wanted),)))

    def _known_run(self, run_id: str, key: int) -> int | None:
        """Give the key of the run that has this public id, if any; else ``key`` becomes it."""
        return self._named[run_id]

    def _write_runs(self, rows: Rows) -> None:
        """Write the runs of a round, and what they read and wrote."""
        highest = self._highest_runs(rows.writers())
        known = {key for key in rows if key <= highest.get(key >> SEQ_BITS, -1)}
        bound = rows.bound()
        self._copy(
            f"run ({binary.RUN_COLUMNS})",
            binary.runs(row for row in bound if row[0] not in known),
        )
        # Reads that name their maker in two ways are one row.
        inputs = list(dict.fromkeys(rows.inputs)) if rows.named else rows.inputs
        self._naming.make_room(self._transaction, (rows.outputs, inputs))
        if known or rows.long:
            self._transaction.run(_LOCK, ("run", list(known)))
            self._unite_with_stored(rows, known.union(rows.long))
        self._add_edges("output", rows.outputs, known)
        self._add_edges("input", inputs, known)
        named = list(dict.fromkeys(rows.named))
        if named:
            self._transaction.run(_ADD_NAMED_INPUTS, tuple(map(list, zip(*named, strict=True))))

    def _highest_runs(self, writers: Iterable[int]) -> Mapping[int, int]:
        spans = [(writer, *keys_of(writer)) for writer in writers]
        if not spans:
            return {}
        columns = tuple(map(list, zip(*spans, strict=True)))
        return dict(self._transaction.run(_HIGHEST, columns))

    def _add_edges(self, table: str, rows: list[_Edge], known: set[int]) -> None:
        if known:
            # Of these, any may be there.
            again = [row for row in rows if row[2] in known]
            rows = [row for row in rows if row[2] not in known]
            if again:
                columns = tuple(map(list, zip(*again, strict=True)))
                self._transaction.run(_ADD_EDGES.format(table), columns)
        if rows:
            self._copy(f"{table} (artifact, t, run, version)", binary.edges(rows))

    def _copy(self, into: str, pieces: Iterable[bytes]) -> None:
        sql = f"COPY {into} FROM STDIN (FORMAT BINARY)"
        with self._transaction.connection.cursor() as cursor, cursor.copy(sql) as copy:
            for piece in pieces:
                copy.write(piece)

    def _replace_runs(self, changed: list[tuple[Any, ...]]) -> None:
        """Write bound run rows, whether or not there are such runs."""
        for row in changed:
            self._transaction.run(_REPLACE, row)
