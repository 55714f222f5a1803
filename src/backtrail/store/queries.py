"""Load the named SQL."""

from __future__ import annotations

import os
import re
from functools import cache

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def named_queries() -> dict[str, str]:
    """Give the statements of `sql/queries.sql` by name."""
    # Not by importlib.resources: importing that takes longer than all the rest here.
    with open(
        os.path.join(os.path.dirname(__file__), "sql", "queries.sql"), encoding="utf-8"
    ) as file:
        text = file.read()
    pieces = _NAME.split(text)
    return {name: body.strip() for name, body in zip(pieces[1::2], pieces[2::2], strict=True)}
