"""Run `bt` as a person or a script does, in an environment that says nothing unusual."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import backtrail

Bt = Callable[..., "subprocess.CompletedProcess[str]"]
_SHED = frozenset(
    "NO_COLOR FORCE_COLOR COLUMNS PAGER LESS LC_ALL LC_CTYPE PYTHONUTF8 BACKTRAIL_URL".split()
)


def plain_environment() -> dict[str, str]:
    """Give this process's environment, with UTF-8, a terminal, and no settings about output."""
    kept = {name: value for name, value in os.environ.items() if name not in _SHED}
    kept["PYTHONPATH"] = os.path.dirname(os.path.dirname(backtrail.__file__))
    return {**kept, "LANG": "C.UTF-8", "TERM": "xterm"}


def bt_on(url: str, folder: Path) -> Bt:
    """Give a function that runs `bt` in a folder, on a store; ``env`` adds to the environment."""

    def run(*args: str, env: dict[str, str] | None = None, **how: Any) -> Any:
        return subprocess.run(
            [sys.executable, "-m", "backtrail", *args],
            env={**plain_environment(), "BACKTRAIL_URL": url, **(env or {})},
            cwd=folder,
            encoding="utf-8",
            check=False,
            timeout=60,
            **{"stdin": subprocess.DEVNULL, "capture_output": True, **how},
        )

    return run
