"""`bt server`, `bt ui`: serve the store over HTTP, for others or for one's own browser."""

from __future__ import annotations

import ipaddress
import logging
import signal
import socket
import sys
import webbrowser
from collections.abc import Collection
from urllib.parse import quote

import click

from .. import __version__
from ..errors import ConfigurationError
from . import naming
from .completion import complete_outputs
from .session import Session, common
from .tokens import audit, needs_server, token

_TURN_S = 0.0005
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@click.group("server", invoke_without_command=True)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=8765,
    show_default=True,
    help="The port; 0 for one that is free.",
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="Answer to this host name too: that of a proxy in front.",
)
@click.option(
    "--no-auth",
    is_flag=True,
    help="Ask for no token: whoever reaches the address may read, record and flag.",
)
@common
@click.pass_context
def server(
    context: click.Context, *, host: str, port: int, names: tuple[str, ...], no_auth: bool
) -> None:
    """Serve the store over HTTP: pages for a browser, and JSON under /api/v1.

    Once there are tokens, it asks for one; on an address that other machines reach it does
    not start without. Ctrl-C or SIGTERM ends it after what is being answered.
    """
    if context.invoked_subcommand is not None:
        return
    session: Session = context.obj
    if session.client.settings.is_http:
        raise ConfigurationError(
            f"{session.client.url} is a server itself, and has the database",
            hint="Give the database that this one is to serve: bt server --db URL. "
            "To look at that one in a browser: bt ui",
        )
    is_local = _is_loopback(host)
    if not is_local and not no_auth and not _has_tokens(session):
        raise ConfigurationError(
            f"{host} can be reached from other machines, and no token would be asked for",
            hint="Make one first: bt server token create --scope write --name NAME. "
            "Or say that it is meant: --no-auth",
        )
    _serve(
        session,
        host,
        port,
        hosts={*_LOOPBACK_NAMES, host.lower(), *map(str.lower, names)} if is_local else None,
        auth=not no_auth,
    )


server.add_command(token)
server.add_command(audit)


@click.command("ui")
@click.argument("name", metavar="[ID]", required=False, shell_complete=complete_outputs)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@common
@click.pass_obj
def ui(session: Session, *, name: str | None, no_browser: bool) -> None:
    """Open the page of the output ID, or the first page, in a browser; Ctrl-C ends it.

    Serves on a free port of this machine, to you alone. ID is what bt trace takes.
    """
    path = "/"
    if name is not None:
        path += f"o/{quote(naming.ask(session, name, session.asking.output_named), safe='')}"
    _serve(
        session,
        "127.0.0.1",
        0,
        hosts=_LOOPBACK_NAMES,
        auth=False,
        is_local=True,
        path=path,
        browse=not no_browser,
    )


def _serve(
    session: Session,
    host: str,
    port: int,
    *,
    hosts: Collection[str] | None,
    auth: bool,
    is_local: bool = False,
    path: str = "",
    browse: bool = False,
) -> None:
    """Serve until a signal comes; say where, and open a browser there where that is wanted."""
    with needs_server():
        import uvicorn

        from ..server.app import make_app
    _log_to_stderr(each_request=not path)
    app = make_app(
        session.client,
        hosts=hosts,
        version=__version__,
        auth=auth,
        is_local=is_local,
        is_ending=lambda: running.should_exit,
    )
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    running = uvicorn.Server(config)
    with _listen(host, port) as listening:
        at = f"[{host}]" if ":" in host else host
        url = f"http://{at}:{listening.getsockname()[1]}{path}"
        if session.json:
            session.show_json("server/1", url=url, store=session.client.url)
        else:
            session.say(f"bt: serving {session.client.url} at {url}  (Ctrl-C ends it)")
        sys.stdout.flush()
        if browse:
            # It listens already: what the browser asks waits for the first answer.
            webbrowser.open(url)
        # Who asks a small thing waits this long for each that does a large one.
        sys.setswitchinterval(_TURN_S)
        _end_quietly()
        running.run(sockets=[listening])


def _has_tokens(session: Session) -> bool:
    with needs_server():
        from ..server.access import has_valid_tokens
    return session.has_database() and has_valid_tokens(session.client.open_store())


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {error.strerror or error}",
            hint="Choose another: bt server --port 0",
        ) from error
    # Connections have it from here. Without it, an answer that is sent in two parts waits 40 ms
    # for the other side to say that it has the first.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _end_quietly() -> None:
    """Go on to the end of the command once uvicorn, which raises its signal again, has stopped."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: None)


def _log_to_stderr(*, each_request: bool) -> None:
    """Print what goes wrong on stderr, and one line of JSON a request where that is wanted."""
    log = logging.getLogger("backtrail.server")
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO if each_request else logging.WARNING)
    log.propagate = False
