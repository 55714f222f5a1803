"""Run ids: a UUIDv7 computed from what a run is, so that no index has to remember it.

The layout is RFC 9562's version 7, with its free bits given a meaning::

    48 bits  milliseconds since 1970 of the start
     4 bits  version (7)
    10 bits  microseconds within that millisecond
     2 bits  the writer, high bits
     2 bits  variant (binary 10)
    28 bits  the writer, low bits
    34 bits  the number of the run in its writer

Ids sort by start, the first 18 characters tell runs of one process apart, and
an id can be taken apart again into the key that the store keeps.
"""

from __future__ import annotations

from typing import NamedTuple

SEQ_BITS = 34
SEQ_MASK = (1 << SEQ_BITS) - 1
SHORT_WRITER_MASK = (1 << 30) - 1
_MAX_MS = (1 << 48) - 1
_HEX = frozenset("0123456789abcdef")


class RunIdParts(NamedTuple):
    """What a run id says: start in microseconds, the writer's 30 bits, the run's number."""

    started_us: int
    writer: int
    seq: int


def short_writer(uid: bytes) -> int:
    """Give the 30 bits of a writer's 16 random bytes that its run ids carry."""
    return int.from_bytes(uid[:4], "big") & SHORT_WRITER_MASK


def run_id_of(started_us: int, writer: int, seq: int) -> str:
    """Give the public id of run number ``seq`` of ``writer`` (30 bits)."""
    ms, us = divmod(max(started_us, 0), 1000)
    ms = min(ms, _MAX_MS)
    # Field by field: one number of 128 bits takes longer, and a backtrace of
    # 5,000 runs computes 5,000 ids.
    return (
        f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-{0x7000 | us << 2 | writer >> 28 & 0b11:04x}"
        f"-{0x8000 | writer >> 14 & 0x3FFF:04x}-{(writer & 0x3FFF) << 34 | seq & SEQ_MASK:012x}"
    )


def parse_run_id(run_id: str) -> RunIdParts | None:
    """Take a public id apart; None for an id that backtrail did not compute."""
    text = run_id.replace("-", "").lower()
    if len(run_id) != 36 or len(text) != 32 or not _HEX.issuperset(text):
        return None
    bits = int(text, 16)
    us = bits >> 66 & 0x3FF
    if bits >> 76 & 0xF != 7 or bits >> 62 & 0b11 != 0b10 or us > 999:
        return None
    writer = (bits >> 64 & 0b11) << 28 | bits >> 34 & 0xFFFFFFF
    return RunIdParts((bits >> 80) * 1000 + us, writer, bits & SEQ_MASK)


def started_between(prefix: str) -> tuple[int, int] | None:
    """Give the first and last start (microseconds) that ids with this prefix can have.

    None when the text cannot be the beginning of a run id.
    """
    text = prefix.replace("-", "").lower()
    if not text or len(text) > 32 or not _HEX.issuperset(text):
        return None
    # Only the milliseconds are read: they are the first 12 digits.
    head = text[:12]
    low = int(head.ljust(12, "0"), 16) * 1000
    high = int(head.ljust(12, "f"), 16) * 1000 + 999
    return low, high
