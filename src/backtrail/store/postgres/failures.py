"""What goes wrong between us and a server -> what, where, and what to do next; no password."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import errors

from ...errors import BacktrailError, StoreUnavailableError

WAITS = "What was recorded waits in the journal."
_CHECK = f"Check it with: bt doctor. {WAITS}"
_ANSWERED = re.compile(r"(?:FATAL|ERROR):\s+|fe_sendauth|SSL|certificate")
_CONNECTING = re.compile(r"^(?:connection (?:failed|is bad|timeout expired)|failed to resolve)")
_NOISE = re.compile(r"^.*\bfailed: |\[Errno -?\d+\] |(?:FATAL|ERROR):\s+")
# Words of a server, or of the driver, and what to do about them: the first that fits counts.
_HINTS: tuple[tuple[str, str], ...] = (
    (
        r"password|authentication|no pg_hba\.conf entry|role .* does not exist",
        "Check user and password: in the address, in ~/.pgpass or in PGPASSWORD.",
    ),
    (
        r"database .* does not exist",
        "Make it first, with createdb, or mend its name in the address.",
    ),
    (
        r"too many (clients|connections)|connection slots are reserved|connection limit",
        "Raise max_connections there, or close other clients.",
    ),
    (r"SSL|certificate", "Check sslmode and sslrootcert in the address."),
    (
        r"read-only transaction|recovery mode|not accepting connections|standby",
        "It is a standby: name all hosts in the address, and target_session_attrs=read-write.",
    ),
    (
        r"permission denied|must be owner",
        "Ask its owner for the rights, see docs/how-to/run-on-postgresql.md.",
    ),
    (
        r"refused|no such file|timeout|timed out|resolve|unreachable|no route",
        "Is a server running there? Check the address with: bt doctor --db URL.",
    ),
    (r"No space left|disk full|could not extend file|out of memory", "Make room on the server."),
)


def place_of(address: Mapping[str, Any]) -> str:
    """Give where the server is: host and port, several of them, or the folder of its socket."""
    hosts = str(address.get("host") or os.environ.get("PGHOST") or "localhost").split(",")
    ports = str(address.get("port") or os.environ.get("PGPORT") or "5432").split(",")
    if len(ports) < len(hosts):
        ports = ports[:1] * len(hosts)
    return ", ".join(
        f"the socket in {host} ({port})" if host.startswith(("/", "@")) else f"{host}:{port}"
        for host, port in zip(hosts, ports, strict=False)
    )


def is_away(error: psycopg.Error) -> bool:
    """Tell whether no server answered, so that another try may find one."""
    text = _without_tail(error)
    return bool(_CONNECTING.match(text)) and not _ANSWERED.search(text)


def is_refusal(error: BacktrailError) -> bool:
    """Tell whether the server will not have what it was given, today or any other day."""
    return isinstance(error.__cause__, (psycopg.DataError, errors.ProgramLimitExceeded))


def translated(
    error: psycopg.Error, address: Mapping[str, Any], shown_url: str, tried: str = ""
) -> BacktrailError:
    """Give the error to raise for one of the driver's.

    Args:
        error: the driver's.
        address: what it was connected with.
        shown_url: the address as people may see it.
        tried: how often and for how long a server was looked for, if that is worth saying.
    """
    reason = reason_of(error)
    password = address.get("password") or os.environ.get("PGPASSWORD")
    if password:
        reason = reason.replace(str(password), "***")
    if is_away(error):
        what = f"cannot reach the database {place_of(address)}: {reason}{tried}"
    else:
        what = f"cannot use the database {shown_url}: {reason}"
    hint = next((hint for words, hint in _HINTS if re.search(words, reason)), "")
    if isinstance(error, (errors.DiskFull, errors.InsufficientResources)) and not hint:
        hint = "Make room on the server."
    return StoreUnavailableError(what, hint=f"{hint} {WAITS}" if hint else _CHECK)


def reason_of(error: psycopg.Error) -> str:
    """Give why, in one line, in the words of the server or the driver."""
    text = error.diag.message_primary or _without_tail(error)
    text = _NOISE.sub("", text).strip()
    text = text.removeprefix("connection ").strip() or type(error).__name__
    return text[0].lower() + text[1:] if text[1:2].islower() else text


def _without_tail(error: psycopg.Error) -> str:
    text = str(error).strip()
    return text.splitlines()[0].strip() if text else ""
