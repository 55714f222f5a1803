"""What the trace page asks for while it is open: the drawing, rows, one step, and what is new.

A page stays with the trace that it opened with: the trace is kept for a while under a key, so
that what is opened later fits what is shown. Where it is gone by then, it is worked out anew.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from ..errors import BacktrailError
from ..render import view
from ..render.fragment import text
from ..render.overlay import Overlay, overlay
from .answers import asked
from .problems import RefusedError
from .routes import document

if TYPE_CHECKING:
    from ..client import Client
    from ..model.explanation import Sentence
    from ..query.backtrace import Backtrace
    from ..query.explain import Explanation

PREFIX = "/page"
_MOST_KEPT = 16
# Of runs over all traces that are kept.
_MOST_RUNS = 50_000
# A comparison holds two traces of its own.
_MOST_COMPARED = 4
_LOOK_EVERY_S = 2.0
_STEPS = 8
_MOST_WATCHED_S = 3600.0
_MOST_WATCHING = 200
_SAID_FIRST, _SAID_LAST = 6, 5
_STEPS_LINKED = 3


class Traces:
    """The traces of pages that are open, the latest ones."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._kept: OrderedDict[str, tuple[str, Backtrace]] = OrderedDict()
        self._compared: OrderedDict[tuple[str, str], Overlay] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, name: str, key: str | None) -> tuple[str, Backtrace]:
        """Give the trace of an output and its key, as it was kept or as it is now."""
        with self._lock:
            known = self._kept.get(key or "")
            if key is not None and known is not None and known[0] == name:
                self._kept.move_to_end(key)
                return key, known[1]
        return self.keep(name, asked(self._client).backtrace(name))

    def keep(self, name: str, trace: Backtrace) -> tuple[str, Backtrace]:
        """Keep a trace, and give it with its key."""
        key = secrets.token_hex(8)
        with self._lock:
            self._kept[key] = (name, trace)
            while len(self._kept) > 1 and (
                len(self._kept) > _MOST_KEPT
                or sum(len(each.frames) for _, each in self._kept.values()) > _MOST_RUNS
            ):
                self._kept.popitem(last=False)
        return key, trace

    def over(self, name: str, key: str, other: str | None) -> Overlay | None:
        """Give how the trace of that key compares with that of another output, if one is named."""
        if not other:
            return None
        with self._lock:
            known = self._compared.get((key, other))
            if known is not None:
                self._compared.move_to_end((key, other))
                return known
        found = overlay(asked(self._client).diff(other, name, files=False))
        with self._lock:
            self._compared[key, other] = found
            while len(self._compared) > _MOST_COMPARED:
                self._compared.popitem(last=False)
        return found


def view_routes(client: Client, traces: Traces, is_ending: Callable[[], bool]) -> list[Route]:
    """Give the routes that the trace page asks; what goes on ends where the server does."""
    watching = 0

    def opened(request: Request) -> tuple[str, Backtrace, Overlay | None]:
        name, asked_for = _name(request), request.query_params
        key, trace = traces.of(name, asked_for.get("key"))
        return key, trace, traces.over(name, key, asked_for.get("with"))

    async def drawing(request: Request) -> Response:
        asked_for = request.query_params
        by = asked_for.get("by") or None
        if by not in (None, "run", "component", "stage"):
            raise RefusedError(400, "by is run, component or stage")
        groups = frozenset(asked_for.getlist("open"))

        def found() -> Response:
            key, trace, over = opened(request)
            told = {"key": key, "name": trace.output.name, **view.view(trace, by, groups, over)}
            return document(told)

        return await run_in_threadpool(found)

    async def rows(request: Request) -> Response:
        def found() -> Response:
            key, trace, over = opened(request)
            return document({"key": key, "rows": view.rows(trace, over)})

        return await run_in_threadpool(found)

    async def step(request: Request) -> Response:
        number = request.query_params.get("n", "")

        def found() -> Response:
            _, trace, over = opened(request)
            if not number.isdecimal() or len(number) > 9 or int(number) >= len(trace.frames):
                raise RefusedError(404, "this trace has no such step")
            return HTMLResponse(view.step(trace, int(number), over))

        return await run_in_threadpool(found)

    async def words(request: Request) -> Response:
        def found() -> Response:
            name = _name(request)
            _, trace = traces.of(name, request.query_params.get("key"))
            return HTMLResponse(in_words(client.explain(name, trace=trace)))

        return await run_in_threadpool(found)

    async def news(_request: Request) -> Response:
        nonlocal watching
        if watching >= _MOST_WATCHING:
            raise RefusedError(503, "too many pages are open", "Reload to see what is new.")

        async def told() -> AsyncIterator[str]:
            nonlocal watching
            watching += 1
            try:
                async for each in _news(client, is_ending):
                    yield each
            finally:
                watching -= 1

        return StreamingResponse(told(), media_type="text/event-stream")

    return [
        Route(f"{PREFIX}/view", drawing),
        Route(f"{PREFIX}/rows", rows),
        Route(f"{PREFIX}/step", step),
        Route(f"{PREFIX}/words", words),
        Route(f"{PREFIX}/news", news),
    ]


def in_words(found: Explanation) -> str:
    """Give what is said of an output, as HTML; of very much, the middle is folded away."""
    places = {frame.run.run_id: frame.n for frame in found.backtrace.frames}
    said = [_sentence(each, places) for each in found.sentences]
    hidden = len(said) - _SAID_FIRST - _SAID_LAST
    if hidden > 1:
        middle = "".join(said[_SAID_FIRST:-_SAID_LAST])
        fold = f"<details><summary>{hidden} more like that</summary>{middle}</details>"
        said[_SAID_FIRST:-_SAID_LAST] = [fold]
    return "".join(said)


def _sentence(said: Sentence, places: Mapping[str, int]) -> str:
    """Give a sentence, with links to the steps that it is about."""
    steps = [places[run_id] for run_id in said.run_ids if run_id in places][:_STEPS_LINKED]
    links = "".join(f' <a href="?step={n}" data-step="{n}">#{n}</a>' for n in steps)
    sign = '<span class="warn">!</span> ' if said.topic == "warning" else ""
    return f"<p>{sign}{text(said.text)}{links}</p>"


async def _news(client: Client, is_ending: Callable[[], bool]) -> AsyncIterator[str]:
    """Say whenever a run began or ended, until the browser leaves or the server ends."""
    last: Any = None
    for _ in range(int(_MOST_WATCHED_S / _LOOK_EVERY_S)):
        try:
            newest = await run_in_threadpool(_newest, client)
        except BacktrailError:
            newest = last  # it is said by what is asked next
        if newest != last and last is not None:
            yield "event: runs\ndata: {}\n\n"
        else:
            yield ": still there\n\n"
        last = newest
        for _ in range(_STEPS):
            await asyncio.sleep(_LOOK_EVERY_S / _STEPS)
            if is_ending():
                return


def _newest(client: Client) -> Any:
    if not client.has_records():
        return ()
    return [(run.run_id, run.status, run.outputs_total) for run in client.recent(20)]


def _name(request: Request) -> str:
    name = request.query_params.get("output")
    if not name:
        raise RefusedError(400, "say which output")
    return name
