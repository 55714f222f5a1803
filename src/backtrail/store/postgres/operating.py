"""Operating a PostgreSQL database: what it holds, whether it is sound."""

from __future__ import annotations

from typing import Any

import psycopg

from ..consistency import CONSISTENT
from ..protocol import StoreStats
from .connection import Database, version_of

_BYTES = """
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'backtrail' AND c.relkind IN ('r', 'S')
"""
_INVALID = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'backtrail' AND NOT i.indisvalid
"""


def exists(database: Database) -> bool:
    """Tell whether there is a schema of ours; makes none."""
    connection = database.connect(check=False)
    try:
        return version_of(connection) > 0
    except psycopg.Error as error:
        raise database.translated(error) from error
    finally:
        connection.close()


def stats(database: Database, url: str) -> StoreStats:
    """Count what the database holds."""
    with database.session(patient=True) as connection:

        def number(sql: str) -> Any:
            return (connection.execute(sql).fetchone() or (None,))[0]

        def count(table: str) -> int:
            return int(number(f"SELECT count(*) FROM {table}"))

        return StoreStats(
            url=url,
            schema_version=version_of(connection),
            runs=count("run"),
            artifacts=count("artifact"),
            versions=count("version"),
            components=count("component"),
            writers=count("writer"),
            bytes=int(number(_BYTES)),
            newest_us=number("SELECT max(started) FROM run"),
            oldest_us=number("SELECT min(started) FROM run"),
            lost=int(number("SELECT coalesce(sum(lost), 0) FROM writer")),
            details={"inputs": count("input"), "outputs": count("output")},
        )


def check(database: Database) -> list[str]:
    """Look for damage; one sentence for each problem found."""
    with database.session(patient=True) as connection:
        problems = [
            f"PostgreSQL: the index {name} is not valid" for (name,) in connection.execute(_INVALID)
        ]
        for what, sql in CONSISTENT.items():
            (number,) = connection.execute(sql).fetchone() or (0,)
            if number:
                problems.append(f"{number} {what}")
    return problems


def upgrade(database: Database) -> tuple[int, int]:
    """Bring the schema to this version; give the versions before and after."""
    connection = database.connect(check=False)
    try:
        return database.migrate(connection)
    except psycopg.Error as error:
        raise database.translated(error) from error
    finally:
        connection.close()
