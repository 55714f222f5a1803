"""One file of a spool: its layout, writing to it, and reading it back.

Layout: a header of 1 KiB that names the writer, then records, each
``[crc32][length][msgpack]`` beginning at a multiple of four bytes. The length is
stored last, so a record that is seen is whole; a process killed in the middle
leaves zeros there, and the call it describes had not returned. The owner holds
an advisory lock on the file for as long as it may write: a free lock on a file
that is not sealed means that the owner is gone.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from ..model.facts import Fact, WriterFact
from .codec import DEFINITIONS, DamagedRecordError, SegmentDecoder, decode_writer, encode_writer

SUFFIX = ".spool"
HEADER_BYTES = 1024
SEALED = 0xFFFFFFFF
ENDED = 0xFFFFFFFE  # sealed, and the writer has ended: no further segment follows

_MAGIC = b"backtrail spool 1\n"
_FIXED = struct.Struct("=II")
_pack_into = _FIXED.pack_into
_unpack_from = _FIXED.unpack_from
_crc32 = zlib.crc32
_MOST_HEADER = HEADER_BYTES - len(_MAGIC) - _FIXED.size


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
        path: where it is to lie; None keeps it in memory (no folder can be
            written to at the moment) until `move_to` finds it a place.
        sync: each record waits until the disk has it.
    """

    __slots__ = ("_fd", "_map", "_sync", "number", "path", "position", "records", "size")

    def __init__(
        self, path: Path | None, number: int, size: int, writer: WriterFact, *, sync: bool = False
    ) -> None:
        self.path = path
        self.number = number
        self.size = size
        self._sync = sync
        self.records = 0  # without definitions; the caller counts
        self._fd = -1
        self._map = self._open(path) if path is not None else mmap.mmap(-1, size)
        self._write_header(writer)
        self.position = HEADER_BYTES
        if path is not None:
            os.rename(path.with_suffix(".new"), path)

    def put(self, payload: bytes) -> bool:
        """Append one record; False when it and the seal do not fit any more."""
        position = self.position
        length = len(payload)
        end = position + 8 + length
        if end + 16 > self.size:
            return False
        mapped = self._map
        mapped[position + 8 : end] = payload
        _pack_into(mapped, position, _crc32(payload), length)
        self.position = (end + 3) & ~3
        if self._sync and self._fd >= 0:
            mapped.flush()
        return True

    def seal(self, *, ended: bool = False) -> None:
        """Say that nothing more will be written here, and let the file go."""
        _pack_into(self._map, self.position, 0, ENDED if ended else SEALED)
        if self._fd >= 0:
            # Said aloud: a child that was forked meanwhile may hold the file open.
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        self.release()

    def release(self) -> None:
        """Let go of the file without sealing it, as a forked child must."""
        self._map.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def is_in_place(self) -> bool:
        """Tell whether the file still lies where it was made."""
        if self.path is None:
            return False
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        return there.st_ino == os.fstat(self._fd).st_ino

    def move_to(self, path: Path) -> None:
        """Give this segment a file at ``path`` with all that it holds so far.

        For one that was kept in memory, or whose file was deleted under us.

        Raises:
            OSError: the folder cannot be written to.
        """
        held, old_fd = self._map, self._fd
        self._fd = -1
        try:
            fresh = self._open(path)
        except OSError:
            self._fd = old_fd
            raise
        fresh[: self.position] = held[: self.position]
        os.rename(path.with_suffix(".new"), path)
        self._map, self.path = fresh, path
        held.close()
        if old_fd >= 0:
            os.close(old_fd)

    def _open(self, path: Path) -> mmap.mmap:
        fresh = path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            # Ours, as the name says: a signal handler raised while it was made.
            os.unlink(fresh)
        fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            # Room is taken now: a hole in a sparse file is a SIGBUS on a full disk.
            os.posix_fallocate(fd, 0, self.size)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            populate = getattr(mmap, "MAP_POPULATE", 0)
            mapped = mmap.mmap(fd, self.size, flags=mmap.MAP_SHARED | populate)
        except OSError:
            os.close(fd)
            os.unlink(fresh)
            raise
        self._fd = fd
        return mapped

    def _write_header(self, writer: WriterFact) -> None:
        about = encode_writer(writer)
        if len(about) > _MOST_HEADER:
            about = encode_writer(
                WriterFact(writer.uid, writer.host[:200], writer.pid, writer.started_us, {})
            )
        at = len(_MAGIC)
        _pack_into(self._map, at, _crc32(about), len(about))
        self._map[at + 8 : at + 8 + len(about)] = about
        self._map[:at] = _MAGIC


