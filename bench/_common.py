"""What the benchmarks share: options, the machine, timing and tables."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from pathlib import Path


def options(doc: str, *, more: Callable[[argparse.ArgumentParser], None] | None = None):
    """Read ``--quick`` (the default) or ``--full``, and what a benchmark adds to them."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="full", action="store_false", help="under a minute (default)")
    size.add_argument("--full", action="store_true", help="the sizes of the published figures")
    parser.set_defaults(full=False)
    if more is not None:
        more(parser)
    return parser.parse_args()


def bench_folder() -> Path:
    """Give the folder for databases: ``$BACKTRAIL_BENCH_DIR``, else /tmp/bench."""
    folder = Path(os.environ.get("BACKTRAIL_BENCH_DIR", "/tmp/bench"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fresh_folder(name: str) -> Path:
    """Give an empty folder of this process below `bench_folder`."""
    folder = bench_folder() / f"{name}-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def describe(title: str, *packages: str) -> None:
    """Print what is measured, and on which machine and versions."""
    versions = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    versions += [f"{each} {metadata.version(each)}" for each in ("msgspec", *packages)]
    print(f"# {title}")
    print(f"{time.strftime('%Y-%m-%d')}, {_processor()}, {os.cpu_count()} cores, {_memory()},")
    print(f"{platform.system()} {platform.release()}, {_file_system()}, load {_load()}")
    print(", ".join(versions), flush=True)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / (1 << 30):.0f} GiB"


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def _file_system() -> str:
    """Give the type of the file system that the databases lie on."""
    best, kind = "", "?"
    here = str(bench_folder().resolve())
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return kind
    for line in mounts:
        _, at, found, *_ = line.split()
        if (here == at or here.startswith(at.rstrip("/") + "/")) and len(at) >= len(best):
            best, kind = at, found
    return kind


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table; the first column is text, the others numbers."""
    cells = [[_cell(each) for each in row] for row in rows]
    widths = [max(len(row[n]) for row in [list(heads), *cells]) for n in range(len(heads))]
    print()
    print(_line(heads, widths))
    rules = ["-" * (width - 1) + (":" if n else "-") for n, width in enumerate(widths)]
    print(f"| {' | '.join(rules)} |")
    for row in cells:
        print(_line(row, widths))
    sys.stdout.flush()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if n else cell.ljust(width)
        for n, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that ``share`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Spent:
    """Measures a block: wall seconds and this process's CPU seconds, summed over blocks."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def __enter__(self) -> Spent:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *exc: object) -> None:
        self.wall += time.perf_counter() - self._wall
        self.cpu += time.process_time() - self._cpu
