"""How long it takes to compare two backtraces, against their size.

The same pipeline ran twice, with one parameter changed half-way. `diff` is `Client.diff`:
two backtraces and their comparison; `on top` is what that takes beyond the two backtraces.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from _common import describe, fresh_folder, options, percentile, table

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from pipelines import Step, World

import backtrail

SIZES = (50, 500, 5_000)
ASKED = {50: 60, 500: 20, 5_000: 6}


def steps_of(size: int, components: int) -> list[Step]:
    """Give a pipeline in layers: each step reads two or three of those just before it."""
    chance = random.Random(size)
    steps: list[Step] = []
    for n in range(size):
        near = range(max(0, n - 20), n)
        reads = tuple(sorted(chance.sample(near, min(len(near), chance.choice((2, 3))))))
        steps.append(Step(f"step-{n % components}", reads, None if reads else "blake3:00"))
    read = {n for step in steps for n in step.reads}
    last = tuple(n for n in range(size - 1) if n not in read)
    return [*steps[:-1], replace(steps[-1], reads=last)]


def main() -> None:
    """Compare pairs of several sizes."""
    args = options(__doc__ or "")
    describe("diff, milliseconds")
    folder = fresh_folder("diff")
    client = backtrail.connect(f"sqlite:///{folder}/bt.db")
    world = World(client.open_store())
    for size in SIZES:
        steps = steps_of(size, 30)
        half = size // 2
        world.prefix = f"{size}/"
        world.run(steps, f"{size}-a")
        changed = [replace(s, params={"eta": 0.3}) if n == half else s for n, s in enumerate(steps)]
        world.run(changed, f"{size}-b")
        world.flush()
    rows = [_row(client, size, ASKED[size] if args.full else ASKED[size] // 2) for size in SIZES]
    client.close()
    heads = (
        "runs in each",
        "rows",
        "two backtraces, CPU",
        "diff, CPU p50",
        "best",
        "on top",
        "asked",
    )
    table(heads, rows)


def _row(client: backtrail.Client, size: int, asked: int) -> tuple[object, ...]:
    a, b = f"{size}-a", f"{size}-b"
    found = client.diff(a, b)
    assert found.first_divergence is not None
    assert found.first_divergence.what == "params"
    traces = _cpu(lambda: (client.backtrace(a), client.backtrace(b)), asked)
    diffs = _cpu(lambda: client.diff(a, b), asked)
    above = min(diffs) - min(traces)
    rows = len(found.rows)
    return f"{size:,}", rows, min(traces), percentile(diffs, 0.5), min(diffs), above, asked


def _cpu(ask: Callable[[], Any], asked: int) -> list[float]:
    spent = []
    for _ in range(asked):
        gc.collect()
        begun = time.thread_time()
        answer = ask()
        spent.append((time.thread_time() - begun) * 1e3)
        del answer
    return spent


if __name__ == "__main__":
    main()
