"""A database of an earlier version is brought to this one's schema with all that is in it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from backtrail import connect
from backtrail.store.migrations import latest, migrations

# One writer, `clean` wrote clean.csv with a digest, `serve` read it and named its
# maker for another input. As version 1 of the schema kept it.
VERSION_1 = """
INSERT INTO writer (writer, uid, short, host, pid, started, info)
VALUES (1, x'00000001000000000000000000000000', 1, 'here', 7, 1000000, '{}');
INSERT INTO component (component, name) VALUES (1, 'clean'), (2, 'serve');
INSERT INTO artifact (artifact, name, kind)
VALUES (1, '/w/clean.csv', 2), (2, 'clean()', 1), (3, 'pred-1', 4);
INSERT INTO version (version, word) VALUES (1, 'sha256:aa');
INSERT INTO site (site, writer, n, component) VALUES (1, 1, 1, 1), (2, 1, 2, 2);
INSERT INTO run (run, component, site, started, ended, status, ins, outs) VALUES
  (17179869185, 1, 1, 2000000, 3000000, 1, '[]', '[[1,1,1000000],[2,0,1000000]]'),
  (17179869186, 2, 2, 4000000, 5000000, 1, '[[1,1,0],[2,0,0,2,17179869185]]',
   '[[3,0,1000000,0.5]]');
INSERT INTO output (artifact, t, run, version) VALUES
  (1, 3000000, 17179869185, 1), (2, 3000000, 17179869185, 0), (3, 5000000, 17179869186, 0);
INSERT INTO input (artifact, version, t, run) VALUES
  (1, 1, 4000000, 17179869186), (2, 0, 4000000, 17179869186);
"""


def make_database(path: Path, version: int, content: str = "") -> None:
    with sqlite3.connect(path) as database:
        for number, script in migrations("sqlite").items():
            if number <= version:
                database.executescript(script)
        database.executescript(content)
        database.execute(f"PRAGMA user_version = {version}")
    database.close()


def schema_of(path: Path) -> list[tuple[str, ...]]:
    database = sqlite3.connect(path)
    try:
        tables = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall()
        columns = [
            (table, *map(str, column[1:]))
            for (table,) in tables
            for column in database.execute(f"PRAGMA table_info({table})")
        ]
        indexes = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name"
        ).fetchall()
        return columns + [(name, str(sql)) for name, sql in indexes]
    finally:
        database.close()


@pytest.mark.parametrize("version", range(1, latest("sqlite")))
def test_an_upgraded_schema_is_a_fresh_one(tmp_path: Path, version: int) -> None:
    make_database(tmp_path / "old.db", version)
    with connect(f"sqlite:///{tmp_path}/new.db") as client:
        client.log("something")
        assert client.flush() == 0

    with connect(f"sqlite:///{tmp_path}/old.db") as client:
        assert client.upgrade() == (version, latest("sqlite"))

    assert schema_of(tmp_path / "old.db") == schema_of(tmp_path / "new.db")


def test_what_version_1_kept_is_answered_as_before(tmp_path: Path) -> None:
    make_database(tmp_path / "bt.db", 1, VERSION_1)

    with connect(f"sqlite:///{tmp_path}/bt.db") as client:
        trace = client.backtrace("pred-1")
        problems = client.check()

    assert problems == []
    assert [frame.run.component for frame in trace.frames] == ["serve", "clean"]
    assert [(each.name, each.producer, each.evidence) for each in trace.frames[0].inputs] == [
        ("/w/clean.csv", 1, "content"),
        ("clean()", 1, "object"),
    ]
    assert trace.output.value == 0.5


def test_reads_that_named_their_maker_are_found_from_it_after_an_upgrade(tmp_path: Path) -> None:
    make_database(tmp_path / "bt.db", 1, VERSION_1)
    with connect(f"sqlite:///{tmp_path}/bt.db") as client:
        client.upgrade()

    database = sqlite3.connect(tmp_path / "bt.db")
    named = database.execute("SELECT producer, run FROM named_input").fetchall()
    reads = database.execute("SELECT artifact, t, run, version FROM input").fetchall()
    database.close()

    assert named == [(17179869185, 17179869186)]
    assert reads == [(1, 4000000, 17179869186, 1), (2, 4000000, 17179869186, 0)]
