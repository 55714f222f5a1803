"""Backtraces built from values: the same in every test of what a person reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from zlib import crc32

from backtrail.model.records import (
    Code,
    Frame,
    FrameWarning,
    Gap,
    Input,
    Output,
    Run,
    TracedOutput,
    to_us,
)

CLEAN = "9c1d2e4" + "0" * 33
NOW = datetime(2026, 7, 25, 2, 10, tzinfo=timezone.utc)
_SHA = "5be0c1d2aa77e3b1f0c4" + "9" * 42 + "9a"


@dataclass
class ATrace:
    """Stands for a `Backtrace`: what a renderer needs of one."""

    output: TracedOutput
    frames: list[Frame]
    gaps: list[Gap] = field(default_factory=list)
    coverage: float = 1.0
    truncated: bool = False


def us(moment: str) -> int:
    """Give microseconds for ``2026-07-25 02:07`` or ``2026-07-25 02:07:01.500``."""
    return to_us(datetime.fromisoformat(moment).replace(tzinfo=timezone.utc))


def a_run(
    component: str,
    started: str,
    took_s: float | None,
    *,
    status: str = "completed",
    git: str | None = CLEAN,
    dirty: bool | None = False,
    reads: tuple[Input, ...] = (),
    writes: tuple[str, ...] = (),
    **more: Any,
) -> Run:
    """Give a run; its id is made from its start, as real ones are."""
    start = us(started)
    ended = None if took_s is None else start + int(took_s * 1e6)
    digits = f"{start // 1000:012x}7{crc32(repr(reads).encode()) % 4096:03x}"
    given: dict[str, Any] = {
        "run_id": f"{digits[:8]}-{digits[8:12]}-{digits[12:]}-8000-{0:012x}",
        "kind": None,
        "owner": None,
        "error": None,
        "code": Code(git, dirty, "blake3:" + "ab" * 32, f"{component}.py", 9, component),
        "params": {},
        "host": "gpu-07",
        "pipeline_run_id": None,
        "parent_run_id": None,
        "outputs": [_an_output(name, ended or start) for name in writes],
        "outputs_total": len(writes),
    }
    given |= more
    return Run(
        component=component,
        status=status,
        started_us=start,
        ended_us=ended,
        inputs=list(reads),
        **given,
    )


def _an_output(name: str, written_us: int) -> Output:
    if name.startswith("pred"):
        return Output(name, "output", None, written_us)
    return Output(name, "data", f"sha256:{_SHA}", written_us)


def reads(
    name: str,
    producer: int | None = None,
    evidence: str = "content",
    *,
    version: str | None = f"sha256:{_SHA}",
    at: str = "2026-07-25 02:07",
    warnings: tuple[str, ...] = (),
) -> Input:
    """Give an input with its link."""
    return Input(name, "data", version, us(at), producer, None, evidence, list(warnings))


def output(name: str = "pred_8f3a21", value: Any = None, **more: Any) -> TracedOutput:
    """Give the output that was asked for."""
    return TracedOutput(name, "output", None, value, us("2026-07-25 02:07:15"), **more)


def five_runs() -> ATrace:
    """The first session of the design: five runs, a failed one and a stale one."""
    predict = a_run(
        "predict",
        "2026-07-25 02:07",
        15,
        reads=(reads("/data/model.pkl", 1), reads("/data/features.parquet", 2)),
        writes=("pred_8f3a21",),
    )
    train = a_run(
        "train",
        "2026-06-20 05:25",
        3492,
        git="77ab013" + "0" * 33,
        writes=("/data/model.pkl",),
        params={"max_depth": 8, "eta": 0.1, "seed": 13, "note": "two words"},
    )
    featurize = a_run(
        "featurize",
        "2026-07-24 04:05",
        302,
        dirty=None,
        reads=(
            reads(
                "/data/clean.parquet",
                3,
                "time",
                version="stat:2100000000-17",
                at="2026-07-24 04:05",
            ),
        ),
        writes=("/data/features.parquet",),
    )
    clean = a_run(
        "clean",
        "2026-07-24 03:17",
        91,
        status="failed",
        error="KeyError('amount_eur')",
        dirty=True,
        reads=(reads("/data/raw.parquet", 4, "object", version=None),),
        writes=("/data/clean.parquet",),
        notes=[
            {"text": "seen in the morning check", "author": "kim", "at": "2026-07-25T08:00:00Z"}
        ],
    )
    ingest = a_run("ingest", "2026-07-24 02:35", 40, dirty=None, writes=("/data/raw.parquet",))
    frames = [
        Frame(0, predict, 0),
        Frame(
            1,
            train,
            1,
            warnings=[
                FrameWarning(
                    "stale.too-old",
                    "is 34 days older than the features #0 used with it (limit 14 days)",
                )
            ],
        ),
        Frame(2, featurize, 1),
        Frame(
            3,
            clean,
            2,
            warnings=[
                FrameWarning(
                    "failed",
                    "ended with KeyError('amount_eur') after writing /data/clean.parquet, "
                    "and #2 used that file",
                ),
                FrameWarning("dirty-code", "ran with uncommitted changes, saved with the run"),
            ],
        ),
        Frame(4, ingest, 3),
    ]
    return ATrace(output(value={"refund_risk": 0.83}), frames)


def with_gaps() -> ATrace:
    """Two gaps, a declared source, a killed run, a call, a run that has not ended."""
    predict = a_run(
        "predict",
        "2026-07-25 02:07",
        0.0032,
        reads=(
            reads("/data/eu/rates.csv", None, "gap", version="sha256:77aa" + "0" * 60),
            reads("/data/us/rates.csv", None, "gap", version=None),
            reads("clean()", 1, "object", version=None),
            reads("/data/orders.csv", None, "source"),
        ),
        writes=("pred_0c9912",),
    )
    clean = a_run(
        "clean",
        "2026-07-25 02:00",
        None,
        status="killed",
        git=None,
        reads=(
            reads("/data/us/rates.csv", None, "gap", version=None),
            reads("/data/raw.csv", 3, "time", warnings=("clock-skew",)),
        ),
        writes=("clean()",),
    )
    score = a_run("score", "2026-07-25 02:07", 0.0004)
    ingest = a_run("ingest", "2026-07-25 01:00", None, status="running", writes=("/data/raw.csv",))
    skew = FrameWarning(
        "clock-skew", "read raw.csv 0.7 s before #3 wrote it, by the clocks of two machines"
    )
    frames = [
        Frame(0, predict, 0, calls=[2]),
        Frame(1, clean, 1, warnings=[skew]),
        Frame(2, score, 1),
        Frame(3, ingest, 2),
    ]
    gaps = [
        Gap(0, "/data/eu/rates.csv"),
        Gap(0, "/data/us/rates.csv"),
        Gap(1, "/data/us/rates.csv"),
    ]
    traced = output("pred_0c9912", 0.12, other_writes=3, flagged=True)
    return ATrace(traced, frames, gaps, coverage=0.5, truncated=True)


def one_minute() -> ATrace:
    """A small pipeline whose runs began within one minute, outside any repository."""
    steps = (
        ("predict", "02:07:48.200", 0.9, "pred-MQ2963-12-31"),
        ("features_today", "02:07:45", 0.06, "/data/today.parquet"),
        ("clean_weather", "02:07:44.800", 0.09, "/data/weather.parquet"),
        ("ingest_weather", "02:07:44.700", 0.05, "/data/weather_raw.parquet"),
        ("ingest_flights", "02:07:01", 0.03, "/data/flights_2013-12.parquet"),
    )
    frames = [
        Frame(
            n,
            a_run(
                component,
                f"2026-07-25 {clock}",
                took_s,
                git=None,
                reads=(reads(steps[n + 1][3], n + 1),) if n + 1 < len(steps) else (),
                writes=(written,),
            ),
            n,
        )
        for n, (component, clock, took_s, written) in enumerate(steps)
    ]
    return ATrace(output("pred-MQ2963-12-31", 436), frames)


def many_runs(ingests: int = 23, features: int = 14) -> ATrace:
    """One prediction, two trainings, and the runs of two wide stages behind them."""
    first = 3
    names = [f"/lake/day={day:03d}/part.parquet" for day in range(ingests)]
    parts = [f"/features/{place:03d}.parquet" for place in range(features)]
    frames = [
        Frame(
            0,
            a_run(
                "predict",
                "2026-07-25 02:07",
                15,
                reads=(reads("/m/a.pkl", 1), reads("/m/b.pkl", 2)),
                writes=("pred_c41e07",),
            ),
            0,
        )
    ]
    frames += [
        Frame(
            n,
            a_run(
                "train",
                f"2026-07-19 05:{25 + 15 * n}",
                1860,
                reads=tuple(reads(part, first + i) for i, part in enumerate(parts)),
                writes=(f"/m/{'ab'[n - 1]}.pkl",),
            ),
            1,
        )
        for n in (1, 2)
    ]
    stale = FrameWarning("stale.newer-input", "read a day that was ingested again afterwards")
    for place, part in enumerate(parts):
        mine = [
            reads(name, first + features + day)
            for day, name in enumerate(names)
            if day % features == place
        ]
        warnings = [stale] if place in (6, 8) else []
        made = a_run(
            "features",
            f"2026-07-{12 + place % 13:02d} 04:05",
            304,
            reads=tuple(mine),
            writes=(part,),
        )
        frames.append(Frame(first + place, made, 2, warnings=warnings))
    for day, name in enumerate(names):
        made = a_run("ingest", f"2026-07-{12 + day % 13:02d} 02:01", 81, writes=(name,))
        frames.append(Frame(first + features + day, made, 3))
    return ATrace(output("pred_c41e07", {"churn": 0.12}), frames)


def awkward_names() -> ATrace:
    """Long, wide, accented and hostile names: none may break a line or steer a terminal."""
    long_id = "prediction-for-customer-0123456789-of-the-northern-region-2026-07-25"
    long_file = "/data/" + "a_very_long_file_name_" * 4 + "v2.parquet"
    hostile = "/data/\x1b[31mred\nline\u202egnp.exe"
    predict = a_run(
        "予測コンポーネントの長い名前はここで切られる",
        "2026-07-25 02:07",
        7384,
        reads=(
            reads("/data/特徴量テーブル.parquet", 1),
            reads(long_file, 2),
            reads(hostile, 3, "time"),
            reads("split()[1]", 4, "object", version=None),
        ),
        writes=(long_id,),
    )
    frames = [
        Frame(0, predict, 0),
        Frame(
            1,
            a_run(
                "naïve_données",
                "2026-07-25 01:07",
                345_600,
                writes=("/data/特徴量テーブル.parquet",),
            ),
            1,
        ),
        Frame(
            2,
            a_run(
                "a_component_with_a_rather_long_name_indeed",
                "2026-07-25 01:06",
                61,
                git="release-2026-07",
                writes=(long_file,),
            ),
            1,
        ),
        Frame(
            3,
            a_run(
                "clean\x07er",
                "2026-07-25 01:05",
                0.25,
                status="failed",
                error="\x1b]0;owned\x07",
                writes=(hostile,),
            ),
            1,
            warnings=[
                FrameWarning(
                    "version-mismatch", "wrote red\x1b[2J, but #0 read another version of it"
                )
            ],
        ),
        Frame(4, a_run("🚀 split ❤️", "2026-07-25 01:04", 9.94, writes=("split()[1]",)), 1),
    ]
    traced = TracedOutput(
        long_id, "output", None, {"label": "ночь\n", "p": [0.1] * 40}, us("2026-07-25 02:07:15")
    )
    return ATrace(traced, frames)
