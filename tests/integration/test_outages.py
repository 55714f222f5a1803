"""A store that fails: results stay as they are, one warning, and what could be kept appears later.

Each outage is real and met by a process of its own: a full disk, a read-only
folder, files deleted or locked or filled with garbage under a running pipeline.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import mount, needs_mount, unmount
from stepwise import Ended, Start

from backtrail import NotFoundError, SchemaVersionError, StoreUnavailableError, connect

pytestmark = pytest.mark.usefixtures("processes")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    needs_mount(mount("-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)))
    yield place
    unmount(place)


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that can be made read-only."""
    place = tmp_path / "other"
    place.mkdir()
    needs_mount(mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)))
    yield place
    unmount(place)


def outputs_in(url: str, **environ: str) -> set[int]:
    """Give the numbers of all `out-N` that the store of ``url`` answers for."""
    client = connect(url)
    try:
        client.recent(1)  # drains what waits
        database = client.settings.database
        with contextlib.closing(sqlite3.connect(database)) as raw:
            names = raw.execute("SELECT name FROM artifact WHERE name LIKE 'out-%'").fetchall()
        return {int(name.removeprefix("out-")) for (name,) in names} - {-1}
    finally:
        client.close()


def new_store(url: str) -> int:
    """Make a store that holds one run, and give its schema version."""
    with connect(url) as client:
        client.log("out--1")
        assert client.flush(60) == 0
        return client.stats().schema_version


def assert_unhurt(ended: Ended) -> None:
    assert ended.code == 0, ended.stderr
    assert ended.stderr == ""


def assert_warned_once(ended: Ended) -> None:
    assert len(ended.warnings) == 1, "\n".join(ended.warnings)


# -- no room -----------------------------------------------------------------------


def test_a_full_disk_hurts_nobody_and_what_was_kept_appears_when_there_is_room(
    start: Start, small_disk: Path, tmp_path: Path
) -> None:
    pipeline = start(
        """
        work(0)
        assert bt.flush(60) == 0
        say("recorded")
        work(100, 3000)
        meet_outage()
        say("full")
        work(3100)
        assert bt.flush(60) == 0
        say("freed")
        """,
        tmp_path,
        BACKTRAIL_URL=f"sqlite:///{small_disk}/bt.db",
        XDG_STATE_HOME=str(small_disk / "state"),
    )
    pipeline.wait_for("recorded")
    filler = fill(small_disk)
    pipeline.go_on()
    pipeline.wait_for("full")
    filler.unlink()
    pipeline.go_on()
    pipeline.wait_for("freed")
    pipeline.go_on()

    ended = pipeline.end()

    assert_unhurt(ended)
    assert outputs_in(f"sqlite:///{small_disk}/bt.db") == set(range(3200))
    assert_warned_once(ended)


def test_a_disk_that_is_full_from_the_start_to_the_end_costs_one_warning(
    start: Start, small_disk: Path, tmp_path: Path
) -> None:
    fill(small_disk)

    ended = start(
        "work(0, 2000)\nmeet_outage()",
        tmp_path,
        BACKTRAIL_URL=f"sqlite:///{small_disk}/sub/bt.db",
        XDG_STATE_HOME=str(small_disk / "state"),
    ).end()

    assert_unhurt(ended)
    assert any("lost" in warning for warning in ended.warnings)
    # One that the journal cannot be written, and one at the end, that records are lost.
    assert len(ended.warnings) <= 2, "\n".join(ended.warnings)


def test_a_full_disk_leaves_the_journal_to_the_state_folder_of_the_user(
    start: Start, small_disk: Path, tmp_path: Path
) -> None:
    filler = fill(small_disk)
    url = f"sqlite:///{small_disk}/bt.db"

    ended = start(
        "work(0, 500)\nmeet_outage()",
        tmp_path,
        BACKTRAIL_URL=url,
        XDG_STATE_HOME=os.environ["XDG_STATE_HOME"],
    ).end()

    assert_unhurt(ended)
    filler.unlink()
    assert outputs_in(url) == set(range(500))
    assert_warned_once(ended)


def fill(place: Path) -> Path:
    filler = place / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return filler


# -- no permission -------------------------------------------------------------------


def test_a_store_on_a_read_only_disk_answers(tmp_path: Path) -> None:
    folder, closed = tmp_path / "written", tmp_path / "closed"
    folder.mkdir(), closed.mkdir()
    client = connect(f"sqlite:///{folder}/bt.db")
    client.log("pred-1")
    client.close()
    needs_mount(mount("--bind", str(folder), str(closed)))
    try:
        needs_mount(mount("-o", "remount,ro,bind", str(closed)))
        reader = connect(f"sqlite:///{closed}/bt.db")

        found = reader.backtrace("pred-1")

        reader.close()
        assert found.output.name == "pred-1"
    finally:
        unmount(closed)


