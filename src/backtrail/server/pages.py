"""What a browser is shown: the first page, the page of an output, and its twins."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from html import escape
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ..errors import BacktrailError, NotFoundError, names_near
from ..render import diff_html, impact_html, page, text, words
from ..render.fragment import text as _text
from ..render.narrative import headline, value_words
from ..render.svg import svg
from . import answers, things
from .access import now_us
from .answers import asked
from .problems import problem, status_of
from .routes import bounded_body, checked, document
from .schemas import FlagBody, UnflagQuery
from .sheet import (
    address,
    impact_address,
    links,
    marks_list,
    page_text,
    plain_page,
    run_links,
    scrolling,
)
from .suspects import suspects
from .view import in_words

if TYPE_CHECKING:
    from ..client import Client
    from ..model.records import Flagged, Mark
    from ..query.backtrace import Backtrace
    from ..query.impact import Impact
    from .view import Traces

Endpoint = Callable[[Request], Awaitable[Response]]
_SHOWN = 10
_LOOKED_AT = 50
_UNDONE_WITHIN_US = 10_000_000
_MOST_IN_CSV = 100_000
_LIKE_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CLOSED_WORDS = (
    ("explained", "explained: it is known why"),
    ("fixed", "fixed: it is made anew, or will not happen again"),
    ("no-fault", "not a fault: it is right as it is"),
    ("withdrawn", "withdrawn: the flag was a mistake"),
)
# Of longer traces the page begins before they are walked, and comes before the words, which
# look at every run once more.
_MOST_SAID_AT_ONCE = 3_000
_MOST_WALKS = 8
_GOES_ON = "<!-- goes on -->"
_SAID_LATER = '<p class="dim" data-later>Putting it into words…</p>'


def page_routes(client: Client, traces: Traces, *, shows_files: bool = False) -> list[BaseRoute]:
    """Give the routes of the pages over a client.

    ``traces`` are those of pages that are open; ``shows_files`` as in `app.make_app`.
    """
    walks = ThreadPoolExecutor(_MOST_WALKS, "backtrail-walk")

    def whole(make: Callable[[Client], Response]) -> Endpoint:
        async def endpoint(_request: Request) -> Response:
            return await run_in_threadpool(_shown, lambda: make(client))

        return endpoint

    def named(make: Callable[[Client, str], Response]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            name = request.path_params["name"]
            return await run_in_threadpool(_shown, lambda: make(client, name), client, name)

        return endpoint

    async def go(request: Request) -> Response:
        name = request.query_params.get("id", "").strip()
        return RedirectResponse(address(name) if name else "/", 303)

    async def flag(request: Request) -> Response:
        name = request.path_params["name"]
        told = await _said_in(request, "note", "by")
        body = checked(lambda: msgspec.convert({"output": name, **told}, FlagBody))

        def mark() -> Response:
            answers.flag(client, body)
            return RedirectResponse(address(name), 303)

        return await run_in_threadpool(_shown, mark)

    async def unflag(request: Request) -> Response:
        name = request.path_params["name"]
        told = await _said_in(request, "state", "note", "by")

        def close() -> Response:
            _close(client, [name], told)
            return RedirectResponse(address(name), 303)

        return await run_in_threadpool(_shown, close, client, name)

    async def close_all(request: Request) -> Response:
        told = await _said_in(request, "state", "note", "by")

        def close() -> Response:
            _close(client, [each.name for each in client.flagged()], told)
            return RedirectResponse("/review", 303)

        return await run_in_threadpool(_shown, close)

    async def diff(request: Request) -> Response:
        pair = request.path_params["pair"]
        return await run_in_threadpool(_shown, lambda: _diff(client, pair))

    async def help_page(_request: Request) -> Response:
        return plain_page("Help", things.HELP)

    return [
        Mount("/static", StaticFiles(packages=[("backtrail.server", "static")])),
        Route("/review", whole(_review)),
        Route("/review/close", close_all, methods=["POST"]),
        Route("/help", help_page),
        Route("/health", whole(things.health_page)),
        Route("/c", whole(things.components_page)),
        Route("/c/{name:path}", named(things.component_page)),
        Route("/f/{name:path}", named(partial(things.artifact_page, shows_files=shows_files))),
        Route("/r/{name:path}", named(things.run_page)),
        Route("/impact/{name:path}", named(_impact)),
        Route("/diff/{pair:path}", diff),
        Route("/flag/{name:path}", named(_flag_form), methods=["GET"]),
        Route("/flag/{name:path}", flag, methods=["POST"]),
        Route("/unflag/{name:path}", unflag, methods=["POST"]),
        Route("/", whole(_first)),
        Route("/o", go),
        Route("/o/{name:path}", named(lambda client, name: _output(client, walks, traces, name))),
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
            named += [(m.name, m.component or "") for m in found if m.what != "component"]
        body = f"<p>{_text(error.message)}</p>"
        body += f"<h2>Close matches</h2>{links(named)}" if named else f"<p>{_text(error.hint)}</p>"
        return plain_page(
            "Not found" if status_of(error) == 404 else "Not now", body, status_of(error)
        )


def _first(client: Client) -> Response:
    runs = client.recent(_LOOKED_AT) if client.has_records() else []
    written = ((w.name, run) for run in runs for w in run.outputs if w.kind == "output")
    newest: dict[str, str] = {}
    for name, run in written:
        newest.setdefault(name, f"{run.component}, {words.second(run.started_us)} UTC")
    flagged = client.flagged()[:_SHOWN] if runs else []
    body = ""
    if newest:
        body += f"<h2>Newest outputs</h2>{links(list(newest.items())[:_SHOWN])}"
    if flagged:
        body += f'{_flagged(flagged)}<p><a href="/review">What they have in common</a></p>'
    if runs:
        body = f'<div id="live">{body}<h2>Newest runs</h2>{run_links(runs[:_SHOWN])}</div>'
    else:
        body = (
            "<p>Nothing has been recorded yet. Put <code>@register</code> on a function and "
            "call it, or run <code>bt demo</code>.</p>"
        )
    return plain_page(
        "What made this?", f"<p>Paste an output id above, or type part of it.</p>{body}"
    )


def _output(client: Client, walks: Executor, traces: Traces, name: str) -> Response:
    """Give the page of an output; ``.json``, ``.txt``, ``.svg``, ``.html`` behind its id: twins."""
    try:
        walk = _begun(client, walks, name)
        if not walk.done() or len(walk.result().frames) > _MOST_SAID_AT_ONCE:
            return _streamed(client, traces, name, walk)
        trace = walk.result()
        said = in_words(client.explain(name, trace=trace))
        body = _top(client, trace) + said + _bottom(trace, name, traces.keep(name, trace)[0])
        return plain_page(f"Backtrace of {name}", body, wide=True)
    except NotFoundError:
        known, dot, suffix = name.rpartition(".")
        twin = _TWINS.get(suffix)
        if not dot or not known or twin is None:
            raise
    try:
        return twin(client, known)
    except BacktrailError as error:
        if suffix == "json":
            return problem(error)
        raise


def _begun(client: Client, walks: Executor, name: str) -> Future[Backtrace]:
    """Give a backtrace once it is there, or is seen to be a very long one and goes on."""
    decided = threading.Event()

    def watch(reached: int, _waiting: int) -> bool:
        if reached > _MOST_SAID_AT_ONCE:
            decided.set()
        return True

    walk = walks.submit(lambda: asked(client).backtrace(name, watch=watch))
    walk.add_done_callback(lambda _: decided.set())
    decided.wait()
    return walk


def _streamed(client: Client, traces: Traces, name: str, walk: Future[Backtrace]) -> Response:
    """Give the page of a very long trace: what is known at once, the rest when it was walked."""
    nearest = asked(client).backtrace(name, limit=1)
    run = nearest.frames[0].run
    made = f"Made on {words.day_and_minute(run.started_us)} by the step {run.component}."
    body = f"{_top(client, nearest)}<p>{_text(made)}</p>{_GOES_ON}"
    start, _, end = page_text(f"Backtrace of {name}", body, wide=True).partition(_GOES_ON)

    def pieces() -> Iterator[str]:
        yield start
        try:
            trace = walk.result()
        except BacktrailError as error:
            yield f"<p>{_text(error.message)}</p></div></section>{end}"
            return
        key, _ = traces.keep(name, trace)
        yield f"<p>{_text(headline(trace))}.</p>{_SAID_LATER}{_bottom(trace, name, key)}{end}"

    # Packing would keep the first piece back until the last.
    as_it_is = {"Content-Encoding": "identity"}
    return StreamingResponse(pieces(), media_type="text/html; charset=utf-8", headers=as_it_is)


def _top(client: Client, trace: Backtrace) -> str:
    """Give the page of an output up to where it is put into words; `_bottom` goes on."""
    output = trace.output
    value = value_words(output)
    # Of most outputs nobody said anything; of a run asked for by its id nothing can be said.
    marks = [] if output.kind == "run" else client.marks(output.name)
    flag = ""
    if marks:
        last, at = marks[0], escape(_flag_address(output.name))
        if last.state == "open":
            flag = f'<span class="warn">! flagged</span> as wrong. <a href="{at}">Close it</a>, or '
            flag += 'see what <a href="/review">flagged outputs have in common</a>.'
        else:
            word = dict(_CLOSED_WORDS)[last.state]
            flag = f'It was flagged as wrong. Now: <strong>{word}</strong>. <a href="{at}">More</a>'
        undo = _undo(output.name, marks)
        flag = f'<div class="banner"><p>{flag}</p>{undo}{marks_list(marks)}</div>'
    return (
        f'{flag}<section class="said" aria-label="In words">'
        f"{f'<p><strong>{_text(value)}</strong></p>' if value else ''}"
        '<div id="words">'
    )


def _bottom(trace: Backtrace, name: str, key: str) -> str:
    """Give the place where a trace is drawn."""
    page_at = escape(f"{address(name)}.html")
    return (
        f'</div></section><p class="hidden">{_text(headline(trace))}</p>'
        f'<div id="trace" data-name="{escape(name)}" data-key="{key}">'
        f'<p><a href="{escape(_flag_address(name))}">Flag this output</a></p>'
        f'<p><a href="{page_at}">All steps, their graph and details on one page</a></p></div>'
    )


def _review(client: Client) -> Response:
    flagged = client.flagged() if client.has_records() else []
    if not flagged:
        return plain_page("Review", "<p>No output is flagged.</p>")
    found = client.review()
    many = words.count(len(flagged), "flag")
    form = _close_form("/review/close")
    closing = f"<details><summary>Close all, {many}</summary>{form}</details>"
    return plain_page("Review", suspects(found) + _flagged(flagged) + closing, wide=True)


def _impact(client: Client, what: str) -> Response:
    """Give the page of what is built on something; ``.csv`` behind its name: the outputs."""
    try:
        found = asked(client).impact(what)
    except NotFoundError:
        if not what.endswith(".csv"):
            raise
        return _outputs_csv(asked(client).impact(what.removesuffix(".csv")))
    body = scrolling(impact_html.impact(found))
    outputs = [(each.name, each.component) for each in islice(found.outputs, _LOOKED_AT)]
    if outputs:
        more = found.outputs_total - len(outputs)
        body += f"<h2>Outputs</h2>{links(outputs)}<p>"
        body += f"And {more:,} more. " if more > 0 else ""
        which = f"the first {_MOST_IN_CSV:,}" if found.outputs_total > _MOST_IN_CSV else "all"
        body += f'<a href="{impact_address(what)}.csv">CSV of {which}</a></p>'
    return plain_page(f"Built on {what}", body, wide=True)


def _outputs_csv(found: Impact) -> Response:
    """Give the outputs that are affected as a file for a spreadsheet, nearest first."""
    file = io.StringIO()
    write = csv.writer(file).writerow
    write(("output", "component", "run", "written (UTC)", "flagged"))
    for each in islice(found.outputs, _MOST_IN_CSV):
        said = (each.name, each.component, each.run_id, words.second(each.written_us))
        # A spreadsheet would work out what begins like a formula.
        cells = [f"'{cell}" if cell.startswith(_LIKE_A_FORMULA) else cell for cell in said]
        write((*cells, "yes" if each.flagged else ""))
    head = {"Content-Disposition": 'attachment; filename="outputs.csv"'}
    return Response(file.getvalue(), media_type="text/csv", headers=head)


def _diff(client: Client, pair: str) -> Response:
    """Give the page that compares the two outputs of ``A..B``; a name may hold dots of its own."""
    places = [dots.start() for dots in re.finditer(r"(?=\.\.)", pair)] or [len(pair)]
    for place in places:
        a, b = pair[:place], pair[place + 2 :]
        try:
            found = asked(client).diff(a, b)
            break
        except NotFoundError:
            if place == places[-1]:
                raise
    body = links([(a, "what is behind it"), (b, "what is behind it")])
    body += scrolling(diff_html.backtrace_diff(found))
    return plain_page(f"{a} against {b}", body, wide=True)


def _flagged(found: Sequence[Flagged]) -> str:
    said = [(f.name, f"{words.second(f.flagged_us)} UTC, {f.by}: {f.note}") for f in found]
    return f"<h2>Flagged outputs</h2>{links(said)}"


def _flag_form(client: Client, name: str) -> Response:
    known = asked(client).output_named(name)
    said = client.marks(known)
    body = ""
    if said and said[0].state == "open":
        body = f"<p>It is flagged: {_text(said[0].note or 'nothing was said why')}.</p>"
        body += f"<h2>Close the flag</h2>{_close_form(_unflag_address(known))}"
        body += "<h2>Flag it once more</h2>"
    body += (
        f'<form method="post" action="{escape(_flag_address(known))}">'
        '<label for="note">What is wrong?</label><input id="note" name="note" required>'
        '<label for="by">Your name</label><input id="by" name="by" required autocomplete="name">'
        "<button>Flag</button></form>"
    )
    return plain_page(f"Flag {known}", body + marks_list(said), box=False)


async def _said_in(request: Request, *names: str) -> dict[str, str]:
    """Give what was filled in of these fields of a form."""
    fields = dict(parse_qsl((await bounded_body(request)).decode("utf-8", "replace")))
    return {name: fields[name] for name in names if fields.get(name)}


def _close(client: Client, names: Sequence[str], told: dict[str, str]) -> None:
    for name in names:
        read = partial(msgspec.convert, {"output": name, **told}, UnflagQuery)
        answers.unflag(client, checked(read))


def _close_form(action: str) -> str:
    choices = "".join(f'<option value="{state}">{word}</option>' for state, word in _CLOSED_WORDS)
    return (
        f'<form method="post" action="{escape(action)}">'
        f'<label for="state">What became of it?</label><select id="state" name="state">{choices}'
        '</select><label for="why">Why?</label><input id="why" name="note">'
        '<label for="closer">Your name</label>'
        '<input id="closer" name="by" required autocomplete="name"><button>Close it</button></form>'
    )


def _as_json(client: Client, name: str) -> Response:
    return document(client.backtrace(name).to_dict())


def _as_text(client: Client, name: str) -> Response:
    return PlainTextResponse(text.backtrace(client.backtrace(name)) + "\n")


def _as_picture(client: Client, name: str) -> Response:
    return Response(svg(client.backtrace(name)), media_type="image/svg+xml")


def _as_page(client: Client, name: str) -> Response:
    found = client.explain(name)
    said = [sentence.text for sentence in found.sentences]
    return HTMLResponse(page.page(found.backtrace, said=said, flag_at=_flag_address(name)))


def _undo(name: str, marks: Sequence[Mark]) -> str:
    """Give what takes back the last mark, for as long as it is new; that is a mark as well."""
    last = marks[0]
    if not 0 <= now_us() - last.marked_us < _UNDONE_WITHIN_US:
        return ""
    if last.state == "open":
        action, fields = _unflag_address(name), [("state", "withdrawn"), ("note", "undone")]
    elif len(marks) > 1:
        action, fields = _flag_address(name), [("note", marks[1].note or "open again")]
    else:
        return ""
    hidden = "".join(
        f'<input type="hidden" name="{field}" value="{escape(said)}">'
        for field, said in [*fields, ("by", last.by or "somebody")]
    )
    return (
        f'<form class="undo" method="post" action="{escape(action)}">{hidden}'
        "<button>Undo</button></form>"
    )


_TWINS: dict[str, Callable[[Client, str], Response]] = {
    "json": _as_json,
    "txt": _as_text,
    "svg": _as_picture,
    "html": _as_page,
}


def _unflag_address(name: str) -> str:
    return f"/unflag/{quote(name, safe='')}"


def _flag_address(name: str) -> str:
    return f"/flag/{quote(name, safe='')}"
