"""Histories that the tests of the page record: long ones, a pair to compare, a fan."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from backtrail import Client, Pointer

START = datetime(2026, 7, 1, tzinfo=timezone.utc)
COMPONENTS = (
    "ingest clean join features select train tune evaluate publish merge split rank".split()
)


def plant(client: Client, name: str, runs: int) -> None:
    """Record a pipeline of so many runs behind one prediction; one of them failed."""
    for n in range(runs):
        inputs = [f"{name}/v{n - back}" for back in (1, 7, 40) if n >= back]
        at = START + timedelta(minutes=10 * n)
        failed = n == runs // 2
        client.record_run(
            COMPONENTS[n % len(COMPONENTS)],
            run_id=f"{name}-run-{n}",
            started_at=at,
            ended_at=at + timedelta(minutes=1 + n % 9),
            inputs=inputs or ["outside.csv"],
            outputs=[f"{name}/v{n}"],
            status="failed" if failed else "completed",
            error="ValueError: the planted fault" if failed else None,
            params={"n": n},
        )
    at = START + timedelta(minutes=10 * runs)
    client.record_run(
        "predict",
        run_id=f"{name}-last",
        started_at=at,
        ended_at=at,
        inputs=[f"{name}/v{runs - 1}"],
        outputs=[Pointer(f"pred-{name}", kind="output")],
    )


def plant_pair(client: Client) -> None:
    """Record what made a right output and a wrong one, which have one step in common."""

    def put(hour: int, component: str, inputs: list[str], output: str, **params: float) -> None:
        at = START + timedelta(hours=hour)
        kind = "output" if output.startswith("pred") else "data"
        client.record_run(
            component, run_id=f"pair-{output}", started_at=at, ended_at=at, params=params,
            inputs=inputs, outputs=[Pointer(output, kind=kind)],
        )  # fmt: skip

    put(0, "load", [], "pair-raw")
    for hour, name, extra, keep in ((1, "right", "audit", 0.9), (5, "wrong", "enrich", 0.5)):
        put(hour, "clean", ["pair-raw"], f"{name}-clean", keep=keep)
        put(hour + 1, extra, [], f"{name}-{extra}")
        put(hour + 2, "train", [f"{name}-clean", f"{name}-{extra}"], f"{name}-model")
        put(hour + 3, "predict", [f"{name}-model"], f"pred-{name}")


def plant_fan(client: Client) -> None:
    """Record steps that are built on one, three levels of them; some used an older model."""

    def put(minute: int, component: str, name: str, reads: list[Any], writes: Any) -> None:
        at = START + timedelta(minutes=minute)
        failed = name in ("clean", "serve-3")
        client.record_run(
            component, run_id=f"fan-{name}", started_at=at, ended_at=at + timedelta(seconds=9),
            inputs=reads, outputs=writes, status="failed" if failed else "completed",
        )  # fmt: skip

    models = [Pointer("fan/model", version=version) for version in ("v1", "v2")]
    put(0, "clean", "clean", [], ["fan/table", "fan/rejects"])
    put(1, "audit", "audit", ["fan/rejects"], [])
    put(2, "train", "train", ["fan/table"], models[:1])
    put(3, "train", "train-again", ["fan/table"], models[1:])
    for n in range(5):
        output = Pointer(f"fan-pred-{n}", kind="output")
        put(10 + n, "serve", f"serve-{n}", ["fan/table", models[n % 2]], [output])
    put(30, "report", "report", [f"fan-pred-{n}" for n in range(5)], ["fan/report"])
