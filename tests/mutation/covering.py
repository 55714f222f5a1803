"""Which tests run the lines of a mutant, and which of them to run first."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from .mutants import Mutant, plant

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_STORE = "src/backtrail/store"
# Where durations are not known: those first that ask a store much, and start no process.
_FOLDERS = ("contract", "property", "unit")


def changed_lines(mutant: Mutant, text: str) -> range:
    """Return the lines of the file that the mutant changes; those around them do not count."""
    plant(mutant, text)
    before = _alike(mutant.old, mutant.new)
    rest, other = mutant.old[before:], mutant.new[before:]
    begin = text.index(mutant.old) + before
    end = max(begin, begin + len(rest) - _alike(rest[::-1], other[::-1]) - 1)
    return range(text.count("\n", 0, begin) + 1, text.count("\n", 0, end) + 2)


def _alike(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def statement_lines(text: str, lines: range) -> range:
    """Return these lines of a Python file, from the beginning of the statement they are part of.

    A statement that spans several lines is often counted as run on its first one only.
    """
    first = max(
        (
            node.lineno
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.stmt)
            and node.lineno <= lines[0] <= (node.end_lineno or node.lineno)
        ),
        default=lines[0],
    )
    return range(first, lines[-1] + 1)


def sql_statement(text: str, line: int) -> str:
    """Return the name of the SQL statement that this line is part of."""
    names = _NAME.findall("\n".join(text.splitlines()[:line]))
    return names[-1] if names else ""


def mentions(text: str, name: str) -> list[int]:
    """Return the lines of a Python file on which this word is a string of its own."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and node.value == name
    ]


class Map:
    """Which tests ran which lines, from a coverage file that was made with --cov-context=test."""

    def __init__(self, tree: Path, file: Path) -> None:
        from coverage import CoverageData

        self._tree = tree
        self._made_at = file.stat().st_mtime
        self._data = CoverageData(basename=str(file))
        self._data.read()
        self._by_file: dict[str, dict[int, list[str]]] = {}

    @cached_property
    def _measured(self) -> list[str]:
        return sorted(self._data.measured_files())

    def _contexts(self, file: str) -> Mapping[int, list[str]]:
        if file not in self._by_file:
            # It may have been made where the tree lay elsewhere.
            paths = [path for path in self._measured if path.endswith(f"/{file}")]
            found = self._data.contexts_by_lineno(paths[0]) if paths else {}
            self._by_file[file] = found
        return self._by_file[file]

    def is_older_than(self, file: str) -> bool:
        """Whether the file was changed since, so that its lines may be others by now."""
        return self._made_at < (self._tree / file).stat().st_mtime

    def covered_lines(self, file: str) -> set[int]:
        """Return the lines of a file that some test runs; of SQL, those of used statements."""
        if not file.endswith(".sql"):
            return {line for line, contexts in self._contexts(file).items() if any(contexts)}
        text = (self._tree / file).read_text()
        lines = range(1, text.count("\n") + 1)
        used = {name for name in _NAME.findall(text) if self._tests_of_statement(file, name)}
        return {line for line in lines if sql_statement(text, line) in used}

    def tests_of(self, mutant: Mutant) -> set[str]:
        """Return the ids of the tests that run what the mutant changes."""
        text = (self._tree / mutant.file).read_text()
        lines = changed_lines(mutant, text)
        if mutant.file.endswith(".sql"):
            return self._tests_of_statement(mutant.file, sql_statement(text, lines[0]))
        return self._tests_of_lines(mutant.file, statement_lines(text, lines))

    def _tests_of_lines(self, file: str, lines: Iterable[int]) -> set[str]:
        contexts = self._contexts(file)
        # `path::test|run`, or setup, teardown; empty for what importing runs.
        return {
            context.rpartition("|")[0] for line in lines for context in contexts.get(line, ())
        } - {""}

    def _tests_of_statement(self, file: str, name: str) -> set[str]:
        tests: set[str] = set()
        for path in sorted((self._tree / _STORE).rglob("*.py")):
            text = path.read_text()
            for line in mentions(text, name):
                asking = path.relative_to(self._tree).as_posix()
                tests |= self._tests_of_lines(asking, statement_lines(text, range(line, line + 1)))
        dialect = PurePosixPath(file).name.split(".")[1]
        if dialect == "sql":
            return tests
        own = f"{_STORE}/{dialect}/store.py"
        return tests & self._tests_of_lines(own, self._contexts(own))


def durations(junit: Path) -> dict[str, float]:
    """Return how many seconds each test took, from a file that pytest --junitxml wrote."""
    cases = ElementTree.parse(junit).getroot().iter("testcase")
    return {
        f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}": float(
            case.get("time", 0)
        )
        for case in cases
    }


def in_order(tests: Collection[str], file: str, seconds: Mapping[str, float]) -> list[str]:
    """Return tests (or files of tests) in the order that finds a mutant of ``file`` soonest.

    Those of one file stay together, since they share what is set up once a file.
    """
    by_file: dict[str, list[str]] = {}
    for test in sorted(tests):
        by_file.setdefault(test.partition("::")[0], []).append(test)
    *_, package, name = PurePosixPath(file).parts

    def place(path: str) -> tuple[bool, bool, float, int, str]:
        parts = PurePosixPath(path).parts
        folder = parts[1] if len(parts) > 1 else ""
        known = [seconds[test] for test in by_file[path] if test in seconds]
        mean = sum(known) / len(known) if known else 0.0
        rank = _FOLDERS.index(folder) if folder in _FOLDERS else len(_FOLDERS)
        # tests/unit mirrors the packages.
        return name.split(".")[0] not in parts[-1], package not in parts, mean, rank, path

    return [
        test
        for path in sorted(by_file, key=place)
        for test in sorted(by_file[path], key=lambda test: seconds.get(test, 0.0))
    ]
