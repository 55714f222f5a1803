"""A pipeline in a process of its own that goes on step by step, while a test breaks things."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from patience import PATIENCE_S

import backtrail

SOURCE = str(Path(backtrail.__file__).parents[1])

# For a script that breaks something in the middle of a drain, by whichever thread or process.
IS_DRAINING = """
import fcntl

def is_draining(spools):
    with open(spools + "/drain.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
"""

# What every pipeline here begins with. It prints each warning of the logger `backtrail`, so
# that a test sees it.
PRELUDE = (
    IS_DRAINING
    + """
import atexit, logging, os, sys, threading, time
import backtrail as bt

warned = threading.Event()

def print(*words):
    # Each line at once: two threads print, and the real one writes word by word.
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

class Kept(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            print("WARNED", record.getMessage().replace("\\n", " "))
            warned.set()

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
    print(word)
    return sys.stdin.readline()

def meet_outage():
    # The background thread is the one that warns. Then some more tries, which all fail too
    # and find that it was said.
    assert warned.wait(60), "nobody warned of the outage"
    for _ in range(3):
        bt.flush(0)
"""
)


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
        """Read what the pipeline prints until it says the word."""
        assert self.process.stdout is not None
        # Of a pipeline that hangs, the test shall fail and not hang as well.
        watch = threading.Timer(PATIENCE_S, self.process.kill)
        watch.start()
        try:
            self._read_until(word)
        finally:
            watch.cancel()

    def _read_until(self, word: str) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if self.lines[-1] == word:
                return
        _, errors = self.process.communicate()
        raise AssertionError(f"the pipeline never said {word}: {self.lines} {errors}")

    def go_on(self) -> None:
        """Let the pipeline go on after the word that was waited for."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self, timeout: float = PATIENCE_S) -> Ended:
        """Wait for the end, and return how it was."""
        try:
            out, errors = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return Ended(self.process.returncode, self.lines + out.splitlines(), errors)


Start = Callable[..., Pipeline]
