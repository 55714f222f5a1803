"""What all pages have: the box for an id, the links, a title, and how names become links."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ..errors import BacktrailError, names_near
from ..model.facts import ASSIGNED
from ..model.records import Mark, Run
from ..render import words
from ..render.fragment import text as _text
from ..render.narrative import run_mark
from .problems import RETRY_AFTER_S, problem, status_of, words_of

if TYPE_CHECKING:
    from ..client import Client

_BOX = (
    '<form class="box" action="/o"><label class="hidden" for="id">Output id</label>'
    '<input id="id" name="id" required autocomplete="off" spellcheck="false" '
    'placeholder="Paste an output id"><button>Trace</button></form>'
)
_LINKS = (("/", "Newest"), ("/review", "Review"), ("/c", "Components"), ("/help", "Help"))
_HEAD = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<link rel="stylesheet" href="/static/app.css">'
    '<script type="module" src="/static/app.js"></script>'
)


def shown(
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
            named += [(m.name, m.component or "") for m in found if m.what != "component"]
        return _trouble_page(error, named)


def trouble(request: Request, error: Exception) -> Response:
    """Give an error as a page to whoever reads pages, and as a problem to programs."""
    return _trouble_page(error) if reads_pages(request) else problem(error)


def reads_pages(request: Request) -> bool:
    """Tell whether a request came from whoever reads pages, not from a program."""
    is_page = not request.url.path.startswith("/api/")
    return is_page and "text/html" in request.headers.get("accept", "")


_TITLES = {404: "Not found", 500: "A fault in backtrail", 503: "Not now"}


def _trouble_page(error: Exception, near: Sequence[tuple[str, str]] = ()) -> Response:
    """Give a page that says what went wrong, and what is near or what to do next."""
    status, (title, hint) = status_of(error), words_of(error)
    body = f'<p role="alert">{_text(title[:1].upper() + title[1:])}.</p>'
    body += f"<h2>Close matches</h2>{links(near)}" if near else f"<p>{_text(hint)}</p>"
    if status == 503:
        body += '<p><a href="">Try again</a></p>'
    response = plain_page(_TITLES.get(status, "That cannot be done"), body, status)
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER_S
    return response


def plain_page(
    title: str, body: str, status: int = 200, *, box: bool = True, wide: bool = False
) -> Response:
    """Give a page with a title and a body of HTML, below the box for an id and the links."""
    return HTMLResponse(page_text(title, body, box=box, wide=wide), status)


def page_text(title: str, body: str, *, box: bool = True, wide: bool = False) -> str:
    """Give the HTML of `plain_page`."""
    narrow = "" if wide else ' class="text"'
    ways = "".join(f'<a href="{at}">{name}</a>' for at, name in _LINKS)
    top = (
        f'<header class="top"><div id="box">{_BOX}</div><nav aria-label="Pages">{ways}'
        '<button id="theme" type="button" hidden>Light or dark</button></nav></header>'
    )
    return (
        f"{_HEAD}<title>{_text(title)}</title></head><body>"
        f'<a class="skip" href="#main">To the content</a>{top if box else ""}'
        f'<main id="main"{narrow}><h1>{_text(title)}</h1>'
        f"{body}</main></body></html>\n"
    )


def page_at(kind: str, name: str) -> str:
    """Give where the page of this kind of something with a name is."""
    return f"/{kind}/{quote(name, safe='')}"


def address(name: str) -> str:
    """Give where the page of an output is."""
    return page_at("o", name)


def run_address(run_id: str) -> str:
    """Give where the page of a run is."""
    return page_at("r", run_id)


def component_address(name: str) -> str:
    """Give where the page of a component is."""
    return page_at("c", name)


def artifact_address(name: str) -> str:
    """Give where the page of a file or another artifact is."""
    return f"/f/{quote(name, safe='')}"


def impact_address(what: str) -> str:
    """Give where the page of what is built on a run, or on an artifact, is."""
    return page_at("impact", what)


def described(facts: Iterable[tuple[str, str]]) -> str:
    """Give facts, each a label and what there is to say, as a list."""
    listed = "".join(f"<dt>{_text(label)}</dt><dd>{_text(fact)}</dd>" for label, fact in facts)
    return f'<dl class="map">{listed}</dl>'


def scrolling(content: str, label: str = "Answer") -> str:
    """Give what may be wider than the screen: it scrolls by itself, with the keyboard as well."""
    return f'<div class="wide" role="region" aria-label="{label}" tabindex="0">{content}</div>'


def links(named: Sequence[tuple[str, str]]) -> str:
    """Give a list of links to outputs, each with a word about it."""
    return _links((address(name), name, about) for name, about in named)


def artifact_links(named: Sequence[tuple[str, str, str]]) -> str:
    """Give a list of links to artifacts, of each its name, its kind and a word about it."""
    return _links(
        (address(name) if kind == "output" else artifact_address(name), name, about)
        for name, kind, about in named
    )


def _links(found: Iterable[tuple[str, str, str]]) -> str:
    entries = "".join(
        f'<li><a href="{escape(at)}">{_text(name)}</a> <span class="dim">{_text(about)}</span></li>'
        for at, name, about in found
    )
    return f"<ul>{entries}</ul>" if entries else ""


def marks_list(marks: Sequence[Mark]) -> str:
    """Give all that was said of an output with flags, folded away."""
    if not marks:
        return ""
    said = "".join(
        f"<li>{_text(words.second(mark.marked_us))} UTC, {_text(mark.by or 'somebody')}: "
        f"<strong>{_text(mark.state)}</strong> {_text(_told(mark))}</li>"
        for mark in marks
    )
    return f"<details><summary>What was said of it</summary><ul>{said}</ul></details>"


def _told(mark: Mark) -> str:
    return f"to {mark.note or 'nobody'}" if mark.state == ASSIGNED else mark.note


def run_links(runs: Sequence[Run]) -> str:
    """Give runs as a list of links, with how each went and what it made."""
    entries = []
    for run in runs:
        mark = run_mark(run)
        tone = f' class="{mark.tone}"' if mark.sign else ""
        made = ", ".join(each.name for each in run.outputs[:3])
        entries.append(
            f'<li><a href="{run_address(run.run_id)}">{_text(words.second(run.started_us))} '
            f"{_text(run.component)}</a> <span{tone}>{_text(str(mark))}</span> "
            f'<span class="dim">{_text(f"made {made}" if made else "")}</span></li>'
        )
    return f"<ul>{''.join(entries)}</ul>"
