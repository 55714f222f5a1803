"""``POST /api/v1/lineage``: events of OpenLineage, kept as the runs that they tell of.

An event says what is known of a run at one moment: it may come before or after others of that
run, twice, or alone. Each is kept as a part of its run, and the store unites the parts. What an
event lists as outputs was written once the run completed; until then, and where it failed, it is
a plan (LINEAGE.md: an output that was only declared did not happen).

https://openlineage.io/spec/2-0-2/OpenLineage.json
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ..capture.pointers import Pointer
from ..errors import StoreUnavailableError
from ..model.facts import COMPLETED
from ..model.names import bounded
from ..model.times import to_datetime, to_us
from .access import now_us
from .problems import RefusedError

if TYPE_CHECKING:
    from ..client import Client
    from ..store.protocol import RunRow, Store

_HINT = "See docs/how-to/send-openlineage-events.md."
MOST_EVENTS = 10_000
_MOST_NAME = 200  # of a component
_STATUSES = {"COMPLETE": "completed", "FAIL": "failed", "ABORT": "killed"}
_COMMIT = re.compile(r"[0-9a-f]{7,64}\Z")
#: Under which parameter of a run it is kept what it is to write.
PLANNED = "planned_outputs"
Json = dict[str, Any]


class Event(NamedTuple):
    """What is taken of an event; ``status`` None where it does not end its run."""

    run_id: str
    job: str
    at_us: int
    status: str | None
    inputs: list[Pointer]
    outputs: list[Pointer]
    parent: str | None
    root: str | None
    error: str | None
    commit: str | None
    description: str | None
    owner: str | None


def keep_event(client: Client, raw: bytes) -> Json:
    """Keep one event, and give what came of it."""
    told = read_event(_decoded(raw))
    if told is not None:
        _keep(client, [told])
    return {"schema": "backtrail.lineage/1", "run_id": None if told is None else told.run_id}


def keep_events(client: Client, raw: bytes) -> tuple[Json, int]:
    """Keep the events of a batch that can be told; give what came of them, and the status."""
    found = _decoded(raw)
    events = found.get("events") if isinstance(found, dict) else found
    if not isinstance(events, list) or len(events) > MOST_EVENTS:
        raise RefusedError(400, f"a batch is a list of {MOST_EVENTS:,} events at most", _HINT)
    told: list[Event] = []
    failed: list[Json] = []
    for n, event in enumerate(events):
        try:
            one = read_event(event)
        except RefusedError as error:
            failed.append({"index": n, "reason": error.title, "retriable": False})
        else:
            told += [] if one is None else [one]
    _keep(client, told)
    summary = {
        "received": len(events),
        "successful": len(events) - len(failed),
        "failed": len(failed),
        "retriable": 0,
        "non_retriable": len(failed),
    }
    all_failed = bool(failed) and len(failed) == len(events)
    word = "failure" if all_failed else "partial_success" if failed else "success"
    answer = {
        "schema": "backtrail.lineage-batch/1",
        "status": word,
        "summary": summary,
        "failed_events": failed,
    }
    return answer, 400 if all_failed else 207 if failed else 201


# -- reading -------------------------------------------------------------------------


def read_event(event: Any) -> Event | None:
    """Give what an event tells of a run; None where it tells of a job or a dataset alone.

    Raises:
        RefusedError: it does not say of which run of which job it tells.
    """
    if not isinstance(event, dict):
        raise RefusedError(400, "an event is an object", _HINT)
    if "run" not in event and ("job" in event or "dataset" in event):
        return None
    run, job = _object(event, "run"), _object(event, "job")
    run_id, job_name = _said(run, "runId"), _said(job, "name")
    if run_id is None or job_name is None:
        lacking = "run.runId" if run_id is None else "job.name"
        raise RefusedError(400, f"an event needs a text for {lacking}", _HINT)
    facets, of_job = _object(run, "facets"), _object(job, "facets")
    parent = _facet(facets, "ParentRunFacet", "parent", "parentRun")
    outputs = [each for each in _list(event, "outputs") if _said(each, "name") is not None]
    inputs = [each for each in _list(event, "inputs") if _said(each, "name") is not None]
    return Event(
        bounded(run_id),
        _component(_said(job, "namespace"), job_name),
        _moment_us(event.get("eventTime")),
        _STATUSES.get(str(event.get("eventType", "")).upper()),
        [*map(_pointer, _each_once([*inputs, *_of_columns(outputs)])), *_upstream(facets)],
        [*map(_pointer, _each_once(outputs))],
        _said(_object(parent, "run"), "runId"),
        _said(_object(_object(parent, "root"), "run"), "runId"),
        _said(_facet(facets, "ErrorMessageRunFacet", "errorMessage"), "message"),
        _commit(_facet(of_job, "SourceCodeLocationJobFacet", "sourceCodeLocation")),
        _said(_facet(of_job, "DocumentationJobFacet", "documentation"), "description"),
        _owner(_facet(of_job, "OwnershipJobFacet", "ownership")),
    )


def dataset_name(namespace: str | None, name: str) -> str:
    """Give the name under which a dataset is known here: that of the file or object itself.

    As OpenLineage names them: a file is ``file`` and its path, an object its store and its key.
    """
    place = (namespace or "").rstrip("/")
    if place in ("", "file", "file:"):
        return name
    if "://" in place:
        return f"{place}/{name.lstrip('/')}"
    return f"{place}:{name}"


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(400, f"the body is no JSON: {error}", _HINT) from error


def _object(of: Any, name: str) -> Json:
    found = of.get(name) if isinstance(of, dict) else None
    return found if isinstance(found, dict) else {}


def _list(of: Json, name: str) -> list[Any]:
    found = of.get(name)
    return found if isinstance(found, list) else []


def _said(of: Any, name: str) -> str | None:
    """Give a text that is there and says something."""
    found = of.get(name) if isinstance(of, dict) else None
    if not isinstance(found, str) or not found.strip():
        return None
    return found.replace("\0", "\\0")


def _facet(facets: Json, kind: str, *names: str) -> Json:
    """Give a facet by the names it goes under, or by its schema, whose version does not count."""
    for name in names:
        if isinstance(facets.get(name), dict):
            return _object(facets, name)
    for name in facets:
        facet = _object(facets, name)
        if str(facet.get("_schemaURL", "")).endswith((f"/{kind}.json", f"/{kind}")):
            return facet
    return {}


def _component(namespace: str | None, job: str) -> str:
    """Give the component that a job is; the namespace tells jobs of one name apart."""
    name = job if namespace in (None, "default") else f"{namespace}/{job}"
    if len(name) <= _MOST_NAME:
        return name
    from hashlib import blake2b

    told_apart = blake2b(name.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{name[: _MOST_NAME - 20]}...{told_apart}"


def _moment_us(text: Any) -> int:
    """Give the time of an event; one that cannot be read is this moment, without a zone UTC."""
    try:
        # Nanoseconds, and Z, are read by Python from 3.11 on.
        plain = re.sub(r"(\.\d{6})\d+", r"\1", str(text)).replace("Z", "+00:00")
        at = datetime.fromisoformat(re.sub(r"\.(\d{1,5})(?=\D|$)", _six_digits, plain))
        return to_us(at if at.tzinfo is not None else at.replace(tzinfo=timezone.utc))
    except (ValueError, OverflowError):
        return now_us()


def _six_digits(part: re.Match[str]) -> str:
    return f".{part[1]:0<6}"


def _pointer(dataset: Json) -> Pointer:
    name = dataset_name(_said(dataset, "namespace"), dataset["name"].replace("\0", "\\0"))
    version = _facet(
        _object(dataset, "facets"), "DatasetVersionDatasetFacet", "version", "datasetVersion"
    )
    return Pointer(name, version=_said(version, "datasetVersion"), kind="data")


def _of_columns(outputs: Iterable[Json]) -> Iterator[Json]:
    """Give the datasets that columns of the outputs are made from: some name them only there."""
    for output in outputs:
        facets = _object(output, "facets")
        facet = _facet(facets, "ColumnLineageDatasetFacet", "columnLineage")
        named = [*_object(facet, "fields").values(), {"inputFields": _list(facet, "dataset")}]
        for field in named:
            if isinstance(field, dict):
                for each in _list(field, "inputFields"):
                    if _said(each, "name") is not None:
                        yield {"namespace": each.get("namespace"), "name": each["name"]}


def _each_once(datasets: Iterable[Json]) -> list[Json]:
    """Give each dataset once; the first time it is named says most."""
    found: dict[tuple[str | None, str], Json] = {}
    for each in datasets:
        found.setdefault((_said(each, "namespace"), each["name"]), each)
    return list(found.values())


def _upstream(facets: Json) -> Iterator[Pointer]:
    """Give the runs that this one waited for, where an orchestrator says which they were."""
    facet = _facet(facets, "JobDependenciesRunFacet", "jobDependencies")
    for each in _list(facet, "upstream"):
        job = _object(each, "job")
        run_id, name = _said(_object(each, "run"), "runId"), _said(job, "name")
        if run_id is not None and name is not None:
            yield Pointer(_component(_said(job, "namespace"), name), run_id=bounded(run_id))


def _commit(location: Json) -> str | None:
    version = _said(location, "version")
    return version if version is not None and _COMMIT.match(version) else None


def _owner(ownership: Json) -> str | None:
    names = (_said(each, "name") for each in _list(ownership, "owners"))
    return next((name for name in names if name is not None), None)


# -- keeping -------------------------------------------------------------------------


class _Known(NamedTuple):
    """What was told of a run so far: its end, where it completed, and what it planned to write."""

    job: str
    started_us: int
    completed_us: int | None
    planned: tuple[str, ...]


def _keep(client: Client, events: list[Event]) -> None:
    """Keep events, in the order in which they happened.

    Raises:
        StoreUnavailableError: not all are in the store yet; sent again, they count once.
    """
    if not events:
        return
    client.take_in()
    runs: dict[str, _Known] = {}
    for event in sorted(events, key=lambda each: each.at_us):
        run_id = _own_id(client.open_store(), runs, event)
        runs[run_id] = _keep_one(client, run_id, event, runs.get(run_id))
    if client.flush():
        raise StoreUnavailableError(
            "the events wait in the server's journal", hint="Send them again: they count once."
        )


def _own_id(store: Store, runs: dict[str, _Known], event: Event) -> str:
    """Give the id of the run of this job; another job's may have the same."""
    for run_id in (event.run_id, bounded(f"{event.run_id}/{event.job}")):
        if run_id not in runs:
            found = _in_store(store, run_id)
            if found is None:
                return run_id
            runs[run_id] = found
        if runs[run_id].job == event.job:
            return run_id
    return run_id


