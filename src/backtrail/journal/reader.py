"""One file of a spool, read back: from front to back, a piece at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path

from ..model.facts import Fact, WriterFact
from .codec import DEFINITIONS, DamagedRecordError, SegmentDecoder, decode_writer
from .segment import ENDED, FIXED, HEADER_BYTES, MAGIC, SEAL, SEAL_AT, checksum

_unpack_from = FIXED.unpack_from
_crc32 = checksum


@dataclass(slots=True)
class Reading:
    """What one look at a segment gave."""

    facts: list[Fact] = field(default_factory=list)
    lost: int = 0
    sealed: bool = False
    ended: bool = False
    more: bool = True  # whether it stopped because the piece was full, not because nothing follows


class SegmentReader:
    """Reads one segment from front to back, a piece at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = HEADER_BYTES
        self._decoder = SegmentDecoder()
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        there = os.fstat(self._fd)
        self.identity = (there.st_dev, there.st_ino)
        self.is_ours = False  # whether `take_over` holds the lock
        try:
            self.writer = self._read_header()
        except (ValueError, OSError):
            self.close()
            raise

    def close(self) -> None:
        """Close the file, and give up its lock if `take_over` took it."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        os.close(self._fd)

    def leave_to_parent(self) -> None:
        """Close the file in a forked child; the lock stays the parent's."""
        os.close(self._fd)

    def take_over(self) -> bool:
        """Tell whether the owner is gone; from then on the file is ours."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise
        self.is_ours = True
        return True

    def skip_to(self, offset: int) -> None:
        """Go on at ``offset``; what lies before is read for its definitions only."""
        data = os.pread(self._fd, offset - self.offset, self.offset)
        at, size = 0, len(data)
        while at + 8 <= size:
            crc, length = _unpack_from(data, at)
            end = at + 8 + length
            if not length or end > size:
                at = self._next_sound(data, at + 1)
                continue
            # The second byte of a record tells what it is: see `codec`.
            if data[at + 9] in DEFINITIONS and _crc32(data[at + 8 : end]) == crc:
                with contextlib.suppress(DamagedRecordError):
                    self._decoder.decode(data[at + 8 : end])
            at = end
        self.offset = offset

    def read(self, *, most_bytes: int = 1 << 20, orphan: bool = False) -> Reading:
        """Read on from ``offset``, and move it.

        A damaged record of an owner who is still writing may be one that is
        half copied at this moment: reading stops before it. From an orphan or
        a sealed file it is passed over and counted in ``lost``.
        """
        reading = Reading()
        # Asked before reading: what was sealed by then is all there.
        (seal,) = SEAL.unpack(os.pread(self._fd, SEAL.size, SEAL_AT))
        data = os.pread(self._fd, most_bytes, self.offset)
        at, size = 0, len(data)
        decode = self._decoder.decode
        while at + 8 <= size:
            crc, length = _unpack_from(data, at)
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
                at = end
                continue
            if not (orphan or seal) or self._is_blank_from(at, data):
                reading.more = False
                break
            # Searched to the end of the file: the next sound record may go past the piece.
            self.offset += at
            data = os.pread(self._fd, os.fstat(self._fd).st_size - self.offset, self.offset)
            at, size = self._next_sound(data, 1), len(data)
            reading.lost += 1
        self.offset += min(at, size)
        if seal and (not reading.more or self._is_blank_from(0, b"")):
            reading.sealed, reading.ended = True, seal == ENDED
        return reading

    def _is_blank_from(self, at: int, data: bytes) -> bool:
        """Tell whether only zeros follow, up to the end of the file."""
        if data[at:].strip(b"\0"):
            return False
        end = self.offset + len(data)
        return not os.pread(self._fd, os.fstat(self._fd).st_size - end, end).strip(b"\0")

    def _continues(self, at: int, length: int) -> bool:
        """Tell whether a record that goes past the piece read still ends in the file."""
        return self.offset + at + 8 + length <= os.fstat(self._fd).st_size

    def _next_sound(self, data: bytes, at: int) -> int:
        """Find the next record whose checksum holds, or the end of the piece."""
        size = len(data)
        while at + 8 <= size:
            crc, length = _unpack_from(data, at)
            end = at + 8 + length
            if length > 0 and end <= size and _crc32(data[at + 8 : end]) == crc:
                return at
            at += 1
        return size

    def _read_header(self) -> WriterFact:
        head = os.pread(self._fd, HEADER_BYTES, 0)
        if not head.startswith(MAGIC) or len(head) < HEADER_BYTES:
            raise ValueError(f"{self.path} is not a spool of this version")
        at = len(MAGIC)
        crc, length = _unpack_from(head, at)
        about = head[at + 8 : at + 8 + length]
        if _crc32(about) != crc:
            raise ValueError(f"the header of {self.path} is damaged")
        return decode_writer(about)
