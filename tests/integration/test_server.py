"""The server over real HTTP: routes, pages, errors, what it refuses, how it ends."""

from __future__ import annotations

import csv
import html
import json
import re
import signal
import socket
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from conftest import FreshStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from program import bt_on
from served import JSON, SERVER, Served, record, serving

import backtrail
from backtrail import Client, Pointer
from backtrail.server.routes import MOST_BODY_BYTES, OPERATIONS, PREFIX
from backtrail.server.schemas import MOST_LISTED

pytestmark = pytest.mark.usefixtures("processes")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def served(fresh_store: FreshStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with fresh_store() as url, serving(url, folder) as server:
        record(server.client, folder)
        yield server


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Served]:
    with serving(f"sqlite:///{tmp_path}/bt.db", tmp_path) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/backtrace?output=pred-1", ["pred-1"]),
        ("/explain?output=pred-1", ["explain", "pred-1"]),
        ("/impact?artifact=raw.csv", ["impact", "raw.csv"]),
        ("/diff?a=pred-0&b=pred-1", ["diff", "pred-0", "pred-1"]),
        ("/components", ["components"]),
        ("/find?q=pred", ["find", "pred"]),
        ("/review", ["review"]),
    ],
)
def test_a_route_answers_what_bt_prints(served: Served, path: str, command: list[str]) -> None:
    answer = served.ask(PREFIX + path)

    assert answer.status == 200
    assert answer.content == json.loads(served.bt(*command, "--json").stdout)


def test_many_at_once_are_each_answered_as_one_is(served: Served) -> None:
    paths = [f"{PREFIX}/backtrace?output=pred-{n}" for n in range(3)] + [f"{PREFIX}/runs"]
    alone = [served.ask(path).content for path in paths]

    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(served.ask, paths * 20))

    assert [answer.content for answer in together] == alone * 20


def test_staleness_is_judged_as_bt_judges_it(served: Served) -> None:
    answer = served.ask(f"{PREFIX}/stale?output=pred-1").content

    printed = json.loads(served.bt("stale", "pred-1", "--json").stdout)
    assert {**answer, "judged_at": ""} == {**printed, "judged_at": ""}


