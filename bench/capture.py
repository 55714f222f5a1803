"""What recording adds to a decorated call, beside what it is measured against.

The call does nothing, reads one path and logs one output. In the same run: the bare
call, a committed insert with stdlib sqlite3, a span of the OpenTelemetry SDK with
its batch processor, and the floor (encode and copy the same bytes into a map).
"""

from __future__ import annotations

import itertools
import mmap
import os
import sqlite3
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from _common import describe, fresh_folder, options, percentile, table
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

import backtrail


class Dropped(SpanExporter):
    """Takes spans and keeps none."""

    def export(self, spans: object) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def main() -> None:
    """Measure every kind of call alone, then beside a busy thread."""
    args = options(__doc__ or "")
    calls = 50_000 if args.full else 10_000
    folder = fresh_folder("capture")
    os.chdir(folder)
    describe("added time per decorated call", "opentelemetry-sdk")
    kinds = _kinds(folder)
    _show("alone", kinds, calls)
    stop = threading.Event()
    thread = threading.Thread(target=_spin, args=(stop,), daemon=True)
    thread.start()
    _show("beside a CPU-bound thread", kinds, calls // 5)
    stop.set()
    thread.join()
    assert backtrail.flush(120) == 0


def _kinds(folder: Path) -> dict[str, Callable[[], object]]:
    path = folder / "features.parquet"
    path.write_bytes(b"x" * 1000)
    time.sleep(0.5)  # so that its digest may be remembered
    backtrail.configure(f"sqlite:///{folder}/bt.db")
    number = itertools.count()
    name = str(path)

    def bare(path: str) -> str:
        return f"pred-{next(number)}"

    @backtrail.register
    def empty() -> None:
        pass

    @backtrail.register(input_path="path")
    def decorated(path: str) -> None:
        backtrail.log(f"pred-{next(number)}")

    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(BatchSpanProcessor(Dropped()))
    tracer = tracer_provider.get_tracer("bench")

    def span() -> None:
        with tracer.start_as_current_span("noop") as current:
            current.set_attribute("input", name)
            current.set_attribute("output", f"pred-{next(number)}")

    return {
        "bare call": lambda: bare(name),
        "floor: encode and copy": _floor(),
        "backtrail, nothing declared": empty,
        "backtrail, one input, one output": lambda: decorated(name),
        "OpenTelemetry span, batched": span,
        "sqlite3 insert, commit (normal)": _insert(folder / "normal.db", "normal", name, number),
        "sqlite3 insert, commit (full)": _insert(folder / "full.db", "full", name, number),
    }


def _floor() -> Callable[[], object]:
    encode = msgspec.msgpack.Encoder().encode
    mapped = mmap.mmap(-1, 1 << 20)
    record = (3, 12345, 1, 1795476784377500, 17, 1, None, None, None, [(1, 2, 0)], [("pred-1", 3)])

    def put() -> None:
        data = encode(record)
        mapped[0 : len(data)] = data

    return put


def _insert(path: Path, synchronous: str, name: str, number: itertools.count[int]):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("CREATE TABLE run (run INTEGER PRIMARY KEY, t INT, input TEXT, output TEXT)")

    def insert() -> None:
        connection.execute(
            "INSERT INTO run (t, input, output) VALUES (?,?,?)",
            (time.time_ns(), name, f"pred-{next(number)}"),
        )

    return insert


def _spin(stop: threading.Event) -> None:
    while not stop.is_set():
        sum(range(200))


def _show(title: str, kinds: dict[str, Callable[[], object]], calls: int) -> None:
    measured = {
        label: _measure(call, min(calls, 3000) if "full" in label else calls)
        for label, call in kinds.items()
    }
    bare = measured["bare call"]
    ours = measured["backtrail, one input, one output"][0]
    table(
        (title, "median us", "p99 us", "CPU us", "to backtrail"),
        [
            (label, m - bare[0], p99 - bare[1], cpu, (m - bare[0]) / (ours - bare[0]))
            for label, (m, p99, cpu) in measured.items()
        ],
    )


def _measure(call: Callable[[], object], calls: int) -> tuple[float, float, float]:
    """Give median and p99 of the wall time, and the best mean of the thread's CPU time, in us."""
    for _ in range(200):
        call()
    wall = []
    clock = time.perf_counter_ns
    for _ in range(calls):
        began = clock()
        call()
        wall.append((clock() - began) / 1000)
    cpu = []
    for _ in range(5):
        began = time.thread_time_ns()
        for _ in range(calls // 5):
            call()
        cpu.append((time.thread_time_ns() - began) / (calls // 5) / 1000)
    return statistics.median(wall), percentile(wall, 0.99), min(cpu)


if __name__ == "__main__":
    main()
