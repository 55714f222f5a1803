"""Facts -> rows of the SQLite file, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...model.facts import Batch
from ...model.identity import SEQ_BITS
from ..intake import Rows
from ..relational import RelationalStore
from ..relational_intake import RelationalIntake, keys_of
from .connection import Transaction
from .naming import SqliteNaming

_INSERT_RUN = (
    "INSERT OR {} INTO run (run, component, site, pipeline, parent, started, ended, status,"
    " params, error, run_id, host, ins, outs, outs_more)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)


class SqliteIntake(RelationalIntake[Transaction]):
    """Takes one round of batches in; args as of `RelationalIntake`."""

    def __init__(
        self, transaction: Transaction, naming: SqliteNaming, stored: RelationalStore
    ) -> None:
        super().__init__(transaction, naming, stored)
        self._connection = transaction.connection
        self._writer = naming.writer

    def take_in(self, batches: Sequence[Batch]) -> None:
        """Write the facts of the batches and move the positions of their writers."""
        writers = {
            batch.writer.uid: self._writer(self._transaction, batch.writer) for batch in batches
        }
        self._take_in(batches, writers)

    def _known_run(self, run_id: str, key: int) -> int | None:
        """Give the key of the run that has this public id, if any; else ``key`` becomes it."""
        return self._stored.key_of(run_id)

    def _write_runs(self, rows: Rows) -> None:
        """Write the runs of a round, and what they read and wrote."""
        highest = {writer: self._highest_run(writer) for writer in rows.writers()}
        added = self._connection.executemany(_INSERT_RUN.format("IGNORE"), rows.bound())
        if added.rowcount < len(rows):
            # Something is there already of the runs that are not above the highest.
            known = {key for key in rows if key <= highest[key >> SEQ_BITS]}
            self._unite_with_stored(rows, known.union(rows.long))
        self._connection.executemany(
            "INSERT OR IGNORE INTO output (artifact, t, run, version) VALUES (?,?,?,?)",
            rows.outputs,
        )
        self._connection.executemany(
            "INSERT OR IGNORE INTO input (artifact, t, run, version) VALUES (?,?,?,?)",
            rows.inputs,
        )
        self._connection.executemany(
            "INSERT OR IGNORE INTO named_input (producer, run) VALUES (?,?)", rows.named
        )

    def _highest_run(self, writer: int) -> int:
        (key,) = self._connection.execute(
            "SELECT max(run) FROM run WHERE run BETWEEN ? AND ?", keys_of(writer)
        ).fetchone()
        return key or 0

    def _replace_runs(self, changed: list[tuple[Any, ...]]) -> None:
        """Write bound run rows, whether or not there are such runs."""
        self._connection.executemany(_INSERT_RUN.format("REPLACE"), changed)
