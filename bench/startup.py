"""What `import backtrail` costs, and how soon `bt ID` prints its first line."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from _common import describe, options, table
from _history import roots, store_of

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import msgspec": ["-c", "import msgspec"],
    "import backtrail": ["-c", "import backtrail"],
}


def main() -> None:
    """Start each program several times and give the best."""
    args = options(__doc__ or "")
    times = 40 if args.full else 15
    describe("start-up, milliseconds, best of several", "click")
    url, output = f"sqlite:///{store_of(100_000)}", roots(100_000)["5"][0]
    commands = {**COMMANDS, "bt ID, 100,000 runs": ["-m", "backtrail", output, "--db", url]}
    measured = {label: _best(command, times) for label, command in commands.items()}
    floor = measured["python -c pass"]
    table(
        ("program", "first line ms", "CPU ms", "ms above bare Python"),
        [(label, wall, cpu, wall - floor[0]) for label, (wall, cpu) in measured.items()],
    )


def _best(arguments: list[str], times: int) -> tuple[float, float]:
    """Give wall time to the first line (or the end), and CPU time, in milliseconds."""
    wall, cpu = [], []
    for _ in range(times):
        before = os.times()
        began = time.perf_counter()
        with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            wall.append((time.perf_counter() - began) * 1000)
            process.stdout.read()
        after = os.times()
        used = after.children_user + after.children_system
        cpu.append((used - before.children_user - before.children_system) * 1000)
    return min(wall), min(cpu)


if __name__ == "__main__":
    main()
