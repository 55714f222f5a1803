"""PostgreSQL: runs per second beside raw COPY, how long a backtrace takes, bytes a run.

`clients` take in journals that processes left, each over a connection of its own. `raw` is
a COPY, in binary, of the rows that came of it, by as many connections and in one transaction
each: into tables with the same indexes, and into tables without any. No name is looked up
there. The server is Debian's, on the same cores, with durable commits.
"""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _common import describe, fresh_folder, options, percentile, table
from _history import roots
from _postgres import connect, fresh_database, history, server
from backtrace import TOLERANCE_US, measure
from ingest import record

from backtrail.journal.drain import Drainer
from backtrail.model.identity import SEQ_BITS
from backtrail.query.backtrace import backtrace
from backtrail.query.selector import select
from backtrail.store.postgres import open_postgres

CLIENTS = (1, 4)
ROUNDS = 3
ASKED = {"5": 400, "50": 200, "500": 60}
TABLES = {
    "artifact": "artifact",
    "version": "version",
    "run": "run",
    "output": "run",
    "input": "run",
}
_context = multiprocessing.get_context("spawn")


def main() -> None:
    """Measure ingest, then backtraces in two sizes of store."""

    def more(parser: Any) -> None:
        parser.add_argument("--runs", type=int, help="how many to take in for each figure")
        parser.add_argument("--no-ingest", action="store_true")
        parser.add_argument("--no-traces", action="store_true")

    args = options(__doc__ or "", more=more)
    describe("PostgreSQL", "psycopg")
    with server() as running:
        with running.connect() as connection:
            print(f"server {connection.info.parameter_status('server_version')}")
        if not args.no_ingest:
            _show_ingest(running, args.runs or (60_000 if args.full else 20_000))
        if not args.no_traces:
            _show_traces(running, [100_000, *([5_000_000] if args.full else [])], args.full)


# -- ingest --------------------------------------------------------------------------


