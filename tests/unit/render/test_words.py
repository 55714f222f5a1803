"""Numbers and versions in words."""

from __future__ import annotations

from typing import Any

import pytest
from golden.examples import NOW, us

from backtrail.model.records import Code
from backtrail.render import words


@pytest.mark.parametrize(
    ("length_us", "shown"),
    [
        (None, "-"),
        (0, "0us"),
        (420, "420us"),
        (3_200, "3ms"),
        (999_499, "999ms"),
        (999_500, "1.0s"),
        (9_949_000, "9.9s"),
        (9_999_000, "10s"),
        (59_600_000, "1m00s"),
        (302_000_000, "5m02s"),
        (3_492_000_000, "58m12s"),
        (3_720_000_000, "1h02m"),
        (3 * 86_400_000_000 + 4 * 3_600_000_000, "3d04h"),
    ],
)
def test_a_duration_takes_six_characters(length_us: int | None, shown: str) -> None:
    assert words.duration(length_us) == shown
    assert len(shown) <= 6


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        (Code("9c1d2e4" + "0" * 33, dirty=False), "9c1d2e4"),
        (Code("9c1d2e4" + "0" * 33, dirty=True), "9c1d2e4*"),
        (Code("9c1d2e4" + "0" * 33, dirty=None), "9c1d2e4"),
        (Code("v1.2"), "v1.2"),
        (Code("release-2026-07"), "relea.."),
        (Code(None, dirty=True), "-"),
    ],
)
def test_a_code_version_takes_eight_characters(code: Code, shown: str) -> None:
    assert words.commit(code) == shown


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        (None, "no version"),
        ("blake3:5be0c1d2aa779a", "blake3 5be0c1..9a"),
        ("stat:21-17", "stat 21-17 (weak: size and time only)"),
        ("etag:abc", "etag abc"),
        ("v7", "v7"),
    ],
)
def test_a_version_says_what_it_is(version: str | None, shown: str) -> None:
    assert words.short_version(version) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.83, "0.83"),
        ("EUR", "EUR"),
        ("two words", '"two words"'),
        ("", '""'),
        ([1, "a"], '[1, "a"]'),
    ],
)
def test_a_value_stands_on_one_line(value: Any, shown: str) -> None:
    assert words.value(value) == shown


@pytest.mark.parametrize(
    ("times", "narrow", "shown"),
    [
        (["02:07:01", "02:08:01"], False, ["2026-07-25 02:07", "2026-07-25 02:08"]),
        (["02:07:01", "02:07:03"], False, ["2026-07-25 02:07:01", "2026-07-25 02:07:03"]),
        (["02:07:01", "02:07:03", None], True, ["07-25 02:07:01", "07-25 02:07:03", "-"]),
        (["02:07:01", "02:07:01"], False, ["2026-07-25 02:07", "2026-07-25 02:07"]),
        ([None], False, ["-"]),
        ([], False, []),
    ],
)
def test_times_of_a_list_show_seconds_only_where_minutes_hide_an_order(
    times: list[str | None], narrow: bool, shown: list[str]
) -> None:
    known = [None if time is None else us(f"2026-07-25 {time}") for time in times]

    assert words.moments(known, narrow=narrow) == shown


def test_the_year_stays_where_it_tells_times_apart() -> None:
    times = [us("2025-12-31 23:59:58"), us("2025-12-31 23:59:59"), us("2026-01-01 00:00:01")]

    assert words.moments(times, narrow=True)[0] == "2025-12-31 23:59:58"


def test_the_past_is_told_in_the_largest_unit() -> None:
    moments = ["2026-07-25 02:09:58", "2026-07-25 02:08", "2026-07-25 00:10", "2026-07-20 00:10"]

    shown = [words.ago(us(moment), NOW) for moment in moments]

    assert shown == ["2 s ago", "2 min ago", "2 hours ago", "5 days ago"]