def test_runs_are_paged_to_the_last_one(served: Served) -> None:
    found: list[str] = []
    before = ""
    while True:
        page = served.ask(f"{PREFIX}/runs?limit=2{before}").content
        found += [run["run_id"] for run in page["runs"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"

    assert found == [run.run_id for run in served.client.recent(100)]
    one = served.ask(f"{PREFIX}/runs/{found[0]}").content
    assert one["run"]["component"] == "serve"
    of_clean = served.ask(f"{PREFIX}/runs?component=clean").content
    assert [run["component"] for run in of_clean["runs"]] == ["clean"]


def test_an_output_is_flagged_and_a_run_noted_until_the_flag_is_taken_back(served: Served) -> None:
    flagged = served.post(f"{PREFIX}/flags", {"output": "pred-2", "note": "too high", "by": "ann"})
    listed = served.ask(f"{PREFIX}/flags").content["flagged"]
    first_page = served.ask("/")
    run_id = served.client.backtrace("pred-2").frames[0].run.run_id
    noted = served.post(f"{PREFIX}/notes", {"run_id": run_id, "text": "seen", "by": "ann"})
    notes = served.ask(f"{PREFIX}/runs/{run_id}").content["run"]["notes"]
    taken = served.ask(f"{PREFIX}/flags?output=pred-2", "DELETE")

    assert (flagged.status, flagged.content["flagged"]) == (201, ["pred-2"])
    assert [(each["name"], each["note"], each["by"]) for each in listed] == [
        ("pred-2", "too high", "ann")
    ]
    assert "ann: too high" in first_page.body
    assert noted.status == 201
    assert "seen" in str(notes)
    assert taken.content == {"schema": "backtrail.flags/1", "unflagged": ["pred-2"], "total": 0}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/backtrace", 400),
        ("/backtrace?output=pred-1&colour=red", 400),
        ("/backtrace?output=pred-1&output=pred-2", 400),
        ("/backtrace?output=pred-1&at=yesterday-ish", 400),
        ("/backtrace?output=a%00b", 404),
        ("/impact", 400),
        ("/impact?run=x&artifact=y", 400),
        ("/runs?limit=0", 400),
        (f"/runs?limit={MOST_LISTED + 1}", 400),
        ("/runs/nosuchrun", 404),
        ("/nothing", 404),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(served: Served, path: str, status: int) -> None:
    answer = served.ask(PREFIX + path)

    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.content["status"] == status
    assert answer.content["title"]


def test_an_unknown_output_is_answered_with_the_names_near_it(served: Served) -> None:
    answer = served.ask(f"{PREFIX}/backtrace?output=pred-9")
    page = served.ask("/o/pred-9")

    assert answer.status == page.status == 404
    assert "pred-1" in answer.content["closest"]
    assert '<a href="/o/pred-1">pred-1</a>' in page.body


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"output":"pred-1"}', {}, 415),
        (b'{"output":"pred-1"}', {"Content-Type": "text/plain"}, 415),
        (b'{"output":', JSON, 400),
        (b'{"output":7}', JSON, 400),
        (b'{"output":"pred-1","colour":"red"}', JSON, 400),
        (b'"\xff"', JSON, 400),
        (b" " * (MOST_BODY_BYTES + 1), JSON, 413),
        (b'{"output":"pred-1"}', {**JSON, "Origin": "http://evil.example"}, 403),
        (b'{"output":"pred-1"}', {**JSON, "Origin": "null"}, 403),
        (b'{"output":"pred-1"}', {**JSON, "Sec-Fetch-Site": "cross-site"}, 403),
        (b'{"output":"pred-1"}', {**JSON, "Host": "evil.example"}, 421),
    ],
)
def test_nothing_is_flagged_by_a_request_that_is_refused(
    served: Served, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = served.ask(f"{PREFIX}/flags", "POST", body, headers)

    assert answer.status == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert served.client.flagged() == []


def test_a_page_of_the_server_itself_may_flag(served: Served) -> None:
    own = {"Origin": served.url, "Sec-Fetch-Site": "same-origin"}

    answer = served.post(f"{PREFIX}/flags", {"output": "pred-0"}, **own)
    served.ask(f"{PREFIX}/flags?output=pred-0", "DELETE", headers=own)

    assert answer.status == 201


def test_a_name_that_was_made_to_point_here_is_not_served(served: Served) -> None:
    assert served.ask("/", headers={"Host": "evil.example"}).status == 421
    assert served.ask("/", headers={"Host": "localhost:1"}).status == 200


def test_an_output_has_a_page_and_twins(served: Served) -> None:
    page = served.ask("/o/pred-1")
    as_json, as_text, as_picture = (
        served.ask(f"/o/pred-1.{suffix}") for suffix in ("json", "txt", "svg")
    )

    assert "<h1>" in page.body
    assert "Backtrace of pred-1" in page.body
    assert html.escape(served.client.explain("pred-1").sentences[0].text) in page.body
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page.body)
    assert as_json.content == served.ask(f"{PREFIX}/backtrace?output=pred-1").content
    assert as_text.body.startswith("pred-1 ")
    assert as_picture.headers["Content-Type"] == "image/svg+xml"
    assert as_picture.body.startswith("<svg")


def test_all_flags_are_closed_from_the_review(empty: Served, tmp_path: Path) -> None:
    record(empty.client, tmp_path)
    for name in ("pred-0", "pred-1"):
        empty.client.flag(name, "too high")
    empty.client.flush()

    assert "Assign or close all, 2 flags" in empty.ask("/review").body
    for body, status in (("state=nonsense&by=ann", 400), ("state=fixed&note=again&by=ann", 303)):
        assert empty.ask("/review/close", "POST", body).status == status

    assert empty.client.flagged() == []
    last = empty.client.marks("pred-0")[0]
    assert (last.state, last.note, last.by) == ("fixed", "again", "ann")


