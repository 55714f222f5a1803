"""The way through clients and their journals changes no answer."""

from __future__ import annotations

from property.test_backtrace_reference import FreshStore, delivered
from property.test_stores_agree import answers, differences, told_histories
from rules import rule
from strategies import Batch, History

from backtrail import connect


@rule(one_in=4, case=told_histories())
def test_what_came_through_journals_is_answered_as_what_came_straight(
    fresh_store: FreshStore, case: tuple[History, list[Batch], list[str]]
) -> None:
    history, batches, _ = case
    with fresh_store() as url, delivered(url, batches) as client:
        expected = answers(client, history)
    with fresh_store() as url, delivered(url, batches, connect) as client:
        assert list(differences(expected, answers(client, history))) == []