def _in_store(store: Store, run_id: str) -> _Known | None:
    key = store.key_of(run_id)
    if key is None:
        return None
    row = store.runs([key])[key]
    (component,) = store.components([row.component])
    completed = row.ended if row.status == COMPLETED else None
    return _Known(component.name, row.started, completed, _planned(row))


def _planned(row: RunRow) -> tuple[str, ...]:
    told = msgspec.json.decode(row.params) if row.params else {}
    return tuple(told.get(PLANNED, ())) if isinstance(told, dict) else ()


def _keep_one(client: Client, run_id: str, event: Event, known: _Known | None) -> _Known:
    planned = [str(each.name) for each in event.outputs]
    started_us = event.at_us if known is None else min(known.started_us, event.at_us)
    completed_us = None if known is None else known.completed_us
    planned_before = () if known is None else known.planned
    outputs: list[Pointer] = []
    if event.status == "completed":
        completed_us = event.at_us if completed_us is None else max(completed_us, event.at_us)
        outputs = event.outputs or [Pointer(name, kind="data") for name in planned_before]
    elif completed_us is not None:
        # It had ended before it was told what it would write.
        at = to_datetime(completed_us)
        outputs = [Pointer(each.name, each.version, "data", at=at) for each in event.outputs]
    if event.description is not None or event.owner is not None:
        client.create_or_retrieve_component(
            event.job, description=event.description, owner=event.owner
        )
    ends = event.status is not None
    client.record_run(
        event.job,
        run_id=run_id,
        started_at=_at(started_us),
        ended_at=_at(event.at_us) if ends else None,
        status=event.status or "running",
        inputs=event.inputs,
        outputs=outputs,
        params={PLANNED: planned} if planned and not ends else None,
        git_hash=event.commit,
        parent_run_id=event.parent,
        pipeline_run_id=event.root,
        error=event.error,
    )
    return _Known(event.job, started_us, completed_us, tuple(planned) or planned_before)


def _at(us: int) -> datetime:
    at = to_datetime(us)
    assert at is not None  # of a number
    return at
