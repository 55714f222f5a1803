"""What a browser is shown: the first page, the page of an output, and its twins."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from html import escape
from itertools import islice
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ..errors import BacktrailError, NotFoundError
from ..render import diff_html, impact_graph, impact_html, page, words
from ..render.fragment import text as _text
from ..render.narrative import headline, value_words
from . import things, twins
from .access import caller_may
from .answers import asked
from .example import Example
from .marking import banner, flag_address, flagged_list, mark_routes
from .sheet import (
    address,
    component_address,
    impact_address,
    links,
    page_text,
    plain_page,
    run_address,
    run_links,
    scrolling,
    shown,
)
from .view import in_words

if TYPE_CHECKING:
    from ..client import Client
    from ..query.backtrace import Backtrace
    from ..query.diff import BacktraceDiff
    from ..query.impact import Impact
    from .view import Traces

Endpoint = Callable[[Request], Awaitable[Response]]
_SHOWN = 10
_LOOKED_AT = 50
_MOST_IN_CSV = 100_000
_MOST_LINES = 2_000
_LIKE_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Of longer traces the page begins before they are walked, and comes before the words, which
# look at every run once more.
_MOST_SAID_AT_ONCE = 3_000
_MOST_WALKS = 8
_GOES_ON = "<!-- goes on -->"
_EMPTY = """\
<p>Nothing has been recorded yet. Register a function, and call it:</p>
<pre><code>import backtrail as bt

