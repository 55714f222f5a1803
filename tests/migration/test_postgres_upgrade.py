"""A PostgreSQL database of an earlier version is brought to this one's, when somebody says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from program import bt_on
from servers import Server

from backtrail import Client, SchemaVersionError, connect
from backtrail.store.migrations import latest, migrations

pytestmark = pytest.mark.usefixtures("processes")

LATEST = latest("postgres")
EARLIER = range(1, LATEST)
# One writer, `clean` wrote clean.csv with a digest, `serve` read it and named its maker for
# another input. As version 1 of the schema kept it.
VERSION_1 = """
SET search_path = backtrail;
SELECT add_writer('\\x00000001000000000000000000000000', 1, 'here', 7, 1000000, '{}');
SELECT add_month(2000000);
INSERT INTO component (component, name) VALUES (1, 'clean'), (2, 'serve');
INSERT INTO artifact (artifact, name, kind)
VALUES (1, '/w/clean.csv', 2), (2, 'clean()', 1), (3, 'pred-1', 4);
INSERT INTO version (version, word) VALUES (1, '\\x02' || 'sha256:aa'::bytea);
INSERT INTO site (site, writer, n, component) VALUES (1, 1, 1, 1), (2, 1, 2, 2);
INSERT INTO run (run, component, site, started, ended, status, ins, outs) VALUES
  (17179869185, 1, 1, 2000000, 3000000, 1, '[]', '[[1,1,1000000],[2,0,1000000]]'),
  (17179869186, 2, 2, 4000000, 5000000, 1, '[[1,1,0],[2,0,0,2,17179869185]]',
   '[[3,0,1000000,0.5]]');
INSERT INTO output (artifact, t, run, version) VALUES
  (1, 3000000, 17179869185, 1), (2, 3000000, 17179869185, 0), (3, 5000000, 17179869186, 0);
INSERT INTO input (artifact, version, t, run) VALUES
  (1, 1, 4000000, 17179869186), (2, 0, 4000000, 17179869186);
INSERT INTO named_input (producer, run) VALUES (17179869185, 17179869186);
SELECT setval(pg_get_serial_sequence('artifact', 'artifact'), 3),
       setval(pg_get_serial_sequence('component', 'component'), 2),
       setval(pg_get_serial_sequence('site', 'site'), 2), setval('version_number', 1);
"""
_TABLES = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation,
       pg_get_expr(d.adbin, d.adrelid), a.attidentity
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'backtrail'::regnamespace AND c.relkind IN ('r', 'p', 'S')
 ORDER BY c.relname, a.attname
"""
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'backtrail' ORDER BY 1"
_FUNCTIONS = """
SELECT pg_get_functiondef(oid), proacl::text FROM pg_proc
 WHERE pronamespace = 'backtrail'::regnamespace ORDER BY 1
"""
_CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
 WHERE connamespace = 'backtrail'::regnamespace ORDER BY 1
"""


@pytest.fixture
def server(postgres: Server) -> Server:
    """A server; at night both, in turn."""
    return postgres


@pytest.fixture
def database(server: Server) -> Iterator[str]:
    """An empty database."""
    name = server.create()
    yield name
    server.drop(name)


def set_up(server: Server, database: str, version: int, content: str = "") -> None:
    """Make the schema of an earlier version, as that version made it."""
    with server.connect(database) as connection:
        connection.execute(
            "CREATE SCHEMA backtrail; CREATE TABLE backtrail.migration"
            " (version bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"
        )
        for number, script in migrations("postgres").items():
            if number <= version:
                connection.execute("SET search_path = backtrail")
                connection.execute(script.encode())
                connection.execute("INSERT INTO migration (version) VALUES (%s)", [number])
        if content:
            connection.execute(content.encode())


def schema_of(server: Server, database: str) -> list[object]:
    with server.connect(database) as connection:
        return [
            connection.execute(sql).fetchall()
            for sql in (_TABLES, _INDEXES, _FUNCTIONS, _CONSTRAINTS)
        ]


@pytest.mark.parametrize("version", EARLIER)
def test_an_upgraded_schema_is_a_fresh_one(server: Server, database: str, version: int) -> None:
    set_up(server, database, version)
    fresh = server.create()
    for name, before in ((database, version), (fresh, 0)):
        with connect(server.url(name)) as client:
            assert client.upgrade() == (before, LATEST)

    upgraded = schema_of(server, database)

    assert upgraded == schema_of(server, fresh)
    assert all(upgraded)
    server.drop(fresh)


def ask(client: Client) -> None:
    trace = client.backtrace("pred-1")
    assert [frame.run.component for frame in trace.frames] == ["serve", "clean"]
    assert sorted(each.evidence for each in trace.frames[0].inputs) == ["content", "object"]
    assert trace.output.value == 0.5


def test_what_version_1_kept_is_answered_and_goes_on(server: Server, database: str) -> None:
    set_up(server, database, 1, VERSION_1)

    with connect(server.url(database), auto_upgrade=True) as client:
        ask(client)
        client.log("pred-2")
        assert client.flush() == 0
        assert len(client.recent()) == 3
        assert client.check() == []


@pytest.mark.parametrize("version", EARLIER)
def test_an_older_schema_is_left_alone_until_somebody_says_so(
    server: Server, database: str, version: int, tmp_path: Path
) -> None:
    set_up(server, database, version, VERSION_1)
    url = server.url(database)
    bt = bt_on(url, tmp_path)

    with connect(url) as client, pytest.raises(SchemaVersionError) as refused:
        client.recent()
    recorded = connect(url, spool=str(tmp_path / "spool"), exit_timeout_s=0)
    recorded.log("waits")
    recorded.close()
    asked = bt("pred-1")
    upgraded = bt("db", "upgrade")

    assert f"schema {version}," in refused.value.message
    assert f"needs schema {LATEST}" in refused.value.message
    assert "bt db upgrade" in refused.value.hint
    assert (asked.returncode, "bt db upgrade" in asked.stderr) == (4, True)
    assert f"was {version} and is {LATEST} now" in upgraded.stdout
    with connect(url, spool=str(tmp_path / "spool")) as client:
        ask(client)
        assert client.backtrace("waits")
    assert bt("db", "upgrade").returncode == 0


def test_the_variable_lets_the_first_client_upgrade(
    server: Server, database: str, tmp_path: Path
) -> None:
    set_up(server, database, 1, VERSION_1)
    bt = bt_on(server.url(database), tmp_path)

    done = bt("pred-1", env={"BACKTRAIL_AUTO_UPGRADE": "1"})

    assert done.returncode == 0
    assert "serve" in done.stdout
