"""How long a verdict on staleness takes, against the number of runs behind the output.

Half of what the planted traces made was overwritten later, so most of these outputs are
stale: walk, verdict, causes and the order to refresh are all in the figure. `of the
backtrace` is the ratio to `query.backtrace` of the same output in the same process.
A chain of runs that update one table in place is the worst case for what was made from
what; it is recorded by this benchmark itself.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from _common import describe, fresh_folder, options, percentile, table
from _history import roots, store_of

import backtrail
from backtrail import Pointer
from backtrail.query.backtrace import backtrace
from backtrail.query.selector import select
from backtrail.query.staleness import staleness
from backtrail.store.sqlite import open_sqlite

TOLERANCE_US = 2_000_000
ASKED = {"5": 100, "50": 60, "500": 20, "5000": 4}
NOW_US = 2_000_000_000_000_000
UPDATES = {50: 40, 500: 15, 5_000: 3}


def main() -> None:
    """Ask for planted traces in a store of 100,000 runs (and 1,000,000 under --full)."""
    args = options(__doc__ or "")
    describe("staleness, CPU milliseconds")
    rows: list[tuple[object, ...]] = []
    for runs in [100_000, *([1_000_000] if args.full else [])]:
        store = open_sqlite(store_of(runs))
        planted = roots(runs)
        for label, asked in ASKED.items():
            rows.append(_row(store, runs, planted[label], asked))
        store.close()
    folder = fresh_folder("stale")
    for updates, asked in UPDATES.items():
        url = f"sqlite:///{folder}/{updates}.db"
        _record_updates(url, updates)
        store = open_sqlite(folder / f"{updates}.db")
        rows.append(_row(store, updates + 1, ["report"], asked))
        store.close()
    heads = ("runs judged", "in store", "verdict", "to make again", "p50", "best")
    table((*heads, "of the backtrace", "asked"), rows)


def _row(store: Any, runs: int, outputs: list[str], asked: int) -> tuple[object, ...]:
    def judge(output: str) -> Any:
        return staleness(store, select(store, output), tolerance_us=TOLERANCE_US, now_us=NOW_US)

    def trace(output: str) -> Any:
        return backtrace(store, select(store, output), tolerance_us=TOLERANCE_US)

    found = judge(outputs[0])
    judged = _measure(judge, outputs, asked)
    traced = _measure(trace, outputs, asked)
    return (
        f"{found.runs:,} of {len(trace(outputs[0]).frames):,}",
        runs,
        found.verdict,
        len(found.refresh),
        percentile(judged, 0.5),
        min(judged),
        f"{min(judged) / min(traced):.1f}",
        asked,
    )


def _measure(ask: Callable[[str], Any], outputs: list[str], asked: int) -> list[float]:
    spent = []
    for n in range(asked):
        if n % 20 == 0:
            gc.collect()
        begun = time.thread_time()
        answer = ask(outputs[n % len(outputs)])
        spent.append((time.thread_time() - begun) * 1e3)
        del answer
    return spent


def _record_updates(url: str, updates: int) -> None:
    """Record so many runs that each read a table and write it anew, and a report of the last."""
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    with backtrail.connect(url) as client:
        for n in range(updates):
            at = start + timedelta(minutes=n)
            client.record_run(
                "append",
                started_at=at,
                ended_at=at,
                inputs=[Pointer("table", version=f"blake3:{n:064x}")] if n else [],
                outputs=[Pointer("table", version=f"blake3:{n + 1:064x}")],
            )
        at = start + timedelta(minutes=updates)
        client.record_run(
            "report",
            started_at=at,
            ended_at=at,
            inputs=[Pointer("table", version=f"blake3:{updates:064x}")],
            outputs=["report"],
        )


if __name__ == "__main__":
    main()