@bt.register("clean", input_path="raw", output_path="to")
def clean(raw, to): ...</code></pre>
"""
_LOCAL_COMMAND = "<p>Or run <code>bt demo --db</code> with the address of this server.</p>"
_SAID_LATER = '<p class="dim" data-later>Putting it into words…</p>'


def page_routes(client: Client, traces: Traces, *, is_local: bool = False) -> list[BaseRoute]:
    """Give the routes of the pages over a client.

    ``traces`` are those of pages that are open; ``is_local`` as in `app.make_app`.
    """
    compare = partial(_compared, is_local=is_local)
    example = Example(client) if is_local else None
    walks = ThreadPoolExecutor(_MOST_WALKS, "backtrail-walk")

    def whole(make: Callable[[Client], Response]) -> Endpoint:
        async def endpoint(_request: Request) -> Response:
            return await run_in_threadpool(shown, lambda: make(client))

        return endpoint

    def named(page: twins.Make, beside: Mapping[str, twins.Make]) -> Endpoint:
        make = twins.with_twins(page, beside)

        async def endpoint(request: Request) -> Response:
            name = request.path_params["name"]
            return await run_in_threadpool(shown, lambda: make(client, name), client, name)

        return endpoint

    async def go(request: Request) -> Response:
        name = request.query_params.get("id", "").strip()
        return RedirectResponse(address(name) if name else "/", 303)

    async def load(_request: Request) -> Response:
        if example is not None:
            await run_in_threadpool(example.start)
        return RedirectResponse("/", 303)

    def output_page(client: Client, name: str) -> Response:
        return _output(client, walks, traces, name)

    file_page = partial(things.artifact_page, shows_files=is_local)

    async def help_page(_request: Request) -> Response:
        return plain_page("Help", things.HELP)

    return [
        Mount("/static", StaticFiles(packages=[("backtrail.server", "static")])),
        *mark_routes(client),
        Route("/help", help_page),
        Route("/health", whole(things.health_page)),
        Route("/c", whole(things.components_page)),
        Route("/c/{name:path}", named(things.component_page, twins.of_runs(things.history))),
        Route("/f/{name:path}", named(file_page, twins.of_runs(things.makers))),
        Route("/r/{name:path}", named(things.run_page, twins.RUN)),
        Route("/impact/{name:path}", named(_impact, {**twins.IMPACT, "csv": _impact_csv})),
        Route("/diff/{name:path}", named(partial(_diff, compare), twins.of_diff(compare))),
        Route("/", whole(partial(_first, example=example))),
        Route("/example", load, methods=["POST"]),
        Route("/o", go),
        Route("/o/{name:path}", named(output_page, {**twins.OUTPUT, "html": _as_page})),
    ]


def _first(client: Client, example: Example | None) -> Response:
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
        body += f'{flagged_list(flagged)}<p><a href="/review">What they have in common</a></p>'
    if runs:
        body += f"<h2>Newest runs</h2>{run_links(runs[:_SHOWN])}"
    else:
        body = _EMPTY + (_LOCAL_COMMAND if example is None else example.offer())
    return plain_page(
        "What made this?",
        f'<p>Paste an output id above, or type part of it.</p><div id="live">{body}</div>',
    )


def _output(client: Client, walks: Executor, traces: Traces, name: str) -> Response:
    """Give the page of an output."""
    walk = _begun(client, walks, name)
    if not walk.done() or len(walk.result().frames) > _MOST_SAID_AT_ONCE:
        return _streamed(client, traces, name, walk)
    trace = walk.result()
    said = in_words(client.explain(name, trace=trace))
    body = _top(client, trace) + said + _bottom(trace, name, traces.keep(name, trace)[0])
    return plain_page(f"Backtrace of {name}", body, wide=True)


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
    return (
        f'{banner(output.name, marks)}<section class="said" aria-label="In words">'
        f"{f'<p><strong>{_text(value)}</strong></p>' if value else ''}"
        '<div id="words">'
    )


def _bottom(trace: Backtrace, name: str, key: str) -> str:
    """Give the place where a trace is drawn."""
    page_at = escape(f"{address(name)}.html")
    flag, may = "", ""
    if caller_may("write"):
        may = " data-flags"
        flag = f'<p><a href="{escape(flag_address(name))}">Flag this output</a></p>'
    return (
        f'</div></section><p class="hidden">{_text(headline(trace))}</p>'
        f'<div id="trace" data-name="{escape(name)}" data-key="{key}"{may}>'
        f'{flag}<p><a href="{page_at}">All steps, their graph and details on one page</a></p></div>'
    )


def _impact(client: Client, what: str) -> Response:
    """Give the page of what is built on something."""
    found = asked(client).impact(what)
    body = scrolling(impact_html.impact(found, _MOST_LINES, commands=False)) + _graph(found, what)
    outputs = [(each.name, each.component) for each in islice(found.outputs, _LOOKED_AT)]
    if outputs:
        more = found.outputs_total - len(outputs)
        body += f"<h2>Outputs</h2>{links(outputs)}<p>"
        body += f"And {more:,} more. " if more > 0 else ""
        which = f"the first {_MOST_IN_CSV:,}" if found.outputs_total > _MOST_IN_CSV else "all"
        body += f'<a href="{impact_address(what)}.csv">CSV of {which}</a></p>'
    return plain_page(f"Built on {what}", body, wide=True)


def _graph(found: Impact, what: str) -> str:
    """Give the graph of what is built on something, where anything is."""
    if not found.runs:
        return ""
    address_of = {"run": run_address, "component": component_address}
    drawn = impact_graph.svg(found, lambda kind, name: address_of[kind](name))
    notes = "".join(f"<p>{_text(note)}</p>" for note in impact_graph.notes(found))
    return (
        "<h2>As a graph</h2><p>What is asked about stands at the left; +1 used what that made, +2 "
        "what those made, and so on. An arrow leads from what "
        "made something to what used it; a dashed one, from what was called to what called it. "
        f'<a href="{impact_address(what)}.svg">The graph as a picture</a></p>{notes}'
        f"{scrolling(drawn, 'Graph')}"
    )


def _impact_csv(client: Client, what: str) -> Response:
    """Give the outputs that are built on something as a file for a spreadsheet, nearest first."""
    found = client.impact(what)
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


def _compared(client: Client, pair: str, *, is_local: bool) -> BacktraceDiff:
    """Compare the two outputs of ``A..B``; a name may hold dots of its own."""
    places = [dots.start() for dots in re.finditer(r"(?=\.\.)", pair)] or [len(pair)]
    *others, last = ((pair[:place], pair[place + 2 :]) for place in places)
    for a, b in others:
        try:
            return asked(client).diff(a, b, files=is_local)
        except NotFoundError:
            continue
    return asked(client).diff(*last, files=is_local)


def _diff(compare: Callable[[Client, str], BacktraceDiff], client: Client, pair: str) -> Response:
    """Give the page that compares two outputs."""
    found = compare(client, pair)
    a, b = found.a.name, found.b.name
    body = links([(a, "what is behind it"), (b, "what is behind it")])
    body += scrolling(diff_html.backtrace_diff(found))
    return plain_page(f"{a} against {b}", body, wide=True)


def _as_page(client: Client, name: str) -> Response:
    found = client.explain(name)
    said = [sentence.text for sentence in found.sentences]
    flag_at = flag_address(name) if caller_may("write") else ""
    return HTMLResponse(page.page(found.backtrace, said=said, flag_at=flag_at))
