"""One file of a spool: its layout, and writing to it.

Layout: a header of 1 KiB that names the writer, then records, each
``[crc32][length][msgpack]`` beginning at a multiple of four bytes. The length is
stored last, so a record that is seen is whole; a process killed in the middle
leaves zeros there, and the call it describes had not returned. The owner holds
an advisory lock on the file for as long as it may write: a free lock on a file
that is not sealed means that the owner is gone.

A segment lies in memory that is mapped from its file, or, where mapping cannot
be trusted, in memory of its own from which each record is written to the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import zlib
from pathlib import Path

from ..model.facts import WriterFact
from .codec import encode_writer

SUFFIX = ".spool"
HEADER_BYTES = 1024
SEALED = 0xFFFFFFFF
ENDED = 0xFFFFFFFE  # sealed, and the writer has ended: no further segment follows
SEAL_BYTES = 8

MAGIC = b"backtrail spool 1\n"
FIXED = struct.Struct("=II")
checksum = zlib.crc32
_pack_into = FIXED.pack_into
_MOST_HEADER = HEADER_BYTES - len(MAGIC) - FIXED.size


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
    """A segment that this process appends to; not safe for threads by itself.

    Args:
        path: where it lies; None keeps it in memory, since no folder can be
            written to at the moment.
        sync: each record waits until the disk has it.

    Raises:
        OSError: there can be no such file.
    """

    __slots__ = (
        *("_fd", "_identity", "_map", "_sync"),
        *("number", "path", "position", "records", "size"),
    )

    def __init__(
        self, path: Path | None, number: int, size: int, writer: WriterFact, *, sync: bool = False
    ) -> None:
        self.path = path
        self.number = number
        self.size = size
        self._sync = sync
        self.records = 0  # without definitions; the caller counts
        self.position = HEADER_BYTES
        self._fd = -1
        self._identity = (0, 0)
        if path is None:
            self._map = mmap.mmap(-1, size)
            self._write_header(writer)
            return
        fresh = path.with_suffix(".new")
        self._fd = _new_file(fresh)
        try:
            there = os.fstat(self._fd)
            self._identity = (there.st_dev, there.st_ino)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._map = self._memory()
            self._write_header(writer)
            os.rename(fresh, path)
        except OSError:
            os.close(self._fd)
            self._fd = -1
            with contextlib.suppress(OSError):
                os.unlink(fresh)
            raise

    def put(self, payload: bytes) -> bool:
        """Append one record; False when it and the seal do not fit any more."""
        position = self.position
        length = len(payload)
        end = position + 8 + length
        if end + 16 > self.size:
            return False
        mapped = self._map
        crc = checksum(payload)
        # From here to the last line nothing is called but `_pack_into`, and a
        # handler of a signal runs when a call returns. Should it raise, the record
        # is in sight, perhaps drained: the next one must not take its place.
        try:
            mapped[position + 8 : end] = payload
            _pack_into(mapped, position, crc, length)
        finally:
            self.position = (end + 3) & ~3
        if self._sync and self._fd >= 0:
            mapped.flush()
        return True

    @property
    def is_empty(self) -> bool:
        """Whether nothing was appended so far."""
        return self.position == HEADER_BYTES

    @property
    def is_released(self) -> bool:
        """Whether `release` was called."""
        return self._map.closed

    def seal(self, *, ended: bool = False) -> bool:
        """Say that nothing more will be written here; False if the file cannot have it.

        Sealing twice does no harm.
        """
        _pack_into(self._map, self.position, 0, ENDED if ended else SEALED)
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
            _write_all(fd, self._map[: self.position + SEAL_BYTES], 0)
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

    def _write_header(self, writer: WriterFact) -> None:
        about = encode_writer(writer)
        if len(about) > _MOST_HEADER:
            about = encode_writer(
                WriterFact(writer.uid, writer.host[:200], writer.pid, writer.started_us, {})
            )
        at = len(MAGIC)
        _pack_into(self._map, at, checksum(about), len(about))
        self._map[at + 8 : at + 8 + len(about)] = about
        self._map[:at] = MAGIC


class WrittenSegment(SegmentWriter):
    """A segment on a file system whose mappings cannot be trusted: each record is written.

    What was written belongs to the kernel, which survives `kill -9` as well. It
    costs a system call a record, and gives up the interpreter's lock for it.
    """

    __slots__ = ("_failed", "_written")

    def put(self, payload: bytes) -> bool:
        """Append one record; False when it and the seal do not fit any more."""
        # What cannot be written goes to the next segment, and this one gets
        # another file: that the record is then in both does no harm.
        return super().put(payload) and self._write_on()

    def seal(self, *, ended: bool = False) -> bool:
        """Say that nothing more will be written here; False if the file cannot have it."""
        super().seal(ended=ended)
        return self._write_on(SEAL_BYTES)

    def is_in_place(self) -> bool:
        """Tell whether the file still lies where it was made, with all that was appended."""
        return super().is_in_place() and self._write_on()

    def copy_to(self, path: Path) -> None:
        """Make a file at ``path`` with all that this segment holds; it must be sealed."""
        super().copy_to(path)
        if path != self.path and super().is_in_place() and self.path is not None:
            # Without its seal it would look like one whose owner is gone.
            os.unlink(self.path)

    def _memory(self) -> mmap.mmap:
        self._failed = False
        self._written = 0
        return mmap.mmap(-1, self.size)

    def _write_header(self, writer: WriterFact) -> None:
        super()._write_header(writer)
        _write_all(self._fd, self._map[:HEADER_BYTES], 0)
        self._written = HEADER_BYTES

    def _write_on(self, more: int = 0) -> bool:
        """Write what the file does not have yet, and ``more`` bytes behind it."""
        # From where it was left and at its own place, not at the end: so what a
        # handler of a signal cut short by raising is made good by the next call.
        start, end = self._written, self.position
        if self._failed or (start == end and not more):
            return not self._failed
        try:
            _write_all(self._fd, self._map[start : end + more], start)
            self._written = end
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
