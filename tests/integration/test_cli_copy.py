"""`bt db copy`, run as an operator runs it: whole, seen to be whole, and never the worse for it."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from program import Bt, bt_on, bt_process_on, plain_environment
from servers import Server

from backtrail import Client, Pointer, connect

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
MANY = 12_000


def record(client: Client, names: range) -> None:
    for n in names:
        at = START + timedelta(seconds=n)
        client.record_run(
            "step",
            started_at=at,
            ended_at=at,
            inputs=[Pointer(f"part-{n - 1}", version=f"v{n - 1}")],
            outputs=[Pointer(f"part-{n}", version=f"v{n}")],
            params={"n": n},
        )
    assert client.flush(60) == 0


@pytest.fixture
def source(tmp_path: Path) -> str:
    """A file with runs, a flag and a note."""
    url = f"sqlite:///{tmp_path}/from.db"
    with connect(url) as client:
        record(client, range(5))
        client.flag("part-4", "wrong")
        client.note(client.backtrace("part-3").frames[0].run.run_id, "looked at")
    return url


@pytest.fixture
def target(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/to.db"


@pytest.fixture
def database(wheel_server: Server) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    name = wheel_server.create()
    yield wheel_server.url(name)
    wheel_server.drop(name)


@pytest.fixture
def bt(source: str, tmp_path: Path) -> Bt:
    return bt_on(source, tmp_path)


def document(done: Any) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def counts(found: Any, what: str = "count") -> dict[str, int]:
    return {each["kind"]: each[what] for each in found["facts"] if each[what]}


def test_a_file_goes_to_a_server_and_back_and_answers_the_same(
    bt: Bt, source: str, target: str, database: str
) -> None:
    there = document(bt("db", "copy", "--to", database, "--json"))
    back = document(bt("db", "copy", "--from", database, "--to", target, "--json"))

    assert [each["verified"] and each["equal"] for each in (there, back)] == [True, True]
    assert there["digest"] == back["digest"]
    assert counts(there) == counts(back) == counts(there, "new")
    assert counts(there)["runs"] == 5
    for command in (("part-4",), ("show", "part-2"), ("review", "--list"), ("db", "check")):
        answers = {bt(*command, "--db", url).stdout for url in (source, target, database)}
        assert len(answers) == 1


def test_the_same_command_again_brings_only_what_is_new(bt: Bt, source: str, target: str) -> None:
    assert "5, all new" in bt("db", "copy", "--to", target).stdout
    with connect(source) as client:
        record(client, range(5, 7))

    shown = bt("db", "copy", "--to", target).stdout
    again = document(bt("db", "copy", "--to", target, "--json"))

    assert "7, 2 new" in shown
    assert "both hold the same" in shown
    assert counts(again, "new") == {}


def test_a_copy_goes_beside_other_facts(bt: Bt, target: str) -> None:
    with connect(target) as client:
        record(client, range(100, 102))

    found = document(bt("db", "copy", "--to", target, "--json"))

    assert (found["verified"], found["equal"]) == (True, False)
    assert "beside others" in bt("db", "copy", "--to", target).stdout
    assert document(bt("db", "stats", "--db", target, "--json"))["runs"] == 7


def test_a_dry_run_counts_and_makes_nothing(bt: Bt, target: str, database: str) -> None:
    for url in (target, database):
        found = document(bt("db", "copy", "--to", url, "--dry-run", "--json"))
        assert counts(found, "new")["runs"] == 5
        assert found["verified"] is None
    assert not Path(target.removeprefix("sqlite:///")).exists()
    with connect(database) as client:
        assert not client.open_store().exists()


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        ("DELETE FROM run WHERE run % 2", "runs"),
        ("UPDATE run SET params = NULL", "runs"),
        ("DELETE FROM note", "notes"),
        ("DELETE FROM flag", "flags"),
        ("UPDATE artifact SET source = 0", "sources"),
        ("UPDATE component SET said = '{}'", "components"),
    ],
)
def test_what_a_copy_lost_is_seen_and_brought_again(
    bt: Bt, source: str, target: str, damage: str, kind: str
) -> None:
    with connect(source) as client:
        client.source("part--1")
        client.create_or_retrieve_component("step", owner="@kim")
    bt("db", "copy", "--to", target)
    with sqlite3.connect(target.removeprefix("sqlite:///")) as behind_its_back:
        behind_its_back.execute(damage)

    dry = document(bt("db", "copy", "--to", target, "--dry-run", "--json"))
    again = document(bt("db", "copy", "--to", target, "--json"))

    assert set(counts(dry, "new")) - {"outputs"} == {kind}
    assert again["equal"]


@pytest.mark.usefixtures("processes")
def test_what_is_recorded_during_a_copy_waits_for_the_next(
    source: str, database: str, tmp_path: Path
) -> None:
    bt = bt_process_on(source, tmp_path)
    stop = threading.Event()

    def go_on() -> None:
        with connect(source, spool=str(tmp_path / "other")) as client:
            n = 1000
            while not stop.is_set():
                record(client, range(n, n + 10))
                n += 10

    recorder = threading.Thread(target=go_on)
    recorder.start()
    try:
        first = document(bt("db", "copy", "--to", database, "--json"))
    finally:
        stop.set()
        recorder.join()
    last = document(bt("db", "copy", "--to", database, "--json"))

    assert first["verified"]
    assert last["equal"]
    assert counts(last)["runs"] > counts(first)["runs"] >= 5


@pytest.mark.usefixtures("processes")
def test_a_copy_that_was_killed_goes_on(bt: Bt, source: str, database: str, tmp_path: Path) -> None:
    with connect(source) as client:
        record(client, range(100, 100 + MANY))
    copy = [sys.executable, "-m", "backtrail", "db", "copy", "--from", source, "--to", database]
    process = subprocess.Popen(copy, env=plain_environment(), cwd=tmp_path)
    with connect(database) as client:
        give_up = time.monotonic() + 60
        while client.open_store().count_runs() == 0:
            assert time.monotonic() < give_up
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert client.open_store().count_runs() < MANY

    found = document(bt("db", "copy", "--to", database, "--json"))

    assert found["equal"]
    assert 0 < counts(found, "new")["runs"] < MANY


@pytest.mark.usefixtures("processes")
def test_a_target_that_goes_away_is_said_and_what_is_there_stays(
    source: str, wheel_server: Server, tmp_path: Path
) -> None:
    with connect(source) as client:
        record(client, range(100, 100 + MANY))
    name = wheel_server.create()
    url = wheel_server.url(name)
    copy = [sys.executable, "-m", "backtrail", "db", "copy", "--from", source, "--to", url]
    process = subprocess.Popen(
        copy, env=plain_environment(), cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    with connect(url) as client:
        give_up = time.monotonic() + 60
        while client.open_store().count_runs() == 0:
            assert time.monotonic() < give_up
    wheel_server.drop(name)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 4
    assert "the same command again goes on from there" in said
    assert "Traceback" not in said


def test_a_copy_that_cannot_be_is_refused(bt: Bt, source: str, target: str, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(source.removeprefix("sqlite:///"))

    for other in (source, f"sqlite:///{link}"):
        done = bt("db", "copy", "--to", other)
        assert (done.returncode, "onto itself" in done.stderr) == (2, True)
    done = bt("db", "copy", "--from", f"sqlite:///{tmp_path}/no.db", "--to", target)
    assert (done.returncode, "there is no database" in done.stderr) == (3, True)
    done = bt("db", "copy", "--to", "postgresql://127.0.0.1:1/none")
    assert (done.returncode, "What was copied stays" in done.stderr) == (4, True)
    assert bt("db", "copy").returncode == 2
    assert not Path(target.removeprefix("sqlite:///")).exists()
