"""Sustained runs per second into SQLite, beside raw bulk inserts of the same rows.

One run is one row of `run`, two reads and one write. Half of the runs overwrite a
cycle of paths with new content, half give a prediction an id of its own.

`drain` takes in journals that other processes left: reading, decoding, naming and
inserting. `raw` inserts the rows that this drain made, with other keys, through
`executemany` into the same file, with the same pragmas, in the same order and the
same transactions; no name is looked up. The two take turns. `live` is whole:
processes call decorated functions as fast as they can, until all is flushed.
"""

from __future__ import annotations

import hashlib
import itertools
import multiprocessing
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _common import Spent, describe, fresh_folder, options, table
from _history import store_of

import backtrail
from backtrail.journal.drain import Drainer
from backtrail.model.identity import SEQ_BITS
from backtrail.store.sqlite import SqliteStore, open_sqlite

PATHS = 500
PROCESSES = (1, 4, 8)
COLUMNS = {
    "artifact": "artifact, name, kind",
    "version": "version, word",
    "run": (
        "run, component, site, pipeline, parent, started, ended, status, params, error, run_id,"
        " host, ins, outs, outs_more"
    ),
    "output": "artifact, t, run, version",
    "input": "artifact, version, t, run",
}


def main() -> None:
    """Measure drain against raw, then live recording by one and by several processes."""

    def more(parser: Any) -> None:
        parser.add_argument("--preload", type=int, action="append", metavar="RUNS")
        parser.add_argument("--runs", type=int, help="how many to record for each figure")
        parser.add_argument("--ids", choices=("counted", "random"), default="counted")
        parser.add_argument("--no-live", action="store_true", help="only drain against raw")

    args = options(__doc__ or "", more=more)
    preloads = args.preload or ([0, 1_000_000, 10_000_000] if args.full else [0])
    runs = args.runs or (200_000 if args.full else 60_000)
    describe("runs per second into SQLite")
    random_ids = args.ids == "random"
    rows: list[tuple[object, ...]] = []
    for preload in preloads:
        rows += _against_raw(preload, runs, random_ids=random_ids)
    table(("journal -> SQLite", "in store", "runs/s", "CPU us/run", "share of raw", "by CPU"), rows)
    if args.no_live:
        return
    rows = []
    for preload in preloads:
        for processes in PROCESSES:
            rows.append(_live(preload, processes, runs, random_ids=random_ids))
    table(("live, until flushed", "in store", "runs/s", "of that recording", "left"), rows)


# -- what is recorded ------------------------------------------------------------


