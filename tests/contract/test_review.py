"""What explains flagged outputs, on every store: the whole way from flags to suspects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from simulated import MANY, record, run_id, simulate

from backtrail import Client, Pointer, Review, ReviewRow, connect
from backtrail.model.facts import KIND_CODES, Artifact, Batch, FlagFact, WriterFact
from backtrail.query import comparison
from backtrail.query import review as query

BEGAN = datetime(2026, 7, 24, tzinfo=timezone.utc)


def a_run(
    client: Client,
    run_name: str,
    minute: float,
    *,
    reads: Sequence[Any] = (),
    writes: Sequence[str] = (),
    makes: Sequence[str] = (),
    **more: Any,
) -> None:
    """Record a run of the component that its name begins with."""
    began = BEGAN + timedelta(minutes=minute)
    client.record_run(
        run_name.partition("-")[0],
        run_id=run_name,
        started_at=began,
        ended_at=began + timedelta(seconds=1),
        inputs=reads,
        outputs=[*writes, *(Pointer(each, kind="output") for each in makes)],
        **more,
    )


def serve(client: Client, days: int, per_day: int = 5, **params: Any) -> None:
    """Each day one run cleans a file, and others serve outputs from it: ``pred-DAY-N``."""
    for day in range(days):
        a_run(client, f"clean-{day}", 1440 * day, writes=["clean.csv"])
        for n in range(per_day):
            minute = 1440 * day + 10 + n
            name = f"pred-{day}-{n}"
            a_run(client, f"serve-{day}-{n}", minute, reads=["clean.csv"], makes=[name])


def flag(client: Client, *names: str) -> None:
    for name in names:
        client.flag(name, "wrong")


def runs_in(row: ReviewRow) -> list[str]:
    return [each.text for each in row.members if each.kind == "run"]


def kinds_in(row: ReviewRow) -> set[str]:
    return {each.kind for each in row.members}


def counts(review: Review) -> tuple[int, int]:
    return review.flagged, review.others


def test_the_run_that_all_flagged_outputs_share_is_first(client: Client) -> None:
    serve(client, 6)
    flag(client, "pred-2-0", "pred-2-1", "pred-2-3", "pred-2-4")

    review = client.review()

    assert runs_in(review.rows[0]) == ["clean-2"]
    assert review.rows[0].run is not None
    assert review.rows[0].run.run_id == "clean-2"
    assert (review.rows[0].support, review.rows[0].others) == (4, 1)
    assert counts(review) == (4, 26)
    assert (review.verdict, review.reason) == ("strong", "")
    assert sorted(review.names) == ["pred-2-0", "pred-2-1", "pred-2-3", "pred-2-4"]
    assert review.rows[0].outputs == ["pred-2-4", "pred-2-3", "pred-2-1", "pred-2-0"]
    assert review.rows[0].good == "pred-5-4"


def test_each_row_has_the_flagged_outputs_that_it_is_behind(client: Client) -> None:
    serve(client, 4)
    a_run(client, "report-1", 9_000, reads=["clean.csv"], makes=["report-1"])
    flag(client, "pred-2-0", "pred-2-1", "pred-1-3", "report-1")

    review = client.review()

    for row in review.rows:
        assert len(row.outputs) == row.support
        alone = [each for each in row.outputs if each not in review.rows[0].outputs]
        assert len(alone) == row.beyond
        assert row.good is None or row.good not in review.names
    (last,) = (row for row in review.rows if "report-1" in runs_in(row))
    assert last.outputs == ["report-1"]
    assert last.good is None  # no other output of that component


@pytest.mark.parametrize("seed", range(1_000, 1_012))
def test_the_guilty_run_of_a_simulated_day_is_in_the_first_group(client: Client, seed: int) -> None:
    day = simulate(seed, MANY)
    assert day.guilty is not None
    record(client, day)

    first = client.review().rows[0]

    assert run_id(day.guilty) in runs_in(first)
    assert first.support == (day.behind[day.guilty] & day.flagged).bit_count()
    assert first.support + first.others == day.behind[day.guilty].bit_count()


def test_runs_that_feed_the_same_outputs_are_one_group_with_a_failed_one_first(
    client: Client,
) -> None:
    for day in range(5):
        failed = {"status": "failed", "error": "KeyError"} if day == 1 else {}
        a_run(client, f"clean-{day}", 1440 * day, writes=["clean.csv"], **failed)
        a_run(client, f"join-{day}", 1440 * day + 5, reads=["clean.csv"], writes=["joined.csv"])
        makes = [f"pred-{day}-{n}" for n in range(5)]
        a_run(client, f"serve-{day}", 1440 * day + 9, reads=["joined.csv"], makes=makes)
    flag(client, "pred-1-0", "pred-1-1", "pred-1-2")

    review = client.review()

    assert runs_in(review.rows[0]) == ["clean-1", "serve-1", "join-1"]
    assert kinds_in(review.rows[0]) == {"run"}
    assert "no flag can tell these apart" in str(review)


def test_no_flags_say_what_to_do(client: Client) -> None:
    serve(client, 1)

    review = client.review()

    assert (review.verdict, review.reason, review.rows) == ("nothing", "no-flags", [])
    assert "bt flag ID" in str(review)


def test_a_flag_that_is_taken_back_does_not_count(client: Client) -> None:
    serve(client, 4)
    flag(client, "pred-1-0", "pred-1-1", "pred-1-2", "pred-3-0")
    client.unflag("pred-3-0")

    assert counts(client.review()) == (3, 17)


def test_a_flag_is_on_what_was_there_when_it_was_made(client: Client) -> None:
    """A report that is written every day, flagged, and written again since."""
    for day in range(4):
        a_run(client, f"clean-{day}", 1440 * day, writes=["clean.csv"])
        a_run(client, f"report-{day}", 1440 * day + 9, reads=["clean.csv"], writes=["report.csv"])
    flag(client, "report.csv")
    later = (datetime.now(timezone.utc) - BEGAN) / timedelta(minutes=1) + 60
    a_run(client, "report-9", later, reads=["clean.csv"], writes=["report.csv"])

    review = client.review()

    assert review.rows[0].support == 1
    assert runs_in(review.rows[0])[0] == "report-3"
    assert counts(review) == (1, 4)


def test_an_output_that_was_made_again_is_not_compared_with_itself(client: Client) -> None:
    serve(client, 3)
    a_run(client, "serve-again", 1440 * 2 + 60, reads=["clean.csv"], makes=["pred-0-0"])
    flag(client, "pred-0-0")

    review = client.review()

    assert counts(review) == (1, 14)
    assert "serve-again" in runs_in(review.rows[0])


def test_a_version_of_the_code_that_several_runs_share_is_a_suspect(client: Client) -> None:
    for n in range(12):
        git = "b" * 40 if n % 3 == 1 else "a" * 40
        a_run(client, f"clean-{n}", 10 * n, writes=["clean.csv"], git_hash=git)
        makes = [f"pred-{n}-{k}" for k in range(4)]
        a_run(client, f"serve-{n}", 10 * n + 5, reads=["clean.csv"], makes=makes)
    flag(client, *(f"pred-{n}-{k}" for n in (1, 4, 7, 10) for k in range(3)))

    first = client.review().rows[0]

    assert (first.support, first.others) == (12, 4)
    assert [(each.kind, each.component, each.text) for each in first.members] == [
        ("code", "clean", "commit bbbbbbb")
    ]
    assert first.run is None


@pytest.mark.parametrize(
    ("kind", "text", "more"),
    [
        ("param", 'mode="fast"', lambda bad: {"params": {"mode": "fast" if bad else "slow"}}),
        ("host", "gpu-07", lambda bad: {"host": "gpu-07" if bad else "gpu-01"}),
    ],
)
def test_a_parameter_or_a_host_that_runs_share_is_a_suspect(
    client: Client, kind: str, text: str, more: Any
) -> None:
    for n in range(24):
        makes = [f"pred-{n}-{k}" for k in range(4)]
        a_run(client, f"serve-{n}", n, makes=makes, **more(n % 3 == 0))
    flag(client, *(f"pred-{n}-{n % 4}" for n in range(0, 24, 3)))

    first = client.review().rows[0]

    assert [(each.kind, each.text) for each in first.members] == [(kind, text)]


def test_a_file_that_no_run_wrote_is_a_suspect(client: Client) -> None:
    for n in range(12):
        rates = Pointer("rates.csv", version=f"sha256:{n // 4:064x}")
        makes = [f"pred-{n}-{k}" for k in range(5)]
        a_run(client, f"serve-{n}", n, reads=[rates], makes=makes)
    flag(client, *(f"pred-{n}-{k}" for n in (4, 5, 6, 7) for k in range(3)))

    [suspect] = client.review().rows[0].members

    assert suspect.kind == "input"
    assert suspect.text.startswith("read rates.csv (sha256 000000..")
    assert suspect.text.endswith("which no recorded run wrote")


def test_a_time_in_which_runs_started_is_a_suspect(client: Client) -> None:
    for n in range(48):
        a_run(client, f"serve-{n}", 30 * n, makes=[f"pred-{n}-{k}" for k in range(4)])
    flag(client, *(f"pred-{n}-{k}" for n in range(12, 24) for k in (1, 2)))

    first = client.review().rows[0]

    assert [(each.kind, each.text) for each in first.members] == [
        ("time", "2026-07-24 06:00 to 12:00")
    ]


def test_what_was_read_of_a_run_tells_one_way_from_another(client: Client) -> None:
    """A file that spoilt what was served from it, but not the model that was made of it too."""
    for day in range(8):
        a_run(client, f"clean-{day}", 1440 * day, writes=["clean.csv"])
        if day in (0, 3):
            a_run(client, f"train-{day}", 1440 * day + 5, reads=["clean.csv"], writes=["model.bin"])
        for n in range(6):
            minute, name = 1440 * day + 10 + n, f"pred-{day}-{n}"
            reads = ["clean.csv", "model.bin"]
            a_run(client, f"serve-{day}-{n}", minute, reads=reads, makes=[name])
    flag(client, *(f"pred-3-{n}" for n in range(6)))

    first = client.review().rows[0]

    assert first.members[0].kind == "input"
    assert first.members[0].text.startswith("read clean.csv of clean 2026-07-27")
    assert first.run is not None
    assert first.run.run_id == "clean-3"


def test_a_second_thing_that_went_wrong_is_said_to_stand_apart(client: Client) -> None:
    serve(client, 10, per_day=8)
    flag(client, *(f"pred-{day}-{n}" for day in (2, 7) for n in range(7)))
    flag(client, "pred-2-7")

    review = client.review()

    assert [runs_in(row) for row in review.rows[:2]] == [["clean-2"], ["clean-7"]]
    assert [row.beyond for row in review.rows[:2]] == [0, 7]
    assert "rank 2, which stands out too, is behind 7 of those" in " ".join(str(review).split())


def test_calls_count_for_what_was_written_after_them(client: Client) -> None:
    for n in range(8):
        at = 100 * n
        began = BEGAN + timedelta(minutes=at)
        a_run(client, f"step-{n}", at + 10, parent_run_id=f"flow-{n}")
        client.record_run(
            "flow",
            run_id=f"flow-{n}",
            started_at=began,
            ended_at=began + timedelta(minutes=60),
            outputs=[
                Pointer(f"early-{n}", kind="output", at=began + timedelta(minutes=1)),
                *(
                    Pointer(f"late-{n}-{k}", kind="output", at=began + timedelta(minutes=30))
                    for k in range(6)
                ),
            ],
        )
    flag(client, *(f"late-3-{k}" for k in range(6)))

    review = client.review()

    assert counts(review) == (6, 50)
    assert runs_in(review.rows[0]) == ["step-3"]
    assert (review.rows[0].support, review.rows[0].others) == (6, 0)


def test_outputs_beyond_those_that_a_run_row_keeps_are_counted(client: Client) -> None:
    for n in range(3):
        with client.run("serve"):
            client.log_many([f"pred-{n}-{k}" for k in range(2_500)])
    flag(client, *(f"pred-1-{k}" for k in (3, 1_500, 2_000, 2_400)), "pred-2-2000")

    review = client.review()

    assert counts(review) == (5, 7_495)
    assert (review.rows[0].support, review.rows[0].others) == (4, 2_496)


def test_of_very_many_runs_the_same_share_of_every_time_is_compared(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where most of them ran between the flagged ones: that alone is not suspicious."""
    monkeypatch.setattr(comparison, "MOST_COMPARED", 300)
    monkeypatch.setattr(comparison, "_LISTED_AT_ONCE", 70)
    for day, per_day in enumerate((100, 600, 100)):
        a_run(client, f"clean-{day}", 1440 * day, writes=["clean.csv"])
        for n in range(per_day):
            minute = 1440 * day + 10 + n
            a_run(client, f"serve-{day}-{n}", minute, reads=["clean.csv"], makes=[f"p-{day}-{n}"])
    flag(client, *(f"p-1-{n}" for n in range(10, 600, 60)))

    review, again = client.review(), client.review()

    assert review.sampled
    assert review.others == pytest.approx(200, abs=12)
    of_day_1 = next(row for row in review.rows if "clean-1" in runs_in(row))
    assert of_day_1.others == pytest.approx(150, abs=10)
    assert review.verdict != "strong"
    assert review.to_dict() == again.to_dict()


