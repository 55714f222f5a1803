"""What every request passes: who may ask, how many at once, what a browser may do, the log."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import BacktrailError
from .access import SAFE, caller, caller_name, scope_for
from .peer import user_of
from .problems import RefusedError, problem
from .sheet import reads_pages, trouble

if TYPE_CHECKING:
    from ..store.protocol import TokenRow

MOST_AT_ONCE = 64
_log = logging.getLogger("backtrail.server")
_HEADERS = {
    # Answers bring styles of their own; no page brings a script, and none asks elsewhere.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # With no-referrer the forms of our own pages would come from nowhere.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


# What needs no token: it tells nothing of what was recorded.
_OPEN = ("/healthz", "/readyz", "/login", "/logout", "/api/v1/openapi.json")
_OPEN_FILES = "/static/"
# It goes on as long as a page is open, and does next to nothing.
_LONG = ("/page/news",)
COOKIE = "backtrail"
Admit = Callable[["str | None", str], "TokenRow | None"]


class Gate:
    """The outermost part of the server.

    Args:
        app: what answers.
        hosts: names that a request's Host may have, so that no foreign name that was made to
            point here is served; None for any.
        admit: gives the token that a request comes with, if what it may suffices
            (`access.admit`); None where everybody may do everything.
        login: answers a person who has no token, for the reason it is given.
        users: ids of the users of this machine who may ask; None for any. Where the machine
            does not tell whose a connection is, it is let in.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Iterable[str] | None,
        admit: Admit | None,
        login: Callable[[str, RefusedError], Response],
        users: Iterable[int] | None = None,
    ) -> None:
        self._app = app
        self._hosts = None if hosts is None else frozenset(hosts)
        self._admit = admit
        self._login = login
        self._users = None if users is None else frozenset(users)
        self._inside = 0
        self.answered: Counter[tuple[str, int]] = Counter()
        self.seconds = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        counts = scope["path"] not in _LONG
        self._inside += counts
        try:
            answer = await self._answer(scope)
            await answer(scope, receive, send_with_headers)
        finally:
            self._inside -= counts
            self._note(scope, status, time.perf_counter() - began)

    async def _answer(self, scope: Scope) -> ASGIApp:
        refused = self._refused(scope)
        if refused is not None:
            return trouble(Request(scope), refused)
        if self._admit is not None and not _is_open(scope["path"]):
            request = Request(scope)
            needed = scope_for(scope["method"], scope["path"])
            try:
                caller.set(await run_in_threadpool(self._admit, _token_of(request), needed))
            except RefusedError as error:
                return self._refusal(request, error)
            except BacktrailError as error:
                return trouble(request, error)
        return self._app

    def _refusal(self, request: Request, error: RefusedError) -> Response:
        if reads_pages(request):
            query = f"?{request.url.query}" if request.url.query else ""
            return self._login(request.url.path + query, error)
        response = problem(error)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def _refused(self, scope: Scope) -> RefusedError | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._hosts is not None and _name_in(host) not in self._hosts:
            return RefusedError(421, "this server does not answer to that host name")
        if scope["method"] not in SAFE and not _is_own(headers, host):
            return RefusedError(403, "a page of another site may not change anything here")
        if self._is_of_another(scope):
            return RefusedError(
                403,
                "this page is for the user who opened it",
                "Open one of your own: bt ui. For several people: bt server.",
            )
        if self._inside > MOST_AT_ONCE:
            return RefusedError(503, "too many requests at once", "Try again in a moment.")
        return None

    def _is_of_another(self, scope: Scope) -> bool:
        if self._users is None:
            return False
        found = user_of(tuple(scope["client"]), tuple(scope["server"]))
        return found is not None and found not in self._users

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        self.answered[(scope["method"], status)] += 1
        self.seconds += seconds
        # The path without its query, and the name of a token: none of it can hold a secret.
        line: dict[str, Any] = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round(seconds * 1000, 1),
            "who": caller_name(),
        }
        _log.info("%s", json.dumps(line))

    def metrics(self) -> str:
        """Give the counts in the text format of Prometheus."""
        lines = [
            "# HELP backtrail_http_requests_total Requests that were answered.",
            "# TYPE backtrail_http_requests_total counter",
        ]
        lines += [
            f'backtrail_http_requests_total{{method="{method}",status="{status}"}} {count}'
            for (method, status), count in sorted(self.answered.items())
        ]
        lines += [
            "# HELP backtrail_http_seconds_total Time that answering took, in seconds.",
            "# TYPE backtrail_http_seconds_total counter",
            f"backtrail_http_seconds_total {self.seconds:.6f}",
            "# HELP backtrail_http_requests_inside Requests that are being answered.",
            "# TYPE backtrail_http_requests_inside gauge",
            f"backtrail_http_requests_inside {self._inside}",
        ]
        return "\n".join(lines) + "\n"


def _token_of(request: Request) -> str | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    return request.cookies.get(COOKIE)


def _is_open(path: str) -> bool:
    return path in _OPEN or path.startswith(_OPEN_FILES)


def _name_in(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_own(headers: Headers, host: str) -> bool:
    """Tell whether a request came from a page of this server, or from no browser at all."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == host
