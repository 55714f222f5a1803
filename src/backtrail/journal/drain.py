"""Take what spools hold into a store, exactly once.

Whoever gets the lock of a spool folder, without waiting, is its leader and
drains the spools of every process in it, in one transaction a round together
with the positions reached. A crash between the commit and the deletion of a
drained file costs nothing: the positions tell that it was drained.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..model.facts import RUNNING, Batch, Fact, RunFact, SiteFact
from .segment import HEADER_BYTES, SUFFIX, Reading, SegmentReader, parse_segment_name

_log = logging.getLogger("backtrail")

ROUND_BYTES = 512 << 10
_LEFT_OVER_S = 60.0
# Of half a MiB each: a bound for imports, whose times say nothing.
_MOST_ROUNDS = 2000
_leading: set[int] = set()


class Intake(Protocol):
    """The part of a store that a drain needs."""

    def positions(self, uids: Sequence[bytes]) -> Mapping[bytes, tuple[int, int]]:
        """Give segment and offset where the next read of each known writer begins."""
        ...

    def take_in(self, batches: Sequence[Batch]) -> None:
        """Keep the batches and their positions, all or nothing."""
        ...


@dataclass(slots=True)
class Drained:
    """What a drain came to; ``led`` is False when another process holds the lock."""

    led: bool = False
    facts: int = 0
    lost: int = 0


@dataclass(slots=True)
class _Spool:
    """One writer's files in a folder, by number."""

    uid: bytes
    segments: list[tuple[int, Path]]


class Drainer:
    """Drains one folder; keeps readers of live spools open between rounds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._readers: dict[Path, SegmentReader] = {}

    def has_spools(self) -> bool:
        """Tell whether any process left anything in this folder."""
        return bool(_list_spools(self.folder))

    def drain(self, store: Callable[[], Intake], *, wait_s: float = 0.0) -> Drained:
        """Drain all that is there now.

        Args:
            store: opens the store; not called when there is nothing to drain.
            wait_s: how long to wait for another leader to finish, in seconds.

        Raises:
            StoreUnavailableError: from the store; positions are then unchanged.
        """
        done = Drained()
        if not self.has_spools():
            done.led = True
            return done
        with leadership(self.folder, wait_s) as done.led:
            if done.led:
                # Others go on recording: what they append from now on is for later.
                began_us = time.time_ns() // 1000
                try:
                    for _ in range(_MOST_ROUNDS):
                        if not self._round(store(), done, began_us):
                            break
                finally:
                    self._sweep()
        return done

    def close(self) -> None:
        """Close the files that are still open."""
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def _round(self, store: Intake, done: Drained, began_us: int) -> bool:
        """Drain one piece of every spool; tell whether there may be more."""
        spools = _list_spools(self.folder)
        positions = store.positions([spool.uid for spool in spools])
        batches: list[Batch] = []
        finished: list[Path] = []
        more = False
        for spool in spools:
            position = positions.get(spool.uid, (0, 0))
            batch, drained, unread = self._read_spool(spool, position)
            finished += drained
            if batch is not None:
                batches.append(batch)
                more |= unread and not _is_later(batch, began_us)
        if batches:
            store.take_in(batches)
            done.facts += sum(len(batch.facts) for batch in batches)
            done.lost += sum(batch.lost for batch in batches)
        for path in finished:
            self._forget(path)
            path.unlink(missing_ok=True)
        return more

    def _read_spool(
        self, spool: _Spool, position: tuple[int, int]
    ) -> tuple[Batch | None, list[Path], bool]:
        """Read one piece of a spool: its batch, the files done with, and whether more waits."""
        segment, offset = position
        finished = [path for number, path in spool.segments if number < segment]
        for number, path in spool.segments:
            if number < segment:
                continue
            if number > segment:
                offset = 0
            reader = self._reader(path, max(offset, HEADER_BYTES))
            if reader is None:
                continue
            # Asked before reading: once the owner is gone, nothing more is written.
            gone = reader.take_over()
            before = reader.offset
            reading = reader.read(most_bytes=ROUND_BYTES, orphan=gone)
            batch = self._batch(reader, number, reading)
            if not reading.sealed and reader.offset > before:
                # Perhaps a piece of a longer file; the rest comes next round.
                return batch, finished, True
            if not reading.sealed and not gone:
                return None, finished, False
            batch.ended = reading.ended or not reading.sealed
            batch.segment, batch.offset = number + 1, 0
            finished.append(path)
            return batch, finished, any(later > number for later, _ in spool.segments)
        return None, finished, False

    def _batch(self, reader: SegmentReader, number: int, reading: Reading) -> Batch:
        return Batch(
            reader.writer,
            number,
            reader.offset,
            _united(reading.facts),
            lost=reading.lost,
        )

    def _reader(self, path: Path, offset: int) -> SegmentReader | None:
        reader = self._readers.get(path)
        if reader is not None and reader.offset != offset:
            # Another leader was here in between.
            self._forget(path)
            reader = None
        if reader is None:
            try:
                reader = SegmentReader(path)
            except OSError:
                # Gone, or not for us to read: whoever may read it drains it.
                return None
            except ValueError as error:
                self._set_aside(path, str(error))
                return None
            reader.skip_to(offset)
            self._readers[path] = reader
        return reader

    def _forget(self, path: Path) -> None:
        reader = self._readers.pop(path, None)
        if reader is not None:
            reader.close()

    def _set_aside(self, path: Path, why: str) -> None:
        """Move a file that cannot be read out of the way; `bt doctor` lists it."""
        _log.warning("backtrail: %s; it is kept as %s.damaged", why, path.name)
        with contextlib.suppress(OSError):
            path.rename(path.with_name(path.name + ".damaged"))

    def _sweep(self) -> None:
        """Close readers of files that are gone, and delete files never put to use."""
        for path in [path for path in self._readers if not path.exists()]:
            self._forget(path)
        long_ago = time.time() - _LEFT_OVER_S
        for path in self.folder.glob("*.new"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < long_ago:
                    path.unlink()


def _is_later(batch: Batch, moment_us: int) -> bool:
    """Tell whether a batch ends with a run that started after a moment."""
    last = batch.facts[-1] if batch.facts else None
    return isinstance(last, RunFact) and last.run_id is None and last.started_us > moment_us


@contextlib.contextmanager
def leadership(folder: Path, wait_s: float = 0.0) -> Iterator[bool]:
    """Hold the folder's lock while the block runs; gives False if it is not to be had."""
    try:
        fd = os.open(folder / "drain.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        # Read-only for us: whoever may write here drains it.
        yield False
        return
    _leading.add(fd)
    try:
        yield _lock(fd, wait_s)
    finally:
        if fd in _leading:
            _leading.discard(fd)
            # Said aloud: a child that was forked meanwhile may hold the file open.
            fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)


