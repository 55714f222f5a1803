"""The page in a real Chromium: found, read, followed, flagged; by keyboard; without barriers."""

from __future__ import annotations

import csv
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from axe_playwright_python.sync_playwright import Axe
from planted import plant, plant_fan, plant_pair
from playwright.sync_api import Browser, CDPSession, Page, expect, sync_playwright
from served import Served, serving
from tiers import Sized

from backtrail import Pointer

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
# A loaded machine takes its time; nothing here measures it.
expect.set_options(timeout=30_000)
WIDE, NARROW = 1440, 390
# Of elements: what is shown of any number of runs is no more than this.
MOST_NODES = 2_500


@pytest.fixture(scope="module")
def many(sized: Sized[int]) -> int:
    """How many runs are many: more than the 3,000 of which a page begins before they are walked."""
    return sized(3_100, 10_000)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, many: int) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("page")
    histories = {"small": 11, "middle": 200, "large": many, "named": 3, "<b>odd</b>": 3, "said": 3}
    with serving(f"sqlite:///{folder}/bt.db", folder) as server:
        for name, runs in histories.items():
            plant(server.client, name, runs)
        plant_pair(server.client)
        plant_fan(server.client)
        assert server.client.flush(60) == 0
        server.client.flag("pred-middle", "far too low", by="ann")
        server.client.flush()
        yield server


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


class Tab(NamedTuple):
    """A page that several tests look at, one after another, and what went wrong in it."""

    page: Page
    wrong: list[str]


@contextmanager
def opened(browser: Browser, served: Served) -> Iterator[Tab]:
    """Open a page that notes where a script fails, or asks for anything elsewhere."""
    # Without motion a colour is what it is to be from the first moment.
    with closing(browser.new_context(base_url=served.url, reduced_motion="reduce")) as context:
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request", lambda asked: is_elsewhere(asked.url, served) and wrong.append(asked.url)
        )
        yield Tab(page, wrong)


@contextmanager
def as_new(tab: Tab, served: Served) -> Iterator[Page]:
    """Give the page to one test, which finds nothing of an earlier one and must leave no error."""
    page, wrong = tab
    page.set_viewport_size({"width": WIDE, "height": 900})
    page.emulate_media(color_scheme="light")
    wrong.clear()
    yield page
    page.goto("about:blank")
    with session_of(page) as session:
        # Cookies, and what the page keeps.
        everything = {"origin": served.url, "storageTypes": "all"}
        session.send("Storage.clearDataForOrigin", everything)
    assert wrong == []


@pytest.fixture(scope="module")
def tab(browser: Browser, served: Served) -> Iterator[Tab]:
    """The one page of all tests: to open one for each takes most of the time of most tests."""
    with opened(browser, served) as tab:
        yield tab


@pytest.fixture
def page(tab: Tab, served: Served) -> Iterator[Page]:
    with as_new(tab, served) as page:
        yield page


def is_elsewhere(url: str, served: Served) -> bool:
    return not url.startswith((served.url, "blob:", "data:", "about:"))


@contextmanager
def session_of(page: Page) -> Iterator[CDPSession]:
    """Speak to the browser about a page; what was set so ends with the session."""
    session = page.context.new_cdp_session(page)
    yield session
    session.detach()


@contextmanager
def without_script(page: Page) -> Iterator[None]:
    """Let no script run in the pages that are opened in the block."""
    with session_of(page) as session:
        session.send("Emulation.setScriptExecutionDisabled", {"value": True})
        yield
        session.send("Emulation.setScriptExecutionDisabled", {"value": False})


@contextmanager
def slow(page: Page) -> Iterator[None]:
    """Let the page take twenty times as long in the block, so that keys come while it works."""
    with session_of(page) as session:
        session.send("Emulation.setCPUThrottlingRate", {"rate": 20})
        yield
        session.send("Emulation.setCPUThrottlingRate", {"rate": 1})


def wait_until_drawn(page: Page) -> None:
    """Wait until the page says that it shows all it was asked for."""
    expect(page.locator("[aria-busy=true], [data-later]")).to_have_count(0)


@contextmanager
def listening(page: Page) -> Iterator[None]:
    """Open a page in the block, and wait until it would be told of a run that is recorded.

    The server first says that it is there once it has looked at what is newest now. That is a
    comment, which no script of a page is shown.
    """
    asked: set[str] = set()
    answered: set[str] = set()

    def note(sent: Any) -> None:
        if sent["request"]["url"].endswith("/page/news"):
            asked.add(sent["requestId"])

    with session_of(page) as session:
        session.on("Network.requestWillBeSent", note)
        session.on("Network.dataReceived", lambda received: answered.add(received["requestId"]))
        session.send("Network.enable")
        yield
        deadline = time.monotonic() + 60
        while not asked & answered:
            assert time.monotonic() < deadline, "the page does not listen"
            page.wait_for_timeout(20)  # events are taken in while it waits


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


