"""Plant one mutant in a copy of the tree, and run its tests until one fails."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .covering import Map, in_order
from .mutants import MisfitError, Mutant, plant

_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?\.py(?:::.+?)?)(?: - .*)?$", re.MULTILINE)
_PASSED, _FOUND, _INTERRUPTED = 0, 1, 2  # what pytest exits with
# How long a test that hangs has to stop its servers.
_GRACE_S = 20


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: killed, or SURVIVED; `misfit` or `broken` tell nothing of it."""

    verdict: str
    why: str
    seconds: float

    @property
    def is_killed(self) -> bool:
        """Whether a test found it."""
        return self.verdict == "killed"


@dataclass(frozen=True)
class _Ran:
    """How a run of pytest ended; ``code`` is None where it took too long."""

    code: int | None
    shown: str

    @property
    def failed(self) -> str | None:
        """The id of the test that failed first."""
        found = _FAILED.search(self.shown)
        return found[1] if found else None


class Trial:
    """Tries mutants of one tree, each in a copy of its own.

    Args:
        tree: a checkout; what is not committed is part of it.
        covering: which tests run which lines; without it all tests run.
        seconds: how long tests take, as far as that is known.
        passed_on: further arguments for pytest.
        limit_s: how long the tests of a mutant may take.
        only: files and folders of tests; those elsewhere do not run.
    """

    def __init__(
        self,
        tree: Path,
        covering: Map | None,
        seconds: Mapping[str, float],
        passed_on: Sequence[str],
        limit_s: float,
        only: Sequence[str] = ("tests",),
    ) -> None:
        self._tree = tree
        self._map = covering
        self._seconds = seconds
        self._passed_on = passed_on
        self._limit_s = limit_s
        self._only = [Path(each) for each in only]
        self._opened = ExitStack()
        self._clean: Path | None = None
        self._passes: dict[str, bool] = {}

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, *raised: object) -> None:
        self._opened.close()

    def of(self, mutant: Mutant) -> Outcome:
        """Return what becomes of a mutant."""
        began = time.monotonic()
        with copied(self._tree) as copy:
            file = copy / mutant.file
            try:
                file.write_text(plant(mutant, file.read_text()))
            except MisfitError as misfit:
                return Outcome("misfit", str(misfit), 0)
            verdict, why = self._verdict(copy, mutant)
        return Outcome(verdict, why, time.monotonic() - began)

    def _is_wanted(self, test: str) -> bool:
        path = Path(test.partition("::")[0])
        return any(path.is_relative_to(each) for each in self._only)

    def _tests(self, mutant: Mutant) -> tuple[list[str], str]:
        """Return the tests to run, and in a few words which they are."""
        if self._map:
            tests = {test for test in self._map.tests_of(mutant) if self._is_wanted(test)}
            old = ", of an older tree" if self._map.is_older_than(mutant.file) else ""
            if tests:
                return in_order(tests, mutant.file, self._seconds), f"{len(tests)} tests{old}"
        there = (self._tree / "tests").rglob("test_*.py")
        files = [path.relative_to(self._tree).as_posix() for path in there]
        files = [file for file in files if self._is_wanted(file)]
        return in_order(files, mutant.file, {}), f"{len(files)} files of tests"

    def _verdict(self, copy: Path, mutant: Mutant) -> tuple[str, str]:
        tests, which = self._tests(mutant)
        broken: list[str] = []
        until = time.monotonic() + self._limit_s
        while True:
            ran = self._run(copy, tests, broken, until - time.monotonic())
            if ran.code is None:
                return "killed", f"hangs longer than {self._limit_s / 60:.0f} minutes"
            if ran.code == _PASSED:
                but = f", but for {', '.join(broken)}, broken in any case" if broken else ""
                return "SURVIVED", which + but
            if ran.code not in (_FOUND, _INTERRUPTED) or ran.failed is None:
                return "broken", f"pytest ended with {ran.code}\n{ran.shown[-2000:]}"
            if self._passes_without(ran.failed):
                return "killed", ran.failed
            broken.append(ran.failed)

    def _passes_without(self, test: str) -> bool:
        """Whether a test passes where nothing is planted, so that its failure means something."""
        if self._clean is None:
            self._clean = self._opened.enter_context(copied(self._tree))
        if test not in self._passes:
            ran = self._run(self._clean, [test], [], self._limit_s)
            self._passes[test] = ran.code == _PASSED
        return self._passes[test]

    def _run(self, copy: Path, tests: list[str], left_out: list[str], limit_s: float) -> _Ran:
        # In a file: there may be more of them than fit on a command line.
        listed = copy.with_name(f"{copy.name}.tests")
        listed.write_text("".join(f"{test}\n" for test in tests))
        how = ["-x", "-q", "--tb=short", "-p", "no:randomly", "-p", "no:cacheprovider"]
        how += [f"--deselect={test}" for test in left_out]
        how += [*self._passed_on, f"@{listed}"]
        return run_pytest(self._tree, copy, how, limit_s, BACKTRAIL_TEST_PROFILE="mutants")


@contextmanager
def copied(tree: Path) -> Iterator[Path]:
    """Make a copy of a checkout, with what is not committed, for the length of a block."""

    def git(*args: str) -> list[str]:
        done = subprocess.run(
            ["git", "-C", str(tree), *args], check=True, capture_output=True, text=True
        )
        return [name for name in done.stdout.split("\0") if name]

    with tempfile.TemporaryDirectory(prefix="backtrail-mutant-") as folder:
        copy = Path(folder, "tree")
        subprocess.run(
            ["git", "clone", "--quiet", "--shared", str(tree), str(copy)],
            check=True,
            capture_output=True,
        )
        changed = git("diff", "--name-only", "--no-renames", "-z", "HEAD")
        for name in [*changed, *git("ls-files", "--others", "--exclude-standard", "-z")]:
            if (tree / name).exists():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(tree / name, copy / name)
            else:
                (copy / name).unlink(missing_ok=True)
        yield copy


def run_pytest(
    tree: Path, copy: Path, args: Sequence[str], limit_s: float | None, **environ: str
) -> _Ran:
    """Run the tests of a copy on its own sources, and end every process that they leave."""
    python = tree / ".venv/bin/python"
    environment = {**os.environ, **environ, "PYTHONPATH": str(copy / "src")}
    environment.pop("VIRTUAL_ENV", None)
    with tempfile.TemporaryFile("w+") as shown:
        process = subprocess.Popen(
            [str(python) if python.exists() else sys.executable, "-m", "pytest", *args],
            cwd=copy,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=shown,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A shell ignores it for what it starts in the background, and so would pytest.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            code: int | None = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        shown.seek(0)
        return _Ran(code, shown.read())


def _end(process: subprocess.Popen[bytes]) -> None:
    # First so that fixtures stop their servers, some of which have a session of their own.
    for kind, wait_s in ((signal.SIGINT, _GRACE_S), (signal.SIGKILL, None)):
        if process.poll() is None:
            os.kill(process.pid, kind)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(wait_s)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def make_map(tree: Path, coverage: Path, junit: Path, passed_on: Sequence[str]) -> int:
    """Run the tests and note which lines each runs, and how long it takes."""
    coverage.parent.mkdir(parents=True, exist_ok=True)
    how = ["--cov", "--cov-context=test", "--cov-report=", f"--junitxml={junit}", *passed_on]
    ran = run_pytest(tree, tree, how, None, COVERAGE_FILE=str(coverage.resolve()))
    print(ran.shown)
    return ran.code or 0
