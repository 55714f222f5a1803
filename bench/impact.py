"""How long a walk downstream takes, how fast output ids are listed, and in how much memory.

`walk` is `query.impact` on an open store: every run and output id that is built on one
batch job near the end of the history, whose output four runs read, whose outputs ... .
`listed` is a store in which a thousand runs of one component made a thousand output ids
each from one model: the walk to all of them, and going through `output_ids`.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from _common import describe, options, percentile, table
from _history import key_of, store_of
from _wide import wide_store

from backtrail.query.assemble import public_id
from backtrail.query.impact import impact
from backtrail.store.sqlite import open_sqlite

TOLERANCE_US = 2_000_000
WALKS = {500: 60, 5_000: 10}


def main() -> None:
    """Walk from planted places in stores of several sizes, then list a million output ids."""
    args = options(__doc__ or "")
    describe("impact: walks downstream, milliseconds")
    rows = []
    for runs in (100_000, 1_000_000):
        store = open_sqlite(store_of(runs))
        for size, asked in WALKS.items():
            roots = _roots(store, runs, size)
            found = len(impact(store, roots[0], tolerance_us=TOLERANCE_US).runs)
            wall, cpu = _measure(store, roots, asked if args.full else max(3, asked // 3))
            rows.append(
                (
                    f"{found:,} runs",
                    runs,
                    percentile(wall, 0.5),
                    percentile(wall, 0.99),
                    percentile(cpu, 0.5),
                    min(cpu),
                )
            )
        store.close()
    rows.sort(key=lambda row: int(row[0].split()[0].replace(",", "")))
    table(("walk", "runs in store", "p50", "p99", "CPU p50", "CPU best"), rows)
    print("\nAims: the prototypes, which made no Python objects, took 9 to 24 and 84 to 151 ms.")
    _listed(1_000, 1_000)
    _listed(200_000, 1)


def _roots(store: Any, runs: int, size: int) -> list[str]:
    """Give the ids of batch jobs that at least so many runs are built on, and few more."""
    found: list[str] = []
    back = size
    while len(found) < 3:
        back += max(size // 50, 2)
        i = (runs - back) // 2 * 2
        row = store.runs([key_of(i)])[key_of(i)]
        run_id = public_id(store, row)
        if len(impact(store, run_id, tolerance_us=TOLERANCE_US).runs) >= size:
            found.append(run_id)
    return found


def _measure(store: Any, roots: list[str], asked: int) -> tuple[list[float], list[float]]:
    wall, cpu = [], []
    for n in range(asked):
        gc.collect()
        begun, spent = time.perf_counter(), time.thread_time()
        answer = impact(store, roots[n % len(roots)], tolerance_us=TOLERANCE_US)
        cpu.append((time.thread_time() - spent) * 1e3)
        wall.append((time.perf_counter() - begun) * 1e3)
        del answer
    return wall, cpu


def _listed(runs: int, each: int) -> None:
    """List the output ids of so many runs in a process of its own, for its peak memory."""
    path = wide_store(runs, each)
    print(f"\n{runs:,} runs that made {each:,} output ids each, from one model:", flush=True)
    subprocess.run([sys.executable, __file__, "--listing", str(path)], check=True)


def _listing(path: str) -> None:
    store = open_sqlite(Path(path))
    before = _peak_mib()
    begun = time.process_time()
    found = impact(store, "model.pkl", tolerance_us=TOLERANCE_US)
    walked = time.process_time() - begun
    begun = time.process_time()
    ids = sum(1 for _ in found.output_ids)
    listed = time.process_time() - begun
    print(f"walk and count {walked:.1f} CPU s, {len(found.runs) / walked:,.0f} runs/s;", end=" ")
    print(f"list {ids:,} ids in {listed:.1f} CPU s, {ids / listed:,.0f} ids/s;", end=" ")
    print(f"peak memory {_peak_mib():.0f} MiB, {before:.0f} before", flush=True)
    store.close()


def _peak_mib() -> float:
    # Not `getrusage`: what that gives begins with the peak of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    if "--listing" in sys.argv:
        _listing(sys.argv[-1])
    else:
        main()
