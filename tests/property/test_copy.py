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


Way = tuple[FreshStore, FreshStore]
ways = st.integers(0, 2)


@pytest.fixture
def stores_of(fresh_store: FreshStore, stores: Callable[[str], FreshStore]) -> Callable[[int], Way]:
    """A function that returns where to copy from and to: into a file, out of one, or within."""
    file = stores("sqlite")
    return lambda way: ((fresh_store, file), (file, fresh_store), (fresh_store, fresh_store))[way]


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


@rule(one_in=2, told_how=delivered_histories(), way=ways)
def test_a_copy_answers_as_its_original(
    stores_of: Callable[[int], Way], told_how: tuple[History, list[Batch]], way: int
) -> None:
    history, batches = told_how
    fresh_store, target_store = stores_of(way)
    with fresh_store() as url, delivered(url, batches) as source, opened(target_store) as target:
        verdict = bring(source, target)

        assert verdict is not None
        assert verdict.is_equal
        assert told(target).equals(told(source))
        assert answers(target, history) == answers(source, history)


@rule(
    one_in=2,
    told_how=delivered_histories(),
    stops=st.lists(st.integers(0, 12), max_size=4),
    way=ways,
)
def test_a_copy_that_was_interrupted_comes_to_the_same(
    stores_of: Callable[[int], Way],
    told_how: tuple[History, list[Batch]],
    stops: list[int],
    way: int,
) -> None:
    history, batches = told_how
    fresh_store, target_store = stores_of(way)
    with fresh_store() as url, delivered(url, batches) as source, opened(target_store) as target:
        for rounds in stops:
            bring(source, target, rounds=rounds)
        verdict = bring(source, target)

        assert verdict is not None
        assert verdict.is_equal
        assert answers(target, history) == answers(source, history)
        assert bring(source, target) == verdict


@rule(one_in=2, data=st.data(), way=ways)
def test_two_stores_copied_into_one_are_one_that_was_told_all(
    stores_of: Callable[[int], Way], data: st.DataObject, way: int
) -> None:
    history = data.draw(histories())
    fresh_store, target_store = stores_of(way)
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


@rule(one_in=2, data=st.data(), way=ways)
def test_what_was_told_after_a_copy_is_brought_by_the_next(
    stores_of: Callable[[int], Way], data: st.DataObject, way: int
) -> None:
    history = data.draw(histories())
    fresh_store, target_store = stores_of(way)
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
