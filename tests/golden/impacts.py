"""Impacts built from values: the same in every test of what a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from golden.examples import a_run, us

from backtrail.model.impact import ImpactCount, ImpactGroup, ImpactLink, ImpactOrigin, ImpactWrite
from backtrail.model.records import Run

CLEAN = a_run("clean", "2026-07-24 03:17", 91, status="failed", writes=("/data/clean.parquet",))
FEATURIZE = a_run("featurize", "2026-07-24 04:05", 302)
PREDICT = [a_run("predict", f"2026-07-25 02:{n:02}", 15) for n in range(3)]


@dataclass
class AnImpact:
    """Stands for an `Impact`: what a renderer needs of one."""

    origin: ImpactOrigin
    groups: list[ImpactGroup]
    roots: Sequence[Run] = ()
    runs: Sequence[Run] = ()
    by_component: list[ImpactCount] = field(default_factory=list)
    by_owner: list[ImpactCount] = field(default_factory=list)
    outputs_total: int = 0
    flagged_total: int = 0
    wrote: list[ImpactWrite] = field(default_factory=list)
    truncated: bool = False
    linked: list[ImpactLink] = field(default_factory=list)

    def links(self, groups: int) -> Sequence[ImpactLink]:
        return [each for each in self.linked if max(each.start, each.end) < groups]

    def run_links(self) -> Sequence[ImpactLink]:
        return self.linked

    def depth_of(self, place: int) -> int:
        return 1 if place == 0 else 2


def group(depth: int, component: str, runs: Sequence[Run], **more: object) -> ImpactGroup:
    starts = [run.started_us for run in runs]
    return ImpactGroup(
        depth,
        component,
        "etl",
        "@data",
        runs[0].run_id,
        len(runs),
        min(starts),
        max(starts),
        **more,  # type: ignore[arg-type]
    )


def of_a_run() -> AnImpact:
    return AnImpact(
        ImpactOrigin("run", CLEAN.run_id),
        [
            group(0, "clean", [CLEAN], failed=1),
            group(1, "featurize", [FEATURIZE], read=["/data/clean.parquet"]),
            group(2, "predict", PREDICT, read=["/data/features.parquet"], outputs=412, flagged=12),
            group(3, "nightly_report_of_everything", [PREDICT[2]], called=True),
        ],
        [CLEAN],
        [FEATURIZE, *PREDICT],
        [ImpactCount("predict", 3, 412, 12), ImpactCount("featurize", 1)],
        [ImpactCount("@ml", 3, 412, 12), ImpactCount(None, 1)],
        412,
        12,
        [
            ImpactWrite("/data/clean.parquet"),
            ImpactWrite("/data/rejects.csv", PREDICT[0].run_id, us("2026-07-25 03:17:02")),
        ],
    )


def of_a_version() -> AnImpact:
    digest = "blake3:" + "5be0c1" + "0" * 56 + "9a"
    return AnImpact(
        ImpactOrigin("artifact", "/data/\x1b[31mred\n.parquet", digest),
        [group(1, "featurize", [FEATURIZE], read=["/data/\x1b[31mred\n.parquet"])],
        runs=[FEATURIZE],
        truncated=True,
    )


def of_chosen_runs() -> AnImpact:
    origin = ImpactOrigin(
        "runs", component="clean", commit="9c1d2e4", since_us=us("2026-07-24 00:00")
    )
    return AnImpact(origin, [group(0, "clean", [CLEAN, CLEAN], failed=2)], [CLEAN, CLEAN])


def of_something_unused() -> AnImpact:
    return AnImpact(ImpactOrigin("artifact", "pred-1"), [])


def of_a_long_chain() -> AnImpact:
    groups = [group(0, "clean", [CLEAN])]
    groups += [
        group(depth, ("retrain", "score")[depth % 2], [FEATURIZE], read=[f"state-{depth}"])
        for depth in range(1, 60)
    ]
    return AnImpact(ImpactOrigin("run", CLEAN.run_id), groups, [CLEAN], [FEATURIZE] * 59)
