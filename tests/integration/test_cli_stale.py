"""`bt stale`: what it prints and how it exits."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from click.testing import CliRunner, Result

from backtrail import Client, Pointer
from backtrail.cli.program import program

NOON = datetime(2026, 7, 25, 12, tzinfo=timezone.utc)


@pytest.fixture
def recorded(client: Client) -> Client:
    """fresh-1 and stale-1 were made from two versions of a table; gap-1 from what nobody wrote."""
    for hour, (component, reads, writes) in enumerate(
        [
            ("clean", [], [Pointer("table", version="blake3:t1")]),
            ("serve", [Pointer("table", version="blake3:t1")], ["stale-1"]),
            ("clean", [], [Pointer("table", version="blake3:t2")]),
            ("serve", [Pointer("table", version="blake3:t2")], ["fresh-1"]),
            ("serve", [Pointer("rates", version="blake3:r1")], ["gap-1"]),
        ]
    ):
        moment = NOON + timedelta(hours=hour)
        client.record_run(
            component, started_at=moment, ended_at=moment, inputs=reads, outputs=writes
        )
    client.flush()
    return client


def bt(client: Client, *arguments: str) -> Result:
    return CliRunner().invoke(program, [*arguments, "--db", client.settings.url])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["fresh-1"], 0),
        (["stale-1"], 1),
        (["gap-1"], 0),
        (["gap-1", "--strict"], 1),
        (["fresh-1", "--strict"], 0),
        (["fresh-1", "--max-age", "1s"], 1),
        (["stal"], 1),
    ],
)
@pytest.mark.parametrize("verb", ["stale", "why"])
def test_the_exit_code_is_the_verdict(
    verb: str, arguments: list[str], code: int, recorded: Client
) -> None:
    done = bt(recorded, verb, *arguments)

    assert done.exit_code == code


def test_a_stale_output_is_told_with_its_reasons_and_what_to_do(recorded: Client) -> None:
    shown = bt(recorded, "stale", "stale-1").stdout

    assert "! stale: newer-input" in shown
    assert "serve  read table (blake3 t1), which clean has written anew since" in shown
    assert "make 1 run again" in shown


def test_a_fresh_output_is_told_with_its_proof(recorded: Client) -> None:
    shown = bt(recorded, "stale", "fresh-1").stdout

    assert shown.splitlines()[0].split()[:2] == ["fresh-1", "fresh"]
    assert "table  blake3 t2  still the newest" in shown


def test_what_is_not_known_is_said(recorded: Client) -> None:
    shown = bt(recorded, "stale", "gap-1").stdout

    assert "? serve  read rates, which no recorded run wrote" in shown


def test_json_has_the_verdict_the_chain_and_the_plan(recorded: Client) -> None:
    done = bt(recorded, "stale", "stale-1", "--json")

    document = json.loads(done.stdout)
    (reason,) = document["reasons"]
    assert done.exit_code == 1
    assert (document["schema"], document["verdict"]) == ("backtrail.staleness/1", "stale")
    assert (reason["code"], reason["root"]["newer_version"]) == ("newer-input", "blake3:t2")
    assert [run["component"] for run in reason["chain"]] == ["serve"]
    assert [run["component"] for run in document["refresh"]] == ["serve"]


def test_an_unknown_id_ends_with_three_and_a_senseless_age_with_two(recorded: Client) -> None:
    from backtrail.cli import main

    url = recorded.settings.url
    assert main(["stale", "nobody-knows", "--db", url]) == 3
    assert main(["stale", "fresh-1", "--max-age", "soon", "--db", url]) == 2
