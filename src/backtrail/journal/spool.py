"""Append to this process's spool; what was appended survives `kill -9`.

One spool a process, in segments. Appending copies a few dozen bytes into
memory that the kernel already counts as the file's, so no call waits for a
disk, a database or another thread's input and output.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path
from typing import Any

from ..model.facts import Artifact, CodeFact, Fact, Part, SiteFact, Write, WriterFact
from .codec import ARTIFACT, RUN, TEXT, encode, wire_of
from .segment import SegmentWriter, segment_name

_log = logging.getLogger("backtrail")

FIRST_SEGMENT_BYTES = 256 << 10
MOST_SEGMENT_BYTES = 1 << 20
MOST_MEMORY_BYTES = 32 << 20
_OUTPUT = 4  # facts.KIND_CODES["output"]: output ids do not recur, so they are not numbered


class Spool:
    """What this process has recorded and no store has confirmed yet.

    Args:
        folders: where segments may lie, the preferred one first. If none can be
            written to, segments stay in memory (up to 32 MiB) until one can.
        describe_writer: gives the writer of this process; called again in a
            forked child, which is a writer of its own.
        warn: told what fails.
        sync: each record waits until the disk has it.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        describe_writer: Callable[[], WriterFact],
        warn: Callable[[str], None],
        *,
        sync: bool = False,
    ) -> None:
        self._folders = list(folders)
        self._describe_writer = describe_writer
        self._warn = warn
        self._sync = sync
        self._sites: dict[int, SiteFact] = {}
        self._start()

    def _start(self) -> None:
        self._lock = threading.RLock()
        self._writing = False
        self._late: deque[Fact | tuple[Any, ...]] = deque()
        self._segment: SegmentWriter | None = None
        self._in_memory: list[SegmentWriter] = []
        self._next_number = 0
        self._next_size = FIRST_SEGMENT_BYTES
        self._texts: dict[str, int] = {}
        self._artifacts: dict[Artifact, int] = {}
        self._wires: dict[int, tuple[Any, Any]] = {}
        self._known_sites: set[int] = set()
        self._overflowed = False  # a definition found no room in this segment
        self._writer: WriterFact | None = None
        self.appended = 0
        self.dropped = 0

    @property
    def writer(self) -> WriterFact:
        """The writer of this process, made when first asked for."""
        if self._writer is None:
            self._writer = self._describe_writer()
        return self._writer

    def end(self) -> tuple[int, int]:
        """Give the segment and offset that lie behind all that was appended."""
        segment = self._segment
        if segment is None:
            return self._next_number, 0
        return segment.number, segment.position

    @property
    def in_memory(self) -> int:
        """How many records found no place on disk yet."""
        held = sum(segment.records for segment in self._in_memory)
        current = self._segment
        return held + (current.records if current is not None and current.path is None else 0)

    def add_site(self, site: SiteFact) -> None:
        """Make a registered function known, so that runs can name it by number."""
        self._sites[site.n] = site

    def add_run(
        self,
        run: Part,
        writes: Sequence[Write | tuple[Any, ...]],
        ended_us: int | None,
        status: int,
        error: str | None = None,
        run_id: str | None = None,
        host: str | None = None,
    ) -> None:
        """Append a run as it stands, with these writes; ``ended_us`` None is a part of one."""
        # `with`, since a signal handler may raise between a call and the next line.
        with self._lock:
            if self._writing:
                # A signal handler or a finalizer records in the middle of our own
                # record: its turn comes when that one is whole.
                self._late.append((copy(run), writes, ended_us, status, error, run_id, host))
                return
            self._writing = True
            try:
                site, started_us, reads = run.site, run.started_us, run.reads
                while True:
                    if site not in self._known_sites:
                        self._define_site(site)
                    wire: tuple[Any, ...] = (
                        RUN,
                        run.seq,
                        site,
                        started_us,
                        None if ended_us is None else ended_us - started_us,
                        status,
                        run.parent_run,
                        run.pipeline,
                        run.params,
                        reads and self._wire_reads(reads, started_us),
                        writes and self._wire_writes(writes, started_us),
                    )
                    if error is not None or run_id is not None or host is not None:
                        wire += (error, run_id, host)
                    payload = encode(wire)
                    segment = self._segment
                    if segment is not None and not self._overflowed and segment.put(payload):
                        break
                    self._roll(len(payload))
                segment.records += 1
                self.appended += 1
            finally:
                self._writing = False
        if self._late:
            self._catch_up()

    def add(self, fact: Fact) -> None:
        """Append any other fact."""
        if isinstance(fact, SiteFact):
            self.add_site(fact)
            return
        payload = encode(wire_of(fact))
        with self._lock:
            if self._writing:
                self._late.append(fact)
                return
            self._writing = True
            try:
                while True:
                    if isinstance(fact, CodeFact) and fact.n not in self._known_sites:
                        self._define_site(fact.n)
                    if self._put(payload):
                        break
                self.appended += 1
            finally:
                self._writing = False
        if self._late:
            self._catch_up()

    def settle(self) -> None:
        """Find segments a place on disk that have none, or whose file was deleted."""
        with self._lock:
            if self._writing:
                return
            while self._in_memory and self._place(self._in_memory[0]):
                self._in_memory.pop(0).seal()
            if self._segment is not None and not self._in_memory:
                self._place(self._segment)

    def close(self) -> None:
        """Seal the spool; whoever drains it next knows that the writer has ended."""
        with self._lock:
            self.settle()
            if self._segment is not None:
                if self._segment.path is None:
                    self._report_dropped("it ended")
                self._segment.seal(ended=True)
                self._segment = None
                # Whatever is still recorded after this begins a spool anew.
                self._start()

    def restart_in_child(self) -> None:
        """Leave the parent's spool to the parent: this process is another writer."""
        held = [*self._in_memory, *([self._segment] if self._segment else [])]
        self._start()
        for segment in held:
            segment.release()

    def _put(self, payload: bytes) -> bool:
        """Append a record; False when a new segment had to be begun instead.

        The new one knows none of the old one's numbers, so the caller encodes
        again. Each try that fails makes the next segment larger.
        """
        segment = self._segment
        if segment is None or self._overflowed or not segment.put(payload):
            self._roll(len(payload))
            return False
        segment.records += 1
        return True

    def _roll(self, payload_bytes: int) -> None:
        old, number = self._segment, self._next_number
        size = max(self._next_size, 2 * payload_bytes + 4096)
        if old is not None and old.records == 0:
            # Not even one record fitted beside its definitions.
            size = max(size, 4 * old.size)
        self._segment = self._new_segment(number, size)
        self._next_number = number + 1
        self._next_size = min(2 * self._next_size, MOST_SEGMENT_BYTES)
        self._overflowed = False
        self._texts.clear()
        self._artifacts.clear()
        self._wires.clear()
        self._known_sites.clear()
        # Last, since a signal handler may raise at any point here: the segment
        # that is written to is then never one that is closed.
        if old is not None:
            if old.path is None:
                self._keep_in_memory(old)
            else:
                old.seal()

    def _new_segment(self, number: int, size: int) -> SegmentWriter:
        writer = self.writer
        if not self._in_memory:
            for folder in self._folders:
                path = folder / segment_name(writer.uid, number)
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                    return SegmentWriter(path, number, size, writer, sync=self._sync)
                except OSError as error:
                    self._warn(f"cannot write its journal in {folder}: {error.strerror}")
        return SegmentWriter(None, number, size, writer)

    def _keep_in_memory(self, segment: SegmentWriter) -> None:
        self._in_memory.append(segment)
        while sum(each.size for each in self._in_memory) > MOST_MEMORY_BYTES:
            self._in_memory.pop(0).release()
            self._report_dropped("no folder can be written to, and memory for it is used up")

    def _place(self, segment: SegmentWriter) -> bool:
        if segment.is_in_place():
            return True
        for folder in self._folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                segment.move_to(folder / segment_name(self.writer.uid, segment.number))
            except OSError:
                continue
            return True
        return False

    def _report_dropped(self, why: str) -> None:
        self.dropped += 1
        if self.dropped == 1:
            _log.warning(
                "backtrail: records of this process are lost: %s. Folders tried: %s",
                why,
                ", ".join(map(str, self._folders)),
            )

    def _catch_up(self) -> None:
        while self._late:
            try:
                late = self._late.popleft()
            except IndexError:
                return
            if isinstance(late, tuple):
                self.add_run(*late)
            else:
                self.add(late)

    def _define(self, wire: list[Any]) -> None:
        payload = encode(wire)
        segment = self._segment
        if segment is None or self._overflowed or not segment.put(payload):
            # The record that needs it begins a new segment, and defines it there.
            self._overflowed = True

    def _define_site(self, n: int) -> None:
        self._define(wire_of(self._sites[n]))
        self._known_sites.add(n)

    def _wire_text(self, text: str) -> int:
        number = self._texts.get(text)
        if number is None:
            number = len(self._texts) + 1
            self._texts[text] = number
            self._define([TEXT, number, text])
        return number

    def _wire_artifact(self, artifact: Artifact) -> int:
        number = self._artifacts.get(artifact)
        if number is None:
            number = len(self._artifacts) + 1
            self._artifacts[artifact] = number
            self._define([ARTIFACT, number, artifact[0], artifact[1]])
        return number

    def _wire_reads(self, reads: Sequence[Any], start: int) -> Sequence[tuple[Any, ...]]:
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
            wire = self._wire_read(read, start)
            wires.append(wire)
            if read[2] is None and not read[3]:
                self._wires[id(read)] = (read, wire)
            else:
                recur = False
        if recur:
            self._wires[id(reads)] = (reads, wires)
        return wires

    def _wire_read(self, read: Any, start: int) -> tuple[Any, ...]:
        artifact, version, at_us, how, producer = read
        number = self._artifacts.get(artifact) or self._wire_artifact(artifact)
        if version is not None:
            version = self._texts.get(version) or self._wire_text(version)
        wire: tuple[Any, ...] = (number, version, 0 if at_us is None else at_us - start)
        return (*wire, how, producer) if how else wire

    def _wire_writes(self, writes: Sequence[Any], start: int) -> list[tuple[Any, ...]]:
        wires: list[tuple[Any, ...]] = []
        for write in writes:
            artifact, version, at_us, value = write
            if artifact[1] != _OUTPUT or version is not None or value is not None:
                wires.append(self._wire_write(write, start))
            else:
                wires.append((artifact, None, at_us - start))
        return wires

    def _wire_write(self, write: Any, start: int) -> tuple[Any, ...]:
        artifact, version, at_us, value = write
        name = artifact
        if artifact[1] != _OUTPUT:
            name = self._artifacts.get(artifact) or self._wire_artifact(artifact)
            if version is not None:
                version = self._texts.get(version) or self._wire_text(version)
        if value is None:
            return (name, version, at_us - start)
        return (name, version, at_us - start, value)
