"""`bt server` for benchmarks: a process over a store, which ends with the block."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def serving(url: str) -> Iterator[str]:
    """Give the address of a server over a store."""
    process = subprocess.Popen(
        [sys.executable, "-m", "backtrail", "server", "--port", "0", "--json", "--db", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait()
