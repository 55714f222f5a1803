"""``/api/v1/store``: the methods of the store, for clients that ask it from afar.

And whole questions, which a client would ask in many requests: see `store.transcript`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import BacktrailError, StoreUnavailableError
from ..query.questions import Question, question_named
from ..store import transcript
from ..store.calls import CALLS, MEDIA_TYPE, MOST_ARGUMENTS_BYTES, PREFIX, About, Call, packed
from ..store.transcript import NotingStore
from .access import caller, now_us
from .problems import RefusedError
from .routes import bounded_body

if TYPE_CHECKING:
    from ..client import Client
    from ..store.protocol import Store

_VERSIONS = "Client and server are of different versions: bring both to one."


def store_routes(client: Client, version: str) -> list[Route]:
    """Give the routes by which clients use the store of ``client``."""

    async def about(_request: Request) -> Response:
        who = caller.get()
        told = About(version, now_us(), *((who.name, who.scope) if who else ()))
        return Response(msgspec.json.encode(told), media_type="application/json")

    async def answer(request: Request) -> Response:
        call = CALLS.get(request.path_params["method"])
        if call is None:
            raise RefusedError(404, "this server knows no such method", _VERSIONS)
        arguments = await bounded_body(request, MOST_ARGUMENTS_BYTES)
        raw = await run_in_threadpool(_answer, client, call, arguments)
        return Response(raw, media_type=MEDIA_TYPE)

    async def ask_ahead(request: Request) -> Response:
        question = question_named(request.path_params["question"])
        if question is None:
            raise RefusedError(400, "this server knows no such question", _VERSIONS)
        told = await bounded_body(request)
        raw = await run_in_threadpool(_notes, client, question, told)
        return Response(raw, media_type=MEDIA_TYPE)

    return [
        Route(PREFIX.rstrip("/"), about, methods=["GET"]),
        Route(f"{PREFIX}{{method}}", answer, methods=["POST"]),
        Route(f"{transcript.PREFIX}{{question}}", ask_ahead, methods=["POST"]),
    ]


def _answer(client: Client, call: Call, arguments: bytes) -> bytes:
    if call.name == "add_audit":
        arguments = _as_caller(call, arguments)
    # Journals of this machine count as well; and nothing is drained to say where a journal is.
    if call.name not in ("positions", "upgrade"):
        client.take_in()
    try:
        return packed(call.answer(client.open_store(), arguments))
    except msgspec.MsgspecError as error:
        raise RefusedError(400, str(error), _VERSIONS) from error


def _notes(client: Client, question: Question, told: bytes) -> bytes:
    client.take_in()
    store = NotingStore(client.open_store())
    try:
        question.put(cast("Store", store), told)
    except msgspec.MsgspecError as error:
        raise RefusedError(400, str(error), _VERSIONS) from error
    except StoreUnavailableError:
        raise
    except BacktrailError:
        pass  # whoever asks comes to the same, and says it
    return packed(store.transcript)


def _as_caller(call: Call, arguments: bytes) -> bytes:
    """Let nobody sign with another name what is kept of what was done."""
    who = caller.get()
    if who is None:
        return arguments
    try:
        (rows,) = call.takes.decode(arguments)
    except msgspec.MsgspecError:
        return arguments  # refused as all that is not understood
    return packed([[row._replace(who=who.name) for row in rows]])
