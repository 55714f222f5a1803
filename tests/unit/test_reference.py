"""The reference itself, against answers worked out by hand from LINEAGE.md."""

from __future__ import annotations

import pytest
from reference import (
    Backtrace,
    Fact,
    Input,
    Read,
    RunFact,
    SourceFact,
    Write,
    canonical,
    reference_backtrace,
)

SECOND = 1_000_000


def a_run(
    run_id: str,
    started: int,
    ended: int | None,
    reads: list[Read | str] | None = None,
    writes: list[Write | str] | None = None,
    *,
    parent: str | None = None,
    host: str | None = None,
) -> RunFact:
    return RunFact(
        run_id,
        started,
        ended,
        tuple(Read(each) if isinstance(each, str) else each for each in reads or []),
        tuple(Write(each) if isinstance(each, str) else each for each in writes or []),
        parent=parent,
        host=host,
    )


def trace(facts: list[Fact], name: str = "out", at: int | None = None) -> Backtrace:
    answer = reference_backtrace(facts, name, at)
    assert answer is not None
    return answer


def order(answer: Backtrace) -> list[str]:
    return [frame.run_id for frame in answer.frames]


def only_input(answer: Backtrace) -> Input:
    (only,) = answer.frames[0].inputs
    return only


def producer(answer: Backtrace) -> str:
    number = only_input(answer).producer
    assert number is not None
    return answer.frames[number].run_id


def test_a_chain_is_listed_from_the_output_back() -> None:
    facts: list[Fact] = [
        a_run("a", 0, 1, ["raw"], ["table"]),
        a_run("b", 2, 3, ["table"], ["model"]),
        a_run("c", 4, 5, ["model"], ["out"]),
    ]

    answer = trace(facts)

    assert order(answer) == ["c", "b", "a"]
    assert [frame.depth for frame in answer.frames] == [0, 1, 2]
    assert answer.gaps == ((2, "raw"),)
    assert answer.coverage == pytest.approx(2 / 3)
    assert (answer.written, answer.other_writes) == (5, 0)


def test_a_declared_source_is_no_gap_and_counts_as_covered() -> None:
    answer = trace([a_run("a", 0, 1, ["raw"], ["out"]), SourceFact("raw")])

    assert only_input(answer).evidence == "source"
    assert (answer.gaps, answer.coverage) == ((), 1.0)


def test_a_write_at_the_time_of_the_read_counts_and_the_greater_run_id_is_newer() -> None:
    facts: list[Fact] = [
        a_run("w1", 0, 5, [], ["x"]),
        a_run("w10", 0, 5, [], ["x"]),
        a_run("w2", 0, 5, [], ["x"]),
        a_run("r", 5, 6, ["x"], ["out"]),
    ]

    assert producer(trace(facts)) == "w2"


def test_the_question_s_time_picks_the_write() -> None:
    facts: list[Fact] = [a_run("a", 0, 1, [], ["out"]), a_run("b", 2, 3, [], ["out"])]

    assert order(trace(facts)) == ["b"]
    assert order(trace(facts, at=3)) == ["b"]
    assert order(trace(facts, at=2)) == ["a"]
    assert trace(facts, at=2).other_writes == 1
    assert reference_backtrace(facts, "out", at=0) is None
    assert reference_backtrace(facts, "nothing") is None


def test_content_is_looked_for_under_the_name_first_and_anywhere_next() -> None:
    facts: list[Fact] = [
        a_run("old", 0, 1, [], [Write("x", "blake3:1")]),
        a_run("copy", 0, 3, [], [Write("y", "blake3:1")]),
        a_run("newer", 0, 4, [], [Write("x", "blake3:2")]),
        a_run("late", 0, 9, [], [Write("x", "blake3:1")]),
        a_run("r", 5, 6, [Read("x", "blake3:1")], ["out"]),
        a_run("s", 5, 6, [Read("z", "blake3:1")], ["renamed"]),
    ]

    assert (producer(trace(facts)), only_input(trace(facts)).evidence) == ("old", "content")
    assert producer(trace(facts, "renamed")) == "copy"


