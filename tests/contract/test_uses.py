"""Who wrote and who read an artifact last, on every store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from conftest import FreshStore

import backtrail
from backtrail import Client, Pointer
from backtrail.query.uses import Uses, uses

DAY = datetime(2026, 7, 1, tzinfo=timezone.utc)


@pytest.fixture
def client(fresh_store: FreshStore) -> Iterator[Client]:
    with fresh_store() as url, backtrail.connect(url) as client:
        yield client


def put(client: Client, run_id: str, days: float, *, reads: str = "", writes: str = "") -> None:
    at = DAY + timedelta(days=days)
    client.record_run(
        "step", run_id=run_id, started_at=at, ended_at=at,
        inputs=[Pointer("table", version=reads)] if reads else [],
        outputs=[Pointer("table", version=writes)] if writes else [],
    )  # fmt: skip


def uses_of(client: Client, name: str, limit: int = 50) -> Uses | None:
    client.flush()
    now_us = int(DAY.timestamp()) * 1_000_000
    return uses(client.open_store(), name, limit, now_us)


def test_uses_are_told_newest_first_with_their_versions(client: Client) -> None:
    put(client, "made", 0, writes="v1")
    put(client, "read", 0, reads="v1")
    put(client, "again", 1, writes="v2")

    found = uses_of(client, "table")

    assert found is not None
    assert [(use.run.run_id, use.is_write, use.version) for use in found.uses] == [
        ("again", True, "v2"),
        ("read", False, "v1"),
        ("made", True, "v1"),
    ]
    assert found.version == "v2"


def test_the_newest_reads_are_found_however_long_ago_the_others_were(client: Client) -> None:
    for n, days in enumerate((-900, -800, -200, -100, -20, -10, -0.5, -0.1)):
        put(client, f"read-{n}", days, reads="v")

    newest = {}
    for limit in (1, 3, 5, 7, 50):
        found = uses_of(client, "table", limit)
        newest[limit] = [] if found is None else [run.run_id for run in found.readers]

    all_of_them = [f"read-{n}" for n in range(7, -1, -1)]
    assert newest == {limit: all_of_them[:limit] for limit in newest}


def test_what_was_never_recorded_has_no_uses(client: Client) -> None:
    put(client, "made", 0, writes="v1")

    assert uses_of(client, "tabel") is None
