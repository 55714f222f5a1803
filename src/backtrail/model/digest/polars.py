"""Reads the columns of polars: through Arrow where pyarrow is loaded, else by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .arrow import arrow_word, nested, put_arrow
from .columns import BLOCK_ROWS, Frame, put_fixed, put_texts, zone_word
from .forms import UnsupportedError, loaded

if TYPE_CHECKING:
    from .writer import Writer


def read_polars(writer: Writer, value: Any) -> Frame | None:
    """Open a frame or series of polars; None if it is neither."""
    pl = loaded("polars")
    opened = _open_polars if loaded("pyarrow") is None else _open_polars_by_arrow
    if isinstance(value, pl.DataFrame):
        columns = value.get_columns()
        return True, value.height, [(one.name, partial(opened, writer, one)) for one in columns]
    if isinstance(value, pl.Series):
        return False, len(value), [("", partial(opened, writer, value))]
    return None


def _open_polars_by_arrow(writer: Writer, series: Any) -> tuple[str, Callable[[int], None]]:
    pl, pa = loaded("polars"), loaded("pyarrow")
    if series.dtype == pl.Object:
        raise UnsupportedError
    # Each block of a categorical would bring all its categories along.
    is_category = series.dtype in (pl.Categorical, pl.Enum)

    def put_block(at: int) -> None:
        part = series.slice(at, BLOCK_ROWS)
        put_arrow(writer, pa, (part.cast(pl.String) if is_category else part).to_arrow())

    if is_category:
        return "string", put_block
    return arrow_word(pa, series.slice(0, 0).to_arrow().type), put_block


def _open_polars(writer: Writer, series: Any) -> tuple[str, Callable[[int], None]]:
    pl = loaded("polars")
    word = _polars_word(pl, series.dtype)
    is_nested = series.dtype.is_nested()

    def put_block(at: int) -> None:
        part = series.slice(at, BLOCK_ROWS)
        valid = part.is_not_null().cast(pl.UInt8).to_numpy() if part.null_count() else None
        np = loaded("numpy")
        if is_nested:
            # As in Arrow, whose words and values these are.
            writer.block(valid)
            writer.elements(part.to_list(), len(part), 0)
        elif word == "string":
            texts = part.cast(pl.String).fill_null("").to_list()
            put_texts(writer, np, [text.encode() for text in texts], valid)
        elif word == "binary":
            put_texts(writer, np, part.fill_null(b"").to_list(), valid)
        else:
            part = part.cast(pl.UInt8) if word == "bool" else part.to_physical()
            put_fixed(writer, np, part.fill_null(0).to_numpy(), valid)

    # Polars loads numpy by itself when it first needs it, if there is one.
    series.slice(0, 0).is_null().cast(pl.UInt8).to_numpy()
    return word, put_block


def _polars_word(pl: Any, dtype: Any) -> str:
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "string"
    if dtype == pl.Boolean:
        return "bool"
    if dtype in (pl.Float32, pl.Float64, pl.Binary, pl.Date, pl.Null) or (
        dtype.is_integer() and str(dtype)[-3:] != "128"
    ):
        return str(dtype).lower()
    if dtype == pl.Datetime:
        zone = "" if dtype.time_zone is None else f",{zone_word(dtype.time_zone)}"
        return f"timestamp[{dtype.time_unit}{zone}]"
    if dtype == pl.Duration:
        return f"duration[{dtype.time_unit}]"
    if dtype == pl.Time:
        return "time[ns]"
    if dtype in (pl.List, pl.Array):
        return f"list<{nested(_polars_word(pl, dtype.inner))}>"
    if dtype == pl.Struct:
        fields = ((each.name, nested(_polars_word(pl, each.dtype))) for each in dtype.fields)
        return "struct<" + ",".join(f"{len(name)}:{name}={word}" for name, word in fields) + ">"
    raise UnsupportedError
