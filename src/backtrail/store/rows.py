"""Run rows: as JSON and back, and what several facts about one run come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Protocol, TypeVar

import msgspec

from ..model.facts import RUNNING
from .protocol import InRow, OutRow, RunRow

T = TypeVar("T")
_encode_json = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines
_decode_json = msgspec.json.Decoder().decode
# What a NamedTuple's own constructor does, at half the cost: a backtrace of 5,000
# runs makes 30,000 of them.
_new = tuple.__new__
_DIGEST = "blake3:"
_TAG = b"\x01"
_HEX = frozenset("0123456789abcdef")


def to_json(value: Any) -> str:
    """Give a value as JSON text."""
    return _encode_json(value).decode()


def from_json(text: str) -> Any:
    """Read what `to_json` gave."""
    return _decode_json(text)


def to_json_each(values: Sequence[Any]) -> list[str]:
    """Give each value as JSON text; many at once take a third of the time."""
    return _encode_lines(values).decode().split("\n")[:-1]


def wire_ins(ins: Sequence[tuple[Any, ...]], started: int) -> list[tuple[Any, ...]]:
    """Give the reads of a run as its row keeps them, in JSON."""
    return [
        (artifact, version, t - started, how, producer) if how else (artifact, version, t - started)
        for artifact, version, t, how, producer in ins
    ]


def wire_outs(outs: Sequence[tuple[Any, ...]], started: int) -> list[tuple[Any, ...]]:
    """Give writes of a run as its row keeps them, in JSON."""
    return [
        (artifact, version, t - started)
        if value is None
        else (artifact, version, t - started, value)
        for artifact, version, t, value in outs
    ]


def ins_of(wire: list[list[Any]], started: int) -> list[InRow]:
    """Read what `wire_ins` gave."""
    return [
        _new(InRow, (e[0], e[1], started + e[2], 0, 0))
        if len(e) == 3
        else InRow(e[0], e[1], started + e[2], e[3], e[4])
        for e in wire
    ]


def outs_of(wire: list[list[Any]], started: int) -> list[OutRow]:
    """Read what `wire_outs` gave."""
    return [_new(OutRow, (e[0], e[1], started + e[2], e[3] if len(e) > 3 else None)) for e in wire]


def pack_word(word: str) -> bytes | str:
    """Give a version word as it is kept: a BLAKE3 digest as a tag and its 32 bytes."""
    if word.startswith(_DIGEST) and len(word) == 71:
        try:
            packed = _TAG + bytes.fromhex(word[7:])
        except ValueError:
            return word
        return packed if word.endswith(packed[1:].hex()) else word
    return word


def words_from(prefix: str) -> tuple[bytes | str, bytes | str]:
    """Give the least and the greatest form in which a word that starts so can be kept."""
    digits = prefix.removeprefix(_DIGEST)
    if digits != prefix and len(digits) <= 64 and _HEX.issuperset(digits):
        low, high = (bytes.fromhex(digits.ljust(64, end)) for end in "0f")
        return _TAG + low, _TAG + high
    return prefix, prefix + "\U0010ffff"


def unpack_word(kept: bytes | str) -> str:
    """Read what `pack_word` gave."""
    return kept if isinstance(kept, str) else _DIGEST + kept[1:].hex()


class Said(Protocol):
    """What keys of a run row stand for, so that facts are compared by what they say."""

    def site(self, key: int) -> tuple[str, str]:
        """Give commit (empty if not known) and component of a site."""
        ...

    def pipeline(self, key: int) -> str:
        """Give the public id of a pipeline run."""
        ...

    def parent(self, key: int) -> str:
        """Give the public id of a calling run."""
        ...


def unite(a: RunRow, b: RunRow, said: Said) -> RunRow:
    """Give what two facts about one run say together.

    The same for any order and number of facts, also where they contradict each
    other: an end goes before what was said while the run went on, the later end
    before the earlier, and otherwise the greater of two texts. So nothing
    depends on the keys, which are given in the order of arrival.
    """
    # Mostly a part and the end of one run. Built in one go: that is a fifth of the
    # cost of draining a run that logged an output.
    if (a.ended is None) != (b.ended is None):
        end = b if a.ended is None else a
    else:
        end = max(a, b, key=_end)
    origin = a if a.site == b.site or said.site(a.site) >= said.site(b.site) else b
    united: RunRow = _new(
        RunRow,
        (
            end.run,
            origin.component,
            origin.site,
            _greater(a.pipeline, b.pipeline, said.pipeline),
            _greater(a.parent, b.parent, said.parent),
            min(a.started, b.started),
            end.ended,
            end.status,
            _greater(a.params, b.params, str),
            end.error,
            _greater(a.run_id, b.run_id, str),
            _host(a.host, b.host),
            a.ins if a.ins == b.ins else united_ins(a.ins, b.ins),
            a.outs if a.outs == b.outs else united_outs(a.outs, b.outs),
            max(a.outs_more, b.outs_more),
        ),
    )
    return united


def _end(row: RunRow) -> tuple[bool, bool, int, int, str]:
    ended = row.ended is not None
    return ended, row.status != RUNNING, row.ended or 0, row.status, row.error or ""


def _greater(a: T | None, b: T | None, said: Callable[[T], str]) -> T | None:
    if a is None or a == b:
        return b
    return a if b is None or said(a) >= said(b) else b


def _host(a: str | None, b: str | None) -> str | None:
    """Give the host that was named, else None for the writer's, else that it is not known."""
    if a and b:
        return max(a, b)
    return a or b or (None if a is None or b is None else "")


def united_ins(a: Sequence[tuple[Any, ...]], b: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Give the reads of both, each once, by time."""
    # In the order of their names' keys where the time is one, so that it does not
    # matter how many facts said it.
    return sorted({*a, *b}, key=_read_order)


def united_outs(a: Sequence[tuple[Any, ...]], b: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Give the writes of both, each once, by time."""
    if len(a) + len(b) < 2:
        return [*a, *b]
    united: dict[tuple[int, int, int], Any] = {}
    for row in (*a, *b):
        artifact, version, at_us, value = row
        order = (at_us, artifact, version)
        known = united.get(order)
        if known is None or (value is not None and _is_greater(value, known[3])):
            united[order] = row
    return [united[order] for order in sorted(united)]


def _is_greater(value: Any, known: Any) -> bool:
    """Whether a value goes before another that was told of the same write, whichever came first."""
    return known is None or to_json(value) > to_json(known)


_read_order = itemgetter(2, 0, 1, 3, 4)
