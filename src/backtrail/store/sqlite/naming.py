"""Names -> the integers that stand for them, in the transaction that takes facts in."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from ...model.digest import is_content_digest
from ...model.facts import SiteFact, WriterFact
from ...model.identity import short_writer
from ..intake import Mentioned, Names, Site
from ..queries import named_queries
from ..rows import pack_word, to_json

_MOST_REMEMBERED = 20_000
_AT_ONCE = 500  # parameters of one statement; every SQLite takes 999


K = TypeVar("K")
V = TypeVar("V")


class Remembered(dict[K, V]):
    """Keeps what was used last: what is not asked for while it fills anew is dropped."""

    def __init__(self) -> None:
        self._older: dict[K, V] = {}

    def recall(self, key: K) -> V | None:
        """Give what is remembered of a key."""
        value = self.get(key)
        if value is None:
            value = self._older.get(key)
            if value is not None:
                self[key] = value
        return value

    def age(self) -> None:
        """Make room where there is none left."""
        if len(self) > _MOST_REMEMBERED:
            self._older = dict(self)
            self.clear()


class Naming:
    """Gives each name its key, and remembers those it met."""

    def __init__(self) -> None:
        self._artifact_named = named_queries("sqlite")["artifacts_named"]
        self.forget()

    def forget(self) -> None:
        """Drop what is remembered: the file may be another, or a round was taken back."""
        self._writers: dict[bytes, int] = {}
        self.sites: dict[tuple[int, int], Site] = {}
        self._artifacts: Remembered[str, tuple[int, int]] = Remembered()
        self._versions: Remembered[str, int] = Remembered()

    def writer(self, connection: sqlite3.Connection, writer: WriterFact) -> int:
        """Give the key of a process that recorded."""
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

    def intern(self, connection: sqlite3.Connection, mentioned: Mentioned) -> Names:
        """Give the keys of all names that a round mentions; new names are added."""
        self._artifacts.age()
        self._versions.age()
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
            found = known.recall(name)
            if found is None:
                missing[name] = kind
                continue
            keys[name] = found[0]
            if found[1] < kind:
                stronger.append((kind, found[0]))
                known[name] = (found[0], kind)
        if missing:
            stronger += self._add_artifacts(connection, missing, keys)
        if stronger:
            connection.executemany(
                "UPDATE artifact SET kind = max(kind, ?) WHERE artifact = ?", stronger
            )
        return keys

    def _add_artifacts(
        self, connection: sqlite3.Connection, missing: Mapping[str, int], keys: dict[str, int]
    ) -> list[tuple[int, int]]:
        """Add the names that are not stored; give kind and key of those stored as a weaker kind."""
        fresh = _next_key(connection, "artifact")
        rows = [(fresh + n, name, kind) for n, (name, kind) in enumerate(missing.items())]
        # Most names that are not remembered are new: they are looked up only where
        # one was not.
        added = connection.executemany(
            "INSERT OR IGNORE INTO artifact (artifact, name, kind) VALUES (?,?,?)", rows
        )
        if added.rowcount < len(rows):
            asked = {"names": to_json(list(missing))}
            stored = connection.execute(self._artifact_named, asked).fetchall()
            rows = [(key, name, kind) for key, name, kind, *_ in stored]
        stronger = []
        for key, name, kind in rows:
            keys[name] = key
            if kind < missing[name]:
                kind = missing[name]
                stronger.append((kind, key))
            self._artifacts[name] = (key, kind)
        return stronger

    def _intern_versions(
        self, connection: sqlite3.Connection, wanted: Iterable[str]
    ) -> dict[str | None, int]:
        known = self._versions
        keys: dict[str | None, int] = {None: 0}
        missing: dict[bytes | str, str] = {}
        for word in wanted:
            key = known.recall(word)
            if key is None:
                missing[pack_word(word)] = word
            else:
                keys[word] = key
        if missing:
            for packed, key in self._add_versions(connection, missing):
                word = missing[packed]
                keys[word] = known[word] = key
        return keys

    def _add_versions(
        self, connection: sqlite3.Connection, missing: Mapping[bytes | str, str]
    ) -> Iterable[tuple[bytes | str, int]]:
        """Add the words that are not stored; give the keys of all."""
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

    def add_site(
        self, connection: sqlite3.Connection, writer: int, fact: SiteFact, names: Names
    ) -> None:
        """Add a function that a process registered."""
        if (writer, fact.n) in self.sites:
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
        self.site_of(connection, writer, fact.n)

    def site_of(self, connection: sqlite3.Connection, writer: int, n: int) -> Site:
        """Give the keys of a function by its number in its process."""
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
            return self.site_of(connection, writer, n)
        if len(self.sites) > _MOST_REMEMBERED:
            self.sites.clear()
        site = self.sites[writer, n] = Site(*found)
        return site


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
