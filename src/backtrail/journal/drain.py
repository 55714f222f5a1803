"""Take what spools hold into a store, exactly once.

Whoever gets the lock of a spool folder, without waiting, is its leader and
drains the spools of every process in it, in one transaction a round together
with the positions reached.

Why nothing is lost: a file is deleted only after the commit of all that it holds
up to its seal, or up to its end if its owner is gone. Where the position of its
writer stands does not matter for that. A file below the position is *late*: it
was hidden by a mount, lay in a folder that another leader drains, or outlived
the commit of its records in a crash. It is read from its beginning.

Why nothing counts twice: a store unites what it is told about one run, so a
record that is taken in again changes nothing. The position only saves reading.
It holds for each file of that number, since all begin with the same bytes (see
`spool`), and it never goes back.

Why no living run is marked as killed: a writer has ended when its last segment
says so, or has neither seal nor lock. A segment that others follow is never the
last one. The position then says that the writer has ended (`AFTER_END`), so
that a run which only a late file tells of does not run for ever.
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

from ..model.facts import AFTER_END, RUNNING, Batch, Fact, RunFact, SiteFact
from .reader import Reading, SegmentReader
from .segment import HEADER_BYTES, SUFFIX, parse_segment_name

_log = logging.getLogger("backtrail")

# What a round reads of all spools together, and of one at least: as objects, which a
# user's process holds, this is some twenty times as much.
ROUND_BYTES = 512 << 10
LEAST_BYTES = 32 << 10
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


Position = tuple[int, int]
Identity = tuple[int, int]


@dataclass(slots=True)
class _Piece:
    """What was read of one writer in a round."""

    batch: Batch
    path: Path
    reader: SegmentReader
    is_over: bool  # nothing follows in this file
    more: bool


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
        # How far files were committed; None for those that could not be deleted.
        self._reached: dict[Path, tuple[Identity, int | None]] = {}
        self._most_bytes = ROUND_BYTES

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

    def leave_to_parent(self) -> None:
        """Close, in a forked child, the files that the parent has open."""
        for reader in self._readers.values():
            reader.leave_to_parent()
        self._readers.clear()

    def _round(self, store: Intake, done: Drained, began_us: int) -> bool:
        """Drain one piece of every spool; tell whether there may be more."""
        spools = _list_spools(self.folder)
        self._most_bytes = max(LEAST_BYTES, ROUND_BYTES // max(len(spools), 1))
        positions = store.positions([spool.uid for spool in spools])
        pieces = [
            piece
            for spool in spools
            if (piece := self._read_spool(spool, positions.get(spool.uid, (0, 0)))) is not None
        ]
        if pieces:
            store.take_in([piece.batch for piece in pieces])
        for piece in pieces:
            done.facts += len(piece.batch.facts)
            done.lost += piece.batch.lost
            self._reached[piece.path] = (piece.reader.identity, piece.reader.offset)
            if piece.is_over:
                self._delete(piece.path, piece.reader.identity)
        return any(piece.more and not _is_later(piece.batch, began_us) for piece in pieces)

    def _read_spool(self, spool: _Spool, position: Position) -> _Piece | None:
        """Read one piece of a spool, from the first of its files that has any."""
        last = spool.segments[-1][0]
        for number, path in spool.segments:
            reader = self._reader(path, number, position)
            if reader is None:
                continue
            try:
                # Asked before reading: once the owner is gone, nothing more is written.
                gone = reader.take_over()
                before = reader.offset
                reading = reader.read(most_bytes=self._most_bytes, orphan=gone)
            except OSError:
                # This one cannot be read at the moment; the others can.
                self._forget(path)
                continue
            # What was read may be a piece; the rest of the file comes next round.
            is_at_end = not reading.more or reader.offset == before
            is_over = reading.sealed or (gone and is_at_end)
            if reader.offset == before and not is_over:
                continue
            batch = self._batch(reader, number, reading)
            has_ended = position[1] == AFTER_END and gone
            if is_over and (reading.ended or (not reading.sealed and number == last)):
                has_ended |= number >= position[0]
            if number < position[0]:
                batch.segment, batch.offset = position
            elif is_over:
                batch.segment, batch.offset = number + 1, AFTER_END if has_ended else 0
            batch.ended = has_ended
            more = number < last or (reading.more and not is_over)
            return _Piece(batch, path, reader, is_over, more)
        return None

    def _batch(self, reader: SegmentReader, number: int, reading: Reading) -> Batch:
        return Batch(
            reader.writer,
            number,
            reader.offset,
            _united(reading.facts),
            lost=reading.lost,
        )

    def _reader(self, path: Path, number: int, position: Position) -> SegmentReader | None:
        """Give a reader of what is not yet taken in; None if there is nothing for us."""
        try:
            there = os.stat(path)
            identity = (there.st_dev, there.st_ino)
            offset = self._begin_of(path, number, position, identity)
            if offset is None:
                return None
            reader = self._readers.get(path)
            if reader is not None and (reader.offset, reader.identity) != (offset, identity):
                # Another leader was here in between, or it is another file.
                self._forget(path)
                reader = None
            if reader is None:
                reader = SegmentReader(path)
                self._readers[path] = reader
                reader.skip_to(offset)
        except OSError:
            # Gone, or not for us to read: whoever may read it drains it.
            self._forget(path)
            return None
        except ValueError as error:
            self._set_aside(path, str(error))
            return None
        return reader

    def _begin_of(
        self, path: Path, number: int, position: Position, identity: Identity
    ) -> int | None:
        if number == position[0]:
            return max(position[1], HEADER_BYTES)
        known, reached = self._reached.get(path, (None, None))
        if number > position[0] or known != identity:
            return HEADER_BYTES
        return reached

    def _forget(self, path: Path) -> None:
        reader = self._readers.pop(path, None)
        if reader is not None:
            reader.close()

    def _delete(self, path: Path, identity: Identity) -> None:
        """Delete a file that is committed whole, unless another lies there by now."""
        self._forget(path)
        try:
            there = os.stat(path)
            if (there.st_dev, there.st_ino) == identity:
                path.unlink()
        except FileNotFoundError:
            pass
        except OSError:
            # Its folder is not for us to change: it is not read again, at least.
            self._reached[path] = (identity, None)

    def _set_aside(self, path: Path, why: str) -> None:
        """Move a file that cannot be read out of the way; `bt doctor` lists it."""
        _log.warning("backtrail: %s; it is kept as %s.damaged", why, path.name)
        with contextlib.suppress(OSError):
            path.rename(path.with_name(path.name + ".damaged"))

    def _sweep(self) -> None:
        """Close readers of files that are gone, and delete files never put to use."""
        for path, reader in list(self._readers.items()):
            # A lock that is kept longer would keep others from an orphan.
            if reader.is_ours or not path.exists():
                self._forget(path)
        for path in [path for path in self._reached if not path.exists()]:
            del self._reached[path]
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
        fd = _open_lock(folder / "drain.lock")
    except OSError:
        # Not for us to read: whoever may read it drains it.
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


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError:
        # Another user's: that suffices for its lock, except over NFS.
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


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
    """Count the records of one writer in ``folder`` that wait, given its ``position``."""
    waiting = 0
    for spool in _list_spools(folder):
        if spool.uid == uid:
            for number, path in spool.segments:
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
