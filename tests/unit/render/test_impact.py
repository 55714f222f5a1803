"""An impact as text, as a table and as JSON, compared with what a reviewer can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from golden.compare import same_as_golden
from golden.examples import a_run, us

from backtrail.model.impact import (
    ImpactCount,
    ImpactGroup,
    ImpactOrigin,
    ImpactStep,
    ImpactWrite,
)
from backtrail.model.records import Run
from backtrail.render import impact as render
from backtrail.render import impact_html
from backtrail.render.json import impact_dict
from backtrail.render.screen import Screen, cells

SCREENS = {
    "100": Screen(100),
    "80": Screen(80),
    "colour": Screen(100, color=True),
    "ascii": Screen(100, ascii=True),
}
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


EXAMPLES = {
    "run": of_a_run,
    "version": of_a_version,
    "chosen": of_chosen_runs,
    "unused": of_something_unused,
    "chain": of_a_long_chain,
}


def shown(found: AnImpact, screen: Screen) -> str:
    return render.impact(
        found, width=screen.width or 0, color=screen.color, ascii=screen.ascii, wide=False
    )


@pytest.mark.parametrize("screen", SCREENS)
def test_impacts_read_as_their_golden_file(screen: str) -> None:
    texts = [shown(make(), SCREENS[screen]) for make in EXAMPLES.values()]

    assert same_as_golden(f"impact.{screen}", "\n\n".join(texts))


@pytest.mark.parametrize("screen", SCREENS)
def test_a_path_reads_as_its_golden_file(screen: str) -> None:
    steps = [
        ImpactStep(CLEAN.run_id, "clean", CLEAN.started_us, "failed"),
        ImpactStep(
            FEATURIZE.run_id,
            "featurize",
            FEATURIZE.started_us,
            "completed",
            "time",
            "/data/clean.parquet",
            ["version-mismatch"],
        ),
        ImpactStep(PREDICT[0].run_id, "predict", PREDICT[0].started_us, "completed", "call"),
    ]

    text = render.path(SCREENS[screen], of_a_run(), steps, "pred-1")

    assert same_as_golden(f"impact-path.{screen}", text)


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("example", EXAMPLES)
def test_no_line_of_the_table_is_wider_than_the_screen(example: str, width: int) -> None:
    lines = shown(EXAMPLES[example](), Screen(width)).splitlines()

    assert [line for line in lines if line.startswith("+") and cells(line) > width] == []


def test_a_notebook_gets_a_table_in_which_names_are_text() -> None:
    found = of_a_version()
    found.groups[0].read = ["<script>"]

    page = impact_html.impact(found)

    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "\x1b" not in page


def test_the_json_has_the_first_runs_and_counts_all() -> None:
    document = impact_dict(of_a_run(), 2)

    assert (document["runs_total"], len(document["runs"])) == (4, 2)
    assert [run["depth"] for run in document["runs"]] == [1, 2]
    assert document["roots"][0]["run_id"] == CLEAN.run_id
    assert document["wrote"][1]["newer_at"] == "2026-07-25T03:17:02.000000Z"
    assert document["by_owner"][1]["name"] is None
