"""The routes under ``/api/v1``: one table that serves requests, and describes itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..render.json import dumps
from . import answers, lineage, records, schemas
from .problems import MEDIA_TYPE, RefusedError

if TYPE_CHECKING:
    from ..client import Client

MOST_BODY_BYTES = 256 << 10


class Operation(NamedTuple):
    """One method of one route: what it takes, as a type that checks it, and who answers."""

    method: str
    path: str
    takes: type[msgspec.Struct]
    answer: Callable[[Client, Any], answers.Document]


OPERATIONS = (
    Operation("GET", "/backtrace", schemas.BacktraceQuery, answers.backtrace),
    Operation("GET", "/explain", schemas.BacktraceQuery, answers.explain),
    Operation("GET", "/impact", schemas.ImpactQuery, answers.impact),
    Operation("GET", "/diff", schemas.DiffQuery, answers.diff),
    Operation("GET", "/runs", schemas.RunsQuery, answers.runs),
    Operation("GET", "/components", schemas.Query, answers.components),
    Operation("GET", "/find", schemas.FindQuery, answers.find),
    Operation("GET", "/review", schemas.Query, answers.review),
    Operation("GET", "/stale", schemas.OutputQuery, answers.stale),
    Operation("GET", "/flags", schemas.Query, answers.flagged),
    Operation("POST", "/flags", schemas.FlagBody, answers.flag),
    Operation("DELETE", "/flags", schemas.UnflagQuery, answers.unflag),
    Operation("POST", "/flags/assignee", schemas.AssignBody, answers.assign),
    Operation("POST", "/notes", schemas.NoteBody, answers.note),
)
PREFIX = "/api/v1"


def api_routes(client: Client, version: str) -> list[Route]:
    """Give the routes of the API of this version of ours, over a client."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    routes = [
        Route(f"{PREFIX}{path}", _endpoint(client, methods), methods=list(methods))
        for path, methods in by_path.items()
    ]

    async def one_run(request: Request) -> Response:
        run_id = request.path_params["run_id"]
        return document(await run_in_threadpool(answers.run, client, run_id))

    async def take_in(request: Request) -> Response:
        packed = await bounded_body(request, records.MOST_PACKED_BYTES)
        return document(await records.take_in(client, request, packed), 201)

    async def keep_event(request: Request) -> Response:
        raw = await _body_of_events(request)
        return document(await records.in_turn(lambda: lineage.keep_event(client, raw)), 201)

    async def keep_events(request: Request) -> Response:
        raw = await _body_of_events(request)
        found, status = await records.in_turn(lambda: lineage.keep_events(client, raw))
        return document(found, status)

    async def about_itself(_request: Request) -> Response:
        return document(openapi(version))

    routes.append(Route(f"{PREFIX}/runs/{{run_id}}", one_run))
    routes.append(Route(f"{PREFIX}/records", take_in, methods=["POST"]))
    routes.append(Route(f"{PREFIX}/lineage", keep_event, methods=["POST"]))
    routes.append(Route(f"{PREFIX}/lineage/batch", keep_events, methods=["POST"]))
    routes.append(Route(f"{PREFIX}/openapi.json", about_itself))
    return routes


def document(content: answers.Document, status: int = 200) -> Response:
    """Give a response of JSON."""
    return Response(dumps(content), status, media_type="application/json")


def _endpoint(client: Client, methods: dict[str, Operation]) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        operation = methods["GET" if request.method == "HEAD" else request.method]
        posted = operation.method == "POST"
        told = await _body(request, operation.takes) if posted else _query(request, operation.takes)
        found = await run_in_threadpool(operation.answer, client, told)
        return document(found, 201 if posted else 200)

    return answer


def _query(request: Request, kind: type[msgspec.Struct]) -> msgspec.Struct:
    given = request.query_params.multi_items()
    if len(dict(given)) < len(given):
        raise RefusedError(400, "a parameter is given twice")
    return checked(lambda: msgspec.convert(dict(given), kind, strict=False))


async def _body(request: Request, kind: type[msgspec.Struct]) -> msgspec.Struct:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        # Also: a form of another site cannot send this type without being asked about.
        raise RefusedError(415, "the body must be JSON", "Send Content-Type: application/json.")
    raw = await bounded_body(request)
    return checked(lambda: msgspec.json.decode(raw, type=kind))