def test_what_was_just_said_can_be_undone_for_ten_seconds(browser: Browser, served: Served) -> None:
    # Its clock would be that of every later test.
    with opened(browser, served) as own, as_new(own, served) as page:
        page.clock.install()
        page.goto("/flag/pred-said")
        page.get_by_label("What is wrong?").fill("too high")
        page.get_by_label("Your name").fill("ann")
        page.get_by_role("button", name="Flag").click()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("withdrawn: the flag was a mistake")).to_be_visible()
        assert [mark.state for mark in served.client.marks("pred-said")] == ["withdrawn", "open"]

        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("as wrong. Assign or close it")).to_be_visible()
        assert served.client.marks("pred-said")[0].note == "too high"

        undo = page.get_by_role("button", name="Undo")
        expect(undo).to_be_visible()
        page.clock.fast_forward(10_000)
        expect(undo).to_be_hidden()
        served.client.unflag("pred-said", by="ann")


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


def test_a_key_pressed_twice_goes_two_warnings_on(page: Page) -> None:
    page.goto("/o/fan-pred-3")
    wait_until_drawn(page)
    with slow(page):
        page.keyboard.type("nn")
    expect(page).to_have_url(re.compile("step=2$"))


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


def test_what_is_typed_right_after_d_is_typed_in_its_dialog(page: Page) -> None:
    page.goto("/o/pred-wrong?step=1")
    wait_until_drawn(page)
    dialog = page.get_by_role("dialog", name="Compare pred-wrong")

    with slow(page):
        page.keyboard.type("dpred-rigth")
        for key in ("Backspace", "Backspace", "h", "t", "Enter"):
            page.keyboard.press(key)
    expect(page).to_have_url(re.compile(r"/o/pred-wrong\?step=1&with=pred-right$"))
    expect(dialog).to_have_count(0)

    # What is compared with now is replaced.
    wait_until_drawn(page)
    with slow(page):
        page.keyboard.type("dpred-small")
    expect(dialog.get_by_role("textbox")).to_have_value("pred-small")
    for key in ("Tab", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile(r"/diff/pred-small\.\.pred-wrong$"))


@pytest.mark.parametrize("opener", ["d", "?"])
def test_escape_right_after_the_key_of_a_dialog_closes_that_alone(page: Page, opener: str) -> None:
    page.goto("/o/pred-wrong?step=1")
    wait_until_drawn(page)
    with slow(page):
        page.keyboard.press(opener)
        page.keyboard.press("Escape")
        page.keyboard.press("t")
    expect(page).to_have_url(re.compile(r"view=timeline&step=1$"))
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_keys_do_nothing_behind_a_dialog_that_a_click_took_the_focus_out_of(page: Page) -> None:
    page.goto("/o/pred-wrong?with=pred-right&step=1")
    page.get_by_role("button", name="Compare…").press("Enter")
    dialog = page.get_by_role("dialog", name="Compare pred-wrong")
    expect(dialog.get_by_role("textbox")).to_have_value("pred-right")
    page.mouse.click(5, 5)
    expect(dialog.get_by_role("textbox")).not_to_be_focused()

    page.keyboard.type("tdf")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("b")
    expect(page).to_have_url(re.compile(r"/o/pred-wrong\?view=table&step=1&with=pred-right$"))


def test_an_unknown_output_to_compare_with_is_said(page: Page) -> None:
    page.goto("/o/pred-wrong?with=pred-rigth")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("pred-rigth")
    graph = page.get_by_role("group", name=re.compile("^Graph"))
    expect(graph.get_by_role("button", name=re.compile("^#0 predict"))).to_be_attached()
    alert.get_by_role("button", name="Stop comparing").click()
    expect(alert).to_have_count(0)
    expect(page).to_have_url(re.compile("/o/pred-wrong$"))


