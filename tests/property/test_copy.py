"""For every history, a copy answers as its original does, however it came about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import reference
from direct import DirectClient
from hypothesis import strategies as st
from property.test_backtrace_reference import FreshStore, answer, delivered, recorded
from rules import rule
from strategies import Batch, History, deliveries, histories

from backtrail import Client
from backtrail.store.copying import Copying, Verdict
from backtrail.store.copying.rounds import Rounds
from backtrail.store.copying.tally import Tally

Answers = list[reference.Backtrace | None]


# Each way between two kinds of database; from a file to a file goes the command's own test.
TARGETS = {"sqlite": "postgres", "postgres": "sqlite", "postgres-15": "postgres-15"}


@pytest.fixture(scope="session")
def target_store(fresh_store: FreshStore, stores: Callable[[str], FreshStore]) -> FreshStore:
    """Give a function that makes an empty store to copy into."""
    return stores(next(TARGETS[each] for each in TARGETS if stores(each) is fresh_store))


@contextmanager
def opened(make: FreshStore) -> Iterator[Client]:
    """A client of an empty store."""
    with make() as url, DirectClient(url) as client:
        yield client


def bring(source: Client, target: Client, *, rounds: int | None = None) -> Verdict | None:
    """Copy in rounds of two facts; None where the copy ended after so many rounds."""
    left = iter(range(rounds)) if rounds is not None else iter(int, 1)
    store = source._ask()
    with store.snapshot():
        work = Copying(store, target.open_store(), at_once=2)
        if not work.copy(lambda _reached, _waiting: next(left, None) is not None):
            return None
        return work.verify(lambda _reached, _waiting: True)


def told(client: Client) -> Tally:
    tally = Tally()
    for round_ in Rounds(client.open_store()):
        tally.add(round_)
    return tally


def answers(client: Client, history: History) -> Answers:
    ids = [run.run_id for run in history.runs]
    return [answer(client, name) for name in (*history.written, *ids)]


@st.composite
def delivered_histories(draw: st.DrawFn) -> tuple[History, list[Batch]]:
    history = draw(histories())
    return history, draw(deliveries(history))


@rule(told_how=delivered_histories())
def test_a_copy_answers_as_its_original(
    fresh_store: FreshStore, target_store: FreshStore, told_how: tuple[History, list[Batch]]
) -> None:
    history, batches = told_how
    with fresh_store() as url, delivered(url, batches) as source, opened(target_store) as target:
        verdict = bring(source, target)

        assert verdict is not None
        assert verdict.is_equal
        assert told(target).equals(told(source))
        assert answers(target, history) == answers(source, history)


@rule(told_how=delivered_histories(), stops=st.lists(st.integers(0, 12), max_size=4))
def test_a_copy_that_was_interrupted_comes_to_the_same(
    fresh_store: FreshStore,
    target_store: FreshStore,
    told_how: tuple[History, list[Batch]],
    stops: list[int],
) -> None:
    history, batches = told_how
    with fresh_store() as url, delivered(url, batches) as source, opened(target_store) as target:
        for rounds in stops:
            bring(source, target, rounds=rounds)
        verdict = bring(source, target)

        assert verdict is not None
        assert verdict.is_equal
        assert answers(target, history) == answers(source, history)
        assert bring(source, target) == verdict


@rule(data=st.data())
def test_two_stores_copied_into_one_are_one_that_was_told_all(
    fresh_store: FreshStore, target_store: FreshStore, data: st.DataObject
) -> None:
    history = data.draw(histories())
    batches = data.draw(deliveries(history))
    place = data.draw(st.integers(0, len(batches)))
    parts = batches[:place], batches[place:]
    with (
        fresh_store() as url,
        recorded(url, history.facts) as whole,
        opened(target_store) as target,
    ):
        for part in parts:
            with fresh_store() as url, delivered(url, part) as source:
                verdict = bring(source, target)
                assert verdict is not None
                assert verdict.is_whole

        assert answers(target, history) == answers(whole, history)


@rule(data=st.data())
def test_what_was_told_after_a_copy_is_brought_by_the_next(
    fresh_store: FreshStore, target_store: FreshStore, data: st.DataObject
) -> None:
    history = data.draw(histories())
    batches = data.draw(deliveries(history))
    place = data.draw(st.integers(0, len(batches)))
    with fresh_store() as url, opened(target_store) as target:
        for end in (place, len(batches)):
            with delivered(url, batches[:end]) as source:
                verdict = bring(source, target)
                assert verdict is not None
                assert verdict.is_whole
                found = answers(source, history)

        assert answers(target, history) == found