def test_flags_that_a_suspect_is_behind_are_assigned_and_closed_together(
    empty: Served, tmp_path: Path
) -> None:
    record(empty.client, tmp_path)
    flags = ("pred-0", "pred-1", "pred-2")
    for name in flags:
        empty.client.flag(name, "too high", by="ann")
    empty.client.flush()
    some = "output=pred-0&output=pred-2&output=nope&by=ann"

    page = empty.ask("/review").body
    assigned = empty.ask("/review/assign", "POST", f"{some}&assignee=Bob")
    after = empty.ask("/review").body
    who = {each.name: each.assignee for each in empty.client.flagged()}
    closed = empty.ask("/review/close", "POST", f"{some}&state=fixed")
    left = [each.name for each in empty.client.flagged()]

    assert "Flagged outputs by suspect" in page
    assert '<input type="hidden" name="output" value="pred-0">' in page
    assert (assigned.status, assigned.headers["Location"]) == (303, "/review")
    assert who == {"pred-0": "Bob", "pred-1": None, "pred-2": "Bob"}
    assert "ann: too high (Bob looks into it)" in after
    assert (closed.status, left) == (303, ["pred-1"])


def test_closing_several_flags_is_undone_but_not_over_what_was_said_since(
    empty: Served, tmp_path: Path
) -> None:
    record(empty.client, tmp_path)
    for name in ("pred-0", "pred-1", "pred-2"):
        empty.client.flag(name, f"{name} too high", by="ann")
    empty.client.assign("pred-0", "Bob")
    empty.client.flush()

    closed = empty.ask("/review/close", "POST", "state=fixed&by=ann").headers["Location"]
    page = empty.ask(closed).body
    key = closed.partition("closed=")[2]
    empty.client.flag("pred-1", "still wrong", by="cy")
    empty.client.flush()
    undone = empty.ask("/review/reopen", "POST", f"closed={key}&by=ann")
    again = empty.ask("/review/reopen", "POST", f"closed={key}&by=ann")

    assert "Closed 3 flags." in page
    assert f'name="closed" value="{key}"' in page
    assert (undone.status, again.status) == (303, 404)
    assert {(each.name, each.note, each.assignee) for each in empty.client.flagged()} == {
        ("pred-0", "pred-0 too high", "Bob"),
        ("pred-1", "still wrong", None),
        ("pred-2", "pred-2 too high", None),
    }


def test_the_last_mark_is_undone_and_none_that_came_since(empty: Served) -> None:
    empty.client.log("pred", component="serve")
    empty.client.flush()

    def say(action: str, form: str) -> None:
        assert empty.ask(f"/{action}/pred", "POST", f"{form}&by=ann").status == 303

    def undo() -> None:
        page = empty.ask("/o/pred").body
        found = re.search(r'action="/undo/pred"><input type="hidden" name="at" value="(\d+)"', page)
        assert found
        for _ in range(2):  # a second click finds that something was said since
            say("undo", f"at={found[1]}")

    def how() -> list[tuple[str, str | None]]:
        return [(each.note, each.assignee) for each in empty.client.flagged()]

    say("undo", "at=1")  # nothing was said yet
    say("flag", "note=high")
    say("flag", "note=very+high")
    undo()
    assert how() == [("high", None)]
    say("assign", "assignee=Bob")
    say("assign", "assignee=Cy")
    undo()
    assert how() == [("high", "Bob")]
    say("assign", "assignee=")
    undo()
    assert how() == [("high", "Bob")]
    say("unflag", "state=fixed")
    undo()
    assert how() == [("high", "Bob")]
    say("unflag", "state=no-fault")
    say("flag", "note=again")
    undo()
    assert how() == []
    assert empty.client.marks("pred")[0].state == "no-fault"


