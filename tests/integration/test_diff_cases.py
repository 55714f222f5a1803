"""Comparisons that people will make: states that grow, batches, renamed and unrelated steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pipelines import Step, World

from backtrail import Client, Pointer

BEGUN = datetime(2026, 7, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


class Clock:
    """Records runs an hour apart, each with what it read and wrote by version."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.at = BEGUN

    def run(
        self,
        component: str,
        reads: dict[str, str | None],
        writes: dict[str, str | None],
        **more: Any,
    ) -> str:
        self.at += HOUR
        return self.client.record_run(
            component,
            started_at=self.at,
            ended_at=self.at + HOUR / 2,
            inputs=[Pointer(name, version=version) for name, version in reads.items()],
            outputs=[
                Pointer(name, version=version, kind="output" if name.startswith("pred") else None)
                for name, version in writes.items()
            ],
            **more,
        )


@pytest.fixture
def clock(client: Client) -> Clock:
    return Clock(client)


def days(clock: Clock, count: int, **last: Any) -> list[str]:
    """A state that each day's run takes further, and a prediction from it every day."""
    updates = []
    for day in range(1, count + 1):
        more = last if day == count else {"git_hash": "aaaaaaa"}
        state = {"state": f"v{day - 1}"} if day > 1 else {}
        reads = {**state, f"raw-{day}": f"r{day}"}
        updates.append(clock.run("update", reads, {"state": f"v{day}"}, **more))
        clock.run("predict", {"state": f"v{day}"}, {f"pred-{day}": f"p{day}"}, git_hash="bbbbbbb")
    return updates


def test_a_state_that_is_one_day_older_differs_by_its_last_run(clock: Clock) -> None:
    updates = days(clock, 5, git_hash="aaaaaaa")

    found = clock.client.diff("pred-4", "pred-5")

    first = found.first_divergence
    assert first is not None
    assert (first.component, first.what, first.weight) == ("update", "run", "routine")
    assert first.a is None
    assert first.b is not None
    assert first.b.run.run_id == updates[4]
    assert first.like is not None
    assert first.like.run.run_id == updates[3]
    assert sum(row.is_same_run for row in found.rows) == 4
    assert len(found.rows) == 6
    assert "In its place A has #1. Nothing else differs." in str(found)


def test_what_was_changed_in_the_last_run_of_a_state_is_told(clock: Clock) -> None:
    days(clock, 5, git_hash="ccccccc")

    first = clock.client.diff("pred-4", "pred-5").first_divergence

    assert first is not None
    assert (first.fields, first.weight) == (("run", "code"), "effective")
    assert [(c.name, c.a, c.b) for c in first.changes] == [("commit", "aaaaaaa", "ccccccc")]


def test_histories_of_other_lengths_and_places_are_aligned_from_the_end(client: Client) -> None:
    world = World(client.open_store())
    steps = [Step("update", (n - 1,) if n else (), f"blake3:{n:064x}") for n in range(6)]
    world.prefix = "x/"
    world.run(steps, "pred-x")
    world.prefix = "y/"
    shorter = [Step("update", (n - 1,) if n else (), f"blake3:{n:064x}") for n in range(5)]
    world.run(shorter, "pred-y")
    world.flush()

    found = client.diff("pred-x", "pred-y")

    assert len(found.rows) == 6
    alone = [row for row in found.rows if row.b is None]
    assert [row.a.run.run_id for row in alone if row.a is not None] == ["pred-x/0"]
    assert not found.is_same


def test_two_results_of_one_batch_come_from_the_same_run(client: Client) -> None:
    with client.run("serve"):
        client.log_many(["p-1", "p-2", "p-3"], values=[0.4, 0.8, 0.4])

    differ, alike = client.diff("p-1", "p-2"), client.diff("p-1", "p-3")

    assert differ.first_divergence is not None
    assert differ.first_divergence.what == "output"
    assert differ.rows[0].is_same_run
    assert alike.is_same


def test_outputs_of_other_components_stand_side_by_side(clock: Clock) -> None:
    clock.run("clean", {"raw": "r1"}, {"table": "t1"})
    clock.run("serve_old", {"table": "t1"}, {"pred-a": "p1"})
    clock.run("serve_new", {"table": "t1"}, {"pred-b": "p2"})

    found = clock.client.diff("pred-a", "pred-b")

    assert {(row.component, row.verdict) for row in found.rows} == {
        ("clean", "same"),
        ("serve_old", "only-a"),
        ("serve_new", "only-b"),
    }
    assert found.first_divergence is not None
    assert found.first_divergence.what == "run"


def test_an_output_and_what_it_was_made_from_are_compared(clock: Clock) -> None:
    clock.run("clean", {"raw": "r1"}, {"table": "t1"})
    clock.run("serve", {"table": "t1"}, {"pred-a": "p1"})

    found = clock.client.diff("table", "pred-a")

    assert [(row.component, row.verdict) for row in found.rows] == [
        ("clean", "same"),
        ("serve", "only-b"),
    ]


