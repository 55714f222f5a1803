"""A pipeline in a process of its own that goes on step by step, while a test breaks things."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import backtrail

SOURCE = str(Path(backtrail.__file__).parents[1])

# What every pipeline here begins with. It says what it warned of, so that a test
# sees it: `report()` at the end prints every warning of the logger `backtrail`.
PRELUDE = """
import atexit, logging, os, sys, time
import backtrail as bt

class Kept(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            print("WARNED", record.getMessage().replace("\\n", " "), flush=True)

logging.getLogger("backtrail").addHandler(Kept())
logging.getLogger("backtrail").propagate = False

@bt.register("step")
def step(i):
    return i * 2

def work(first, count=100):
    for i in range(first, first + count):
        assert step(i) == i * 2
        bt.log(f"out-{i}", component="step")

def say(word):
    print(word, flush=True)
    return sys.stdin.readline()
"""


@dataclass
class Ended:
    """How a pipeline ended."""

    code: int
    lines: list[str]
    stderr: str

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.lines if line.startswith("WARNED")]


class Pipeline:
    """A Python process that stops at each `say(word)` until it is told to go on."""

    def __init__(self, body: str, folder: Path, **environ: str) -> None:
        environ.setdefault("BACKTRAIL_FLUSH_INTERVAL_S", "0.05")
        environ.setdefault("BACKTRAIL_EXIT_TIMEOUT_S", "1")
        environ.setdefault("PYTHONWARNINGS", "error")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("BACKTRAIL_")}
        path = os.pathsep.join([SOURCE, inherited.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + textwrap.dedent(body)],
            cwd=folder,
            env={**inherited, **environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []

    def wait_for(self, word: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if self.lines[-1] == word:
                return
        _, errors = self.process.communicate()
        raise AssertionError(f"the pipeline never said {word}: {self.lines} {errors}")

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self, timeout: float = 30.0) -> Ended:
        try:
            out, errors = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return Ended(self.process.returncode, self.lines + out.splitlines(), errors)


Start = Callable[..., Pipeline]
