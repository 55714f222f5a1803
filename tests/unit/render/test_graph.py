"""Backtraces as graphs, and as a page in a notebook."""

from __future__ import annotations

import re

import pydot
import pytest
from golden.compare import same_as_golden
from golden.examples import awkward_names, five_runs, many_runs, with_gaps
from hypothesis import given, settings
from hypothesis import strategies as st

from backtrail.render import graph, html


def test_mermaid_reads_as_its_golden_file() -> None:
    assert same_as_golden("gaps.mermaid", graph.mermaid(with_gaps()))


def test_dot_reads_as_its_golden_file() -> None:
    assert same_as_golden("gaps.dot", graph.dot(with_gaps()))


def test_every_run_and_link_is_drawn() -> None:
    drawn = graph.mermaid(five_runs())

    assert [f"f{n}[" in drawn for n in range(5)] == [True] * 5
    assert 'f3 -->|"clean.parquet"| f2' in drawn


def test_over_sixty_runs_one_box_stands_for_a_component() -> None:
    trace = many_runs(ingests=60, features=20)

    folded, whole = graph.dot(trace), graph.dot(trace, by="run")

    assert folded.count("peripheries") == 4
    assert whole.count("shape=box") == 83


def test_names_cannot_break_out_of_a_graph() -> None:
    trace = five_runs()
    trace.frames[0].run.component = 'a"] --> b\n<script>'

    assert "a#34;#93; --#62; b#92;n#60;script#62;<br/>" in graph.mermaid(trace)
    assert "<script>" not in graph.mermaid(trace)
    assert '#0 a\\"] --> b\\\\n<script>' in graph.dot(trace)


def test_a_notebook_shows_values_as_text() -> None:
    trace = awkward_names()
    trace.frames[0].run.component = "<script>alert(1)</script>"

    page = html.backtrace(trace)

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page


def test_a_notebook_shows_runs_and_sentences() -> None:
    page = html.backtrace(with_gaps())

    assert page.count("<tr>") == 5
    assert "was not written by a recorded run" in page
    assert "Coverage 50%" in page


# pydot uses names of pyparsing that newer versions of it warn of.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@settings(max_examples=40)
@given(st.text(max_size=30), st.text(max_size=30))
def test_graphviz_reads_any_name(component: str, file: str) -> None:
    trace = five_runs()
    trace.frames[0].run.component = component
    trace.frames[3].run.inputs[0].name = file

    [read] = pydot.graph_from_dot_data(graph.dot(trace))

    assert [node.get_name() for node in read.get_nodes()] == ["node", *(f"f{n}" for n in range(5))]
    assert len(read.get_edges()) == 4


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_name_stays_inside_its_label_in_mermaid(component: str, file: str) -> None:
    trace = five_runs()
    trace.frames[0].run.component = component
    trace.frames[3].run.inputs[0].name = file

    lines = graph.mermaid(trace).splitlines()

    label = r'"[^"`<>&|\[\]{}]*(?:<br/>[^"`<>&|\[\]{}]*)*"'
    shapes = (rf"f\d\[{label}\](:::\w+)?", rf"f\d -->(\|{label}\|)? f\d", r"classDef \w+ \S+")
    for line in lines[1:]:
        assert any(re.fullmatch(shape, line.strip()) for shape in shapes), line


def test_mermaid_is_given_no_more_than_it_draws() -> None:
    drawn = graph.mermaid(many_runs(ingests=3_000, features=500), by="run")

    assert len(drawn) < 50_000
    assert drawn.count("-->") < 500
    assert "more runs" in drawn
