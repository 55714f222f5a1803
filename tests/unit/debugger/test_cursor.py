"""The place in a backtrace."""

from __future__ import annotations

import pytest
from golden.examples import five_runs, with_gaps
from hypothesis import given
from hypothesis import strategies as st

from backtrail.debugger.cursor import Cursor, MoveError, one_named


@pytest.fixture
def cursor() -> Cursor:
    return Cursor(five_runs().frames)


def test_it_begins_at_the_run_that_made_the_output(cursor: Cursor) -> None:
    assert cursor.frame.run.component == "predict"


def test_up_leads_to_the_inputs_and_down_back(cursor: Cursor) -> None:
    cursor.up(2)
    there = cursor.n
    cursor.down()

    assert (there, cursor.n) == (2, 1)


def test_top_is_where_up_ends_and_bottom_where_down_ends(cursor: Cursor) -> None:
    cursor.top()
    with pytest.raises(MoveError, match="#4 is the top"):
        cursor.up()
    cursor.bottom()
    with pytest.raises(MoveError, match="#0 is the bottom"):
        cursor.down()

    assert cursor.n == 0


def test_a_step_too_far_ends_at_the_end(cursor: Cursor) -> None:
    cursor.up(99)
    at_the_top = cursor.n
    cursor.down(99)

    assert (at_the_top, cursor.n) == (4, 0)


def test_up_with_a_file_goes_to_the_run_that_made_it(cursor: Cursor) -> None:
    cursor.follow_up("features.parquet")

    assert cursor.frame.run.component == "featurize"


def test_down_with_a_file_goes_to_a_run_that_read_it(cursor: Cursor) -> None:
    cursor.select(3)

    cursor.follow_down("clean.parquet")

    assert cursor.n == 2


def test_a_file_that_was_not_read_is_answered_with_those_that_were(cursor: Cursor) -> None:
    with pytest.raises(MoveError, match=r"#0 read no raw\.csv") as raised:
        cursor.follow_up("raw.csv")

    assert raised.value.hint == "There is: model.pkl, features.parquet"
    assert cursor.n == 0


def test_where_the_trace_ends_it_says_why() -> None:
    trace = with_gaps()
    n, name = next(
        (frame.n, given.name)
        for frame in trace.frames
        for given in frame.inputs
        if given.evidence == "gap"
    )
    cursor = Cursor(trace.frames)
    cursor.select(n)

    with pytest.raises(MoveError, match="was not written by a recorded run"):
        cursor.follow_up(name)


def test_a_component_is_found_and_after_its_last_run_the_first_again() -> None:
    frames = five_runs().frames
    frames[3].run.component = "train"
    cursor = Cursor(frames)

    seen = []
    for _ in range(3):
        cursor.select_component("train")
        seen.append(cursor.n)

    assert seen == [1, 3, 1]


def test_there_is_no_frame_beyond_the_last(cursor: Cursor) -> None:
    with pytest.raises(MoveError, match="There are #0 to #4"):
        cursor.select(5)


def test_the_end_of_a_path_names_a_file_only_if_it_is_one_file() -> None:
    names = ["/data/a/x.csv", "/data/b/x.csv", "/data/y.csv"]

    with pytest.raises(MoveError, match=r"could be: a/x.csv, b/x.csv"):
        one_named("x.csv", names, "")
    assert one_named("a/x.csv", names, "") == "/data/a/x.csv"
    assert one_named("./y.csv", names, "") == "/data/y.csv"


@given(st.lists(st.tuples(st.sampled_from("ud"), st.integers(1, 7)), max_size=30))
def test_no_walk_leaves_the_trace(moves: list[tuple[str, int]]) -> None:
    cursor = Cursor(five_runs().frames)

    for way, steps in moves:
        before = cursor.n
        try:
            (cursor.up if way == "u" else cursor.down)(steps)
        except MoveError:
            assert before == (4 if way == "u" else 0)
        else:
            assert abs(cursor.n - before) <= steps
            assert (cursor.n > before) == (way == "u")
        assert cursor.frame.n == cursor.n
