"""The page in a real Chromium: found, read, followed, flagged; by keyboard; without barriers."""

from __future__ import annotations

import csv
import hashlib
import http.client
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from served import Served, serving

from backtrail import Client, Pointer

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
# A loaded machine takes its time; nothing here measures it.
expect.set_options(timeout=20_000)
START = datetime(2026, 7, 1, tzinfo=timezone.utc)
COMPONENTS = (
    "ingest clean join features select train tune evaluate publish merge split rank".split()
)
# Of elements: what is shown of ten thousand runs is no more than this.
MOST_NODES = 2_500


def plant(client: Client, name: str, runs: int) -> None:
    """Record a pipeline of so many runs behind one prediction; one of them failed."""
    for n in range(runs):
        inputs = [f"{name}/v{n - back}" for back in (1, 7, 40) if n >= back]
        at = START + timedelta(minutes=10 * n)
        failed = n == runs // 2
        client.record_run(
            COMPONENTS[n % len(COMPONENTS)],
            run_id=f"{name}-run-{n}",
            started_at=at,
            ended_at=at + timedelta(minutes=1 + n % 9),
            inputs=inputs or ["outside.csv"],
            outputs=[f"{name}/v{n}"],
            status="failed" if failed else "completed",
            error="ValueError: the planted fault" if failed else None,
            params={"n": n},
        )
    at = START + timedelta(minutes=10 * runs)
    client.record_run(
        "predict",
        run_id=f"{name}-last",
        started_at=at,
        ended_at=at,
        inputs=[f"{name}/v{runs - 1}"],
        outputs=[Pointer(f"pred-{name}", kind="output")],
    )


def plant_pair(client: Client) -> None:
    """Record what made a right output and a wrong one, which have one step in common."""

    def put(hour: int, component: str, inputs: list[str], output: str, **params: float) -> None:
        at = START + timedelta(hours=hour)
        kind = "output" if output.startswith("pred") else "data"
        client.record_run(
            component, run_id=f"pair-{output}", started_at=at, ended_at=at, params=params,
            inputs=inputs, outputs=[Pointer(output, kind=kind)],
        )  # fmt: skip

    put(0, "load", [], "pair-raw")
    for hour, name, extra, keep in ((1, "right", "audit", 0.9), (5, "wrong", "enrich", 0.5)):
        put(hour, "clean", ["pair-raw"], f"{name}-clean", keep=keep)
        put(hour + 1, extra, [], f"{name}-{extra}")
        put(hour + 2, "train", [f"{name}-clean", f"{name}-{extra}"], f"{name}-model")
        put(hour + 3, "predict", [f"{name}-model"], f"pred-{name}")