def leave_to_parent() -> None:
    """Close, in a forked child, what the parent's drain holds open."""
    while _leading:
        os.close(_leading.pop())


def _lock(fd: int, wait_s: float) -> bool:
    give_up = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                return False
            time.sleep(0.005)
        else:
            return True


def count_waiting(folder: Path, uid: bytes, position: tuple[int, int]) -> int:
    """Count the records of one writer in ``folder`` that lie behind ``position``."""
    waiting = 0
    for spool in _list_spools(folder):
        if spool.uid != uid:
            continue
        for number, path in spool.segments:
            if number >= position[0]:
                waiting += _count_facts(path, position[1] if number == position[0] else 0)
    return waiting


def _count_facts(path: Path, offset: int) -> int:
    try:
        reader = SegmentReader(path)
    except (OSError, ValueError):
        return 0
    try:
        reader.skip_to(max(offset, HEADER_BYTES))
        count = 0
        while True:
            facts = reader.read().facts
            if not facts:
                return count
            count += sum(not isinstance(fact, SiteFact) for fact in facts)
    finally:
        reader.close()


def _united(facts: list[Fact]) -> list[Fact]:
    """Join the parts of a run that follow one another, as each `log` leaves them.

    A store unites what is said about one run in any case. Here it costs a look-up
    a part, so that a run that logs 10,000 outputs one by one is not united
    10,000 times.
    """
    united: list[Fact] = []
    parts: dict[int, RunFact] = {}
    for fact in facts:
        if fact.__class__ is RunFact:
            part = parts.get(fact.seq)
            if part is not None and _joined(part, fact):
                if fact.ended_us is not None:
                    del parts[fact.seq]
                continue
            if fact.ended_us is None and fact.run_id is None:
                parts[fact.seq] = fact
        united.append(fact)
    return united


def _joined(part: RunFact, more: RunFact) -> bool:
    """Add to a part what came after it; False if they differ in what has one value."""
    if (
        (part.site, part.started_us, part.parent, part.pipeline, part.run_id, part.host)
        != (more.site, more.started_us, more.parent, more.pipeline, more.run_id, more.host)
        or (more.ended_us is None and more.status != RUNNING)
        or (more.params is not None and part.params is not None and more.params != part.params)
    ):
        return False
    part.reads += more.reads
    part.writes += more.writes
    part.params = part.params if more.params is None else more.params
    part.ended_us, part.status, part.error = more.ended_us, more.status, more.error
    return True


def damaged_files(folder: Path) -> list[Path]:
    """List the spool files that were set aside because they could not be read."""
    return sorted(folder.glob(f"*{SUFFIX}.damaged")) if folder.is_dir() else []


def _list_spools(folder: Path) -> list[_Spool]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    spools: dict[bytes, _Spool] = {}
    for name in names:
        parsed = parse_segment_name(name)
        if parsed is not None:
            uid, number = parsed
            spools.setdefault(uid, _Spool(uid, [])).segments.append((number, folder / name))
    return list(spools.values())