def test_an_output_is_assigned_over_http(served: Served) -> None:
    body = {"output": "pred-2", "assignee": "bob", "by": "ann"}
    before = served.post(f"{PREFIX}/flags/assignee", body)
    served.post(f"{PREFIX}/flags", {"output": "pred-2"})

    done = served.post(f"{PREFIX}/flags/assignee", body)
    [listed] = served.ask(f"{PREFIX}/flags").content["flagged"]
    nobody = served.post(f"{PREFIX}/flags/assignee", {**body, "assignee": ""})
    served.ask(f"{PREFIX}/flags?output=pred-2", "DELETE")

    assert before.status == 400
    assert "not flagged" in before.content["title"]
    assert done.status == 201
    assert done.content == {
        "schema": "backtrail.flags/1",
        "assigned": ["pred-2"],
        "total": 1,
        "assignee": "bob",
    }
    assert listed["assignee"] == "bob"
    assert nobody.content["assignee"] is None


def test_a_run_is_noted_from_its_page(empty: Served) -> None:
    empty.client.log("pred", component="serve")
    empty.client.flush()
    run_id = empty.client.recent(1)[0].run_id

    page = empty.ask(f"/r/{run_id}").body
    done = empty.ask(f"/note/{run_id}", "POST", "text=read+half+a+file&by=ann")
    wrong = empty.ask(f"/note/{run_id}", "POST", "by=ann")

    assert f'action="/note/{run_id}"' in page
    assert (done.status, done.headers["Location"], wrong.status) == (303, f"/r/{run_id}", 400)
    assert "read half a file" in empty.ask(f"/r/{run_id}").body


def test_names_with_dots_are_compared_as_well(empty: Served) -> None:
    for name in ("a..b", "c"):
        empty.client.register("serve")(lambda name=name: empty.client.log(name))()
    empty.client.flush()

    assert empty.ask("/diff/a..b..c").status == 200
    assert empty.ask("/diff/c..a..b").status == 200
    assert empty.ask("/diff/a..b").status == 404


def test_each_page_of_an_answer_has_twins(empty: Served, tmp_path: Path) -> None:
    record(empty.client, tmp_path)
    empty.client.flag("pred-1", "far too high", by="Ann")
    empty.client.flush()
    run_id = empty.client.history("clean")[0].run_id
    file = quote(str(tmp_path / "clean.csv"), safe="")
    twins = {
        "/o/pred-1": ("backtrace/1", "pred-1"),
        f"/r/{run_id}": ("run/1", "component"),
        "/c/clean": ("runs/1", "clean"),
        f"/f/{file}": ("runs/1", "clean"),
        "/diff/pred-0..pred-1": ("diff/1", "pred-1"),
        f"/impact/{run_id}": ("impact/1", "serve"),
        "/review": ("review/1", "1 flagged output"),
    }

    for path, (schema, word) in twins.items():
        as_json, as_text = empty.ask(f"{path}.json"), empty.ask(f"{path}.txt")
        assert (as_json.status, as_text.status) == (200, 200), path
        assert as_json.content["schema"] == f"backtrail.{schema}"
        assert as_text.headers["Content-Type"].startswith("text/plain")
        assert word in as_text.body
    for path in ("/r/nope", "/c/nope", "/f/nope", "/diff/a..b", "/impact/nope"):
        as_json, as_text = empty.ask(f"{path}.json"), empty.ask(f"{path}.txt")
        assert (as_json.status, as_text.status) == (404, 404), path
        assert as_json.content["title"]


def test_what_is_wrong_may_be_of_a_kind(empty: Served) -> None:
    empty.client.log("pred", component="serve")
    empty.client.flush()

    for kind in ("late", "other", "nonsense"):
        empty.ask("/flag/pred", "POST", f"note=since+noon&kind={kind}&by=ann")

    notes = [mark.note for mark in empty.client.marks("pred")]
    assert notes == ["since noon", "since noon", "late: since noon"]


