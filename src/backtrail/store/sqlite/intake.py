"""Facts -> rows of the SQLite file, in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from ...model.facts import (
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
from ...model.identity import SEQ_BITS, SEQ_MASK
from ..intake import Mentioned, Names, Rows, bound, unite_said
from ..protocol import MOST_OUTPUTS, RunRow
from ..relational import RelationalStore
from ..rows import from_json, to_json, unite, wire_outs
from .naming import Naming

_INSERT_RUN = (
    "INSERT OR {} INTO run (run, component, site, pipeline, parent, started, ended, status,"
    " params, error, run_id, host, ins, outs, outs_more)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)


class Intake:
    """Takes one round of batches in.

    Args:
        connection: inside a transaction.
        naming: what is remembered of names from round to round.
        stored: answers about what is there already, from the same transaction.
    """

    def __init__(
        self, connection: sqlite3.Connection, naming: Naming, stored: RelationalStore
    ) -> None:
        self._connection = connection
        self._naming = naming
        self._stored = stored

    def take_in(self, batches: Sequence[Batch]) -> None:
        """Write the facts of the batches and move the positions of their writers."""
        connection, naming = self._connection, self._naming
        writers = {batch.writer.uid: naming.writer(connection, batch.writer) for batch in batches}
        names = naming.intern(connection, Mentioned(batches))
        rows = Rows(names, _Said(connection, self._stored))
        for batch in batches:
            self._add_facts(batch, writers[batch.writer.uid], names, rows)
        self._write_runs(rows)
        for batch in batches:
            self._move_position(batch, writers[batch.writer.uid])

    def _add_facts(self, batch: Batch, writer: int, names: Names, rows: Rows) -> None:
        connection, naming = self._connection, self._naming
        sites, known_run = naming.sites, self._stored.key_of
        for fact in batch.facts:
            if fact.__class__ is RunFact:
                site = sites.get((writer, fact.site)) or naming.site_of(
                    connection, writer, fact.site
                )
                rows.add(fact, writer, site, known_run)
            elif isinstance(fact, SiteFact):
                naming.add_site(connection, writer, fact, names)
            else:
                self._add_rare(writer, fact, names)

    def _add_rare(self, writer: int, fact: Any, names: Names) -> None:
        if isinstance(fact, ComponentFact):
            self._add_said(fact, names.components[fact.name])
        elif isinstance(fact, CodeFact):
            self._add_code(writer, fact)
        elif isinstance(fact, PipelineFact):
            self._connection.execute(
                "UPDATE pipeline SET name = ?1, started = min(coalesce(started, ?2), ?2)"
                " WHERE pipeline = ?3",
                (fact.name, fact.at_us, names.pipelines[fact.run_id]),
            )
        elif isinstance(fact, SourceFact):
            self._connection.execute(
                "UPDATE artifact SET source = 1 WHERE artifact = ?",
                (names.artifacts[fact.artifact.name],),
            )
        elif isinstance(fact, EnvironmentFact):
            self._add_environment(writer, fact)
        elif isinstance(fact, FlagFact):
            self._add_flag(fact, names.artifacts[fact.artifact.name])
        elif isinstance(fact, NoteFact):
            self._connection.execute(
                "INSERT OR IGNORE INTO note (run_id, t, author, text) VALUES (?,?,?,?)",
                (fact.run_id, fact.at_us, fact.by, fact.text),
            )

    def _add_environment(self, writer: int, fact: EnvironmentFact) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO environment (digest, packages) VALUES (?,?)",
            (fact.digest, to_json(fact.packages)),
        )
        self._connection.execute(
            "UPDATE writer SET environment ="
            " (SELECT environment FROM environment WHERE digest = ?) WHERE writer = ?",
            (fact.digest, writer),
        )

    def _add_flag(self, fact: FlagFact, artifact: int) -> None:
        self._connection.execute(
            "INSERT OR IGNORE INTO flag (artifact, t, state, note, author) VALUES (?,?,?,?,?)",
            (artifact, fact.at_us, fact.state, fact.note, fact.by),
        )
        # The latest mark counts, in whatever order they come; of two at once, `withdrawn`.
        self._connection.execute(
            "UPDATE artifact SET flagged = 'open' = (SELECT state FROM flag WHERE artifact = ?1"
            " ORDER BY t DESC, state DESC LIMIT 1) WHERE artifact = ?1",
            (artifact,),
        )

    def _add_said(self, fact: ComponentFact, key: int) -> None:
        said = self._connection.execute(
            "SELECT said FROM component WHERE component = ?", (key,)
        ).fetchone()[0]
        self._connection.execute(
            "UPDATE component SET said = ? WHERE component = ?",
            (to_json(unite_said(from_json(said), fact)), key),
        )

    def _add_code(self, writer: int, fact: CodeFact) -> None:
        site = self._naming.site_of(self._connection, writer, fact.n)
        code = None
        if fact.digest is not None:
            self._connection.execute(
                "INSERT OR IGNORE INTO code (digest, source) VALUES (?,?)",
                (fact.digest, fact.source),
            )
            code = self._connection.execute(
                "SELECT code FROM code WHERE digest = ?", (fact.digest,)
            ).fetchone()[0]
        self._connection.execute(
            "UPDATE site SET file = coalesce(?, file), git = coalesce(?, git), dirty = ?, code = ?"
            " WHERE site = ?",
            (fact.file, fact.git_hash, fact.dirty, code, site.site),
        )

    def _write_runs(self, rows: Rows) -> None:
        highest = {writer: self._highest_run(writer) for writer in rows.writers()}
        added = self._connection.executemany(_INSERT_RUN.format("IGNORE"), rows.bound())
        if added.rowcount < len(rows):
            # Something is there already of the runs that are not above the highest.
            known = {key for key in rows if key <= highest[key >> SEQ_BITS]}
            self._unite_with_stored(rows, sorted(known.union(rows.long)))
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
            "SELECT max(run) FROM run WHERE run BETWEEN ? AND ?",
            (writer << SEQ_BITS, writer << SEQ_BITS | SEQ_MASK),
        ).fetchone()
        return key or 0

    def _unite_with_stored(self, rows: Rows, keys: list[int]) -> None:
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
        self._connection.executemany(_INSERT_RUN.format("REPLACE"), changed)

    def _without_spilled(self, row: RunRow, known: RunRow) -> RunRow:
        """Leave out the writes that an earlier fact told of, and that lie beyond the row."""
        asked = to_json([(artifact, at_us) for artifact, _, at_us, _ in row.outs])
        told = set(
            self._connection.execute(
                "SELECT o.artifact, o.version, o.t"
                " FROM json_each(?1) k CROSS JOIN output o"
                " ON o.artifact = json_extract(k.value, '$[0]')"
                " AND o.t = json_extract(k.value, '$[1]') AND o.run = ?2",
                (asked, row.run),
            )
        ).difference(out[:3] for out in known.outs)
        return row._replace(outs=[out for out in row.outs if out[:3] not in told])

    def _spill(self, row: RunRow) -> RunRow:
        """Move outputs beyond the first thousand out of the row, in pieces."""
        part = self._connection.execute(
            "SELECT coalesce(max(part), -1) + 1 FROM run_more WHERE run = ?", (row.run,)
        ).fetchone()[0]
        rest = row.outs[MOST_OUTPUTS:]
        for start in range(0, len(rest), MOST_OUTPUTS):
            piece = to_json(wire_outs(rest[start : start + MOST_OUTPUTS], 0))
            self._connection.execute(
                "INSERT INTO run_more (run, part, outs) VALUES (?,?,?)", (row.run, part, piece)
            )
            part += 1
        return row._replace(outs=row.outs[:MOST_OUTPUTS], outs_more=row.outs_more + len(rest))

    def _move_position(self, batch: Batch, writer: int) -> None:
        self._connection.execute(
            "UPDATE writer SET lost = lost + ? WHERE writer = ?", (batch.lost, writer)
        )
        # Never back: of two folders with files of one writer, two leaders drain at once.
        self._connection.execute(
            "UPDATE writer SET segment = ?1, offset = ?2"
            " WHERE writer = ?3 AND (segment, offset) < (?1, ?2)",
            (batch.segment, batch.offset, writer),
        )
        if batch.ended:
            self._connection.execute(
                "UPDATE run SET status = ? WHERE status = 0 AND run BETWEEN ? AND ?"
                " AND run_id IS NULL",
                (KILLED, writer << SEQ_BITS, writer << SEQ_BITS | SEQ_MASK),
            )


class _Said:
    """What keys of run rows stand for; see `rows.Said`."""

    def __init__(self, connection: sqlite3.Connection, stored: RelationalStore) -> None:
        self._connection = connection
        self._stored = stored

    def site(self, key: int) -> tuple[str, str]:
        """Give commit (empty if not known) and component of a site."""
        name, git = self._connection.execute(
            "SELECT c.name, s.git FROM site s JOIN component c ON c.component = s.component"
            " WHERE s.site = ?",
            (key,),
        ).fetchone()
        return git or "", name

    def pipeline(self, key: int) -> str:
        """Give the public id of a pipeline run."""
        sql = "SELECT run_id FROM pipeline WHERE pipeline = ?"
        return str(self._connection.execute(sql, (key,)).fetchone()[0])

    def parent(self, key: int) -> str:
        """Give the public id of a calling run."""
        if key >= 0:
            return self._stored.public_ids([key]).get(key, "")
        sql = "SELECT run_id FROM run_ref WHERE ref = ?"
        return str(self._connection.execute(sql, (-key,)).fetchone()[0])
