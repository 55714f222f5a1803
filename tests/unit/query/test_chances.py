"""Exact chances against whole numbers, and huge ones in bounded time."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtrail.query.chances import SMALLEST, Chances


def exact(size: tuple[int, ...], flagged: list[int], others: list[int], least: int) -> Fraction:
    """The chance of ``least`` flags or more among outputs drawn from each stratum."""
    total = Fraction(0)
    for drawn in product(*(range(n + 1) for n in size)):
        if sum(drawn) >= least:
            ways = Fraction(1)
            for n, k, f, u in zip(size, drawn, flagged, others, strict=True):
                ways *= Fraction(comb(f, k) * comb(u, n - k), comb(f + u, n))
            total += ways
    return total


@given(st.data())
def test_the_chance_of_one_group_is_that_of_counting_all_ways(data: st.DataObject) -> None:
    strata = data.draw(st.integers(1, 2))
    flagged = [data.draw(st.integers(0, 6)) for _ in range(strata)]
    others = [data.draw(st.integers(0, 8)) for _ in range(strata)]
    size = tuple(data.draw(st.integers(0, f + u)) for f, u in zip(flagged, others, strict=True))
    most = sum(min(n, f) for n, f in zip(size, flagged, strict=True))
    hits = data.draw(st.integers(0, most))

    found = Chances(flagged, others, Counter([size])).corrected(size, hits)

    assert found == pytest.approx(float(exact(size, flagged, others, hits)))


def test_groups_that_are_too_small_to_stand_out_cost_nothing() -> None:
    alone = Chances([10], [990], Counter({(20,): 1}))
    among = Chances([10], [990], Counter({(20,): 1, (1,): 900}))

    assert among.corrected((20,), 5) == alone.corrected((20,), 5)


def test_groups_that_could_stand_out_do_cost_something() -> None:
    alone = Chances([10], [990], Counter({(20,): 1}))
    among = Chances([10], [990], Counter({(20,): 50}))

    assert among.corrected((20,), 3) == pytest.approx(50 * alone.corrected((20,), 3))


def test_a_chance_below_the_smallest_that_is_told_is_still_small() -> None:
    chances = Chances([50_000], [950_000], Counter({(100_000,): 1}))

    assert chances.corrected((100_000,), 50_000) == pytest.approx(SMALLEST)
    assert chances.corrected((100_000,), 5_000) == pytest.approx(0.5, abs=0.01)
    assert chances.corrected((100_000,), 10) == 1.0
