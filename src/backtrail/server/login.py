"""How a person comes in with a browser: a token, kept in a cookie that no script can read."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ..render.fragment import text
from .access import admit
from .gate import COOKIE
from .problems import RefusedError
from .routes import posted_form
from .sheet import plain_page

if TYPE_CHECKING:
    from ..client import Client


def login_routes(client: Client) -> list[Route]:
    """Give the routes of coming in and going out."""

    async def ask(_request: Request) -> Response:
        return login_page("/", None)

    async def enter(request: Request) -> Response:
        fields = dict(await posted_form(request))
        token, then = fields.get("token", "").strip(), _own_path(fields.get("then", "/"))
        try:
            await run_in_threadpool(admit, client.open_store(), token, "read")
        except RefusedError as error:
            return login_page(then, error)
        response = RedirectResponse(then, 303)
        # Lax: a link in a chat leads to its page, but no other site can post with it.
        response.set_cookie(
            COOKIE, token, httponly=True, samesite="lax", secure=request.url.scheme == "https"
        )
        return response

    async def leave(_request: Request) -> Response:
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE)
        return response

    return [
        Route("/login", ask, methods=["GET"]),
        Route("/login", enter, methods=["POST"]),
        Route("/logout", leave, methods=["POST"]),
    ]


def login_page(then: str, why: RefusedError | None) -> Response:
    """Give the page that asks for a token, and leads to the path ``then``."""
    title = why.title[:1].upper() + why.title[1:] if why else ""
    said = f'<p role="alert">{text(title)}.</p>' if why else ""
    body = (
        f'{said}<form method="post" action="/login">'
        f'<input type="hidden" name="then" value="{escape(then)}">'
        '<label for="token">Your token</label>'
        '<input id="token" name="token" type="password" required autocomplete="current-password">'
        "<button>Come in</button></form>"
        "<p>Whoever runs this server makes one: <code>bt server token create</code></p>"
    )
    return plain_page("Who is it?", body, 200 if why is None else why.status, box=False)


def _own_path(then: str) -> str:
    """Give a path of this server: nobody is led elsewhere."""
    is_own = then.startswith("/") and not then.startswith(("//", "/\\"))
    return then if is_own and then.isprintable() else "/"
