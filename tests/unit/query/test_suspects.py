"""Order, verdict and chances from counts alone; exact ones against brute force."""

from __future__ import annotations

from itertools import combinations
from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtrail.query.suspects import Place, Ranking, rank, score, wilson


def bits(*places: int) -> int:
    return sum(1 << place for place in places)


def ranked(flagged: str, **suspects: str) -> Ranking[str]:
    """Rank suspects drawn as text: ``x`` for each output that is flagged, or that one is behind."""
    places = [Place(int(sign == "x"), int(sign != "x")) for sign in flagged]
    sets = [(name, bits(*at(drawn))) for name, drawn in suspects.items()]
    return rank(sets, places)


def at(drawn: str) -> list[int]:
    return [n for n, sign in enumerate(drawn) if sign == "x"]


def test_the_run_behind_all_flagged_outputs_and_few_others_is_first() -> None:
    ranking = ranked(
        flagged="xxxx................",
        ingest="xxxxxxxxxxxxxxxxxxxx",
        clean="xxxxxxxxxx..........",
        feature="xxxxx...............",
        serve="xx..................",
    )

    assert ranking.groups[0].members == ["feature"]
    assert ranking.groups[-1].members == ["ingest"]
    assert (ranking.groups[0].flagged, ranking.groups[0].others) == (4, 1)
    assert ranking.verdict == "strong"


def test_what_is_behind_the_same_outputs_is_one_group_in_the_order_given() -> None:
    ranking = ranked(flagged="xx....", near="xxx...", other="...xxx", far="xxx...")

    assert ranking.groups[0].members == ["near", "far"]
    assert len(ranking.groups) == 1


def test_false_flags_and_bad_outputs_that_nobody_flagged_do_not_hide_the_run() -> None:
    ranking = ranked(
        flagged="x.x.xx.x............x..............x....",
        guilty="xxxxxxxx................................",
        wider_="xxxxxxxxxxxxxxxxxxxxxxxx................",
        other_="................................xxxxxxxx",
    )

    assert ranking.groups[0].members == ["guilty"]
    assert ranking.verdict == "strong"


@pytest.mark.parametrize(
    ("flagged", "suspects", "verdict", "reason"),
    [
        ("....", {"a": "xx.."}, "nothing", ""),
        ("xxxx", {"a": "xx..", "b": "xxxx"}, "unsure", "no-others"),
        ("x.....", {"a": "xxx...", "b": "x....."}, "unsure", "too-few"),
        ("xx..x" + 15 * ".", {"a": 20 * "x", "b": "xxxx" + 16 * "."}, "unsure", "chance"),
        ("x..x..x..x..", {"a": 12 * "x", "b": "xxxxxx......"}, "nothing", "everywhere"),
        (
            8 * "x" + 30 * ".",
            {"a": 9 * "x" + 29 * ".", "b": 8 * "x" + ".x" + 28 * "."},
            "unsure",
            "rivals",
        ),
    ],
)
def test_a_verdict_says_why_it_is_not_strong(
    flagged: str, suspects: dict[str, str], verdict: str, reason: str
) -> None:
    ranking = ranked(flagged, **suspects)

    assert (ranking.verdict, ranking.reason) == (verdict, reason)


def test_suspicions_add_up_to_one_and_ochiai_is_that_of_the_paper() -> None:
    ranking = ranked(flagged="xxx...", a="xxxx..", b="..xxxx", c="xxxxxx")

    assert sum(group.suspicion for group in ranking.groups) == pytest.approx(1)
    by_name = {group.members[0]: group for group in ranking.groups}
    assert by_name["a"].ochiai == pytest.approx(3 / (3 * 4) ** 0.5)


def test_few_flags_among_many_outputs_point_at_what_they_share_not_at_one_of_them() -> None:
    # Ochiai puts each flagged output's own run first: 1/sqrt(12) against 12/sqrt(12 * 412).
    places = [Place(1, 0)] * 12 + [Place(0, 1)] * 4_310
    own = [(f"serve-{n}", bits(n)) for n in range(len(places))]
    shared = [("clean", (1 << 412) - 1)]

    ranking = rank([*own, *shared], places)

    assert ranking.groups[0].members == ["clean"]
    assert ranking.groups[0].ochiai < ranking.groups[1].ochiai
    assert ranking.verdict == "strong"


