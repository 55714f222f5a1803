"""A PostgreSQL server that goes, comes back, refuses or hangs: nobody is hurt, all arrives once."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from disks import mount, needs_mount, unmount
from patience import until
from program import Bt, bt_on, plain_environment
from servers import Server
from stepwise import Ended, Pipeline, Start
from tiers import Sized

from backtrail import Client, connect

pytestmark = pytest.mark.usefixtures("processes")

SECRET = "p@ss/w:rd%1?"
SECRET_IN_URL = "p%40ss%2Fw%3Ard%251%3F"


@pytest.fixture
def server(own_server: Server) -> Server:
    """A server that these tests may stop, kill and freeze."""
    return own_server


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """The address of an empty database."""
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def bt(tmp_path: Path) -> Bt:
    return bt_on("", tmp_path)


def wrote(client: Client) -> Counter[str]:
    """Give how often each `out-…` was written."""
    names = (write.name for run in client.recent(limit=1_000_000) for write in run.outputs)
    return Counter(name for name in names if name.startswith("out-"))


def assert_all_once(url: str, count: int) -> None:
    with connect(url) as client:
        assert wrote(client) == Counter(f"out-{n}" for n in range(count))
        assert client.check() == []


def assert_unhurt(ended: Ended) -> None:
    assert (ended.code, ended.stderr) == (0, "")


def begun(start: Start, url: str, folder: Path, body: str, **environ: str) -> Pipeline:
    """Begin a pipeline whose journal lies in the test's own folder."""
    return start(body, folder, BACKTRAIL_URL=url, BACKTRAIL_SPOOL=str(folder / "spool"), **environ)


GOES_AWAY = """
    work(0)
    assert bt.flush(60) == 0
    say("recorded")
    work(100)
    meet_outage()
    work(200)
    say("away")
    work(300)
    say("back")
    print("LEFT", bt.flush(60))
"""


def test_a_server_that_is_stopped_and_started_again_loses_nothing(
    start: Start, server: Server, url: str, tmp_path: Path
) -> None:
    pipeline = begun(start, url, tmp_path, GOES_AWAY)
    pipeline.wait_for("recorded")
    server.stop()
    try:
        pipeline.go_on()
        pipeline.wait_for("away")
    finally:
        server.start()
    pipeline.go_on()
    pipeline.wait_for("back")
    pipeline.go_on()
    ended = pipeline.end()

    assert_unhurt(ended)
    assert len(ended.warnings) == 1
    assert "LEFT 0" in ended.lines
    assert_all_once(url, 400)


def test_what_waits_when_a_pipeline_ends_is_brought_by_the_next_bt(
    start: Start, server: Server, url: str, tmp_path: Path, bt: Bt
) -> None:
    server.stop()
    try:
        ended = begun(start, url, tmp_path, "work(0)\nmeet_outage()").end()
        spool = {"BACKTRAIL_SPOOL": str(tmp_path / "spool")}
        seen = bt("doctor", "--db", url, env=spool)
    finally:
        server.start()
    asked = bt("recent", "--db", url, "--json", env=spool)

    assert_unhurt(ended)
    assert len(ended.warnings) == 1
    assert seen.returncode == 4
    assert "1 journal file waits" in seen.stdout
    assert json.loads(asked.stdout)["runs"]
    assert_all_once(url, 100)


def test_a_server_that_hangs_holds_up_no_call_and_no_end(
    start: Start, server: Server, url: str, tmp_path: Path
) -> None:
    pipeline = begun(
        start,
        url,
        tmp_path,
        """
        work(0)
        assert bt.flush(60) == 0
        say("recorded")
        work(100, 1000)
        say("worked")
        """,
    )
    pipeline.wait_for("recorded")
    with frozen(server):
        pipeline.go_on()
        pipeline.wait_for("worked")
        pipeline.go_on()
        ended = pipeline.end()

    assert_unhurt(ended)
    with connect(url, spool=str(tmp_path / "spool")) as client:
        client.take_in()
    assert_all_once(url, 1100)


