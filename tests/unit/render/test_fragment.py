"""What the output cells of notebooks are made of."""

from __future__ import annotations

from html import unescape

import pytest
from contrast import contrast
from golden.examples import five_runs, many_runs, reads
from hypothesis import given
from hypothesis import strategies as st

from backtrail.render import html
from backtrail.render.fragment import BARS, MOST_ITEMS, Cell, items, table, text
from backtrail.render.screen import safe


@given(st.text())
def test_any_text_is_shown_as_it_is(given: str) -> None:
    shown = text(given)

    assert not set(shown) & set("<>\"'")
    assert unescape(shown) == safe(given)


@given(st.text(), st.text())
def test_no_cell_or_sentence_opens_an_element(one: str, other: str) -> None:
    shown = table([one], [[other, Cell(one, "bad")]]) + items([f"x{other}"])

    assert shown.count("<") == shown.count(">") == 20


@pytest.mark.parametrize("tone", BARS)
@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
def test_a_bar_stands_out_on_a_light_and_on_a_dark_page(tone: str, page: str) -> None:
    assert contrast(BARS[tone], page) >= 3


def test_the_text_of_a_cell_keeps_the_colour_of_the_page() -> None:
    assert ";color:" not in html.backtrace(five_runs())


def test_a_long_list_is_cut_and_says_so() -> None:
    shown = items(str(n) for n in range(100))

    assert shown.count("<li>") == MOST_ITEMS + 1
    assert "and 70 more" in shown


def test_a_backtrace_of_thousands_of_runs_and_gaps_stays_small() -> None:
    trace = many_runs(ingests=3_000, features=500)
    trace.frames[5].run.inputs += [reads(f"/x/{n}", None, "gap") for n in range(5_000)]

    assert len(html.backtrace(trace)) < 100_000
