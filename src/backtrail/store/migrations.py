"""Bring a database to this version's schema: numbered files, forward only."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_FILE = re.compile(r"^(\d{4})_\w+\.(\w+)\.sql$")


@cache
def migrations(dialect: str) -> dict[int, str]:
    """Give the migration scripts of a dialect by number."""
    found: dict[int, str] = {}
    # Not by importlib.resources, see `queries`.
    for entry in Path(__file__).with_name("sql").joinpath("migrations").iterdir():
        match = _FILE.match(entry.name)
        if match and match[2] == dialect:
            found[int(match[1])] = entry.read_text(encoding="utf-8")
    return dict(sorted(found.items()))


def latest(dialect: str) -> int:
    """Give the schema version that this version of backtrail writes."""
    return max(migrations(dialect))
