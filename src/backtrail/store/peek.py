"""Names for a shell to complete, read from a store as it lies there.

A key press waits for them. What the store itself would do first (take in the
journals, check the schema) takes several times as long, and is not worth it here.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from ..addresses import is_http, is_postgres, sqlite_path
from ..model.facts import KIND_CODES
from .queries import named_queries

if TYPE_CHECKING:
    from .protocol import Store

# Less than a person notices. Readers wait for nobody in a sound database.
_WAIT_S = 0.05
# For a server: libpq waits for no less than two seconds, where nobody answers at all.
_CONNECT_S = 2
_ANSWER_S = 1.0
_OPTIONS = "-c search_path=backtrail -c statement_timeout=500 -c enable_seqscan=off"
_END = "\U0010ffff"


def output_ids(url: str, prefix: str, limit: int) -> list[str]:
    """Give output ids that start so, by name; without a prefix the newest.

    Raises:
        Exception: the driver's, where there is no database of ours, or it cannot be read now.
    """
    output = KIND_CODES["output"]
    if is_http(url):
        with _server(url) as store:
            if prefix:
                found = store.artifacts_with_prefix(prefix, limit, output)
            else:
                found = store.artifacts_of_kind(output, limit)
            return [row.name for row in found]
    if not prefix:
        return _names(url, "artifacts_of_kind", kind=output, limit=limit)
    span = {"low": prefix, "high": prefix + _END}
    return _names(url, "artifacts_of_kind_with_prefix", kind=output, limit=limit, **span)


def component_names(url: str, prefix: str) -> list[str]:
    """Give names of components that start so; errors as in `output_ids`."""
    if is_http(url):
        with _server(url) as store:
            names = [row.name for row in store.components()]
    else:
        names = _names(url, "components")
    return [name for name in names if name.startswith(prefix)]


def _names(url: str, query: str, **values: Any) -> list[str]:
    if is_postgres(url):
        return _names_on_server(url, query, values)
    database = sqlite_path(url)
    if not database.exists():
        return []
    with closing(sqlite3.connect(database, timeout=_WAIT_S)) as connection:
        connection.execute("PRAGMA query_only = 1")
        return [row[1] for row in connection.execute(named_queries("sqlite")[query], values)]


@contextmanager
def _server(url: str) -> Iterator[Store]:
    from .remote import open_remote

    store = open_remote(url, os.environ.get("BACKTRAIL_TOKEN"), most_s=_ANSWER_S)
    with closing(store):
        yield store


def _names_on_server(url: str, query: str, values: dict[str, Any]) -> list[str]:
    import psycopg

    sql = re.sub(r":(\w+)", r"%(\1)s", named_queries("postgres")[query])
    with psycopg.connect(url, connect_timeout=_CONNECT_S, options=_OPTIONS) as connection:
        return [row[1] for row in connection.execute(sql.encode(), values)]
