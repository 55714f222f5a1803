"""What may stand between this machine and a server: findings for `bt doctor`."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import msgspec

from ...errors import StoreUnavailableError
from ...model.records import Finding
from ..calls import About
from ..clocks import clock_finding
from .connection import Connection

_ABOUT = "/api/v1/store"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def diagnose(connection: Connection) -> list[Finding]:
    """Look at the server, the way to it, what our token may, and its clock.

    Raises:
        StoreUnavailableError: it does not answer, or not to this token.
    """
    asked_s = time.time()
    raw = connection.get(_ABOUT)
    answered_s = time.time()
    try:
        about = msgspec.json.decode(raw, type=About)
    except msgspec.MsgspecError as error:
        raise StoreUnavailableError(
            f"{connection.url} does not answer as a backtrail server",
            hint="Set BACKTRAIL_URL to the address that `bt server` printed.",
        ) from error
    return [
        Finding("ok", f"backtrail {about.version} answers at {connection.url}"),
        *_way(connection.url),
        _rights(about),
        clock_finding(asked_s, about.now_us / 1e6, answered_s),
    ]


def _way(url: str) -> list[Finding]:
    """Say whether others can listen."""
    place = urlsplit(url)
    if place.hostname in _LOOPBACK:
        return []
    if place.scheme == "https":
        return [Finding("ok", "the connection is encrypted")]
    hint = "Put the server behind TLS, and write https:// in BACKTRAIL_URL."
    return [Finding("note", "the connection is not encrypted, the token can be read", hint)]


def _rights(about: About) -> Finding:
    if about.scope is None:
        return Finding("ok", "no token is asked for")
    if about.scope == "read":
        hint = "To record, set BACKTRAIL_TOKEN to one of scope write."
        return Finding("note", f"the token {about.name} may ask, but not record", hint)
    may = "record and ask" if about.scope == "write" else "record, ask, upgrade and prune"
    return Finding("ok", f"the token {about.name} may {may}")
