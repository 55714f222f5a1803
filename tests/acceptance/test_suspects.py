"""The guilty run of a simulated pipeline is ranked first, and "strong" is seldom said wrongly.

Fewer seeds than bench/suspects.py, which prints the table of all 500; on the numbers
alone. tests/contract/test_review.py goes the whole way through a store.
"""

from __future__ import annotations

import pytest
from simulated import COUNTS, FEW, MANY, Setting, Simulated, simulate

from backtrail.query.suspects import STRONG, Place, Ranking, rank
from backtrail.query.traits import RUN, Trait, prior_among

SEEDS = range(120)


def ranking_of(day: Simulated, setting: Setting) -> Ranking[Trait]:
    marks = [day.flagged >> n & 1 for n in range(setting.outputs)]
    suspects = [(Trait(RUN, list(COUNTS).index(run[0]), run), bits) for run, bits in day.suspects]
    places = [Place(mark, 1 - mark) for mark in marks]
    return rank(suspects, places, prior_among(trait for trait, _ in suspects))


@pytest.mark.parametrize(("setting", "least"), [(MANY, 0.95), (FEW, 0.65)], ids=["many", "few"])
def test_the_guilty_run_is_in_the_first_group(setting: Setting, least: float) -> None:
    first = 0
    for seed in SEEDS:
        day = simulate(seed, setting)
        assert day.guilty is not None
        groups = ranking_of(day, setting).groups
        first += bool(groups) and groups[0].bits == day.behind[day.guilty]

    assert first / len(SEEDS) >= least


@pytest.mark.parametrize("setting", [MANY, FEW, Setting(60, 0.5, 0.2)], ids=["many", "few", "much"])
def test_strong_is_seldom_said_where_no_run_is_guilty(setting: Setting) -> None:
    strong = 0
    for seed in SEEDS:
        day = simulate(seed, setting, guilty=False)
        strong += ranking_of(day, setting).verdict == STRONG

    assert strong / len(SEEDS) <= 0.05


def test_where_most_bad_outputs_are_flagged_strong_is_said_and_right() -> None:
    days = [simulate(seed, MANY, by="run") for seed in SEEDS]
    rankings = [ranking_of(day, MANY) for day in days]
    strong = [n for n in SEEDS if rankings[n].verdict == STRONG]

    right = [n for n in strong if rankings[n].groups[0].bits == days[n].behind[days[n].guilty]]

    assert len(strong) / len(SEEDS) > 0.85
    assert len(right) / len(strong) > 0.95
