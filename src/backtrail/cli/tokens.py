"""`bt server token`, `bt server audit`: who may use a server over the store, and what was done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from ..capture.wording import age_in_seconds
from ..errors import ConfigurationError
from ..model.records import to_iso
from ..render import words
from ..render.table import Cell, Column, align
from ..store.protocol import SCOPES
from .session import Session, common, listed


@contextmanager
def needs_server() -> Iterator[None]:
    """Say which extra is missing where an import in the block fails."""
    try:
        yield
    except ImportError as error:
        raise ConfigurationError(
            f"the server needs Starlette and uvicorn, which cannot be loaded here ({error})",
            hint="Install them: pip install 'backtrail[server]'",
        ) from error


@click.group("token")
@common
def token() -> None:
    """Make, list and revoke the tokens that the server asks for."""


@token.command("create")
@click.option("--name", required=True, metavar="NAME", help="Who it is for; audit records say it.")
@click.option(
    "--scope",
    required=True,
    type=click.Choice(SCOPES),
    help="write: also record, flag and note; admin: also prune and upgrade.",
)
@click.option(
    "--expires", metavar="AGE", help="How long it holds: 90d, 12h. Default: until revoked."
)
@common
@click.pass_obj
def create(session: Session, *, name: str, scope: str, expires: str | None) -> None:
    """Make a token and print it, this once: the store keeps only its hash."""
    with needs_server():
        from ..server import access
    name = name.strip()
    if not name or not name.isprintable() or len(name) > 200:
        raise click.BadParameter("1 to 200 characters that can be printed", param_hint="--name")
    expires_us = None
    if expires is not None:
        try:
            seconds = age_in_seconds(expires, "expires")
        except ConfigurationError as error:
            raise click.BadParameter(f"{error}", param_hint="--expires") from error
        expires_us = access.now_us() + int(seconds * 1e6)
    made = access.create_token(session.client, name, scope, expires_us)
    until = to_iso(expires_us)
    if session.json:
        session.show_json("token/1", token=made, name=name, scope=scope, expires_at=until)
        return
    session.show(made)
    holds = f"until {until}" if until else "until it is revoked"
    session.say(f"bt: {name} may {scope} with it, {holds}. It is not shown again.")


@token.command("list")
@listed
@common
@click.pass_obj
def list_tokens(session: Session) -> None:
    """List the tokens, the oldest first; never themselves."""
    with needs_server():
        from ..server import access
    now = access.now_us()
    found = session.client.open_store().tokens() if session.has_database() else []
    rows = [
        {
            "id": each.id,
            "name": each.name,
            "scope": each.scope,
            "state": access.state_of(each, now),
            "created_at": to_iso(each.created_us),
            "expires_at": to_iso(each.expires_us),
            "revoked_at": to_iso(each.revoked_us),
        }
        for each in found
    ]
    if session.show_list("tokens/1", "tokens", rows):
        return
    if not found:
        session.say("bt: there are no tokens, so the server asks for none.")
        return
    _show_columns(
        session,
        [
            (
                *(access.state_of(each, now), each.scope, each.name, each.id),
                f"made {words.second(each.created_us)}"
                + (f", until {words.second(each.expires_us)}" if each.expires_us else ""),
            )
            for each in found
        ],
    )


@token.command("revoke")
@click.argument("name", metavar="NAME")
@common
@click.pass_obj
def revoke(session: Session, *, name: str) -> None:
    """Make the token NAME hold no more, at once; NAME is its name or its id."""
    with needs_server():
        from ..server import access
    access.revoke_token(session.existing, name)
    if session.json:
        session.show_json("token-revoked/1", name=name)
    else:
        session.show(f"The token {session.screen.clean(name)} holds no more.")


@click.command("audit")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, metavar="N"
)
@listed
@common
@click.pass_obj
def audit(session: Session, *, limit: int) -> None:
    """Show who did what through the server, pruned, or made tokens; the newest first."""
    found = session.client.open_store().audit(limit) if session.has_database() else []
    rows = [
        {"at": to_iso(each.at_us), "who": each.who, "action": each.action, "about": each.about}
        for each in found
    ]
    if session.show_list("audit/1", "audit", rows):
        return
    if not found:
        session.say("bt: nothing was done yet that is kept here.")
        return
    _show_columns(
        session, [(words.second(each.at_us), each.who, each.action, each.about) for each in found]
    )


def _show_columns(session: Session, rows: Sequence[Sequence[str]]) -> None:
    cells = [[Cell(text) for text in row] for row in rows]
    session.show("\n".join(align(session.screen, [Column()] * len(rows[0]), cells)))
