"""Names -> their keys in a SQLite file."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Mapping

from ...model.digest import is_content_digest
from ...model.facts import WriterFact
from ...model.identity import short_writer
from ..naming import Naming
from ..rows import to_json
from .connection import Transaction

_AT_ONCE = 500  # parameters of one statement; every SQLite takes 999


class SqliteNaming(Naming[Transaction]):
    """Gives each name its key, and remembers those it met."""

    def writer(self, transaction: Transaction, writer: WriterFact) -> int:
        """Give the key of a process that recorded."""
        key = self._writers.get(writer.uid)
        if key is None:
            transaction.connection.execute(
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
            key = transaction.connection.execute(
                "SELECT writer FROM writer WHERE uid = ?", (writer.uid,)
            ).fetchone()[0]
            self._writers[writer.uid] = key
        return key

    def _add_artifacts(
        self, transaction: Transaction, missing: Mapping[str, int]
    ) -> Iterable[tuple[int, str, int]]:
        """Add the names (with kinds) that are not stored; give key, name, stored kind of all."""
        fresh = _next_key(transaction.connection, "artifact")
        rows = [(fresh + n, name, kind) for n, (name, kind) in enumerate(missing.items())]
        # Most names that are not remembered are new: they are looked up only where
        # one was not.
        added = transaction.connection.executemany(
            "INSERT OR IGNORE INTO artifact (artifact, name, kind) VALUES (?,?,?)", rows
        )
        if added.rowcount < len(rows):
            stored = transaction.do("artifacts_named", names=to_json(list(missing)))
            rows = [(key, name, kind) for key, name, kind, *_ in stored]
        return rows

    def _strengthen(self, transaction: Transaction, stronger: list[tuple[int, int]]) -> None:
        """Give artifacts a kind, (kind, key), where theirs is a weaker one."""
        transaction.connection.executemany(
            "UPDATE artifact SET kind = max(kind, ?) WHERE artifact = ?", stronger
        )

    def _add_versions(
        self, transaction: Transaction, missing: Mapping[bytes | str, str]
    ) -> Iterable[tuple[bytes | str, int]]:
        """Add the packed words that are not stored; give the keys of all."""
        connection = transaction.connection
        content = itertools.count(_next_key(connection, "version"))
        words = itertools.count(_next_key(connection, "version", lowest=True), -1)
        rows = [
            (packed, next(content if is_content_digest(word) else words))
            for packed, word in missing.items()
        ]
        added = connection.executemany(
            "INSERT OR IGNORE INTO version (word, version) VALUES (?,?)", rows
        )
        return rows if added.rowcount == len(rows) else _stored_versions(connection, list(missing))


def _next_key(connection: sqlite3.Connection, table: str, *, lowest: bool = False) -> int:
    if lowest:
        (edge,) = connection.execute(f"SELECT min({table}) FROM {table}").fetchone()
        return min(edge or 0, 0) - 1
    (edge,) = connection.execute(f"SELECT max({table}) FROM {table}").fetchone()
    return max(edge or 0, 0) + 1


def _stored_versions(
    connection: sqlite3.Connection, words: list[bytes | str]
) -> Iterator[tuple[bytes | str, int]]:
    for start in range(0, len(words), _AT_ONCE):
        piece = words[start : start + _AT_ONCE]
        marks = ",".join("?" * len(piece))
        yield from connection.execute(
            f"SELECT word, version FROM version WHERE word IN ({marks})", piece
        )
