"""What reaches a terminal is safe, and as wide as it was thought to be."""

from __future__ import annotations

import pytest

from backtrail.render.names import short_names
from backtrail.render.screen import Screen, cells, safe
from backtrail.render.table import Cell, Column, align


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain name.csv", "plain name.csv"),
        ("two\nlines\ttab", "two\\nlines\\ttab"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202efdp.exe", "\\u202efdp.exe"),
        ("\udc80lone", "\\udc80lone"),
        ("\U000e0041tag", "\\U000e0041tag"),
        ("特徴量 naïve 🚀", "特徴量 naïve 🚀"),
    ],
)
def test_characters_that_steer_a_terminal_are_escaped(raw: str, shown: str) -> None:
    assert safe(raw) == shown


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("特徴", 4), ("e\u0301", 1), ("🚀", 2), ("", 0)]
)
def test_width_is_counted_in_cells(text: str, width: int) -> None:
    assert cells(text) == width


@pytest.mark.parametrize("most", range(1, 30))
@pytest.mark.parametrize(
    "text", ["features_of_customers.parquet", "特徴量テーブル.parquet", "🚀🚀🚀🚀"]
)
def test_cut_text_fits_and_keeps_both_ends(text: str, most: int) -> None:
    shown = Screen().cut(text, most)

    assert cells(shown) <= most
    if most >= 6:
        assert shown[0] == text[0]
        assert shown[-1] == text[-1]


def test_ascii_screens_get_escapes_for_everything_else() -> None:
    screen = Screen(ascii=True)

    assert screen.clean("特.csv") == "\\u7279.csv"
    assert screen.cut("abcdefghij", 6) == "ab..ij"


def test_columns_line_up_whatever_the_script() -> None:
    rows = [[Cell("特徴"), Cell("x")], [Cell("ab"), Cell("y")]]

    lines = align(Screen(), [Column(), Column()], rows)

    assert lines == ["特徴  x", "ab    y"]


def test_a_table_wider_than_the_screen_loses_its_right_end() -> None:
    rows = [[Cell("first"), Cell("second"), Cell("third")]]

    lines = align(Screen(width=13), [Column(), Column(), Column()], rows)

    assert lines == ["first  second"]


def test_paths_are_cut_to_what_tells_them_apart() -> None:
    names = [
        "/data/eu/rates.csv",
        "/data/us/rates.csv",
        "/data/model.pkl",
        "s3://bucket/2026/model.bin",
        "team/opaque",
        "clean()",
    ]

    assert short_names(names) == {
        "/data/eu/rates.csv": "eu/rates.csv",
        "/data/us/rates.csv": "us/rates.csv",
        "/data/model.pkl": "model.pkl",
        "s3://bucket/2026/model.bin": "model.bin",
        "team/opaque": "team/opaque",
        "clean()": "clean()",
    }


def test_a_tail_never_equals_another_name() -> None:
    names = ["/a/x", "/b/a/x", "x", "/x", "/"]

    short = short_names(names)

    assert len(set(short.values())) == len(names)
    assert all(name.endswith(shown) and shown for name, shown in short.items())


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("fits as it is", 13, "fits as it is"),
        ("The board of the whole day", 12, "The board o…"),
        ("The board of the whole day", 11, "The board…"),
        ("特徴量テーブル", 5, "特徴…"),
        ("anything", 1, "…"),
    ],
)
def test_a_sentence_is_cut_at_its_end(text: str, most: int, shown: str) -> None:
    assert Screen(100).cut_end(text, most) == shown


def test_names_that_differ_in_a_late_number_still_differ_when_they_are_cut() -> None:
    names = [f"flights_2013-{month:02d}.parquet" for month in range(1, 13)]

    assert len({Screen(100).cut(name, 17) for name in names}) == 12
