"""A review as text, compared whole with the files in tests/golden, and as HTML."""

from __future__ import annotations

from dataclasses import replace

import pytest
from golden.compare import same_as_golden
from golden.examples import a_run, us

from backtrail.model.records import Flagged
from backtrail.query.review import Review, ReviewRow, Suspect
from backtrail.render import review as form
from backtrail.render.screen import Screen, cells

SCREENS = {
    "100": Screen(100),
    "80": Screen(80),
    "colour": Screen(100, color=True),
    "ascii": Screen(100, ascii=True),
}


def a_suspect(component: str, started: str, **more: str) -> Suspect:
    run = a_run(component, started, 91, writes=(f"{component}.parquet",), **more)
    return Suspect("run", run.run_id, component, run)


def a_row(rank: int, *members: Suspect, support: int, others: int, **more: object) -> ReviewRow:
    given = {"suspicion": 0.0, "ochiai": 0.1, "p_value": 1.0, "interval": (0.1, 0.3), **more}
    return ReviewRow(rank, list(members), len(members), support, others, **given)  # type: ignore[arg-type]


def twelve_flagged() -> Review:
    clean = a_suspect("clean", "2026-07-24 03:17", status="failed", error="KeyError")
    rows = [
        a_row(
            1,
            clean,
            a_suspect("featurize", "2026-07-24 04:05"),
            support=12,
            others=400,
            suspicion=0.9991,
            p_value=0.0000001,
            interval=(0.0168, 0.0502),
        ),
        a_row(
            2,
            Suspect("code", "commit 77ab013*, code blake3 5be0c1..9a", "predict"),
            support=7,
            others=310,
            suspicion=0.0006,
            beyond=2,
        ),
        a_row(
            3,
            a_suspect("train", "2026-06-20 05:25"),
            Suspect("time", "2026-06-15 00:00 to 2026-06-22 00:00", "train"),
            support=12,
            others=3893,
            suspicion=0.00002,
            relation="feeds",
        ),
    ]
    rows[2].members_total = 9
    return Review(
        rows,
        40,
        "strong",
        "",
        12,
        4310,
        us("2026-07-24 06:01"),
        us("2026-07-25 02:07"),
        us("2026-07-17 05:00"),
        us("2026-07-31 23:00"),
        [f"pred-{n}" for n in range(12)],
        ["elsewhere-\x1b[31m1", "b", "c", "d"],
        runs=5210,
        sampled=True,
        truncated=True,
    )


def unsure(reason: str, **more: object) -> Review:
    rows = [
        replace(row, suspicion=share, p_value=0.21)
        for row, share in zip(twelve_flagged().rows, (0.5, 0.4, 0.1), strict=True)
    ]
    given = {"verdict": "unsure", "unwritten": [], "sampled": False, "truncated": False, **more}
    return replace(twelve_flagged(), rows=rows, reason=reason, **given)


def lead_by(suspect: Suspect) -> Review:
    review = unsure("rivals")
    return replace(review, rows=[replace(review.rows[0], members=[suspect]), *review.rows[1:]])


@pytest.mark.parametrize("screen", SCREENS)
def test_a_review_reads_as_its_golden_file(screen: str) -> None:
    shown = form.text(twelve_flagged(), SCREENS[screen])

    assert same_as_golden(f"review.{screen}", shown)


def test_what_a_verdict_says_reads_as_its_golden_file() -> None:
    reviews = [
        Review(),
        unsure("no-others", others=0),
        unsure("too-few"),
        unsure("everywhere"),
        unsure("chance"),
        unsure("rivals"),
        unsure("chance", verdict="nothing"),
        unsure("everywhere", verdict="nothing"),
        replace(unsure("chance"), verdict="nothing", rows=[]),
        *(
            lead_by(Suspect(kind, text, "clean"))
            for kind, text in (
                ("input", "read rates.csv, which no recorded run wrote"),
                ("code", "commit 77ab013"),
                ("param", "mode=full"),
                ("host", "gpu-07"),
                ("time", "2026-07-24 03:00 to 04:00"),
            )
        ),
    ]

    shown = [
        f"{each.verdict} {each.reason}\n" + "\n".join(form.sentences(each)) for each in reviews
    ]

    assert same_as_golden("review-sentences", "\n\n".join(shown))


@pytest.mark.parametrize("width", [40, 80, 100])
def test_no_line_of_a_review_is_wider_than_the_screen(width: int) -> None:
    shown = form.text(twelve_flagged(), Screen(width))

    assert max(map(cells, shown.splitlines())) <= width


def test_flagged_outputs_read_as_their_golden_file() -> None:
    found = [
        Flagged("pred-1", "far too high", "ada", us("2026-07-25 02:07"), "bob"),
        Flagged(
            "s3://bucket/reports/2026/07/25/daily-report.parquet", "", "", us("2026-07-24 01:00")
        ),
    ]

    assert same_as_golden("flagged.100", form.flagged_list(Screen(100), found))


def test_in_a_notebook_values_are_text_and_never_html() -> None:
    review = lead_by(Suspect("param", 'note="<script>alert(1)</script>"', "clean"))

    shown = review._repr_html_()

    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "4,310" in shown


def test_the_word_that_nobody_can_prove_is_never_said() -> None:
    every = [twelve_flagged(), *(unsure(each) for each in ("chance", "rivals", "too-few"))]

    assert not any("cause" in form.text(each).lower() for each in every)
