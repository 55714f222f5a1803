"""The JSON of API.md section 4, key by key."""

from __future__ import annotations

import json

from golden.examples import five_runs, with_gaps

from backtrail.render.json import backtrace_dict, dumps, run_dict


def test_a_backtrace_has_the_keys_of_the_contract() -> None:
    given = backtrace_dict(with_gaps())

    assert list(given) == ["schema", "output", "frames", "gaps", "coverage", "truncated"]
    assert given["schema"] == "backtrail.backtrace/1"
    assert given["output"] == {
        "name": "pred_0c9912",
        "kind": "output",
        "version": None,
        "value": 0.12,
        "written_at": "2026-07-25T02:07:15.000000Z",
        "flagged": True,
        "other_writes": 3,
    }
    assert given["gaps"][0] == {"n": 0, "name": "/data/eu/rates.csv"}
    assert given["coverage"] == 0.5
    assert given["truncated"] is True


def test_a_frame_has_the_keys_of_the_contract() -> None:
    frame = backtrace_dict(five_runs())["frames"][3]

    assert {key: frame[key] for key in ("n", "depth", "component", "status", "duration_ms")} == {
        "n": 3,
        "depth": 2,
        "component": "clean",
        "status": "failed",
        "duration_ms": 91000.0,
    }
    assert frame["code"]["dirty"] is True
    assert frame["started_at"] == "2026-07-24T03:17:00.000000Z"
    assert frame["calls"] == []
    assert [warning["code"] for warning in frame["warnings"]] == ["failed", "dirty-code"]
    assert frame["inputs"] == [
        {
            "name": "/data/raw.parquet",
            "kind": "data",
            "version": None,
            "read_at": "2026-07-25T02:07:00.000000Z",
            "producer": 4,
            "producer_run_id": None,
            "evidence": "object",
            "warnings": [],
        }
    ]


def test_a_run_is_a_frame_without_place_and_links() -> None:
    trace = five_runs()
    frame = backtrace_dict(trace)["frames"][0]

    run = run_dict(trace.frames[0].run)

    assert set(frame) - set(run) == {"n", "depth", "calls", "warnings"}
    assert set(frame["inputs"][0]) - set(run["inputs"][0]) == {
        "producer",
        "producer_run_id",
        "evidence",
        "warnings",
    }


def test_what_json_cannot_hold_becomes_words() -> None:
    text = dumps({"nan": float("nan"), "low": float("-inf"), "raw": b"\x00", 3: {4}})

    assert json.loads(text) == {"nan": "NaN", "low": "-Infinity", "raw": "AA==", "3": [4]}


def test_no_name_leaves_ascii() -> None:
    text = dumps({"name": "\x1b[31m\x9b\u202e特\udc80"})

    assert text.isascii()
    assert "\x1b" not in text
