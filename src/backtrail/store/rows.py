"""Run rows: as JSON and back, and what several facts about one run come to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ..model.facts import RUNNING
from .protocol import InRow, OutRow, RunRow

_encode_json = msgspec.json.Encoder().encode
_decode_json = msgspec.json.Decoder().decode
_decode_lists = msgspec.json.Decoder(list[list[Any]]).decode
_DIGEST = "blake3:"
_TAG = b"\x01"


def to_json(value: Any) -> str:
    """Give a value as JSON text."""
    return _encode_json(value).decode()


def from_json(text: str) -> Any:
    """Read what `to_json` gave."""
    return _decode_json(text)


def ins_json(ins: list[InRow], started: int) -> str:
    """Give the reads of a run as its row keeps them."""
    if not ins:
        return "[]"
    parts = [
        f"[{a},{v},{t - started}]" if not how else f"[{a},{v},{t - started},{how},{producer}]"
        for a, v, t, how, producer in ins
    ]
    return f"[{','.join(parts)}]"


def outs_json(outs: list[OutRow], started: int) -> str:
    """Give writes of a run as its row keeps them."""
    if not outs:
        return "[]"
    parts = [
        f"[{a},{v},{t - started}]"
        if value is None
        else f"[{a},{v},{t - started},{_encode_json(value).decode()}]"
        for a, v, t, value in outs
    ]
    return f"[{','.join(parts)}]"


def ins_of(text: str, started: int) -> list[InRow]:
    """Read what `ins_json` gave."""
    if text == "[]":
        return []
    return [
        InRow(e[0], e[1], started + e[2], 0, 0)
        if len(e) == 3
        else InRow(e[0], e[1], started + e[2], e[3], e[4])
        for e in _decode_lists(text)
    ]


def outs_of(text: str, started: int) -> list[OutRow]:
    """Read what `outs_json` gave."""
    if text == "[]":
        return []
    return [
        OutRow(e[0], e[1], started + e[2], e[3] if len(e) > 3 else None)
        for e in _decode_lists(text)
    ]


def pack_word(word: str) -> bytes | str:
    """Give a version word as it is kept: a BLAKE3 digest as a tag and its 32 bytes."""
    if word.startswith(_DIGEST) and len(word) == 71:
        try:
            packed = _TAG + bytes.fromhex(word[7:])
        except ValueError:
            return word
        return packed if unpack_word(packed) == word else word
    return word


def unpack_word(kept: bytes | str) -> str:
    """Read what `pack_word` gave."""
    return kept if isinstance(kept, str) else _DIGEST + kept[1:].hex()


def unite(a: RunRow, b: RunRow) -> RunRow:
    """Give what two facts about one run say together.

    The same for any order and number of facts: what an end says goes before
    what was said while the run went on, the later end before the earlier.
    """
    leading, other = (a, b) if _weight(a) >= _weight(b) else (b, a)
    merged = leading._replace(
        started=min(a.started, b.started),
        site=leading.site or other.site,
        ins=sorted(set(a.ins) | set(b.ins), key=_by_time),
        outs=united_outs(a.outs, b.outs),
        outs_more=max(a.outs_more, b.outs_more),
    )
    for name in ("pipeline", "parent", "params", "error", "host", "run_id"):
        if getattr(merged, name) is None:
            merged = merged._replace(**{name: getattr(other, name)})
    return merged


def _weight(row: RunRow) -> tuple[Any, ...]:
    ended = row.ended is not None
    return (
        ended,
        row.status != RUNNING,
        row.ended or 0,
        row.status,
        row.started,
        row.component,
        row.error or "",
        row.params or "",
    )


def _by_time(row: InRow | OutRow) -> tuple[int, int, int]:
    return row.at_us, row.artifact, row.version


def united_outs(a: Iterable[OutRow], b: Iterable[OutRow]) -> list[OutRow]:
    """Give the writes of both, each once, by time."""
    united: dict[tuple[int, int, int], OutRow] = {}
    for row in (*a, *b):
        key = (row.artifact, row.version, row.at_us)
        known = united.get(key)
        if known is None or (known.value is None and row.value is not None):
            united[key] = row
    return sorted(united.values(), key=_by_time)
