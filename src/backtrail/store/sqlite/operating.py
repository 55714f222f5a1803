"""Operating a SQLite file: what it holds, whether it is sound."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from ..consistency import CONSISTENT
from ..protocol import StoreStats
from .connection import Database


def stats(database: Database, url: str) -> StoreStats:
    """Count what the file holds."""
    with database.session() as connection:

        def count(table: str) -> int:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

        newest, oldest = connection.execute(
            "SELECT (SELECT max(started) FROM run), (SELECT min(started) FROM run)"
        ).fetchone()
        lost = connection.execute("SELECT coalesce(sum(lost), 0) FROM writer").fetchone()[0]
        return StoreStats(
            url=url,
            schema_version=_version(connection),
            runs=count("run"),
            artifacts=count("artifact"),
            versions=count("version"),
            components=count("component"),
            writers=count("writer"),
            bytes=_bytes_of(database.path),
            newest_us=newest,
            oldest_us=oldest,
            lost=lost,
            details={"inputs": count("input"), "outputs": count("output")},
        )


def check(database: Database) -> list[str]:
    """Look for damage; one sentence for each problem found."""
    with database.session() as connection:
        problems = [
            f"SQLite: {row[0]}"
            for row in connection.execute("PRAGMA integrity_check(20)")
            if row[0] != "ok"
        ]
        for what, sql in CONSISTENT.items():
            (number,) = connection.execute(sql).fetchone()
            if number:
                problems.append(f"{number} {what}")
    return problems


def upgrade(database: Database) -> tuple[int, int]:
    """Bring the schema to this version; give the versions before and after."""
    before = 0
    if database.path.exists():
        try:
            raw = sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)
            before = _version(raw)
            raw.close()
        except sqlite3.Error as error:
            raise database.translated(error) from error
    with database.session() as connection:
        return before, _version(connection)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _bytes_of(path: Path) -> int:
    total = 0
    for suffix in ("", "-wal"):
        with contextlib.suppress(OSError):
            total += os.stat(f"{path}{suffix}").st_size
    return total
