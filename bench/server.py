"""What HTTP adds to a backtrace, and what eight clients that ask at once get.

`direct` is `Client.backtrace(...).to_dict()` as JSON text in this process; `one` is the same
question of `bt server` over a kept connection; `eight` is eight connections at once, which on
two cores share the server's one. The store is SQLite, that of `backtrace.py`.
"""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import closing
from urllib.parse import urlsplit

from _common import describe, options, percentile, table
from _history import roots, store_of
from _served import serving

import backtrail
from backtrail.render.json import dumps

ASKED = {"5": 400, "50": 200, "500": 40, "5000": 6}
CLIENTS = 8


def main() -> None:
    """Ask for planted traces directly, by one connection, and by eight."""
    args = options(__doc__ or "")
    runs = 1_000_000 if args.full else 100_000
    describe("backtraces over HTTP, milliseconds", "starlette", "uvicorn")
    url = f"sqlite:///{store_of(runs)}"
    planted = roots(runs)
    client = backtrail.connect(url)
    rows: list[tuple[object, ...]] = []
    with serving(url) as served, closing(client):
        port = urlsplit(served).port
        for label, asked in ASKED.items():
            outputs = planted[label]
            each = [outputs[n % len(outputs)] for n in range(asked)]
            direct = [_timed(lambda o=o: dumps(client.backtrace(o).to_dict())) for o in each]
            one = _ask(port, outputs, asked)
            begun = time.perf_counter()
            eight = _at_once(port, outputs, max(asked // CLIENTS, 2))
            rate = len(eight) / (time.perf_counter() - begun)
            floor = percentile(direct, 0.5)
            rows.append(
                (
                    f"{int(label):,} runs",
                    floor,
                    percentile(one, 0.5),
                    percentile(one, 0.99),
                    percentile(one, 0.5) / floor,
                    percentile(eight, 0.5),
                    percentile(eight, 0.99),
                    rate,
                    asked,
                )
            )
    table(
        (
            *("trace", "direct p50", "one p50", "p99", "of direct"),
            *("eight p50", "p99", "answers/s", "asked"),
        ),
        rows,
    )


def _ask(port: int | None, outputs: list[str], asked: int) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(output: str) -> None:
        connection.request("GET", f"/api/v1/backtrace?output={output}")
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{output}: {response.status}")
        response.read()

    ask(outputs[0])
    spent = [_timed(lambda n=n: ask(outputs[n % len(outputs)])) for n in range(asked)]
    connection.close()
    return spent


def _at_once(port: int | None, outputs: list[str], asked: int) -> list[float]:
    """Give the milliseconds of the questions of all clients."""
    spent: list[float] = []
    threads = [
        threading.Thread(target=lambda: spent.extend(_ask(port, outputs, asked)))
        for _ in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return spent


def _timed(work) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e3


if __name__ == "__main__":
    main()
