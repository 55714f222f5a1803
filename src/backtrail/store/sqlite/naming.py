"""Names -> the integers that stand for them, in the transaction that takes facts in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from ...model.digest import is_content_digest
from ...model.facts import SiteFact, WriterFact
from ...model.identity import short_writer
from ..intake import Mentioned, Names, Site
from ..queries import named_queries
from ..rows import pack_word, to_json

_MOST_REMEMBERED = 200_000
_AT_ONCE = 500  # parameters of one statement; every SQLite takes 999


class Naming:
    """Gives each name its key, and remembers those it met."""

    def __init__(self) -> None:
        self._artifact_named = named_queries()["artifacts_named"]
        self.forget()

    def forget(self) -> None:
        """Drop what is remembered: the file may be another, or a round was taken back."""
        self._writers: dict[bytes, int] = {}
        self.sites: dict[tuple[int, int], Site] = {}
        self._artifacts: dict[str, tuple[int, int]] = {}
        self._versions: dict[str, int] = {}

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
                self._artifact_named, {"names": to_json(list(missing))}
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
