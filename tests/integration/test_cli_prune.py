"""`bt db prune`, run as an operator runs it, while others go on recording."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from program import Bt, bt_on, bt_process_on, plain_environment
from servers import Server

from backtrail import Client, Pointer, StoreUnavailableError, connect

NOW = datetime.now(timezone.utc)
DAYS = 200


@pytest.fixture
def url(fresh_store: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """A store in which a model was made every week and asked every day, for 200 days."""
    with fresh_store() as url:
        with connect(url) as client:
            for day in range(DAYS, 0, -1):
                record_day(client, day)
            assert client.flush(60) == 0
        yield url


@pytest.fixture
def bt(url: str, tmp_path: Path) -> Bt:
    return bt_on(url, tmp_path)


def record_day(client: Client, day: int) -> None:
    at = NOW - timedelta(days=day)
    features = Pointer("features.parquet", version=f"v{day}")
    if day % 7 == 0 or day == DAYS:
        add(client, f"etl-{day}", "etl", at, ["raw.csv"], [features], params={"day": day})
        add(client, f"train-{day}", "train", at + HOUR, [features], ["model.pkl"])
    failed: Any = {"status": "failed", "error": f"ValueError: of day {day}"} if day == 105 else {}
    add(
        client,
        f"predict-{day}",
        "predict",
        at + 2 * HOUR,
        ["model.pkl"],
        [Pointer(f"pred-{day}", kind="output")],
        **failed,
    )


HOUR = timedelta(hours=1)


def add(
    client: Client, run_id: str, component: str, at: datetime, ins: Any, outs: Any, **known: Any
) -> None:
    client.record_run(
        component,
        started_at=at,
        ended_at=at + HOUR / 2,
        inputs=ins,
        outputs=outs,
        run_id=run_id,
        **known,
    )


def document(done: Any) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ids(client: Client) -> set[str]:
    return {run.run_id for run in client.recent(limit=10_000)}


def test_old_predictions_go_and_what_is_behind_newer_ones_stays(url: str, bt: Bt) -> None:
    with connect(url) as client:
        client.flag("pred-150", "wrong")
        client.note("predict-160", "looked at")
        client.flush()
    before = bt("pred-89").stdout
    promised = document(bt("db", "prune", "--keep", "90d", "--dry-run", "--json"))
    done = document(bt("db", "prune", "--keep", "90d", "--json"))

    with connect(url) as client:
        left = ids(client)
        assert client.check() == []
        behind_flag = [frame.run.run_id for frame in client.backtrace("pred-150").frames]
        shown = client.get_run("etl-91")
    assert {f"predict-{day}" for day in range(1, 90)} <= left
    assert {"predict-150", "train-154", "etl-154", "predict-160", "train-161", "etl-161"} <= left
    # The model that was current when the 90 days begin, and all that was written over since.
    assert {"train-91", "etl-91", "train-147", "etl-140"} <= left
    assert not {"predict-149", "predict-100", "predict-91"} & left
    assert behind_flag == ["predict-150", "train-154", "etl-154"]
    assert shown.params == {}
    assert shown.pruned_us is not None
    assert "parameters, values" in bt("show", "etl-91").stdout
    assert bt("pred-89").stdout == before
    assert {**promised, "dry_run": False, "before": ""} == {**done, "before": ""}
    assert done["runs"] + len(left) == DAYS + 2 * (DAYS // 7 + 1)


def test_who_asks_for_what_is_gone_is_told_so(bt: Bt) -> None:
    bt("db", "prune", "--keep", "90d")

    done = bt("pred-149")

    assert done.returncode == 3
    assert "were pruned" in done.stderr


def test_the_text_of_an_old_error_goes_and_its_type_stays(url: str, bt: Bt) -> None:
    with connect(url) as client:
        client.flag("pred-105", "it is wrong")
        assert client.backtrace("pred-105").frames[0].run.error == "ValueError: of day 105"
        client.flush()
    bt("db", "prune", "--keep", "90d")
    with connect(url) as client:
        assert client.backtrace("pred-105").frames[0].run.error == "ValueError"


@pytest.mark.usefixtures("processes")
def test_pruning_while_others_record_loses_nothing(url: str, tmp_path: Path) -> None:
    bt = bt_process_on(url, tmp_path)
    stop = threading.Event()
    recorded: list[str] = []

    def go_on() -> None:
        with connect(url, spool=str(tmp_path / "other")) as client:
            n = 0
            while not stop.is_set() or n < 20:
                name = f"live-{n}"
                now = datetime.now(timezone.utc)
                # Names that are about to go, and one that is behind everything.
                old = Pointer(f"pred-{100 + n % 90}", kind="output")
                add(client, name, "live", now, ["model.pkl", old], [f"made-{n}"])
                recorded.append(name)
                client.flush()
                n += 1

    recorder = threading.Thread(target=go_on)
    recorder.start()
    try:
        done = bt("db", "prune", "--keep", "90d")
    finally:
        stop.set()
        recorder.join()

    assert done.returncode == 0, done.stderr
    with connect(url) as client:
        assert set(recorded) <= ids(client)
        assert client.check() == []
        for n in range(len(recorded)):
            trace = client.backtrace(f"made-{n}")
            model = next(each for each in trace.frames[0].inputs if each.name == "model.pkl")
            assert model.producer_run_id == "train-7"


@pytest.mark.usefixtures("processes")
def test_a_pruning_that_was_killed_goes_on(url: str, bt: Bt, tmp_path: Path) -> None:
    with connect(url) as client:
        at = NOW - timedelta(days=120)
        for n in range(4000):
            outs = [Pointer(f"many-{n}", kind="output")]
            add(client, f"many-{n}", "predict", at + n * timedelta(seconds=1), ["model.pkl"], outs)
        assert client.flush(60) == 0
        many = len(ids(client))
    command = [sys.executable, "-m", "backtrail", "db", "prune", "--keep", "90d", "--db", url]
    process = subprocess.Popen(command, env=plain_environment(), cwd=tmp_path)
    with connect(url) as client:
        give_up = time.monotonic() + 60
        while client.stats().runs == many and process.poll() is None:
            assert time.monotonic() < give_up
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert client.check() == []

    document(bt("db", "prune", "--keep", "90d", "--json"))

    with connect(url) as client:
        assert not any(run_id.startswith("many-") for run_id in ids(client))
        assert client.check() == []


@pytest.mark.parametrize("keep", ["", "90", "ninety days", "-3d", "0d"])
def test_a_time_that_is_none_is_refused(tmp_path: Path, keep: str) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    with connect(url) as client:
        record_day(client, 100)

    done = bt_on(url, tmp_path)("db", "prune", "--keep", keep)

    assert done.returncode == 2
    assert "90d" in done.stderr or "30d" in done.stderr


def test_who_may_only_record_does_not_prune(wheel_server: Server, tmp_path: Path) -> None:
    name = wheel_server.create()
    with connect(wheel_server.url(name)) as owner:
        record_day(owner, 100)
        assert owner.flush() == 0
    with wheel_server.connect(name) as connection:
        connection.execute(
            "CREATE ROLE only_adds LOGIN; GRANT USAGE ON SCHEMA backtrail TO only_adds;"
            " GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA backtrail TO only_adds"
        )
    url = wheel_server.url(name, user="only_adds")
    try:
        with connect(url, spool=str(tmp_path / "spool")) as client:
            with pytest.raises(StoreUnavailableError, match="permission denied"):
                client.prune("90d")
            assert len(client.recent()) == 1
    finally:
        wheel_server.drop(name)
        with wheel_server.connect() as connection:
            connection.execute("DROP ROLE only_adds")


def test_a_month_of_which_nothing_stays_is_dropped(debian_server: Server) -> None:
    name = debian_server.create()
    url = debian_server.url(name)
    with connect(url) as client:
        for day in (150, 1):
            add(
                client,
                f"predict-{day}",
                "predict",
                NOW - timedelta(days=day),
                ["model.pkl"],
                [Pointer(f"pred-{day}", kind="output")],
            )
        assert client.flush() == 0
        count = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'backtrail.output'::regclass"
        with debian_server.connect(name) as connection:
            before = connection.execute(count).fetchone()
            client.prune("90d")
            after = connection.execute(count).fetchone()
        # What is recorded of that month later makes it anew.
        add(client, "late", "etl", NOW - timedelta(days=150), [], ["late.csv"])
        assert client.flush() == 0
        assert client.backtrace("late.csv").frames
    assert before is not None
    assert after is not None
    assert int(str(after[0])) == int(str(before[0])) - 1
    debian_server.drop(name)
