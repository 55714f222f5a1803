"""A backtrace as an SVG picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from contrast import contrast
from golden.compare import same_as_golden
from golden.examples import (
    ATrace,
    a_run,
    awkward_names,
    five_runs,
    many_runs,
    output,
    reads,
    with_gaps,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from backtrail.model.records import Frame
from backtrail.render.picture import MOST_BOXES
from backtrail.render.svg import svg

NS = "{http://www.w3.org/2000/svg}"
TRACES = {
    "five": five_runs,
    "gaps": with_gaps,
    "awkward": awkward_names,
    "folded": lambda: many_runs(ingests=60, features=20),
}


def boxes_of(drawn: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(drawn)
    return [each for each in root.iter(f"{NS}g") if each.get("role") == "img"]


def texts_of(element: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in element.iter(f"{NS}text")]


def chain(runs: int) -> ATrace:
    """A run that reads from the run before it, and so on."""
    frames = [
        Frame(
            n,
            a_run(
                "step",
                "2026-07-25 02:07",
                1,
                reads=(reads(f"/d/{n + 1}", n + 1),)
                if n + 1 < runs
                else (reads("/d/x", None, "gap"),),
                writes=(f"/d/{n}",),
            ),
            n,
        )
        for n in range(runs)
    ]
    return ATrace(output("pred_1"), frames)


@pytest.mark.parametrize("name", TRACES)
def test_a_picture_reads_as_its_golden_file(name: str) -> None:
    assert same_as_golden(f"{name}.svg", svg(TRACES[name]()))


def test_every_run_is_a_box_that_says_what_it_did() -> None:
    boxes = boxes_of(svg(five_runs()))

    assert texts_of(boxes[3]) == ["#3 clean", "2026-07-24 03:17", "x failed", "gave clean.parquet"]
    assert boxes[3].get("aria-label") == "#3 clean, 2026-07-24 03:17, x failed"
    assert len(boxes) == 5


def test_a_picture_has_a_title_and_a_description() -> None:
    root = ElementTree.fromstring(svg(with_gaps()))

    title, description = root.find(f"{NS}title"), root.find(f"{NS}desc")

    assert title is not None
    assert title.text == "Backtrace of pred_0c9912"
    assert description is not None
    assert "#1 clean, 2026-07-25 02:00, x killed" in (description.text or "")
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"


def test_a_line_says_what_was_given() -> None:
    root = ElementTree.fromstring(svg(with_gaps()))

    said = [each.findtext(f"{NS}title") for each in root.iter(f"{NS}path")]

    assert "#3 ingest gave #1 clean raw.csv" in said
    assert "#2 score was called by #0 predict" in said
    assert "us/rates.csv was read by #1 clean" in said


@settings(max_examples=50)
@given(st.text(max_size=40), st.text(max_size=40))
def test_any_name_gives_sound_xml_that_says_it(component: str, file: str) -> None:
    trace = five_runs()
    trace.frames[0].run.component = component
    trace.frames[3].run.outputs[0].name = file
    trace.frames[2].run.inputs[0].name = file
    trace.output.name = file

    root = ElementTree.fromstring(svg(trace))

    assert {each.tag.removeprefix(NS) for each in root.iter()} == set(
        "svg title desc style defs marker path rect text g".split()
    )


@pytest.mark.parametrize("name", TRACES)
def test_no_text_is_wider_than_its_box(name: str) -> None:
    for box in boxes_of(svg(TRACES[name]())):
        rect = list(box.iter(f"{NS}rect"))[-1]

        room = float(rect.get("width", "")) - 2 * 12

        assert all(len(text) * 7.25 <= room + 0.1 for text in texts_of(box) if text.isascii())


@pytest.mark.parametrize("name", TRACES)
def test_a_picture_names_no_outside_address_and_runs_nothing(name: str) -> None:
    drawn = svg(TRACES[name]()).replace('xmlns="http://www.w3.org/2000/svg"', "")

    assert not re.search(r"https?:|//[a-z]|<script|@import|\son\w+=", drawn)
    assert set(re.findall(r"url\(([^)]*)\)", drawn)) == {"#bt-arrow"}


def test_a_picture_has_both_schemes() -> None:
    assert "@media (prefers-color-scheme:dark)" in svg(five_runs())


def test_every_text_stands_out_in_both_schemes() -> None:
    schemes = [
        dict(re.findall(r"--(\w+):(#\w+)", part)) for part in svg(five_runs()).split("@media")
    ]

    for scheme in schemes[:2]:
        for ink in ("ink", "dim", "bad", "warn", "live", "unknown"):
            assert contrast(scheme[ink], scheme["box"]) >= 4.5
            assert contrast(scheme[ink], scheme["paper"]) >= 4.5
        for line in ("line", "edge"):
            assert contrast(scheme[line], scheme["paper"]) >= 3


def test_over_sixty_runs_a_box_is_a_component() -> None:
    boxes = boxes_of(svg(many_runs(ingests=60, features=20)))

    assert [texts_of(box)[:2] for box in boxes] == [
        ["predict", "1 run"],
        ["train", "2 runs"],
        ["features", "20 runs, 2 stale"],
        ["ingest", "60 runs"],
    ]


def test_a_component_that_fed_itself_has_a_loop() -> None:
    root = ElementTree.fromstring(svg(chain(80)))

    said = [each.findtext(f"{NS}title") or "" for each in root.iter(f"{NS}path")]

    assert any(text.startswith("step gave step") for text in said)


def test_a_picture_has_six_hundred_boxes_at_most_and_counts_the_rest() -> None:
    boxes = boxes_of(svg(chain(1_000), by="run"))

    assert MOST_BOXES - 10 < len(boxes) <= MOST_BOXES
    assert texts_of(boxes[-1]) == ["402 more runs, 1 more input", "not drawn", "gave 598"]


def test_many_files_that_the_same_run_read_are_one_box() -> None:
    trace = five_runs()
    trace.frames[4].run.inputs = [reads(f"/raw/{n}.csv", None, "source") for n in range(400)]

    boxes = boxes_of(svg(trace))

    assert len(boxes) == 6
    assert texts_of(boxes[5]) == ["400 inputs", "declared source"]


def test_boxes_lead_to_details_where_there_are_some() -> None:
    drawn = svg(five_runs(), links="#frame-")

    assert re.findall(r'href="([^"]+)"', drawn) == [f"#frame-{n}" for n in range(5)]
