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
def step() -> None:
    backtrail.log("out")

step()
# Gone before the end flushes: only what the call itself waited for is measured.
import os; os._exit(0)
"""

PROGRAMS = {
    "python -c pass": ["-c", "pass"],
    "import inspect, logging, pathlib": ["-c", "import inspect, logging, pathlib"],
    "import msgspec": ["-c", "import msgspec"],
    "import backtrail": ["-c", "import backtrail"],
    "import backtrail, a first recorded call": ["-c", RECORD],
}


def main() -> None:
    """Start each program several times and give the best."""
    args = options(__doc__ or "")
    times = 40 if args.full else 15
    describe("start-up, milliseconds, best of several, bytecode cached", "click")
    url, output = f"sqlite:///{store_of(100_000)}", roots(100_000)["5"][0]
    programs = {**PROGRAMS, "bt ID, 100,000 runs": ["-m", "backtrail", output, "--db", url]}
    with tempfile.TemporaryDirectory() as folder:
        environ = _as_installed(folder)
        measured = {label: _best(program, environ, times) for label, program in programs.items()}
    floor = measured["python -c pass"][1]
    table(
        ("program", "first line ms", "CPU ms", "CPU ms above bare Python"),
        [(label, wall, cpu, cpu - floor) for label, (wall, cpu) in measured.items()],
    )


def _as_installed(folder: str) -> dict[str, str]:
    """Give an environment in which bytecode is cached, as pip leaves it, and records stay here."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {
        **environ,
        "PYTHONPYCACHEPREFIX": os.path.join(folder, "bytecode"),
        "BACKTRAIL_URL": f"sqlite:///{folder}/runs.db",
    }


def _best(program: list[str], environ: Mapping[str, str], times: int) -> tuple[float, float]:
    """Give wall time to the first line (or the end), and CPU time, in milliseconds."""
    wall, cpu = [], []
    for _ in range(times + 1):  # the first one writes the bytecode
        before = _children_s()
        began = time.perf_counter()
        command = [sys.executable, *program]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            wall.append((time.perf_counter() - began) * 1000)
            process.stdout.read()
        cpu.append((_children_s() - before) * 1000)
    return min(wall), min(cpu)


def _children_s() -> float:
    """Give the CPU seconds of the programs that have ended; `os.times` counts in ticks of 10 ms."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