@contextlib.contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Let all processes of a server stand still for a ``with`` block."""
    assert server._process is not None
    group = server._process.pid
    own = subprocess.run(["ps", "-o", "pid=", "-g", str(group)], capture_output=True, text=True)
    pids = [int(each) for each in own.stdout.split()]
    # Each server process leads a group of its own.
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(group)], capture_output=True, text=True
    )
    pids += [int(each) for each in children.stdout.split()]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_ended_connections_are_made_anew(server: Server, url: str) -> None:
    with connect(url, flush_interval_s=3600) as client:
        for number in range(4):
            client.log(f"out-{number}")
            client.flush()
            assert len(client.recent()) == number + 1
            with server.connect() as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'backtrail'"
                )


def test_of_several_hosts_the_one_that_may_be_written_is_used(server: Server, url: str) -> None:
    name = url.rpartition("/")[2]
    hosts = f"postgres@127.0.0.1:1,127.0.0.1:{server.port}"
    address = f"postgresql://{hosts}/{name}?target_session_attrs=read-write"
    with connect(address) as client:
        client.log("out-0")
        assert client.flush(60) == 0
    assert_all_once(url, 1)


def test_a_fork_leaves_the_connections_to_the_parent(
    start: Start, url: str, tmp_path: Path
) -> None:
    ended = begun(
        start,
        url,
        tmp_path,
        """
        work(0, 10)
        assert bt.flush(60) == 0
        assert len(bt.recent(limit=100)) == 20
        children = []
        for n in range(1, 4):
            pid = os.fork()
            if pid == 0:
                work(n * 10, 10)
                assert bt.flush(60) == 0
                assert len(bt.recent(limit=100)) >= 20
                sys.exit(0)
            children.append(pid)
            assert len(bt.recent(limit=100)) >= 20
        work(40, 10)
        assert bt.flush(60) == 0
        assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * 3
        """,
    ).end()

    assert_unhurt(ended)
    assert ended.warnings == []
    assert_all_once(url, 50)


def is_read_only(server: Server) -> bool:
    with server.connect() as connection:
        return connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)


def test_a_read_only_server_takes_all_in_once_it_may_be_written(
    start: Start, server: Server, url: str, tmp_path: Path
) -> None:
    pipeline = begun(start, url, tmp_path, GOES_AWAY)
    pipeline.wait_for("recorded")
    with server.connect() as connection:
        connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        connection.execute("SELECT pg_reload_conf()")
        until(lambda: is_read_only(server), "the new setting")
        pipeline.go_on()
        pipeline.wait_for("away")
        with connect(url, spool=str(tmp_path / "other")) as client:
            assert len(wrote(client)) == 100
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
        connection.execute("SELECT pg_reload_conf()")
    pipeline.go_on()
    pipeline.wait_for("back")
    pipeline.go_on()
    ended = pipeline.end()

    assert_unhurt(ended)
    assert "read-only transaction" in ended.warnings[0]
    assert "target_session_attrs" in ended.warnings[0]
    assert_all_once(url, 400)


@pytest.fixture
def small_disk(server: Server) -> Iterator[Path]:
    """A disk of 40 MB that the server may write to."""
    # With the server, which runs as another user: nobody else may enter the folders of pytest.
    disk = server.folder / "small-disk"
    disk.mkdir()
    needs_mount(mount("-t", "tmpfs", "-o", "size=40m", "tmpfs", str(disk)))
    owner = server.folder.stat()
    os.chown(disk, owner.st_uid, owner.st_gid)
    tables = disk / "tables"
    tables.mkdir()
    os.chown(tables, owner.st_uid, owner.st_gid)
    yield disk
    unmount(disk)
    disk.rmdir()


def test_a_full_disk_is_said_and_all_arrives_when_there_is_room(
    start: Start, server: Server, small_disk: Path, tmp_path: Path
) -> None:
    with on_disk(server, small_disk / "tables") as url:
        pipeline = begun(
            start,
            url,
            tmp_path,
            """
            work(0)
            assert bt.flush(60) == 0
            say("recorded")
            work(100, 3000)
            meet_outage()
            assert bt.flush(1) > 0
            say("full")
            print("LEFT", bt.flush(60))
            """,
        )
        pipeline.wait_for("recorded")
        filler = small_disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - 50_000))
        pipeline.go_on()
        pipeline.wait_for("full")
        filler.unlink()
        pipeline.go_on()
        ended = pipeline.end()

        assert_unhurt(ended)
        assert "LEFT 0" in ended.lines
        assert "No space left on device" in ended.warnings[0]
        assert "Make room on the server" in ended.warnings[0]
        assert_all_once(url, 3100)


@contextlib.contextmanager
def on_disk(server: Server, tables: Path) -> Iterator[str]:
    """Make a database whose tables lie in a folder; yield its address."""
    with server.connect() as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{tables}'".encode())
        connection.execute("CREATE DATABASE on_small TEMPLATE template0 TABLESPACE small")
        try:
            yield server.url("on_small")
        finally:
            server.drop("on_small")
            connection.execute("DROP TABLESPACE small")


def test_a_record_that_the_server_will_not_have_is_left_out_and_counted(
    server: Server, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(url, spool=str(tmp_path / "spool"), flush_interval_s=3600) as client:
        client.log("out-0")
        assert client.flush(60) == 0
        with server.connect(url.rpartition("/")[2]) as connection:
            connection.execute(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.name"
                " = 'poison' THEN RAISE 'no such thing' USING ERRCODE = '22P02'; END IF;"
                " RETURN NEW; END $$; CREATE TRIGGER refuse BEFORE INSERT ON backtrail.artifact"
                " FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        for n in range(1, 40):
            client.log("poison" if n == 17 else f"out-{n}")
        assert client.flush(60) == 0

        assert wrote(client) == Counter(f"out-{n}" for n in range(40) if n != 17)
        assert client.stats().lost == 1
        assert "is left out: " in caplog.text
        assert "no such thing" in caplog.text
        client.log("out-40")
        assert client.flush(60) == 0


# -- refused, and said -------------------------------------------------------------------------


@pytest.fixture
def guarded(server: Server) -> Iterator[str]:
    """The address of a database that asks one role for a password."""
    name = server.create()
    hba = server.folder / "data" / "pg_hba.conf"
    before = hba.read_text()
    with server.connect() as connection:
        connection.execute(f"CREATE ROLE guarded LOGIN PASSWORD '{SECRET}'")
        connection.execute(f"ALTER DATABASE {name} OWNER TO guarded")
        hba.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + before)
        connection.execute("SELECT pg_reload_conf()")
    yield name
    server.drop(name)
    with server.connect() as connection:
        hba.write_text(before)
        connection.execute("DROP ROLE guarded")
        connection.execute("SELECT pg_reload_conf()")


def is_refused(url: str) -> bool:
    """Whether the server has read its new rules."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return True
    return False


