"""What several facts of one run come to, in whatever order they come."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from backtrail.model.facts import COMPLETED, FAILED, KILLED
from backtrail.store.protocol import RunRow
from backtrail.store.rows import unite, united_outs


class Nothing:
    """Keys that need no looking up, since these rows have none that differ."""

    def site(self, key: int) -> tuple[str, str]:
        raise AssertionError(key)

    pipeline = parent = site


def a_row(ended: int | None, status: int, error: str | None = None) -> RunRow:
    return RunRow(1, 1, 1, None, None, 10, ended, status, None, error, None, None, [], [], 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (a_row(20, FAILED, "ValueError"), a_row(21, COMPLETED)),
        (a_row(20, KILLED), a_row(21, FAILED, "ValueError")),
    ],
)
def test_of_two_ends_the_later_counts_whatever_they_say(one: RunRow, other: RunRow) -> None:
    for a, b in itertools.permutations((one, other)):
        united = unite(a, b, Nothing())  # type: ignore[arg-type]

        assert (united.ended, united.status, united.error) == (21, other.status, other.error)


@pytest.mark.parametrize(
    ("values", "kept"),
    [((None, 0.8), 0.8), ((None, False), False), ((0.8, 0.9), 0.9), (("b", {"a": 1}), {"a": 1})],
)
def test_a_write_that_is_told_twice_has_its_value_in_any_order(
    values: tuple[Any, Any], kept: Any
) -> None:
    for one, other in itertools.permutations(values):
        told = [(7, 0, 20, one)], [(7, 0, 20, other)]

        assert united_outs(*told) == [(7, 0, 20, kept)]
