"""Lists and single runs, compared whole with the files in tests/golden."""

from __future__ import annotations

import pytest
from golden.compare import same_as_golden
from golden.examples import NOW, awkward_names, five_runs, us, with_gaps

from backtrail.model.records import ComponentRecord, Match, Run
from backtrail.render import detail, listing
from backtrail.render.screen import Screen, cells

SCREENS = {
    "100": Screen(100),
    "80": Screen(80),
    "colour": Screen(100, color=True),
    "ascii": Screen(100, ascii=True),
}


def runs() -> list[Run]:
    return [frame.run for trace in (with_gaps(), five_runs()) for frame in trace.frames]


def components() -> list[ComponentRecord]:
    return [
        ComponentRecord(
            "serve",
            "serving",
            "answers\nrequests",
            "@kim",
            ["prod", "eu"],
            3600.0,
            {"port": 80},
            ["train"],
            [],
            us("2026-07-25 02:07"),
        ),
        ComponentRecord("特徴量", None, None, None, [], None, {}, [], []),
    ]


def matches() -> list[Match]:
    return [
        Match("output", "pred_8f3a21", "predict", "019f", us("2026-07-25 02:07")),
        Match("component", "\x1b[31mpredict", None, None, None),
    ]


@pytest.mark.parametrize("screen", SCREENS)
def test_runs_read_as_their_golden_file(screen: str) -> None:
    assert same_as_golden(f"runs.{screen}", listing.runs(SCREENS[screen], runs(), now=NOW))


@pytest.mark.parametrize("screen", SCREENS)
def test_a_run_reads_as_its_golden_file(screen: str) -> None:
    shown = "\n\n".join(detail.run(SCREENS[screen], run) for run in runs()[3:8])

    assert same_as_golden(f"show.{screen}", shown)


@pytest.mark.parametrize("screen", SCREENS)
def test_components_and_matches_read_as_their_golden_file(screen: str) -> None:
    screen_ = SCREENS[screen]
    shown = listing.components(screen_, components()) + "\n\n" + listing.matches(screen_, matches())

    assert same_as_golden(f"lists.{screen}", shown)


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_no_listed_run_is_wider_than_the_screen(width: int) -> None:
    found = [frame.run for frame in awkward_names().frames] + runs()

    lines = listing.runs(Screen(width), found).splitlines()

    assert [line for line in lines if cells(line) > width] == []


def test_ids_are_as_long_as_it_takes_to_tell_them_apart() -> None:
    same_start = "019f9706-99a0-7000-8000-00000000000"

    assert listing.short_ids([same_start + "1"]) == ["019f9706-99a0-7000"]
    assert listing.short_ids([same_start + "1", same_start + "2"]) == [
        same_start + "1",
        same_start + "2",
    ]
    assert listing.short_ids(["manual__2026-07-25T02:07:00+00:00"]) == [
        "manual__2026-07-25T02:07:00+00:00"
    ]