def test_an_empty_page_says_how_to_begin(empty: Served) -> None:
    page = empty.ask("/").body

    assert "@bt.register(" in page
    assert "Load the example" not in page  # it is not the page of one's own machine
    assert empty.ask("/example", "POST").headers["Location"] == "/"
    assert empty.client.recent(1) == []


def test_pages_review_compare_and_look_downstream(empty: Served, tmp_path: Path) -> None:
    before = empty.ask("/review")
    record(empty.client, tmp_path)
    empty.client.flag("pred-1", "far too high", by="Ann")
    empty.client.flush()

    review = empty.ask("/review")
    compared = empty.ask("/diff/pred-0..pred-1")
    built = empty.ask("/impact/raw.csv")
    unknown = [empty.ask(path).status for path in ("/diff/pred-0..nope", "/diff/x", "/impact/nope")]

    assert "No output is flagged." in before.body
    assert "1 flagged output" in review.body
    assert "too few to tell anything from chance. Flag more that are wrong.</li>" in review.body
    assert "Ann: far too high" in review.body
    assert "No difference is known" in compared.body
    assert "raw.csv, every version" in built.body
    assert "bt impact" not in built.body
    assert unknown == [404, 404, 404]


def test_outputs_built_on_something_are_a_file_for_a_spreadsheet(empty: Served) -> None:
    for name in ("pred-1", "=1+1", "@sum(a)"):
        at = datetime(2026, 7, 1, tzinfo=timezone.utc)
        outputs = [Pointer(name, kind="output")]
        empty.client.record_run(
            "serve", run_id=f"of {name}", started_at=at, ended_at=at, inputs=["m"], outputs=outputs
        )
    empty.client.flag("pred-1", "too high", by="Ann")
    empty.client.flush()

    page = empty.ask("/impact/m")
    file = empty.ask("/impact/m.csv")

    assert '<a href="/impact/m.csv">CSV of all</a>' in page.body
    assert file.headers["Content-Type"].startswith("text/csv")
    lines = list(csv.reader(file.body.splitlines()))
    assert lines[0] == ["output", "component", "run", "written (UTC)", "flagged"]
    assert sorted((line[0], line[4]) for line in lines[1:]) == [
        ("'=1+1", ""),
        ("'@sum(a)", ""),
        ("pred-1", "yes"),
    ]
    assert empty.ask("/impact/nope.csv").status == 404


def plant_steps(client: Client, *, scored: int) -> None:
    """Record a step that a step is built on, and on that so many, which make an output each."""
    at = datetime(2026, 7, 1, tzinfo=timezone.utc)

    def put(component: str, run_id: str, reads: str, writes: str | Pointer) -> None:
        client.record_run(
            component, run_id=run_id, started_at=at, ended_at=at, inputs=[reads], outputs=[writes]
        )

    put("clean & sort", "the/first", "raw", "table")
    put("train", "train-1", "table", "model")
    for n in range(scored):
        put("score", f"score-{n}", "model", Pointer(f"pred-{n}", kind="output"))
    client.flush()


@pytest.mark.parametrize(
    ("scored", "leads_to"),
    [
        (3, ["/r/the%2Ffirst", "/r/train-1", "/r/score-0", "/r/score-1", "/r/score-2"]),
        (70, ["/r/the%2Ffirst", "/r/train-1", "/c/score"]),
    ],
)
def test_what_is_built_on_something_is_drawn_below_its_table(
    empty: Served, scored: int, leads_to: list[str]
) -> None:
    plant_steps(empty.client, scored=scored)

    page = empty.ask("/impact/the%2Ffirst").body
    picture = empty.ask("/impact/the%2Ffirst.svg")

    table, drawn = page.index("<table"), page.index("<svg")
    assert table < drawn
    links = re.findall(r'<a href="([^"]+)"><g role="img" aria-label="([^",]+)', page)
    assert sorted(at for at, _ in links) == sorted(leads_to)
    assert "+0 clean &amp; sort" in {label for _, label in links}
    assert all(empty.ask(at).status == 200 for at in leads_to)
    assert "<title>+0 clean &amp; sort gave +1 train table</title>" in page
    assert '<a href="/impact/the%2Ffirst.svg">' in page
    assert picture.headers["Content-Type"] == "image/svg+xml"
    assert picture.body.startswith("<svg")
    assert "<a " not in picture.body
    assert empty.ask("/impact/nope.svg").status == 404