def plant_fan(client: Client) -> None:
    """Record steps that are built on one, three levels of them; some used an older model."""

    def put(minute: int, component: str, name: str, reads: list[Any], writes: Any) -> None:
        at = START + timedelta(minutes=minute)
        failed = name in ("clean", "serve-3")
        client.record_run(
            component, run_id=f"fan-{name}", started_at=at, ended_at=at + timedelta(seconds=9),
            inputs=reads, outputs=writes, status="failed" if failed else "completed",
        )  # fmt: skip

    models = [Pointer("fan/model", version=version) for version in ("v1", "v2")]
    put(0, "clean", "clean", [], ["fan/table", "fan/rejects"])
    put(1, "audit", "audit", ["fan/rejects"], [])
    put(2, "train", "train", ["fan/table"], models[:1])
    put(3, "train", "train-again", ["fan/table"], models[1:])
    for n in range(5):
        output = Pointer(f"fan-pred-{n}", kind="output")
        put(10 + n, "serve", f"serve-{n}", ["fan/table", models[n % 2]], [output])
    put(30, "report", "report", [f"fan-pred-{n}" for n in range(5)], ["fan/report"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("page")
    with serving(f"sqlite:///{folder}/bt.db", folder) as found:
        for name, runs in (("small", 11), ("middle", 200), ("large", 10_000), ("named", 3)):
            plant(found.client, name, runs)
        plant(found.client, "<b>odd</b>", 3)
        plant_pair(found.client)
        plant_fan(found.client)
        assert found.client.flush(60) == 0
        found.client.flag("pred-middle", "far too low", by="ann")
        found.client.flush()
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not os.access(CHROMIUM, os.X_OK):
        if os.environ.get("CI") == "true":
            raise LookupError(f"{CHROMIUM} is not there; scripts/setup --servers installs it")
        pytest.skip("Chromium is not there: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    """A page that fails the test where a script fails, or asks for anything elsewhere."""
    context = browser.new_context(base_url=served.url, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: is_elsewhere(asked.url, served) and wrong.append(asked.url))
    yield page
    context.close()
    assert wrong == []


def is_elsewhere(url: str, served: Served) -> bool:
    return not url.startswith((served.url, "blob:", "data:"))


def nodes(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))


# -- the main way ------------------------------------------------------------------------


def test_a_person_finds_reads_follows_and_flags(page: Page, served: Served) -> None:
    page.goto("/")
    page.get_by_role("combobox", name="Output id").press_sequentially("d-sma")
    page.get_by_role("option", name="pred-small").click()

    expect(page).to_have_url(re.compile("/o/pred-small$"))
    expect(page.get_by_role("region", name="In words")).to_contain_text("stopped with an error")
    page.get_by_role("checkbox", name="only warnings").check()
    page.get_by_role("option", name=re.compile("#6 .*failed")).click()
    details = page.get_by_role("region", name="Details of the chosen step")
    expect(details).to_contain_text("ValueError: the planted fault")
    expect(page).to_have_url(re.compile("step=6"))
    # From there on along what it was made from.
    details.get_by_role("link", name="#7").first.click()
    expect(details.get_by_role("heading", level=3)).to_contain_text("#7")

    page.get_by_role("link", name="Flag this output").click()
    page.get_by_label("What is wrong?").fill("it says -3")
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Flag").click()
    page.get_by_role("link", name="Assign or close it").click()
    page.get_by_label("Who looks into it?").fill("ben")
    page.get_by_role("form", name="Assign").get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_text("ben looks into it.")).to_be_visible()
    page.get_by_role("link", name="Review").click()
    expect(page.get_by_role("listitem").filter(has_text="it says -3 (ben")).to_be_visible()
    assert "pred-small" in {each.name for each in served.client.flagged()}

    page.get_by_role("link", name="pred-small").click()
    page.get_by_role("link", name="Close it").click()
    page.get_by_label("What became of it?").select_option("fixed")
    page.get_by_label("Why?").fill("made anew")
    page.get_by_role("form", name="Close").get_by_label("Your name").fill("ben")
    page.get_by_role("button", name="Close it").click()
    expect(page.get_by_text("fixed: it is made anew")).to_be_visible()
    assert "pred-small" not in {each.name for each in served.client.flagged()}


def test_a_flagged_output_is_found_by_what_is_wrong_with_it(page: Page) -> None:
    page.goto("/")
    page.get_by_role("combobox", name="Output id").press_sequentially("too low")
    page.get_by_role("option", name=re.compile("pred-middle .*flagged: far too low")).click()
    expect(page).to_have_url(re.compile("/o/pred-middle$"))


def test_what_was_just_said_can_be_undone_for_ten_seconds(page: Page, served: Served) -> None:
    page.clock.install()
    page.goto("/flag/pred-large")
    page.get_by_label("What is wrong?").fill("too high")
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Flag").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("withdrawn: the flag was a mistake")).to_be_visible()
    assert [mark.state for mark in served.client.marks("pred-large")] == ["withdrawn", "open"]

    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("as wrong. Assign or close it")).to_be_visible()
    assert served.client.marks("pred-large")[0].note == "too high"

    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    page.clock.fast_forward(10_000)
    expect(undo).to_be_hidden()
    served.client.unflag("pred-large", by="ann")


def test_flags_that_a_suspect_is_behind_are_closed_together_and_that_is_undone(
    page: Page, served: Served
) -> None:
    page.goto("/review")
    page.get_by_text(re.compile("^1. .*: behind 1 flagged output$")).click()
    close = page.get_by_role("form", name="Close").first
    close.get_by_label("Your name").fill("ann")
    close.get_by_role("button", name="Close it").click()
    expect(page.get_by_text("Closed 1 flag.")).to_be_visible()
    assert served.client.flagged() == []

    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Assign or close all, 1 flag")).to_be_visible()
    assert [each.note for each in served.client.flagged()] == ["far too low"]


def test_the_words_lead_to_the_steps_that_they_are_about(page: Page) -> None:
    page.goto("/o/pred-small")
    said = page.get_by_role("region", name="In words").get_by_role("paragraph")
    said.filter(has_text="stopped with an error").get_by_role("link").first.click()
    expect(page).to_have_url(re.compile("step=6"))
    expect(page.get_by_role("region", name="Details of the chosen step")).to_contain_text("#6")


def test_the_whole_way_goes_by_keyboard_alone(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("pred-sm")
    expect(page.get_by_role("option", name="pred-small")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/o/pred-small$"))

    graph = page.get_by_role("group", name=re.compile("^Graph"))
    expect(graph.get_by_role("button", name=re.compile("^#0 predict"))).to_be_attached()
    page.keyboard.press("n")  # the step that failed
    expect(page).to_have_url(re.compile("step=6"))
    graph.get_by_role("button", name=re.compile("^#6 ")).focus()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("step=7"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Details of the chosen step")).to_be_focused()
    for key, view in (("t", "Timeline"), ("b", "Table"), ("g", "Graph")):
        page.keyboard.press(key)
        pressed = page.get_by_role("button", name=view, exact=True)
        expect(pressed).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Output id")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("main").click(position={"x": 2, "y": 2})
    page.keyboard.press("f")
    expect(page).to_have_url(re.compile("/flag/pred-small$"))


def test_one_stop_of_the_tab_key_is_enough_for_graph_and_list(page: Page) -> None:
    page.goto("/o/pred-middle")
    graph = page.get_by_role("group", name=re.compile("^Graph"))
    expect(graph.locator("[tabindex='0']")).to_have_count(1)
    expect(page.get_by_role("listbox", name="Steps")).to_have_attribute("tabindex", "0")


# -- what the address says -------------------------------------------------------------


def test_a_link_leads_to_the_same_view(page: Page) -> None:
    page.goto("/o/pred-middle?view=table&step=5&q=train&warned=0")
    expect(page.get_by_role("searchbox", name="Filter steps")).to_have_value("train")
    rows = page.get_by_role("table", name="Steps").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("train")
    page.get_by_role("button", name="Clear filter").click()
    expect(rows.filter(has_text=re.compile(r"^#5\D"))).to_have_count(1)
    page.get_by_role("button", name="Timeline").click()
    expect(page.get_by_role("img", name=re.compile("201 steps"))).to_be_visible()
    page.go_back()
    expect(page.get_by_role("table", name="Steps")).to_be_visible()


def test_a_group_is_opened_in_its_place(page: Page) -> None:
    page.goto("/o/pred-middle")
    graph = page.get_by_role("group", name=re.compile("^Graph"))
    group = graph.get_by_role("button", name=re.compile("^evaluate"))
    expect(group).to_have_attribute("aria-expanded", "false")
    before = graph.get_by_role("button").count()
    group.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("open=evaluate"))
    expect(page.get_by_role("option", name=re.compile(r"#\d+ evaluate")).first).to_be_visible()
    expect(graph.get_by_role("button", name=re.compile("^evaluate"))).to_have_count(0)
    page.get_by_role("button", name="Fit all").click()
    assert graph.get_by_role("button").count() >= before


def test_a_table_is_sorted_and_saved(page: Page, tmp_path: Path) -> None:
    page.goto("/o/pred-small?view=table")
    page.get_by_role("columnheader", name="Component").get_by_role("button").click()
    first = page.get_by_role("table", name="Steps").get_by_role("row").nth(1)
    expect(first).to_contain_text("clean")
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    saved.value.save_as(tmp_path / "steps.csv")
    lines = (tmp_path / "steps.csv").read_text("utf-8").splitlines()
    assert (len(lines), lines[1].split(",")[1]) == (13, '"predict"')


def test_a_picture_is_saved(page: Page, tmp_path: Path) -> None:
    page.goto("/o/pred-small")
    with page.expect_download() as saved:
        page.get_by_role("button", name="PNG").click()
    saved.value.save_as(tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_minimap_moves_the_view(page: Page) -> None:
    page.goto("/o/pred-middle?by=run")
    graph = page.get_by_role("group", name=re.compile("^Graph"))
    box = graph.get_by_role("button", name=re.compile("^#0 predict"))
    expect(box).to_be_visible()
    minimap = page.locator(".minimap")
    frame = minimap.locator("rect")
    # A picture for the mouse, of few elements: the keys do the same, and read better.
    expect(minimap).to_have_attribute("aria-hidden", "true")
    assert minimap.locator("*").count() <= 6
    assert minimap.locator("[tabindex]").count() == 0
    minimap.scroll_into_view_if_needed()
    place = minimap.bounding_box()
    assert place is not None
    at_the_output = frame.bounding_box()

    minimap.click(position={"x": place["width"] / 2, "y": place["height"] / 2})
    expect(box).to_have_count(0)
    expect(graph.get_by_role("button", name=re.compile("^#1[01]. "))).not_to_have_count(0)
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] + 50, place["y"] + 5, steps=4)
    expect(box).to_be_visible()
    page.mouse.up()
    page.mouse.move(place["x"] + 5, place["y"] + 5)
    expect(box).to_be_visible()
    now = frame.bounding_box()
    assert at_the_output is not None
    assert now is not None
    assert abs(now["x"] - at_the_output["x"]) < 8

    page.get_by_role("button", name="Fit all").click()
    expect(minimap).to_have_count(0)


def test_a_small_pane_has_no_minimap(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/o/pred-middle?by=run")
    page.get_by_role("button", name="Graph").first.click()
    expect(page.get_by_role("button", name=re.compile("^#0 predict"))).to_be_visible()
    expect(page.locator(".minimap")).to_have_count(0)
    page.set_viewport_size({"width": 800, "height": 800})
    expect(page.locator(".minimap")).to_be_visible()


# -- beside another output ---------------------------------------------------------------


def test_each_step_says_how_it_compares(page: Page) -> None:
    page.goto("/o/pred-wrong?with=pred-right")
    bar = page.get_by_role("region", name="Comparison")
    expect(bar.get_by_role("status")).to_have_text(
        "Compared with pred-right: 3 changed, 1 only here, 1 only there"
    )
    only_there = bar.get_by_role("listitem")
    expect(only_there).to_have_text(re.compile(r"#\d audit, .*ok"))
    graph = page.get_by_role("group", name=re.compile("^Graph"))
    steps = page.get_by_role("listbox", name="Steps")
    for component, said in (
        ("predict", "≠ changed"),
        ("clean", "≠ changed"),
        ("enrich", "+ only here"),
        ("load", "= same"),
    ):
        name = re.compile(rf"^#\d {component}\b.*{re.escape(said)}")
        expect(graph.get_by_role("button", name=name)).to_have_count(1)
        expect(steps.get_by_role("option", name=name)).to_have_count(1)

    steps.get_by_role("option", name=re.compile("clean")).click()
    details = page.get_by_role("region", name="Details of the chosen step")
    expect(details).to_contain_text(re.compile(r"≠ changed compared with #\d of pred-right"))
    expect(details).to_contain_text("the first that differs by itself")
    expect(details.get_by_role("listitem").filter(has_text="0.9 -> 0.5")).to_have_count(1)
    page.get_by_role("searchbox", name="Filter steps").fill("only here")
    expect(steps.get_by_role("option")).to_have_count(1)
    page.get_by_role("button", name="Clear filter").click()

    page.get_by_role("button", name="Table").click()
    table = page.get_by_role("table", name="Steps")
    table.get_by_role("button", name="Compared").click()
    expect(table.get_by_role("row").nth(1)).to_contain_text("+ only here")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = list(csv.reader(Path(download.value.path()).read_text("utf-8").splitlines()))
    assert (lines[0][2], lines[1][2]) == ("Compared", "≠ changed")
    page.get_by_role("button", name="Timeline").click()
    expect(page.get_by_role("img", name=re.compile("5 steps|4 steps"))).to_be_visible()
    page.get_by_role("button", name="Graph").click()

    bar.get_by_role("button", name="Stop comparing").click()
    expect(page).to_have_url(re.compile(r"/o/pred-wrong\?step=\d$"))
    expect(page.get_by_role("button", name="Compare…")).to_be_focused()
    expect(bar).to_have_count(0)
    expect(graph.get_by_role("button", name=re.compile("changed"))).to_have_count(0)
    expect(details).not_to_contain_text("changed")
    page.go_back()
    expect(bar).to_be_visible()
    bar.get_by_role("link", name="side by side").click()
    expect(page).to_have_url(re.compile(r"/diff/pred-right\.\.pred-wrong$"))


def test_a_group_says_how_many_of_its_steps_changed(page: Page) -> None:
    page.goto("/o/pred-middle?with=pred-small")
    graph = page.get_by_role("group", name=re.compile("^Graph"))
    name = re.compile("^evaluate, 17 runs.*≠ 1 changed, [+] 16 only here")
    expect(graph.get_by_role("button", name=name)).to_be_attached()
    option = page.get_by_role("option", name=re.compile("^▸ evaluate.*≠ 1 changed"))
    expect(option).to_be_visible()
    option.click()
    expect(page).to_have_url(re.compile("open=evaluate.*with=pred-small"))
    inner = page.get_by_role("option", name=re.compile(r"#\d+ evaluate.*[+] only here"))
    expect(inner.first).to_be_visible()


def test_another_output_is_chosen_by_keyboard(page: Page) -> None:
    page.goto("/o/pred-wrong?step=1")
    details = page.get_by_role("region", name="Details of the chosen step")
    expect(details).to_contain_text("train")
    opener = page.get_by_role("button", name="Compare…")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Compare pred-wrong")
    expect(dialog.get_by_role("textbox", name=re.compile("^With which output"))).to_be_focused()
    page.keyboard.press("Enter")  # nothing is named yet
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    # It closed the dialog and nothing more.
    expect(page).to_have_url(re.compile("step=1"))

    page.keyboard.press("d")
    page.keyboard.type("pred-right")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"step=1&with=pred-right$"))
    expect(details).to_contain_text("compared with #1 of pred-right")
    page.keyboard.press("d")
    expect(dialog.get_by_role("textbox")).to_have_value("pred-right")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(dialog.get_by_role("button", name="Side by side")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/diff/pred-right\.\.pred-wrong$"))


def test_an_unknown_output_to_compare_with_is_said(page: Page) -> None:
    page.goto("/o/pred-wrong?with=pred-rigth")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("pred-rigth")
    graph = page.get_by_role("group", name=re.compile("^Graph"))
    expect(graph.get_by_role("button", name=re.compile("^#0 predict"))).to_be_attached()
    alert.get_by_role("button", name="Stop comparing").click()
    expect(alert).to_have_count(0)
    expect(page).to_have_url(re.compile("/o/pred-wrong$"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_dialog_to_compare_has_no_barrier(page: Page, theme: Any) -> None:
    page.emulate_media(color_scheme=theme)
    page.goto("/o/pred-wrong?with=pred-right")
    page.get_by_role("button", name="Compare…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    told = Axe().run(page).response
    assert [each["id"] for each in told["violations"]] == []


# -- size ------------------------------------------------------------------------------


def test_ten_thousand_runs_are_a_few_elements(page: Page) -> None:
    sent: list[int] = []
    page.on("response", lambda told: "/page/view" in told.url and sent.append(len(told.body())))
    page.goto("/o/pred-large")
    said = page.get_by_role("region", name="In words")
    expect(said).to_contain_text("by the step predict")
    expect(said).to_contain_text("10,001 runs, 1 failed")
    expect(page.get_by_role("option", name=re.compile("^▸ evaluate"))).to_be_visible()
    expect(said).to_contain_text("In all, 10,001 steps", timeout=30_000)
    assert nodes(page) < MOST_NODES / 4
    page.get_by_role("combobox", name="Group steps").select_option("run")
    expect(page.get_by_role("option", name=re.compile("^#0 predict"))).to_be_visible()
    page.get_by_role("button", name="Fit all").click()
    assert nodes(page) < MOST_NODES
    page.get_by_role("listbox", name="Steps").press("End")
    expect(page.get_by_role("option", name=re.compile("^#10000 "))).to_be_visible()
    page.get_by_role("button", name="Table").click()
    expect(page.get_by_role("table", name="Steps")).to_have_attribute("aria-rowcount", "10002")
    page.get_by_role("button", name="Timeline").click()
    expect(page.get_by_role("img", name=re.compile("10001 steps"))).to_be_visible()
    assert nodes(page) < MOST_NODES


# -- live ------------------------------------------------------------------------------


def test_an_open_page_shows_what_comes(page: Page, served: Served) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="Newest outputs")).to_be_visible()
    time.sleep(1)  # until the page listens
    at = datetime.now(timezone.utc) + timedelta(days=400)
    made = [Pointer("pred-just-now", kind="output")]
    served.client.record_run("late", run_id="late", started_at=at, ended_at=at, outputs=made)
    served.client.flush()
    expect(page.get_by_role("link", name="pred-just-now")).to_be_visible(timeout=10_000)


def test_a_trace_that_is_open_changes_with_what_is_recorded(page: Page, served: Served) -> None:
    at = datetime.now(timezone.utc) + timedelta(days=401)

    def put(run_id: str, hour: int, inputs: list[str], output: str) -> None:
        moment = at + timedelta(hours=hour)
        served.client.record_run(
            "step", run_id=run_id, started_at=moment, ended_at=moment, inputs=inputs,
            outputs=[output],
        )  # fmt: skip
        served.client.flush()

    put("grown-2", 2, ["grown-middle"], "grown")
    page.goto("/o/grown")
    steps = page.get_by_role("listbox", name=re.compile("^Steps")).get_by_role("option")
    expect(steps).to_have_count(1)
    time.sleep(3)
    put("grown-1", 1, [], "grown-middle")
    expect(steps).to_have_count(2, timeout=10_000)


# -- safety ----------------------------------------------------------------------------


def test_names_from_pipelines_are_text(page: Page) -> None:
    page.goto("/o/pred-%3Cb%3Eodd%3C%2Fb%3E?step=1")
    expect(page.get_by_role("heading", level=1)).to_have_text("Backtrace of pred-<b>odd</b>")
    expect(page.get_by_role("region", name="Details of the chosen step")).to_contain_text("<b>")
    assert page.locator("main b, svg b").count() == 0


def test_without_a_script_the_page_says_the_same(browser: Browser, served: Served) -> None:
    with closing(browser.new_context(base_url=served.url, java_script_enabled=False)) as context:
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Output id").fill("pred-small")
        page.get_by_role("button", name="Trace").click()
        expect(page.get_by_role("region", name="In words")).to_contain_text("predict")
        page.get_by_role("link", name="All steps, their graph and details").click()
        expect(page.get_by_role("table")).to_contain_text("publish")


def test_an_unknown_id_leads_to_what_is_near(page: Page) -> None:
    page.goto("/o/pred-smal")
    page.get_by_role("link", name="pred-small").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Backtrace of pred-small")


def test_an_empty_page_of_ones_own_loads_the_example(browser: Browser, tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/bt.db", tmp_path, "ui", "--no-browser") as own:
        page = browser.new_page(base_url=own.url)
        page.goto("/")
        assert [each["id"] for each in Axe().run(page).response["violations"]] == []
        page.get_by_role("button", name="Load the example").click()
        expect(page.get_by_text("The example is running.")).to_be_visible()
        expect(page.get_by_role("heading", name="Newest outputs")).to_be_visible(timeout=180_000)
        expect(page.get_by_role("link", name="pred-MQ2963-12-29")).to_be_visible(timeout=180_000)
        page.close()


def test_who_says_something_says_who_it_is_once(page: Page, served: Served) -> None:
    page.goto("/flag/pred-named")
    page.get_by_label("What is wrong?").fill("too late")
    page.get_by_label("Of what kind?").select_option("late")
    page.get_by_label("Your name").fill("ann")
    page.get_by_role("button", name="Flag").click()
    page.goto("/r/large-last")
    expect(page.get_by_label("Your name")).to_have_value("ann")
    served.client.unflag("pred-named", by="ann")


def test_without_a_script_what_is_built_on_a_step_is_a_graph_that_leads_on(
    browser: Browser, served: Served
) -> None:
    with closing(browser.new_context(base_url=served.url, java_script_enabled=False)) as context:
        page = context.new_page()
        page.goto("/impact/fan-clean")
        graph = page.get_by_role("region", name="Graph")
        expect(graph.get_by_role("link")).to_have_count(10)
        first, last = (
            graph.get_by_role("link", name=name).bounding_box()
            for name in ("+0 clean, asked about", "+2 report")
        )
        assert first is not None
        assert last is not None
        assert first["x"] + first["width"] < last["x"]
        graph.get_by_role("link", name="+1 audit").click()
        expect(page).to_have_url(re.compile("/r/fan-audit$"))


# -- for everybody ---------------------------------------------------------------------

PAGES = (
    *("/", "/o/pred-small?step=2", "/o/pred-middle", "/o/pred-middle?view=table&step=100"),
    *("/o/pred-middle?view=timeline", "/o/pred-middle?by=run&warned=1", "/review", "/c"),
    *("/c/train", "/r/middle-run-100", "/f/middle/v3", "/diff/pred-small..pred-middle"),
    *(
        "/impact/middle-run-190",
        "/impact/middle-run-3",
        "/c/serve",
        "/impact/fan-clean",
        "/flag/pred-small",
        "/flag/pred-middle",
        "/help",
        "/health",
        "/o/nothing-like-it",
    ),
    *("/login", "/o/pred-small.html", "/o/pred-wrong?with=pred-right&step=1"),
    *("/o/pred-middle?with=pred-small", "/o/pred-small?with=nothing-like-it"),
)


def barriers(browser: Browser, url: str, paths: Sequence[str], theme: Any, width: int) -> list[str]:
    """Give what axe finds on pages, and which of them are wider than the screen."""
    size: Any = {"width": width, "height": 800}
    context = browser.new_context(base_url=url, color_scheme=theme, viewport=size)
    page = context.new_page()
    found: list[str] = []
    for path in paths:
        page.goto(path)
        page.wait_for_load_state("load")
        page.wait_for_timeout(250)
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        told = Axe().run(page).response
        found += [f"{path} {each['id']}: {each['nodes'][0]['html']}" for each in told["violations"]]
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{path} is {wide} wide")
    context.close()
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_has_a_barrier(browser: Browser, served: Served, theme: Any, width: int) -> None:
    assert barriers(browser, served.url, PAGES, theme, width) == []


# -- the page of a file, on one's own machine --------------------------------------------

WIDE = ",".join(f"column {n}" for n in range(40))
CONTENTS = {
    "orders.csv": "id,customer,amount,note\n"
    + "".join(
        f'{n},"Smith, Ann",{n * 1.5},a <b>bold</b> note of several words\n' for n in range(90)
    ),
    "wide.csv": f"{WIDE}\n{WIDE}\n",
    "index.csv": ",a\n0,1\n",
    "settings.json": '{\n  "depth": 3,\n  "link": "' + "x" * 500 + '"\n}\n',
    "empty.csv": "",
    "model.pkl": "\0\1\2",
    "changed.csv": "a\n1\n",
    "gone.csv": "a\n1\n",
}


@pytest.fixture(scope="module")
def own_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    """`bt ui` over runs that read files of each kind."""
    folder = tmp_path_factory.mktemp("files")
    for name, content in CONTENTS.items():
        (folder / name).write_text(content)
    with serving(f"sqlite:///{folder}/bt.db", folder, "ui", "--no-browser") as found:
        for name in CONTENTS:
            found.client.register("load", input_path=folder / name)(lambda: None)()
        assert found.client.flush(60) == 0
        (folder / "changed.csv").write_text("a\n2\n")
        (folder / "gone.csv").unlink()
        yield found, folder


def file_page(folder: Path, name: str) -> str:
    return f"/f/{quote(str(folder / name), safe='')}"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_page_of_a_file_has_a_barrier(
    browser: Browser, own_files: tuple[Served, Path], theme: Any, width: int
) -> None:
    served, folder = own_files
    paths = [file_page(folder, name) for name in CONTENTS]
    assert barriers(browser, served.url, paths, theme, width) == []


def test_a_file_is_previewed_as_text(browser: Browser, own_files: tuple[Served, Path]) -> None:
    served, folder = own_files
    with closing(browser.new_context(base_url=served.url)) as context:
        page = context.new_page()
        page.goto(file_page(folder, "orders.csv"))
        rows = page.get_by_role("region", name="The first rows").get_by_role("row")
        expect(rows).to_have_count(21)
        expect(rows.nth(1)).to_contain_text("a <b>bold</b> note")
        assert page.locator("main b").count() == 0
        page.goto(file_page(folder, "changed.csv"))
        expect(page.get_by_role("main")).to_contain_text("has changed since it was last recorded")
        expect(page.get_by_role("heading", name="Preview")).to_have_count(0)


# -- the files -------------------------------------------------------------------------


def test_the_files_were_built_of_the_source_that_is_here() -> None:
    digest = hashlib.sha256()
    names = sorted(path.name for path in (ROOT / "ui/src").iterdir())
    for name in ("package-lock.json", *(f"src/{name}" for name in names)):
        digest.update(f"{name}\n".encode() + (ROOT / "ui" / name).read_bytes() + b"\n")
    for name in ("app.js", "app.css"):
        built = (ROOT / "src/backtrail/server/static" / name).read_text("utf-8")
        said = re.search(r"Source ([0-9a-f]{64})", built)
        assert said is not None
        assert said[1] == digest.hexdigest(), "run: cd ui && npm ci && npm run build"
        outside = set(re.findall(r"https?://[^\"'`)\s]+", built))
        assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"} | {
            "http://www.w3.org/1998/Math/MathML",
            "http://www.w3.org/1999/xlink",
        }


def test_the_wheel_brings_the_page(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(tmp_path), "."]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        for name in ("app.js", "app.css"):
            inside = packed.read(f"backtrail/server/static/{name}")
            assert inside == (ROOT / "src/backtrail/server/static" / name).read_bytes()


def test_the_view_says_where_every_box_is(served: Served) -> None:
    told = served.ask("/page/view?output=pred-middle&by=component&open=tune").content
    keys = {box["key"] for box in told["boxes"]}
    assert {arrow[end] for arrow in told["arrows"] for end in ("from", "to")} <= keys
    assert told["boxes"][0]["group"] == "predict"
    opened = [each["n"] for each in told["steps"] if each.get("component") == "tune"]
    assert len(opened) == 17
    again = served.ask(f"/page/view?output=pred-middle&key={told['key']}").content
    assert again["key"] == told["key"]
    assert served.ask("/page/view?output=pred-middle&key=gone").content["key"] != "gone"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/page/view", 400),
        ("/page/view?output=nothing", 404),
        ("/page/view?output=pred-small&by=colour", 400),
        ("/page/view?output=pred-small&with=nothing", 404),
        ("/page/step?output=pred-small&n=12", 404),
        ("/page/step?output=pred-small&n=-1", 404),
        ("/page/step?output=pred-small&n=%C2%B2", 404),
        ("/page/step?output=pred-small", 404),
        ("/static/../app.py", 404),
        ("/static/nothing.js", 404),
    ],
)
def test_what_a_page_cannot_ask_is_refused(served: Served, path: str, status: int) -> None:
    assert served.ask(path).status == status


def test_a_server_ends_though_pages_are_open(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/bt.db", tmp_path) as found:
        port = urlsplit(found.url).port
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", "/page/news")
            assert connection.getresponse().readline()
            found.process.terminate()
            # Without that it would wait ten seconds for the page, and then cut it off.
            assert found.process.wait(timeout=8) == 0


def test_pages_that_stay_open_leave_room_for_others(served: Served) -> None:
    open_pages = []
    for _ in range(70):
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(served.url).port, timeout=10)
        connection.request("GET", "/page/news")
        response = connection.getresponse()
        assert response.status == 200
        open_pages.append(connection)
    assert served.ask("/api/v1/runs?limit=1").status == 200
    for connection in open_pages:
        connection.close()