def test_a_refused_password_is_said_and_shown_nowhere(
    server: Server, guarded: str, start: Start, bt: Bt, tmp_path: Path
) -> None:
    right = server.url(guarded, user="guarded", password=SECRET_IN_URL)
    wrong = right.replace(SECRET_IN_URL, SECRET_IN_URL + "x")
    until(lambda: is_refused(wrong), "the new rules")

    asked = (["recent"], ["doctor"], ["recent", "--debug"])
    shown = [bt(*command, "--db", wrong) for command in asked]
    nowhere = server.url(guarded, user="guarded")
    shown.append(bt("recent", "--db", nowhere, env={"PGPASSWORD": SECRET + "x"}))
    ended = begun(start, wrong, tmp_path, "work(0)\nprint(repr(bt.connect()))").end()

    for done in shown:
        text = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 4
        assert "password authentication failed" in text
        assert "~/.pgpass" in text
    assert_unhurt(ended)
    said = "".join([*ended.lines, *(done.stdout + done.stderr for done in shown)])
    assert SECRET not in said
    assert SECRET_IN_URL not in said
    with connect(right, spool=str(tmp_path / "spool")) as client:
        client.take_in()
    assert_all_once(right, 100)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1/none", "cannot reach the database 127.0.0.1:1: connection refused (2 tries"),
        ("no-such-host.invalid/none", "cannot reach the database no-such-host.invalid:5432: "),
        ("/none?host=/nowhere", "cannot reach the database the socket in /nowhere (5432): "),
    ],
)
def test_a_server_that_cannot_be_reached_is_named(bt: Bt, address: str, said: str) -> None:
    done = bt("recent", "--db", f"postgresql://{address}")

    assert done.returncode == 4
    assert said in done.stderr
    assert "bt doctor" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_a_database_that_is_not_there_is_told_from_a_server_that_is_not(
    server: Server, bt: Bt
) -> None:
    done = bt("recent", "--db", server.url("never_made"))

    assert done.returncode == 4
    assert 'database "never_made" does not exist' in done.stderr
    assert "createdb" in done.stderr


# -- schemas -----------------------------------------------------------------------------------


def set_version(server: Server, url: str, version: int) -> None:
    with server.connect(url.rpartition("/")[2]) as connection:
        connection.execute("DELETE FROM backtrail.migration")
        connection.execute("INSERT INTO backtrail.migration (version) VALUES (%s)", [version])


def test_a_newer_schema_is_refused_with_both_numbers(
    server: Server, url: str, bt: Bt, start: Start, tmp_path: Path
) -> None:
    with connect(url) as client:
        known = client.upgrade()[1]
    set_version(server, url, 99)

    for command in (["recent"], ["db", "stats"], ["db", "check"], ["out-1"]):
        done = bt(*command, "--db", url)
        assert done.returncode == 4
        assert re.search(rf"schema 99\b.*schemas up to {known}\b", done.stderr)
    ended = begun(start, url, tmp_path, "work(0)\nmeet_outage()").end()
    set_version(server, url, known)

    assert_unhurt(ended)
    assert "schema 99" in ended.warnings[0]
    with connect(url, spool=str(tmp_path / "spool")) as client:
        client.take_in()
    assert_all_once(url, 100)


