"""One file of a spool: its layout, and writing to it.

Layout: a header of 1 KiB that names the writer and, once nothing more will be
written, says so; then records, one behind the other, each
``[crc32][length][msgpack]``. A record that a killed process had begun to copy
fails its checksum, and the call it describes had not returned. The owner holds
an advisory lock on the file for as long as it may write: a free lock on a file
that is not sealed means that the owner is gone.

Appending is one call into C, which copies a record to where the last one ended
and moves that place. No other thread, signal handler or finalizer comes between,
so it takes no lock. What ends a segment makes every later append fail, and whose
append fails goes on in the next segment.

A segment lies in memory that is mapped from its file, or, where mapping cannot
be trusted, in memory of its own from which each record is written to the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

from ..model.facts import WriterFact
from .codec import DEFINITIONS, SegmentEncoder, encode_writer

SUFFIX = ".spool"
HEADER_BYTES = 1024
SEAL = struct.Struct("=I")
SEAL_AT = HEADER_BYTES - SEAL.size
SEALED = 1
ENDED = 2  # sealed, and the writer has ended: no further segment follows

MAGIC = b"backtrail spool 2\n"
FIXED = struct.Struct("=II")
checksum = zlib.crc32
_pack = FIXED.pack
_unpack_from = FIXED.unpack_from
_MOST_HEADER = SEAL_AT - len(MAGIC) - FIXED.size


def segment_name(uid: bytes, number: int) -> str:
    """Give the file name of a writer's segment; names sort by writer, then number."""
    return f"{uid.hex()}-{number:08d}{SUFFIX}"


def parse_segment_name(name: str) -> tuple[bytes, int] | None:
    """Read a file name that `segment_name` gave; None for other files."""
    stem, dash, number = name.removesuffix(SUFFIX).partition("-")
    if not name.endswith(SUFFIX) or not dash or len(stem) != 32 or not number.isdecimal():
        return None
    try:
        return bytes.fromhex(stem), int(number)
    except ValueError:
        return None


