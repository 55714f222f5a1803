"""The roles that the docs tell an owner to make suffice, and no more."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from program import bt_on
from servers import Server

import backtrail

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "run-on-postgresql.md"
TABLES = ("run", "output", "input", "artifact", "writer", "component", "site", "note", "flag")


@pytest.fixture(scope="module")
def unchanged(postgres: Server) -> Iterator[str]:
    """A database that its owner made, with roles as the page says; nothing is recorded there."""
    name = postgres.create()
    with closing(backtrail.connect(postgres.url(name))) as owner:
        owner.upgrade()
    [script] = re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    with postgres.connect(name) as connection:
        connection.execute(script.encode())
        connection.execute("CREATE ROLE a_writer LOGIN IN ROLE backtrail_write")
        connection.execute("CREATE ROLE a_reader LOGIN IN ROLE backtrail_read")
        connection.execute("CREATE ROLE a_stranger LOGIN")
    yield name
    postgres.drop(name)
    with postgres.connect() as connection:
        connection.execute("DROP ROLE a_writer, a_reader, backtrail_write, backtrail_read")
        connection.execute("DROP ROLE a_stranger")


@pytest.fixture
def database(postgres: Server, unchanged: str) -> Iterator[str]:
    """A copy of that database, to record into."""
    name = postgres.create(unchanged)
    yield name
    postgres.drop(name)


@pytest.fixture
def writer(postgres: Server, database: str, tmp_path: Path) -> Iterator[backtrail.Client]:
    url = postgres.url(database, user="a_writer")
    with closing(backtrail.connect(url, spool=str(tmp_path / "spool"))) as client:
        yield client


def record(client: backtrail.Client) -> None:
    """Record all kinds of facts, and a run in two parts."""
    client.create_or_retrieve_component("serve", kind="serving", owner="ml")

    @client.register("serve", inputs=["rows"])
    def serve(rows: list[int]) -> None:
        client.log_input("rows.csv", version="v1")
        client.log("pred-1", value=0.7)
        client.flush()
        client.log("pred-2", value=0.8)

    with client.pipeline("nightly"):
        serve([1, 2])
    client.source("rows.csv")
    client.flag("pred-1", note="wrong")
    client.flush()


def test_whoever_may_only_add_records_all_there_is(writer: backtrail.Client) -> None:
    record(writer)

    trace = writer.backtrace("pred-2")
    assert [output.name for output in trace.frames[0].outputs] == ["pred-1", "pred-2"]
    assert trace.frames[0].run.status == "completed"
    assert [flagged.name for flagged in writer.flagged()] == ["pred-1"]
    assert writer.check() == []


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("sql", ["DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}"])
def test_whoever_records_takes_nothing_away(
    postgres: Server, unchanged: str, table: str, sql: str
) -> None:
    with (
        psycopg.connect(postgres.url(unchanged, user="a_writer")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(sql.format(f"backtrail.{table}").encode())


@pytest.mark.parametrize(
    ("table", "column"),
    [("run", "status"), ("output", "version"), ("artifact", "name"), ("writer", "segment")],
)
def test_whoever_records_changes_no_row(
    postgres: Server, unchanged: str, table: str, column: str
) -> None:
    with (
        psycopg.connect(postgres.url(unchanged, user="a_writer")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(f"UPDATE backtrail.{table} SET {column} = {column}".encode())


def test_whoever_may_read_asks_and_records_nothing(
    postgres: Server, database: str, writer: backtrail.Client, tmp_path: Path
) -> None:
    record(writer)
    url = postgres.url(database, user="a_reader")

    with closing(backtrail.connect(url, spool=str(tmp_path / "other"))) as reader:
        assert len(reader.backtrace("pred-1").frames) == 1

        @reader.register("late")
        def late() -> int:
            reader.log("pred-3")
            return 7

        assert late() == 7
        assert reader.flush(timeout=0.2) > 0
        # What is there is answered all the same.
        assert len(reader.backtrace("pred-1").frames) == 1


def test_a_role_without_rights_is_told_whom_to_ask(
    postgres: Server, unchanged: str, tmp_path: Path
) -> None:
    url = postgres.url(unchanged, user="a_stranger")
    with (
        closing(backtrail.connect(url, spool=str(tmp_path / "spool"))) as client,
        pytest.raises(backtrail.StoreUnavailableError, match="permission denied") as caught,
    ):
        client.backtrace("pred-1")

    assert "owner" in caught.value.hint


# -- what `bt doctor` says of it ---------------------------------------------------------------


def findings(url: str, spool: Path) -> dict[str, str]:
    """Give what the doctor finds in one text for each level."""
    with closing(backtrail.connect(url, spool=str(spool))) as client:
        found: dict[str, str] = {}
        for finding in client.diagnose().findings:
            known = found.setdefault(finding.level, "")
            found[finding.level] = f"{known}{finding.what} {finding.hint}\n"
        return found


def test_the_doctor_names_the_server_and_what_each_role_may(
    postgres: Server, unchanged: str, tmp_path: Path
) -> None:
    users = ("postgres", "a_writer", "a_reader")
    said = {user: findings(postgres.url(unchanged, user=user), tmp_path / user) for user in users}
    with postgres.connect() as connection:
        (version,) = connection.execute("SHOW server_version").fetchone() or ("",)
    number = str(version).partition(" ")[0]

    assert "postgres owns the schema" in said["postgres"]["ok"]
    assert f"PostgreSQL {number} at 127.0.0.1:{postgres.port}" in said["postgres"]["ok"]
    assert "the clocks of this machine and the server agree" in said["postgres"]["ok"]
    assert "a_writer may record and ask" in said["a_writer"]["ok"]
    assert "a_reader may ask, but not record: it lacks INSERT" in said["a_reader"]["note"]
    assert "GRANT backtrail_write TO a_reader;" in said["a_reader"]["note"]
    assert not any(set(levels) - {"ok", "note"} for levels in said.values())


def test_the_doctor_tells_whom_to_ask_who_may_not_even_read(
    postgres: Server, unchanged: str, tmp_path: Path
) -> None:
    found = findings(postgres.url(unchanged, user="a_stranger"), tmp_path / "spool")

    assert "permission denied for schema backtrail" in found["unreachable"]
    assert "run-on-postgresql.md" in found["unreachable"]


def test_the_doctor_says_that_records_wait_for_want_of_a_right(
    postgres: Server, database: str, tmp_path: Path
) -> None:
    url = postgres.url(database, user="a_reader")
    client = backtrail.connect(url, spool=str(tmp_path / "spool"), exit_timeout_s=0)
    client.log("out-1")
    client.close()

    found = findings(url, tmp_path / "spool")

    assert "the journal cannot be drained" in found["problem"]
    assert "permission denied" in found["problem"]
    assert "1 journal file waits" in found["note"]


@pytest.mark.parametrize(("by", "which"), [(-30, "behind"), (30, "ahead of")])
def test_the_doctor_compares_the_clocks(
    postgres: Server,
    unchanged: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    by: int,
    which: str,
) -> None:
    told = time.time
    monkeypatch.setattr(time, "time", lambda: told() + by)

    found = findings(postgres.url(unchanged), tmp_path / "spool")

    # A little more or less where an answer takes long.
    said = re.search(r"the clock of this machine is (\S+) s (.*) the server's", found["problem"])
    assert said
    assert float(said[1]) == pytest.approx(30, abs=1)
    assert said[2] == which
    assert "NTP" in found["problem"]


# -- completion ----------------------------------------------------------------------------------


def test_a_shell_completes_ids_and_components_of_a_server(
    postgres: Server, database: str, writer: backtrail.Client, tmp_path: Path
) -> None:
    record(writer)

    def completed(url: str, words: str) -> list[str]:
        place = str(words.count(" "))
        how = {"_BT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": place}
        done = bt_on(url, tmp_path)(env=how)
        assert done.stderr == ""
        return [line.removeprefix("plain,") for line in done.stdout.split()]

    url = postgres.url(database, user="a_reader")
    assert completed(url, "bt pred-") == ["pred-1", "pred-2"]
    assert completed(url, "bt history se") == ["serve"]
    assert completed("postgresql://127.0.0.1:1/none", "bt pred-") == []
