"""What `import backtrail` and a first recorded call cost, and how soon `bt ID` prints."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping

from _common import describe, options, table
from _history import roots, store_of

RECORD = """
import backtrail

@backtrail.register
def step():
    backtrail.log("out")

step()
"""

STATEMENTS = {
    "nothing": "pass",
    "import inspect, logging, pathlib": "import inspect, logging, pathlib",
    "import msgspec": "import msgspec",
    "import backtrail": "import backtrail",
    "import backtrail, a first recorded call": RECORD,
}
TIMED = """
import time
began = time.process_time()
{}
print((time.process_time() - began) * 1000, flush=True)
"""


def main() -> None:
    """Start each program several times and give the best."""
    args = options(__doc__ or "")
    times = 40 if args.full else 15
    describe("start-up, milliseconds, best of several, bytecode cached", "click")
    url, output = f"sqlite:///{store_of(100_000)}", roots(100_000)["5"][0]
    with tempfile.TemporaryDirectory() as folder:
        environ = _as_installed(folder)
        rows = [
            (label, *_best(["-c", TIMED.format(statement)], environ, times))
            for label, statement in STATEMENTS.items()
        ]
        command = ["-m", "backtrail", output, "--db", url]
        _, cpu, first_line = _best(command, environ, times)
    table(("program", "CPU of it", "CPU of the process", "first line after"), rows)
    print(
        f"\nbt ID on 100,000 runs: first line after {first_line:.0f} ms, {cpu:.0f} ms of CPU time"
    )


def _as_installed(folder: str) -> dict[str, str]:
    """Give an environment in which bytecode is cached, as pip leaves it, and records stay here."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {
        **environ,
        "PYTHONPYCACHEPREFIX": os.path.join(folder, "bytecode"),
        "BACKTRAIL_URL": f"sqlite:///{folder}/runs.db",
    }


def _best(program: list[str], environ: Mapping[str, str], times: int) -> tuple[float, float, float]:
    """Give what the program says it took, its whole CPU time, and when its first line came."""
    said, cpu, wall = [], [], []
    for _ in range(times + 1):  # the first one writes the bytecode
        before = _children_s()
        began = time.perf_counter()
        command = [sys.executable, *program]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            wall.append((time.perf_counter() - began) * 1000)
            process.stdout.read()
        cpu.append((_children_s() - before) * 1000)
        said.append(float(line) if program[0] == "-c" else 0.0)
    return min(said), min(cpu), min(wall)


def _children_s() -> float:
    """Give the CPU seconds of the programs that have ended; `os.times` counts in ticks of 10 ms."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
