"""What laying out a graph of runs costs: CPU time, sizes of picture, bends.

The graphs are random pipelines: most runs read from a few layers back, one link in ten from
anywhere. `folded` is the same with a box for a component, which is what a trace of more
than 60 runs opens with. `svg` is the whole picture as text.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

from _common import describe, options, table

from backtrail.model.records import Code, Frame, Input, Output, Run, TracedOutput
from backtrail.query.backtrace import Backtrace
from backtrail.render.layout import Edge, layered
from backtrail.render.svg import svg

SIZES = {60: 90, 207: 280, 2_083: 2_857, 10_451: 14_300}
ROUNDS = 5
BOX = (210.0, 82.0)
COMPONENTS = 40
START_US = 1_700_000_000_000_000


def links(runs: int, wanted: int) -> list[tuple[int, int]]:
    """Give producer and reader of each link; a reader has the smaller number."""
    chance = random.Random(7)
    reach = max(2, runs // 50)
    found = {(n, max(0, n - chance.randint(1, reach))) for n in range(1, runs)}
    while len(found) < wanted:
        reader = chance.randrange(runs - 1)
        far = chance.randint(1, reach if chance.random() < 0.9 else max(runs // 3, 2))
        found.add((min(runs - 1, reader + far), reader))
    return sorted(found)


def trace_of(runs: int, between: Sequence[tuple[int, int]]) -> Backtrace:
    """Give a backtrace with these links."""
    reads: dict[int, list[Input]] = {}
    for producer, reader in between:
        name = f"/lake/part-{producer:05d}.parquet"
        reads.setdefault(reader, []).append(
            Input(name, "data", None, START_US, producer, None, "time")
        )
    frames = [Frame(n, _run(n, runs, reads.get(n, [])), 0) for n in range(runs)]
    output = TracedOutput("pred-1", "output", None, 0.83, START_US)
    return Backtrace(output, frames, [], 1.0)


def _run(n: int, runs: int, reads: list[Input]) -> Run:
    started = START_US - n * 60_000_000
    written = [Output(f"/lake/part-{n:05d}.parquet", "data", None, started + 1_000_000)]
    component = f"step-{n * COMPONENTS // runs:02d}"
    return Run(
        f"run-{n}", component, None, None, "completed", None, started, started + 1_000_000,
        Code(), {}, None, None, None, reads, written, 1,
    )  # fmt: skip


def cpu_ms(job: Callable[[], object], rounds: int) -> float:
    """Give the least CPU time of a few rounds: what noise adds is not the job's."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        job()
        best = min(best, time.process_time() - begun)
    return best * 1000


def main() -> None:
    args = options(__doc__ or "")
    describe("Layout of a backtrace")
    rows = []
    for runs, wanted in SIZES.items():
        between = links(runs, wanted)
        edges = [Edge(producer, reader) for producer, reader in between]
        trace = trace_of(runs, between)
        rounds = ROUNDS if args.full or runs < 5_000 else 2
        laid = layered([BOX] * runs, edges)
        rows.append(
            (
                f"{runs:,}",
                len(edges),
                sum(len(points) // 2 - 1 for points in laid.lines),
                cpu_ms(lambda: layered([BOX] * runs, edges), rounds),  # noqa: B023
                cpu_ms(lambda: svg(trace, by="run"), rounds),  # noqa: B023
                cpu_ms(lambda: svg(trace, by="component"), rounds),  # noqa: B023
            )
        )
    table(("runs", "links", "bends", "layout ms", "svg by run ms", "svg folded ms"), rows)


if __name__ == "__main__":
    main()
