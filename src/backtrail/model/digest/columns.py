"""What the columns of all frames share, whichever library they are of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .arrays import plain

if TYPE_CHECKING:
    from .writer import Writer

# Blocks are counted in rows, so that chunks of any size make the same blocks.
BLOCK_ROWS = 1 << 16

# Opens a column: gives the word for its type, and what writes its block of rows at a position.
Column = Callable[[], tuple[str, Callable[[int], None]]]
# Whether it has column names, its rows, its columns.
Frame = tuple[bool, int, list[tuple[Any, Column]]]


def put_fixed(writer: Writer, np: Any, values: Any, valid: Any) -> None:
    """Take a block of values of one width, where what lies under missing ones is undefined."""
    if valid is not None:
        values = values.copy()
        values[valid == 0] = 0
    writer.block(valid, plain(np, np.ascontiguousarray(values).reshape(-1)))


def put_texts(writer: Writer, np: Any, texts: list[bytes], valid: Any) -> None:
    """Take a block of texts: their lengths, then all of them in a row."""
    lengths = np.fromiter(map(len, texts), "<i8", len(texts))
    writer.block(valid, lengths.view(np.uint8), b"".join(texts))


def zone_word(zone: object) -> str:
    """Name a time zone as all the libraries do."""
    # A fixed offset is UTC+01:00 to Python and +01:00 to Arrow.
    word = str(zone)
    return word[3:] if word.startswith(("UTC+", "UTC-")) else word
