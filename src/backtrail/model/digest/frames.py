"""The canonical form of frames and series: a column at a time, in blocks of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .arrow import read_arrow
from .columns import BLOCK_ROWS
from .forms import length, sized
from .pandas import read_pandas
from .polars import read_polars

if TYPE_CHECKING:
    from .writer import Writer


def put_frame(writer: Writer, value: Any) -> bool:
    """Take a frame or a series of pandas, polars or pyarrow; tells whether it is one."""
    # A subclass made elsewhere (a GeoDataFrame) may mean more than its columns.
    family = type(value).__module__.partition(".")[0]
    read = {"pandas": read_pandas, "polars": read_polars, "pyarrow": read_arrow}.get(family)
    found = None if read is None else read(writer, value)
    if found is None:
        return False
    is_frame, rows, columns = found
    writer.put((b"q" if is_frame else b"v") + length(rows) + length(len(columns)))
    for name, column in columns:
        if is_frame:
            writer.value(name, 0)
        word, put_block = column()
        writer.put(sized(b"w", word.encode()))
        if word != "null":
            for at in range(0, rows, BLOCK_ROWS):
                put_block(at)
    return True
