"""What stands beside a page, at its address with an ending: ``.json`` as from the API, ``.txt``.

The text is what `bt` prints of the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response

from ..errors import BacktrailError, NotFoundError
from ..render import detail, impact_graph, listing, text
from ..render import diff as diff_text
from ..render import impact as impact_text
from ..render import review as review_text
from ..render.json import run_dict
from ..render.screen import Screen
from ..render.svg import svg
from . import answers
from .answers import asked
from .problems import problem
from .routes import document

if TYPE_CHECKING:
    from ..client import Client
    from ..model.records import Run
    from ..query.diff import BacktraceDiff

Make = Callable[["Client", str], Response]


def with_twins(page: Make, twins: Mapping[str, Make]) -> Make:
    """Give a page by name, or its twin where only the name without its ending is known."""

    def make(client: Client, name: str) -> Response:
        try:
            return page(client, name)
        except NotFoundError:
            known, dot, ending = name.rpartition(".")
            twin = twins.get(ending)
            if not dot or not known or twin is None:
                raise
        try:
            return twin(client, known)
        except BacktrailError as error:
            if ending == "json":
                return problem(error)
            raise

    return make


def plain(content: str) -> Response:
    """Give a text as a terminal would show it."""
    return PlainTextResponse(f"{content}\n")


def _picture(drawn: str) -> Response:
    return Response(drawn, media_type="image/svg+xml")


def of_runs(content: Callable[[Client, str], Sequence[Run]]) -> Mapping[str, Make]:
    """Give the twins of a page whose answer is a list of runs."""

    def as_json(client: Client, name: str) -> Response:
        found = [run_dict(run) for run in content(client, name)]
        return document({"schema": "backtrail.runs/1", "runs": found})

    def as_text(client: Client, name: str) -> Response:
        return plain(listing.runs(Screen(), content(client, name)))

    return {"json": as_json, "txt": as_text}


def review(client: Client, ending: str) -> Response:
    """Give the twin of the page of the review."""
    found = asked(client).review()
    return document(found.to_dict()) if ending == "json" else plain(review_text.text(found))


OUTPUT: Mapping[str, Make] = {
    "json": lambda client, name: document(client.backtrace(name).to_dict()),
    "txt": lambda client, name: plain(text.backtrace(client.backtrace(name))),
    "svg": lambda client, name: _picture(svg(client.backtrace(name))),
}
RUN: Mapping[str, Make] = {
    "json": lambda client, run_id: document(answers.run(client, run_id)),
    "txt": lambda client, run_id: plain(detail.run(Screen(), client.get_run(run_id))),
}
IMPACT: Mapping[str, Make] = {
    "json": lambda client, what: document(client.impact(what).to_dict()),
    "txt": lambda client, what: plain(impact_text.impact(client.impact(what), asked=what)),
    "svg": lambda client, what: _picture(impact_graph.svg(client.impact(what))),
}


def of_diff(compare: Callable[[Client, str], BacktraceDiff]) -> Mapping[str, Make]:
    """Give the twins of the page of a comparison; ``compare`` makes one of ``A..B``."""
    return {
        "json": lambda client, pair: document(compare(client, pair).to_dict()),
        "txt": lambda client, pair: plain(diff_text.backtrace_diff(compare(client, pair))),
    }
