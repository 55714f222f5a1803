"""Every store answers every question alike on the same facts.

The rules themselves are held against a reference on SQLite; the other stores against that.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from property.test_backtrace_reference import FreshStore, delivered, moment
from rules import rule
from strategies import COMPONENTS, NOBODY, SECOND, Batch, History, deliveries, histories

from backtrail import BacktrailError, Client

Question = Callable[[Client], Any]
# Of every question: whose wording names the store, what the clock of this process gave, and
# which of several equal texts was seen first.
_OWN = re.compile(r"sqlite:///\S+?\.db|postgresql://\S+?/bt_\w+|http://127\.0\.0\.1:\d+/\d+")
_STAMPS = frozenset({"at", "at_us", "said_at", "now", "judged_at", "file_bytes", "size_bytes"})


@pytest.fixture
def reference_store(stores: Callable[[str], FreshStore]) -> FreshStore:
    """A function that makes an empty SQLite store."""
    return stores("sqlite")


def questions(history: History) -> Iterator[tuple[str, Question]]:
    """Every question of the client, of all that a history has in it and of what it has not."""
    now = moment(history.newest + 2 * SECOND)
    names = [*history.written, NOBODY]
    ids = [run.run_id for run in history.runs]
    middle = moment((history.runs[0].started + history.newest) // 2)

    def each(what: str, ask: Callable[[Client, str], Any], of: Iterable[str]) -> Any:
        for one in of:
            yield f"{what} {one}", lambda client, one=one: ask(client, one)

    yield from each("backtrace", lambda c, name: c.backtrace(name).to_dict(), [*names, *ids])
    yield from each("at", lambda c, name: c.backtrace(name, at=middle).to_dict(), names)
    yield from each("impact", lambda c, name: c.impact(name).to_dict(), [*names, *ids])
    yield from each("stale", lambda c, name: c.stale(name, now=now).to_dict(), names)
    yield from each("explain", lambda c, name: c.explain(name).to_dict(), names)
    yield from each("who", lambda c, name: c.who(name), names)
    yield from each("get_run", lambda c, run_id: c.get_run(run_id), ids)
    yield from each("history", lambda c, name: c.history(name), COMPONENTS)
    yield from each("find", lambda c, text: c.find(text), ("", "a", "r", "train", *names))
    yield from each("complete", lambda c, text: c.complete(text), ("", "r1", "R", "ou"))
    yield from each("digests", lambda c, text: c.digests(text), ("", "a"))
    yield from each("marks", lambda c, name: c.marks(name), names)
    yield from each("named", lambda c, name: c.output_named(name), names)
    for one, other in itertools.pairwise(names):
        yield f"diff {one} {other}", lambda c, a=one, b=other: c.diff(a, b, files=False).to_dict()
    yield "recent", lambda client: client.recent(50)
    yield "recent before", lambda client: client.recent(50, before=middle)
    yield "components", lambda client: client.components()
    yield "last output", lambda client: client.last_output()
    yield "last good output", lambda client: client.last_good_output()
    yield "flagged", lambda client: client.flagged()
    yield "review", lambda client: client.review().to_dict()
    yield "check", lambda client: client.check()


def plain(value: Any) -> Any:
    """Return an answer as plain values, without what is a store's own."""
    if isinstance(value, str):
        return _OWN.sub("STORE", value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if key not in _STAMPS}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, msgspec.Struct) or hasattr(value, "__dict__"):
        return plain(msgspec.to_builtins(value, enc_hook=vars))
    return value


def answers(client: Client, history: History) -> dict[str, Any]:
    """Return what a store answers to every question; of an error, its class and its text."""
    told: dict[str, Any] = {}
    for what, ask in questions(history):
        try:
            told[what] = plain(ask(client))
        except BacktrailError as error:
            told[what] = [type(error).__name__, plain(str(error))]
    return told


@st.composite
def told_histories(draw: st.DrawFn) -> tuple[History, list[Batch], list[str]]:
    """A history, a way to a store, and outputs that people mark as wrong."""
    history = draw(histories())
    marked = draw(st.lists(st.sampled_from(history.written or ["out"]), max_size=2, unique=True))
    return history, draw(deliveries(history)), marked


def mark(client: Client, outputs: Iterable[str]) -> None:
    for name in outputs:
        client.flag(name, "too low", by="ann")
    client.flush()


@rule(case=told_histories())
def test_every_store_answers_every_question_as_sqlite_does(
    fresh_store: FreshStore,
    reference_store: FreshStore,
    case: tuple[History, list[Batch], list[str]],
) -> None:
    history, batches, marked = case
    with reference_store() as url, delivered(url, batches) as client:
        mark(client, marked)
        expected = answers(client, history)
    with fresh_store() as url, delivered(url, batches) as client:
        mark(client, marked)
        assert answers(client, history) == expected
