"""What users write type-checks under ``mypy --strict``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("processes")

ROOT = Path(__file__).resolve().parents[2]


def complaints(name: str) -> str:
    """What a strict mypy says of a file beside this one, with this checkout's backtrail."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"),
            *(f"--cache-dir={ROOT / '.mypy_cache' / 'users'}", "--python-version=3.10"),
            str(Path(__file__).with_name(name)),
        ],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_what_users_write_type_checks() -> None:
    assert complaints("api.py") == ""


def test_a_registered_function_keeps_its_types() -> None:
    assert complaints("decorated.py") == ""
