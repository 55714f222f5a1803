"""``POST /api/v1/records``: batches of facts, kept all or none before they are acknowledged.

Whoever sends them is not trusted: what was unpacked is bounded, every value is checked
against the types of `model.facts`, and secrets are taken out as capture does. Facts are
idempotent, so a batch that is sent again counts once.
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Any, TypeVar, overload

import msgspec
from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from ..model.facts import (
    ASSIGNED,
    BY_OBJECT,
    BY_RUN_ID,
    CLOSED,
    KIND_NAMES,
    OPEN,
    STATUS_NAMES,
    Artifact,
    Batch,
    CodeFact,
    FlagFact,
    NoteFact,
    Read,
    RunFact,
    SiteFact,
    SourceFact,
    Write,
)
from ..model.identity import SEQ_MASK
from ..model.names import bounded
from ..model.redaction import redact_text, redact_value
from .access import audit_row
from .problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..client import Client
    from ..store.protocol import AuditRow

T = TypeVar("T")
MOST_PACKED_BYTES = 16 << 20
MOST_UNPACKED_BYTES = 64 << 20
_HINT = "See docs/reference/http.md, POST /api/v1/records."
# Years 1 to 9999, in microseconds since 1970.
_FIRST_US, _LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999


class Batches(msgspec.Struct, forbid_unknown_fields=True):
    """What a request brings."""

    batches: list[Batch]


_READERS: dict[str, Any] = {
    "application/json": msgspec.json.Decoder(Batches).decode,
    "application/msgpack": msgspec.msgpack.Decoder(Batches).decode,
}
# What a request costs is work of the interpreter, which does one thing at a time: several at
# once would take as long, and whoever asks something meanwhile would wait for each of them.
_one_at_a_time = CapacityLimiter(1)


async def take_in(client: Client, request: Request, packed: bytes) -> dict[str, Any]:
    """Keep what a request brings, and give how much it was."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _READERS:
        raise RefusedError(415, "the body must be JSON or msgpack", _HINT)
    unpack = unpacker_for(request)

    def keep() -> dict[str, Any]:
        batches = read(unpack(packed), media)
        store = client.open_store()
        store.take_in(batches)
        marks = list(_marks(batches))
        if marks:
            store.add_audit(marks)
        facts = sum(len(batch.facts) for batch in batches)
        return {"schema": "backtrail.records/1", "batches": len(batches), "facts": facts}

    return await in_turn(keep)


async def in_turn(keep: Callable[[], T]) -> T:
    """Do what one body comes to, in a thread, when those before it are done."""
    return await to_thread.run_sync(keep, limiter=_one_at_a_time)


def unpacker_for(request: Request) -> Callable[[bytes], bytes]:
    """Give what unpacks the body of a request.

    Raises:
        RefusedError: it is packed in another way than gzip.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("gzip", "identity"):
        raise RefusedError(415, "the body must be sent as it is, or in gzip", _HINT)
    return unpacked if coding == "gzip" else bytes


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
        told: list[Batch] = _READERS[media](raw).batches
        for batch in told:
            batch.writer = _cleaned(batch.writer)
            for n, fact in enumerate(batch.facts):
                if isinstance(fact, RunFact):
                    _clean_run(fact)
                else:
                    batch.facts[n] = _cleaned(fact)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise RefusedError(400, str(error), _HINT) from error
    except RecursionError as error:
        raise RefusedError(400, "the body is nested too deeply", _HINT) from error
    for n, batch in enumerate(told):
        for wrong in _faults(batch):
            raise RefusedError(400, f"batch {n}: {wrong}", _HINT)
    return told


def _clean_run(fact: RunFact) -> None:
    """Take secrets out of a run, and what no store can keep; errors as in `_clean`.

    There are many of these: what is clean already, as nearly all is, is left as it is.
    """
    fact.pipeline, fact.run_id = _text(fact.pipeline), _text(fact.run_id)
    fact.error, fact.host = _text(fact.error), _text(fact.host)
    if isinstance(fact.parent, str):
        fact.parent = _text(fact.parent)
    if fact.params is not None:
        fact.params = redact_value(_clean(fact.params))
    for n, (artifact, version, at_us, how, producer) in enumerate(fact.reads):
        name, word = _text(artifact.name), _text(version)
        named = _text(producer) if isinstance(producer, str) else producer
        if name is not artifact.name or word is not version or named is not producer:
            fact.reads[n] = Read(Artifact(name, artifact.kind), word, at_us, how, named)
    for n, (artifact, version, at_us, value) in enumerate(fact.writes):
        name, word = _text(artifact.name), _text(version)
        kept = value if value is None else redact_value(_clean(value))
        if name is not artifact.name or word is not version or kept is not value:
            fact.writes[n] = Write(Artifact(name, artifact.kind), word, at_us, kept)


def _cleaned(fact: Any) -> Any:
    """Give a fact without secrets; errors as in `_clean`."""
    fields = {name: _kept(name, value) for name, value in msgspec.structs.asdict(fact).items()}
    return msgspec.convert(fields, type(fact))


def _kept(name: str, value: Any) -> Any:
    if name == "uid":
        return value
    if isinstance(value, Artifact):
        return Artifact(_clean(value.name), value.kind)
    return redact_value(_clean(value)) if isinstance(value, dict) else _clean(value)


@overload
def _text(text: str) -> str: ...


@overload
def _text(text: str | None) -> str | None: ...


def _text(text: str | None) -> str | None:
    if text is None:
        return None
    return redact_text(text.replace("\0", "\\0") if "\0" in text else text)


def _clean(value: Any) -> Any:
    """Give decoded content without secrets in its texts, and nothing that no store can keep.

    Raises:
        ValueError: it holds something that is not of JSON, or a number out of range.
    """
    kind = type(value)
    if kind is str:
        return _text(value)
    if kind is list:
        return [_clean(each) for each in value]
    if kind is dict:
        return {_key(key): _clean(each) for key, each in value.items()}
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


def _faults(batch: Batch) -> Iterator[str]:
    """Give what the types do not say, and is wrong."""
    writer = batch.writer
    if len(writer.uid) != 16:
        yield "the uid of a writer has 16 bytes"
    counts = (batch.segment, batch.offset, batch.lost, writer.pid)
    if min(counts) < 0 or max(counts) >= 1 << 63:
        yield "segment, offset, lost or pid is out of range"
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
        state = fact.state if isinstance(fact, FlagFact) else OPEN
        return (
            _is_name(fact.artifact) and _is_time(marked_us) and state in (OPEN, ASSIGNED, *CLOSED)
        )
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


_ACTIONS = {OPEN: "flag", ASSIGNED: "assign"}


def _marks(batches: list[Batch]) -> Iterator[AuditRow]:
    """Give what is kept of flags and notes: with their own time, so that once is once."""
    for batch in batches:
        for fact in batch.facts:
            if isinstance(fact, FlagFact):
                action = _ACTIONS.get(fact.state, "unflag")
                yield audit_row(fact.at_us, action, fact.artifact.name)
            elif isinstance(fact, NoteFact):
                yield audit_row(fact.at_us, "note", fact.run_id)
