"""How PostgreSQL finds what a backtrace asks for: by index, however much there is.

The plans are those of the statements as they really ran: the server writes them down.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from servers import Server
from tiers import Sized

from backtrail import Client, Pointer, connect

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
STEPS = 5
# Of which a plan must not read one whole.
LARGE = ("run", "output", "input", "artifact", "version", "named_input", "run_more")
_SCANS = ("Index Scan", "Index Only Scan")
# Rows as any history has them: of 1,000 paths in turn, each second write with a version.
_FILL = """
SET search_path = backtrail;
INSERT INTO {table} (artifact, t, run, version)
SELECT 1000000 + n / 1000 % 1000, {start} + n * 500000::bigint, n, n % 2 * n
  FROM generate_series(1, {rows}) AS n
"""


# Whoever connects to such a database has the plans of all statements written down.
_EXPLAINED = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_format": "json",
}


_NO_AUTOVACUUM = """
DO $$ DECLARE leaf regclass; BEGIN
  FOR leaf IN SELECT oid FROM pg_class
               WHERE relkind = 'r' AND relnamespace = 'backtrail'::regnamespace LOOP
    EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', leaf);
  END LOOP;
END $$
"""


@pytest.fixture
def explained(debian_server: Server) -> Iterator[str]:
    """An empty database; the server writes down the plan of every statement in it."""
    name = debian_server.create()
    with debian_server.connect(name) as connection:
        connection.execute("LOAD 'auto_explain'")  # else it takes no settings of it
        for setting, value in _EXPLAINED.items():
            connection.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'".encode())
    yield name
    debian_server.drop(name)


def plans(log: Path, since: int) -> list[dict[str, Any]]:
    """Read what the server wrote down: the plans, each with all that lies below it."""
    text = log.read_text()[since:]
    found = re.findall(r"plan:\n(.*?)(?=\n\S|\Z)", text, re.DOTALL)
    return [json.loads(each) for each in found]


def scans(plan: Any) -> Iterator[dict[str, Any]]:
    """Give the nodes of a plan that read a table."""
    if isinstance(plan, dict):
        if "Relation Name" in plan:
            yield plan
        for part in plan.values():
            yield from scans(part)
    elif isinstance(plan, list):
        for part in plan:
            yield from scans(part)


def is_large(table: str) -> bool:
    return re.sub(r"_(\d+|early|late|\d{4}_\d\d)$", "", table) in LARGE


def record_steps(client: Client) -> None:
    """Record runs that each read what the one before wrote: by time, version and content."""
    for n in range(STEPS):
        version = (None, f"v{n}", f"blake3:{n:064x}")[n % 3]
        before = (None, f"v{n - 1}", f"blake3:{n - 1:064x}")[(n - 1) % 3]
        at = START + timedelta(minutes=n)
        client.record_run(
            "step",
            started_at=at,
            ended_at=at + timedelta(seconds=1),
            inputs=[Pointer(f"part-{n - 1}", version=before)],
            outputs=[Pointer(f"part-{n}", version=version)],
        )
    assert client.flush() == 0


def fill(server: Server, database: str, rows: int) -> None:
    """Add so many outputs after the steps, over three months."""
    start = int((START + timedelta(hours=1)).timestamp()) * 1_000_000
    with server.connect(database) as connection:
        connection.execute("SET auto_explain.log_min_duration = -1")
        for month in range(3):
            at = start + month * 28 * 86_400_000_000
            connection.execute("SELECT backtrail.add_month(%s)", [at])
        # What the server finds out by itself, and when, nobody knows.
        connection.execute(_NO_AUTOVACUUM.encode())
        # The as-of index of the one, and the table of the other: both at their full size
        # would take minutes.
        for table, count in (("output", rows), ("input", 10_000)):
            connection.execute(_FILL.format(table=table, start=start, rows=count).encode())


def check_plans(server: Server, database: str) -> None:
    """Ask for a backtrace, and look at how the server found it."""
    log = server.folder / "log"
    since = len(log.read_text())
    with connect(server.url(database)) as client:
        found = client.backtrace(f"part-{STEPS - 1}")
    read = [scan for plan in plans(log, since) for scan in scans(plan)]
    asof = [scan for scan in read if re.fullmatch(r"output_.*_pkey", scan.get("Index Name", ""))]

    assert len(found.frames) == STEPS
    assert {scan["Node Type"] for scan in read if is_large(scan["Relation Name"])} <= {*_SCANS}
    assert any("(t <= p.t)" in scan["Index Cond"] for scan in asof)
    # Of an index only the rows that are asked for are read, not the whole of it.
    assert all("artifact = " in scan["Index Cond"] for scan in asof)


@pytest.mark.parametrize("size", ["few", "many"])
def test_a_backtrace_is_found_by_index(
    debian_server: Server, explained: str, size: str, sized: Sized[int]
) -> None:
    with connect(debian_server.url(explained)) as client:
        record_steps(client)
    fill(debian_server, explained, 10_000 if size == "few" else sized(200_000, 10_000_000))

    check_plans(debian_server, explained)
    with debian_server.connect(explained) as connection:
        connection.execute("SET auto_explain.log_min_duration = -1")
        connection.execute("VACUUM ANALYZE")
    check_plans(debian_server, explained)
