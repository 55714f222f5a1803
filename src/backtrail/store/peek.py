"""Names for a shell to complete, read from a SQLite file as it lies there.

A key press waits for them. What the store itself would do first (take in the
journals, check the schema) takes several times as long, and is not worth it here.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ..model.facts import KIND_CODES
from .queries import named_queries

# Less than a person notices. Readers wait for nobody in a sound database.
_WAIT_S = 0.05
_END = "\U0010ffff"


def output_ids(database: Path, prefix: str, limit: int) -> list[str]:
    """Give output ids that start so, by name; without a prefix the newest.

    Raises:
        sqlite3.Error: the file is no database of ours, or cannot be read now.
    """
    output = KIND_CODES["output"]
    if not prefix:
        return _names(database, "artifacts_of_kind", kind=output, limit=limit)
    span = {"low": prefix, "high": prefix + _END}
    return _names(database, "artifacts_of_kind_with_prefix", kind=output, limit=limit, **span)


def component_names(database: Path, prefix: str) -> list[str]:
    """Give names of components that start so; errors as in `output_ids`."""
    return [name for name in _names(database, "components") if name.startswith(prefix)]


def _names(database: Path, query: str, **values: object) -> list[str]:
    if not database.exists():
        return []
    with closing(sqlite3.connect(database, timeout=_WAIT_S)) as connection:
        connection.execute("PRAGMA query_only = 1")
        return [row[1] for row in connection.execute(named_queries("sqlite")[query], values)]
