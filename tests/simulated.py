"""A pipeline with one guilty run, and people who flag what it spoilt: for tests and bench/suspects.

Five components run at mixed cadences over one day: 1 ingest, 3 clean, 12 feature, 4
train and 25 inference runs. Of n runs of a component the first starts just before the
day, in the order above; run k > 0 starts at (k + u) / n of the day, u drawn from [0, 0.5).
A run reads what was newest when it started: clean reads ingest, feature reads clean,
train reads feature, inference reads feature and train. Outputs are spread evenly over
the inference runs.

The guilty run is drawn from those behind any output: first a component, then one of its
runs, all equally likely (``by="run"``: any run, so mostly inference). An output is bad if
the guilty run is behind it. Each bad output is flagged with one probability, each good
one with another, independently. With ``guilty=False`` no output is bad.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from random import Random

from backtrail import Client, Pointer

COUNTS = {"ingest": 1, "clean": 3, "feature": 12, "train": 4, "inference": 25}
READS = {
    "ingest": (),
    "clean": ("ingest",),
    "feature": ("clean",),
    "train": ("feature",),
    "inference": ("feature", "train"),
}
RunName = tuple[str, int]
_BEGAN = datetime(2026, 7, 24, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Setting:
    """How much is known: how many outputs, and how often bad and good ones are flagged."""

    outputs: int
    flagged: float
    false: float


MANY = Setting(300, 0.6, 0.02)
FEW = Setting(60, 0.5, 0.02)


@dataclass(frozen=True)
class Simulated:
    """One day: when each run started, what is behind each output, and who is to blame."""

    starts: dict[RunName, float]
    read: dict[RunName, tuple[RunName, ...]]
    behind: dict[RunName, int]
    made_by: list[RunName]
    flagged: int
    guilty: RunName | None

    @property
    def suspects(self) -> Iterator[tuple[RunName, int]]:
        """Every run with the outputs that it is behind, as bits; the nearest first."""
        nearest = list(reversed(COUNTS))
        for run in sorted(self.behind, key=lambda each: (nearest.index(each[0]), each[1])):
            yield run, self.behind[run]


def simulate(
    seed: int, setting: Setting, *, guilty: bool = True, by: str = "component"
) -> Simulated:
    """Give one day."""
    random = Random(seed)
    starts = _starts(random)
    read = {
        run: tuple(_newest(starts, name, at) for name in READS[run[0]])
        for run, at in starts.items()
    }
    made_by = [
        ("inference", n * COUNTS["inference"] // setting.outputs) for n in range(setting.outputs)
    ]
    behind: dict[RunName, int] = {}
    for n, run in enumerate(made_by):
        for each in _upstream(read, run):
            behind[each] = behind.get(each, 0) | 1 << n
    culprit = None
    if guilty:
        component = random.choice(list(COUNTS))
        runs = sorted(run for run in behind if by == "run" or run[0] == component)
        culprit = random.choice(runs)
    bad = 0 if culprit is None else behind[culprit]
    flagged = 0
    for n in range(setting.outputs):
        if random.random() < (setting.flagged if bad >> n & 1 else setting.false):
            flagged |= 1 << n
    return Simulated(starts, read, behind, made_by, flagged, culprit)


def _starts(random: Random) -> dict[RunName, float]:
    starts = {}
    for place, (name, count) in enumerate(COUNTS.items()):
        for n in range(count):
            jitter = random.random() / 2
            starts[name, n] = (n + jitter) / count if n else -0.01 * (len(COUNTS) - place)
    return starts


def _newest(starts: dict[RunName, float], component: str, at: float) -> RunName:
    runs = [run for run, started in starts.items() if run[0] == component and started < at]
    return max(runs, key=starts.__getitem__)


def _upstream(read: dict[RunName, tuple[RunName, ...]], run: RunName) -> set[RunName]:
    found = {run}
    for each in read[run]:
        found |= _upstream(read, each)
    return found


def record(client: Client, day: Simulated) -> None:
    """Record a day through a client, flags too; runs keep their names as ids: ``clean-1``.

    Runs have what real ones have, which has nothing to do with the fault: hosts that
    take turns, a commit that changes at noon, a parameter that changes now and then.
    """
    outputs: dict[RunName, list[str]] = {}
    for n, run in enumerate(day.made_by):
        outputs.setdefault(run, []).append(f"pred-{n}")
    for run, at in day.starts.items():
        name, n = run
        began = _BEGAN + timedelta(days=at)
        written = [f"{name}.parquet"] if name != "inference" else []
        ids = [Pointer(each, kind="output") for each in outputs.get(run, ())]
        client.record_run(
            name,
            run_id=run_id(run),
            started_at=began,
            ended_at=began + timedelta(seconds=1),
            inputs=[f"{each[0]}.parquet" for each in day.read[run]],
            outputs=[*written, *ids],
            params={"shard": n % 3, "mode": "full" if n % 5 else "part"},
            git_hash="a" * 40 if at < 0.5 else "b" * 40,
            host=f"node-{n % 4}",
        )
    for n in range(len(day.made_by)):
        if day.flagged >> n & 1:
            client.flag(f"pred-{n}", "looks wrong")


def run_id(run: RunName) -> str:
    """Give the id that `record` gives to a run."""
    return f"{run[0]}-{run[1]}"