def test_where_nothing_is_built_on_something_nothing_is_drawn(empty: Served) -> None:
    plant_steps(empty.client, scored=1)

    assert "<svg" not in empty.ask("/impact/score-0").body


def test_the_page_of_a_component_counts_runs_that_used_what_was_out_of_date(
    empty: Served,
) -> None:
    day = datetime(2026, 7, 1, tzinfo=timezone.utc)
    for hour, component, version in (
        *((0, "train", "v1"), (1, "serve", "v1"), (2, "train", "v2"), (3, "serve", "v1")),
        *((4, "serve", "v2"), (5, "serve", "v1")),
    ):
        at, model = day + timedelta(hours=hour), [Pointer("<model>", version=version)]
        made = component == "train"
        empty.client.record_run(
            component, run_id=f"run-{hour}", started_at=at, ended_at=at,
            inputs=[] if made else model, outputs=model if made else [],
            status="failed" if hour == 5 else "completed",
        )  # fmt: skip
    empty.client.flush()

    page = empty.ask("/c/serve").body
    of_train = empty.ask("/c/train").body

    assert "Of the last 4 runs, 1 failed. 2 used something that was out of date" in page
    assert re.findall(r'<li><a href="(/r/run-\d)">[^<]*</a> read &lt;model&gt; of', page) == [
        "/r/run-5",
        "/r/run-3",
    ]
    assert re.findall(r'<a class="(\w*)" href="/r/run-(\d)" title', page) == [
        *(("", "1"), ("warn", "3"), ("", "4"), ("bad", "5")),
    ]
    assert "None is known to have used something that was out of date" in of_train
    assert "What was out of date" not in of_train


def test_the_page_of_a_very_long_trace_begins_before_it_is_walked(empty: Served) -> None:
    at, runs = datetime(2026, 7, 1, tzinfo=timezone.utc), 4_000
    for n in range(runs):
        made = Pointer("pred-1", kind="output") if n == runs - 1 else f"v{n}"
        moment = at + timedelta(minutes=n)
        empty.client.record_run(
            "step",
            run_id=f"run-{n}",
            started_at=moment,
            ended_at=moment,
            inputs=[f"v{n - 1}"] if n else [],
            outputs=[made],
        )
    empty.client.flush(60)

    with urllib.request.urlopen(f"{empty.url}/o/pred-1", timeout=60) as answer:
        first = answer.read1(1 << 20).decode()
        rest = answer.read().decode()

    assert "by the step step" in first
    assert "data-key" not in first
    assert "4,000 runs" in rest
    assert (first + rest).count('<div id="trace"') == 1
    assert rest.endswith("</html>\n")
    assert empty.ask("/o/pred-1.json").content["output"]["name"] == "pred-1"


def test_an_output_is_flagged_from_its_page(empty: Served) -> None:
    empty.client.log("pred/1", component="serve")
    empty.client.flush()
    own = {"Origin": empty.url, "Content-Type": "application/x-www-form-urlencoded"}
    form = "note=far+too+high&by=Ann"

    page = empty.ask("/o/pred%2F1")
    shown = empty.ask("/flag/pred%2F1")
    foreign = empty.ask("/flag/pred%2F1", "POST", form, {**own, "Origin": "http://evil.example"})
    before = empty.client.flagged()
    done = empty.ask("/flag/pred%2F1", "POST", form, own)

    assert '<a href="/flag/pred%2F1">Flag this output</a>' in page.body
    assert (
        '<form class="mark" method="post" action="/flag/pred%2F1" aria-label="Flag">' in shown.body
    )
    assert (foreign.status, before) == (403, [])
    assert (done.status, done.headers["Location"]) == (303, "/o/pred%2F1")
    [flag] = empty.client.flagged()
    assert (flag.name, flag.note, flag.by) == ("pred/1", "far too high", "Ann")
    assert empty.ask("/flag/nope").status == 404