def test_a_folder_that_becomes_read_only_is_written_when_it_may_be_again(
    start: Start, other_disk: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{other_disk}/bt.db"
    pipeline = start(
        """
        work(0)
        assert bt.flush(60) == 0
        say("recorded")
        work(100)
        meet_outage()
        say("read-only")
        work(200)
        """,
        tmp_path,
        BACKTRAIL_URL=url,
    )
    pipeline.wait_for("recorded")
    # What is open for writing cannot be made read-only: a read-only mount of a copy covers it.
    # (Without the journal: a second file of a process that still writes is no outage.)
    copy, closed = tmp_path / "copy", tmp_path / "closed"
    shutil.copytree(other_disk, copy, ignore=shutil.ignore_patterns("*.spool"))
    closed.mkdir()
    needs_mount(mount("--bind", str(copy), str(closed)))
    needs_mount(mount("-o", "remount,ro,bind", str(closed)))
    needs_mount(mount("--bind", str(closed), str(other_disk)))
    unmount(closed)
    try:
        pipeline.go_on()
        pipeline.wait_for("read-only")
    finally:
        needs_mount(mount("-o", "remount,rw,bind", str(other_disk)))
    pipeline.go_on()

    ended = pipeline.end()

    assert_unhurt(ended)
    try:
        assert outputs_in(url) == set(range(300))
    finally:
        unmount(other_disk)
    assert_warned_once(ended)


def test_a_disk_that_is_away_for_a_while_loses_nothing(
    start: Start, other_disk: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{other_disk}/bt.db"
    pipeline = start(
        """
        work(0)
        assert bt.flush(60) == 0
        work(100)
        say("recorded")
        work(200)
        meet_outage()
        say("away")
        work(300)
        assert bt.flush(60) == 0
        work(400)
        """,
        tmp_path,
        BACKTRAIL_URL=url,
    )
    pipeline.wait_for("recorded")
    needs_mount(mount("-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", str(other_disk)))
    try:
        pipeline.go_on()
        pipeline.wait_for("away")
    finally:
        unmount(other_disk)
    pipeline.go_on()

    ended = pipeline.end()

    assert_unhurt(ended)
    assert outputs_in(url) == set(range(500))
    assert_warned_once(ended)


def test_a_folder_that_is_read_only_from_the_start_leaves_the_journal_to_the_state_folder(
    start: Start, other_disk: Path, tmp_path: Path
) -> None:
    needs_mount(mount("-o", "remount,ro", str(other_disk)))
    url = f"sqlite:///{other_disk}/bt.db"

    ended = start(
        "work(0)\nmeet_outage()",
        tmp_path,
        BACKTRAIL_URL=url,
        XDG_STATE_HOME=os.environ["XDG_STATE_HOME"],
    ).end()

    assert_unhurt(ended)
    needs_mount(mount("-o", "remount,rw", str(other_disk)))
    assert outputs_in(url) == set(range(100))
    assert_warned_once(ended)


def test_a_path_below_a_regular_file_costs_one_warning(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    ended = start(
        "work(0)\nmeet_outage()",
        tmp_path,
        BACKTRAIL_URL=f"sqlite:///{tmp_path}/file/bt.db",
        XDG_STATE_HOME=os.environ["XDG_STATE_HOME"],
    ).end()

    assert_unhurt(ended)
    assert_warned_once(ended)


def test_flush_tells_how_many_records_wait_in_memory_when_no_folder_can_be_written(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")

    ended = start(
        "work(0)\nprint('LEFT', bt.flush(0.2))",
        tmp_path,
        BACKTRAIL_URL=f"sqlite:///{tmp_path}/file/bt.db",
        XDG_STATE_HOME=str(tmp_path / "file" / "state"),
    ).end()

    assert ended.code == 0, ended.stderr
    left = next(int(line.split()[1]) for line in ended.lines if line.startswith("LEFT"))
    assert left >= 100


def test_a_home_that_cannot_be_written_to_does_not_matter(start: Start, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    inherited = {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": ""}

    ended = start(
        "work(0)\nassert bt.flush(60) == 0",
        tmp_path,
        BACKTRAIL_URL=f"sqlite:///{tmp_path}/bt.db",
        **inherited,
    ).end()

    assert_unhurt(ended)
    assert outputs_in(f"sqlite:///{tmp_path}/bt.db") == set(range(100))
    assert ended.warnings == []


# -- deleted -------------------------------------------------------------------------


def test_a_database_deleted_under_a_running_pipeline_is_made_anew(
    start: Start, tmp_path: Path
) -> None:
    pipeline = start(
        """
        work(0)
        assert bt.flush(60) == 0
        say("recorded")
        work(100)
        assert bt.flush(60) == 0
        say("again")
        """,
        tmp_path,
        BACKTRAIL_URL=f"sqlite:///{tmp_path}/bt.db",
    )
    pipeline.wait_for("recorded")
    for path in tmp_path.glob("bt.db*"):
        if path.is_file():
            path.unlink()
    pipeline.go_on()
    pipeline.wait_for("again")
    pipeline.go_on()

    ended = pipeline.end()

    assert_unhurt(ended)
    assert outputs_in(f"sqlite:///{tmp_path}/bt.db") >= set(range(100, 200))
    assert connect(f"sqlite:///{tmp_path}/bt.db").check() == []
    assert ended.warnings == []


def test_two_pipelines_survive_the_deletion_of_their_database(start: Start, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    both = [
        start(
            f"""
            work({first})
            assert bt.flush(60) == 0
            say("recorded")
            for piece in range(20):
                work({first} + 100 + 20 * piece, 20)
                bt.flush(0)
            assert bt.flush(60) == 0
            """,
            tmp_path,
            BACKTRAIL_URL=url,
        )
        for first in (0, 10_000)
    ]
    for pipeline in both:
        pipeline.wait_for("recorded")
    for path in tmp_path.glob("bt.db*"):
        if path.is_file():
            path.unlink()
    for pipeline in both:
        pipeline.go_on()

    ends = [pipeline.end() for pipeline in both]

    for ended in ends:
        assert_unhurt(ended)
        assert ended.warnings == []
    found = outputs_in(url)
    assert found >= set(range(100, 500))
    assert found >= set(range(10_100, 10_500))
    assert connect(url).check() == []


def test_a_backtrail_folder_deleted_under_a_running_pipeline_is_made_anew(
    start: Start, tmp_path: Path
) -> None:
    pipeline = start(
        """
        work(0)
        assert bt.flush(60) == 0
        say("recorded")
        work(100)
        assert bt.flush(60) == 0
        say("again")
        work(200)
        """,
        tmp_path,
    )
    pipeline.wait_for("recorded")
    shutil.rmtree(tmp_path / ".backtrail")
    pipeline.go_on()
    pipeline.wait_for("again")
    pipeline.go_on()

    ended = pipeline.end()

    assert_unhurt(ended)
    found = outputs_in(f"sqlite:///{tmp_path}/.backtrail/backtrail.db")
    assert found >= set(range(100, 300))
    assert ended.warnings == []


def test_a_folder_deleted_just_before_the_end_loses_nothing_that_was_not_in_it(
    start: Start, tmp_path: Path
) -> None:
    pipeline = start(
        """
        work(0)
        assert bt.flush(60) == 0
        say("recorded")
        work(100)
        """,
        tmp_path,
    )
    pipeline.wait_for("recorded")
    shutil.rmtree(tmp_path / ".backtrail")
    pipeline.go_on()

    ended = pipeline.end()

    assert_unhurt(ended)
    found = outputs_in(f"sqlite:///{tmp_path}/.backtrail/backtrail.db")
    assert found >= set(range(100, 200))
    assert ended.warnings == []


def test_a_working_folder_that_is_gone_hurts_nobody(start: Start, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    ended = start(
        """
        os.rmdir(os.getcwd())
        assert step(1) == 2
        assert bt.log("out-1") == "out-1"
        bt.log_input("x")
        """,
        gone,
    ).end()

    assert ended.code == 0, ended.stderr


# -- locked --------------------------------------------------------------------------


def test_a_locked_database_delays_nobody_and_takes_all_in_afterwards(
    start: Start, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    new_store(url)

    # By another connection of the same process: a store is waited for half a second, and
    # to end the lock from elsewhere may take longer on a busy machine.
    ended = start(
        """
        import sqlite3

        holder = sqlite3.connect("bt.db", isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        work(0)
        print("TOOK", time.monotonic() - began)
        while not is_draining("bt.db.spool"):
            time.sleep(0.001)
        holder.execute("ROLLBACK")
        """,
        tmp_path,
        BACKTRAIL_URL=url,
    ).end()

    assert_unhurt(ended)
    # Each call of a hundred would wait for half a second.
    assert took(ended) < 10
    assert outputs_in(url) == set(range(100))
    assert ended.warnings == []


def test_a_database_locked_for_good_costs_one_warning_and_the_records_wait(
    start: Start, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    new_store(url)

    with locked(tmp_path / "bt.db"):
        ended = start(
            """
            work(0)
            began = time.monotonic()
            assert bt.flush(0.5) > 0
            print("TOOK", time.monotonic() - began)
            """,
            tmp_path,
            BACKTRAIL_URL=url,
        ).end()

    # Less than where nobody says how long.
    assert took(ended) < 8
    assert_unhurt(ended)
    assert outputs_in(url) == set(range(100))
    assert_warned_once(ended)


def took(ended: Ended) -> float:
    """Return the seconds that a pipeline said that something took."""
    return next(float(line.split()[1]) for line in ended.lines if line.startswith("TOOK"))


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold the database's exclusive lock in another process."""
    body = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", body, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"
    try:
        yield
    finally:
        holder.communicate(timeout=10)


# -- something else ------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"garbage, and no database " * 1000, b"SQLite format 3\0" * 9])
def test_a_database_that_is_garbage_costs_one_warning_and_is_left_as_it_is(
    start: Start, tmp_path: Path, content: bytes
) -> None:
    database = tmp_path / "bt.db"
    database.write_bytes(content)
    url = f"sqlite:///{database}"

    ended = start("work(0)\nmeet_outage()", tmp_path, BACKTRAIL_URL=url).end()

    assert_unhurt(ended)
    assert database.read_bytes() == content
    with pytest.raises(StoreUnavailableError, match=r"bt\.db"):
        connect(url).recent()
    database.unlink()
    assert outputs_in(url) == set(range(100))
    assert_warned_once(ended)


def test_a_database_of_something_else_is_not_touched(start: Start, tmp_path: Path) -> None:
    database = tmp_path / "bt.db"
    with contextlib.closing(sqlite3.connect(database)) as raw:
        raw.execute("CREATE TABLE precious (x)")
        raw.commit()
    url = f"sqlite:///{database}"

    ended = start("work(0)\nmeet_outage()", tmp_path, BACKTRAIL_URL=url).end()

    assert_unhurt(ended)
    with contextlib.closing(sqlite3.connect(database)) as raw:
        tables = raw.execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("precious",)]
    assert_warned_once(ended)


def test_a_database_of_a_newer_schema_is_refused_with_both_numbers_and_recording_goes_on(
    start: Start, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    known = new_store(url)
    with contextlib.closing(sqlite3.connect(tmp_path / "bt.db")) as raw:
        raw.execute("PRAGMA user_version = 999")

    ended = start("work(0)\nmeet_outage()", tmp_path, BACKTRAIL_URL=url).end()

    assert_unhurt(ended)
    with pytest.raises(SchemaVersionError) as refused:
        connect(url).recent()
    assert "999" in str(refused.value)
    assert f"up to {known}" in str(refused.value)
    with contextlib.closing(sqlite3.connect(tmp_path / "bt.db")) as raw:
        raw.execute(f"PRAGMA user_version = {known}")
    assert outputs_in(url) == set(range(100))
    assert_warned_once(ended)


def test_a_store_address_that_cannot_work_does_not_stop_a_pipeline_that_runs(
    start: Start, tmp_path: Path
) -> None:
    ended = start(
        """
        work(0)
        with bt.run("block") as r:
            r.log_input("a")
            bt.log_input("b")
            bt.log_output("c")
        bt.log_many(["x", "y"])
        with bt.pipeline("nightly"):
            pass
        """,
        tmp_path,
        BACKTRAIL_URL="nonsense://somewhere",
    ).end()

    assert_unhurt(ended)
    assert_warned_once(ended)


# -- off -----------------------------------------------------------------------------


def test_mode_off_creates_nothing_and_starts_nothing(start: Start, tmp_path: Path) -> None:
    ended = start(
        """
        import threading
        serve = bt.create_or_retrieve_component("serve", kind="serving")
        serve.set_owner("@kim")
        work(0)
        with bt.run("block", input_path="a") as r:
            r.log_input("x"); r.log_output("y"); r.run_id
            bt.log_input("x"); bt.log_output("y")
        with bt.pipeline("nightly") as p:
            step(1)
        @bt.pipeline("nightly")
        def nightly(): return 5
        assert nightly() == 5
        assert len(bt.log()) > 4
        assert len(bt.log_many([None, "a"])) == 2
        bt.source("raw")
        import datetime
        now = datetime.datetime.now(datetime.timezone.utc)
        bt.record_run("x", started_at=now, ended_at=now)
        assert bt.flush(60) == 0
        assert threading.active_count() == 1
        try:
            bt.backtrace("out-1")
        except bt.NotFoundError:
            print("NOT FOUND")
        """,
        tmp_path,
        BACKTRAIL_MODE="off",
        HOME=str(tmp_path),
        XDG_STATE_HOME=str(tmp_path / "state"),
    ).end()

    assert_unhurt(ended)
    assert "NOT FOUND" in ended.lines
    assert list(tmp_path.iterdir()) == []
    assert ended.warnings == []


def test_asking_where_nothing_was_recorded_creates_nothing(tmp_path: Path) -> None:
    client = connect(f"sqlite:///{tmp_path}/bt.db")

    with pytest.raises(NotFoundError):
        client.backtrace("pred-1")

    assert client.recent() == []
    client.close()
    assert list(tmp_path.iterdir()) == []