def test_many_equal_outputs_count_as_if_each_stood_by_itself() -> None:
    apart = ranked(flagged="xxx.......", a="xxxx......", b="..xxxxxx..")
    together = rank(
        [("a", bits(0, 1, 2)), ("b", bits(1, 2, 3))],
        [Place(2, 0), Place(1, 0), Place(0, 1), Place(0, 4), Place(0, 2)],
    )

    assert [(g.members, g.flagged, g.others) for g in together.groups] == [
        (g.members, g.flagged, g.others) for g in apart.groups
    ]
    assert [g.p_value for g in together.groups] == pytest.approx([g.p_value for g in apart.groups])


@given(
    st.integers(4, 9),
    st.integers(1, 4),
    st.lists(st.integers(1, 511), min_size=1, max_size=4),
    st.lists(st.integers(0, 1), min_size=9, max_size=9),
)
def test_the_chance_of_each_group_is_never_too_low(
    outputs: int, flagged: int, sets: list[int], strata: list[int]
) -> None:
    """By brute force over all ways in which the same numbers of flags could have fallen."""
    whole = (1 << outputs) - 1
    suspects = {f"s{n}": each & whole for n, each in enumerate(sets) if each & whole}
    flagged = min(flagged, outputs - 1)

    def answer(chosen: tuple[int, ...]) -> Ranking[str]:
        places = [Place(int(n in chosen), int(n not in chosen), strata[n]) for n in range(outputs)]
        return rank(suspects.items(), places)

    def per_stratum(chosen: tuple[int, ...]) -> int:
        return sum(strata[n] for n in chosen)

    ways = [
        way
        for way in combinations(range(outputs), flagged)
        if per_stratum(way) == per_stratum(tuple(range(flagged)))
    ]
    lowest = [min((g.p_value for g in answer(way).groups), default=1.0) for way in ways]

    for level in (0.05, 0.2, 0.5):
        share = sum(1 for each in lowest if each <= level) / len(ways)
        assert share <= level + 1e-9


def test_a_single_group_has_the_exact_hypergeometric_chance() -> None:
    ranking = ranked(flagged="xxx.......", a="xxxx......")

    assert ranking.groups[0].p_value == pytest.approx(comb(4, 3) / comb(10, 3))


def test_flags_that_fell_by_chance_are_seldom_called_strong() -> None:
    random = Random(11)
    sets = [("all", (1 << 60) - 1)]
    sets += [
        (f"{size}-{n}", ((1 << size) - 1) << n) for size in (3, 10, 20) for n in range(0, 60, size)
    ]
    strong = 0
    for _ in range(300):
        chosen = set(random.sample(range(60), 6))
        places = [Place(int(n in chosen), int(n not in chosen)) for n in range(60)]
        strong += rank(sets, places).verdict == "strong"

    assert strong <= 0.05 * 300


def test_huge_counts_are_ranked_too() -> None:
    places = [Place(900, 10_000), Place(20, 2_000_000), Place(5, 700_000)]

    ranking = rank([("a", bits(0)), ("b", bits(1)), ("c", bits(0, 1))], places)

    assert [group.members for group in ranking.groups] == [["a"], ["c"], ["b"]]
    assert ranking.verdict == "strong"


def test_what_keeps_flags_away_is_no_suspect() -> None:
    ranking = ranked(
        flagged="xxxxxx....x.........",
        before_="......xxxxxxxxxxxxxx",
        all____="xxxxxxxxxxxxxxxxxxxx",
    )

    assert [group.members for group in ranking.groups] == [["all____"], ["before_"]]
    assert ranking.groups[1].suspicion == 0


def test_an_interval_holds_the_share_and_narrows_with_more_outputs() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(3, 4) == pytest.approx((0.3006, 0.9544), abs=1e-4)
    few, many = wilson(3, 4), wilson(300, 400)
    assert few[0] < many[0] < 0.75 < many[1] < few[1]


def test_a_score_falls_with_each_other_output_and_rises_with_each_flagged_one() -> None:
    assert score(5, 1, 10, 100) > score(5, 2, 10, 100)
    assert score(6, 2, 10, 100) > score(5, 2, 10, 100)