def test_it_answers_to_the_name_of_a_proxy_in_front(tmp_path: Path) -> None:
    verb = (*SERVER, "--allow-host", "traces.example")
    with serving(f"sqlite:///{tmp_path}/bt.db", tmp_path, *verb) as server:
        answers = [server.ask("/", headers={"Host": h}).status for h in ("traces.example", "b.a")]

    assert answers == [200, 421]


def test_a_part_of_an_id_leads_to_the_outputs_that_have_it(served: Served) -> None:
    page = served.ask("/o/red-")

    assert page.status == 404
    assert all(f'<a href="/o/pred-{n}">' in page.body for n in range(3))


def test_the_box_on_the_first_page_leads_to_the_output(served: Served) -> None:
    first = served.ask("/")
    led = served.ask("/o?id=+a%2Fb+")

    assert '<form class="box" action="/o">' in first.body
    assert 'href="/o/pred-1"' in first.body
    assert (led.status, led.headers["Location"]) == (303, "/o/a%2Fb")


def test_what_a_pipeline_named_is_text_and_never_html(empty: Served) -> None:
    name = '<img src=x onerror="alert(1)">'
    empty.client.log(name, component="serve")
    empty.client.flag(name, "<script>alert(1)</script>")
    empty.client.flush()

    pages = [empty.ask(path) for path in ("/", f"/o/{quote(name, safe='')}", "/o/%3Cscript%3E")]

    assert [page.status for page in pages] == [200, 200, 404]
    for page in pages:
        assert "<img" not in page.body
        assert page.body.count("<script") == 1  # our own.body
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_a_server_over_nothing_says_so_and_makes_no_database(empty: Served, tmp_path: Path) -> None:
    first = empty.ask("/")
    asked = empty.ask(f"{PREFIX}/backtrace?output=pred-1")
    listed = empty.ask(f"{PREFIX}/runs").content

    assert "Nothing has been recorded yet" in first.body
    assert (asked.status, empty.ask("/readyz").status) == (404, 200)
    assert (listed["runs"], listed["next"]) == ([], None)
    assert not (tmp_path / "bt.db").exists()


def test_runs_that_are_recorded_while_it_serves_are_found(empty: Served, tmp_path: Path) -> None:
    empty.ask("/")

    record(empty.client, tmp_path)

    assert empty.ask("/o/pred-1").status == 200


