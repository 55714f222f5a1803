"""``POST /api/v1/records``: batches of facts, kept all or none before they are acknowledged.

Whoever sends them is not trusted: what was unpacked is bounded, every value is checked
against the types of `model.facts`, and secrets are taken out as capture does. Facts are
idempotent, so a batch that is sent again counts once.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from ..model.facts import (
    BY_OBJECT,
    BY_RUN_ID,
    KIND_NAMES,
    STATUS_NAMES,
    Artifact,
    Batch,
    CodeFact,
    ComponentFact,
    EnvironmentFact,
    FlagFact,
    NoteFact,
    RunFact,
    SiteFact,
    SourceFact,
)
from ..model.identity import SEQ_MASK
from ..model.names import bounded
from ..model.redaction import redact_text, redact_value
from .access import audit_row
from .problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..client import Client
    from ..store.protocol import AuditRow

MOST_PACKED_BYTES = 16 << 20
MOST_UNPACKED_BYTES = 64 << 20
_HINT = "See docs/reference/http.md, POST /api/v1/records."
# Years 1 to 9999, in microseconds since 1970.
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
_READERS = {
    "application/json": msgspec.json.Decoder().decode,
    "application/msgpack": msgspec.msgpack.Decoder().decode,
}


class Batches(msgspec.Struct, forbid_unknown_fields=True):
    """What a request brings."""

    batches: list[Batch]


async def take_in(client: Client, request: Request, packed: bytes) -> dict[str, Any]:
    """Keep what a request brings, and give how much it was."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if media not in _READERS or coding not in ("gzip", "identity"):
        raise RefusedError(415, "the body must be JSON or msgpack, as it is or in gzip", _HINT)

    def keep() -> dict[str, Any]:
        batches = read(unpacked(packed) if coding == "gzip" else packed, media)
        store = client.open_store()
        store.take_in(batches)
        marks = list(_marks(batches))
        if marks:
            store.add_audit(marks)
        facts = sum(len(batch.facts) for batch in batches)
        return {"schema": "backtrail.records/1", "batches": len(batches), "facts": facts}

    return await run_in_threadpool(keep)


def unpacked(packed: bytes) -> bytes:
    """Give what was packed with gzip, unless it is too large, cut off or damaged."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        whole = unpacker.decompress(packed, MOST_UNPACKED_BYTES)
    except zlib.error as error:
        raise RefusedError(400, "the body is no gzip, or damaged", _HINT) from error
    if unpacker.unconsumed_tail:
        raise RefusedError(413, f"the body unpacks to more than {MOST_UNPACKED_BYTES:,} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise RefusedError(400, "the body is cut off, or has something behind its end", _HINT)
    return whole


def read(raw: bytes, media: str) -> list[Batch]:
    """Give the batches of a body, checked and without secrets."""
    try:
        told = msgspec.convert(_clean(_READERS[media](raw)), Batches).batches
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise RefusedError(400, str(error), _HINT) from error
    except RecursionError as error:
        raise RefusedError(400, "the body is nested too deeply", _HINT) from error
    for n, batch in enumerate(told):
        for wrong in _faults(batch):
            raise RefusedError(400, f"batch {n}: {wrong}", _HINT)
        _redact(batch)
    return told


def _clean(value: Any) -> Any:
    """Give decoded content without secrets in its texts, and nothing that no store can keep.

    Raises:
        ValueError: it holds something that is not of JSON, or a number out of range.
    """
    kind = type(value)
    if kind is str:
        return redact_text(value.replace("\0", "\\0") if "\0" in value else value)
    if kind is list:
        return [_clean(each) for each in value]
    if kind is dict:
        return {_key(key): each if key == "uid" else _clean(each) for key, each in value.items()}
    if kind is int and not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"the number {value} is out of range")
    if kind is float and not math.isfinite(value):
        raise ValueError("a number is not finite")
    if kind not in (int, float, bool, type(None)):
        raise ValueError(f"a value of type {kind.__name__} is not one of JSON")
    return value


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise ValueError(f"a key of type {type(key).__name__} is not one of JSON")
    return key.replace("\0", "\\0")


def _redact(batch: Batch) -> None:
    """Hide what stands under the name of a secret, as capture does; texts were looked at."""
    batch.writer = replace(batch.writer, info=redact_value(batch.writer.info))
    for n, fact in enumerate(batch.facts):
        if isinstance(fact, RunFact):
            fact.params = redact_value(fact.params)
            fact.writes = [each._replace(value=redact_value(each.value)) for each in fact.writes]
        elif isinstance(fact, ComponentFact):
            batch.facts[n] = replace(fact, changes=redact_value(fact.changes))
        elif isinstance(fact, EnvironmentFact):
            batch.facts[n] = replace(fact, packages=redact_value(fact.packages))


def _faults(batch: Batch) -> Iterator[str]:
    """Give what the types do not say, and is wrong."""
    writer = batch.writer
    if len(writer.uid) != 16:
        yield "the uid of a writer has 16 bytes"
    if min(batch.segment, batch.offset, batch.lost, writer.pid) < 0:
        yield "segment, offset, lost and pid are not negative"
    if not _is_time(writer.started_us):
        yield "started_us is no time"
    for n, fact in enumerate(batch.facts):
        if not _is_sound(fact):
            yield f"fact {n}: a number, a time or a name is out of range"


def _is_sound(fact: Any) -> bool:
    if isinstance(fact, (SiteFact, CodeFact)):
        return 0 <= fact.n <= SEQ_MASK
    if isinstance(fact, (SourceFact, FlagFact)):
        marked_us = fact.at_us if isinstance(fact, FlagFact) else 0
        state = fact.state if isinstance(fact, FlagFact) else "open"
        return _is_name(fact.artifact) and _is_time(marked_us) and state in ("open", "withdrawn")
    if not isinstance(fact, RunFact):
        return _is_time(getattr(fact, "at_us", 0))
    return (
        0 <= fact.seq <= SEQ_MASK
        and 0 <= fact.site <= SEQ_MASK
        and 0 <= fact.status < len(STATUS_NAMES)
        and _is_time(fact.started_us)
        and (fact.ended_us is None or _is_time(fact.ended_us))
        and (not isinstance(fact.parent, int) or 0 <= fact.parent <= SEQ_MASK)
        and all(_is_name(each.artifact) and _is_time(each.at_us) for each in fact.reads)
        and all(_is_name(each.artifact) and _is_time(each.at_us) for each in fact.writes)
        and all(_names_producer(each.how, each.producer) for each in fact.reads)
    )


def _names_producer(how: int, producer: int | str | None) -> bool:
    if how == BY_OBJECT and isinstance(producer, int):
        return 0 <= producer <= SEQ_MASK
    if how in (BY_OBJECT, BY_RUN_ID):
        return isinstance(producer, str)
    return how == 0 and producer is None


def _is_name(artifact: Artifact) -> bool:
    name, kind = artifact
    return bool(name) and bounded(name) == name and 0 <= kind < len(KIND_NAMES)


def _is_time(us: int) -> bool:
    return _FIRST_US <= us <= _LAST_US


def _marks(batches: list[Batch]) -> Iterator[AuditRow]:
    """Give what is kept of flags and notes: with their own time, so that once is once."""
    for batch in batches:
        for fact in batch.facts:
            if isinstance(fact, FlagFact):
                action = "flag" if fact.state == "open" else "unflag"
                yield audit_row(fact.at_us, action, fact.artifact.name)
            elif isinstance(fact, NoteFact):
                yield audit_row(fact.at_us, "note", fact.run_id)
