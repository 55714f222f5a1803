"""Staleness case by case: each reason of docs/explanation/lineage.md, and what is none."""

from __future__ import annotations

import importlib.util
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from backtrail import Client, ConfigurationError, NotFoundError, Pointer, Staleness

NOON = datetime(2026, 7, 25, 12, tzinfo=timezone.utc)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def ran(
    client: Client, component: str, hours: float, reads: Any = (), writes: Any = (), **more: Any
):
    """Record a run at noon and so many hours; names as NAME or NAME@VERSION."""
    return client.record_run(
        component,
        started_at=at(hours),
        ended_at=at(hours),
        inputs=[pointer(each) for each in reads],
        outputs=[pointer(each) for each in writes],
        **more,
    )


def pointer(text: str) -> Pointer:
    name, _, version = text.partition("@")
    return Pointer(name, version=version or None)


def roots(found: Staleness) -> list[tuple[str, str, str | None]]:
    return [(each.root.code, each.root.component, each.root.name) for each in found.reasons]


def chains(found: Staleness) -> list[list[str]]:
    return [[run.component for run in each.chain] for each in found.reasons]


def pipeline(client: Client) -> None:
    """Raw is declared a source; clean, train and serve follow an hour apart."""
    client.source("raw")
    ran(client, "clean", 0, ["raw@blake3:r1"], ["table@blake3:t1"])
    ran(client, "train", 1, ["table@blake3:t1"], ["model@blake3:m1"])
    ran(client, "serve", 2, ["model@blake3:m1"], ["pred-1"])


# -- fresh, with its proof --------------------------------------------------------


def test_an_output_is_fresh_and_the_proof_names_each_version_that_was_compared(
    client: Client,
) -> None:
    pipeline(client)

    found = client.stale("pred-1")

    assert (found.verdict, found.codes, found.refresh, found.runs) == ("fresh", [], [], 3)
    assert [(each.component, each.name, each.version, each.how) for each in found.compared] == [
        ("serve", "model", "blake3:m1", "version"),
        ("train", "table", "blake3:t1", "version"),
        ("clean", "raw", "blake3:r1", "source"),
    ]


def test_what_was_written_again_with_the_same_content_is_no_newer_input(client: Client) -> None:
    pipeline(client)

    again = ran(client, "train", 3, ["table@blake3:t1"], ["model@blake3:m1"])

    found = client.stale("pred-1")
    assert found.verdict == "fresh"
    assert found.compared[0].newest_run_id == again


def test_what_confirms_an_old_version_is_judged_in_its_place(client: Client) -> None:
    pipeline(client)
    client.source("raw")
    ran(client, "clean", 3, ["raw@blake3:r2"], ["table@blake3:t1"])
    ran(client, "ingest", 2.5, [], ["raw@blake3:r2"])

    assert client.stale("pred-1").verdict == "fresh"


def test_a_version_that_came_back_is_no_newer_input(client: Client) -> None:
    pipeline(client)
    ran(client, "train", 3, [], ["model@blake3:m2"])
    assert client.stale("pred-1").is_stale

    ran(client, "restore", 4, [], ["model@blake3:m1"])

    assert client.stale("pred-1").verdict == "fresh"


def test_a_table_that_is_updated_in_place_is_not_stale_for_it(client: Client) -> None:
    for day in range(5):
        reads = [f"table@blake3:{day}"] if day else []
        ran(client, "append", day, reads, [f"table@blake3:{day + 1}"])
    ran(client, "report", 6, ["table@blake3:5"], ["report-1"])

    assert client.stale("report-1").verdict == "fresh"


def test_values_handed_over_in_memory_have_no_newer_version(client: Client) -> None:
    @client.register("load", outputs=["return"])
    def load(number: int) -> list[int]:
        return [number]

    @client.register("score")
    def score(values: list[int]) -> None:
        client.log(f"score-{values[0]}")

    first, second = load(1), load(2)
    score(first)
    score(second)

    assert client.stale("score-1").verdict == "fresh"
    codes = [warning.code for warning in client.backtrace("score-1").frames[0].warnings]
    assert "stale.fresher-run" not in codes


