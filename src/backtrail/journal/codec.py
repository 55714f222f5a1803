"""A fact <-> the bytes of one spool record.

A record is a msgpack array whose first element tells what it is. Texts that
recur (paths, versions) and artifacts are defined once a segment and then named
by a small integer, so that the record of a call takes 15 to 60 bytes. Every
segment can be read by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ..model.facts import (
    BY_NAME,
    Artifact,
    CodeFact,
    ComponentFact,
    EnvironmentFact,
    Fact,
    FlagFact,
    NoteFact,
    Part,
    PipelineFact,
    RunFact,
    SiteFact,
    SourceFact,
    WriterFact,
)

TEXT, ARTIFACT, SITE, RUN, COMPONENT, CODE, PIPELINE, SOURCE = range(8)
ENVIRONMENT, FLAG, NOTE = range(8, 11)
_OUTPUT = 4  # facts.KIND_CODES["output"]: output ids do not recur, so they are not numbered
DEFINITIONS = frozenset((TEXT, ARTIFACT, SITE))

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_UNENCODABLE = (TypeError, OverflowError, ValueError, RecursionError)


class DamagedRecordError(ValueError):
    """A record passed its checksum but says nothing this version understands."""


def encode(wire: Any) -> bytes:
    """Give the bytes of one record from its array.

    What msgpack cannot hold (a number beyond 64 bits, a lone surrogate, an
    object) is kept as a text that can: a record is never lost for its content.
    """
    try:
        return _encode(wire)
    except _UNENCODABLE:
        return _encode(_encodable(wire, 0))


def _encodable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return str(value) if value.bit_length() < 10_000 else "(a number too large to keep)"
    if value is None or isinstance(value, (bool, int, float, bytes)):
        return value
    if depth > 20:
        return "(nested too deep)"
    if isinstance(value, dict):
        return {str(_encodable(k, 20)): _encodable(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encodable(each, depth + 1) for each in value]
    return f"({type(value).__name__})"


def wire_of(fact: Fact) -> list[Any]:
    """Give the array of a fact that is not on the hot path.

    Runs go through `SegmentEncoder.run`, which names texts by number.
    """
    if isinstance(fact, SiteFact):
        return [SITE, fact.n, fact.component, fact.file, fact.line, fact.function, fact.git_hash]
    if isinstance(fact, CodeFact):
        return [CODE, fact.n, fact.file, fact.git_hash, fact.dirty, fact.digest, fact.source]
    if isinstance(fact, ComponentFact):
        return [COMPONENT, fact.name, fact.at_us, fact.changes]
    if isinstance(fact, PipelineFact):
        return [PIPELINE, fact.run_id, fact.name, fact.at_us]
    if isinstance(fact, SourceFact):
        return [SOURCE, *fact.artifact]
    if isinstance(fact, EnvironmentFact):
        return [ENVIRONMENT, fact.digest, fact.packages]
    if isinstance(fact, FlagFact):
        return [FLAG, *fact.artifact, fact.at_us, fact.state, fact.note, fact.by]
    if isinstance(fact, NoteFact):
        return [NOTE, fact.run_id, fact.at_us, fact.text, fact.by]
    raise TypeError(f"{type(fact).__name__} has no record of its own")


def encode_writer(writer: WriterFact) -> bytes:
    """Give the bytes that a segment's header keeps of its writer."""
    return _encode(writer)


_decode_writer = msgspec.msgpack.Decoder(WriterFact).decode


def decode_writer(data: bytes) -> WriterFact:
    """Read what `encode_writer` gave."""
    return _decode_writer(data)


class SegmentFullError(Exception):
    """A definition found no room: what needs it goes to the next segment, and is defined there."""


