"""The way through clients and their journals changes no answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from property.test_backtrace_reference import FreshStore, delivered, record
from property.test_stores_agree import answers, differences, told_histories
from rules import rule
from strategies import Batch, History

from backtrail import Client, connect


@contextmanager
def journaled(url: str, batches: Iterable[Batch]) -> Iterator[Client]:
    """A client of a store that took in what several clients wrote into their journals."""
    senders: dict[int, Client] = {}
    try:
        for batch in batches:
            if batch.client not in senders:
                senders[batch.client] = connect(url)
            record(senders[batch.client], batch.facts)
            assert senders[batch.client].flush() == 0
        with connect(url) as asking:
            yield asking
    finally:
        for sender in senders.values():
            sender.close()


@rule(one_in=4, case=told_histories())
def test_what_came_through_journals_is_answered_as_what_came_straight(
    fresh_store: FreshStore, case: tuple[History, list[Batch], list[str]]
) -> None:
    history, batches, _ = case
    with fresh_store() as url, delivered(url, batches) as client:
        expected = answers(client, history)
    with fresh_store() as url, journaled(url, batches) as client:
        assert list(differences(expected, answers(client, history))) == []
