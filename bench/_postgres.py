"""A PostgreSQL server for benchmarks, and histories in it, kept from one run to the next."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from _common import bench_folder
from _history import LAYOUT, SPACING_US, START_US, tables

from backtrail.store.migrations import migrations
from backtrail.store.postgres import open_postgres
from backtrail.store.postgres.naming import pack

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from servers import Server, debian_programs, running

# As somebody would set up a small server who has read one page about it; commits are durable.
SETTINGS = {
    "shared_buffers": "2GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "effective_cache_size": "12GB",
    "maintenance_work_mem": "1GB",
}
_MONTH_US = 28 * 86_400_000_000
# Rows have their keys already; what comes after goes on from there.
_GO_ON = """
SELECT setval(pg_get_serial_sequence('artifact', 'artifact'), (SELECT max(artifact) FROM artifact)),
       setval(pg_get_serial_sequence('site', 'site'), (SELECT max(site) FROM site)),
       setval(pg_get_serial_sequence('component', 'component'),
              (SELECT max(component) FROM component)),
       setval('version_number', (SELECT max(version) FROM version))
"""


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Give Debian's PostgreSQL on the disk that `bench_folder` lies on."""
    folder = bench_folder() / "postgres"
    folder.mkdir(exist_ok=True)
    with running(debian_programs(), folder, **SETTINGS) as found:
        yield found


def history(server: Server, runs: int) -> str:
    """Give the address of the database with so many runs; made if it is not there."""
    schema = "".join(migrations("postgres").values())
    mark = hashlib.sha256(f"{LAYOUT}{schema}".encode()).hexdigest()[:10]
    name = f"history_{runs}_{mark}"
    with server.connect() as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if found.fetchone():
            return server.url(name)
        begun = time.perf_counter()
        print(f"... writing {name}", flush=True)
        fresh = fresh_database(server, f"{name}_new")
        _write(fresh, runs)
        connection.execute(f"ALTER DATABASE {name}_new RENAME TO {name}")
    print(f"... took {time.perf_counter() - begun:.0f} s", flush=True)
    return server.url(name)


def fresh_database(server: Server, name: str) -> str:
    """Give the address of a new database with our schema."""
    server.drop(name)
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    store = open_postgres(server.url(name), server.url(name))
    store.upgrade()
    store.close()
    return server.url(name)


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect as one who sees our tables without their schema's name."""
    return psycopg.connect(url, autocommit=True, options="-c search_path=backtrail")


def _write(url: str, runs: int) -> None:
    with connect(url) as connection:
        connection.execute("SET synchronous_commit = off")
        last = START_US + runs * SPACING_US + _MONTH_US
        for at in range(START_US, last, _MONTH_US):
            connection.execute("SELECT add_month(%s)", [at])
        connection.execute(
            "INSERT INTO band (band, month, used) VALUES (0, %s, 100000)", [START_US]
        )
        connection.execute("SELECT add_partition('run', 'run_0', '0', (1::bigint << 52)::text)")
        later = _drop_indexes(connection)
        for table, columns, rows in tables(runs):
            sql = f"COPY {table} ({columns}) FROM STDIN"
            with connection.cursor() as cursor, cursor.copy(sql) as copy:
                for row in rows:
                    copy.write_row(_packed(row) if table == "version" else row)
        for statement in later:
            connection.execute(statement)
        connection.execute(_GO_ON)
        connection.execute("VACUUM ANALYZE")


def _packed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return row[0], pack(row[1])


def _drop_indexes(connection: psycopg.Connection[Any]) -> list[str]:
    """Drop the indexes of the large tables; give the statements that make them again."""
    later = []
    for table in ("run", "output", "input"):
        found = connection.execute(
            "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid), i.indisprimary,"
            " pg_get_constraintdef(c.oid) FROM pg_index i"
            " LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid"
            " WHERE i.indrelid = %s::regclass",
            [table],
        )
        for name, definition, is_primary, constraint in found.fetchall():
            if is_primary:
                connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
                later.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {constraint}")
            else:
                connection.execute(f"DROP INDEX {name}")
                later.append(definition.replace(" ON ONLY ", " ON "))  # its partitions too
    return later
