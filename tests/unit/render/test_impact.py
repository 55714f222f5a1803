"""An impact as text, as a table and as JSON, compared with what a reviewer can read."""

from __future__ import annotations

import pytest
from golden.compare import same_as_golden
from golden.impacts import (
    CLEAN,
    FEATURIZE,
    PREDICT,
    AnImpact,
    of_a_long_chain,
    of_a_run,
    of_a_version,
    of_chosen_runs,
    of_something_unused,
)

from backtrail.model.impact import ImpactStep
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
