"""Mutants: each listed one fits the file it is meant for, and the tests that may find it run."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from mutation.covering import (
    Map,
    changed_lines,
    durations,
    in_order,
    mentions,
    sql_statement,
    statement_lines,
)
from mutation.generate import random_mutants
from mutation.mutants import MUTANTS, MisfitError, Mutant, plant
from mutation.trial import Trial, copied

ROOT = Path(__file__).resolve().parents[2]
CODE = """\
def least(a, b):
    if a < b and (
        a is not None
    ):
        return a
    return b
"""


def a_mutant(old: str, new: str, **changes: Any) -> Mutant:
    return Mutant("wrong", "src/backtrail/thing.py", "Something.", old, new, **changes)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_listed_mutant_fits_its_file(mutant: Mutant) -> None:
    text = (ROOT / mutant.file).read_text()

    planted = plant(mutant, text)

    assert planted != text
    if mutant.file.endswith(".py"):
        compile(planted, mutant.file, "exec")


def test_every_listed_mutant_has_its_line_in_the_table_of_results() -> None:
    page = (ROOT / "docs/explanation/tests.md").read_text()

    listed = {mutant.name for mutant in MUTANTS}

    assert len(listed) == len(MUTANTS)
    assert {name for name in listed if f"| `{name}` |" not in page} == set()


@pytest.mark.parametrize("old", ["a > b", "return"])
def test_a_mutant_whose_text_is_not_there_once_says_which_it_is(old: str) -> None:
    with pytest.raises(MisfitError, match=r"wrong no longer fits: its old text stands [02] times"):
        plant(a_mutant(old, "x"), CODE)


def test_only_the_lines_that_a_mutant_changes_count() -> None:
    mutant = a_mutant("        return a\n    return b", "        return a\n    return a")

    lines = changed_lines(mutant, CODE)

    assert list(lines) == [6]
    assert list(changed_lines(a_mutant("        return a\n", ""), CODE)) == [5]


def test_a_statement_counts_from_its_first_line() -> None:
    assert list(statement_lines(CODE, range(3, 4))) == [2, 3]
    assert list(statement_lines(CODE, range(5, 6))) == [5]


def test_a_line_of_sql_belongs_to_the_statement_above_it() -> None:
    text = "-- Named.\n\n-- name: one\nSELECT 1;\n\n-- name: two\nSELECT 2;\n"

    assert [sql_statement(text, line) for line in (1, 4, 7)] == ["", "one", "two"]
    assert mentions("def f():\n    return ask(\n        'one'\n    )", "one") == [3]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small checkout: a package whose one test finds some mutants of it."""
    root = tmp_path / "tree"
    files = {
        "src/backtrail/__init__.py": "",
        "src/backtrail/thing.py": CODE,
        "src/backtrail/store/sqlite/store.py": "def ask(sql):\n    return sql['one']\n",
        "src/backtrail/store/sql/queries.sqlite.sql": "-- name: one\nSELECT 1 < 2;\n",
        "tests/unit/test_thing.py": (
            "from backtrail.thing import least\n\n\n"
            "def test_the_lesser_comes_back():\n    assert least(1, 2) == 1\n\n\n"
            "def test_that_is_broken_anyhow():\n    assert False\n"
        ),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for words in ("init -q", "add .", "-c user.name=a -c user.email=a@b commit -qm first"):
        subprocess.run(["git", *words.split()], cwd=root, check=True)
    return root


def a_map(tree: Path, **tests: list[tuple[str, int]]) -> Map:
    """A coverage file in which tests, by their name, ran some lines."""
    from coverage import CoverageData

    data = CoverageData(basename=str(tree / ".coverage"))
    for name, ran in tests.items():
        data.set_context(f"tests/unit/test_thing.py::{name}|run" if name != "importing" else "")
        for file, line in ran:
            data.add_lines({str(tree / "src/backtrail" / file): [line]})
    data.write()
    return Map(tree, tree / ".coverage")


def test_the_tests_that_run_the_statement_of_a_mutant_cover_it(tree: Path) -> None:
    covering = a_map(
        tree,
        importing=[("thing.py", 1), ("thing.py", 2)],
        test_first=[("thing.py", 2), ("thing.py", 5)],
        test_second=[("thing.py", 2), ("thing.py", 6)],
    )

    tests = covering.tests_of(a_mutant("a is not None", "a is None"))

    assert tests == {f"tests/unit/test_thing.py::test_{name}" for name in ("first", "second")}
    assert covering.covered_lines("src/backtrail/thing.py") == {2, 5, 6}


def test_the_tests_that_ask_for_a_statement_by_name_cover_its_sql(tree: Path) -> None:
    file = "src/backtrail/store/sql/queries.sqlite.sql"
    covering = a_map(tree, test_asks=[("store/sqlite/store.py", 2)], test_other=[("thing.py", 2)])

    tests = covering.tests_of(Mutant("wrong", file, "Something.", "1 < 2", "1 <= 2"))

    assert tests == {"tests/unit/test_thing.py::test_asks"}
    assert covering.covered_lines(file) == {1, 2}


def test_tests_of_the_same_name_come_first_and_then_the_quick_files() -> None:
    tests = [
        "tests/a/test_slow.py::one",
        "tests/a/test_quick.py::two",
        "tests/a/test_quick.py::one",
    ]
    tests += ["tests/b/test_links.py::one"]
    seconds = {tests[0]: 9.0, tests[1]: 0.1, tests[2]: 0.2, tests[3]: 30.0}

    ordered = in_order(tests, "src/backtrail/query/links.py", seconds)

    assert ordered == [tests[3], tests[1], tests[2], tests[0]]


def test_without_durations_the_tests_of_the_package_come_first() -> None:
    files = [
        "tests/integration/test_cli.py",
        "tests/contract/test_x.py",
        "tests/unit/query/test_x.py",
    ]

    assert in_order(files, "src/backtrail/query/links.py", {}) == files[::-1]


def test_durations_are_those_that_pytest_wrote(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text(
        '<testsuites><testsuite><testcase classname="tests.unit.test_x" name="test_it[a]"'
        ' time="0.25"/></testsuite></testsuites>'
    )

    assert durations(file) == {"tests/unit/test_x.py::test_it[a]": 0.25}


def test_a_copy_has_what_is_not_committed(tree: Path) -> None:
    (tree / "src/backtrail/thing.py").write_text("changed")
    (tree / "new.py").write_text("new")
    (tree / "src/backtrail/__init__.py").unlink()

    with copied(tree) as copy:
        found = [
            (copy / "src/backtrail/thing.py").read_text(),
            (copy / "new.py").read_text(),
            (copy / "src/backtrail/__init__.py").exists(),
        ]

    assert found == ["changed", "new", False]
    assert not copy.exists()


@pytest.mark.parametrize("file", sorted({mutant.file for mutant in MUTANTS}))
def test_random_mutants_fit_and_are_the_same_for_one_seed(file: str) -> None:
    text = (ROOT / file).read_text()

    mutants = random_mutants(file, text, 4, None, random.Random(1))

    assert mutants == random_mutants(file, text, 4, None, random.Random(1))
    assert len({plant(mutant, text) for mutant in mutants} - {text}) == 4


def test_random_mutants_change_the_lines_that_are_wanted() -> None:
    mutants = random_mutants("thing.py", CODE, 100, {2, 3}, random.Random(1))

    changes = {mutant.breaks.partition(": ")[2] for mutant in mutants}
    assert changes >= {
        "'<' becomes '<='",
        "'and' becomes 'or'",
        "'is not' becomes 'is'",
    }
    assert all(changed_lines(mutant, CODE)[0] in (2, 3) for mutant in mutants)


def test_a_mutant_is_killed_by_a_test_that_passes_without_it(
    tree: Path, processes: None, nightly: None
) -> None:
    with Trial(tree, None, {}, ["-p", "no:cov"], limit_s=60) as trial:
        killed = trial.of(a_mutant("        return a\n", "        return b\n"))
        survivor = trial.of(a_mutant("a is not None", "True"))
        misfit = trial.of(a_mutant("a > b", "True"))

    name = "tests/unit/test_thing.py::test_"
    assert (killed.verdict, killed.why) == ("killed", f"{name}the_lesser_comes_back")
    assert survivor.verdict == "SURVIVED"
    assert survivor.why.endswith(f"but for {name}that_is_broken_anyhow, broken in any case")
    assert (misfit.verdict, misfit.is_killed) == ("misfit", False)


def test_a_mutant_whose_tests_hang_is_killed(tree: Path, processes: None, nightly: None) -> None:
    file = tree / "tests/unit/test_thing.py"
    file.write_text(
        "import signal\n\nfrom backtrail.thing import least\n\n\n"
        "def test_ends():\n    while least(1, 2) != 1:\n        signal.pause()\n"
    )

    with Trial(tree, None, {}, ["-p", "no:cov"], limit_s=5) as trial:
        outcome = trial.of(a_mutant("        return a\n", "        return b\n"))

    assert outcome.is_killed
    assert outcome.why.startswith("hangs longer than")