def test_twenty_clients_that_start_at_once_make_one_schema(server: Server, url: str) -> None:
    gate = threading.Barrier(20)
    failed: list[Exception] = []

    def begin(number: int) -> None:
        with connect(url, spool=f"{server.folder}/none-{number}") as client:
            gate.wait()
            try:
                client.recent()
            except Exception as error:  # noqa: BLE001 - all of them are looked at
                failed.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    with server.connect(url.rpartition("/")[2]) as connection:
        found = connection.execute("SELECT count(*), max(version) FROM backtrail.migration")
        (count, version) = found.fetchone() or (0, 0)
    with connect(url) as client:
        assert (count, version) == (version, client.stats().schema_version)


# -- many, and killed --------------------------------------------------------------------------


# Records until its input ends, and so many runs at least; says how many there were.
WRITER = """
import sys, threading, time
import backtrail as bt

number, least = int(sys.argv[1]), int(sys.argv[2])
told = threading.Event()

def listen():
    sys.stdin.read()
    told.set()

threading.Thread(target=listen).start()

@bt.register("step", input_path="in.csv", output_path="shared-{i}.csv")
def step(i):
    bt.log(f"out-{number}-{i}")

count = 0
while count < least or not told.is_set():
    step(count)
    count += 1
    if count >= least:
        time.sleep(0.004)
print(count)
sys.exit(bt.flush(120) != 0)
"""


@contextlib.contextmanager
def writing(
    url: str, folder: Path, writers: int, least: int = 0
) -> Iterator[list[subprocess.Popen[str]]]:
    """Run processes that record, each as on a machine of its own: with its own journal."""
    environment = {
        **plain_environment(),
        "BACKTRAIL_URL": url,
        "BACKTRAIL_FLUSH_INTERVAL_S": "0.05",
        "BACKTRAIL_EXIT_TIMEOUT_S": "60",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(number), str(least)],
            env={**environment, "BACKTRAIL_SPOOL": str(folder / f"spool-{number}")},
            cwd=folder,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(writers)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.communicate()


def end_of(writers: list[subprocess.Popen[str]]) -> Counter[str]:
    """Let writers come to their end, and return what they say that they wrote."""
    for process in writers:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    said = [process.communicate(timeout=180) for process in writers]
    assert [process.returncode for process in writers] == [0] * len(writers), said
    assert not any("Traceback" in errors for _, errors in said), said
    return Counter(f"out-{n}-{i}" for n, (out, _) in enumerate(said) for i in range(int(out)))


def test_many_writers_lose_nothing_and_never_hold_up_a_reader(
    server: Server, url: str, tmp_path: Path, sized: Sized[int]
) -> None:
    count, least = sized(8, 64), sized(300, 1000)
    named = f"{url}?application_name=reader"
    with (
        writing(url, tmp_path, count, least) as writers,
        connect(named, spool=str(tmp_path / "reader")) as reader,
    ):
        asked = 0
        # At least until each was seen at work, and the reader had its say meanwhile.
        while asked <= 10 or reader.stats().writers < count:
            for run in reader.recent(limit=3):
                reader.backtrace(run.outputs[0].name)
                asked += 1
        told = end_of(writers)

        log = (server.folder / "log").read_text(errors="replace")
        assert "deadlock detected" not in log
        assert "reader: LOG:  process" not in log, "a reader waited for a writer's lock"
        assert all(told[f"out-{n}-{least - 1}"] for n in range(count))
        assert wrote(reader) == told
        assert reader.check() == []


def test_a_server_killed_again_and_again_keeps_all_that_was_acknowledged_once(
    server: Server, url: str, tmp_path: Path, sized: Sized[int]
) -> None:
    name = url.rpartition("/")[2]
    with writing(url, tmp_path, 2) as writers:
        for _ in range(sized(3, 10)):
            before = confirmed(server, name)
            until(lambda n=before: confirmed(server, name) > n, "a commit", every_s=0.05)
            server.stop(signal.SIGKILL)
            server.start()
            # What a commit had confirmed is there: its journal may be gone.
            assert confirmed(server, name) >= before
        told = end_of(writers)

    with connect(url, spool=str(tmp_path / "reader")) as reader:
        assert wrote(reader) == told
        assert reader.check() == []


def confirmed(server: Server, name: str) -> int:
    """Count the runs that were committed; none before there is a table of them."""
    with server.connect(name) as connection:
        try:
            (count,) = connection.execute("SELECT count(*) FROM backtrail.run").fetchone() or (0,)
        except psycopg.errors.UndefinedTable:
            return 0
        return int(str(count))
