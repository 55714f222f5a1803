"""Who may use a server over a store, and what was done, from named SQL."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from .naming import Statements
from .protocol import AuditRow, TokenRow


class Access:
    """The part of `protocol.Store` that tells of tokens and audit; see there for the promises."""

    def _all(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def _together(self) -> AbstractContextManager[Statements]:
        """Lend a transaction, beside those in which others take something in."""
        raise NotImplementedError

    def tokens(self) -> list[TokenRow]:
        """Give the tokens, the oldest first, those that hold no more among them."""
        return [TokenRow(*row) for row in self._all("tokens")]

    def add_token(self, token: TokenRow) -> None:
        """Keep a token."""
        with self._together() as transaction:
            transaction.do(
                "add_token",
                id=token.id,
                name=token.name,
                scope=token.scope,
                digest=token.digest,
                created=token.created_us,
                expires=token.expires_us,
                revoked=token.revoked_us,
            )

    def revoke_token(self, token_id: str, at_us: int) -> None:
        """Say that a token holds no more."""
        with self._together() as transaction:
            transaction.do("revoke_token", id=token_id, at=at_us)

    def add_audit(self, rows: Sequence[AuditRow]) -> None:
        """Keep what was done; what is said twice counts once."""
        with self._together() as transaction:
            for at_us, who, action, about in rows:
                transaction.do("add_audit", at=at_us, who=who, action=action, about=about)

    def audit(self, limit: int) -> list[AuditRow]:
        """Give what was done, the newest first."""
        return [AuditRow(*row) for row in self._all("audit", limit=limit)]
