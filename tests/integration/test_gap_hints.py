"""What is said of a gap beside which a run wrote nearly the same name, and of a missing output."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from program import bt_on

import backtrail
from backtrail import Client, Pointer
from backtrail.query.near_misses import NearMiss

NOON = datetime(2026, 7, 25, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def near(
    client: Client, *, written: object, read: object, hours_before: int = 1
) -> NearMiss | None:
    """Give the near miss of a gap where one run wrote a name and another read one."""
    then = NOON - hours_before * HOUR
    client.record_run("export", started_at=then, ended_at=then, outputs=[written])
    client.record_run("predict", started_at=NOON, ended_at=NOON, inputs=[read], outputs=["pred-1"])
    return next(iter(client.near_misses(client.backtrace("pred-1")).values()), None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("x.csv", "/data/x.csv"),
        ("./data/x.csv", "/srv/data/x.csv"),
        ("lake/x.csv", "s3://lake/x.csv"),
        ("/elsewhere/x.csv", "/data/x.csv"),
        ("/mnt/lake/x.csv", "s3://lake/x.csv"),
    ],
)
def test_a_run_that_wrote_nearly_the_name_of_a_gap_is_named(
    client: Client, written: str, read: str
) -> None:
    assert near(client, written=written, read=read) == NearMiss("export", written)


def test_a_plain_name_is_looked_for_as_a_file_in_the_folder_where_one_asks(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    client.record_run("noise", started_at=NOON, ended_at=NOON, outputs=["y.csv"])

    found = near(client, written=tmp_path / "data" / "x.csv", read="data/x.csv")

    assert found == NearMiss("export", f"{tmp_path}/data/x.csv")


def test_what_was_written_only_later_is_no_near_miss(client: Client) -> None:
    assert near(client, written="x.csv", read="/data/x.csv", hours_before=-1) is None


def test_another_name_is_no_near_miss(client: Client) -> None:
    assert near(client, written="/data/y.csv", read="/data/x.csv") is None


def test_an_output_id_is_no_near_miss(client: Client) -> None:
    assert near(client, written=Pointer("b/x.csv", kind="output"), read="/data/x.csv") is None


def test_a_near_miss_makes_no_link(client: Client) -> None:
    near(client, written="x.csv", read="/data/x.csv")

    trace = client.backtrace("pred-1")

    assert len(trace.frames) == 1
    assert [gap.name for gap in trace.gaps] == ["/data/x.csv"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/bt.db"


def test_the_hint_says_what_to_write_so_that_the_two_meet(url: str, tmp_path: Path) -> None:
    with backtrail.connect(url) as client:
        near(client, written="x.csv", read=tmp_path / "x.csv")

    done = bt_on(url, tmp_path)("pred-1", "--wide")

    assert (
        "? x.csv was not written by a recorded run. The trace stops there."
        ' But export wrote "x.csv", a plain name and no path.'
        ' With log_output(Path("x.csv")) in export the two would meet.'
    ) in done.stdout
    assert "backtrail.source(" not in done.stdout


def test_a_declared_output_that_was_never_made_is_said(url: str, tmp_path: Path) -> None:
    with backtrail.connect(url) as client:

        @client.register("clean", output_path=[tmp_path / "made.csv", tmp_path / "never.csv"])
        def clean() -> None:
            (tmp_path / "made.csv").write_text("1")

        clean()
        trace = client.backtrace(tmp_path / "never.csv")

    done = bt_on(url, tmp_path)("never.csv", "--check")

    assert "missing-output" in [warning.code for warning in trace.frames[0].warnings]
    assert done.returncode == 1
    assert "! #0 clean  declared the output never.csv, which was not there" in done.stdout


def test_an_imported_run_is_not_said_to_lack_its_outputs(client: Client) -> None:
    client.record_run("clean", started_at=NOON, ended_at=NOON, outputs=["/nowhere/x.csv"])

    trace = client.backtrace("/nowhere/x.csv")

    assert trace.frames[0].warnings == []