# -- newer-input, upstream-stale ---------------------------------------------------


def test_an_input_with_a_newer_version_makes_an_output_stale(client: Client) -> None:
    pipeline(client)

    newer = ran(client, "train", 3, ["table@blake3:t1"], ["model@blake3:m2"])

    found = client.stale("pred-1")
    (reason,) = found.reasons
    assert (found.verdict, reason.code) == ("stale", "newer-input")
    assert (reason.root.version, reason.root.newer_version) == ("blake3:m1", "blake3:m2")
    assert reason.root.newer_run is not None
    assert (reason.root.newer_run.run_id, reason.root.by) == (newer, "version")
    assert [each.component for each in found.refresh] == ["serve"]


def test_without_versions_the_clock_decides_and_that_is_said(client: Client) -> None:
    ran(client, "train", 1, [], ["model"])
    ran(client, "serve", 2, ["model"], ["pred-1"])
    assert client.stale("pred-1").verdict == "fresh"

    ran(client, "train", 3, [], ["model"])

    (reason,) = client.stale("pred-1").reasons
    assert (reason.code, reason.root.by) == ("newer-input", "clock")


def test_digests_of_two_kinds_cannot_be_compared_so_the_clock_decides(client: Client) -> None:
    ran(client, "train", 1, [], ["model@blake3:m1"])
    ran(client, "serve", 2, ["model@blake3:m1"], ["pred-1"])

    ran(client, "train", 3, [], ["model@sha256:m1"])

    assert client.stale("pred-1").reasons[0].root.by == "clock"


def test_what_is_stale_upstream_is_told_with_the_chain_to_its_root(client: Client) -> None:
    pipeline(client)

    ran(client, "ingest", 3, [], ["raw@blake3:r2"])

    found = client.stale("pred-1")
    assert found.codes == ["upstream-stale"]
    assert chains(found) == [["serve", "train", "clean"]]
    assert roots(found) == [("newer-input", "clean", "raw")]
    assert [each.component for each in found.refresh] == ["clean", "train", "serve"]
    assert [each.codes for each in found.refresh] == [["newer-input"], [], []]


def test_what_was_replaced_is_not_judged_but_what_replaced_it_is_made_again(
    client: Client,
) -> None:
    pipeline(client)
    ran(client, "clean", 3, ["raw@blake3:r1"], ["table@blake3:t2"])
    ran(client, "train", 4, ["table@blake3:t2"], ["model@blake3:m2"])
    ran(client, "ingest", 5, [], ["raw@blake3:r2"])

    found = client.stale("pred-1")

    assert roots(found) == [("newer-input", "serve", "model")]
    assert [each.component for each in found.refresh] == ["clean", "train", "serve"]


def test_a_run_that_was_called_makes_its_caller_stale_and_is_made_again_by_it(
    client: Client,
) -> None:
    nightly = client.record_run("nightly", started_at=at(0), ended_at=at(3), outputs=["report"])
    ran(client, "clean", 1, ["raw@blake3:r1"], ["table@blake3:t1"], parent_run_id=nightly)
    ran(client, "ingest", 5, [], ["raw@blake3:r2"])

    found = client.stale("report")

    assert chains(found) == [["nightly", "clean"]]
    assert [each.component for each in found.refresh] == ["nightly"]


# -- fresher-run --------------------------------------------------------------------


def test_a_run_that_did_not_use_the_newest_there_was_is_told_apart(client: Client) -> None:
    ran(client, "train", 1, [], ["model@blake3:m1"])
    ran(client, "train", 2, [], ["model@blake3:m2"])
    ran(client, "serve", 3, ["model@blake3:m1"], ["pred-1"])

    assert client.stale("pred-1").codes == ["newer-input", "fresher-run"]
    (warning,) = client.backtrace("pred-1").frames[0].warnings
    assert warning.code == "stale.fresher-run"
    assert "2026-07-25 14:00" in warning.text


