"""An explanation in plain words, compared whole with the files in tests/golden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from golden.compare import same_as_golden
from golden.examples import ATrace, five_runs, us, with_gaps

from backtrail.model.explanation import Mark, Peer, Sentence
from backtrail.model.records import ComponentRecord
from backtrail.render import explanation
from backtrail.render.explanation import Facts
from backtrail.render.screen import Screen, cells

from .test_staleness import AVerdict, fresh, stale, unknown

SCREENS = {"100": Screen(100), "80": Screen(80), "ascii": Screen(100, ascii=True)}


@dataclass
class Told:
    output: str
    sentences: list[Sentence]


def peers(*values: float) -> list[Peer]:
    return [Peer(f"pred-{n}", value, f"run-{n}") for n, value in enumerate(values)]


def component(description: str | None) -> ComponentRecord:
    return ComponentRecord("predict", "serving", description, "@risk", [], None, {}, [], [])


def of_kind(trace: ATrace, kind: str | None, owner: str | None) -> ATrace:
    trace.frames[0].run.kind, trace.frames[0].run.owner = kind, owner
    return trace


def five() -> Facts:
    trace = of_kind(five_runs(), "serving", "@risk")
    trace.frames[1].run.kind = "training"
    values = [0.05 + n * 0.47 / 29 for n in range(29)] + [0.52]
    return Facts(trace, stale(), peers(*values), component("Refund risk of an order"), None)


def gaps() -> Facts:
    mark = Mark("twice the usual", "kim", us("2026-07-25 08:00"))
    return Facts(of_kind(with_gaps(), None, None), unknown(), peers(0.3), component(None), mark)


def fine() -> Facts:
    trace = of_kind(five_runs(), "serving", "@risk")
    trace.output.value = None
    for frame in trace.frames:
        frame.warnings = []
        frame.run.status = "completed"
        frame.run.notes = []
    return Facts(trace, fresh(), [], None, None)


def told(facts: Facts) -> Told:
    return Told(facts.trace.output.name, explanation.sentences(facts))


EXPLAINED: dict[str, Callable[[], Facts]] = {"five": five, "gaps": gaps, "fine": fine}
JARGON = ("run ", "runs ", "frame", "artifact", "producer", "stale", "upstream", "digest", "blake3")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", EXPLAINED)
def test_an_explanation_reads_as_its_golden_file(name: str, screen: str) -> None:
    shown = explanation.text(told(EXPLAINED[name]()), SCREENS[screen])

    assert same_as_golden(f"explain-{name}.{screen}", shown)


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("name", EXPLAINED)
def test_no_line_of_prose_is_wider_than_the_screen(name: str, width: int) -> None:
    lines = explanation.text(told(EXPLAINED[name]()), Screen(width)).splitlines()

    assert max(cells(line) for line in lines) <= width


@pytest.mark.parametrize("name", EXPLAINED)
def test_no_sentence_needs_to_know_our_words(name: str) -> None:
    for sentence in told(EXPLAINED[name]()).sentences:
        # "run train again" is what anybody would say.
        plain = sentence.text.replace("run ingest", "").lower()

        assert not [word for word in JARGON if word in plain], sentence.text


@pytest.mark.parametrize("name", EXPLAINED)
def test_every_sentence_names_the_runs_it_rests_on(name: str) -> None:
    facts = EXPLAINED[name]()
    known = {frame.run.run_id for frame in facts.trace.frames}

    for sentence in told(facts).sentences:
        assert sentence.run_ids, sentence.text
        if sentence.topic in ("made", "used", "warning", "fine", "said", "behind"):
            assert set(sentence.run_ids) <= known
        elif sentence.topic == "compared":
            assert sentence.run_ids == [peer.run_id for peer in facts.peers]


def test_the_gravest_warning_comes_first() -> None:
    warnings = [each.text for each in told(five()).sentences if each.topic == "warning"]

    assert "stopped with an error" in warnings[0]
    assert "34 days older" in warnings[1]
    assert "not committed" in warnings[2]


@pytest.mark.parametrize(
    ("values", "value", "text"),
    [
        ([], 0.8, "There is no earlier prediction of this kind to compare it with."),
        (
            [0.3],
            0.8,
            "The one other prediction of this kind until then was 0.3. This one is higher.",
        ),
        (
            [5, 5],
            5,
            "The 2 other predictions of this kind until then were all 5.",
        ),
        (
            [0.05, 0.52],
            0.01,
            (
                "The 2 other predictions of this kind until then lay between 0.05 and 0.52."
                " This one is lower than all of them."
            ),
        ),
        (
            [0.05] * 29 + [0.52],
            0.3,
            "The last 30 predictions of this kind lay between 0.05 and 0.52.",
        ),
    ],
)
def test_a_number_is_held_against_the_last_of_its_kind(
    values: list[float], value: float, text: str
) -> None:
    trace = of_kind(five_runs(), "serving", "@risk")
    trace.output.value = value

    said = told(Facts(trace, AVerdict("fresh"), peers(*values), None, None)).sentences

    assert text in [each.text for each in said]


def test_a_value_that_is_no_number_is_not_compared() -> None:
    trace = five_runs()
    trace.output.value = "approved"

    said = told(Facts(trace, AVerdict("fresh"), [], None, None)).sentences

    assert not [each for each in said if "of this kind" in each.text]


def test_a_notebook_shows_text_not_html_of_the_user() -> None:
    trace = five_runs()
    trace.output.value = "<b>"

    shown = explanation.html(told(Facts(trace, AVerdict("fresh"), [], None, None)))

    assert "&lt;b&gt;" in shown
    assert "<b></b>" not in shown
