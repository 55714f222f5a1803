"""The application: routes behind the gate, and errors as problems."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ..errors import BacktrailError
from .access import admit
from .afar import store_routes
from .gate import Gate
from .login import login_page, login_routes
from .pages import page_routes
from .problems import RefusedError
from .routes import api_routes, document
from .sheet import trouble
from .view import Traces, view_routes

if TYPE_CHECKING:
    from ..client import Client
    from ..store.protocol import TokenRow

_log = logging.getLogger("backtrail.server")
_WORTH_PACKING_BYTES = 8 << 10


def make_app(
    client: Client,
    *,
    hosts: Iterable[str] | None,
    version: str,
    auth: bool = True,
    is_local: bool = False,
    is_ending: Callable[[], bool] = lambda: False,
) -> Gate:
    """Give the server as an ASGI application.

    Args:
        client: of the store that is served; closing it is the caller's.
        hosts: names that requests may give as Host; None for any.
        auth: whether a token is asked for, once there are any.
        is_local: whether it is for the person at this machine alone. Then pages look at files
            here, and can load the example. Not for others: a name may be that of any file.
        version: of ours, for the OpenAPI document.
        is_ending: tells when the process is to stop, so that what goes on for long ends too.
    """

    async def alive(_request: Request) -> Response:
        return document({"status": "ok"})

    async def ready(_request: Request) -> Response:
        if client.has_records():
            await run_in_threadpool(client.recent, 1)
        return document({"status": "ok"})

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(gate.metrics(), media_type="text/plain; version=0.0.4")

    traces = Traces(client)
    app = Starlette(
        routes=[
            Route("/healthz", alive),
            Route("/readyz", ready),
            Route("/metrics", metrics),
            *api_routes(client, version),
            *store_routes(client, version),
            *page_routes(client, traces, is_local=is_local),
            *view_routes(client, traces, is_ending),
            *login_routes(client),
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=_WORTH_PACKING_BYTES, compresslevel=1)],
        exception_handlers={
            BacktrailError: _problem,
            RefusedError: _problem,
            HTTPException: _http_problem,
            Exception: _fault,
        },
    )

    def admitted(token: str | None, needed: str) -> TokenRow | None:
        # Looking for tokens makes no database.
        return admit(client.open_store(), token, needed) if client.has_records() else None

    # The superuser reads everything anyhow.
    users = (os.getuid(), 0) if is_local else None
    gate = Gate(app, hosts, admitted if auth else None, login_page, users)
    return gate


async def _problem(request: Request, error: Exception) -> Response:
    return trouble(request, error)


async def _http_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # what it is registered for
    of_api = request.url.path.startswith("/api/")
    hint = "See /api/v1/openapi.json." if of_api else "Paste an output id, or begin at Newest."
    response = trouble(request, RefusedError(error.status_code, error.detail, hint))
    response.headers.update(error.headers or {})
    return response


async def _fault(request: Request, error: Exception) -> Response:
    _log.error("a fault in backtrail", exc_info=error)
    return trouble(request, error)