def test_a_frame_is_warned_of_as_of_its_run_not_as_of_now(client: Client) -> None:
    ran(client, "train", 1, [], ["model@blake3:m1"])
    ran(client, "serve", 2, ["model@blake3:m1"], ["pred-1"])

    ran(client, "train", 3, [], ["model@blake3:m2"])

    assert client.stale("pred-1").codes == ["newer-input"]
    assert client.backtrace("pred-1").frames[0].warnings == []


def test_the_same_content_that_was_made_anew_is_no_fresher_run(client: Client) -> None:
    first = ran(client, "train", 1, [], ["model@blake3:m1"])
    ran(client, "train", 2, [], ["model@blake3:m1"])
    client.record_run(
        "serve",
        started_at=at(3),
        ended_at=at(3),
        inputs=[Pointer("model", version="blake3:m1", run_id=first)],
        outputs=["pred-1"],
    )

    assert client.backtrace("pred-1").frames[0].warnings == []
    assert client.stale("pred-1").verdict == "fresh"


# -- too-old ------------------------------------------------------------------------


def test_nothing_is_too_old_unless_a_limit_is_set_or_asked_for(client: Client) -> None:
    pipeline(client)
    later = at(24 * 365)
    assert client.stale("pred-1", now=later).verdict == "fresh"

    found = client.stale("pred-1", max_age="30d", now=later)

    assert {code for code, _, _ in roots(found)} == {"too-old"}
    assert [each.component for each in found.refresh] == ["clean", "train", "serve"]


def test_a_component_sets_its_own_limit_and_the_stricter_one_counts(client: Client) -> None:
    client.create_or_retrieve_component("train", max_age="2h")
    pipeline(client)

    assert client.stale("pred-1", now=at(3)).verdict == "fresh"
    assert roots(client.stale("pred-1", now=at(3.1))) == [("too-old", "train", None)]
    assert roots(client.stale("pred-1", now=at(3.1), max_age="30d")) == [("too-old", "train", None)]
    (reason,) = client.stale("pred-1", now=at(2.9), max_age="1h30m").reasons[:1]
    assert (reason.root.age_s, reason.root.max_age_s) == (1.9 * 3600, 1.5 * 3600)


def test_a_frame_is_warned_of_that_was_too_old_when_it_was_used(client: Client) -> None:
    client.create_or_retrieve_component("train", max_age="14d")
    ran(client, "train", 0, [], ["model@blake3:m1"])
    ran(client, "serve", 24 * 34, ["model@blake3:m1"], ["pred-1"])
    ran(client, "serve", 24 * 13, ["model@blake3:m1"], ["pred-0"])

    (warning,) = client.backtrace("pred-1").frames[1].warnings
    assert warning.code == "stale.too-old"
    assert warning.text == "made model 34 days before #0 used it (limit 14 days)"
    assert client.backtrace("pred-0").frames[1].warnings == []


# -- code-changed ---------------------------------------------------------------------


def test_a_component_with_newer_code_makes_what_the_older_made_stale(client: Client) -> None:
    ran(client, "clean", 0, [], ["table@blake3:t1"], git_hash="aaa1111")
    ran(client, "serve", 1, ["table@blake3:t1"], ["pred-1"])
    assert client.stale("pred-1").verdict == "fresh"

    ran(client, "clean", 2, [], ["other"], git_hash="bbb2222")

    found = client.stale("pred-1")
    assert roots(found) == [("code-changed", "clean", None)]
    assert "aaa1111" in str(found)
    assert "bbb2222" in str(found)


def test_code_that_was_taken_back_has_not_changed(client: Client) -> None:
    for hours, commit in ((0, "aaa1111"), (2, "bbb2222"), (3, "aaa1111")):
        ran(client, "clean", hours, [], [f"table-{hours}"], git_hash=commit)

    assert client.stale("table-0").verdict == "fresh"
    assert client.stale("table-2").codes == ["code-changed"]