async def bounded_body(request: Request, most_bytes: int = MOST_BODY_BYTES) -> bytes:
    """Give the body of a request, unless it is too large."""
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > most_bytes:
            raise RefusedError(413, f"the body is larger than {most_bytes:,} bytes")
    return bytes(raw)


async def posted_form(request: Request) -> list[tuple[str, str]]:
    """Give the fields of a form that were filled in, in their order."""
    return parse_qsl((await bounded_body(request)).decode("utf-8", "replace"))


async def _body_of_events(request: Request) -> bytes:
    """Give a body of OpenLineage, whose clients do not all say that it is JSON."""
    unpack = records.unpacker_for(request)
    return unpack(await bounded_body(request, records.MOST_PACKED_BYTES))


Checked = TypeVar("Checked", bound=msgspec.Struct)


def checked(read: Callable[[], Checked]) -> Checked:
    """Give what was read, or refuse the request for what is wrong with it."""
    try:
        return read()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(400, str(error), "See /api/v1/openapi.json.") from error


def openapi(version: str) -> dict[str, Any]:
    """Give the OpenAPI document, from the types that check the requests."""
    described, components = msgspec.json.schema_components(
        [*(operation.takes for operation in OPERATIONS), records.Batches],
        ref_template="#/components/schemas/{name}",
    )
    paths: dict[str, dict[str, Any]] = {}
    *schemas_of, of_records = described
    for operation, schema in zip(OPERATIONS, schemas_of, strict=True):
        about = _described(operation.answer.__name__, operation.answer.__doc__ or "")
        if operation.method == "POST":
            _posted(about, schema, "application/json")
        else:
            fields = components[operation.takes.__name__]
            about["parameters"] = [
                _parameter(name, "query", of, required=name in fields["required"])
                for name, of in fields["properties"].items()
            ]
        path = paths.setdefault(f"{PREFIX}{operation.path}", {})
        path[operation.method.lower()] = about
    kept = _described("records", "Keep batches of facts, all or none")
    _posted(kept, of_records, "application/json", "application/msgpack")
    paths[f"{PREFIX}/records"] = {"post": kept}
    paths.update(_of_lineage())
    one = _described("run", answers.run.__doc__ or "")
    one["parameters"] = [_parameter("run_id", "path", {"type": "string"}, required=True)]
    paths[f"{PREFIX}/runs/{{run_id}}"] = {"get": one}
    return {
        "openapi": "3.1.0",
        "info": {"title": "backtrail", "version": version},
        "paths": paths,
        "components": {"schemas": components},
    }


def _of_lineage() -> dict[str, Any]:
    """Give the paths of OpenLineage, whose events have a schema of their own."""
    one = {"type": "object", "description": "An event of OpenLineage: RunEvent and others."}
    several = {"type": "array", "items": one, "maxItems": lineage.MOST_EVENTS}
    paths: dict[str, Any] = {}
    for name, does, schema in (
        ("lineage", "Keep what an event of OpenLineage tells of a run", one),
        ("lineage/batch", "Keep what events of OpenLineage tell of runs", several),
    ):
        about = _described(name.replace("/", "_"), does)
        _posted(about, schema, "application/json")
        paths[f"{PREFIX}/{name}"] = {"post": about}
    some = "Of some events it cannot be told to which run they belong."
    answered = about["responses"]
    answered["207"] = {**answered["201"], "description": some}
    none = {**answered["201"]["content"], **answered["default"]["content"]}
    answered["400"] = {"description": "Nothing of it can be kept.", "content": none}
    return paths


def _described(name: str, summary: str) -> dict[str, Any]:
    problem = {
        "type": "object",
        "required": ["type", "title", "status", "hint", "closest"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "hint": {"type": "string"},
            "closest": {"type": "array", "items": {"type": "string"}},
        },
    }
    answered = {
        "type": "object",
        "required": ["schema"],
        "properties": {"schema": {"type": "string"}},
    }
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": {"application/json": {"schema": answered}}},
            "default": {
                "description": "What went wrong, and what to do next.",
                "content": {MEDIA_TYPE: {"schema": problem}},
            },
        },
    }


def _posted(about: dict[str, Any], schema: Any, *media: str) -> None:
    """Say of an operation that it takes a body."""
    content = {each: {"schema": schema} for each in media}
    about["requestBody"] = {"required": True, "content": content}
    about["responses"]["201"] = about["responses"].pop("200")


def _parameter(name: str, place: str, schema: Any, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}
