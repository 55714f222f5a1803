"""Every store answers every question alike on the same facts.

The rules themselves are held against a reference on SQLite; the other stores against that.
"""

from __future__ import annotations

import dataclasses
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

from backtrail import BacktrailError, Client, Impact, Run
from backtrail.model.records import Match

Question = Callable[[Client], Any]
# Of every question: whose wording names the store, what the clock of this process gave, and
# which of several equal texts was seen first.
_OWN = re.compile(r"sqlite:///\S+?\.db|postgresql://\S+?/bt_\w+|http://127\.0\.0\.1:\d+/\d+")
_STAMPS = frozenset({"flagged_us", "marked_us", "flagged_at", "marked_at", "judged_at"})


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
    yield from each("impact", lambda c, name: affected(c.impact(name)), [*names, *ids])
    yield from each("stale", lambda c, name: c.stale(name, now=now).to_dict(), names)
    yield from each("explain", lambda c, name: c.explain(name).to_dict(), names)
    yield from each("who", lambda c, name: in_order(c.who(name)), names)
    yield from each("get_run", lambda c, run_id: c.get_run(run_id), ids)
    yield from each("history", lambda c, name: in_order(c.history(name)), COMPONENTS)
    yield from each("find", lambda c, text: found(c.find(text)), ("", "a", "r", "train", *names))
    yield from each("complete", lambda c, text: c.complete(text), ("", "r1", "R", "ou"))
    yield from each("digests", lambda c, text: c.digests(text), ("", "a"))
    yield from each("marks", lambda c, name: c.marks(name), names)
    yield from each("named", lambda c, name: c.output_named(name), names)
    for one, other in itertools.pairwise(names):
        yield f"diff {one} {other}", lambda c, a=one, b=other: c.diff(a, b, files=False).to_dict()
    yield "recent", lambda client: in_order(client.recent(50))
    yield "recent before", lambda client: in_order(client.recent(50, before=middle))
    yield "components", lambda client: client.components()
    yield "last output", lambda client: client.last_output()
    yield "last good output", lambda client: client.last_good_output()
    yield "flagged", lambda client: client.flagged()
    yield "review", lambda client: client.review().to_dict()
    yield "check", lambda client: client.check()


# What is listed newest first has no order that all stores share where it is of one moment: it
# is then by keys, which a store gives in the order of arrival.


def in_order(runs: Iterable[Run]) -> list[Run]:
    return sorted(runs, key=lambda run: (run.started_us, run.run_id))


def found(matches: Iterable[Match]) -> list[Any]:
    return sorted((each.what, each.name, each.at_us or 0, each.note or "") for each in matches)


def affected(impact: Impact) -> dict[str, Any]:
    counts = [(each.name, each.runs, each.outputs) for each in impact.by_component]
    return {
        "roots": in_order(impact.roots),
        "runs": in_order(impact.runs),
        "outputs": sorted(impact.output_ids),
        "by component": sorted(counts, key=str),
    }


def plain(value: Any) -> Any:
    """Return an answer as plain values, without what is a store's own."""
    if isinstance(value, str):
        return _OWN.sub("STORE", value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if key not in _STAMPS}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(dataclasses.asdict(value))
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


def differences(one: Any, other: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two answers differ, with what each says there."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from differences(one[key], other[key], f"{where} {key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for n, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{where} {n}")
    elif one != other:
        yield where, one, other


@st.composite
def told_histories(draw: st.DrawFn) -> tuple[History, list[Batch], list[str]]:
    """A history, a way to a store, and outputs that people mark as wrong."""
    history = draw(histories())
    marked = draw(
        st.sets(st.sampled_from(history.written), max_size=2) if history.written else st.just(set())
    )
    return history, draw(deliveries(history)), sorted(marked)


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
        assert list(differences(expected, answers(client, history))) == []
