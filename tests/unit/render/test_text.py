"""What a person reads of a backtrace, compared whole with the files in tests/golden."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from golden.compare import same_as_golden
from golden.examples import (
    NOW,
    ATrace,
    awkward_names,
    five_runs,
    many_runs,
    one_minute,
    with_gaps,
)
from msgspec.structs import replace

from backtrail.errors import NotFoundError
from backtrail.render import text
from backtrail.render.fold import require_stage
from backtrail.render.screen import cells

SCREENS: dict[str, dict[str, Any]] = {
    "100": {"width": 100},
    "80": {"width": 80},
    "colour": {"width": 100, "color": True},
    "ascii": {"width": 100, "ascii": True},
}
TRACES: dict[str, tuple[Callable[[], ATrace], dict[str, Any]]] = {
    "five": (five_runs, {}),
    "five-full": (five_runs, {"full": True}),
    "gaps": (with_gaps, {"now": NOW}),
    "gaps-full": (with_gaps, {"full": True}),
    "forty": (many_runs, {}),
    "forty-by-component": (many_runs, {"by": "component"}),
    "forty-by-stage": (many_runs, {"by": "stage"}),
    "forty-only-warn": (many_runs, {"only": "warn"}),
    "minute": (one_minute, {}),
    "minute-full": (one_minute, {"full": True, "limit": 2}),
    "minute-by-component": (one_minute, {"by": "component"}),
    "awkward": (awkward_names, {}),
    "awkward-full": (awkward_names, {"full": True}),
}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", TRACES)
def test_a_backtrace_reads_as_its_golden_file(name: str, screen: str) -> None:
    trace, options = TRACES[name]

    shown = text.backtrace(trace(), **SCREENS[screen], **options)

    assert same_as_golden(f"{name}.{screen}", shown)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
@pytest.mark.parametrize("name", [name for name in TRACES if "full" not in name])
def test_no_line_of_a_run_is_wider_than_the_screen(name: str, width: int) -> None:
    trace, options = TRACES[name]

    lines = text.backtrace(trace(), width=width, **options).splitlines()

    # The id in the first line and single words of sentences are never cut.
    assert [line for line in lines if line[:1] in "#?" and cells(line) > width] == []


@pytest.mark.parametrize("name", TRACES)
def test_no_name_from_a_pipeline_reaches_the_terminal_raw(name: str) -> None:
    trace, options = TRACES[name]

    shown = text.backtrace(trace(), **options)

    assert all(char == "\n" or char.isprintable() or char in "\u200d\ufe0f" for char in shown)


def test_ascii_means_ascii() -> None:
    shown = text.backtrace(awkward_names(), ascii=True, full=True)

    assert shown.isascii()


def test_wide_cuts_nothing() -> None:
    shown = text.backtrace(awkward_names(), wide=True)

    assert "a_very_long_file_name_" * 4 + "v2.parquet" in shown
    assert "a_component_with_a_rather_long_name_indeed" in shown
    assert "…" not in shown


def test_a_limit_shows_the_first_runs_and_says_how_many_are_hidden() -> None:
    shown = text.backtrace(five_runs(), limit=2)

    assert [line[:2] for line in shown.splitlines() if line.startswith("#")] == ["#0", "#1"]
    assert "(3 more runs: leave out -n to see all)" in shown
    assert "KeyError" not in shown


def test_a_negative_limit_shows_the_last_runs() -> None:
    shown = text.backtrace(five_runs(), limit=-2)

    assert [line[:2] for line in shown.splitlines() if line.startswith("#")] == ["#3", "#4"]


def test_over_sixty_runs_are_folded_by_component() -> None:
    trace = many_runs(ingests=60, features=20)

    shown = text.backtrace(trace)

    assert shown.count("\n#") == 4
    assert "#23-82" in shown
    assert "83 runs in 4 components, 2 stale" in shown
    assert "All runs: bt pred_c41e07 --by run" in shown


@pytest.mark.parametrize("options", [{"by": "run"}, {"full": True}, {"limit": 83}])
def test_every_run_is_shown_where_it_is_asked_for(options: dict[str, Any]) -> None:
    trace = many_runs(ingests=60, features=20)

    shown = text.backtrace(trace, **options)

    assert shown.count("\n#") == 83


def numbers_shown(shown: str) -> list[str]:
    return re.findall(r"^(#\S+)", shown, flags=re.MULTILINE)


@pytest.mark.parametrize("by", ["run", None])
def test_only_warn_shows_the_runs_that_deserve_a_look(by: str | None) -> None:
    shown = text.backtrace(five_runs(), only="warn", by=by)

    assert numbers_shown(shown) == ["#1", "#3"]
    assert "(3 more runs: leave out --only to see all)" in shown


def test_a_stage_or_a_component_is_shown_alone() -> None:
    trace = five_runs()
    for frame in trace.frames[2:]:
        frame.run.kind = "etl"

    shown = [numbers_shown(text.backtrace(trace, stage=name)) for name in ("etl", "train")]

    assert shown == [["#2", "#3", "#4"], ["#1"]]


def test_one_stage_of_many_runs_is_not_folded() -> None:
    shown = text.backtrace(many_runs(ingests=90), stage="ingest", limit=None)

    assert len(numbers_shown(shown)) == 90
    assert "(17 more runs: leave out --stage to see all)" in shown


def test_runs_are_folded_by_kind_where_their_component_has_one() -> None:
    trace = five_runs()
    for frame in trace.frames[2:]:
        frame.run.kind = "etl"

    shown = text.backtrace(trace, by="stage")

    assert numbers_shown(shown) == ["#0", "#1", "#2-4"]
    assert "5 runs in 3 stages, 1 failed, 1 stale" in shown
    assert "Open one: bt pred_8f3a21 --stage etl" in shown


def test_a_stage_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(NotFoundError, match="There are: predict, train, featurize") as raised:
        require_stage(five_runs().frames, "tain")

    assert raised.value.closest == ["train"]


def test_the_output_in_question_is_listed_before_the_rest_of_its_batch() -> None:
    trace = five_runs()
    wanted = trace.frames[0].run.outputs[0]
    others = [replace(wanted, name=f"pred_other_{place}") for place in range(500)]
    trace.frames[0].run.outputs = [*others, wanted]
    trace.frames[0].run.outputs_total = 501

    shown = text.backtrace(trace, full=True, limit=1)

    assert "out     pred_8f3a21\n            pred_other_0\n" in shown
    assert "and 491 more outputs" in shown


def test_equal_warnings_are_said_once_for_all_their_runs() -> None:
    shown = text.backtrace(many_runs())

    assert shown.count("was ingested again afterwards") == 1
    assert "! #9 features, #11 features  read a day" in shown