class SegmentWriter:
    """A segment that this process appends to, from any thread.

    Args:
        path: where it lies; None keeps it in memory, since no folder can be
            written to at the moment.
        sync: each record waits until the disk has it.

    Raises:
        OSError: there can be no such file.
    """

    __slots__ = (
        *("_fd", "_identity", "_map", "_sync", "_write"),
        *("encoder", "number", "path", "size"),
    )

    def __init__(
        self, path: Path | None, number: int, size: int, writer: WriterFact, *, sync: bool = False
    ) -> None:
        self.path = path
        self.number = number
        self.size = size
        self._sync = sync
        self.encoder = SegmentEncoder(self.append)
        self._fd = -1
        self._identity = (0, 0)
        if path is None:
            self._use(mmap.mmap(-1, size), writer)
            return
        fresh = path.with_suffix(".new")
        self._fd = _new_file(fresh)
        try:
            there = os.fstat(self._fd)
            self._identity = (there.st_dev, there.st_ino)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._use(self._memory(), writer)
            os.rename(fresh, path)
        except OSError:
            os.close(self._fd)
            self._fd = -1
            with contextlib.suppress(OSError):
                os.unlink(fresh)
            raise

    def append(self, payload: bytes) -> bool:
        """Append one record; False when it does not fit, or the segment has ended."""
        try:
            self._write(_pack(checksum(payload), len(payload)) + payload)
        except ValueError:
            return False
        if self._sync and self._fd >= 0:
            self._map.flush()
        return True

    @property
    def position(self) -> int:
        """Where the last record ends."""
        at = self._map.tell()
        if at < self.size:
            return at
        # Ended, or full to the last byte.
        return max((end for _, end in self._records()), default=HEADER_BYTES)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was appended so far."""
        return next(self._records(), None) is None

    def holds_any(self) -> bool:
        """Tell whether anything but definitions was appended."""
        return any(self._map[start + 9] not in DEFINITIONS for start, _ in self._records())

    def count(self) -> int:
        """Count the records that are no definitions."""
        return sum(self._map[start + 9] not in DEFINITIONS for start, _ in self._records())

    @property
    def is_released(self) -> bool:
        """Whether `release` was called."""
        return self._map.closed

    def seal(self, *, ended: bool = False) -> bool:
        """Say that nothing more will be written here; False if the file cannot have it.

        Every append fails from now on. Sealing twice does no harm.
        """
        self._map.seek(0, os.SEEK_END)
        SEAL.pack_into(self._map, SEAL_AT, ENDED if ended else SEALED)
        return True

    def release(self) -> None:
        """Let go of the file, and of the lock unless this is a forked child."""
        self._map.close()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def unlock(self) -> None:
        """Give up the lock aloud: a child that was forked meanwhile may hold the file open."""
        if self._fd >= 0:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def is_in_place(self) -> bool:
        """Tell whether the file still lies where it was made."""
        if self.path is None:
            return False
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == self._identity

    def copy_to(self, path: Path) -> None:
        """Make a file at ``path`` with all that this segment holds; it must be sealed.

        Raises:
            OSError: the folder cannot be written to.
        """
        fresh = path.with_suffix(".new")
        fd = _new_file(fresh)
        try:
            _write_all(fd, self._map[: self.position], 0)
            if self._sync:
                os.fsync(fd)
            os.rename(fresh, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(fresh)
            raise
        finally:
            os.close(fd)

    def _memory(self) -> mmap.mmap:
        # Room is taken now: a hole in a sparse file is a SIGBUS on a full disk.
        os.posix_fallocate(self._fd, 0, self.size)
        populate = getattr(mmap, "MAP_POPULATE", 0)
        return mmap.mmap(self._fd, self.size, flags=mmap.MAP_SHARED | populate)

    def _use(self, memory: mmap.mmap, writer: WriterFact) -> None:
        about = encode_writer(writer)
        if len(about) > _MOST_HEADER:
            about = encode_writer(
                WriterFact(writer.uid, writer.host[:200], writer.pid, writer.started_us, {})
            )
        head = MAGIC + _pack(checksum(about), len(about)) + about
        memory.write(head.ljust(HEADER_BYTES, b"\0"))
        self._map, self._write = memory, memory.write

    def _records(self) -> Iterator[tuple[int, int]]:
        """Give where each record begins and ends."""
        at = HEADER_BYTES
        while at + 8 <= self.size and not self.is_released:
            _, length = _unpack_from(self._map, at)
            if not length:
                return
            yield at, (at := at + 8 + length)


class WrittenSegment(SegmentWriter):
    """A segment on a file system whose mappings cannot be trusted: each record is written.

    What was written belongs to the kernel, which survives `kill -9` as well. It
    costs a lock and a system call a record.
    """

    __slots__ = ("_failed", "_lock", "_written")

    def append(self, payload: bytes) -> bool:
        """Append one record; False when it does not fit, or the segment has ended."""
        with self._lock:
            # What cannot be written goes to the next segment, and this one gets
            # another file: that the record is then in both does no harm.
            return super().append(payload) and self._write_on()

    def seal(self, *, ended: bool = False) -> bool:
        """Say that nothing more will be written here; False if the file cannot have it."""
        with self._lock:
            super().seal(ended=ended)
            return self._write_on() and self._put(self._map[SEAL_AT:HEADER_BYTES], SEAL_AT)

    def is_in_place(self) -> bool:
        """Tell whether the file still lies where it was made, with all that was appended."""
        with self._lock:
            return super().is_in_place() and self._write_on()

    def copy_to(self, path: Path) -> None:
        """Make a file at ``path`` with all that this segment holds; it must be sealed."""
        super().copy_to(path)
        if path != self.path and super().is_in_place() and self.path is not None:
            # Without its seal it would look like one whose owner is gone.
            os.unlink(self.path)

    def _memory(self) -> mmap.mmap:
        self._lock = threading.RLock()
        self._failed = False
        self._written = 0
        return mmap.mmap(-1, self.size)

    def _use(self, memory: mmap.mmap, writer: WriterFact) -> None:
        super()._use(memory, writer)
        _write_all(self._fd, memory[:HEADER_BYTES], 0)
        self._written = HEADER_BYTES

    def _write_on(self) -> bool:
        """Write what the file does not have yet."""
        # From where it was left and at its own place, not at the end: so what a
        # handler of a signal cut short by raising is made good by the next call.
        start, end = self._written, self.position
        if start == end or not self._put(self._map[start:end], start):
            return not self._failed
        self._written = end
        return True

    def _put(self, data: bytes, offset: int) -> bool:
        if self._failed:
            return False
        try:
            _write_all(self._fd, data, offset)
            if self._sync:
                os.fdatasync(self._fd)
        except OSError:
            # All of it is in memory as well.
            self._failed = True
        return not self._failed


def _new_file(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        # Ours, as the name says: a signal handler raised while it was made.
        os.unlink(path)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)


def _write_all(fd: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(fd, data, offset)
        data, offset = data[written:], offset + written
