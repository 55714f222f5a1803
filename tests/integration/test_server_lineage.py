"""Events of OpenLineage: whatever order they come in, they tell of the same runs."""

from __future__ import annotations

import gzip
import itertools
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import column_lineage_dataset, error_message_run, parent_run
from openlineage.client.transport.http import HttpConfig, HttpTransport
from served import JSON, Served, serving

from backtrail import NotFoundError
from backtrail.server.lineage import dataset_name

pytestmark = pytest.mark.usefixtures("processes")

# Each example is two requests over HTTP: a quarter of what is usual.
EXAMPLES = settings.default.max_examples // 4  # type: ignore[union-attr]
ONE, BATCH = "/api/v1/lineage", "/api/v1/lineage/batch"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("lineage")
    with serving(f"sqlite:///{folder}/bt.db", folder) as found:
        yield found


def event(kind: str, at: str, run: str, job: str, **more: Any) -> dict[str, Any]:
    return {
        "eventType": kind,
        "eventTime": f"2026-11-01T{at}Z",
        "run": {"runId": run},
        "job": {"namespace": "default", "name": job},
        "producer": "https://example.com",
        **more,
    }


def file(path: str, **facets: Any) -> dict[str, Any]:
    return {"namespace": "file", "name": path, "facets": facets}