def _show_ingest(running: Any, runs: int) -> None:
    rows: list[tuple[object, ...]] = []
    for clients in CLIENTS:
        ours, indexed, bare = [], [], []
        for n in range(ROUNDS):
            url = fresh_database(running, "ingest")
            folder = fresh_folder("postgres")
            ours.append(_taken_in(url, folder, clients, runs // clients, n))
            _save_rows(url, folder, clients)
            indexed.append(_copied(url, folder, clients, "INCLUDING ALL"))
            bare.append(_copied(url, folder, clients, ""))
            shutil.rmtree(folder)
            running.drop("ingest")
        taken = clients * (runs // clients)
        floor = min(indexed)
        for what, spent in (
            ("journals of", min(ours)),
            ("raw COPY, same indexes,", floor),
            ("raw COPY, no index,", min(bare)),
        ):
            rows.append((f"{what} {clients}", taken / spent, floor / spent, taken))
    table(("into an empty store, clients", "runs/s", "share of raw", "runs"), rows)
    print("\nAim: at least half of raw COPY. Best of three rounds, which take turns.")


def _taken_in(url: str, folder: Path, clients: int, runs: int, n: int) -> float:
    """Give how many seconds it takes to drain as many journals at once, of so many runs each."""
    for lane in range(clients):
        leaves = _context.Process(target=_leave, args=(url, folder, runs, 1000 * n + lane, lane))
        leaves.start()
        leaves.join()
    return _together(_drain, [(url, folder / f"spool-{lane}") for lane in range(clients)])


def _leave(url: str, folder: Path, runs: int, seed: int, lane: int) -> None:
    record(url, runs, seed, random_ids=False, flush=False, spool=f"{folder}/spool-{lane}")


def _drain(gate: Any, url: str, spool: Path) -> None:
    store = open_postgres(url, url)
    store.stats()  # connected
    drainer = Drainer(spool)
    gate.wait()
    drainer.drain(lambda: store, wait_s=5)
    drainer.close()
    store.close()


def _save_rows(url: str, folder: Path, clients: int) -> None:
    """Save the rows of each client as COPY takes them."""
    with connect(url) as connection:
        found = connection.execute("SELECT writer FROM writer ORDER BY writer").fetchall()
        for name, key in TABLES.items():
            (highest,) = connection.execute(f"SELECT max({key}) FROM {name}").fetchone() or (0,)
            for lane, (writer,) in enumerate(found):
                low, high = writer << SEQ_BITS, (writer + 1) << SEQ_BITS
                if key != "run":
                    low, high = highest * lane // clients, highest * (lane + 1) // clients
                select = f"SELECT * FROM {name} WHERE {key} > {low} AND {key} <= {high}"
                with (
                    (folder / f"{name}-{lane}").open("wb") as file,
                    connection.cursor() as cursor,
                    cursor.copy(f"COPY ({select}) TO STDOUT (FORMAT BINARY)") as copy,
                ):
                    for piece in copy:
                        file.write(piece)


def _copied(url: str, folder: Path, clients: int, like: str) -> float:
    """Give how many seconds a COPY of the same rows takes, into tables of their own."""
    with connect(url) as connection:
        connection.execute("DROP SCHEMA IF EXISTS raw CASCADE; CREATE SCHEMA raw; CHECKPOINT")
        for name in TABLES:
            connection.execute(f"CREATE TABLE raw.{name} (LIKE backtrail.{name} {like})")
    return _together(_copy, [(url, folder, lane) for lane in range(clients)])


def _copy(gate: Any, url: str, folder: Path, lane: int) -> None:
    pieces = {name: (folder / f"{name}-{lane}").read_bytes() for name in TABLES}
    with connect(url) as connection:
        gate.wait()
        with connection.transaction(), connection.cursor() as cursor:
            for name, rows in pieces.items():
                with cursor.copy(f"COPY raw.{name} FROM STDIN (FORMAT BINARY)") as copy:
                    copy.write(rows)


def _together(work: Callable[..., None], each: list[tuple[Any, ...]]) -> float:
    """Run the work in processes that begin at one moment; give the seconds until the last ends."""
    gate, ends = _context.Barrier(len(each) + 1), _context.Queue()
    processes = [_context.Process(target=_timed, args=(work, gate, ends, own)) for own in each]
    for process in processes:
        process.start()
    gate.wait()
    begun = time.monotonic()
    last = max(ends.get(timeout=600) for _ in processes)
    for process in processes:
        process.join()
    return float(last - begun)


def _timed(work: Callable[..., None], gate: Any, ends: Any, own: tuple[Any, ...]) -> None:
    work(gate, *own)
    ends.put(time.monotonic())  # of one clock for all processes


# -- backtraces ----------------------------------------------------------------------


def _show_traces(running: Any, sizes: list[int], full: bool) -> None:
    rows: list[tuple[object, ...]] = []
    sizes_on_disk: list[tuple[object, ...]] = []
    for runs in sizes:
        url = history(running, runs)
        planted = roots(runs)
        store = open_postgres(url, url)

        def query(output: str, store: Any = store) -> Any:
            return backtrace(store, select(store, output), tolerance_us=TOLERANCE_US)

        for label, often in ASKED.items():
            frames = len(query(planted[label][0]).frames)
            asked = often if full else often // 3
            wall, cpu = measure(query, planted[label], asked)
            spent = (percentile(wall, 0.5), percentile(wall, 0.99), percentile(cpu, 0.5))
            rows.append((f"{frames:,} runs", runs, *spent, min(wall), asked))
        sizes_on_disk.append((f"{runs:,} runs", store.stats().bytes / runs))
        store.close()
    rows.sort(key=lambda row: int(str(row[0]).split()[0].replace(",", "")))
    heads = ("trace", "runs in store", "p50 ms", "p99 ms", "client's CPU p50", "best ms", "asked")
    table(heads, rows)
    print("\nAims: 5 runs under 3 ms, 500 under 40 ms, a factor of 2 at most over that growth.")
    table(("in store", "bytes a run"), sizes_on_disk)


if __name__ == "__main__":
    main()
