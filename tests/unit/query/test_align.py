"""Which run stands for which, by what reads from them."""

from __future__ import annotations

from golden.examples import a_run, reads

from backtrail.model.records import Frame, Input
from backtrail.query.align import align, matched


def frame(n: int, component: str, *inputs: Input, run_id: str, hour: int | None = None) -> Frame:
    started = f"2026-07-25 {23 - n if hour is None else hour:02}:00"
    return Frame(n, a_run(component, started, 1, reads=inputs, run_id=run_id), n)


def pairs_of(a: list[Frame], b: list[Frame]) -> dict[tuple[str | None, str | None], str]:
    found = align(a, b)
    assert set(found.of_a) == {f.n for f in a}
    assert set(found.of_b) == {f.n for f in b}
    return {
        (
            None if pair.a is None else a[pair.a].run.run_id,
            None if pair.b is None else b[pair.b].run.run_id,
        ): pair.role
        for pair in found.pairs
    }


def test_runs_are_matched_by_what_reads_them() -> None:
    a = [
        frame(0, "serve", reads("/x", 1), reads("/y", 2), run_id="a0"),
        frame(1, "make", run_id="ax"),
        frame(2, "make", run_id="ay"),
    ]
    b = [
        frame(0, "serve", reads("/y", 1), reads("/x", 2), run_id="b0"),
        frame(1, "make", run_id="by"),
        frame(2, "make", run_id="bx"),
    ]

    assert pairs_of(a, b) == {
        ("a0", "b0"): "asked for",
        ("ax", "bx"): "/x of serve",
        ("ay", "by"): "/y of serve",
    }


def test_a_run_that_is_in_both_stands_for_itself() -> None:
    a = [
        frame(0, "serve", reads("/m", 1), run_id="a0"),
        frame(1, "train", reads("/d", 2), run_id="t2"),
        frame(2, "train", run_id="t1"),
    ]
    b = [frame(0, "serve", reads("/m", 1), run_id="b0"), frame(1, "train", run_id="t1")]

    assert pairs_of(a, b) == {
        ("a0", "b0"): "asked for",
        ("t1", "t1"): "same run",
        ("t2", None): "alone",
    }
    assert align(a, b).like_a == {1: 1}


def test_names_of_other_days_and_folders_match() -> None:
    names_a = ["/d/2026-07-24/part-1.csv", "/d/2026-07-24/part-2.csv", "/d/rates.csv", "s3://m/v7"]
    names_b = ["/d/rates.csv", "/d/2026-07-25/part-2.csv", "/e/part-1.csv", "s3://m/v8", "/new"]

    found = matched(names_a, names_b, str)

    assert [(a, b) for _, a, b in found] == [
        ("/d/rates.csv", "/d/rates.csv"),
        ("/d/2026-07-24/part-2.csv", "/d/2026-07-25/part-2.csv"),
        ("/d/2026-07-24/part-1.csv", "/e/part-1.csv"),
        ("s3://m/v7", "s3://m/v8"),
        (None, "/new"),
    ]


def test_what_no_role_settles_is_matched_by_time_from_the_newest() -> None:
    a = [frame(0, "report", reads("/r", None), run_id="a0")]
    a += [frame(n, "step", run_id=f"a{n}", hour=10 - n) for n in (1, 2, 3)]
    b = [frame(0, "other", run_id="b0")]
    b += [frame(n, "step", run_id=f"b{n}", hour=20 + n) for n in (1, 2)]

    assert pairs_of(a, b) == {
        ("a0", None): "alone",
        (None, "b0"): "alone",
        ("a1", "b2"): "time",
        ("a2", "b1"): "time",
        ("a3", None): "alone",
    }


def test_runs_that_were_called_stand_for_each_other() -> None:
    a = [Frame(0, frame(0, "serve", run_id="a0").run, 0, [1]), frame(1, "load", run_id="a1")]
    b = [Frame(0, frame(0, "serve", run_id="b0").run, 0, [1]), frame(1, "load", run_id="b1")]

    assert pairs_of(a, b) == {("a0", "b0"): "asked for", ("a1", "b1"): "call"}