def test_the_dialog_to_compare_has_no_barrier(page: Page) -> None:
    page.goto("/o/pred-wrong?with=pred-right")
    page.get_by_role("button", name="Compare…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) + in_the_dark(page) == []


# -- size ------------------------------------------------------------------------------


def test_thousands_of_runs_are_a_few_elements(page: Page, many: int) -> None:
    page.goto("/o/pred-large")
    said = page.get_by_role("region", name="In words")
    expect(said).to_contain_text("by the step predict")
    expect(said).to_contain_text(f"{many + 1:,} runs, 1 failed")
    expect(page.get_by_role("option", name=re.compile("^▸ evaluate"))).to_be_visible()
    expect(said).to_contain_text(f"In all, {many + 1:,} steps")
    assert nodes(page) < MOST_NODES / 4
    page.get_by_role("combobox", name="Group steps").select_option("run")
    expect(page.get_by_role("option", name=re.compile("^#0 predict"))).to_be_visible()
    page.get_by_role("button", name="Fit all").click()
    assert nodes(page) < MOST_NODES
    page.get_by_role("listbox", name="Steps").press("End")
    expect(page.get_by_role("option", name=re.compile(f"^#{many} "))).to_be_visible()
    page.get_by_role("button", name="Table").click()
    expect(page.get_by_role("table", name="Steps")).to_have_attribute(
        "aria-rowcount", str(many + 2)
    )
    page.get_by_role("button", name="Timeline").click()
    expect(page.get_by_role("img", name=re.compile(f"{many + 1} steps"))).to_be_visible()
    assert nodes(page) < MOST_NODES


# -- live ------------------------------------------------------------------------------


def test_an_open_page_shows_what_comes(page: Page, served: Served) -> None:
    with listening(page):
        page.goto("/")
    expect(page.get_by_role("heading", name="Newest outputs")).to_be_visible()
    at = datetime.now(timezone.utc) + timedelta(days=400)
    made = [Pointer("pred-just-now", kind="output")]
    served.client.record_run("late", run_id="late", started_at=at, ended_at=at, outputs=made)
    served.client.flush()
    expect(page.get_by_role("link", name="pred-just-now")).to_be_visible()


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
    with listening(page):
        page.goto("/o/grown")
    steps = page.get_by_role("listbox", name=re.compile("^Steps")).get_by_role("option")
    expect(steps).to_have_count(1)
    put("grown-1", 1, [], "grown-middle")
    expect(steps).to_have_count(2)


# -- safety ----------------------------------------------------------------------------


def test_names_from_pipelines_are_text(page: Page) -> None:
    page.goto("/o/pred-%3Cb%3Eodd%3C%2Fb%3E?step=1")
    expect(page.get_by_role("heading", level=1)).to_have_text("Backtrace of pred-<b>odd</b>")
    expect(page.get_by_role("region", name="Details of the chosen step")).to_contain_text("<b>")
    assert page.locator("main b, svg b").count() == 0


def test_without_a_script_the_page_says_the_same(page: Page) -> None:
    with without_script(page):
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


def load_example(page: Page) -> None:
    page.goto("/")
    assert violations(page) == []
    with listening(page):
        page.get_by_role("button", name="Load the example").click()
    expect(page.get_by_text("The example is running.")).to_be_visible()


def test_an_empty_page_of_ones_own_loads_the_example(browser: Browser, tmp_path: Path) -> None:
    with ui_of_ones_own(browser, tmp_path) as (page, own):
        load_example(page)
        expect(page.get_by_role("heading", name="Newest runs")).to_be_visible(timeout=180_000)
        for child in children_of(own.process.pid):
            os.kill(child, signal.SIGKILL)


@pytest.mark.usefixtures("nightly")
def test_the_example_leads_to_the_output_that_is_wrong(browser: Browser, tmp_path: Path) -> None:
    with ui_of_ones_own(browser, tmp_path) as (page, _):
        load_example(page)
        expect(page.get_by_role("heading", name="Newest outputs")).to_be_visible(timeout=180_000)
        expect(page.get_by_role("link", name="pred-MQ2963-12-29")).to_be_visible(timeout=180_000)


@contextmanager
def ui_of_ones_own(browser: Browser, folder: Path) -> Iterator[tuple[Page, Served]]:
    with (
        serving(f"sqlite:///{folder}/bt.db", folder, "ui", "--no-browser") as own,
        opened(browser, own) as tab,
        as_new(tab, own) as page,
    ):
        yield page, own


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


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
    page: Page,
) -> None:
    with without_script(page):
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

# Where the panes of a trace become tabs on a narrow screen; other pages only become narrower.
TABBED = ("/o/pred-small?step=2", "/o/pred-wrong?with=pred-right&step=1")
PAGES = (
    *TABBED,
    *("/o/pred-middle?view=table&step=100", "/o/pred-middle?view=timeline"),
    *("/", "/o/pred-middle", "/o/pred-middle?by=run&warned=1", "/review", "/c", "/c/train"),
    *("/c/serve", "/r/middle-run-100", "/f/middle/v3", "/diff/pred-right..pred-wrong"),
    *("/impact/middle-run-190", "/impact/small-run-3", "/impact/fan-clean", "/flag/pred-small"),
    *("/flag/pred-middle", "/help", "/health", "/o/nothing-like-it", "/login"),
    *("/o/pred-named.html", "/o/pred-middle?with=pred-small"),
    "/o/pred-small?with=nothing-like-it",
)
# The same kinds of pages with more on them, for which axe takes a minute.
LONG_PAGES = ("/diff/pred-small..pred-middle", "/impact/middle-run-3", "/o/pred-small.html")
# All that a theme changes is colours.
OF_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