def two_jobs(mark: str) -> list[dict[str, Any]]:
    """Clean, then train on what was cleaned; what cleaning writes is said only at its start."""
    raw, clean, model = (file(f"/{mark}/{name}") for name in ("raw.csv", "clean.csv", "m.pkl"))
    return [
        event("START", "10:00:00", f"{mark}-a", "clean", inputs=[raw], outputs=[clean]),
        event("COMPLETE", "10:01:00", f"{mark}-a", "clean"),
        event("START", "10:02:00", f"{mark}-b", "train", inputs=[clean]),
        event("COMPLETE", "10:03:00", f"{mark}-b", "train", inputs=[clean], outputs=[model]),
    ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_order_in_which_events_come_means_nothing(
    served: Served, order: tuple[int, ...]
) -> None:
    mark = "".join(map(str, order))
    events = two_jobs(mark)
    for place in order:
        assert served.post(ONE, events[place]).status == 201

    frames = served.client.backtrace(f"/{mark}/m.pkl").frames
    assert [(frame.run.run_id, frame.run.status) for frame in frames] == [
        (f"{mark}-b", "completed"),
        (f"{mark}-a", "completed"),
    ]
    assert [frame.run.started_at.minute for frame in frames if frame.run.started_at] == [2, 0]


def test_a_batch_that_is_sent_again_counts_once(served: Served) -> None:
    events = two_jobs("again")
    for sent in (events, events[::-1], {"events": events}):
        answer = served.post(BATCH, sent)
        assert (answer.status, answer.content["summary"]["successful"]) == (201, 4)

    run = served.client.get_run("again-a")
    assert ([each.name for each in run.inputs], [each.name for each in run.outputs]) == (
        ["/again/raw.csv"],
        ["/again/clean.csv"],
    )
    assert served.client.backtrace("/again/m.pkl").output.other_writes == 0


@pytest.mark.parametrize(("kind", "status"), [("FAIL", "failed"), ("ABORT", "killed")])
def test_what_a_run_planned_and_did_not_write_was_not_written(
    served: Served, kind: str, status: str
) -> None:
    made = [file(f"/{kind}/made.csv")]
    served.post(ONE, event("START", "10:00:00", f"run-{kind}", "job", outputs=made))
    told = {"errorMessage": {"message": "disk full, password=hunter2hunter2"}}
    ended = event(kind, "10:01:00", f"run-{kind}", "job", outputs=made)
    ended["run"]["facets"] = told
    served.post(ONE, ended)

    run = served.client.get_run(f"run-{kind}")
    assert (run.status, run.outputs_total) == (status, 0)
    assert "disk full" in (run.error or "")
    assert "hunter2" not in (run.error or "")
    with pytest.raises(NotFoundError):
        served.client.backtrace(f"/{kind}/made.csv")


def test_two_jobs_may_have_one_run_id(served: Served) -> None:
    for job in ("extract", "load"):
        made = [file(f"/shared/{job}.csv")]
        served.post(ONE, event("COMPLETE", "10:00:00", "shared", job, outputs=made))

    for job, run_id in (("extract", "shared"), ("load", "shared/load")):
        run = served.client.backtrace(f"/shared/{job}.csv").frames[0].run
        assert (run.component, run.run_id) == (job, run_id)


def test_what_other_clients_send_is_understood(served: Served) -> None:
    upstream = {"job": {"namespace": "dag", "name": "first"}, "run": {"runId": "exact"}}
    served.post(ONE, event("COMPLETE", "09:00:00", "exact", "first"))
    said = event(
        *("complete", "10:00:00.123456789", "no uuid", "odd"),
        outputs=[{"namespace": "postgres://db:5432", "name": "shop.public.orders"}, {"name": 5}],
    )
    said["eventTime"] = "2026-11-01T10:00:00.123456789"  # no zone
    said["run"]["facets"] = {
        "whatever": {"_schemaURL": "https://x/ParentRunFacet.json", "run": {"runId": "the-dag"}},
        "jobDependencies": {"upstream": [upstream, 3]},
    }
    said["job"]["facets"] = {
        "ownership": {"owners": [{}, {"name": "team:data"}]},
        "documentation": {"description": "Makes the orders."},
    }
    body = gzip.compress(json.dumps(said).encode())
    assert served.ask(ONE, "POST", body, {"Content-Encoding": "gzip"}).status == 201

    trace = served.client.backtrace("postgres://db:5432/shop.public.orders")
    assert [frame.run.run_id for frame in trace.frames] == ["no uuid", "exact"]
    (component,) = [each for each in served.client.components() if each.name == "odd"]
    assert (component.owner, component.description) == ("team:data", "Makes the orders.")


@pytest.mark.parametrize("told", [{"job": {"name": "j"}}, {"dataset": {"name": "d"}}])
def test_events_that_tell_of_no_run_are_taken_and_keep_nothing(served: Served, told: Any) -> None:
    answer = served.post(ONE, told)
    assert (answer.status, answer.content["run_id"]) == (201, None)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("[1]", "an event is an object"),
        ("{}", "run.runId"),
        ('{"run": {"runId": "x"}}', "job.name"),
        ('{"run": ', "no JSON"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(served: Served, body: str, what: str) -> None:
    answer = served.ask(ONE, "POST", body, JSON)
    assert (answer.status, what in answer.content["title"]) == (400, True)


def test_of_a_batch_what_can_be_told_is_kept(served: Served) -> None:
    good = event("COMPLETE", "10:00:00", "half-good", "job")
    answer = served.post(BATCH, [{}, good, 7])
    assert (answer.status, answer.content["status"]) == (207, "partial_success")
    assert [each["index"] for each in answer.content["failed_events"]] == [0, 2]
    assert served.client.get_run("half-good").component == "job"
    assert served.post(BATCH, [{}]).status == 400


@pytest.mark.parametrize(
    ("namespace", "name", "known_as"),
    [
        ("file", "/a/b.csv", "/a/b.csv"),
        ("s3://bucket", "a/b", "s3://bucket/a/b"),
        ("s3://bucket/", "/a/b", "s3://bucket/a/b"),
        ("postgres://h:5432", "db.s.t", "postgres://h:5432/db.s.t"),
        ("bigquery", "p.d.t", "bigquery:p.d.t"),
        (None, "plain", "plain"),
    ],
)
def test_datasets_have_the_names_that_our_own_runs_give_them(
    namespace: str | None, name: str, known_as: str
) -> None:
    assert dataset_name(namespace, name) == known_as


def test_the_client_of_openlineage_itself_sends_here(served: Served, tmp_path: Path) -> None:
    transport = HttpTransport(HttpConfig.from_dict({"url": served.url, "endpoint": ONE[1:]}))
    client = OpenLineageClient(transport=transport)
    runs = [str(uuid.uuid4()) for _ in range(3)]
    orders = "s3://shop"

    def emit(run: str, name: str, state: RunState, minute: int, **more: Any) -> None:
        facets = more.pop("facets", {})
        at = f"2026-11-02T10:{minute:02}:00.000000+00:00"
        of = {"run": Run(runId=run, facets=facets), "job": Job("shop", name), "producer": "test"}
        client.emit(RunEvent(eventType=state, eventTime=at, **of, **more))

    emit(runs[0], "load", RunState.START, 0)
    made = [OutputDataset(orders, "orders.parquet")]
    emit(runs[0], "load", RunState.COMPLETE, 1, outputs=made)
    fields = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={
            "total": column_lineage_dataset.Fields(
                inputFields=[column_lineage_dataset.InputField(orders, "orders.parquet", "price")]
            )
        }
    )
    parent = parent_run.ParentRunFacet(parent_run.Run(runs[2]), parent_run.Job("shop", "dag"))
    made = [OutputDataset(orders, "totals.parquet", facets={"columnLineage": fields})]
    emit(runs[1], "sum", RunState.COMPLETE, 3, outputs=made, facets={"parent": parent})
    broken = {"errorMessage": error_message_run.ErrorMessageRunFacet("no rows", "SQL")}
    read = [InputDataset(orders, "totals.parquet")]
    emit(runs[2], "dag", RunState.FAIL, 4, inputs=read, facets=broken)

    frames = served.client.backtrace("s3://shop/totals.parquet").frames
    assert [(frame.run.run_id, frame.run.component) for frame in frames] == [
        (runs[1], "shop/sum"),
        (runs[0], "shop/load"),
    ]
    assert frames[0].run.parent_run_id == runs[2]
    assert served.client.get_run(runs[2]).error == "no rows"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "run runId job name namespace facets inputs outputs eventTime eventType parent"
                " fields inputFields upstream version datasetVersion columnLineage owners".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_json, st.sampled_from(["run", "job", "inputs", "outputs", "eventTime", "eventType", "x"]))
def test_no_event_is_too_odd_for_an_answer(served: Served, odd: Any, place: str) -> None:
    told = {**event("COMPLETE", "10:00:00", "odd-run", "odd-job"), place: odd}
    assert served.post(ONE, told).status in (201, 400)
    assert served.post(BATCH, [told, odd]).status in (201, 207, 400)
