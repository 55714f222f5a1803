"""How long it takes to prune PostgreSQL.

The history is that of `backtrace.py`: half of the runs overwrite paths, half are predictions.
What is older than its newest tenth is pruned. Beside it the floor: plain DELETE of all that is
as old, from a copy, which asks nobody whether it is needed, and leaves the names.
"""

from __future__ import annotations

import time
from typing import Any

from _common import describe, options, table
from _history import SPACING_US, START_US
from _postgres import connect, history, server
from backtrace import TOLERANCE_US

from backtrail.query.retention import prune
from backtrail.store.postgres import open_postgres


def main() -> None:
    """Prune a copy of a history, and delete from another."""
    args = options(__doc__ or "")
    runs = 1_000_000 if args.full else 100_000
    describe("pruning", "psycopg")
    before_us = START_US + int(runs * 0.9) * SPACING_US
    with server() as running:
        name = history(running, runs).rpartition("/")[2]
        floor = _deleted(_copy(running, name), before_us)
        url = _copy(running, name)
        store = open_postgres(url, url)
        begun = time.perf_counter()
        done = prune(store, at_us=1, before_us=before_us, tolerance_us=TOLERANCE_US)
        spent = time.perf_counter() - begun
        store.close()
        running.drop("pruned")
    old = done.runs + done.kept
    table(
        ("of", "seconds", "old runs/s", "gone", "kept", "DELETE s", "times that"),
        [(f"{runs:,} runs", spent, old / spent, done.runs, done.kept, floor, spent / floor)],
    )


def _copy(running: Any, name: str) -> str:
    running.drop("pruned")
    with running.connect() as connection:
        connection.execute(f"CREATE DATABASE pruned TEMPLATE {name}")
    return str(running.url("pruned"))


def _deleted(url: str, before_us: int) -> float:
    """Give how many seconds plain DELETE takes, a statement a table."""
    with connect(url) as connection:
        begun = time.perf_counter()
        with connection.transaction():
            connection.execute("DELETE FROM run WHERE started < %s", [before_us])
            for name in ("output", "input"):
                connection.execute(f"DELETE FROM {name} WHERE t < %s", [before_us])
        return time.perf_counter() - begun


if __name__ == "__main__":
    main()
