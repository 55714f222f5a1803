"""Who asks: tokens and what each may do; what they did is kept.

A token is ``bt_``, an id, and 256 random bits. The store has its SHA-256 only, which is
enough: nobody can try all of so many bits, so no slow hash is needed.
"""

from __future__ import annotations

import hmac
import secrets
import time
from contextvars import ContextVar
from hashlib import sha256
from typing import TYPE_CHECKING

from ..capture.environment import user_name
from ..errors import ConfigurationError
from ..store import transcript
from ..store.calls import CALLS, PREFIX
from ..store.protocol import SCOPES, AuditRow, TokenRow
from .problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..client import Client
    from ..store.protocol import Store

_MOST_ABOUT = 500
_BEGIN = "bt_"
# Methods that only ask.
SAFE = ("GET", "HEAD", "OPTIONS")

#: The token that the request came with; None where no token is asked for.
caller: ContextVar[TokenRow | None] = ContextVar("caller", default=None)


def caller_name() -> str | None:
    """Give the name of the token that the request came with."""
    token = caller.get()
    return None if token is None else token.name


def caller_may(scope: str) -> bool:
    """Tell whether the request may do what needs this scope: forms for the rest are not shown."""
    token = caller.get()
    return token is None or _suffices(token, scope)


def scope_for(method: str, path: str) -> str:
    """Give the scope that a request needs."""
    if method in SAFE:
        return "read"
    if path.startswith(transcript.PREFIX):
        return "read"
    call = CALLS.get(path.removeprefix(PREFIX)) if path.startswith(PREFIX) else None
    return "write" if call is None else call.scope


def create_token(client: Client, name: str, scope: str, expires_us: int | None) -> str:
    """Make a token and give it, this once.

    Raises:
        ConfigurationError: another token of this name still holds.
    """
    store = client.open_store()
    now = now_us()
    if any(token.name == name for token in _valid(store.tokens(), now)):
        raise ConfigurationError(
            f"there is a token named {name} already",
            hint=f"Revoke it, or take another name: bt server token revoke {name}",
        )
    token_id = secrets.token_hex(6)
    token = f"{_BEGIN}{token_id}_{secrets.token_urlsafe(32)}"
    store.add_token(TokenRow(token_id, name, scope, _digest(token), now, expires_us, None))
    keep_audit(client, "create token", name, who=user_name())
    return token


def revoke_token(client: Client, name: str) -> None:
    """Make the token of this name, or id, hold no more from now on.

    Raises:
        ConfigurationError: no token that still holds has it.
    """
    store = client.open_store()
    now = now_us()
    found = [token for token in _valid(store.tokens(), now) if name in (token.name, token.id)]
    if not found:
        raise ConfigurationError(
            f"no token named {name} holds", hint="List them: bt server token list"
        )
    for token in found:
        store.revoke_token(token.id, now)
    keep_audit(client, "revoke token", name, who=user_name())


def state_of(token: TokenRow, now: int) -> str:
    """Give ``valid``, ``expired`` or ``revoked``."""
    if token.revoked_us is not None:
        return "revoked"
    return "expired" if token.expires_us is not None and token.expires_us <= now else "valid"


def has_valid_tokens(store: Store) -> bool:
    """Tell whether anybody could come in with a token."""
    return bool(_valid(store.tokens(), now_us()))


def admit(store: Store, given: str | None, needed: str) -> TokenRow | None:
    """Give the token of who may do what needs a scope, None where no token is asked for.

    None is asked for where none was ever made. It is looked up each time, so that one that
    is revoked holds no more at once.

    Raises:
        RefusedError: 401 without a token that holds, 403 with one that may not.
    """
    tokens = store.tokens()
    if not tokens:
        return None
    if not given:
        raise RefusedError(401, "a token is needed", "Send Authorization: Bearer TOKEN.")
    digest = _digest(given)
    found = None
    for token in _valid(tokens, now_us()):
        # All are compared, each in the same time: how long it takes tells nothing.
        if hmac.compare_digest(token.digest, digest):
            found = token
    if found is None:
        raise RefusedError(
            401, "this token does not hold", "It was revoked, has expired, or never was one."
        )
    if not _suffices(found, needed):
        raise RefusedError(
            403, f"the token {found.name} may {found.scope}, and this needs {needed}"
        )
    return found


def keep_audit(client: Client, action: str, about: str, *, who: str | None = None) -> None:
    """Keep that the caller, or ``who``, did something."""
    client.open_store().add_audit([audit_row(now_us(), action, about, who)])


def audit_row(at_us: int, action: str, about: str, who: str | None = None) -> AuditRow:
    """Give what is kept of what the caller, or ``who``, did at a time."""
    return AuditRow(at_us, who or caller_name() or "-", action, about[:_MOST_ABOUT])


def now_us() -> int:
    """Give the time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def _suffices(token: TokenRow, needed: str) -> bool:
    return SCOPES.index(token.scope) >= SCOPES.index(needed)


def _valid(tokens: Iterable[TokenRow], now: int) -> list[TokenRow]:
    return [token for token in tokens if state_of(token, now) == "valid"]


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()
