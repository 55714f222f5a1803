"""SQLite: connection, pragmas, taking in, error translation."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, SchemaVersionError, StoreUnavailableError
from ..model.digest import is_content_digest
from ..model.facts import (
    KILLED,
    Batch,
    CodeFact,
    ComponentFact,
    PipelineFact,
    RunFact,
    SiteFact,
    SourceFact,
    WriterFact,
)
from ..model.identity import (
    SEQ_BITS,
    SEQ_MASK,
    parse_run_id,
    run_id_of,
    short_writer,
    started_between,
)
from .intake import Mentioned, Names, Rows, Site, unite_said
from .migrations import latest, migrations
from .protocol import (
    MOST_OUTPUTS,
    PAGE,
    ArtifactRow,
    ComponentRow,
    OutRow,
    Probe,
    RunRow,
    SiteRow,
    StoreStats,
    WriteRow,
    WriterRow,
)
from .queries import named_queries
from .rows import (
    from_json,
    ins_json,
    ins_of,
    outs_json,
    outs_of,
    pack_word,
    to_json,
    unite,
    unpack_word,
)

_DIALECT = "sqlite"
_MOST_REMEMBERED = 200_000
_AT_ONCE = 500  # parameters of one statement; every SQLite takes 999
_END = "\U0010ffff"
_HEADER = b"SQLite format 3\0"
_READ_TIMEOUT_MS = 2000
_WRITE_TIMEOUT_MS = 500

_INSERT_RUN = (
    "INSERT OR {} INTO run (run, component, site, pipeline, parent, started, ended, status,"
    " params, error, run_id, host, ins, outs, outs_more)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)


class SqliteStore:
    """Runs in one SQLite file; see `protocol.Store`.

    Args:
        path: the file; it and its folder are made when something is first kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"
        self._file = os.fspath(path)  # looked at before each statement
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._pid = os.getpid()
        self._sql = named_queries()
        self._forget()

    def _forget(self) -> None:
        """Drop what is remembered of the file's names."""
        self._writers: dict[bytes, int] = {}
        self._writer_rows: dict[int, WriterRow] = {}
        self._sites: dict[tuple[int, int], Site] = {}
        self._artifacts: dict[str, tuple[int, int]] = {}
        self._versions: dict[str, int] = {}
        self._components: dict[str, int] = {}
        self._pipelines: dict[str, int] = {}

    # -- connection ----------------------------------------------------------

    def _connect(self, *, writes: bool = False) -> sqlite3.Connection:
        if self._pid != os.getpid():
            # The parent's connection is the parent's: closing it here could
            # remove the journal it is using.
            _left_to_parent.append(self._connection)
            self._connection, self._pid = None, os.getpid()
            self._lock = threading.RLock()
        inode = self._inode_now()
        if self._connection is not None and (inode != self._inode or (writes and not inode)):
            # The file was deleted or replaced: what we hold is a ghost.
            self._connection.close()
            self._connection = None
        if self._connection is None:
            self._forget()
            # A question makes no database: nothing recorded is answered from nothing.
            self._connection = self._open(self.path if self._size() or writes else None)
        return self._connection

    def _inode_now(self) -> int:
        try:
            return os.stat(self._file).st_ino
        except OSError:
            return 0

    def _open(self, path: Path | None) -> sqlite3.Connection:
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                path or ":memory:",
                timeout=_WRITE_TIMEOUT_MS / 1000,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
        except (sqlite3.Error, OSError) as error:
            raise self._translated(error) from error
        try:
            self._prepare(connection)
            self._inode = 0 if path is None else os.stat(path).st_ino
        except (sqlite3.Error, OSError) as error:
            connection.close()
            raise self._translated(error) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA busy_timeout = {_READ_TIMEOUT_MS}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > latest(_DIALECT):
            raise SchemaVersionError(
                f"{self.path} has schema {version}, and this backtrail knows schemas up to"
                f" {latest(_DIALECT)}",
                hint="Upgrade backtrail: pip install -U backtrail. Nothing was changed.",
            )
        if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise self._foreign()
        with contextlib.suppress(sqlite3.OperationalError):  # a read-only file stays as it is
            connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = full")
        connection.execute("PRAGMA cache_size = -32768")
        connection.execute("PRAGMA temp_store = memory")
        if version < latest(_DIALECT):
            self._migrate(connection)

    def _migrate(self, connection: sqlite3.Connection) -> tuple[int, int]:
        """Run what is missing, in one transaction; others wait for its lock."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            before = version = connection.execute("PRAGMA user_version").fetchone()[0]
            if before == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise self._foreign()
            for version, script in migrations(_DIALECT).items():
                if version > before:
                    for statement in _statements(script):
                        connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        return before, version

    def _foreign(self) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"{self.path} holds something else than a backtrail database",
            hint="Choose another file with --db or BACKTRAIL_URL. Nothing was changed.",
        )

    def _size(self) -> int:
        """Give the size of the file, 0 where there is none.

        Raises:
            StoreUnavailableError: the file is not a database.
        """
        try:
            with open(self.path, "rb") as file:
                head = file.read(len(_HEADER))
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise self._translated(error) from error
        if head and head != _HEADER:
            raise self._foreign()
        return len(head)

    @contextlib.contextmanager
    def _session(self, *, writes: bool = False) -> Iterator[sqlite3.Connection]:
        if self._pid != os.getpid():
            self._lock = threading.RLock()
        with self._lock:
            connection = self._connect(writes=writes)
            try:
                yield connection
            except sqlite3.Error as error:
                raise self._translated(error) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._session(writes=True) as connection:
            # Drains are tried again, so they need not wait long for another's lock.
            connection.execute(f"PRAGMA busy_timeout = {_WRITE_TIMEOUT_MS}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
                connection.execute(f"PRAGMA busy_timeout = {_READ_TIMEOUT_MS}")
            except BaseException:
                self._forget()
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def _all(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        # As `_session`, without the cost of a generator: the trace of a long chain
        # asks a few small questions for each of its runs.
        if self._pid != os.getpid():
            self._lock = threading.RLock()
        with self._lock:
            connection = self._connect()
            try:
                return connection.execute(self._sql[name], values).fetchall()
            except sqlite3.Error as error:
                raise self._translated(error) from error

    def _translated(self, error: Exception) -> Exception:
        text = str(error)
        hint = "Check it with: bt doctor. What was recorded waits in the journal."
        if "locked" in text:
            text = "it is locked by another process"
        elif "not a database" in text or "malformed" in text:
            hint = "Check it with: bt db check. Restore a copy, or move it away to begin anew."
        return StoreUnavailableError(f"cannot use the database {self.path}: {text}", hint=hint)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None and self._pid == os.getpid():
            with self._lock:
                self._connection.close()
                self._connection = None

    # -- taking in -------------------------------------------------------------

    def positions(self, uids: Sequence[bytes]) -> Mapping[bytes, tuple[int, int]]:
        """Give segment and offset where the next read of each known writer begins."""
        marks = ",".join("?" * len(uids))
        with self._session() as connection:
            rows = connection.execute(
                f"SELECT uid, segment, offset FROM writer WHERE uid IN ({marks})",
                list(uids),
            )
            return {uid: (segment, offset) for uid, segment, offset in rows}

    def take_in(self, batches: Sequence[Batch]) -> None:
        """Keep the batches and their positions, all or nothing."""
        with self._transaction() as connection:
            writers = {
                batch.writer.uid: self._writer(connection, batch.writer) for batch in batches
            }
            names = self._intern(connection, Mentioned(batches))
            rows = Rows(_Said(connection, self.public_ids))
            for batch in batches:
                self._take_in_facts(connection, batch, writers[batch.writer.uid], names, rows)
            self._write_runs(connection, rows)
            for batch in batches:
                self._move_position(connection, batch, writers[batch.writer.uid])

    def _take_in_facts(
        self,
        connection: sqlite3.Connection,
        batch: Batch,
        writer: int,
        names: Names,
        rows: Rows,
    ) -> None:
        def known_run(run_id: str) -> int | None:
            return self._key_of(connection, run_id)

        sites = self._sites
        for fact in batch.facts:
            if fact.__class__ is RunFact:
                site = sites.get((writer, fact.site)) or self._site_of(
                    connection, writer, fact.site
                )
                rows.add(fact, writer, site, names, known_run)
            elif isinstance(fact, SiteFact):
                self._add_site(connection, writer, fact, names)
            else:
                self._take_in_rare(connection, writer, fact, names)

    def _take_in_rare(
        self, connection: sqlite3.Connection, writer: int, fact: Any, names: Names
    ) -> None:
        if isinstance(fact, ComponentFact):
            key = names.components[fact.name]
            said = connection.execute(
                "SELECT said FROM component WHERE component = ?", (key,)
            ).fetchone()[0]
            connection.execute(
                "UPDATE component SET said = ? WHERE component = ?",
                (to_json(unite_said(from_json(said), fact)), key),
            )
        elif isinstance(fact, CodeFact):
            self._add_code(connection, writer, fact)
        elif isinstance(fact, PipelineFact):
            connection.execute(
                "UPDATE pipeline SET name = ?1, started = min(coalesce(started, ?2), ?2)"
                " WHERE pipeline = ?3",
                (fact.name, fact.at_us, names.pipelines[fact.run_id]),
            )
        elif isinstance(fact, SourceFact):
            connection.execute(
                "UPDATE artifact SET source = 1 WHERE artifact = ?",
                (names.artifacts[fact.artifact.name],),
            )

    def _writer(self, connection: sqlite3.Connection, writer: WriterFact) -> int:
        key = self._writers.get(writer.uid)
        if key is None:
            connection.execute(
                "INSERT OR IGNORE INTO writer (uid, short, host, pid, started, info)"
                " VALUES (?,?,?,?,?,?)",
                (
                    writer.uid,
                    short_writer(writer.uid),
                    writer.host,
                    writer.pid,
                    writer.started_us,
                    to_json(writer.info),
                ),
            )
            key = connection.execute(
                "SELECT writer FROM writer WHERE uid = ?", (writer.uid,)
            ).fetchone()[0]
            self._writers[writer.uid] = key
        return key

    def _move_position(self, connection: sqlite3.Connection, batch: Batch, writer: int) -> None:
        connection.execute(
            "UPDATE writer SET segment = ?, offset = ?, lost = lost + ? WHERE writer = ?",
            (batch.segment, batch.offset, batch.lost, writer),
        )
        if batch.ended:
            connection.execute(
                "UPDATE run SET status = ? WHERE status = 0 AND run BETWEEN ? AND ?"
                " AND run_id IS NULL",
                (KILLED, writer << SEQ_BITS, writer << SEQ_BITS | SEQ_MASK),
            )

    def _intern(self, connection: sqlite3.Connection, mentioned: Mentioned) -> Names:
        return Names(
            self._intern_artifacts(connection, mentioned.artifacts),
            self._intern_versions(connection, mentioned.versions),
            self._intern_texts(connection, "component", "name", mentioned.components),
            self._intern_texts(connection, "pipeline", "run_id", mentioned.pipelines),
            self._intern_texts(connection, "run_ref", "run_id", mentioned.refs, key="ref"),
        )

    def _intern_artifacts(
        self, connection: sqlite3.Connection, wanted: Mapping[str, int]
    ) -> dict[str, int]:
        known = self._artifacts
        keys: dict[str, int] = {}
        missing: dict[str, int] = {}
        stronger: list[tuple[int, int]] = []
        for name, kind in wanted.items():
            found = known.get(name)
            if found is None:
                missing[name] = kind
                continue
            keys[name] = found[0]
            if found[1] < kind:
                stronger.append((kind, found[0]))
                known[name] = (found[0], kind)
        if missing:
            rows = connection.execute(
                self._sql["artifacts_named"], {"names": to_json(list(missing))}
            ).fetchall()
            for key, name, stored_kind, _ in rows:
                kind = missing.pop(name)
                keys[name] = key
                known[name] = (key, max(kind, stored_kind))
                if stored_kind < kind:
                    stronger.append((kind, key))
            fresh = _next_key(connection, "artifact")
            added = [(fresh + i, name, kind) for i, (name, kind) in enumerate(missing.items())]
            connection.executemany(
                "INSERT INTO artifact (artifact, name, kind) VALUES (?,?,?)", added
            )
            for key, name, kind in added:
                keys[name] = key
                known[name] = (key, kind)
        if stronger:
            connection.executemany("UPDATE artifact SET kind = ? WHERE artifact = ?", stronger)
        if len(known) > _MOST_REMEMBERED:
            known.clear()
        return keys

    def _intern_versions(
        self, connection: sqlite3.Connection, wanted: Iterable[str]
    ) -> dict[str, int]:
        known = self._versions
        keys: dict[str, int] = {}
        added: list[tuple[int, bytes | str]] = []
        content = words = 0
        missing: dict[bytes | str, str] = {}
        for word in wanted:
            key = known.get(word)
            if key is None:
                missing[pack_word(word)] = word
            else:
                keys[word] = key
        stored = _stored_versions(connection, list(missing))
        for packed, word in missing.items():
            key = stored.get(packed)
            if key is None:
                if not content:
                    content = _next_key(connection, "version")
                    words = _next_key(connection, "version", lowest=True)
                if is_content_digest(word):
                    key, content = content, content + 1
                else:
                    key, words = words, words - 1
                added.append((key, packed))
            keys[word] = known[word] = key
        if added:
            connection.executemany("INSERT INTO version (version, word) VALUES (?,?)", added)
        if len(known) > _MOST_REMEMBERED:
            known.clear()
        return keys

    def _intern_texts(
        self,
        connection: sqlite3.Connection,
        table: str,
        column: str,
        wanted: Iterable[str],
        key: str | None = None,
    ) -> dict[str, int]:
        """Give the keys of names that are few: components, pipelines, named runs."""
        keys: dict[str, int] = {}
        for text in wanted:
            connection.execute(f"INSERT OR IGNORE INTO {table} ({column}) VALUES (?)", (text,))
            keys[text] = connection.execute(
                f"SELECT {key or table} FROM {table} WHERE {column} = ?",
                (text,),
            ).fetchone()[0]
        return keys

    def _add_site(
        self, connection: sqlite3.Connection, writer: int, fact: SiteFact, names: Names
    ) -> None:
        if (writer, fact.n) in self._sites:
            return
        component = names.components[fact.component]
        connection.execute(
            "INSERT INTO site (writer, n, component, file, line, function, git)"
            " VALUES (?,?,?,?,?,?,?)"
            # It may stand there without its name: a damaged record said it first.
            " ON CONFLICT (writer, n) DO UPDATE SET component = excluded.component,"
            " file = coalesce(file, excluded.file), line = coalesce(line, excluded.line),"
            " function = coalesce(function, excluded.function), git = coalesce(git, excluded.git)",
            (writer, fact.n, component, fact.file, fact.line, fact.function, fact.git_hash),
        )
        self._site_of(connection, writer, fact.n)

    def _site_of(self, connection: sqlite3.Connection, writer: int, n: int) -> Site:
        found = connection.execute(
            "SELECT site, component FROM site WHERE writer = ? AND n = ?", (writer, n)
        ).fetchone()
        if found is None:
            # Its definition was in a damaged record; the run is kept all the same.
            (component,) = self._intern_texts(
                connection, "component", "name", ["(not known)"]
            ).values()
            connection.execute(
                "INSERT INTO site (writer, n, component) VALUES (?,?,?)", (writer, n, component)
            )
            return self._site_of(connection, writer, n)
        if len(self._sites) > _MOST_REMEMBERED:
            self._sites.clear()
        site = self._sites[writer, n] = Site(*found)
        return site

    def _add_code(self, connection: sqlite3.Connection, writer: int, fact: CodeFact) -> None:
        site = self._site_of(connection, writer, fact.n)
        code = None
        if fact.digest is not None:
            connection.execute(
                "INSERT OR IGNORE INTO code (digest, source) VALUES (?,?)",
                (fact.digest, fact.source),
            )
            code = connection.execute(
                "SELECT code FROM code WHERE digest = ?", (fact.digest,)
            ).fetchone()[0]
        connection.execute(
            "UPDATE site SET file = coalesce(?, file), git = coalesce(?, git), dirty = ?, code = ?"
            " WHERE site = ?",
            (fact.file, fact.git_hash, fact.dirty, code, site.site),
        )

    def _write_runs(self, connection: sqlite3.Connection, rows: Rows) -> None:
        if not rows.runs:
            return
        still_open = {row[0] for row in connection.execute("SELECT run FROM run WHERE status = 0")}
        highest = {writer: _highest_run(connection, writer) for writer in rows.writers()}
        check = rows.to_unite(still_open, highest)
        stored = self._runs(connection, check) if check else {}
        fresh: list[tuple[Any, ...]] = []
        changed: list[tuple[Any, ...]] = []
        outputs: list[tuple[int, int, int, int]] = []
        inputs: list[tuple[int, int, int, int]] = []
        for key, row in rows.runs.items():
            known = stored.get(key)
            for artifact, version, at_us, _ in row.outs:
                outputs.append((artifact, at_us, key, version))
            for artifact, version, at_us, _, _ in row.ins:
                inputs.append((artifact, version, at_us, key))
            if known is not None:
                row = unite(known, row, rows.said)
                if row.outs == known.outs and row == known:
                    continue
            if len(row.outs) > MOST_OUTPUTS:
                row = self._spill(connection, row)
            (fresh if known is None else changed).append(_bound(row))
        fresh.sort()
        outputs.sort()
        inputs.sort()
        connection.executemany(_INSERT_RUN.format("IGNORE"), fresh)
        connection.executemany(_INSERT_RUN.format("REPLACE"), changed)
        connection.executemany(
            "INSERT OR IGNORE INTO output (artifact, t, run, version) VALUES (?,?,?,?)", outputs
        )
        connection.executemany(
            "INSERT OR IGNORE INTO input (artifact, version, t, run) VALUES (?,?,?,?)", inputs
        )

    def _spill(self, connection: sqlite3.Connection, row: RunRow) -> RunRow:
        """Move outputs beyond the first thousand out of the row, in pieces."""
        part = connection.execute(
            "SELECT coalesce(max(part), -1) + 1 FROM run_more WHERE run = ?", (row.run,)
        ).fetchone()[0]
        rest = row.outs[MOST_OUTPUTS:]
        for start in range(0, len(rest), MOST_OUTPUTS):
            piece = outs_json(rest[start : start + MOST_OUTPUTS], 0)
            connection.execute(
                "INSERT INTO run_more (run, part, outs) VALUES (?,?,?)", (row.run, part, piece)
            )
            part += 1
        return row._replace(outs=row.outs[:MOST_OUTPUTS], outs_more=row.outs_more + len(rest))

    # -- probes ------------------------------------------------------------------

    def newest_writes(self, probes: Sequence[Probe]) -> list[list[WriteRow]]:
        """Give for each probe the newest write, or all that tie for it; empty for none."""
        answers: list[list[WriteRow]] = [[] for _ in probes]
        asked: dict[str, list[str]] = {}
        for n, (artifact, version, at_us, reader, read_version) in enumerate(probes):
            if not version:
                name = "newest_writes"
            else:
                name = "newest_writes_of_version" if artifact else "newest_writes_of_content"
            asked.setdefault(name, []).append(
                f"[{n},{artifact},{version},{at_us},{reader},{read_version}]"
            )
        for name, texts in asked.items():
            for n, at_us, run, version in self._all(name, probes=f"[{','.join(texts)}]"):
                answers[n].append(WriteRow(at_us, run, version))
        return answers

    def next_writes(self, artifact: int, after: tuple[int, int], until_us: int) -> list[WriteRow]:
        """Give the writes of an artifact after (time, key), oldest first, a page at most."""
        found = self._all(
            "next_writes",
            artifact=artifact,
            after_t=after[0],
            after_run=after[1],
            until=until_us,
            limit=PAGE,
        )
        return [WriteRow(*row) for row in found]

    def runs(self, keys: Iterable[int]) -> dict[int, RunRow]:
        """Give the runs of these keys; unknown keys are left out."""
        with self._session() as connection:
            return self._runs(connection, keys)

    def _runs(self, connection: sqlite3.Connection, keys: Iterable[int]) -> dict[int, RunRow]:
        found = connection.execute(self._sql["runs"], {"keys": to_json(list(keys))})
        return {
            row[0]: RunRow(*(*row[:12], ins_of(row[12], row[5]), outs_of(row[13], row[5]), row[14]))
            for row in found
        }

    def more_outputs(self, run: int) -> Iterable[OutRow]:
        """Give the outputs of a run beyond those in its row, a piece at a time."""
        for (piece,) in self._all("more_outputs", run=run):
            yield from outs_of(piece, 0)

    def public_ids(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the public ids of runs."""
        found = self._all("run_ids", keys=to_json(list(keys)))
        return {
            run: run_id or run_id_of(started, self.writer(run).short, run & SEQ_MASK)
            for run, started, run_id in found
        }

    def has_calls(self) -> bool:
        """Tell whether any run here was called by another."""
        return bool(self._all("has_calls")[0][0])

    def called_by(self, keys: Mapping[int, str]) -> dict[int, list[tuple[int, int, int | None]]]:
        """Give for each run (key: public id) the runs it called: key, started, ended."""
        if not keys:
            return {}
        refs = {
            -ref: run_id for ref, run_id in self._all("run_refs", ids=to_json(list(keys.values())))
        }
        by_id = {run_id: key for key, run_id in keys.items()}
        called: dict[int, list[tuple[int, int, int | None]]] = {}
        parents = to_json([*keys, *refs])
        for parent, run, started, ended in self._all("called", parents=parents):
            caller = parent if parent >= 0 else by_id[refs[parent]]
            called.setdefault(caller, []).append((run, started, ended))
        return called

    # -- names -------------------------------------------------------------------

    def key_of(self, run_id: str) -> int | None:
        """Give the key of the run with exactly this public id."""
        with self._session() as connection:
            return self._key_of(connection, run_id)

    def _key_of(self, connection: sqlite3.Connection, run_id: str) -> int | None:
        found = connection.execute("SELECT run FROM run WHERE run_id = ?", (run_id,)).fetchone()
        if found is not None:
            return int(found[0])
        parts = parse_run_id(run_id)
        if parts is None:
            return None
        wanted = {"short": parts.writer}
        for (writer,) in connection.execute(self._sql["writers_of_short"], wanted).fetchall():
            key = writer << SEQ_BITS | parts.seq
            row = connection.execute("SELECT started, run_id FROM run WHERE run = ?", (key,))
            started, named = row.fetchone() or (None, None)
            if started is None or named is not None:
                continue
            if run_id_of(started, parts.writer, parts.seq) == run_id.lower():
                return int(key)
        return None

    def keys_with_prefix(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Give public id and key of runs whose id starts so."""
        found: list[tuple[str, int]] = [
            (run_id, run)
            for run_id, run in self._all(
                "named_runs_with_prefix", low=prefix, high=prefix + _END, limit=limit
            )
        ]
        span = started_between(prefix)
        if span is not None:
            # Ids of one millisecond are few; of a shorter prefix, any will do.
            most = limit if len(prefix) <= 13 else 10_000
            started = self._all("runs_started_between", low=span[0], high=span[1], limit=most)
            wanted = prefix.lower()
            for run, started_us, run_id in started:
                if run_id is None:
                    public = run_id_of(started_us, self.writer(run).short, run & SEQ_MASK)
                    if public.startswith(wanted):
                        found.append((public, run))
        return found[:limit]

    def run_refs(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the public ids that reads and parents named, by their key (positive)."""
        return dict(self._all("run_refs_by_key", keys=to_json(list(keys))))

    def artifact_named(self, name: str) -> ArtifactRow | None:
        """Give the artifact of exactly this canonical name."""
        found = self._all("artifacts_named", names=to_json([name]))
        return ArtifactRow(*found[0]) if found else None

    def artifacts(self, keys: Iterable[int]) -> dict[int, ArtifactRow]:
        """Give the artifacts of these keys."""
        found = self._all("artifacts", keys=to_json(list(keys)))
        return {row[0]: ArtifactRow(*row) for row in found}

    def versions(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the version words of these keys."""
        found = self._all("versions", keys=to_json(list(keys)))
        return {key: unpack_word(word) for key, word in found}

    def version_of_word(self, word: str) -> int | None:
        """Give the key of a version word; positive for content digests."""
        found = self._all("version_of_word", word=pack_word(word))
        return found[0][0] if found else None

    def sites(self, keys: Iterable[int]) -> dict[int, SiteRow]:
        """Give the sites of these keys."""
        found = self._all("sites", keys=to_json(list(keys)))
        return {row[0]: SiteRow(*row[1:]) for row in found}

    def source_text(self, site: int) -> str | None:
        """Give the saved source text of a site."""
        found = self._all("source_text", site=site)
        return found[0][0] if found else None

    def pipelines(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the public ids of pipeline runs."""
        return dict(self._all("pipelines", keys=to_json(list(keys))))

    def writer(self, key: int) -> WriterRow:
        """Give the process that recorded the run of this key."""
        number = key >> SEQ_BITS
        row = self._writer_rows.get(number)
        if row is None:
            with self._session() as connection:
                found = connection.execute(
                    "SELECT writer, short, host, pid FROM writer WHERE writer = ?", (number,)
                ).fetchone()
            if len(self._writer_rows) > _MOST_REMEMBERED:
                self._writer_rows.clear()
            row = self._writer_rows[number] = WriterRow(*found)
        return row

    def components(self, keys: Iterable[int] | None = None) -> list[ComponentRow]:
        """Give the components of these keys, or all."""
        if keys is None:
            found = self._all("components")
        else:
            found = self._all("components_of", keys=to_json(list(keys)))
        return [ComponentRow(key, name, from_json(said)) for key, name, said in found]

    def component_named(self, name: str) -> ComponentRow | None:
        """Give the component of this name."""
        found = self._all("component_named", name=name)
        return ComponentRow(found[0][0], found[0][1], from_json(found[0][2])) if found else None

    # -- lists -------------------------------------------------------------------

    def recent_runs(self, before: tuple[int, int], limit: int) -> list[int]:
        """Give keys of runs that started before (time, key)."""
        found = self._all("recent_runs", before_t=before[0], before_run=before[1], limit=limit)
        return [row[0] for row in found]

    def runs_of_component(
        self, component: int, before: tuple[int, int], since_us: int, limit: int
    ) -> list[int]:
        """Give keys of a component's runs that started before (time, key), back to a time."""
        found = self._all(
            "runs_of_component",
            component=component,
            before_t=before[0],
            before_run=before[1],
            since=since_us,
            limit=limit,
        )
        return [row[0] for row in found]

    def last_run_of_component(self, component: int) -> int | None:
        """Give when the newest run of a component started."""
        found = self._all("last_run_of_component", component=component)
        return found[0][0] if found else None

    def writes_of_artifact(
        self, artifact: int, before: tuple[int, int], limit: int
    ) -> list[WriteRow]:
        """Give the writes of an artifact before (time, key)."""
        return self._writes("writes_of_artifact", before, limit, artifact=artifact)

    def writes_of_content(
        self, version: int, before: tuple[int, int], limit: int
    ) -> list[WriteRow]:
        """Give the writes of a content digest, under any name."""
        return self._writes("writes_of_content", before, limit, version=version)

    def _writes(self, name: str, before: tuple[int, int], limit: int, **of: int) -> list[WriteRow]:
        found = self._all(name, before_t=before[0], before_run=before[1], limit=limit, **of)
        return [WriteRow(*row) for row in found]

    def count_writes(self, artifact: int, limit: int) -> int:
        """Count the writes of an artifact, up to a limit."""
        return int(self._all("count_writes", artifact=artifact, limit=limit)[0][0])

    def artifacts_with_prefix(
        self, prefix: str, limit: int, kind: int | None = None
    ) -> list[ArtifactRow]:
        """Give artifacts (of a kind) whose name starts so, by name."""
        span = {"low": prefix, "high": prefix + _END, "limit": limit}
        if kind is None:
            found = self._all("artifacts_with_prefix", **span)
        else:
            found = self._all("artifacts_of_kind_with_prefix", **span, kind=kind)
        return [ArtifactRow(*row) for row in found]

    def artifacts_containing(self, text: str, limit: int) -> list[ArtifactRow]:
        """Give artifacts whose name contains the text, the newest first."""
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found = self._all("artifacts_containing", pattern=f"%{escaped}%", limit=limit)
        return [ArtifactRow(*row) for row in found]

    def artifacts_of_kind(self, kind: int, limit: int) -> list[ArtifactRow]:
        """Give the artifacts of a kind that appeared last."""
        return [ArtifactRow(*row) for row in self._all("artifacts_of_kind", kind=kind, limit=limit)]

    # -- operating -----------------------------------------------------------------

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        with self._session() as connection:

            def count(table: str) -> int:
                return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

            newest, oldest = connection.execute(
                "SELECT (SELECT max(started) FROM run), (SELECT min(started) FROM run)"
            ).fetchone()
            lost = connection.execute("SELECT coalesce(sum(lost), 0) FROM writer").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            return StoreStats(
                url=self.url,
                schema_version=version,
                runs=count("run"),
                artifacts=count("artifact"),
                versions=count("version"),
                components=count("component"),
                writers=count("writer"),
                bytes=_bytes_of(self.path),
                newest_us=newest,
                oldest_us=oldest,
                lost=lost,
                details={"inputs": count("input"), "outputs": count("output")},
            )

    def check(self) -> list[str]:
        """Look for damage; one sentence for each problem found."""
        with self._session() as connection:
            problems = [
                f"SQLite: {row[0]}"
                for row in connection.execute("PRAGMA integrity_check(20)")
                if row[0] != "ok"
            ]
            for what, sql in _CONSISTENT.items():
                (number,) = connection.execute(sql).fetchone()
                if number:
                    problems.append(f"{number} {what}")
        return problems

    def upgrade(self) -> tuple[int, int]:
        """Bring the schema to this version; give the versions before and after."""
        before = 0
        if self.path.exists():
            try:
                raw = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
                before = raw.execute("PRAGMA user_version").fetchone()[0]
                raw.close()
            except sqlite3.Error as error:
                raise self._translated(error) from error
        with self._session() as connection:
            return before, connection.execute("PRAGMA user_version").fetchone()[0]


_CONSISTENT = {
    "outputs belong to no run": (
        "SELECT count(*) FROM output o WHERE NOT EXISTS (SELECT 1 FROM run r WHERE r.run = o.run)"
    ),
    "outputs name no artifact": (
        "SELECT count(*) FROM output o"
        " WHERE NOT EXISTS (SELECT 1 FROM artifact a WHERE a.artifact = o.artifact)"
    ),
    "inputs belong to no run": (
        "SELECT count(*) FROM input i WHERE NOT EXISTS (SELECT 1 FROM run r WHERE r.run = i.run)"
    ),
    "runs have no site": (
        "SELECT count(*) FROM run r WHERE NOT EXISTS (SELECT 1 FROM site s WHERE s.site = r.site)"
    ),
}


class _Said:
    """What keys of run rows stand for; see `rows.Said`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        public_ids: Callable[[Iterable[int]], dict[int, str]],
    ) -> None:
        self._connection = connection
        self._public_ids = public_ids

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
            return self._public_ids([key]).get(key, "")
        sql = "SELECT run_id FROM run_ref WHERE ref = ?"
        return str(self._connection.execute(sql, (-key,)).fetchone()[0])


_left_to_parent: list[sqlite3.Connection | None] = []


def _statements(script: str) -> Iterator[str]:
    """Split a script into statements; `executescript` would end our transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _next_key(connection: sqlite3.Connection, table: str, *, lowest: bool = False) -> int:
    if lowest:
        (edge,) = connection.execute(f"SELECT min({table}) FROM {table}").fetchone()
        return min(edge or 0, 0) - 1
    (edge,) = connection.execute(f"SELECT max({table}) FROM {table}").fetchone()
    return max(edge or 0, 0) + 1


def _highest_run(connection: sqlite3.Connection, writer: int) -> int:
    (key,) = connection.execute(
        "SELECT max(run) FROM run WHERE run BETWEEN ? AND ?",
        (writer << SEQ_BITS, writer << SEQ_BITS | SEQ_MASK),
    ).fetchone()
    return key or 0


def _stored_versions(
    connection: sqlite3.Connection, words: list[bytes | str]
) -> dict[bytes | str, int]:
    """Give the keys of the words that are stored; many in a statement, as most are new."""
    stored: dict[bytes | str, int] = {}
    for start in range(0, len(words), _AT_ONCE):
        piece = words[start : start + _AT_ONCE]
        marks = ",".join("?" * len(piece))
        stored.update(
            connection.execute(f"SELECT word, version FROM version WHERE word IN ({marks})", piece)
        )
    return stored


def _bound(row: RunRow) -> tuple[Any, ...]:
    started = row[5]
    return (*row[:12], ins_json(row[12], started), outs_json(row[13], started), row[14])


def _bytes_of(path: Path) -> int:
    total = 0
    for suffix in ("", "-wal"):
        with contextlib.suppress(OSError):
            total += os.stat(f"{path}{suffix}").st_size
    return total


def open_sqlite(path: Path) -> SqliteStore:
    """Give the store of a SQLite file.

    Raises:
        ConfigurationError: the path is a folder.
    """
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder, not a database file")
    return SqliteStore(path)
