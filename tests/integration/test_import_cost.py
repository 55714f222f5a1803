"""`import backtrail` stands at the top of other people's pipelines, so it has to stay light."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


def modules_loaded_by(statement: str) -> set[str]:
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
    return set(json.loads(done.stdout))


def packages_of(modules: set[str]) -> set[str]:
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
