"""How many runs a second `bt db copy` brings from store to store, and verifies.

Beside it the floor: the same file copied by SQLite's own backup, page by page, which reads
no fact and can go to no other database.
"""

from __future__ import annotations

import shutil
import sqlite3
import time

from _common import describe, fresh_folder, options, table
from _history import store_of
from _postgres import fresh_database, server

from backtrail.store.copying import Copying
from backtrail.store.postgres import open_postgres
from backtrail.store.protocol import Store
from backtrail.store.sqlite import open_sqlite

RUNS = 100_000


def main() -> None:
    """Copy one history from file to file, to a server, and back."""
    args = options(__doc__ or "")
    runs = 1_000_000 if args.full else RUNS
    describe("copies", "psycopg")
    path = store_of(runs)
    folder = fresh_folder("copy")
    rows: list[tuple[object, ...]] = []
    begun = time.perf_counter()
    with sqlite3.connect(path) as source, sqlite3.connect(folder / "pages.db") as target:
        source.backup(target)
    floor = time.perf_counter() - begun
    rows.append(("pages of a file", runs / floor, 1.0, "-", "-"))
    with server() as running:
        url = fresh_database(running, "copied")
        file, other, back = open_sqlite(path), open_sqlite(folder / "a.db"), folder / "b.db"
        database = open_postgres(url, url)
        for what, source, target in (
            ("SQLite to SQLite", file, other),
            ("SQLite to PostgreSQL", file, database),
            ("PostgreSQL to SQLite", database, open_sqlite(back)),
            ("the same again", database, open_sqlite(back)),
        ):
            rows.append((what, *_copied(source, target, runs, floor)))
        database.close()
        running.drop("copied")
    shutil.rmtree(folder)
    table(("copied", "runs/s", "share of pages", "copying s", "verifying s"), rows)


def _copied(source: Store, target: Store, runs: int, floor: float) -> tuple[object, ...]:
    begun = time.perf_counter()
    with source.snapshot():
        work = Copying(source, target)
        work.copy(lambda *_: True)
        copied = time.perf_counter() - begun
        verdict = work.verify(lambda *_: True)
    assert verdict is not None
    assert verdict.is_equal
    spent = time.perf_counter() - begun
    return runs / spent, floor / spent, copied, spent - copied


if __name__ == "__main__":
    main()