def test_another_version_word_does_not_look_under_other_names() -> None:
    facts: list[Fact] = [
        a_run("a", 0, 1, [], [Write("y", "etag:1")]),
        a_run("b", 0, 2, [], [Write("x", "etag:1")]),
        a_run("c", 0, 3, [], [Write("x", "etag:2")]),
        a_run("r", 5, 6, [Read("x", "etag:1")], ["out"]),
        a_run("s", 5, 6, [Read("z", "etag:1")], ["other"]),
    ]

    assert (producer(trace(facts)), only_input(trace(facts)).evidence) == ("b", "version")
    assert only_input(trace(facts, "other")).evidence == "gap"


@pytest.mark.parametrize("written", ["etag:2", None])
def test_a_link_by_time_says_that_the_versions_differ(written: str | None) -> None:
    facts: list[Fact] = [
        a_run("a", 0, 1, [], [Write("x", written)]),
        a_run("r", 5, 6, [Read("x", "etag:1")], ["out"]),
    ]

    assert only_input(trace(facts)).evidence == "time"
    assert only_input(trace(facts)).warnings == ("version-mismatch",)


def test_a_version_that_only_the_writer_knows_is_no_mismatch() -> None:
    facts: list[Fact] = [a_run("a", 0, 1, [], [Write("x", "v")]), a_run("r", 5, 6, ["x"], ["out"])]

    assert only_input(trace(facts)).warnings == ()


def test_the_clock_tolerance_holds_between_known_other_hosts_only() -> None:
    def evidence(writer: str | None, reader: str | None, late: int) -> str:
        facts: list[Fact] = [
            a_run("w", 0, late, [], ["x"], host=writer),
            a_run("r", 0, SECOND, ["x"], ["out"], host=reader),
        ]
        return only_input(trace(facts)).evidence

    assert evidence("h1", "h2", 2 * SECOND) == "time"
    assert evidence("h1", "h2", 2 * SECOND + 1) == "gap"
    assert evidence("h1", "h1", 1) == "gap"
    assert evidence(None, "h1", 1) == "gap"
    assert evidence("h1", None, 1) == "gap"


def test_an_older_write_goes_before_one_within_the_clock_tolerance() -> None:
    facts: list[Fact] = [
        a_run("old", 0, 1, [], ["x"], host="h1"),
        a_run("near", 0, 11, [], ["x"], host="h1"),
        a_run("r", 10, 12, ["x"], ["out"], host="h2"),
    ]

    assert producer(trace(facts)) == "old"


def test_a_named_run_goes_before_all_and_an_unknown_one_answers_nothing() -> None:
    facts: list[Fact] = [
        a_run("a", 0, 1, [], ["x"]),
        a_run("b", 0, 2, [], ["x"]),
        a_run("r", 5, 6, [Read("x", run_id="a")], ["out"]),
        a_run("s", 5, 6, [Read("x", run_id="nobody")], ["other"]),
    ]

    assert (producer(trace(facts)), only_input(trace(facts)).evidence) == ("a", "explicit")
    assert (producer(trace(facts, "other")), only_input(trace(facts, "other")).evidence) == (
        "b",
        "time",
    )


def test_a_run_that_updates_a_path_depends_on_the_previous_writer() -> None:
    facts: list[Fact] = [
        a_run("a", 0, 1, [], ["x"]),
        a_run("b", 5, 5, ["x"], ["x"]),
        a_run("c", 6, 7, ["x"], ["x"]),
    ]

    assert order(trace(facts, "x")) == ["c", "b", "a"]


def test_what_a_run_wrote_itself_before_it_read_needs_no_link() -> None:
    facts: list[Fact] = [
        a_run("a", 0, 1, [], ["x"]),
        a_run("b", 2, 9, [Read("x", at=4), Read("gone")], [Write("x", at=3), "out"]),
    ]

    answer = trace(facts)

    assert answer.frames[0].own_reads == ("x",)
    assert [each.name for each in answer.frames[0].inputs] == ["gone"]
    assert (order(answer), answer.coverage) == (["b"], 0.0)


