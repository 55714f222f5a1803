"""`assert_lineage`: what a test says of the lineage of an output, and what it reads if it fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from backtrail import Client, ConfigurationError, NotFoundError, Pointer
from backtrail.testing import Lineage, assert_lineage

BEGAN = datetime(2026, 7, 24, 2, 0, tzinfo=timezone.utc)
Step = Callable[..., str]


def digest(letter: str) -> str:
    return "blake3:" + letter * 64


@pytest.fixture
def step(client: Client) -> Step:
    """Record a run, an hour after the one before it; ``name@x`` has the digest xxx..."""
    hours = iter(range(100))

    def pointer(word: str) -> Pointer:
        name, _, letter = word.partition("@")
        if not letter:
            return Pointer(name, kind="output" if name.startswith("pred") else None)
        return Pointer(name, version=digest(letter))

    def record(component: str, reads: str = "", writes: str = "", **more: Any) -> str:
        start = BEGAN + timedelta(hours=next(hours))
        return client.record_run(
            component,
            started_at=start,
            ended_at=start + timedelta(minutes=1),
            inputs=[pointer(word) for word in reads.split()],
            outputs=[pointer(word) for word in writes.split()],
            **more,
        )

    return record


@pytest.fixture
def about(client: Client) -> Callable[..., Lineage]:
    def begin(output: str, **how: Any) -> Lineage:
        return assert_lineage(output, client=client, **how)

    return begin


def why(call: Callable[[], Any]) -> str:
    """What the failure of an assertion says, above the backtrace."""
    with pytest.raises(AssertionError) as failed:
        call()
    return str(failed.value).partition("\n\n")[0]


def test_what_holds_can_be_said_in_one_chain(step: Step, about: Any) -> None:
    step("train", writes="model.pkl@a", git_hash="77ab013" + "0" * 33)
    step("predict", "model.pkl@a", "pred-1")

    lineage = about("pred-1").uses(component="train", version="77ab013").no_gaps().no_failed()

    assert [frame.run.component for frame in lineage.trace.frames] == ["predict", "train"]


def test_a_failure_shows_the_backtrace(step: Step, about: Any) -> None:
    step("predict", "rates.csv@a", "pred-1")

    with pytest.raises(AssertionError) as failed:
        about("pred-1").no_gaps()

    text = str(failed.value)
    assert text.startswith("pred-1: 1 input has no known producer\n  rates.csv, read by #0 predict")
    assert "#0  predict  2026-07-24 02:00" in text


def test_an_unknown_output_is_not_found(about: Any) -> None:
    with pytest.raises(NotFoundError):
        about("pred-1")


# -- uses ----------------------------------------------------------------------------------


def test_a_component_that_is_not_behind_it_fails(step: Step, about: Any) -> None:
    step("train", writes="model.pkl@a")
    step("predict", "model.pkl@a", "pred-1")

    said = why(lambda: about("pred-1").uses("clean"))

    assert said == "pred-1: no run of clean is behind it\n  behind it are predict, train"


@pytest.mark.parametrize("version", ["77ab013" + "0" * 33, "77ab013", "77ab"])
def test_a_commit_may_be_shortened(step: Step, about: Any, version: str) -> None:
    step("train", writes="pred-1", git_hash="77ab013" + "0" * 33)

    assert about("pred-1").uses("train", version)


@pytest.mark.parametrize("version", ["77a", "88ab013", ""])
def test_another_commit_or_too_short_a_word_fails(step: Step, about: Any, version: str) -> None:
    step("train", writes="pred-1", git_hash="77ab013" + "0" * 33)

    said = why(lambda: about("pred-1").uses("train", version))

    assert said.splitlines()[0] == f"pred-1: no run of train behind it is of version {version}"
    assert "#0 train: commit 77ab013" in said


def test_a_run_with_uncommitted_changes_is_not_of_its_commit(step: Step, about: Any) -> None:
    step("train", writes="pred-1", git_hash="77ab013" + "0" * 33)
    lineage = about("pred-1")
    lineage.trace.frames[0].run.code.dirty = True

    assert "uncommitted changes" in why(lambda: lineage.uses("train", "77ab013"))


def test_a_version_of_an_artifact_can_be_asked_for(step: Step, about: Any) -> None:
    step("train", writes="/models/model.pkl@a")
    step("predict", "/models/model.pkl@a", "pred-1")

    about("pred-1").uses(artifact="model.pkl").uses(artifact="model.pkl", version=digest("a"))
    about("pred-1").uses(artifact="/models/model.pkl", version="aaaa")

    said = why(lambda: about("pred-1").uses(artifact="model.pkl", version="bbbb"))
    assert f"/models/model.pkl: {digest('a')}, read by #0 predict" in said
    assert "no run behind it read odel.pkl" in why(
        lambda: about("pred-1").uses(artifact="odel.pkl")
    )


def test_uses_needs_to_be_told_what(step: Step, about: Any) -> None:
    step("predict", writes="pred-1")

    with pytest.raises(ConfigurationError):
        about("pred-1").uses()


# -- failed, stale, old -----------------------------------------------------------------------


def test_a_failed_run_behind_it_fails(step: Step, about: Any) -> None:
    step("clean", writes="clean.csv@a", status="failed", error="KeyError('x')")
    step("predict", "clean.csv@a", "pred-1")

    said = why(lambda: about("pred-1").no_failed())

    assert said.splitlines()[1] == "  #1 clean: failed with KeyError('x')"


def test_a_newer_input_fails_and_says_what_stale_says(step: Step, about: Any) -> None:
    step("clean", writes="clean.csv@a")
    step("predict", "clean.csv@a", "pred-1")
    about("pred-1").no_stale()
    step("clean", writes="clean.csv@b")

    with pytest.raises(AssertionError) as failed:
        about("pred-1").no_stale()

    assert str(failed.value).startswith("pred-1: it is stale, not fresh\n\n")
    assert "newer-input" in str(failed.value)


def test_a_run_that_is_too_old_fails(step: Step, about: Any) -> None:
    step("train", writes="model.pkl@a")
    step("predict", "model.pkl@a", "pred-1")
    now = BEGAN + timedelta(days=20)

    about("pred-1").max_age("30d", now=now).max_age(
        timedelta(days=20), component="predict", now=now
    )

    said = why(lambda: about("pred-1").max_age("14d", component="train", now=now))
    assert said == "pred-1: 1 run is older than 14 days\n  #1 train ended 20 days ago"
    assert "no run of clean" in why(lambda: about("pred-1").max_age(5, component="clean"))


# -- no overlap ---------------------------------------------------------------------------------


def split(step: Step) -> None:
    step("ingest", "raw.csv@r", "/d/all.parquet@a")
    step("split", "/d/all.parquet@a", "/d/train.parquet@t /d/test.parquet@e")
    step("train", "/d/train.parquet@t", "model.pkl@m")


def test_a_split_of_rows_overlaps_until_what_was_split_is_allowed(step: Step, about: Any) -> None:
    split(step)

    said = why(lambda: about("model.pkl").no_overlap("train.parquet", "test.parquet"))

    assert said.splitlines()[0] == (
        "model.pkl: 2 artifact versions are behind both train.parquet and test.parquet"
    )
    assert said.splitlines()[1] == (
        "  all.parquet (blake3 aaaaaa..aa): read by #1 split for train.parquet,"
        " read by #1 split for test.parquet"
    )
    about("model.pkl").no_overlap("train.parquet", "test.parquet", allow=["all.parquet"])


def test_what_is_allowed_does_not_excuse_another_way(step: Step, about: Any) -> None:
    step("ingest", "raw.csv@r", "all.csv@a")
    step("split", "all.csv@a", "first.csv@f test.csv@e")
    step("more", "first.csv@f raw.csv@r", "train.csv@t")
    step("train", "train.csv@t test.csv@e", "report@x")

    said = why(lambda: about("report").no_overlap("train.csv", "test.csv", allow=["all.csv"]))

    assert "raw.csv" in said.splitlines()[1]
    assert "all.csv" not in said


def test_a_test_set_that_the_training_data_was_made_from_overlaps(step: Step, about: Any) -> None:
    step("a", writes="test.csv@e")
    step("b", "test.csv@e", "train.csv@t")
    step("train", "train.csv@t", "model.pkl@m")

    said = why(lambda: about("model.pkl").no_overlap("train.csv", "test.csv"))

    assert "test.csv (blake3 eeeeee..ee): read by #1 b for train.csv, written by #2 a" in said


def test_the_same_content_under_another_name_overlaps(step: Step, about: Any) -> None:
    step("a", writes="day1.csv@x")
    step("b", "day1.csv@x", "train.csv@t")
    step("copy", writes="copied.csv@x")
    step("c", "copied.csv@x", "test.csv@e")
    step("train", "train.csv@t test.csv@e", "report@m")

    assert "blake3 xxxxxx..xx" in why(lambda: about("report").no_overlap("train.csv", "test.csv"))


def test_parts_of_their_own_do_not_overlap(step: Step, about: Any) -> None:
    step("b", "day1.csv@x", "train.csv@t")
    step("c", "day2.csv@y", "test.csv@e")
    step("train", "train.csv@t", "model.pkl@m")

    # The test set is not behind the model, which is as it should be: it is looked up.
    assert about("model.pkl").no_overlap("train.csv", "test.csv")


def test_a_declared_source_behind_both_overlaps_too(step: Step, about: Any, client: Client) -> None:
    client.source("day1.csv")
    step("b", "day1.csv@x", "train.csv@t")
    step("c", "day1.csv@x", "test.csv@e")
    step("train", "train.csv@t", "model.pkl@m")

    assert "day1.csv" in why(lambda: about("model.pkl").no_overlap("train.csv", "test.csv"))


def test_a_name_that_could_be_two_files_must_be_told_better(step: Step, about: Any) -> None:
    step("b", writes="/a/train.csv@x /b/train.csv@y test.csv@z")

    with pytest.raises(ConfigurationError, match=r"/a/train\.csv, /b/train\.csv"):
        about("test.csv").no_overlap("train.csv", "test.csv")