def test_a_store_that_is_away_is_a_503_that_says_when_to_try_again(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with serving(f"postgresql://nobody@127.0.0.1:{port}/none", tmp_path) as server:
            asked = server.ask(f"{PREFIX}/backtrace?output=pred-1")
            page = server.ask("/", headers={"Accept": "text/html"})
            states = server.ask("/healthz").status, server.ask("/readyz").status

    assert (asked.status, page.status, states) == (503, 503, (200, 503))
    assert asked.headers["Content-Type"] == "application/problem+json"
    assert int(asked.headers["Retry-After"]) > 0
    # Whoever reads pages reads it on one: which database, and how to go on.
    assert page.headers["Content-Type"].startswith("text/html")
    assert str(port) in page.body
    assert "Try again" in page.body


def test_a_browser_is_told_on_a_page_what_is_wrong(empty: Served) -> None:
    html = {"Accept": "text/html"}
    pages = [
        empty.ask("/nope", headers=html),
        empty.ask("/", "POST", "", {**html, "Origin": "http://evil.example"}),
    ]
    programs = [empty.ask("/nope"), empty.ask(f"{PREFIX}/nope", headers=html)]

    assert [page.status for page in pages] == [404, 403]
    assert all(page.headers["Content-Type"].startswith("text/html") for page in pages)
    assert {each.headers["Content-Type"] for each in programs} == {"application/problem+json"}


def test_it_counts_its_answers_and_logs_no_query(empty: Served, tmp_path: Path) -> None:
    empty.ask(f"{PREFIX}/find?q=a-private-word")

    metrics = empty.ask("/metrics")
    log = (tmp_path / "server.log").read_text()

    assert f"{PREFIX}/find" in log
    assert "a-private-word" not in log
    assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert re.search(
        r'^backtrail_http_requests_total\{method="GET",status="200"\} \d+$', metrics.body, re.M
    )


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_leaves_nothing_behind(
    empty: Served, tmp_path: Path, how: int
) -> None:
    record(empty.client, tmp_path)
    empty.post(f"{PREFIX}/flags", {"output": "pred-1"})

    empty.process.send_signal(how)

    assert empty.process.wait(timeout=20) == 0
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" not in log
    assert json.loads(log.splitlines()[-1])["path"] == f"{PREFIX}/flags"
    assert [each.name for each in empty.client.flagged()] == ["pred-1"]


def test_beyond_this_machine_it_listens_only_when_it_is_told_to(tmp_path: Path) -> None:
    refused = bt_on(f"sqlite:///{tmp_path}/bt.db", tmp_path)("server", "--host", "0.0.0.0")

    assert refused.returncode == 2
    assert "0.0.0.0 can be reached from other machines" in refused.stderr
    assert "--no-auth" in refused.stderr


def test_ui_serves_the_page_of_one_output(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    with closing(backtrail.connect(url)) as client:
        client.log("pred/1", component="serve")

    with serving(url, tmp_path, "ui", "pred/1", "--no-browser") as opened:
        page = opened.ask(urlsplit(opened.url).path)
    unknown = bt_on(url, tmp_path)("ui", "pred/2", "--no-browser")

    assert urlsplit(opened.url).path == "/o/pred%2F1"
    assert "Backtrace of pred/1" in page.body
    assert (unknown.returncode, "pred/1" in unknown.stderr) == (3, True)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = bt_on(f"sqlite:///{tmp_path}/bt.db", tmp_path)("server", "--port", port)

    assert refused.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in refused.stderr


def test_the_openapi_document_and_the_reference_list_every_route(empty: Served) -> None:
    described = empty.ask(f"{PREFIX}/openapi.json").content
    page = (ROOT / "docs/reference/http.md").read_text("utf-8")

    operations = {f"{each.method} {PREFIX}{each.path}" for each in OPERATIONS}
    operations |= {f"GET {PREFIX}/runs/{{run_id}}", f"POST {PREFIX}/records"}
    operations |= {f"POST {PREFIX}/lineage", f"POST {PREFIX}/lineage/batch"}
    assert {
        f"{method.upper()} {path}" for path, of in described["paths"].items() for method in of
    } == operations
    assert operations - set(re.findall(r"^\| `([A-Z]+ [^`?]+)", page, re.M)) == set()


words = st.text(max_size=30)


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    operation=st.sampled_from(OPERATIONS),
    values=st.lists(words, min_size=8, max_size=8),
    kept=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_no_request_meets_a_fault_of_ours(
    served: Served, operation: Any, values: list[str], kept: list[bool]
) -> None:
    fields = operation.takes.__struct_fields__
    told = {name: value for name, value, keep in zip(fields, values, kept, strict=False) if keep}
    if operation.method == "POST":
        answer = served.post(PREFIX + operation.path, told)
    else:
        pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in told.items())
        answer = served.ask(f"{PREFIX}{operation.path}?{pairs}", operation.method)

    assert answer.status in (200, 201, 400, 404, 409)
    kind = "application/json" if answer.status < 300 else "application/problem+json"
    assert answer.headers["Content-Type"] == kind
