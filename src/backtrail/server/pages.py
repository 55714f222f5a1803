"""What a browser is shown: the first page, the page of an output, and its twins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ..errors import BacktrailError, NotFoundError, names_near
from ..render import diff_html, impact_html, page, review_html, text, words
from ..render.fragment import text as _text
from ..render.svg import svg
from . import answers
from .answers import asked
from .problems import problem, status_of
from .routes import bounded_body, checked, document
from .schemas import FlagBody

if TYPE_CHECKING:
    from ..client import Client
    from ..model.records import Flagged
    from ..query.backtrace import Backtrace

_SHOWN = 10
_STYLE = """\
:root{color-scheme:light dark;--ink:#1f2328;--paper:#fff;--dim:#59636e;--link:#0550ae}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--paper:#0d1117;--dim:#9198a1;\
--link:#79c0ff}}
body{margin:0 auto;max-width:60rem;padding:1.5rem;background:var(--paper);color:var(--ink);\
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
.wide{overflow-x:auto}a{color:var(--link)}.dim{color:var(--dim)}ul{padding-left:1.25rem}\
li{padding:.15rem 0}
form{display:flex;flex-wrap:wrap;gap:.5rem}label{flex-basis:100%}
input{flex:1 1 12rem;min-width:0}input,button{font:inherit;padding:.4rem .6rem}"""


def page_routes(client: Client) -> list[Route]:
    """Give the routes of the pages over a client."""

    async def first(_request: Request) -> Response:
        return await run_in_threadpool(_shown, lambda: _first(client))

    async def go(request: Request) -> Response:
        name = request.query_params.get("id", "").strip()
        return RedirectResponse(_address(name) if name else "/", 303)

    async def output(request: Request) -> Response:
        name = request.path_params["name"]
        return await run_in_threadpool(_shown, lambda: _output(client, name), client, name)

    async def form(request: Request) -> Response:
        name = request.path_params["name"]
        return await run_in_threadpool(_shown, lambda: _flag_form(client, name), client, name)

    async def flag(request: Request) -> Response:
        name = request.path_params["name"]
        fields = dict(parse_qsl((await bounded_body(request)).decode("utf-8", "replace")))
        told = {key: fields[key] for key in ("note", "by") if fields.get(key)}
        body = checked(lambda: msgspec.convert({"output": name, **told}, FlagBody))

        def mark() -> Response:
            answers.flag(client, body)
            return RedirectResponse(_address(name), 303)

        return await run_in_threadpool(_shown, mark)

    async def review(_request: Request) -> Response:
        return await run_in_threadpool(_shown, lambda: _review(client))

    async def impact(request: Request) -> Response:
        what = request.path_params["what"]
        return await run_in_threadpool(_shown, lambda: _impact(client, what), client, what)

    async def diff(request: Request) -> Response:
        a, _, b = request.path_params["pair"].partition("..")
        return await run_in_threadpool(_shown, lambda: _diff(client, a, b))

    return [
        Route("/review", review),
        Route("/impact/{what:path}", impact),
        Route("/diff/{pair:path}", diff),
        Route("/flag/{name:path}", form, methods=["GET"]),
        Route("/flag/{name:path}", flag, methods=["POST"]),
        Route("/", first),
        Route("/o", go),
        Route("/o/{name:path}", output),
    ]


def _shown(
    make: Callable[[], Response], client: Client | None = None, asked_for: str = ""
) -> Response:
    """Give the page, or one that says what went wrong, and what is near or has that text in it."""
    try:
        return make()
    except BacktrailError as error:
        named = [(name, "") for name in names_near(error)]
        if client is not None and status_of(error) == 404 and client.has_records():
            known = {name for name, _ in named}
            found = [match for match in client.find(asked_for) if match.name not in known]
            # Of a component there is no page yet.
            named += [(m.name, m.component or "") for m in found if m.what != "component"]
        body = f"<p>{_text(error.message)}</p>"
        body += f"<h2>Close matches</h2>{_links(named)}" if named else f"<p>{_text(error.hint)}</p>"
        return plain_page(
            "Not found" if status_of(error) == 404 else "Not now", body, status_of(error)
        )


def _first(client: Client) -> Response:
    runs = client.recent(_SHOWN) if client.has_records() else []
    newest = [(w.name, run.component) for run in runs for w in run.outputs if w.kind == "output"]
    flagged = client.flagged()[:_SHOWN] if runs else []
    body = ""
    if newest:
        body += f"<h2>Newest outputs</h2>{_links(newest[:_SHOWN])}"
    if flagged:
        body += f'{_flagged(flagged)}<p><a href="/review">What they have in common</a></p>'
    if not runs:
        body = (
            "<p>Nothing has been recorded yet. Put <code>@register</code> on a function and "
            "call it, or run <code>bt demo</code>.</p>"
        )
    return plain_page("backtrail", body)


def _output(client: Client, name: str) -> Response:
    """Give the page of an output; ``.json``, ``.txt`` and ``.svg`` behind its id give twins."""
    try:
        found = asked(client).explain(name)
        said = [sentence.text for sentence in found.sentences]
        return HTMLResponse(page.page(found.backtrace, said=said, flag_at=_flag_address(name)))
    except NotFoundError:
        known, dot, suffix = name.rpartition(".")
        twin = _TWINS.get(suffix)
        if not dot or not known or twin is None:
            raise
    try:
        return twin(client.backtrace(known))
    except BacktrailError as error:
        if suffix == "json":
            return problem(error)
        raise


def _review(client: Client) -> Response:
    flagged = client.flagged() if client.has_records() else []
    if not flagged:
        return plain_page("Review", "<p>No output is flagged.</p>")
    return plain_page("Review", _wide(review_html.review(client.review())) + _flagged(flagged))


def _impact(client: Client, what: str) -> Response:
    return plain_page(f"Built on {what}", _wide(impact_html.impact(asked(client).impact(what))))


def _diff(client: Client, a: str, b: str) -> Response:
    found = asked(client).diff(a, b)
    return plain_page(f"{a} against {b}", _wide(diff_html.backtrace_diff(found)))


def _wide(content: str) -> str:
    """Give what may be wider than the screen: it scrolls by itself, with the keyboard as well."""
    return f'<div class="wide" role="region" aria-label="Answer" tabindex="0">{content}</div>'


def _flagged(found: Sequence[Flagged]) -> str:
    said = [(f.name, f"{words.second(f.flagged_us)} UTC, {f.by}: {f.note}") for f in found]
    return f"<h2>Flagged outputs</h2>{_links(said)}"


def _flag_form(client: Client, name: str) -> Response:
    known = asked(client).output_named(name)
    body = (
        f'<form method="post" action="{escape(_flag_address(known))}">'
        '<label for="note">What is wrong?</label><input id="note" name="note" required>'
        '<label for="by">Your name</label><input id="by" name="by" required autocomplete="name">'
        "<button>Flag</button></form>"
    )
    return plain_page(f"Flag {known}", body, box=False)


def _as_text(trace: Backtrace) -> Response:
    return PlainTextResponse(text.backtrace(trace) + "\n")


def _as_picture(trace: Backtrace) -> Response:
    return Response(svg(trace), media_type="image/svg+xml")


_TWINS: dict[str, Callable[[Backtrace], Response]] = {
    "json": lambda trace: document(trace.to_dict()),
    "txt": _as_text,
    "svg": _as_picture,
}


def _address(name: str) -> str:
    return f"/o/{quote(name, safe='')}"


def _flag_address(name: str) -> str:
    return f"/flag/{quote(name, safe='')}"


def _links(named: list[tuple[str, str]]) -> str:
    entries = "".join(
        f'<li><a href="{escape(_address(name))}">{_text(name)}</a> '
        f'<span class="dim">{_text(about)}</span></li>'
        for name, about in named
    )
    return f"<ul>{entries}</ul>" if entries else ""


_BOX = (
    '<form action="/o"><label for="id">What made this? Paste an output id.</label>'
    '<input id="id" name="id" required autocomplete="off" spellcheck="false">'
    "<button>Trace</button></form>"
)


def plain_page(title: str, body: str, status: int = 200, *, box: bool = True) -> Response:
    """Give a page with a title and a body of HTML, and the box for an id above it."""
    return HTMLResponse(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{_text(title)}</h1>{_BOX if box else ''}{body}</main></body></html>\n",
        status,
    )
