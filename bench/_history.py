"""Stores that already hold many runs, written straight into the schema.

The history: half of the runs are batch jobs that overwrite a cycle of paths
and read what two earlier ones wrote, half serve predictions, each with an
output id of its own. Eight processes record at a time. Planted between them
are the traces that `backtrace.py` asks for.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import sqlite3
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from _common import bench_folder

from backtrail.model.facts import COMPLETED, KIND_CODES
from backtrail.model.identity import SEQ_BITS, short_writer
from backtrail.store.migrations import migrations
from backtrail.store.sqlite import open_sqlite

PATHS = 2_000
START_US = 1_700_000_000_000_000
SPACING_US = 500_000
TOOK_US = 200_000
AT_ONCE = 8
RUNS_OF_WRITER = 10_000
DATA, OUTPUT = KIND_CODES["data"], KIND_CODES["output"]
COMPONENTS = ("batch", "serve", "step", "rewrite")
PARAMS = '{"limit":1000,"day":"2026-11-20"}'

#: Size of trace -> how many are planted.
TRACES = {5: 40, 50: 20, 500: 6, 5_000: 2}
DIAMONDS, CHAIN = 40, 5_000
LAYOUT = 4  # raise it when what this module writes changes


@dataclass
class _Planted:
    """Runs that stand in the place of background runs, by their number in the history."""

    reads: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    writes: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    names: list[tuple[str, int]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # of weak versions, keys -1, -2, ...
    digests: int = 0
    roots: dict[str, list[str]] = field(default_factory=dict)


def store_of(runs: int) -> Path:
    """Give the database with so many runs; made if it is not there."""
    schema = "".join(migrations("sqlite").values())
    mark = hashlib.sha256(f"{LAYOUT}{schema}".encode()).hexdigest()[:10]
    path = bench_folder() / f"history-{runs}-{mark}.db"
    if not path.exists():
        begun = time.perf_counter()
        print(f"... writing {path} with {runs:,} runs", flush=True)
        fresh = path.with_suffix(".new")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{fresh}{suffix}").unlink(missing_ok=True)
        _write(fresh, runs)
        fresh.rename(path)
        print(f"... took {time.perf_counter() - begun:.0f} s", flush=True)
    return path


def roots(runs: int) -> dict[str, list[str]]:
    """Give the output ids of the planted traces in a store of so many runs."""
    return _plan(runs).roots


def started_us(i: int) -> int:
    return START_US + i * SPACING_US


def key_of(i: int) -> int:
    """Give the key of run number i: writers overlap in groups of eight."""
    group, within = divmod(i, AT_ONCE * RUNS_OF_WRITER)
    seq, lane = divmod(within, AT_ONCE)
    return (group * AT_ONCE + lane + 1) << SEQ_BITS | (seq + 1)


def _by_key(runs: int) -> Iterator[int]:
    size = AT_ONCE * RUNS_OF_WRITER
    for begin in range(0, runs, size):
        for lane in range(AT_ONCE):
            yield from range(begin + lane, min(begin + size, runs), AT_ONCE)


def _writers(runs: int) -> int:
    return (key_of(runs - 1) >> SEQ_BITS) + AT_ONCE


# -- planted traces ----------------------------------------------------------------


def layers(size: int, width: int) -> list[list[int]]:
    """Part ``size`` runs into layers of 1, 2, 4, ... up to ``width`` runs."""
    parted: list[list[int]] = []
    placed = 0
    while placed < size:
        most = 1 if not parted else min(width, 2 * len(parted[-1]))
        parted.append(list(range(placed, min(placed + most, size))))
        placed += len(parted[-1])
    return parted


def reads_of_layers(parted: list[list[int]]) -> dict[int, list[int]]:
    """Let each run read two runs of the next layer, and each of those be read."""
    reads: dict[int, list[int]] = {}
    for nearer, farther in itertools.pairwise(parted):
        for n, producer in enumerate(farther):
            reads.setdefault(nearer[n % len(nearer)], []).append(producer)
        for n, reader in enumerate(nearer):
            known = reads.setdefault(reader, [])
            at = n
            while len(known) < min(2, len(farther)):
                at += 1
                producer = farther[at % len(farther)]
                if producer not in known:
                    known.append(producer)
    return reads


def _plan(runs: int) -> _Planted:
    plan = _Planted()
    chance = random.Random(7)
    shapes: list[tuple[str, int, dict[int, list[int]]]] = []
    for size, count in TRACES.items():
        shape = reads_of_layers(layers(size, max(2, int(size**0.5))))
        shapes += [(f"{size}", size, shape)] * count
    diamonds = {3 * n: [3 * n + 1, 3 * n + 2] for n in range(DIAMONDS)}
    diamonds |= {3 * n + side: [3 * n + 3] for n in range(DIAMONDS) for side in (1, 2)}
    shapes.append(("diamonds", 3 * DIAMONDS + 1, diamonds))
    shapes.append(("chain", CHAIN, {n: [n + 1] for n in range(CHAIN - 1)}))
    # Every second artifact of a trace is overwritten after the trace has ended.
    wanted = sum(size + size // 2 + 1 for _, size, _ in shapes)
    if wanted * 1.2 > runs:
        raise SystemExit(f"a store of {runs:,} runs has no room for the traces ({wanted:,} runs)")
    early = iter(sorted(chance.sample(range(int(runs * 0.55)), sum(s for _, s, _ in shapes))))
    late = iter(chance.sample(range(int(runs * 0.6), runs), wanted))
    places = list(early)
    # Runs of one trace lie all over the history, the producers first.
    slots: list[list[int]] = [[] for _ in shapes]
    room = [n for n, (_, size, _) in enumerate(shapes) for _ in range(size)]
    chance.shuffle(room)
    for place, n in zip(places, room, strict=True):
        slots[n].append(place)
    for n, (label, size, shape) in enumerate(shapes):
        _plant(plan, n, label, size, shape, slots[n], late, runs)
    return plan


def _plant(
    plan: _Planted,
    n: int,
    label: str,
    size: int,
    shape: dict[int, list[int]],
    slots: list[int],
    late: Iterator[int],
    runs: int,
) -> None:
    batches = _batches(runs)
    artifact: dict[int, int] = {}
    version: dict[int, int] = {}

    def name(text: str, kind: int) -> int:
        plan.names.append((text, kind))
        return PATHS + len(plan.names)

    def digest() -> int:
        plan.digests += 1
        return batches + plan.digests

    def word() -> int:
        plan.words.append(f"stat:{len(plan.words):x}-66f2a1b3")
        return -len(plan.words)

    for j in range(size):
        if j == 0:
            output = f"trace-{n:03d}-{label}"
            artifact[j] = name(output, OUTPUT)
            plan.roots.setdefault(label, []).append(output)
            version[j] = 0
        else:
            artifact[j] = name(f"s3://lake/trace-{n:03d}/part-{j:05d}.parquet", DATA)
            # Half of the links are by content, a quarter by a weak version, the rest by time.
            version[j] = digest() if j % 4 < 2 else word() if j % 4 == 2 else 0
    for j in range(size):
        at = slots[size - 1 - j]
        plan.writes[at] = [(artifact[j], version[j])]
        plan.reads[at] = [(artifact[k], version[k]) for k in shape.get(j, ())]
        if not plan.reads[at]:
            # The first steps read files that nothing here has written.
            raw = name(f"s3://lake/trace-{n:03d}/raw-{j:05d}.csv", DATA)
            plan.reads[at] = [(raw, digest())]
        if j % 2:
            again = next(late)
            plan.writes[again] = [(artifact[j], digest() if version[j] else 0)]
            plan.reads[again] = []


# -- the rows ------------------------------------------------------------------------


def _batches(runs: int) -> int:
    return (runs + 1) // 2


def _path_name(p: int) -> str:
    return f"s3://lake/warehouse/features/dt={p // 24:04d}/hour={p % 24:02d}/part-00000.parquet"


def _path_artifact(p: int) -> int:
    return p + 1


def _reads_of(i: int) -> list[tuple[int, int]]:
    """Give artifact and version of what background run i reads; version = batch + 1."""
    batch, serves = divmod(i, 2)
    sources = (batch, batch - 5) if serves else (batch - 1, batch - 17)
    return [(_path_artifact(c % PATHS), c + 1) for c in sources if c >= 0]


def _write(path: Path, runs: int) -> None:
    store = open_sqlite(path)
    with store._database.session(writes=True):
        pass
    store.close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = off")
    db.execute("PRAGMA synchronous = off")
    db.execute("PRAGMA cache_size = -1000000")
    indexes = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''")
    later = indexes.fetchall()
    for name, _ in later:
        db.execute(f"DROP INDEX {name}")
    db.execute("BEGIN")
    for table, columns, rows in tables(runs):
        marks = ",".join("?" * (columns.count(",") + 1))
        db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
    for _, sql in later:
        db.execute(sql)
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode = wal")
    db.close()


def tables(runs: int) -> Iterator[tuple[str, str, Iterable[tuple[object, ...]]]]:
    """Give table, columns and rows of all that a store of so many runs holds."""
    plan = _plan(runs)
    yield from _names(runs, plan)
    yield (
        "run",
        "run, component, site, started, ended, status, params, ins, outs",
        _run_rows(runs, plan),
    )
    yield "output", "artifact, t, run, version", _output_rows(runs, plan)
    yield "input", "artifact, version, t, run", _input_rows(runs, plan)


def _names(runs: int, plan: _Planted) -> Iterator[tuple[str, str, Iterable[tuple[object, ...]]]]:
    said = '{"kind":[1,"etl"],"owner":[1,"@data"]}'
    named = [(n + 1, name, said) for n, name in enumerate(COMPONENTS)]
    yield "component", "component, name, said", named
    writers = range(1, _writers(runs) + 1)
    uids = [hashlib.md5(f"{w}".encode()).digest() for w in writers]
    yield (
        "writer",
        "writer, uid, short, host, pid, started, info",
        [
            (w, uid, short_writer(uid), "bench", 100 + w, START_US, '{"user":"bench"}')
            for w, uid in zip(writers, uids, strict=True)
        ],
    )
    where = ("pipeline/steps.py", 12, "step", "9f2c1ab3d4e5f60718293a4b5c6d7e8f90a1b2c3", 0)
    yield (
        "site",
        "site, writer, n, component, file, line, function, git, dirty",
        [(_site(w, c), w, c, c, *where) for w in writers for c in range(1, len(COMPONENTS) + 1)],
    )
    first = _first_output(plan)
    yield (
        "artifact",
        "artifact, name, kind",
        itertools.chain(
            ((_path_artifact(p), _path_name(p), DATA) for p in range(PATHS)),
            ((PATHS + 1 + n, name, kind) for n, (name, kind) in enumerate(plan.names)),
            ((first + n, f"pred-{n:09d}", OUTPUT) for n in range(runs // 2)),
        ),
    )
    # Content digests are random: sorted for their unique index, as a bulk load would.
    digests = range(1, _batches(runs) + plan.digests + 1)
    words = [(n, b"\x01" + hashlib.sha256(struct.pack("<q", n)).digest()) for n in digests]
    words.sort(key=itemgetter(1))
    yield "version", "version, word", words
    yield "version", "version, word", [(-n - 1, word) for n, word in enumerate(plan.words)]


def _first_output(plan: _Planted) -> int:
    return PATHS + len(plan.names) + 1


def _site(writer: int, component: int) -> int:
    return (writer - 1) * len(COMPONENTS) + component


def _run_rows(runs: int, plan: _Planted) -> Iterator[tuple[object, ...]]:
    first = _first_output(plan)
    for i in _by_key(runs):
        key, at = key_of(i), started_us(i)
        if i in plan.writes:
            reads, writes, component = plan.reads[i], plan.writes[i], 3 if plan.reads[i] else 4
        elif i % 2:
            reads, writes, component = _reads_of(i), [(first + i // 2, 0)], 2
        else:
            batch = i // 2
            reads = _reads_of(i)
            writes, component = [(_path_artifact(batch % PATHS), batch + 1)], 1
        ins = ",".join([f"[{a},{v},0]" for a, v in reads])
        outs = ",".join([f"[{a},{v},{TOOK_US}]" for a, v in writes])
        site = _site(key >> SEQ_BITS, component)
        yield key, component, site, at, at + TOOK_US, COMPLETED, PARAMS, f"[{ins}]", f"[{outs}]"


def _output_rows(runs: int, plan: _Planted) -> Iterator[tuple[int, int, int, int]]:
    for p in range(PATHS):
        for batch in range(p, _batches(runs), PATHS):
            i = 2 * batch
            if i not in plan.writes:
                yield _path_artifact(p), started_us(i) + TOOK_US, key_of(i), batch + 1
    yield from sorted(
        (artifact, started_us(i) + TOOK_US, key_of(i), version)
        for i, writes in plan.writes.items()
        for artifact, version in writes
    )
    first = _first_output(plan)
    for i in range(1, runs, 2):
        if i not in plan.writes:
            yield first + i // 2, started_us(i) + TOOK_US, key_of(i), 0


def _input_rows(runs: int, plan: _Planted) -> Iterator[tuple[int, int, int, int]]:
    for p in range(PATHS):
        artifact = _path_artifact(p)
        for c in range(p, _batches(runs), PATHS):
            for i in (2 * c + 1, 2 * c + 2, 2 * c + 11, 2 * c + 34):
                if i < runs and i not in plan.writes:
                    yield artifact, c + 1, started_us(i), key_of(i)
    for i, reads in plan.reads.items():
        for artifact, version in reads:
            yield artifact, version, started_us(i), key_of(i)
