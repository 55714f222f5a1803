"""Append to this process's spool; what was appended survives `kill -9`.

One spool a process, in segments. Appending copies a few dozen bytes into
memory that the kernel already counts as the file's, so no call waits for a
disk, a database or another thread's input and output.

A file may be deleted, or hidden by a mount and come back later. So a segment
never moves: one that is not in its place any more is left, as a full one is,
and sealed; a copy of it is put where there is room, and recording goes on in a
new segment. All files of one number therefore begin with the same bytes, and two
that are sealed are the same, whichever of them is drained. `drain` says why no
file that turns up late is lost or counted twice.

A signal handler may raise in the middle of anything here. So each step is one
after which the next call can go on: what is left is listed before it is left,
and leaves the list when nothing remains to be done.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any

from ..model.facts import CodeFact, Fact, Part, SiteFact, WriterFact
from .codec import SegmentFullError, encode, wire_of
from .filesystem import can_map_files
from .segment import SegmentWriter, WrittenSegment, segment_name

_log = logging.getLogger("backtrail")

FIRST_SEGMENT_BYTES = 256 << 10
MOST_SEGMENT_BYTES = 1 << 20
MOST_MEMORY_BYTES = 32 << 20


class Spool:
    """What this process has recorded and no store has confirmed yet.

    Args:
        folders: where segments may lie, the preferred one first. If none can be
            written to, segments stay in memory (up to 32 MiB) until one can.
        describe_writer: gives the writer of this process; called again in a
            forked child, which is a writer of its own.
        warn: told what fails.
        sync: each record waits until the disk has it.
        how: ``mmap`` maps segments, ``write`` writes each record, and ``auto`` maps
            them where the file system can be trusted with it.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        describe_writer: Callable[[], WriterFact],
        warn: Callable[[str], None],
        *,
        sync: bool = False,
        how: str = "auto",
    ) -> None:
        self._folders = list(folders)
        self._how = how
        self._maps: dict[Path, bool] = {}
        self._describe_writer = describe_writer
        self._warn = warn
        self._sync = sync
        self._sites: dict[int, SiteFact] = {}
        self._start()

    def _start(self) -> None:
        # For what goes on between segments; appending to one takes no lock.
        self._lock = threading.RLock()
        self._busy = False
        # What to do when the lock is free again: records of signal handlers, warnings.
        self._late: deque[Callable[[], None]] = deque()
        self._segment: SegmentWriter | None = None
        self._left: list[SegmentWriter] = []  # not sealed yet, or without a file
        self._next_number = 0
        self._next_size = FIRST_SEGMENT_BYTES
        self._unusable: set[Path] = set()  # folders that were warned of
        self._writer: WriterFact | None = None
        self.dropped = 0

    @property
    def writer(self) -> WriterFact:
        """The writer of this process, made when first asked for."""
        writer = self._writer
        if writer is None:
            writer = self._describe_writer()
            # Another thread or a signal handler may have asked at the same moment.
            if self._writer is None:
                self._writer = writer
            return self._writer
        return writer

    def end(self) -> tuple[int, int]:
        """Give the segment and offset that lie behind all that was appended."""
        with self._lock:
            segment = self._segment
            if segment is None:
                return self._next_number, 0
            return segment.number, 0 if segment.is_empty else segment.position

    @property
    def in_memory(self) -> int:
        """How many records found no place on disk yet."""
        with self._lock:
            held = sum(segment.count() for segment in self._left)
            current = self._segment
            return held + (current.count() if current is not None and current.path is None else 0)

    def add_site(self, site: SiteFact) -> None:
        """Make a registered function known, so that runs can name it by number."""
        self._sites[site.n] = site

    def add_run(
        self,
        run: Part,
        writes: Sequence[Any],
        ended_us: int | None,
        status: int,
        error: str | None = None,
        run_id: str | None = None,
        host: str | None = None,
    ) -> None:
        """Append a run as it stands, with these writes; ``ended_us`` None is a part of one."""
        record_bytes = 0
        while True:
            segment = self._segment
            if segment is not None:
                try:
                    encoder = segment.encoder
                    if run.site not in encoder.sites:
                        encoder.define_site(self._sites[run.site])
                    record = encoder.run(run, writes, ended_us, status, error, run_id, host)
                    if segment.append(record):
                        return
                    record_bytes = len(record)
                except SegmentFullError:
                    pass
            if not self._roll(segment, record_bytes):
                kept = copy(run), writes, ended_us, status, error, run_id, host
                self._late.append(partial(self.add_run, *kept))
                return

    def add(self, fact: Fact) -> None:
        """Append any other fact."""
        if isinstance(fact, SiteFact):
            self.add_site(fact)
            return
        record = encode(wire_of(fact))
        while True:
            segment = self._segment
            if segment is not None:
                try:
                    if isinstance(fact, CodeFact) and fact.n not in segment.encoder.sites:
                        segment.encoder.define_site(self._sites[fact.n])
                    if segment.append(record):
                        return
                except SegmentFullError:
                    pass
            if not self._roll(segment, len(record)):
                self._late.append(partial(self.add, fact))
                return

    def settle(self) -> None:
        """Find segments a place on disk that have none, or whose file is gone."""
        with self._lock:
            if self._busy:
                return
            self._busy = True
            try:
                self._finish_left()
                segment = self._segment
                if segment is not None and not segment.is_empty and not segment.is_in_place():
                    fresh = self._placed_segment(self._next_number, segment.size)
                    if fresh is not None:
                        self._go_on_in(fresh)
                        self._finish_left()
            finally:
                self._busy = False
        self._catch_up()

    def close(self) -> None:
        """Seal the spool; whoever drains it next knows that the writer has ended."""
        self.settle()
        with self._lock:
            if self._busy:
                # In a signal handler, in the middle of another of these: the end of
                # the process closes it, or leaves an orphan.
                return
            last = self._segment
            if last is not None:
                if last not in self._left:
                    self._left.append(last)
                self._segment = None
            self._finish_left(ends=last)
            for segment in self._left:
                segment.release()
                self._report_dropped("it ended")
            # Whatever is still recorded after this begins a spool anew.
            late = self._late
            self._start()
            self._late = late
        self._catch_up()

    def pause(self, timeout_s: float) -> bool:
        """Let no other thread change segments until `resume`: a fork copies no half of that."""
        return self._lock.acquire(timeout=timeout_s)

    def resume(self) -> None:
        """Let other threads change segments again."""
        self._lock.release()

    def restart_in_child(self) -> None:
        """Leave the parent's spool to the parent: this process is another writer."""
        held = [*self._left, *([self._segment] if self._segment else [])]
        self._start()
        for segment in held:
            segment.release()

    def _roll(self, full: SegmentWriter | None, record_bytes: int) -> bool:
        """Begin a segment after ``full``; False while this very thread is about it.

        The new one knows none of the old one's numbers, so the caller encodes again.
        """
        with self._lock:
            if self._segment is not full:
                return True  # another thread did
            if self._busy:
                # A signal handler or a finalizer records in the middle of what is
                # between segments: its turn comes when that is over.
                return False
            self._busy = True
            try:
                size = max(self._next_size, 2 * record_bytes + 4096)
                if full is not None and not full.holds_any():
                    # Not even one record fitted beside its definitions.
                    size = max(size, 4 * full.size)
                self._go_on_in(self._new_segment(self._next_number, size))
                self._next_size = min(2 * self._next_size, MOST_SEGMENT_BYTES)
                self._finish_left()
            finally:
                self._busy = False
        self._catch_up()
        return True

    def _go_on_in(self, fresh: SegmentWriter) -> None:
        """Write to ``fresh`` from now on, and leave the segment written to so far."""
        old = self._segment
        if old is not None and old not in self._left:
            self._left.append(old)
        self._next_number = fresh.number + 1
        self._segment = fresh

    def _new_segment(self, number: int, size: int) -> SegmentWriter:
        fresh = None
        if not self.in_memory:
            fresh = self._placed_segment(number, size)
        return fresh or SegmentWriter(None, number, size, self.writer)

    def _placed_segment(self, number: int, size: int) -> SegmentWriter | None:
        """Make a segment in the first folder that takes it."""
        writer = self.writer
        for folder in self._folders:
            path = folder / segment_name(writer.uid, number)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                kind = SegmentWriter if self._can_map(folder) else WrittenSegment
                fresh = kind(path, number, size, writer, sync=self._sync)
            except OSError as error:
                if folder not in self._unusable:
                    self._unusable.add(folder)
                    self._say(f"cannot write its journal in {folder}: {error.strerror}")
            else:
                self._unusable.discard(folder)
                return fresh
        return None

    def _can_map(self, folder: Path) -> bool:
        if self._how != "auto":
            return self._how == "mmap"
        known = self._maps.get(folder)
        if known is None:
            known = self._maps[folder] = can_map_files(folder)
        return known

    def _finish_left(self, ends: SegmentWriter | None = None) -> None:
        """Seal what is no longer written to, and see that it has a file."""
        for segment in list(self._left):
            if segment is self._segment:
                continue
            # Released already if a handler raised before it left the list.
            if segment.is_released or self._is_kept(segment, ended=segment is ends):
                segment.release()
                self._left.remove(segment)
        held = [segment for segment in self._left if segment is not self._segment]
        while sum(each.size for each in held) > MOST_MEMORY_BYTES:
            oldest = held.pop(0)
            self._left.remove(oldest)
            oldest.release()
            self._report_dropped("no folder can be written to, and memory for it is used up")

    def _is_kept(self, segment: SegmentWriter, *, ended: bool) -> bool:
        # Asked before it is sealed: once it is, anybody may drain and delete it.
        in_place = segment.is_in_place()
        in_place = segment.seal(ended=ended) and in_place
        segment.unlock()
        if in_place or (segment.is_empty and not ended):
            return True
        for folder in self._folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                segment.copy_to(folder / segment_name(self.writer.uid, segment.number))
            except OSError:
                continue
            return True
        return False

    def _say(self, what: str) -> None:
        # A handler of the log may wait for a thread that records.
        self._late.append(lambda: self._warn(what))

    def _report_dropped(self, why: str) -> None:
        self.dropped += 1
        if self.dropped == 1:
            folders = ", ".join(map(str, self._folders))
            what = "backtrail: records of this process are lost: %s. Folders tried: %s"
            self._late.append(lambda: _log.warning(what, why, folders))

    def _catch_up(self) -> None:
        while self._late:
            try:
                late = self._late.popleft()
            except IndexError:
                return
            late()
