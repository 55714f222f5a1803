"""What people say on the page: they flag, assign, close and note, see the review, and undo."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ..errors import NotFoundError
from ..model.facts import ASSIGNED, CLOSED, OPEN
from ..query.marks import standing
from ..render import words
from ..render.fragment import text as _text
from ..render.review import looks_into, shown_rows
from . import answers, twins
from .access import caller_may, now_us
from .answers import asked
from .routes import checked, posted_form
from .schemas import AssignBody, FlagBody, NoteBody, UnflagQuery
from .sheet import address, links, marks_list, page_at, plain_page, run_address, shown
from .suspects import suspects

if TYPE_CHECKING:
    from ..client import Client
    from ..model.records import Flagged, Mark
    from ..render.review import Row

Filled = TypeVar("Filled", bound=msgspec.Struct)
_UNDONE_WITHIN_US = 10_000_000
_MOST_UNDOABLE = 20  # closings of several flags at once that can be taken back
_IN_A_FORM = 200  # outputs that a form of a suspect names
_KINDS = ("wrong value", "missing", "late")
_CLOSED_WORDS = {
    "explained": "explained: it is known why",
    "fixed": "fixed: it is made anew, or will not happen again",
    "no-fault": "not a fault: it is right as it is",
    "withdrawn": "withdrawn: the flag was a mistake",
}


class _Said(NamedTuple):
    """What was filled in of a form: fields by name, and the outputs it is about."""

    fields: dict[str, str]
    outputs: list[str]

    def told(self, *names: str) -> dict[str, str]:
        """Give what was filled in of these fields."""
        return {name: self.fields[name] for name in names if self.fields.get(name)}


class _Closing(NamedTuple):
    """Flags that were closed at once, and when that began."""

    names: list[str]
    since_us: int
    by: str


def mark_routes(client: Client) -> list[BaseRoute]:
    """Give the routes over a client on which people say something."""
    closings: dict[str, _Closing] = {}

    def posted(make: Callable[[_Said, str], str]) -> Callable[[Request], object]:
        """Give an endpoint that does what a form says, and leads where ``make`` tells."""

        async def endpoint(request: Request) -> Response:
            name = request.path_params.get("name", "")
            pairs = await posted_form(request)
            said = _Said(dict(pairs), [value for field, value in pairs if field == "output"])

            def done() -> Response:
                return RedirectResponse(make(said, name), 303)

            return await run_in_threadpool(shown, done, client, name)

        return endpoint

    async def form(request: Request) -> Response:
        name = request.path_params["name"]
        return await run_in_threadpool(shown, lambda: _form(client, name), client, name)

    def twin(ending: str) -> Callable[[Request], object]:
        async def endpoint(_request: Request) -> Response:
            return await run_in_threadpool(shown, lambda: twins.review(client, ending))

        return endpoint

    async def review(request: Request) -> Response:
        key = request.query_params.get("closed", "")
        closing = closings.get(key)
        undo = _undo_closing(key, closing) if closing else ""
        return await run_in_threadpool(shown, lambda: _review(client, undo))

    def flag(said: _Said, name: str) -> str:
        told = said.told("note", "by")
        if said.fields.get("kind") in _KINDS:
            told["note"] = ": ".join(filter(None, (said.fields["kind"], told.get("note"))))
        answers.flag(client, _filled(FlagBody, output=name, **told))
        return address(name)

    def close(said: _Said, name: str) -> str:
        _close(client, [name], said.told("state", "note", "by"))
        return address(name)

    def assign(said: _Said, name: str) -> str:
        _assign(client, [name], said.told("assignee", "by"))
        return address(name)

    def undo(said: _Said, name: str) -> str:
        marks = client.marks(name)
        # Else something was said meanwhile, or it was taken back already.
        if marks and str(marks[0].marked_us) == said.fields.get("at"):
            _take_back(client, name, marks, said.told("by"))
        return address(name)

    def note(said: _Said, run_id: str) -> str:
        answers.note(client, _filled(NoteBody, run_id=run_id, **said.told("text", "by")))
        return run_address(run_id)

    def close_several(said: _Said, _: str) -> str:
        since_us = now_us()
        names = _open_among(client, said.outputs)
        _close(client, names, said.told("state", "note", "by"))
        if not names:
            return "/review"
        while len(closings) >= _MOST_UNDOABLE:
            closings.pop(next(iter(closings)), None)
        key = secrets.token_urlsafe(8)
        closings[key] = _Closing(names, since_us, said.fields.get("by") or "somebody")
        return f"/review?closed={key}"

    def assign_several(said: _Said, _: str) -> str:
        _assign(client, _open_among(client, said.outputs), said.told("assignee", "by"))
        return "/review"

    def reopen(said: _Said, _: str) -> str:
        closing = closings.pop(said.fields.get("closed", ""), None)
        if closing is None:
            raise NotFoundError(
                "it is too late to take that back", hint="Flag the outputs again, one by one."
            )
        for name in closing.names:
            marks = client.marks(name)
            if marks[0].state in CLOSED and marks[0].marked_us >= closing.since_us:
                _take_back(client, name, marks, {"by": closing.by})
        return "/review"

    actions = {
        "/flag/{name:path}": flag,
        "/unflag/{name:path}": close,
        "/assign/{name:path}": assign,
        "/undo/{name:path}": undo,
        "/note/{name:path}": note,
        "/review/close": close_several,
        "/review/assign": assign_several,
        "/review/reopen": reopen,
    }
    return [
        Route("/review", review),
        *(Route(f"/review.{ending}", twin(ending)) for ending in ("json", "txt")),
        Route("/flag/{name:path}", form, methods=["GET"]),
        *(Route(path, posted(make), methods=["POST"]) for path, make in actions.items()),
    ]


def flag_address(name: str) -> str:
    """Give where an output is flagged, and what was said of it stands: the link of its flag."""
    return page_at("flag", name)


def banner(name: str, marks: Sequence[Mark]) -> str:
    """Say above an output how its flag stands, of all marks on it with the newest first."""
    mark, assignee = standing(marks)
    at = escape(flag_address(name))
    if mark is not None and mark.state == OPEN:
        said = '<span class="warn">! flagged</span> as wrong. '
        said += f"{_text(looks_into(assignee))}. " if assignee else ""
        way = "Close it" if assignee else "Assign or close it"
        said += f'<a href="{at}">{way if caller_may("write") else "See its flag"}</a>, or '
        said += 'what <a href="/review">flagged outputs have in common</a>.'
    elif mark is not None:
        word = _CLOSED_WORDS.get(mark.state, mark.state)
        said = f'It was flagged as wrong. Now: <strong>{word}</strong>. <a href="{at}">More</a>'
    else:
        return ""
    undo = ""
    if caller_may("write"):
        hidden = _hidden(("at", str(marks[0].marked_us)), ("by", marks[0].by or "somebody"))
        undo = _undo_form(page_at("undo", name), hidden, marks[0].marked_us)
    return f'<div class="banner"><p>{said}</p>{undo}{marks_list(marks)}</div>'


def flagged_list(found: Sequence[Flagged]) -> str:
    """Give the flagged outputs, each with what is said of it."""
    return f"<h2>Flagged outputs</h2>{links([(f.name, _about(f)) for f in found])}"


def note_form(run_id: str) -> str:
    """Give a form to say something about a run, to those who may."""
    if not caller_may("write"):
        return ""
    return (
        f"{_form_to(page_at('note', run_id), 'Note')}"
        '<label>Say something about it<input name="text" required></label>'
        f"{_YOUR_NAME}<button>Note</button></form>"
    )


def _review(client: Client, undo: str) -> Response:
    flagged = client.flagged() if client.has_records() else []
    if not flagged:
        return plain_page("Review", f"{undo}<p>No output is flagged.</p>")
    found = client.review()
    about = {each.name: _about(each) for each in flagged}
    by_suspect = "".join(_behind(row, about) for row in shown_rows(found) if row.outputs)
    body = undo + suspects(found)
    if by_suspect:
        body += f"<h2>Flagged outputs by suspect</h2>{by_suspect}"
    many = words.count(len(flagged), "flag")
    body += flagged_list(flagged)
    if caller_may("write"):
        every = _forms([], "all")
        body += f"<details><summary>Assign or close all, {many}</summary>{every}</details>"
    return plain_page("Review", body, wide=True)


def _behind(row: Row, about: dict[str, str]) -> str:
    """Give the flagged outputs that a suspect is behind, and what can be done with them all."""
    outputs = row.outputs[:_IN_A_FORM]
    listed = links([(name, about.get(name, "")) for name in outputs])
    more = len(row.outputs) - len(outputs)
    if more > 0:
        listed += f"<p>And {more:,} more; the forms are about those that are listed.</p>"
    if row.good is not None:
        pair = f"/diff/{quote(row.good, safe='')}..{quote(outputs[0], safe='')}"
        listed += f'<p><a href="{escape(pair)}">Compare {_text(outputs[0])} with '
        listed += f"{_text(row.good)}</a>, the newest that does not have it behind.</p>"
    first = row.members[0]
    which = " ".join(filter(None, (first.component, first.kind if first.run else first.text)))
    many = words.count(len(row.outputs), "flagged output")
    return (
        f"<details><summary>{row.rank}. {_text(which)}: behind {many}</summary>{listed}"
        f"{_forms(outputs, f'rank {row.rank}')}</details>"
    )


def _form(client: Client, name: str) -> Response:
    known = asked(client).output_named(name)
    marks = client.marks(known)
    mark, assignee = standing(marks)
    body, may = "", caller_may("write")
    if mark is not None and mark.state == OPEN:
        body = f"<p>It is flagged: {_text(mark.note or 'nothing was said why')}. "
        body += f"{_text(looks_into(assignee) or 'Nobody looks into it')}.</p>"
    if not may:
        body += "<p>Your token may read, and neither flag nor close.</p>"
        return plain_page(f"Flag of {known}", body + marks_list(marks))
    if body:
        body += f"<h2>Assign it</h2>{_assign_form(page_at('assign', known), assignee)}"
        body += f"<h2>Close the flag</h2>{_close_form(page_at('unflag', known))}"
        body += "<h2>Flag it once more</h2>"
    kinds = "".join(f"<option>{kind}</option>" for kind in ("other", *_KINDS))
    body += (
        f"{_form_to(flag_address(known), 'Flag')}"
        '<label>What is wrong?<input name="note" required></label>'
        f'<label>Of what kind?<select name="kind">{kinds}</select></label>'
        f"{_YOUR_NAME}<button>Flag</button></form>"
    )
    return plain_page(f"Flag {known}", body + marks_list(marks), box=False)


def _forms(outputs: Sequence[str], which: str) -> str:
    """Give what can be done with several flags; without outputs: with all. To those who may."""
    if not caller_may("write"):
        return ""
    hidden = _hidden(*(("output", name) for name in outputs))
    assign = _assign_form("/review/assign", None, f"Assign {which}", hidden)
    return assign + _close_form("/review/close", f"Close {which}", hidden)


def _assign_form(action: str, assignee: str | None, name: str = "Assign", hidden: str = "") -> str:
    return (
        f"{_form_to(action, name)}{hidden}"
        "<label>Who looks into it? Empty: nobody"
        f'<input name="assignee" value="{escape(assignee or "")}"></label>'
        f"{_YOUR_NAME}<button>Assign</button></form>"
    )


def _close_form(action: str, name: str = "Close", hidden: str = "") -> str:
    choices = "".join(
        f'<option value="{state}">{word}</option>' for state, word in _CLOSED_WORDS.items()
    )
    return (
        f"{_form_to(action, name)}{hidden}"
        f'<label>What became of it?<select name="state">{choices}</select></label>'
        '<label>Why?<input name="note"></label>'
        f"{_YOUR_NAME}<button>Close it</button></form>"
    )


def _form_to(action: str, name: str) -> str:
    return f'<form class="mark" method="post" action="{escape(action)}" aria-label="{name}">'


def _undo_closing(key: str, closing: _Closing) -> str:
    many = words.count(len(closing.names), "flag")
    undo = _undo_form("/review/reopen", _hidden(("closed", key)), closing.since_us)
    return f'<div class="banner"><p>Closed {many}.</p>{undo}</div>' if undo else ""


def _undo_form(action: str, hidden: str, since_us: int) -> str:
    """Give a button that takes back what was said at a time, where that is new.

    It stays as long once more from when it is seen: a page may come late.
    """
    if not 0 <= now_us() - since_us < _UNDONE_WITHIN_US:
        return ""
    stays_ms = _UNDONE_WITHIN_US // 1000
    return (
        f'<form class="undo" data-ms="{stays_ms}" method="post" action="{escape(action)}">{hidden}'
        "<button>Undo</button></form>"
    )


_YOUR_NAME = '<label>Your name<input name="by" required autocomplete="name"></label>'


def _hidden(*fields: tuple[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{field}" value="{escape(value)}">' for field, value in fields
    )


def _open_among(client: Client, outputs: Sequence[str]) -> list[str]:
    """Give which of these outputs are flagged, or all that are if none is named."""
    flagged = [each.name for each in client.flagged()]
    wanted = set(outputs)
    return [name for name in flagged if name in wanted] if wanted else flagged


def _filled(kind: type[Filled], **told: str) -> Filled:
    """Give what was filled in as a program would send it, or refuse what is wrong with it."""
    return checked(lambda: msgspec.convert(told, kind))


def _close(client: Client, names: Sequence[str], told: dict[str, str]) -> None:
    for name in names:
        answers.unflag(client, _filled(UnflagQuery, output=name, **told))


def _assign(client: Client, names: Sequence[str], told: dict[str, str]) -> None:
    for name in names:
        answers.assign(client, _filled(AssignBody, output=name, **{"assignee": "", **told}))


def _take_back(client: Client, name: str, marks: Sequence[Mark], by: dict[str, str]) -> None:
    """Take the last of the marks on an output back: by a mark as well."""
    last, *before = marks
    was, had = standing(before)
    now, has = standing(marks)
    if was is None or was.state != OPEN:
        if now is not None and now.state == OPEN:
            state = "withdrawn" if was is None else was.state
            _close(client, [name], {"state": state, "note": "undone", **by})
        return
    if last.state != ASSIGNED:
        answers.flag(client, _filled(FlagBody, output=name, note=was.note or "open again", **by))
    if had != has:
        _assign(client, [name], {"assignee": had or "", **by})


def _about(flag: Flagged) -> str:
    said = f"{words.second(flag.flagged_us)} UTC, {flag.by or 'somebody'}: {flag.note}"
    return f"{said} ({looks_into(flag.assignee)})" if flag.assignee else said
