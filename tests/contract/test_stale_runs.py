"""Which runs of a component used what was not the newest then: as their backtraces say it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from backtrail import Client, NotFoundError, Pointer

NOON = datetime(2026, 7, 25, 12, tzinfo=timezone.utc)
DIGEST = "blake3:" + "ab" * 32


def ran(
    client: Client, component: str, hour: float, reads: object = (), writes: object = ()
) -> str:
    at = NOON + timedelta(hours=hour)
    return client.record_run(
        component,
        run_id=f"{component}-{hour}",
        started_at=at,
        ended_at=at,
        inputs=reads,  # type: ignore[arg-type]
        outputs=writes,  # type: ignore[arg-type]
    )


def v(version: str, name: str = "model", **more: str) -> list[Pointer]:
    return [Pointer(name, version=version, **more)]


def agrees(client: Client, component: str, limit: int = 100) -> list[str]:
    """Hold `stale_runs` against a backtrace of each run; give the ids of those it gives."""
    found = client.stale_runs(component, limit=limit)
    of_backtraces = {}
    for run in client.history(component, limit=limit):
        warnings = client.backtrace(run.run_id).frames[0].warnings
        stale = [each for each in warnings if each.code.partition(".")[0] == "stale"]
        if stale:
            of_backtraces[run.run_id] = stale
    assert found == of_backtraces
    return list(found)


def test_a_run_that_used_an_older_version_is_told_newest_first(client: Client) -> None:
    ran(client, "train", 0, writes=v("v1"))
    ran(client, "serve", 1, v("v1"), ["pred-1"])
    ran(client, "train", 2, writes=v("v2"))
    ran(client, "serve", 3, v("v1"), ["pred-2"])
    ran(client, "serve", 4, v("v2"), ["pred-3"])
    ran(client, "serve", 5, v("v1"), ["pred-4"])

    assert agrees(client, "serve") == ["serve-5", "serve-3"]
    ((warning,),) = [client.stale_runs("serve", limit=1)["serve-5"]]
    assert warning.code == "stale.fresher-run"
    assert warning.text == (
        "read model of 2026-07-25 12:00, though a newer one had been there since 2026-07-25 14:00"
    )


def test_what_became_newer_after_the_read_does_not_count(client: Client) -> None:
    ran(client, "train", 0, writes=v("v1"))
    ran(client, "serve", 1, v("v1"))
    ran(client, "train", 2, writes=v("v2"))

    assert agrees(client, "serve") == []


def test_the_same_content_made_anew_and_what_is_read_without_a_version_is_newest(
    client: Client,
) -> None:
    ran(client, "train", 0, writes=v(DIGEST))
    ran(client, "train", 1, writes=v(DIGEST))
    ran(client, "serve", 2, v(DIGEST, run_id="train-0"))
    ran(client, "serve", 3, ["model"])

    assert agrees(client, "serve") == []


def test_a_producer_named_by_the_reader_is_held_against_the_newest(client: Client) -> None:
    ran(client, "train", 0, writes=["model"])
    ran(client, "train", 1, writes=["model"])
    ran(client, "serve", 2, [Pointer("model", run_id="train-0")])
    ran(client, "serve", 3, [Pointer("model", run_id="train-1")])

    assert agrees(client, "serve") == ["serve-2"]


def test_each_input_counts_by_itself_and_gaps_do_not(client: Client) -> None:
    for hour, version in ((0, "v1"), (1, "v2")):
        ran(client, "train", hour, writes=[*v(version), *v(version, "weights")])
    ran(client, "serve", 2, [*v("v1"), *v("v1", "weights"), *v("v9", "unknown")])

    assert agrees(client, "serve") == ["serve-2"]
    assert len(client.stale_runs("serve")["serve-2"]) == 2


def test_what_was_too_old_is_said_of_what_made_it_not_of_the_run_that_used_it(
    client: Client,
) -> None:
    client.create_or_retrieve_component("train", max_age="1h")
    ran(client, "train", 0, writes=v("v1"))
    ran(client, "serve", 5, v("v1"))

    assert agrees(client, "serve") == agrees(client, "train") == []


def test_no_more_runs_are_looked_at_than_is_asked_for(client: Client) -> None:
    ran(client, "train", 0, writes=v("v1"))
    ran(client, "train", 1, writes=v("v2"))
    for hour in range(2, 8):
        ran(client, "serve", hour, v("v1"))

    assert agrees(client, "serve", 4) == ["serve-7", "serve-6", "serve-5", "serve-4"]


def test_a_component_that_is_not_known_is_said(client: Client) -> None:
    ran(client, "train", 0)

    with pytest.raises(NotFoundError, match="trian"):
        client.stale_runs("trian")