class SegmentEncoder:
    """Turns facts into the records of one segment; threads may share it without a lock.

    A number is taken, its definition appended, and only then made known. So two
    threads may define one text twice, which does no harm, and whatever a signal
    handler cuts short by raising is never referred to.

    Args:
        append: puts a record into the segment; False when there is no room.
    """

    __slots__ = ("_append", "_artifacts", "_next", "_texts", "_wires", "sites")

    def __init__(self, append: Callable[[bytes], bool]) -> None:
        self._append = append
        self._next = itertools.count(1).__next__
        self._texts: dict[str, int] = {}
        self._artifacts: dict[Artifact, int] = {}
        self._wires: dict[int, tuple[Any, Any]] = {}
        self.sites: set[int] = set()

    def run(
        self,
        run: Part,
        writes: Sequence[Any],
        ended_us: int | None,
        status: int,
        error: str | None,
        run_id: str | None,
        host: str | None,
    ) -> bytes:
        """Give the record of a run as it stands; fields as in `RunFact`.

        Raises:
            SegmentFullError: a definition that it needs has no room.
        """
        started_us, reads = run.started_us, run.reads
        wires: list[tuple[Any, ...]] = []
        for write in writes:
            artifact, version, at_us, value = write
            if artifact[1] != _OUTPUT or version is not None:
                wires.append(self._write(write, started_us))
            elif value is None:
                wires.append((artifact, None, at_us - started_us))
            else:
                wires.append((artifact, None, at_us - started_us, value))
        wire: tuple[Any, ...] = (
            RUN,
            run.seq,
            run.site,
            started_us,
            None if ended_us is None else ended_us - started_us,
            status,
            run.parent_run,
            run.pipeline,
            run.params,
            reads and self._reads(reads, started_us),
            wires,
        )
        if error is not None or run_id is not None or host is not None:
            wire += (error, run_id, host)
        try:  # `encode`, without the cost of calling it
            return _encode(wire)
        except _UNENCODABLE:
            return encode(wire)

    def define_site(self, site: SiteFact) -> None:
        """Define a site, so that runs can name it by number.

        Raises:
            SegmentFullError: it has no room.
        """
        self._define(wire_of(site))
        self.sites.add(site.n)

    def _define(self, wire: list[Any]) -> None:
        if not self._append(encode(wire)):
            raise SegmentFullError

    def _text(self, text: str) -> int:
        number = self._texts.get(text)
        if number is None:
            number = self._next()
            self._define([TEXT, number, text])
            self._texts[text] = number
        return number

    def _artifact(self, artifact: Artifact) -> int:
        number = self._artifacts.get(artifact)
        if number is None:
            number = self._next()
            self._define([ARTIFACT, number, artifact[0], artifact[1]])
            self._artifacts[artifact] = number
        return number

    def _reads(self, reads: Sequence[Any], start: int) -> Sequence[tuple[Any, ...]]:
        # A declared input reads the same in every call until the file changes, and
        # is then the same object: looked up by identity, since hashing takes longer.
        known = self._wires.get(id(reads))
        if known is not None and known[0] is reads:
            wires: Sequence[tuple[Any, ...]] = known[1]
            return wires
        wires = []
        recur = reads.__class__ is tuple
        for read in reads:
            known = self._wires.get(id(read))
            if known is not None and known[0] is read:
                wires.append(known[1])
                continue
            wire = self._read(read, start)
            wires.append(wire)
            if read[2] is None and not read[3]:
                self._wires[id(read)] = (read, wire)
            else:
                recur = False
        if recur:
            self._wires[id(reads)] = (reads, wires)
        return wires

    def _read(self, read: Any, start: int) -> tuple[Any, ...]:
        artifact, version, at_us, how, producer = read
        number = self._artifact(artifact)
        if version is not None:
            version = self._text(version)
        wire: tuple[Any, ...] = (number, version, 0 if at_us is None else at_us - start)
        return (*wire, how, producer) if how else wire

    def _write(self, write: Any, start: int) -> tuple[Any, ...]:
        artifact, version, at_us, value = write
        name = artifact
        if artifact[1] != _OUTPUT:
            name = self._artifact(artifact)
            if version is not None:
                version = self._text(version)
        if value is None:
            return (name, version, at_us - start)
        return (name, version, at_us - start, value)


class SegmentDecoder:
    """Turns the records of one segment, given in order, back into facts."""

    __slots__ = ("_artifacts", "_texts")

    def __init__(self) -> None:
        self._texts: dict[int, str] = {}
        self._artifacts: dict[int, tuple[str, int]] = {}

    def decode(self, payload: bytes) -> Fact | None:
        """Give the record's fact, or None for a definition that only the segment needs.

        Raises:
            DamagedRecordError: the record cannot be understood.
        """
        try:
            wire = _decode(payload)
            what = wire[0]
            if what == RUN:
                return self._run(wire)
            if what == TEXT:
                self._texts[wire[1]] = wire[2]
                return None
            if what == ARTIFACT:
                self._artifacts[wire[1]] = (wire[2], wire[3])
                return None
            return _rare(wire)
        except (msgspec.DecodeError, LookupError, TypeError, ValueError) as error:
            raise DamagedRecordError(str(error)) from error

    def _run(self, wire: list[Any]) -> RunFact:
        _, seq, site, start, took, status, parent, pipeline, params, reads, writes = wire[:11]
        error = run_id = host = None
        if len(wire) > 11:
            error, run_id, host = wire[11:14]
        return RunFact(
            seq,
            site,
            start,
            None if took is None else start + took,
            status,
            parent,
            pipeline,
            params,
            self._reads(reads, start) if reads else [],
            self._writes(writes, start) if writes else [],
            error,
            run_id,
            host,
        )

    # Reads and writes are plain tuples, not `Read` and `Write`: those take twice the
    # time to make, and the garbage collector goes through them again and again.

    def _reads(self, wires: list[Any], start: int) -> list[Any]:
        texts, artifacts = self._texts, self._artifacts
        reads: list[Any] = []
        for wire in wires:
            if len(wire) == 3:
                name, version, after = wire
                how, producer = BY_NAME, None
            else:
                name, version, after, how, producer = wire
            if version.__class__ is int:
                version = texts[version]
            reads.append((artifacts[name], version, start + after, how, producer))
        return reads

    def _writes(self, wires: list[Any], start: int) -> list[Any]:
        writes: list[Any] = []
        for wire in wires:
            if len(wire) == 3:
                name, version, after = wire
                value = None
            else:
                name, version, after, value = wire
            if version.__class__ is int:
                version = self._texts[version]
            artifact = self._artifacts[name] if name.__class__ is int else (name[0], name[1])
            writes.append((artifact, version, start + after, value))
        return writes


def _rare(wire: list[Any]) -> Fact:
    what = wire[0]
    if what == SITE:
        return SiteFact(*wire[1:])
    if what == CODE:
        return CodeFact(*wire[1:])
    if what == COMPONENT:
        return ComponentFact(*wire[1:])
    if what == PIPELINE:
        return PipelineFact(*wire[1:])
    if what == SOURCE:
        return SourceFact(Artifact(wire[1], wire[2]))
    if what == ENVIRONMENT:
        return EnvironmentFact(*wire[1:])
    if what == FLAG:
        return FlagFact(Artifact(wire[1], wire[2]), *wire[3:])
    if what == NOTE:
        return NoteFact(*wire[1:])
    raise ValueError(f"unknown record type {what!r}")
