"""How long a backtrace takes, against the size of the trace and of the store.

`query` is `query.backtrace` on an open store, from the output's name to Python
objects; `client` is `Client.backtrace`, which looks at the journal first.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

from _common import describe, options, percentile, table
from _history import DIAMONDS, TRACES, roots, store_of

import backtrail
from backtrail.query.backtrace import backtrace
from backtrail.query.selector import select
from backtrail.store.sqlite import open_sqlite

TOLERANCE_US = 2_000_000
ASKED = {"5": 400, "50": 200, "500": 60, "5000": 12, "diamonds": 60, "chain": 6}
LABELS = {"diamonds": f"{DIAMONDS} stacked diamonds", "chain": "a chain"}


def main() -> None:
    """Ask for every planted trace in stores of several sizes."""
    args = options(__doc__ or "")
    sizes = [100_000, 1_000_000, *([10_000_000] if args.full else [])]
    describe("backtrace latency, milliseconds")
    rows: list[tuple[object, ...]] = []
    for runs in sizes:
        path = store_of(runs)
        planted = roots(runs)
        store = open_sqlite(path)
        client = backtrail.connect(f"sqlite:///{path}")

        def query(output: str, store: Any = store) -> Any:
            return backtrace(store, select(store, output), tolerance_us=TOLERANCE_US)

        for label in (*(f"{size}" for size in TRACES), "diamonds", "chain"):
            frames = len(query(planted[label][0]).frames)
            asked = ASKED[label] if args.full else max(3, ASKED[label] // 3)
            wall, cpu = measure(query, planted[label], asked)
            through, _ = measure(client.backtrace, planted[label], asked)
            rows.append(
                (
                    f"{frames:,} runs" + (f" ({LABELS[label]})" if label in LABELS else ""),
                    runs,
                    percentile(wall, 0.5),
                    percentile(wall, 0.99),
                    percentile(cpu, 0.5),
                    min(cpu),
                    percentile(through, 0.5),
                    percentile(through, 0.99),
                    asked,
                )
            )
        client.close()
        store.close()
    rows.sort(key=lambda row: list(ASKED).index(_label_of(str(row[0]))))
    table(
        (
            "trace",
            "runs in store",
            "query p50",
            "p99",
            "CPU p50",
            "CPU best",
            "client p50",
            "p99",
            "asked",
        ),
        rows,
    )
    print(
        "\nAims: 5 runs under 1 ms, 500 under 20 ms, 5,000 under 200 ms; no growth with the store"
    )
    print("beyond a factor of 2.")


def _label_of(text: str) -> str:
    for label, words in LABELS.items():
        if words in text:
            return label
    return text.split()[0].replace(",", "")


def measure(
    ask: Callable[[str], Any], outputs: list[str], asked: int
) -> tuple[list[float], list[float]]:
    """Give wall and CPU milliseconds of each question, going round the outputs."""
    wall, cpu = [], []
    for n in range(asked):
        if n % 20 == 0:
            gc.collect()
        output = outputs[n % len(outputs)]
        begun, spent = time.perf_counter(), time.thread_time()
        answer = ask(output)
        cpu.append((time.thread_time() - spent) * 1e3)
        wall.append((time.perf_counter() - begun) * 1e3)
        del answer
    return wall, cpu


if __name__ == "__main__":
    main()