def test_what_another_run_wrote_since_its_own_write_is_what_a_run_reads() -> None:
    between = a_run("a", 0, 3, [], ["x"])
    reader = a_run("b", 0, 9, [Read("x", at=4)], [Write("x", at=2), "out"])

    assert order(trace([between, reader])) == ["b", "a"]


def test_what_a_run_wrote_at_the_moment_of_its_read_is_not_what_it_read() -> None:
    before = a_run("a", 0, 1, [], ["x"])
    reader = a_run("b", 0, 9, [Read("x", at=3)], [Write("x", at=3), "out"])

    assert order(trace([before, reader])) == ["b", "a"]


def test_a_called_run_that_ended_before_the_write_is_behind_it() -> None:
    facts: list[Fact] = [
        a_run("r", 0, 10, [], [Write("out", at=5), Write("late", at=10)]),
        a_run("before", 1, 4, ["raw"], parent="r"),
        a_run("inner", 2, 3, parent="before"),
        a_run("across", 1, 6, parent="r"),
        a_run("outside", 1, 11, parent="r"),
        a_run("stranger", 1, 2),
    ]

    answer = trace(facts)

    assert order(answer) == ["r", "before", "inner"]
    assert [frame.calls for frame in answer.frames] == [(1,), (2,), ()]
    assert answer.gaps == ((1, "raw"),)
    assert order(trace(facts, "late")) == ["r", "across", "before", "inner"]
    assert order(trace(facts, "r")) == ["r", "across", "before", "inner"]


def test_a_call_is_not_drawn_where_data_leads_to_the_run() -> None:
    facts: list[Fact] = [
        a_run("r", 0, 10, [], ["out"]),
        a_run("a", 1, 2, [], ["x"], parent="r"),
        a_run("b", 3, 4, ["x"], ["y"], parent="r"),
    ]

    answer = trace(facts)

    assert order(answer) == ["r", "b", "a"]
    assert [frame.calls for frame in answer.frames] == [(1,), (), ()]
    assert [frame.depth for frame in answer.frames] == [0, 1, 2]


def test_a_call_is_drawn_where_data_leads_to_the_run_only_in_a_circle() -> None:
    facts: list[Fact] = [
        a_run("r", 0, 10, [], ["out"]),
        a_run("c", 1, 9, [Read("y", at=6)], [Write("x", at=2)], parent="r"),
        a_run("d", 3, 4, ["x"], ["y"]),
    ]

    answer = trace(facts)

    assert order(answer) == ["r", "c", "d"]
    assert [frame.calls for frame in answer.frames] == [(1,), (), ()]
    assert [frame.depth for frame in answer.frames] == [0, 1, 2]


def test_of_runs_that_may_come_next_the_one_that_ended_last_does_then_the_greater_id() -> None:
    facts: list[Fact] = [
        a_run("base", 0, 1, [], ["x"]),
        a_run("p9", 2, 5, ["x"], ["a"]),
        a_run("p10", 2, 5, [], ["b"]),
        a_run("late", 2, 6, [], ["c"]),
        a_run("r", 7, 8, ["a", "b", "c", "x"], ["out"]),
    ]

    assert order(trace(facts)) == ["r", "late", "p9", "p10", "base"]
    assert [frame.depth for frame in trace(facts).frames] == [0, 1, 1, 1, 1]


def test_facts_said_twice_count_once_and_parts_of_a_run_are_united() -> None:
    a = a_run("a", 0, 1, [], ["x"])
    whole = a_run("r", 2, 3, ["x", "y"], ["out"])
    parts = [a_run("r", 2, None, ["x"]), a_run("r", 2, 3, ["y"], ["out"]), a_run("r", 2, None)]

    assert trace([a, whole]) == trace([*parts, a, a]) == trace([a, *parts[::-1]])


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("S3A://Bucket/Key/", "s3://Bucket/Key"),
        ("s3n://b/k", "s3://b/k"),
        ("file:///a/b", "/a/b"),
        ("FILE:///a/b/", "/a/b"),
        ("gs://b/k/", "gs://b/k"),
        ("plain/", "plain/"),
        ("Plain", "Plain"),
    ],
)
def test_names_are_compared_in_their_canonical_form(one: str, same: str) -> None:
    assert canonical(one) == same
