"""Bytes a run takes on disk, and memory: recording many runs, and tracing 5,000.

Peak memory is what the kernel counted (ru_maxrss) in a process of its own, less
what the same process had before.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from _common import describe, fresh_folder, options, table
from _history import roots, store_of

RECORD = """
import json, os, resource, sys
import backtrail
runs, url = int(sys.argv[1]), sys.argv[2]
backtrail.configure(url)
@backtrail.register(input_path="/data/in.parquet")
def step(i):
    backtrail.log(f"pred-{i:09d}")
step(-1); backtrail.flush()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for i in range(runs):
    step(i)
left = backtrail.flush(600)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"kib": peak - before, "left": left}))
"""

TRACE = """
import json, resource, sys
import backtrail
client = backtrail.connect(sys.argv[1])
client.backtrace(sys.argv[3])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
frames = len(client.backtrace(sys.argv[2]).frames)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"kib": peak - before, "frames": frames}))
"""


def main() -> None:
    """Record, weigh the database, and trace."""
    args = options(__doc__ or "")
    runs = 1_000_000 if args.full else 100_000
    describe("bytes a run, and peak memory")
    folder = fresh_folder("memory")
    url = f"sqlite:///{folder}/bt.db"
    recorded = _child(RECORD, str(runs), url)
    size = sum(path.stat().st_size for path in Path(folder).glob("bt.db*") if path.is_file())
    shutil.rmtree(folder)
    stored = 1_000_000 if args.full else 100_000
    planted = roots(stored)
    traced = _child(TRACE, f"sqlite:///{store_of(stored)}", planted["5000"][0], planted["5"][0])
    table(
        ("what", "figure"),
        [
            (f"bytes a run on disk ({runs:,} runs: one input, one output each)", size / runs),
            (f"MiB of peak memory to record {runs:,} runs", recorded["kib"] / 1024),
            (f"MiB of peak memory to trace {traced['frames']:,} runs", traced["kib"] / 1024),
        ],
    )
    assert recorded["left"] == 0


def _child(script: str, *arguments: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "BACKTRAIL_STRICT": "1"},
    )
    found: dict[str, int] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
