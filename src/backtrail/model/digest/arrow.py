"""Reads the columns of Arrow, which those of polars and part of pandas come down to."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .columns import BLOCK_ROWS, Frame, put_fixed, zone_word
from .forms import UnsupportedError, loaded

if TYPE_CHECKING:
    from .writer import Writer


def read_arrow(writer: Writer, value: Any) -> Frame | None:
    """Open a table, batch or column of Arrow; None if it is none of these."""
    pa = loaded("pyarrow")
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if isinstance(value, pa.Table):
        opened = (partial(open_arrow, writer, column) for column in value.columns)
        return True, value.num_rows, list(zip(value.column_names, opened, strict=True))
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return False, len(value), [("", partial(open_arrow, writer, value))]
    return None


def open_arrow(writer: Writer, data: Any) -> tuple[str, Callable[[int], None]]:
    """Open a column of Arrow."""
    pa = loaded("pyarrow")

    def put_block(at: int) -> None:
        put_arrow(writer, pa, data.slice(at, BLOCK_ROWS))

    return arrow_word(pa, data.type), put_block


_ARROW_WORDS = {
    "null": "null",
    "bool": "bool",
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "date32[day]": "date",
    "date64[ms]": "date",
    **dict.fromkeys(("string", "large_string", "string_view"), "string"),
    **dict.fromkeys(("binary", "large_binary", "binary_view"), "binary"),
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
_LISTS = ("is_list", "is_large_list", "is_fixed_size_list", "is_list_view", "is_large_list_view")


def arrow_word(pa: Any, kind: Any) -> str:
    """Name what the values of an Arrow type are, however they are laid out."""
    word = _ARROW_WORDS.get(str(kind))
    types = pa.types
    if word is not None:
        return word
    if types.is_dictionary(kind) or _is(types, "is_run_end_encoded", kind):
        return arrow_word(pa, kind.value_type)
    if types.is_fixed_size_binary(kind):
        return "binary"
    if types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if types.is_time(kind):
        return f"time[{kind.unit}]"
    if types.is_duration(kind):
        return f"duration[{kind.unit}]"
    if types.is_timestamp(kind):
        zone = "" if kind.tz is None else f",{zone_word(kind.tz)}"
        return f"timestamp[{kind.unit}{zone}]"
    if any(_is(types, name, kind) for name in _LISTS):
        return f"list<{_nested_word(pa, kind.value_type)}>"
    if types.is_map(kind):
        return f"map<{_nested_word(pa, kind.key_type)},{_nested_word(pa, kind.item_type)}>"
    if types.is_struct(kind):
        fields = ((field.name, _nested_word(pa, field.type)) for field in kind)
        return "struct<" + ",".join(f"{len(name)}:{name}={word}" for name, word in fields) + ">"
    raise UnsupportedError


def _is(types: Any, name: str, kind: Any) -> bool:
    # Older releases know fewer layouts, and have no values of those.
    test = getattr(types, name, None)
    return test is not None and bool(test(kind))


def _nested_word(pa: Any, kind: Any) -> str:
    return nested(arrow_word(pa, kind))


def nested(word: str) -> str:
    """Give the word of values inside of others, if those can be hashed."""
    # As Python objects, which nested values are hashed as, these lose digits.
    if word.startswith("time[") or "[ns" in word:
        raise UnsupportedError
    return word


def put_arrow(writer: Writer, pa: Any, part: Any) -> None:
    """Take a block of at most `BLOCK_ROWS` rows, an array or chunks of one."""
    np = loaded("numpy")
    chunks = part.chunks if isinstance(part, pa.ChunkedArray) else [part]
    chunks = [_laid_out(pa, chunk) for chunk in chunks if len(chunk)]
    array = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
    valid = None
    if array.null_count:
        valid = _buffer_of(np, array.is_valid().cast(pa.uint8()), "u1")
    kind = array.type
    if pa.types.is_nested(kind):
        writer.block(valid)
        writer.elements(array.to_pylist(), len(array), 0)
    elif pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
        _put_arrow_texts(writer, np, array, valid)
    elif pa.types.is_decimal(kind):
        width = kind.byte_width
        put_fixed(writer, np, _buffer_of(np, array, f"V{width}").view((np.uint8, width)), valid)
    else:
        sign = "f" if pa.types.is_floating(kind) else "u" if str(kind)[0] == "u" else "i"
        put_fixed(writer, np, _buffer_of(np, array, f"<{sign}{kind.bit_width // 8}"), valid)


def _laid_out(pa: Any, array: Any) -> Any:
    """Give an array in the one layout that its values are read from."""
    types, kind = pa.types, array.type
    if types.is_dictionary(kind):
        return _laid_out(pa, array.dictionary_decode())
    if _is(types, "is_run_end_encoded", kind):
        return _laid_out(pa, pa.compute.run_end_decode(array))
    word = arrow_word(pa, kind)
    if word == "string":
        return array.cast(pa.large_string())
    if word == "binary":
        return array.cast(pa.large_binary())
    if word == "bool":
        return array.cast(pa.uint8())
    if word == "date":
        return array.cast(pa.date32())
    if word.startswith("decimal") and kind.precision <= 38 and kind.byte_width != 16:
        return array.cast(pa.decimal128(kind.precision, kind.scale))
    return array


def _buffer_of(np: Any, array: Any, dtype: str) -> Any:
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array), dtype)
    return np.frombuffer(buffer, dtype, offset=array.offset * np.dtype(dtype).itemsize)[
        : len(array)
    ]


def _put_arrow_texts(writer: Writer, np: Any, array: Any, valid: Any) -> None:
    if valid is not None:
        # Under a missing value there may be text of any length.
        array = array.fill_null(b"" if str(array.type) == "large_binary" else "")
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, "<i8", len(array) + 1, array.offset * 8)
    texts = b"" if data is None else memoryview(data)[int(ends[0]) : int(ends[-1])]
    writer.block(valid, np.diff(ends).view(np.uint8), texts)