def test_outputs_of_long_before_are_not_compared(client: Client) -> None:
    serve(client, 60, per_day=1)
    flag(client, "pred-50-0", "pred-51-0")

    review = client.review()

    # A week on both sides, but 25 runs at least.
    assert counts(review) == (2, 25 + 8)


def test_only_outputs_of_a_time_are_reviewed_where_one_is_given(client: Client) -> None:
    serve(client, 8)
    flag(client, *(f"pred-{day}-{n}" for day in (1, 6) for n in range(4)))

    review = client.review(since=BEGAN + timedelta(days=5))

    assert counts(review) == (4, 11)
    assert runs_in(review.rows[0]) == ["clean-6"]


def test_a_flag_on_what_no_recorded_run_wrote_is_said_not_to_count(
    client: Client, store_url: str
) -> None:
    serve(client, 3)
    flag(client, "pred-1-1")
    client.flush()
    fact = FlagFact(Artifact("elsewhere-1", KIND_CODES["output"]), 5, "open", "wrong", "ada")
    other = connect(store_url)
    writer = WriterFact(b"w" * 16, "other-host", 1, 1, {})
    other.open_store().take_in([Batch(writer, 0, 9, [fact])])
    other.close()

    review = client.review()

    assert review.unwritten == ["elsewhere-1"]
    assert review.flagged == 1
    assert "not written by a recorded run: elsewhere-1" in str(review)


