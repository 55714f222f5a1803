"""What may stand between this machine and a PostgreSQL database: findings for `bt doctor`."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from ...model.records import Finding
from ..clocks import clock_finding
from .connection import Database

_OLDEST = 13
_LOOPBACK = ("127.", "::1", "localhost")
# What the docs grant, and the kinds of things it is granted on.
_RIGHTS = """
SELECT current_user,
       pg_has_role(current_user, n.nspowner, 'USAGE'),
       has_schema_privilege(n.oid, 'USAGE'),
       (SELECT bool_and(has_table_privilege(c.oid, 'SELECT')) FROM pg_class c
         WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND NOT c.relispartition),
       (SELECT bool_and(has_table_privilege(c.oid, 'INSERT')) FROM pg_class c
         WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
           AND c.relname NOT IN ('migration', 'pruned', 'token')),
       (SELECT bool_and(has_sequence_privilege(c.oid, 'USAGE')) FROM pg_class c
         WHERE c.relnamespace = n.oid AND c.relkind = 'S'),
       (SELECT bool_and(has_function_privilege(p.oid, 'EXECUTE')) FROM pg_proc p
         WHERE p.pronamespace = n.oid AND p.prosecdef)
  FROM pg_namespace n WHERE n.nspname = 'backtrail'
"""
_GRANTS = "See the roles in docs/how-to/run-on-postgresql.md; then: GRANT {role} TO {user};"


def diagnose(database: Database) -> list[Finding]:
    """Look at the server, the way to it, our rights there, and its clock."""
    with database.session() as connection:
        return [_server(connection), *_way(connection), _rights(connection), _clock(connection)]


def _server(connection: psycopg.Connection[Any]) -> Finding:
    version = connection.info.parameter_status("server_version") or "?"
    what = f"PostgreSQL {version.split()[0]} at {_address(connection)}"
    if connection.info.server_version < _OLDEST * 10_000:
        hint = f"backtrail needs {_OLDEST} or newer."
        return Finding("problem", f"{what} is too old", hint)
    (in_recovery,) = _row(connection, "SELECT pg_is_in_recovery()")
    if in_recovery:
        hint = (
            "It answers questions. To record, name all hosts in the address, and"
            " target_session_attrs=read-write."
        )
        return Finding("note", f"{what} is a standby", hint)
    return Finding("ok", what)


def _address(connection: psycopg.Connection[Any]) -> str:
    info = connection.info
    if info.host.startswith("/"):
        return f"the socket in {info.host}"
    return f"{info.host}:{info.port}"


def _way(connection: psycopg.Connection[Any]) -> list[Finding]:
    """Say whether others can listen."""
    host = connection.info.host
    if host.startswith(("/", *_LOOPBACK)):
        return []
    if connection.pgconn.ssl_in_use:
        (version,) = _row(
            connection, "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        )
        return [Finding("ok", f"the connection is encrypted ({version})")]
    hint = "Write sslmode=verify-full and sslrootcert=FILE in the address."
    return [Finding("note", "the connection is not encrypted", hint)]


def _rights(connection: psycopg.Connection[Any]) -> Finding:
    user, is_owner, enters, reads, adds, counts, calls = _row(connection, _RIGHTS)
    if is_owner:
        return Finding("ok", f"{user} owns the schema: may record, ask, upgrade and prune")
    if not (enters and reads):
        hint = _GRANTS.format(role="backtrail_read", user=user)
        return Finding("problem", f"{user} may not read all tables", hint)
    if adds and counts and calls:
        return Finding("ok", f"{user} may record and ask")
    missing = [
        what
        for has, what in (
            (adds, "INSERT on all tables"),
            (counts, "USAGE on all sequences"),
            (calls, "EXECUTE on all functions"),
        )
        if not has
    ]
    what = f"{user} may ask, but not record: it lacks {', '.join(missing)}"
    return Finding("note", what, _GRANTS.format(role="backtrail_write", user=user))


def _clock(connection: psycopg.Connection[Any]) -> Finding:
    """Compare the clocks."""
    asked = time.time()
    (theirs,) = _row(connection, "SELECT extract(epoch FROM clock_timestamp())::float8")
    return clock_finding(asked, theirs, time.time())


def _row(connection: psycopg.Connection[Any], sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return tuple(row)