def violations(page: Page, options: Any = None) -> list[str]:
    """Return what axe finds on the page, with the first place of each."""
    found = Axe().run(page, options=options).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]


def barriers(page: Page, path: str, *, has_tabs: bool = False) -> list[str]:
    """Return what axe finds on a page in both themes, and whether it is wider than the screen."""
    page.set_viewport_size({"width": WIDE, "height": 800})
    page.emulate_media(color_scheme="light")
    page.goto(path)
    wait_until_drawn(page)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = violations(page)
    found += in_the_dark(page)
    found += overflow(page, WIDE)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": NARROW, "height": 800})
    found += overflow(page, NARROW)
    if has_tabs:
        found += violations(page)
        found += in_the_dark(page)
    return [f"{path} {each}" for each in found]


def in_the_dark(page: Page) -> list[str]:
    page.emulate_media(color_scheme="dark")
    return [f"in the dark, {each}" for each in violations(page, OF_COLOURS)]


def overflow(page: Page, width: int) -> list[str]:
    # What follows the size of the page is drawn in the frame after the one that tells it.
    wide = page.evaluate(
        """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
            done(document.documentElement.scrollWidth))))"""
    )
    return [f"is {wide} wide on a screen of {width}"] if wide > width else []


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_a_barrier(page: Page, path: str) -> None:
    assert barriers(page, path, has_tabs=path in TABBED) == []


@pytest.mark.usefixtures("nightly")
@pytest.mark.parametrize("path", LONG_PAGES)
def test_no_long_page_has_a_barrier(page: Page, path: str) -> None:
    assert barriers(page, path) == []


# -- the page of a file, on one's own machine --------------------------------------------

COLUMNS = ",".join(f"column {n}" for n in range(40))
CONTENTS = {
    "orders.csv": "id,customer,amount,note\n"
    + "".join(
        f'{n},"Smith, Ann",{n * 1.5},a <b>bold</b> note of several words\n' for n in range(90)
    ),
    "wide.csv": f"{COLUMNS}\n{COLUMNS}\n",
    "index.csv": ",a\n0,1\n",
    "settings.json": '{\n  "depth": 3,\n  "link": "' + "x" * 500 + '"\n}\n',
    "empty.csv": "",
    "model.pkl": "\0\1\2",
    "changed.csv": "a\n1\n",
    "gone.csv": "a\n1\n",
}


class OwnFiles(NamedTuple):
    """`bt ui` over runs that read files of each kind, and where these lie."""

    served: Served
    folder: Path

    def address(self, name: str) -> str:
        return f"/f/{quote(str(self.folder / name), safe='')}"


@pytest.fixture(scope="module")
def own_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnFiles]:
    """`bt ui` over runs that read files of each kind."""
    folder = tmp_path_factory.mktemp("files")
    for name, content in CONTENTS.items():
        (folder / name).write_text(content)
    with serving(f"sqlite:///{folder}/bt.db", folder, "ui", "--no-browser") as own:
        for name in CONTENTS:
            own.client.register("load", input_path=folder / name)(lambda: None)()
        assert own.client.flush(60) == 0
        (folder / "changed.csv").write_text("a\n2\n")
        (folder / "gone.csv").unlink()
        yield OwnFiles(own, folder)


@pytest.fixture(scope="module")
def own_tab(browser: Browser, own_files: OwnFiles) -> Iterator[Tab]:
    with opened(browser, own_files.served) as tab:
        yield tab


@pytest.fixture
def own_page(own_tab: Tab, own_files: OwnFiles) -> Iterator[Page]:
    with as_new(own_tab, own_files.served) as page:
        yield page


@pytest.mark.parametrize("name", CONTENTS)
def test_no_page_of_a_file_has_a_barrier(own_page: Page, own_files: OwnFiles, name: str) -> None:
    assert barriers(own_page, own_files.address(name)) == []


def test_a_file_is_previewed_as_text(own_page: Page, own_files: OwnFiles) -> None:
    own_page.goto(own_files.address("orders.csv"))
    rows = own_page.get_by_role("region", name="The first rows").get_by_role("row")
    expect(rows).to_have_count(21)
    expect(rows.nth(1)).to_contain_text("a <b>bold</b> note")
    assert own_page.locator("main b").count() == 0
    own_page.goto(own_files.address("changed.csv"))
    main = own_page.get_by_role("main")
    expect(main).to_contain_text("has changed since it was last recorded")
    expect(own_page.get_by_role("heading", name="Preview")).to_have_count(0)
