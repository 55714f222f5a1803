"""The pytest plugin, as a project that has backtrail installed gets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("processes")

PIPELINE = """
import backtrail as bt
import pytest

@pytest.fixture(autouse=True)
def recorded(tmp_path):
    bt.configure(url=f"sqlite:///{tmp_path}/bt.db")

    @bt.register("serve", inputs=["name"])
    def serve(name):
        bt.log("pred-1", value=0.83)

    serve("rates.csv")
"""


def test_a_failure_says_what_is_not_so_and_shows_the_backtrace(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(PIPELINE)
    pytester.makepyfile(
        """
        def test_passes(assert_lineage):
            assert_lineage("pred-1").uses(component="serve").no_failed().no_stale().max_age("1d")

        def test_fails(assert_lineage):
            assert_lineage("pred-1").no_gaps()
        """
    )

    done = pytester.runpytest_subprocess()

    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(
        [
            "E * AssertionError: pred-1: 1 input has no known producer",
            "E *   rates.csv, read by #0 serve",
            "E * #0  serve *made pred-1",
        ]
    )
    # The line of the test is where it points to, not a line of ours.
    done.stdout.fnmatch_lines(["test_*.py:5: AssertionError"])


def test_the_function_can_be_imported_too(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(PIPELINE)
    pytester.makepyfile(
        """
        from backtrail.testing import assert_lineage

        def test_passes():
            assert_lineage("pred-1").uses("serve")
        """
    )

    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_test_run_that_asks_for_no_lineage_loads_no_backtrail(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_is_light():
            assert "pytest_backtrail" in sys.modules
            assert [name for name in sys.modules if name.startswith("backtrail")] == []
        """
    )

    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=1)


def test_the_wheel_holds_the_plugin_beside_the_package(tmp_path: Path) -> None:
    # `hatchling` alone, so that nothing is fetched.
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")

    with ZipFile(wheel) as file:
        names = file.namelist()
        entries = next(name for name in names if name.endswith("entry_points.txt"))
        said = file.read(entries).decode()

    assert {"pytest_backtrail.py", "backtrail/testing.py"} <= set(names)
    assert "[pytest11]\nbacktrail = pytest_backtrail\n" in said
