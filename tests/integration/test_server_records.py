"""Records over HTTP: kept once and whole, whatever is sent."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import FreshStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served import JSON, Answer, Served, serving

from backtrail.model.facts import (
    Artifact,
    Batch,
    FlagFact,
    Read,
    RunFact,
    SiteFact,
    Write,
    WriterFact,
)

pytestmark = pytest.mark.usefixtures("processes")

ROUTE = "/api/v1/records"
PACKED = {"Content-Type": "application/msgpack", "Content-Encoding": "gzip"}
OUTPUT = 4


def batch(n: int = 0, **params: Any) -> Batch:
    """One process that read a file and logged an output."""
    runs = [
        SiteFact(1, "serve", "serve.py", 3, "serve"),
        RunFact(
            n,
            1,
            1_000_000,
            2_000_000,
            1,
            None,
            None,
            params,
            [Read(Artifact("/w/clean.csv", 2), "sha256:aa", 1_000_000)],
            [Write(Artifact(f"pred-{n}", OUTPUT), None, 2_000_000, 0.5)],
        ),
    ]
    return Batch(WriterFact(b"w" * 16, "worker", 7, 500_000, {}), 0, 100 + n, runs)


def packed(*batches: Batch) -> bytes:
    return gzip.compress(msgspec.msgpack.encode({"batches": batches}))


def send(served: Served, body: bytes, **headers: str) -> Answer:
    return served.ask(ROUTE, "POST", body, {**PACKED, **headers})


def ids(served: Served) -> list[str]:
    runs = served.ask("/api/v1/runs?limit=1000").content["runs"]
    return sorted(run["outputs"][0]["name"] for run in runs)


@pytest.fixture(scope="module")
def shared(fresh_store: FreshStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with fresh_store() as url, serving(url, tmp_path_factory.mktemp("server")) as found:
        yield found


@pytest.fixture
def served(store_url: str, tmp_path: Path) -> Iterator[Served]:
    with serving(store_url, tmp_path) as found:
        yield found


def test_batches_that_are_sent_again_in_any_order_count_once(served: Served) -> None:
    for n in (0, 1, 0, 2, 1):
        answer = send(served, packed(batch(n)))
        assert (answer.status, answer.content["facts"]) == (201, 2)
    plain = json.loads(msgspec.json.encode({"batches": [batch(0), batch(3)]}))
    assert served.post(ROUTE, plain).content["batches"] == 2

    assert ids(served) == ["pred-0", "pred-1", "pred-2", "pred-3"]
    traced = served.ask("/api/v1/backtrace?output=pred-3").content
    assert traced["frames"][0]["inputs"][0]["name"] == "/w/clean.csv"


def test_secrets_are_taken_out_again(served: Served) -> None:
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    hidden = {"api_key": [73519264], "nested": {"secret": {"pin": "73519264"}}}
    told = batch(0, db_password="hunter2hunter2", note=key, **hidden)
    assert send(served, packed(told)).status == 201

    shown = served.ask("/api/v1/runs").body
    assert "hunter2" not in shown
    assert "73519264" not in shown
    assert key not in shown


def test_a_flag_that_is_sent_twice_is_audited_once(served: Served) -> None:
    send(served, packed(batch(0)))
    marked = batch(0)
    marked.facts = [FlagFact(Artifact("pred-0", OUTPUT), 3_000_000, "open", "bad", "ann")]
    for _ in range(2):
        assert send(served, packed(marked)).status == 201

    rows = json.loads(served.bt("server", "audit", "--json").stdout)["audit"]
    assert [(row["action"], row["about"]) for row in rows] == [("flag", "pred-0")]
    assert len(served.ask("/api/v1/flags").content["flagged"]) == 1


def _wrong() -> dict[str, Any]:
    def told(**changes: Any) -> Any:
        content = msgspec.to_builtins(batch(9), builtin_types=(bytes,))
        run = content["facts"][1]
        for name, value in changes.items():
            (run if name in run else content)[name] = value
        return gzip.compress(msgspec.msgpack.encode({"batches": [batch(8), content]}))

    whole = packed(batch(8))
    return {
        "cut": whole[:-9],
        "damaged": whole[:20] + b"\xff" * 8 + whole[28:],
        "more behind": whole + b"x",
        "no gzip": b"nothing",
        "no msgpack": gzip.compress(b"\xc1"),
        "empty": b"",
        "another shape": gzip.compress(msgspec.msgpack.encode([1])),
        "deep": gzip.compress(b"\x91" * 5_000 + b"\xc0"),
        "huge number": told(ended_us=1 << 63),
        "no time": told(started_us=1 << 60),
        "status": told(status=9),
        "number of a run": told(seq=1 << 40),
        "negative": told(segment=-1),
        "kind": told(reads=[[["x", 99], None, 0]]),
        "long name": told(writes=[[["x" * 9_000, 4], None, 0]]),
        "producer": told(reads=[[["x", 2], None, 0, 2, 1 << 50]]),
        "bytes": told(params={"x": b"x"}),
        "not finite": told(params={"x": float("nan")}),
        "uid": packed(batch(8), msgspec.structs.replace(batch(9), writer=_short())),
    }


def _short() -> WriterFact:
    return WriterFact(b"short", "worker", 7, 500_000, {})


@pytest.mark.parametrize("wrong", _wrong())
def test_what_is_wrong_is_refused_whole(shared: Served, wrong: str) -> None:
    answer = send(shared, _wrong()[wrong])

    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert "pred-8" not in ids(shared)


def test_a_bomb_and_another_type_are_refused(shared: Served) -> None:
    assert send(shared, gzip.compress(bytes(80 << 20))).status == 413
    assert send(shared, bytes(17 << 20)).status == 413
    assert served_as(shared, "text/plain") == served_as(shared, "application/json", "br") == 415


def served_as(served: Served, media: str, coding: str = "identity") -> int:
    headers = {**JSON, "Content-Type": media, "Content-Encoding": coding}
    return served.ask(ROUTE, "POST", b"{}", headers).status


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.data())
def test_no_bytes_meet_a_fault_of_ours(shared: Served, data: st.DataObject) -> None:
    raw = bytearray(msgspec.msgpack.encode({"batches": [batch(1), batch(2)]}))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    assert send(shared, gzip.compress(bytes(raw))).status in (201, 400)
    assert shared.ask("/api/v1/runs").status == 200
