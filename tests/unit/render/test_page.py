"""A backtrace as one HTML page, and as Markdown."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from golden.compare import same_as_golden
from golden.examples import awkward_names, five_runs, many_runs, with_gaps
from hypothesis import given, settings
from hypothesis import strategies as st

from backtrail.render import page as module
from backtrail.render.markdown import markdown
from backtrail.render.page import page

TRACES = {
    "five": five_runs,
    "gaps": with_gaps,
    "awkward": awkward_names,
    "folded": lambda: many_runs(ingests=60, features=20),
}
_VOID = {"meta"}


class Page(HTMLParser):
    """Elements with their attributes, and text; fails where tags are not nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, Any]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, name: str) -> list[str]:
        """The values of an attribute."""
        return [str(given[name]) for _, given in self.elements if name in given]


@pytest.mark.parametrize("name", TRACES)
def test_every_link_leads_to_a_place_of_the_page(name: str) -> None:
    read = Page(page(TRACES[name]()))

    links, ids = read.all("href"), read.all("id")

    assert links
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", TRACES)
def test_a_page_asks_nobody_and_runs_nothing(name: str) -> None:
    text = page(TRACES[name]())
    read = Page(text)

    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in read.elements}
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg\")|@import", text)
    assert not [key for _, given in read.elements for key in given if key.startswith("on")]
    assert "default-src 'none'" in read.all("content")[-1]


@settings(max_examples=50)
@given(st.text(max_size=40), st.text(max_size=40))
def test_values_from_pipelines_are_text(word: str, name: str) -> None:
    known = {tag for tag, _ in Page(page(five_runs())).elements}
    trace = five_runs()
    trace.frames[0].run.component = word
    trace.frames[0].run.params = {name: word}
    trace.frames[0].run.outputs[0].name = name
    trace.frames[1].run.error = word
    trace.frames[2].run.inputs[0].name = name
    trace.frames[1].warnings[0].text = word
    trace.output.name = name
    trace.output.value = word

    assert {tag for tag, _ in Page(page(trace)).elements} <= known


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    trace = five_runs()
    trace.frames[0].run.component = "<script>alert(1)</script>"
    trace.frames[0].run.params = {"q": '"><img src=x onerror=alert(1)>'}

    read = Page(page(trace))

    assert "script" not in {tag for tag, _ in read.elements}
    assert any("<script>alert(1)</script>" in word for word in read.words)


def test_a_page_tells_all_there_is_of_a_run() -> None:
    words = " ".join(Page(page(five_runs())).words)

    for fact in (
        "max_depth=8",
        "KeyError('amount_eur')",
        "seen in the morning check",
        "host",
        "gpu-07",
        "same content",
        "is 34 days older than the features",
    ):
        assert fact in words


def test_a_very_long_trace_is_listed_in_part_and_says_so(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MOST_LISTED", 10)

    read = Page(page(many_runs()))

    assert len([each for each in read.all("id") if each.startswith("frame-")]) == 10
    assert any("30 more runs" in word for word in read.words)


def test_a_graph_by_run_leads_to_no_run_that_is_not_listed(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "MOST_LISTED", 10)

    read = Page(page(many_runs(), by="run"))

    assert {link.removeprefix("#") for link in read.all("href")} <= set(read.all("id"))


# -- Markdown ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["five", "gaps", "awkward"])
def test_markdown_reads_as_its_golden_file(name: str) -> None:
    assert same_as_golden(f"{name}.md", markdown(TRACES[name]()))


def test_markdown_calls_nobody_and_links_to_no_issue() -> None:
    trace = five_runs()
    trace.frames[1].warnings[0].text = "ask @kim or #12 <img src=x> [a](b) | `c`"

    shown = markdown(trace)

    assert "ask `@kim` or `#12` \\<img src=x\\> \\[a\\](b) \\| \\`c\\`" in shown


def test_a_name_with_backticks_and_bars_stays_in_its_cell() -> None:
    trace = five_runs()
    trace.frames[0].run.component = "a``b|c"

    row = markdown(trace).splitlines()[6]

    assert row.startswith("| 0 | ``` a``b\\|c ``` | 2026-07-25")


def test_markdown_lists_sixty_runs_and_counts_the_rest() -> None:
    shown = markdown(many_runs(ingests=60, features=20))

    assert shown.count("\n| ") == 62
    assert "23 more runs not listed." in shown
