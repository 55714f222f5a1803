"""`import backtrail` stands at the top of other people's pipelines, so it has to stay light."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Set
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("processes")


@cache
def modules_loaded_by(statement: str) -> frozenset[str]:
    """The modules that one statement loads in a fresh interpreter."""
    program = (
        "import json, sys; before = set(sys.modules); "
        f"{statement}; print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    # A coverage run would load sqlite3 on its own account before we look.
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BACKTRAIL_", "COV"))
    }
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True, env=environ
    )
    return frozenset(json.loads(done.stdout))


def packages_of(modules: Set[str]) -> set[str]:
    """The top-level names of modules."""
    return {module.partition(".")[0] for module in modules}


def test_import_loads_the_standard_library_and_msgspec_and_nothing_else() -> None:
    # msgspec takes typing_extensions in when that happens to be installed.
    by_msgspec = packages_of(modules_loaded_by("import msgspec"))

    by_backtrail = packages_of(modules_loaded_by("import backtrail"))

    allowed = by_msgspec | set(sys.stdlib_module_names) | {"backtrail"}
    assert by_backtrail - allowed == set()


@pytest.mark.parametrize(
    "module", ["asyncio", "blake3", "click", "numpy", "pandas", "rich", "sqlite3"]
)
def test_import_leaves_out_what_only_some_features_need(module: str) -> None:
    assert module not in modules_loaded_by("import backtrail")


OF_A_FIRST_RUN = {"journal", "settings"}
OF_A_FIRST_QUESTION = {"model.records", "query", "render", "store"}


def parts_of(modules: Set[str]) -> set[str]:
    """The parts of backtrail that these modules of it belong to, without its name."""
    own = {module.removeprefix("backtrail.") for module in modules}
    return {
        part
        for part in OF_A_FIRST_RUN | OF_A_FIRST_QUESTION
        if any(f"{module}.".startswith(f"{part}.") for module in own)
    }


def test_import_and_registering_load_nothing_that_recording_or_asking_needs() -> None:
    modules = modules_loaded_by("import backtrail; backtrail.register(lambda path: None)")

    assert parts_of(modules) == set()
    # Costly, and loaded by nothing else that is needed here.
    assert modules & {"hashlib", "pathlib", "random", "urllib.parse"} == set()


def test_a_first_run_loads_the_journal_and_no_answers(tmp_path: Path) -> None:
    recording = (
        f"import os; os.chdir({str(tmp_path)!r}); import backtrail; "
        "backtrail.configure(flush_interval_s=3600); backtrail.register(lambda path: None)(1)"
    )

    modules = modules_loaded_by(recording)

    assert parts_of(modules) == OF_A_FIRST_RUN
    # OpenSSL takes longer to load than all else that a first call does.
    assert modules & {"_hashlib", "random", "sqlite3"} == set()


def test_every_public_name_is_there_though_some_are_loaded_late() -> None:
    program = (
        "import backtrail; names = set(dir(backtrail)); "
        "assert names >= set(backtrail.__all__); "
        "[getattr(backtrail, name) for name in backtrail.__all__]; "
        "from backtrail import Backtrace, ComponentRecord, Frame, Input, Output, Run"
    )

    assert parts_of(modules_loaded_by(program)) >= {"model.records", "query"}
