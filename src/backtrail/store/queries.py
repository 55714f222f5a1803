"""Load the named SQL."""

from __future__ import annotations

import os
import re
from functools import cache

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def named_queries(dialect: str) -> dict[str, str]:
    """Give the statements for a database by name: those for all of them, and its own."""
    return {**_statements("queries.sql"), **_statements(f"queries.{dialect}.sql")}


def _statements(file: str) -> dict[str, str]:
    # Not by importlib.resources: importing that takes longer than all the rest here.
    with open(os.path.join(os.path.dirname(__file__), "sql", file), encoding="utf-8") as opened:
        pieces = _NAME.split(opened.read())
    return {name: body.strip() for name, body in zip(pieces[1::2], pieces[2::2], strict=True)}