def test_two_functions_of_one_component_are_no_versions_of_each_other(client: Client) -> None:
    @client.register("etl")
    def first() -> None:
        client.log("one")

    @client.register("etl")
    def second() -> None:
        client.log("two", value=2)

    first()
    second()

    assert client.stale("one").verdict == "fresh"


def test_another_source_of_the_same_function_is_a_newer_version(
    client: Client, tmp_path: Path
) -> None:
    for number, body in enumerate(("pass", "pass", "return 1")):
        path = tmp_path / f"steps_{number}.py"
        path.write_text(f"def step():\n    {body}\n")
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        client.register("etl", output_path=str(path))(module.step)()

    first, last = (client.stale(tmp_path / f"steps_{number}.py") for number in (0, 2))
    assert first.codes == ["code-changed"]
    assert last.verdict == "fresh"
    assert "source blake3" in str(first)


# -- what is not known --------------------------------------------------------------


def test_an_input_that_nobody_wrote_leaves_the_verdict_open(client: Client) -> None:
    ran(client, "serve", 1, ["rates.csv@blake3:r1"], ["pred-1"])

    found = client.stale("pred-1")

    assert (found.verdict, found.is_stale) == ("unknown", False)
    assert [(each.code, each.component, each.name) for each in found.not_known] == [
        ("gap", "serve", "rates.csv")
    ]


def test_a_version_that_nobody_recorded_writing_leaves_it_open(client: Client) -> None:
    ran(client, "train", 1, [], ["model@blake3:m1"])
    ran(client, "serve", 2, ["model@blake3:mX"], ["pred-1"])

    assert [each.code for each in client.stale("pred-1").not_known] == ["version-mismatch"]


def test_a_copy_of_what_was_replaced_leaves_it_open(client: Client) -> None:
    ran(client, "clean", 1, [], ["table@blake3:t1"])
    ran(client, "serve", 2, ["copy@blake3:t1"], ["pred-1"])
    assert client.stale("pred-1").verdict == "fresh"

    ran(client, "clean", 3, [], ["table@blake3:t2"])

    found = client.stale("pred-1")
    assert (found.verdict, [each.code for each in found.not_known]) == ("unknown", ["copied"])


def test_files_that_no_run_wrote_are_looked_at_only_when_asked(
    client: Client, tmp_path: Path
) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text("1")
    client.source(raw)

    @client.register("clean", input_path=str(raw))
    def clean() -> None:
        client.log("table-1")

    clean()
    assert client.stale("table-1", files=True).compared[0].how == "file"

    raw.write_text("another")

    assert client.stale("table-1").verdict == "fresh"
    (reason,) = client.stale("table-1", files=True).reasons
    assert (reason.code, reason.root.by) == ("newer-input", "file")


def test_an_unknown_output_and_a_senseless_age_are_refused(client: Client) -> None:
    pipeline(client)

    with pytest.raises(NotFoundError):
        client.stale("pred-9")
    with pytest.raises(ConfigurationError):
        client.stale("pred-1", max_age="soon")


def test_runs_that_call_one_another_do_not_leave_each_other_out_of_the_refresh(
    client: Client,
) -> None:
    # Only faulty facts say so; something must be made again all the same.
    client.create_or_retrieve_component("step", max_age=1)
    for run_id, parent in (("r1", "r2"), ("r2", "r1")):
        client.record_run(
            "step",
            run_id=run_id,
            parent_run_id=parent,
            started_at=datetime(2026, 1, 1, tzinfo=timezone.utc),
            ended_at=datetime(2026, 1, 1, tzinfo=timezone.utc),
            outputs=["table"] if run_id == "r1" else [],
        )

    found = client.stale("table")

    assert found.verdict == "stale"
    assert [each.run_id for each in found.refresh] == ["r1"]