def a_chain_of_five(client: Client) -> None:
    for day in range(4):
        reads: list[str] = []
        for n in range(5):
            name = f"file-{n}"
            a_run(client, f"step{n}-{day}", 100 * day + n, reads=reads, writes=[name])
            reads = [name]
        makes = [f"pred-{day}-{n}" for n in range(5)]
        a_run(client, f"serve-{day}", 100 * day + 9, reads=reads, makes=makes)
    flag(client, *(f"pred-2-{n}" for n in range(4)))


def test_what_lies_too_far_upstream_is_said_not_to_be_ranked(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "MOST_RUNS", 10)
    a_chain_of_five(client)

    review = client.review()

    assert review.truncated
    assert {"serve-2", "step4-2"} <= set(runs_in(review.rows[0]))
    assert review.runs == 10
    assert "Only the nearest 10 runs were looked at" in str(review)


def test_a_review_that_is_interrupted_ranks_what_was_reached(client: Client) -> None:
    a_chain_of_five(client)
    seen: list[int] = []

    def watch(reached: int, _waiting: int) -> bool:
        seen.append(reached)
        return len(seen) < 3

    review = client.review(watch=watch)

    assert seen == [4, 8, 12]
    assert review.truncated
    assert set(runs_in(review.rows[0])) == {"serve-2", "step4-2", "step3-2"}


def test_a_review_is_the_same_in_json_text_and_a_notebook(client: Client) -> None:
    serve(client, 6)
    flag(client, "pred-2-0", "pred-2-1", "pred-2-3", "pred-2-4")

    review = client.review()
    document = review.to_dict()

    assert document["schema"] == "backtrail.review/1"
    assert document["rows"][0]["run_id"] == "clean-2"
    assert document["rows"][0]["share_low"] < 0.8 < document["rows"][0]["share_high"]
    assert "clean-2" in review._repr_html_()
    assert "cause" not in (str(review) + review._repr_html_()).lower()
