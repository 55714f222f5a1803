"""Reads the columns of pandas."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .arrow import arrow_word, open_arrow, put_arrow
from .columns import BLOCK_ROWS, Column, Frame, put_fixed, put_texts, zone_word
from .forms import UnsupportedError, loaded

if TYPE_CHECKING:
    from .writer import Writer


def read_pandas(writer: Writer, value: Any) -> Frame | None:
    """Open a frame, series or index of pandas; None if it is none of these."""
    pd = loaded("pandas")
    if isinstance(value, pd.Index):
        return False, len(value), [("", _column_of(writer, pd.Series(value.array)))]
    if isinstance(value, pd.Series):
        columns = [("", _column_of(writer, value))]
    elif isinstance(value, pd.DataFrame):
        columns = [
            (label, _column_of(writer, value.iloc[:, place]))
            for place, label in enumerate(value.columns)
        ]
    else:
        return None
    index = value.index
    # Not a named one: since pandas 3 a column of evenly spaced ids becomes such an index.
    if not isinstance(index, pd.RangeIndex) or index.name is not None:
        for place in range(index.nlevels):
            level = index.get_level_values(place)
            name = f"__index_level_{place}__" if level.name is None else level.name
            columns.append((name, _column_of(writer, pd.Series(level.array))))
    return isinstance(value, pd.DataFrame), len(index), columns


def _column_of(writer: Writer, series: Any) -> Column:
    return partial(_open_pandas, writer, series)


def _open_pandas(writer: Writer, series: Any) -> tuple[str, Callable[[int], None]]:
    pd, np, pa = loaded("pandas"), loaded("numpy"), loaded("pyarrow")
    dtype, array = series.dtype, series.array
    if isinstance(dtype, np.dtype):
        opened = _open_objects if dtype.kind == "O" else _open_numbers
        return opened(writer, series.to_numpy())
    if isinstance(dtype, getattr(pd, "ArrowDtype", ())):
        return open_arrow(writer, array.__arrow_array__())
    if isinstance(dtype, pd.StringDtype):
        if dtype.storage != "python":
            return open_arrow(writer, array.__arrow_array__())
        return _open_objects(writer, array, "string")
    if isinstance(dtype, pd.CategoricalDtype):
        return _open_category(writer, pa, array)
    if isinstance(dtype, pd.DatetimeTZDtype):
        moments = np.asarray(array, f"M8[{dtype.unit}]")  # in UTC, without a copy
        word, put_block = _open_numbers(writer, moments)
        return f"{word[:-1]},{zone_word(dtype.tz)}]", put_block
    if isinstance(dtype, pd.SparseDtype):
        return _open_sparse(writer, array, dtype.subtype)
    if hasattr(dtype, "numpy_dtype"):
        return _open_masked(writer, array, dtype.numpy_dtype)
    raise UnsupportedError


def _numbers_word(np: Any, dtype: Any) -> str:
    if dtype.kind in "Mm":
        unit, count = np.datetime_data(dtype)
        if count != 1:
            raise UnsupportedError
        return f"{'timestamp' if dtype.kind == 'M' else 'duration'}[{unit}]"
    if dtype.kind == "f" and dtype.itemsize > 8:
        raise UnsupportedError
    if dtype.kind in "biufc":
        return str(dtype.newbyteorder("=").name)
    raise UnsupportedError


def _put_numbers(writer: Writer, np: Any, values: Any) -> None:
    """Take a block of an array in which NaN and NaT mean missing."""
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    valid = None
    if values.dtype.kind in "Mm":
        values = values.view(np.int64)
        valid = values != np.iinfo(np.int64).min
    elif values.dtype.kind in "fc":
        valid = ~np.isnan(values)
    if valid is not None:
        valid = None if valid.all() else valid.view(np.uint8)
    put_fixed(writer, np, values, valid)


def _open_numbers(writer: Writer, values: Any) -> tuple[str, Callable[[int], None]]:
    np = loaded("numpy")

    def put_block(at: int) -> None:
        _put_numbers(writer, np, values[at : at + BLOCK_ROWS])

    return _numbers_word(np, values.dtype), put_block


def _open_sparse(writer: Writer, array: Any, dtype: Any) -> tuple[str, Callable[[int], None]]:
    np = loaded("numpy")

    def put_block(at: int) -> None:
        _put_numbers(writer, np, np.asarray(array[at : at + BLOCK_ROWS]))

    return _numbers_word(np, dtype), put_block


def _open_masked(writer: Writer, array: Any, dtype: Any) -> tuple[str, Callable[[int], None]]:
    np = loaded("numpy")

    def put_block(at: int) -> None:
        part = array[at : at + BLOCK_ROWS]
        missing = part.isna()
        valid = (~missing).view(np.uint8) if missing.any() else None
        put_fixed(writer, np, part.to_numpy(dtype=dtype, na_value=0), valid)

    return _numbers_word(np, dtype), put_block


def _open_category(writer: Writer, pa: Any, array: Any) -> tuple[str, Callable[[int], None]]:
    if pa is None:
        return _open_objects(writer, array, "string")
    np = loaded("numpy")
    values = pa.array(array.categories)

    def put_block(at: int) -> None:
        codes = array.codes[at : at + BLOCK_ROWS]
        put_arrow(writer, pa, values.take(pa.array(codes, mask=np.less(codes, 0))))

    return arrow_word(pa, values.type), put_block


_OBJECTS = {"string": "string", "bytes": "binary", "boolean": "bool", "date": "date"}
_EPOCH_DAY = 719_163


def _open_objects(
    writer: Writer, array: Any, word: str | None = None
) -> tuple[str, Callable[[int], None]]:
    pd, np = loaded("pandas"), loaded("numpy")
    if word is None:
        kind = pd.api.types.infer_dtype(array, skipna=True)
        word = "null" if kind == "empty" else _OBJECTS.get(kind, "object")

    def put_block(at: int) -> None:
        part = np.asarray(array[at : at + BLOCK_ROWS], object)
        missing = pd.isna(part)
        valid = (~missing).view(np.uint8) if missing.any() else None
        present = part[~missing]
        if word == "object":
            writer.block(valid)
            writer.elements(present, len(present), 0)
        elif word in ("string", "binary"):
            # Never filled in place: the array is the user's.
            pairs = zip(part.tolist(), missing.tolist(), strict=True)
            texts = [b"" if gone else _text_bytes(text) for text, gone in pairs]
            put_texts(writer, np, texts, valid)
        else:
            values = np.zeros(len(part), np.int32 if word == "date" else np.uint8)
            values[~missing] = [each if word == "bool" else _day(each) for each in present]
            put_fixed(writer, np, values, valid)

    return word, put_block


def _day(value: dt.date) -> int:
    return value.toordinal() - _EPOCH_DAY


def _text_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
