"""An impact as an SVG picture."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from golden.compare import same_as_golden
from golden.examples import a_run
from golden.impacts import CLEAN, FEATURIZE, PREDICT, AnImpact, group, of_a_run, of_a_version
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from backtrail.model.impact import ImpactGroup, ImpactLink, ImpactOrigin
from backtrail.model.records import Output
from backtrail.render.impact_graph import MOST_DRAWN, notes, svg

NS = "{http://www.w3.org/2000/svg}"


def boxes_of(drawn: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(drawn)
    return [each for each in root.iter(f"{NS}g") if each.get("role") == "img"]


def texts_of(element: ElementTree.Element) -> list[str]:
    return [each.text or "" for each in element.iter(f"{NS}text")]


def of_few() -> AnImpact:
    found = of_a_run()
    made = [Output(f"pred-{n}", "output", None, 0, None, n == 1) for n in range(2)]
    predict = a_run("predict", "2026-07-25 02:00", 15, outputs=made, outputs_total=2)
    return AnImpact(
        found.origin,
        [],
        [CLEAN],
        [FEATURIZE, predict, PREDICT[2]],
        linked=[
            ImpactLink(0, 1, ["/data/clean.parquet"]),
            ImpactLink(1, 2, ["/data/features.parquet"]),
            ImpactLink(0, 2, ["/data/<clean>.parquet"]),
            ImpactLink(2, 3, called=True),
        ],
    )


def of_many() -> AnImpact:
    found = of_a_run()
    found.groups[2].runs = 412
    found.groups[2].failed = 3
    runs = [FEATURIZE] * 412
    links = [
        ImpactLink(0, 1, ["/data/clean.parquet"]),
        ImpactLink(1, 2, ["/data/features.parquet"]),
        ImpactLink(2, 2, ["/data/state"]),
        ImpactLink(2, 3, called=True),
    ]
    return AnImpact(found.origin, found.groups, [CLEAN], runs, linked=links)


def of_an_artifact() -> AnImpact:
    found = of_a_version()
    found.origin.name = "/data/raw.csv"
    links = [ImpactLink(-1, 0, ["/data/raw.csv"])]
    return AnImpact(found.origin, found.groups, runs=found.runs, linked=links)


def of_a_long_chain() -> AnImpact:
    groups: list[ImpactGroup] = [group(depth, "retrain", [FEATURIZE]) for depth in range(1_000)]
    links = [ImpactLink(n, n + 1, [f"/d/{n}"]) for n in range(999)]
    origin = ImpactOrigin("run", CLEAN.run_id)
    return AnImpact(origin, groups, [CLEAN], [FEATURIZE] * 999, linked=links)


EXAMPLES = {"few": of_few, "many": of_many, "artifact": of_an_artifact}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_picture_reads_as_its_golden_file(name: str) -> None:
    assert same_as_golden(f"impact-{name}.svg", svg(EXAMPLES[name]()))


def test_few_runs_are_a_box_each_and_more_a_box_for_each_line_of_the_table() -> None:
    few, many = boxes_of(svg(of_few())), boxes_of(svg(of_many()))

    assert texts_of(few[2]) == [
        *("+2 predict", "2026-07-25 02:00", "2 outputs, 1 flagged", "ok", "called"),
    ]
    assert texts_of(few[0])[:4] == ["+0 clean", "asked about", "2026-07-24 03:17", "x failed"]
    assert texts_of(many[2]) == [
        *("+2 predict", "412 runs, 3 failed", "412 outputs, 12 flagged", "gave state"),
    ]
    assert texts_of(many[0])[:3] == ["+0 clean", "asked about", "2026-07-24 03:17, failed"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_was_asked_about_stands_at_the_left(name: str) -> None:
    boxes = boxes_of(svg(EXAMPLES[name]()))

    places = [float(box.find(f"{NS}rect").get("x")) for box in boxes]  # type: ignore[union-attr, arg-type]

    assert "asked about" in texts_of(boxes[0])
    assert places[0] == 0 < min(places[1:])


def test_a_line_says_what_was_given() -> None:
    root = ElementTree.fromstring(svg(of_few()))

    said = [each.findtext(f"{NS}title") for each in root.iter(f"{NS}path")]

    assert "+0 clean gave +1 featurize clean.parquet" in said
    assert "+2 predict was called by +2 predict" in said


def test_boxes_lead_to_runs_and_components_on_a_page_and_nowhere_in_a_file() -> None:
    def address(kind: str, name: str) -> str:
        return f"/{kind}/{name}"

    few, many = svg(of_few(), address), svg(of_many(), address)

    assert re.findall(r'href="([^"]+)"', few)[0] == f"/run/{CLEAN.run_id}"
    assert re.findall(r'href="([^"]+)"', many)[1:3] == [
        f"/run/{FEATURIZE.run_id}",
        "/component/predict",
    ]
    assert "<a " not in svg(of_few())


@settings(max_examples=50)
@given(st.text(max_size=300), st.text(max_size=40))
def test_any_name_gives_sound_xml_and_makes_the_picture_no_wider(name: str, component: str) -> None:
    found = of_an_artifact()
    found.origin.name = name
    found.linked[0].read = [name]
    found.runs = [structs.replace(FEATURIZE, component=component)]

    root = ElementTree.fromstring(svg(found))

    assert float(root.get("width", "")) < 1_000


def test_a_page_has_the_colours_itself() -> None:
    on_page = svg(of_few(), lambda *_: "")

    assert "--paper:" not in on_page
    assert ".bt-svg .bt-box{" in on_page
    assert "--paper:" in svg(of_few())


def test_a_picture_is_bounded_and_says_what_is_not_drawn() -> None:
    found = of_a_long_chain()

    assert len(boxes_of(svg(found))) == MOST_DRAWN
    assert notes(found) == ["The 200 nearest boxes are drawn. 800 more are only in the table."]
    assert "800 more" in svg(found)
    assert notes(of_few()) == []
    assert notes(of_many()) == [
        "The arrows to a box with many runs are those of its first 20 runs."
    ]
