"""Rows as COPY takes them in its binary form, which the server need not parse.

The form: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Any

_BEGIN = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_number = Struct("!iq").pack
_length = Struct("!i").pack
_edge = Struct("!hiqiqiqiq").pack
_head = Struct("!hiqiqiqiqiqih").pack
# A COPY is sent in pieces of about this many rows.
_AT_ONCE = 2000

RUN_COLUMNS = (
    "run, component, site, started, outs_more, status,"
    " pipeline, parent, ended, params, error, run_id, host, ins, outs"
)


def runs(rows: Iterable[tuple[Any, ...]]) -> Iterable[bytes]:
    """Give bound run rows, see `intake.Rows`, in the order of `RUN_COLUMNS`."""
    return _in_pieces(map(_run, rows))


def edges(rows: Iterable[tuple[int, int, int, int]]) -> Iterable[bytes]:
    """Give rows of outputs or inputs: artifact, t, run, version."""
    return _in_pieces(_edge(4, 8, a, 8, t, 8, run, 8, version) for a, t, run, version in rows)


def _run(row: tuple[Any, ...]) -> bytes:
    (run, component, site, pipeline, parent, started, ended, status, *texts, more) = row
    fields = [_head(15, 8, run, 8, component, 8, site, 8, started, 8, more, 2, status)]
    fields += [
        _NULL if number is None else _number(8, number) for number in (pipeline, parent, ended)
    ]
    for text in texts:
        if text is None:
            fields.append(_NULL)
        else:
            kept = text.encode()
            if b"\0" in kept:
                kept = kept.replace(b"\0", b"\\0")
            fields += (_length(len(kept)), kept)
    return b"".join(fields)


def _in_pieces(rows: Iterable[bytes]) -> Iterable[bytes]:
    piece = [_BEGIN]
    for row in rows:
        piece.append(row)
        if len(piece) > _AT_ONCE:
            yield b"".join(piece)
            piece.clear()
    piece.append(_END)
    yield b"".join(piece)
