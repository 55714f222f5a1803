"""Runs per second that a server accepts of eight clients, beside direct ingest, and who waits.

Eight processes record runs into their journals. Then all send what they have at once: straight
into a SQLite file (`direct`, taking turns at its lock), and to `bt server` over such a file.
`share` is the rate of the server as a part of the direct one. On two cores the clients, who
read their journals and pack, share with the server. `asked` are backtraces of 5 runs, over one
connection: while nothing else goes on, and while the server takes the runs in.
"""

from __future__ import annotations

import http.client
import multiprocessing
import shutil
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from _common import describe, fresh_folder, options, percentile, table
from _served import serving

import backtrail

CLIENTS = 8


def main() -> None:
    """Measure direct ingest and that of the server in turns, with questions meanwhile."""
    args = options(__doc__ or "")
    runs = 40_000 if args.full else 5_000
    describe("ingest of eight clients, runs per second", "starlette", "uvicorn", "urllib3")
    rows: list[tuple[object, ...]] = []
    for turn in range(3):
        folder = fresh_folder("server-load")
        url = f"sqlite:///{folder}/direct.db"
        with backtrail.connect(url) as client:
            client.upgrade()
        direct = _rate(url, folder / "straight", runs, lambda: None)
        rows.append((turn + 1, direct, *_of_server(folder, runs, direct)))
        shutil.rmtree(folder)
    table(
        ("turn", "direct", "server", "share", "asked idle p50", "loaded p50", "p99", "answers"),
        rows,
    )


def _of_server(folder: Path, runs: int, direct: float) -> tuple[object, ...]:
    url = f"sqlite:///{folder}/served.db"
    with serving(url) as served:
        with backtrail.connect(served, spool=str(folder / "own")) as client:
            _plant(client)
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(served).port)
        idle = [_ask(connection) for _ in range(100)]
        loaded: list[float] = []
        rate = _rate(served, folder / "sent", runs, lambda: loaded.append(_ask(connection)))
        return (
            rate,
            rate / direct,
            percentile(idle, 0.5),
            percentile(loaded, 0.5),
            percentile(loaded, 0.99),
            len(loaded),
        )


def _rate(url: str, folder: Path, runs: int, meanwhile) -> float:
    """Give the runs per second from the moment at which all begin to send until all have."""
    context = multiprocessing.get_context("spawn")
    ready, go = context.Barrier(CLIENTS + 1), context.Barrier(CLIENTS + 1)
    senders = [
        context.Process(target=_send, args=(url, str(folder / str(n)), runs, ready, go))
        for n in range(CLIENTS)
    ]
    for sender in senders:
        sender.start()
    ready.wait()
    begun = time.perf_counter()
    go.wait()
    while any(sender.is_alive() for sender in senders):
        meanwhile()
        senders[0].join(0.002)
    spent = time.perf_counter() - begun
    if any(sender.exitcode for sender in senders):
        raise RuntimeError("a client did not send all that it had")
    return CLIENTS * runs / spent


def _send(url: str, spool: str, runs: int, ready, go) -> None:
    client = backtrail.connect(url, spool=spool, flush_interval_s=3600.0)

    @client.register("work", inputs=["n"])
    def work(n: int) -> None:
        client.log(f"{spool}-{n}", value=n)

    for n in range(runs):
        work(n)
    ready.wait()
    go.wait()
    waiting = client.flush(600)
    sys.exit(1 if waiting else 0)


def _plant(client: backtrail.Client) -> None:
    @client.register("step", inputs=["x"], outputs=["return"])
    def step(x: list[int]) -> list[int]:
        return [*x, 1]

    @client.register("serve", inputs=["x"])
    def serve(x: list[int]) -> None:
        client.log("asked-for")

    x = [0]
    for _ in range(4):
        x = step(x)
    serve(x)
    client.flush()


def _ask(connection: http.client.HTTPConnection) -> float:
    begun = time.perf_counter()
    connection.request("GET", "/api/v1/backtrace?output=asked-for")
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(str(response.status))
    response.read()
    return (time.perf_counter() - begun) * 1e3


if __name__ == "__main__":
    main()