def test_a_source_that_another_day_has_under_another_name_is_routine(clock: Clock) -> None:
    for day, change in (("2026-07-24", "aaaaaaa"), ("2026-07-25", "ccccccc")):
        version = day[-2:]
        clock.run("clean", {f"raw-{day}.csv": f"r{version}"}, {"table": f"t{version}"})
        clock.run("serve", {"table": f"t{version}"}, {f"pred-{day}": None}, git_hash=change)

    found = clock.client.diff("pred-2026-07-24", "pred-2026-07-25")

    assert [(d.component, d.what, d.weight) for d in found.divergences] == [
        ("serve", "code", "effective"),
        ("clean", "inputs", "routine"),
    ]


def test_a_change_whose_output_is_the_same_is_never_first(clock: Clock) -> None:
    for name, commits, made in (
        ("a", ("1111111", "2222222"), "m1"),
        ("b", ("9999999", "3333333"), "m2"),
    ):
        clock.run("clean", {"raw": "r1"}, {"table": "t1"}, git_hash=commits[0])
        clock.run("train", {"table": "t1"}, {"model": made}, git_hash=commits[1])
        clock.run("serve", {"model": made}, {f"pred-{name}": made})

    found = clock.client.diff("pred-a", "pred-b")

    assert [(d.component, d.weight) for d in found.divergences] == [
        ("train", "effective"),
        ("clean", "without-effect"),
    ]
    assert "without effect, since what they made is the same: clean (code)" in str(found)


def test_another_commit_around_the_same_source_is_named_where_the_result_differs(
    client: Client,
) -> None:
    before = [Step("clean", (), "blake3:00", commit="1" * 40), Step("serve", (0,), commit="1" * 40)]
    after = [replace(step, commit="2" * 40) for step in before]
    world = World(client.open_store())
    world.run(before, "pred-a")
    world.run(after, "pred-b")
    world.run([replace(after[0], chance="helper"), after[1]], "pred-c")
    world.run([replace(step, params={"day": "2026-07-25"}) for step in before], "pred-d")
    world.run([replace(step, params={"day": "2026-07-26"}) for step in after], "pred-e")
    world.flush()

    assert client.diff("pred-a", "pred-b").is_same
    first = client.diff("pred-a", "pred-c").first_divergence
    dates = client.diff("pred-d", "pred-e")

    assert first is not None
    assert (first.component, first.what, first.source_diff) == ("clean", "code", None)
    assert "code that it calls may have changed" in first.source_note
    assert dates.first_divergence is not None
    assert dates.first_divergence.what == "params"
    assert "commit  1111111 -> 2222222 in clean, serve: their own source is the same" in str(dates)


def test_another_machine_is_told_where_nothing_else_explains_the_result(client: Client) -> None:
    steps = [Step("train", (), "blake3:00"), Step("serve", (0,))]
    world = World(client.open_store())
    world.run(steps, "pred-a", host="gpu-07")
    world.run(steps, "pred-b", host="gpu-09")
    world.run([replace(steps[0], chance="cuda"), steps[1]], "pred-c", host="gpu-09")
    world.flush()

    same, other = client.diff("pred-a", "pred-b"), client.diff("pred-a", "pred-c")

    assert same.is_same
    assert {row.environment for row in same.rows} == {"minor"}
    assert other.first_divergence is not None
    assert (other.first_divergence.component, other.first_divergence.what) == ("train", "output")
    assert "on another machine (gpu-07 -> gpu-09)" in " ".join(str(other).split())


def test_where_a_backtrace_was_cut_nothing_is_blamed_for_what_lies_beyond(client: Client) -> None:
    steps = [Step(f"step-{n}", (n - 1,) if n else (), f"blake3:{n:064x}") for n in range(9)]
    world = World(client.open_store())
    world.run(steps, "pred-a")
    world.run([replace(steps[0], chance="x"), *steps[1:]], "pred-b")
    world.flush()

    found = client.diff("pred-a", "pred-b", watch=lambda reached, _: reached < 4)

    assert found.truncated
    assert not found.is_same
    assert found.divergences == []
    assert {row.verdict for row in found.rows} == {"follows"}
    assert "lies beyond what was compared" in str(found)
    assert "A backtrace was cut" in str(found)
    assert found.to_dict()["is_same"] is False


def test_a_run_that_reads_one_file_more_differs_by_its_inputs(clock: Clock) -> None:
    clock.run("serve", {"model": "m1"}, {"pred-a": "p1"})
    clock.run("serve", {"model": "m1", "rates": "x1"}, {"pred-b": "p2"})

    first = clock.client.diff("pred-a", "pred-b").first_divergence

    assert first is not None
    assert first.what == "inputs"
    assert [(c.name, c.a, c.b) for c in first.changes if c.field == "inputs"] == [
        ("rates", None, "x1")
    ]


def test_two_runs_that_both_know_are_told_apart(clock: Clock) -> None:
    one = clock.run("train", {}, {"model": None})
    two = clock.run("train", {}, {"model": None})
    for name, chosen, other in (("a", one, two), ("b", two, one)):
        client = clock.client
        clock.at += HOUR
        client.record_run(
            "serve",
            started_at=clock.at,
            ended_at=clock.at + HOUR,
            inputs=[Pointer("model", run_id=chosen), Pointer("backup", run_id=other)],
            outputs=[Pointer(f"pred-{name}", kind="output")],
        )

    first = clock.client.diff("pred-a", "pred-b").first_divergence

    assert first is not None
    assert (first.component, first.what) == ("serve", "inputs")