@dataclass(slots=True)
class Reading:
    """What one look at a segment gave."""

    facts: list[Fact] = field(default_factory=list)
    lost: int = 0
    sealed: bool = False
    ended: bool = False


class SegmentReader:
    """Reads one segment from front to back, a piece at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = HEADER_BYTES
        self._decoder = SegmentDecoder()
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._orphaned: bool | None = None
        try:
            self.writer = self._read_header()
        except (ValueError, OSError):
            self.close()
            raise

    def close(self) -> None:
        """Close the file, and give up its lock if `take_over` took it."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)

    def take_over(self) -> bool:
        """Tell whether the owner is gone; from then on the file is ours."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise
        return True

    def skip_to(self, offset: int) -> None:
        """Go on at ``offset``; what lies before is read for its definitions only."""
        data = os.pread(self._fd, offset - self.offset, self.offset)
        at, size = 0, len(data)
        while at + 8 <= size:
            crc, length = _unpack_from(data, at)
            end = at + 8 + length
            if not length or end > size:
                at = self._next_sound(data, at + 4)
                continue
            # The second byte of a record tells what it is: see `codec`.
            if data[at + 9] in DEFINITIONS and _crc32(data[at + 8 : end]) == crc:
                with contextlib.suppress(DamagedRecordError):
                    self._decoder.decode(data[at + 8 : end])
            at = (end + 3) & ~3
        self.offset = offset

    def read(self, *, most_bytes: int = 1 << 20, orphan: bool = False) -> Reading:
        """Read on from ``offset``, and move it.

        A damaged record of an owner who is still writing may be one that is
        half copied at this moment: reading stops before it. From an orphan or
        a sealed file it is passed over and counted in ``lost``.
        """
        reading = Reading()
        data = os.pread(self._fd, most_bytes, self.offset)
        at, size = 0, len(data)
        decode = self._decoder.decode
        while at + 8 <= size:
            crc, length = _unpack_from(data, at)
            if length >= ENDED and crc == 0:
                reading.sealed, reading.ended = True, length == ENDED
                break
            end = at + 8 + length
            if length and end > size and self._continues(at, length):
                if at:
                    break
                data = os.pread(self._fd, length + 8, self.offset)
                size = len(data)
                continue
            payload = data[at + 8 : end]
            if length and len(payload) == length and _crc32(payload) == crc:
                try:
                    fact = decode(payload)
                except DamagedRecordError:
                    reading.lost += 1
                else:
                    if fact is not None:
                        reading.facts.append(fact)
                at = (end + 3) & ~3
                continue
            if not orphan or not data[at:].strip(b"\0"):
                break
            at = self._next_sound(data, at + 4)
            reading.lost += 1
        self.offset += min(at, size)
        return reading

    def _continues(self, at: int, length: int) -> bool:
        """Tell whether a record that goes past the piece read still ends in the file."""
        return self.offset + at + 8 + length <= os.fstat(self._fd).st_size

    def _next_sound(self, data: bytes, at: int) -> int:
        """Find the next record whose checksum holds, or the end of the piece."""
        size = len(data)
        while at + 8 <= size:
            crc, length = _unpack_from(data, at)
            end = at + 8 + length
            if crc == 0 and length >= ENDED:
                return at
            if length > 0 and end <= size and _crc32(data[at + 8 : end]) == crc:
                return at
            at += 4
        return size

    def _read_header(self) -> WriterFact:
        head = os.pread(self._fd, HEADER_BYTES, 0)
        if not head.startswith(_MAGIC) or len(head) < HEADER_BYTES:
            raise ValueError(f"{self.path} is not a spool of this version")
        at = len(_MAGIC)
        crc, length = _unpack_from(head, at)
        about = head[at + 8 : at + 8 + length]
        if _crc32(about) != crc:
            raise ValueError(f"the header of {self.path} is damaged")
        return decode_writer(about)
