"""A signal handler that raises may strike between any two steps of a recorded call."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from tiers import Sized

import backtrail
from backtrail import connect

pytestmark = pytest.mark.usefixtures("processes")

SOURCE = str(Path(backtrail.__file__).parents[1])

STORM = """
import logging, random, signal, sys
import backtrail as bt
from backtrail.capture.context import current_run

class Limit({base}):
    pass

def strike(number, frame):
    global struck
    struck += 1
    raise Limit

@bt.register("step", input_path="in-{{i}}.csv")
def step(i):
    bt.log(f"out-{{i}}")
    return i

step(0)
assert bt.flush(60) == 0
signal.signal(signal.SIGALRM, strike)
chance = random.Random(1)
struck = reached = stale = i = 0
returned = [0]
while struck < int(sys.argv[1]):
    before = struck
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.00003 + chance.random() * 0.001)
        while struck == before:
            i += 1
            step(i)
            returned.append(i)
    except Limit:
        reached += 1
        stale += current_run.get() is not None
step(-1)
print(struck, reached, stale, *returned)
"""


@pytest.mark.parametrize("base", ["BaseException", "Exception"])
def test_a_handler_that_raises_reaches_the_user_and_costs_no_other_call(
    tmp_path: Path, base: str, sized: Sized[int]
) -> None:
    strikes = sized(120, 2000)
    # As Ctrl-C in a notebook, or a time limit.
    (tmp_path / ".backtrail").mkdir()
    script = tmp_path / "storm.py"
    script.write_text(textwrap.dedent(STORM.format(base=base)))

    ended = subprocess.run(
        [sys.executable, str(script), str(strikes)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": SOURCE, "BACKTRAIL_STRICT": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
    struck, reached, stale, *returned = map(int, ended.stdout.split())
    assert struck >= strikes
    assert (reached, stale) == (struck, 0)
    with connect(f"sqlite:///{tmp_path}/.backtrail/backtrail.db") as client:
        runs = client.history("step", limit=1_000_000)
        counted = Counter(run.params["i"] for run in runs if run.params)
        assert [i for i in returned if counted[i] != 1] == []
        assert client.stats().lost == 0
        last = next(run for run in runs if run.params.get("i") == -1)
    assert last.parent_run_id is None
