"""Names -> their keys in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from ...model.digest import is_content_digest
from ...model.facts import WriterFact
from ...model.identity import short_writer
from ..intake import Mentioned, Names
from ..naming import Naming
from ..rows import to_json
from .connection import Transaction

# In one order for all: two transactions that add the same names must not each wait for
# the other. Keys go by the order of appearance. Most names that are not remembered are
# new: they are looked up only where one was not.
_ADD_ARTIFACTS = """
WITH fresh AS MATERIALIZED (
  SELECT nextval('artifact_artifact_seq') AS artifact, name, kind
    FROM unnest(%s::text[], %s::smallint[]) AS u (name, kind)
)
INSERT INTO artifact (artifact, name, kind)
SELECT artifact, name, kind FROM fresh ORDER BY name COLLATE "C"
    ON CONFLICT (name) DO NOTHING
RETURNING artifact, name, kind
"""
_STORED_ARTIFACTS = "SELECT artifact, name, kind FROM artifact WHERE name = ANY (%s::text[])"
_STRENGTHEN = "SELECT strengthen(%s, %s)"
_ADD_VERSIONS = """
WITH fresh AS MATERIALIZED (
  SELECT nextval('version_number') * sign AS version, word
    FROM unnest(%s::bytea[], %s::bigint[]) AS u (word, sign)
)
INSERT INTO version (version, word)
SELECT version, word FROM fresh ORDER BY word
    ON CONFLICT (word) DO NOTHING
RETURNING word, version
"""
_STORED_VERSIONS = "SELECT word, version FROM version WHERE word = ANY (%s::bytea[])"
_ADD_WRITER = "SELECT add_writer(%s, %s, %s, %s, %s, %s)"
_ADD_MONTH = "SELECT add_month(%s)"
_DAY_US = 86_400_000_000
_LOCK = "SELECT lock_rows('artifact', %s::bigint[])"
_TEXT = b"\x02"


def pack(word: bytes | str) -> bytes:
    """Give a packed word as this database keeps it: a text gets a tag as well."""
    return word if isinstance(word, bytes) else _TEXT + word.encode()


def unpack(kept: bytes) -> bytes | str:
    """Read what `pack` gave."""
    return kept[1:].decode() if kept.startswith(_TEXT) else kept


class PostgresNaming(Naming[Transaction]):
    """Gives each name its key, and remembers those it met."""

    def forget(self) -> None:
        """Drop what is remembered: the database may be another, or a round was taken back."""
        super().forget()
        self._days: set[int] = set()

    def writers(
        self, connection: psycopg.Connection[Any], writers: Iterable[WriterFact]
    ) -> dict[bytes, int]:
        """Give the keys of processes that recorded, before the transaction that takes them in."""
        for writer in writers:
            if writer.uid not in self._writers:
                row = connection.execute(
                    _ADD_WRITER,
                    (
                        writer.uid,
                        short_writer(writer.uid),
                        writer.host,
                        writer.pid,
                        writer.started_us,
                        to_json(writer.info),
                    ),
                ).fetchone()
                assert row is not None
                self._writers[writer.uid] = row[0]
        return self._writers

    def make_room(
        self, transaction: Transaction, tables: Iterable[list[tuple[int, int, int, int]]]
    ) -> None:
        """See to it that there is a partition for each month that rows belong to."""
        days = {row[1] // _DAY_US for rows in tables for row in rows}
        for day in days - self._days:
            transaction.run(_ADD_MONTH, (day * _DAY_US,))
        self._days |= days

    def intern(self, transaction: Transaction, mentioned: Mentioned) -> Names:
        """Give the keys of all names that a round mentions; new names are added."""
        self._stronger: list[tuple[int, int]] = []
        names = super().intern(transaction, mentioned)
        # All rows of artifacts that this round changes, at once and in order.
        changed = {key for _, key in self._stronger}
        changed.update(names.artifacts[name] for name in mentioned.marked)
        if changed:
            transaction.run(_LOCK, (list(changed),))
        for kind, key in self._stronger:
            transaction.run(_STRENGTHEN, (key, kind))
        return names

    def _add_artifacts(
        self, transaction: Transaction, missing: Mapping[str, int]
    ) -> Iterable[tuple[int, str, int]]:
        """Add the names (with kinds) that are not stored; give key, name, stored kind of all."""
        added = transaction.run(_ADD_ARTIFACTS, (list(missing), list(missing.values())))
        if len(added) < len(missing):
            rest = set(missing).difference(name for _, name, _ in added)
            added += transaction.run(_STORED_ARTIFACTS, (list(rest),))
        return added

    def _strengthen(self, transaction: Transaction, stronger: list[tuple[int, int]]) -> None:
        """Give artifacts a kind, (kind, key), where theirs is a weaker one."""
        self._stronger = stronger

    def _add_versions(
        self, transaction: Transaction, missing: Mapping[bytes | str, str]
    ) -> Iterable[tuple[bytes | str, int]]:
        """Add the packed words that are not stored; give the keys of all."""
        signs = [1 if is_content_digest(word) else -1 for word in missing.values()]
        words = [pack(word) for word in missing]
        added = transaction.run(_ADD_VERSIONS, (words, signs))
        if len(added) < len(words):
            rest = set(words).difference(word for word, _ in added)
            added += transaction.run(_STORED_VERSIONS, (list(rest),))
        return [(unpack(word), key) for word, key in added]