def record(
    url: str,
    runs: int,
    lane: int,
    *,
    random_ids: bool,
    flush: bool,
    gate: Any = None,
    spool: str | None = None,
) -> tuple[float, float, int]:
    """Record so many runs; give when recording and flushing ended, and what was left."""
    wait = {} if flush else {"flush_interval_s": 3600, "exit_timeout_s": 0}
    client = backtrail.connect(url, spool=spool, **wait)
    log, log_input, log_output = client.log, client.log_input, client.log_output
    chance = random.Random(lane)
    paths = [f"s3://lake/{lane}/features/dt={n // 24}/hour={n % 24}.parquet" for n in range(PATHS)]
    versions = [_digest(f"{lane}{n}first") for n in range(PATHS)]

    @client.register("batch")
    def batch(n: int) -> None:
        for source in (n - 1, n - 17):
            log_input(paths[source % PATHS], version=versions[source % PATHS])
        versions[n % PATHS] = _digest(f"{lane}-{n}")
        log_output(paths[n % PATHS], version=versions[n % PATHS])

    @client.register("serve")
    def serve(n: int) -> None:
        for source in (n, n - 5):
            log_input(paths[source % PATHS], version=versions[source % PATHS])
        log(f"{chance.getrandbits(128):032x}" if random_ids else f"pred-{lane}-{n:08d}")

    if gate is not None:
        gate.wait()
    for n in range(runs // 2):
        batch(n)
        serve(n)
    recorded = time.perf_counter()
    left = client.flush(600) if flush else runs
    flushed = time.perf_counter()
    if not flush:
        os._exit(0)  # as if killed: whoever drains next takes the journal up
    client.close()
    return recorded, flushed, left


def _digest(text: str) -> str:
    return f"blake3:{hashlib.sha256(text.encode()).hexdigest()}"


def _leave_journals(url: str, runs: int, processes: int, first_lane: int, random_ids: bool) -> None:
    started = [
        multiprocessing.get_context("fork").Process(
            target=record,
            args=(url, runs // processes, first_lane + lane),
            kwargs={"random_ids": random_ids, "flush": False},
        )
        for lane in range(processes)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()


def _fresh_store(folder: Path, preload: int) -> Path:
    path = folder / "backtrail.db"
    if preload:
        shutil.copyfile(store_of(preload), path)
    return path


# -- drain against raw -----------------------------------------------------------


def _against_raw(preload: int, runs: int, *, random_ids: bool) -> Iterator[tuple[object, ...]]:
    folder = fresh_folder("ingest")
    path = _fresh_store(folder, preload)
    spool = folder / "backtrail.db.spool"
    try:
        for processes in (1, 8):
            ours, raw = Spent(), Spent()
            taken = 0
            rounds = 4
            lanes = itertools.count(1000 * processes, processes)
            for _ in range(rounds):
                _leave_journals(
                    f"sqlite:///{path}", runs // rounds, processes, next(lanes), random_ids
                )
                store = open_sqlite(path)
                before = _highest(store)
                drainer = Drainer(spool)
                counted = _Counted(store)
                with ours:
                    drainer.drain(lambda counted=counted: counted, wait_s=5)  # type: ignore[misc]
                drainer.close()
                store.close()
                batches = _rows_since(path, before, counted.takes)
                taken += sum(len(batch["run"]) for batch in batches)
                _insert_raw(path, batches, raw)
            yield (
                f"drain, journals of {processes}",
                preload,
                taken / ours.wall,
                ours.cpu / taken * 1e6,
                raw.wall / ours.wall,
                raw.cpu / ours.cpu,
            )
            yield (
                f"raw, rows of {processes}",
                preload,
                taken / raw.wall,
                raw.cpu / taken * 1e6,
                1.0,
                1.0,
            )
    finally:
        shutil.rmtree(folder)


class _Counted:
    """A store that notes up to which run each transaction went."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.positions = store.positions
        self.takes: list[dict[str, Any]] = []

    def take_in(self, batches: Any) -> None:
        self._store.take_in(batches)
        self.takes.append(
            {
                batch.writer.uid: max((f.seq for f in batch.facts if hasattr(f, "seq")), default=0)
                for batch in batches
            }
        )


def _highest(store: SqliteStore) -> dict[str, int]:
    with store._database.session(writes=True) as db:
        return {
            "artifact": db.execute("SELECT coalesce(max(artifact), 0) FROM artifact").fetchone()[0],
            "version": db.execute("SELECT coalesce(max(version), 0) FROM version").fetchone()[0],
            "writer": db.execute("SELECT coalesce(max(writer), 0) FROM writer").fetchone()[0],
        }


def _rows_since(
    path: Path, before: dict[str, int], takes: list[dict[bytes, int]]
) -> list[dict[str, list[tuple[Any, ...]]]]:
    """Read back what each transaction of a drain inserted."""
    db = sqlite3.connect(path)
    keys = dict(db.execute("SELECT uid, writer FROM writer WHERE writer > ?", (before["writer"],)))
    first_run = (before["writer"] + 1) << SEQ_BITS
    runs = {
        row[0]: row
        for row in db.execute(f"SELECT {COLUMNS['run']} FROM run WHERE run >= ?", (first_run,))
    }
    outputs: dict[int, list[Any]] = {}
    inputs: dict[int, list[Any]] = {}
    for row in db.execute(
        "SELECT artifact, t, run, version FROM output WHERE run >= ?", (first_run,)
    ):
        outputs.setdefault(row[2], []).append(row)
    for row in db.execute(
        "SELECT artifact, version, t, run FROM input WHERE run >= ?", (first_run,)
    ):
        inputs.setdefault(row[3], []).append(row)
    artifacts = {
        row[0]: row
        for row in db.execute(
            "SELECT artifact, name, kind FROM artifact WHERE artifact > ?", (before["artifact"],)
        )
    }
    versions = {
        row[0]: row
        for row in db.execute(
            "SELECT version, word FROM version WHERE version > ?", (before["version"],)
        )
    }
    db.close()
    reached = dict.fromkeys(keys.values(), 0)
    batches = []
    for take in takes:
        batch: dict[str, list[tuple[Any, ...]]] = {name: [] for name in COLUMNS}
        for uid, seq in take.items():
            writer = keys[uid]
            for key in range(
                writer << SEQ_BITS | reached[writer] + 1, (writer << SEQ_BITS | seq) + 1
            ):
                if key not in runs:
                    continue
                batch["run"].append(runs[key])
                batch["output"] += outputs.get(key, [])
                batch["input"] += inputs.get(key, [])
            reached[writer] = max(reached[writer], seq)
        for row in batch["output"]:
            if row[0] in artifacts:
                batch["artifact"].append(artifacts.pop(row[0]))
            if row[3] in versions:
                batch["version"].append(versions.pop(row[3]))
        for row in batch["input"]:
            if row[0] in artifacts:
                batch["artifact"].append(artifacts.pop(row[0]))
            if row[1] in versions:
                batch["version"].append(versions.pop(row[1]))
        batches.append(batch)
    return batches


def _insert_raw(path: Path, batches: list[dict[str, list[tuple[Any, ...]]]], spent: Spent) -> None:
    """Insert the same rows again under other keys, as if they had come next."""
    db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    for pragma in ("synchronous = full", "cache_size = -32768", "temp_store = memory"):
        db.execute(f"PRAGMA {pragma}")
    artifact = db.execute("SELECT max(artifact) FROM artifact").fetchone()[0]
    version = db.execute("SELECT max(version) FROM version").fetchone()[0]
    lane = db.execute("SELECT max(writer) FROM writer").fetchone()[0] + 1
    uid = os.urandom(16)
    db.execute(
        "INSERT INTO writer (writer, uid, short, host, pid, started, info)"
        " VALUES (?,?,0,'raw',0,0,'{}')",
        (lane + 16, uid),
    )
    times = [row[5] for batch in batches for row in batch["run"]]
    later = max(times) - min(times) + 1_000_000
    lowest = min(row[0] >> SEQ_BITS for batch in batches for row in batch["run"])
    up = (lane - lowest) << SEQ_BITS
    fresh_artifact = {row[0]: artifact + n + 1 for n, row in enumerate(_each(batches, "artifact"))}
    fresh_version = {row[0]: version + n + 1 for n, row in enumerate(_each(batches, "version"))}
    prepared = []
    for batch in batches:
        a, v = fresh_artifact.get, fresh_version.get
        prepared.append(
            {
                "artifact": [(a(k), _other(name), kind) for k, name, kind in batch["artifact"]],
                "version": [(v(k), b"\x01" + os.urandom(32)) for k, _ in batch["version"]],
                "run": sorted(
                    (r[0] + up, *r[1:5], r[5] + later, r[6] and r[6] + later, *r[7:])
                    for r in batch["run"]
                ),
                "output": sorted(
                    (a(k, k), t + later, run + up, v(ver, ver))
                    for k, t, run, ver in batch["output"]
                ),
                "input": sorted(
                    (a(k, k), v(ver, ver), t + later, run + up) for k, ver, t, run in batch["input"]
                ),
            }
        )
    statements = {
        name: f"INSERT INTO {name} ({columns}) VALUES ({','.join('?' * (columns.count(',') + 1))})"
        for name, columns in COLUMNS.items()
    }
    with spent:
        for batch in prepared:
            db.execute("BEGIN IMMEDIATE")
            for name, statement in statements.items():
                db.executemany(statement, batch[name])
            db.execute("COMMIT")
    db.close()


def _each(batches: list[dict[str, list[Any]]], name: str) -> Iterator[Any]:
    return itertools.chain.from_iterable(batch[name] for batch in batches)


def _other(name: str) -> str:
    """Give another name that sorts beside this one."""
    return f"{name}~"


# -- live ------------------------------------------------------------------------


def _live(preload: int, processes: int, runs: int, *, random_ids: bool) -> tuple[object, ...]:
    folder = fresh_folder("live")
    path = _fresh_store(folder, preload)
    context = multiprocessing.get_context("spawn")
    gate, answers = context.Barrier(processes + 1), context.Queue()
    started = [
        context.Process(
            target=_live_worker,
            args=(f"sqlite:///{path}", runs // processes, lane, random_ids, gate, answers),
        )
        for lane in range(processes)
    ]
    try:
        with _started(started):
            gate.wait()
            begun = time.perf_counter()
            ends = [answers.get(timeout=600) for _ in started]
        taken = processes * (runs // processes)
        last = max(flushed for _, flushed, _ in ends) - begun
        recording = max(recorded for recorded, _, _ in ends) - begun
        counted = _count(path) - preload
        return (
            f"{processes} process{'es' if processes > 1 else ''}",
            preload,
            taken / last,
            f"{recording / last:.0%}",
            sum(left for *_, left in ends) + taken - counted,
        )
    finally:
        shutil.rmtree(folder)


def _live_worker(url: str, runs: int, lane: int, random_ids: bool, gate: Any, answers: Any) -> None:
    answers.put(record(url, runs, lane, random_ids=random_ids, flush=True, gate=gate))


@contextmanager
def _started(processes: list[Any]) -> Iterator[None]:
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.join()


def _count(path: Path) -> int:
    db = sqlite3.connect(path)
    (count,) = db.execute("SELECT count(*) FROM run").fetchone()
    db.close()
    return int(count)


if __name__ == "__main__":
    main()
