"""Load the named SQL."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def named_queries() -> dict[str, str]:
    """Give the statements of `sql/queries.sql` by name."""
    text = (files(__package__) / "sql" / "queries.sql").read_text(encoding="utf-8")
    pieces = _NAME.split(text)
    return {name: body.strip() for name, body in zip(pieces[1::2], pieces[2::2], strict=True)}
