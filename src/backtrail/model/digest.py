"""Digests of content: equal for equal data, in every process and on every machine.

`digest_bytes`, `digest_text` and `digest_stream` are plain BLAKE3, as `b3sum`
prints it. `digest_value` hashes a canonical form of a value in memory, never its
printed or pickled form. One grammar covers all of it, each part with a tag and
its length, so that no two values share a form:

- JSON-like values. ``1``, ``1.0`` and ``True`` differ, as do ``0.0`` and ``-0.0``; all
  NaN are one. A tuple is a list and a dict has no order, as in JSON. Moments
  are counted in nanoseconds; of aware ones the instant counts, not the zone.
- Arrays by element type, shape and bytes in C order and little-endian. A scalar
  of numpy is the Python number in it.
- Frames by row count, then for each column in order its name, its logical type and
  its values in blocks of a fixed number of rows: 0 where a value is missing.
  pandas, polars and Arrow agree on the same data: how text is laid out, chunks,
  offsets and what lies under a missing value do not count. A categorical is its
  values, since a file or another library gives it back as those. A series is a
  column without its name. In pandas a float NaN means missing, as its own export
  to Arrow has it; polars and Arrow tell the two apart. An index counts as columns behind
  the others, as in that export, unless it is a `RangeIndex` without a name.
  A pandas object column of texts, bytes, booleans or dates is such a column; of
  anything else it is a type of its own, each element JSON-like.

Libraries are looked up among the loaded ones and never imported: a value of theirs
cannot be there otherwise. Without pyarrow, polars columns that are nested or decimal
and pandas categoricals of other than text have no digest.
"""

from __future__ import annotations

import datetime as dt
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cache, partial
from operator import itemgetter
from typing import Any
from uuid import UUID

# Part of what is hashed: another layout gives other digests, never equal ones by chance.
_LAYOUT = b"backtrail value 1\n"
_CONTENT = ("blake3:", "sha256:", "sha1:", "md5:", "xxh3:")

_BUFFER = 1 << 16
_BLOCK_BYTES = 1 << 20
# Blocks are counted in rows, so that chunks of any size make the same blocks.
_BLOCK_ROWS = 1 << 16
_MOST_DEPTH = 64
# Containers may share their parts: forty lists of two can unfold to 2**40 elements.
# A container counts for several, as it takes the time of several: seconds in all.
_MOST_ELEMENTS = 20_000_000
_CONTAINER_COST = 16


class _UnsupportedError(Exception):
    """The value holds something that has no canonical form."""


# What the libraries raise for a column they cannot give, and what a version of
# theirs that lacks a method comes down to.
_NO_FORM = (
    _UnsupportedError,
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


def is_content_digest(version: str) -> bool:
    """Tell whether a version is a digest of content, so that equal ones mean equal content."""
    return version.startswith(_CONTENT)


def digest_bytes(data: bytes | bytearray | memoryview) -> str:
    """Give the digest of a file's bytes."""
    return f"blake3:{_hasher_type()(data).hexdigest()}"


def digest_text(text: str) -> str:
    """Give the digest of a text's UTF-8."""
    return digest_bytes(text.encode("utf-8", "surrogatepass"))


def digest_stream(chunks: Iterable[bytes | bytearray | memoryview]) -> str:
    """Give the digest of bytes that come in parts; how they are cut does not count."""
    hasher = _hasher_type()()
    for chunk in chunks:
        hasher.update(chunk)
    return f"blake3:{hasher.hexdigest()}"


def digest_value(value: object) -> str | None:
    """Give the digest of a value in memory, or None if its type has no canonical form."""
    try:
        writer = _Writer()
        writer.put(_LAYOUT)
        writer.value(value, 0)
    except _NO_FORM:
        return None
    return writer.digest()


@cache
def _hasher_type() -> Callable[..., Any]:
    # Only who digests something pays for loading it.
    from blake3 import blake3

    return blake3


def _loaded(name: str) -> Any:
    return sys.modules.get(name)


def _length(number: int) -> bytes:
    return number.to_bytes(8, "little")


def _sized(tag: bytes, data: bytes) -> bytes:
    return tag + len(data).to_bytes(8, "little") + data


# -- values of the standard library -----------------------------------------------------


def _int_form(value: int) -> bytes:
    return _sized(b"i", value.to_bytes((value.bit_length() >> 3) + 1, "big", signed=True))


_PACK_FLOAT = struct.Struct("<d").pack
_NAN = b"f\x00\x00\x00\x00\x00\x00\xf8\x7f"


def _float_form(value: float) -> bytes:
    return b"f" + _PACK_FLOAT(value) if value == value else _NAN


def _text_form(value: str) -> bytes:
    return _sized(b"s", value.encode("utf-8", "surrogatepass"))


def _datetime_form(value: dt.datetime) -> bytes:
    if value != value:
        return b"x"  # pandas.NaT is a datetime
    seconds = (value.toordinal() - 719_163) * 86_400
    seconds += value.hour * 3600 + value.minute * 60 + value.second
    # pandas.Timestamp has nanoseconds beside what it inherits.
    ns = seconds * 10**9 + value.microsecond * 1000 + getattr(value, "nanosecond", 0)
    offset = value.utcoffset()
    if offset is None:
        return b"t" + _int_form(ns)
    return b"z" + _int_form(ns - offset // dt.timedelta(microseconds=1) * 1000)


def _time_form(value: dt.time) -> bytes:
    us = ((value.hour * 60 + value.minute) * 60 + value.second) * 10**6 + value.microsecond
    offset = value.utcoffset()
    if offset is None and value.tzinfo is not None:
        raise _UnsupportedError
    zone = b"" if offset is None else _int_form(offset // dt.timedelta(microseconds=1))
    return _sized(b"h", _int_form(us) + zone)


def _timedelta_form(value: dt.timedelta) -> bytes:
    us = (value.days * 86_400 + value.seconds) * 10**6 + value.microseconds
    return b"y" + _int_form(us * 1000 + getattr(value, "nanoseconds", 0))


def _decimal_form(value: Decimal) -> bytes:
    sign, digits, exponent = value.as_tuple()
    power = _text_form(exponent) if isinstance(exponent, str) else _int_form(exponent)
    return _sized(b"c", bytes((sign, *digits))) + power


_FORMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"n",
    bool: lambda value: b"T" if value else b"F",
    int: _int_form,
    float: _float_form,
    str: _text_form,
    complex: lambda value: b"j" + _float_form(value.real) + _float_form(value.imag),
    bytes: lambda value: _sized(b"b", value),
    dt.datetime: _datetime_form,
    dt.date: lambda value: b"d" + _int_form(value.toordinal()),
    dt.time: _time_form,
    dt.timedelta: _timedelta_form,
    Decimal: _decimal_form,
    UUID: lambda value: b"u" + value.bytes,
}
# A subclass has the form of its base: an IntEnum is its number, a Timestamp its moment.
_BASES = tuple(base for base in _FORMS if base not in (type(None), bool))


def _scalar_form(value: object) -> bytes | None:
    form = _FORMS.get(type(value))
    if form is not None:
        return form(value)
    numpy = _loaded("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        inner = value.item() if value.dtype.kind not in "MmV" else value
        return None if type(inner) is type(value) else _scalar_form(inner)
    for base in _BASES:
        if isinstance(value, base):
            return _FORMS[base](value)
    pandas = _loaded("pandas")
    return b"n" if pandas is not None and value is pandas.NA else None


class _Writer:
    """Feeds the canonical form of one value to a hash."""

    def __init__(self) -> None:
        self._hash = _hasher_type()()
        self._waiting = bytearray()
        self._room = _MOST_ELEMENTS
        self._open: set[int] = set()

    def digest(self) -> str:
        self._hash.update(self._waiting)
        return f"blake3:{self._hash.hexdigest()}"

    def put(self, data: bytes) -> None:
        """Take a few bytes; they are gathered, since each call of the hash costs."""
        self._waiting += data
        if len(self._waiting) > _BUFFER:
            self._flush()

    def put_buffer(self, data: Any) -> None:
        """Take a contiguous buffer without copying it."""
        self._flush()
        self._hash.update(data)

    def _flush(self) -> None:
        self._hash.update(self._waiting)
        self._waiting = bytearray()

    def value(self, value: object, depth: int) -> None:
        """Take any value."""
        form = _scalar_form(value)
        if form is not None:
            self.put(form)
        elif isinstance(value, (list, tuple, dict, set, frozenset)):
            self._container(value, depth)
        elif isinstance(value, (bytearray, memoryview)):
            self._memory(value)
        elif not _put_array(self, value, depth) and not _put_frame(self, value):
            raise _UnsupportedError

    def _container(self, value: Any, depth: int) -> None:
        self._room -= len(value) + _CONTAINER_COST
        if depth >= _MOST_DEPTH or self._room < 0 or id(value) in self._open:
            raise _UnsupportedError
        self._open.add(id(value))
        if isinstance(value, dict):
            self._mapping(value, depth)
        elif isinstance(value, (list, tuple)):
            self.put(b"l" + _length(len(value)))
            self._each(value, depth + 1)
        else:
            # Only what has a form of its own: elements are ordered by it.
            self.put(b"e" + _length(len(value)) + b"".join(sorted(map(_key_form, value))))
        self._open.discard(id(value))

    def _mapping(self, value: dict[Any, Any], depth: int) -> None:
        self.put(b"m" + _length(len(value)))
        items = [(_key_form(key), inner) for key, inner in value.items()]
        items.sort(key=itemgetter(0))
        for form, inner in items:
            self.put(form)
            self.value(inner, depth + 1)

    def elements(self, values: Iterable[Any], count: int, depth: int) -> None:
        """Take the elements of an array or a column of objects."""
        self._room -= count
        if depth >= _MOST_DEPTH or self._room < 0:
            raise _UnsupportedError
        self._each(values, depth + 1)

    def _each(self, values: Iterable[Any], depth: int) -> None:
        for element in values:
            form = _FORMS.get(type(element))
            if form is None:
                self.value(element, depth)
            else:
                self.put(form(element))

    def block(self, valid: Any, *buffers: Any) -> None:
        """Take a block of a column: where it has values (None: everywhere), and what they are."""
        self.put(b"0" if valid is None else b"1")
        for buffer in buffers if valid is None else (valid, *buffers):
            self.put_buffer(buffer)

    def _memory(self, value: bytearray | memoryview) -> None:
        view = memoryview(value)
        self.put(b"b" + _length(view.nbytes))
        if view.nbytes:
            self.put_buffer(view.cast("B") if view.c_contiguous else view.tobytes())


def _key_form(key: object) -> bytes:
    form = _scalar_form(key)
    if form is not None:
        return form
    if isinstance(key, tuple):
        return b"l" + _length(len(key)) + b"".join(map(_key_form, key))
    if isinstance(key, frozenset):
        return b"e" + _length(len(key)) + b"".join(sorted(map(_key_form, key)))
    raise _UnsupportedError


# -- arrays -----------------------------------------------------------------------------


def _put_array(writer: _Writer, value: Any, depth: int) -> bool:
    """Take an array of numpy; tells whether it is one."""
    np = _loaded("numpy")
    if np is None or not isinstance(value, (np.ndarray, np.generic)):
        return False
    # Other subclasses mean more than their elements: a mask, a unit.
    if type(value) not in (np.ndarray, np.memmap, np.matrix, np.recarray) and not (
        isinstance(value, (np.datetime64, np.timedelta64))
    ):
        raise _UnsupportedError
    array = np.asarray(value)
    writer.put(_sized(b"a", _element_word(np, array.dtype).encode()))
    writer.put(_length(array.ndim) + b"".join(map(_length, array.shape)))
    _put_elements(writer, np, array, depth)
    return True


def _element_word(np: Any, dtype: Any) -> str:
    """Name an element type, without its byte order."""
    if dtype.names is not None:
        fields = ((name, _element_word(np, dtype[name])) for name in dtype.names)
        return "{" + ",".join(f"{len(name)}:{name}={word}" for name, word in fields) + "}"
    if dtype.subdtype is not None:
        return f"{_element_word(np, dtype.base)}{list(dtype.shape)}"
    kind, size = dtype.kind, dtype.itemsize
    if kind in "Mm":
        unit, count = np.datetime_data(dtype)
        return f"{kind}{count}{unit}"
    if kind in "OT":
        return str(kind)
    # A long double has bytes that mean nothing, and as many as the machine likes.
    if kind in "biuSUV" or (kind == "f" and size <= 8) or (kind == "c" and size <= 16):
        return f"{kind}{size}" if dtype.num < 256 else f"{kind}{size}:{dtype.name}"
    raise _UnsupportedError


def _put_elements(writer: _Writer, np: Any, array: Any, depth: int) -> None:
    if array.dtype.names is not None:
        # Field by field: what lies between fields is no data.
        for name in array.dtype.names:
            _put_elements(writer, np, array[name], depth)
    elif array.dtype.kind in "OT":
        writer.elements(array.flat, array.size, depth)
    else:
        for block in _flat_blocks(np, array):
            writer.put_buffer(_plain(np, block))


def _flat_blocks(np: Any, array: Any) -> Iterator[Any]:
    """Cut an array into contiguous parts in C order, copying at most one block at a time."""
    if array.size == 0 or array.itemsize == 0:
        return
    if array.flags.c_contiguous:
        flat = array.reshape(-1)
        step = _BLOCK_BYTES // array.itemsize or 1
        yield from (flat[at : at + step] for at in range(0, array.size, step))
    elif array.ndim > 1 and (array.size // len(array)) * array.itemsize > _BLOCK_BYTES:
        for part in array:
            yield from _flat_blocks(np, part)
    else:
        rows = _BLOCK_BYTES * len(array) // (array.size * array.itemsize) or 1
        for at in range(0, len(array), rows):
            yield np.ascontiguousarray(array[at : at + rows]).reshape(-1)


def _plain(np: Any, block: Any) -> Any:
    """Give the bytes of a flat contiguous block: little-endian, with one NaN for all."""
    dtype = block.dtype
    little = dtype.newbyteorder("<")
    if dtype != little:
        block = block.astype(little)
    if dtype.kind in "fc" and dtype.num < 256:
        block = _with_one_nan(np, block)
    return block.view(np.uint8)


def _with_one_nan(np: Any, block: Any) -> Any:
    # 0/0 gives a NaN with the sign set on x86 and without it on ARM. The least of
    # numbers is NaN if one of them is, and costs less than asking each.
    numbers = block.view(block.real.dtype)
    with np.errstate(all="ignore"):
        if numbers.size == 0 or numbers.min() == numbers.min():
            return block
        numbers = numbers.copy()
        numbers[np.isnan(numbers)] = np.nan
    return numbers


# -- frames -----------------------------------------------------------------------------

# Opens a column: gives the word for its type, and what writes its block of rows at a position.
Column = Callable[[], tuple[str, Callable[[int], None]]]
# Whether it has column names, its rows, its columns.
Frame = tuple[bool, int, list[tuple[Any, Column]]]


def _put_frame(writer: _Writer, value: Any) -> bool:
    """Take a frame or a series of pandas, polars or pyarrow; tells whether it is one."""
    # A subclass made elsewhere (a GeoDataFrame) may mean more than its columns.
    family = type(value).__module__.partition(".")[0]
    read = {"pandas": _read_pandas, "polars": _read_polars, "pyarrow": _read_arrow}.get(family)
    found = None if read is None else read(writer, value)
    if found is None:
        return False
    is_frame, rows, columns = found
    writer.put((b"q" if is_frame else b"v") + _length(rows) + _length(len(columns)))
    for name, column in columns:
        if is_frame:
            writer.value(name, 0)
        word, put_block = column()
        writer.put(_sized(b"w", word.encode()))
        if word != "null":
            for at in range(0, rows, _BLOCK_ROWS):
                put_block(at)
    return True


def _put_fixed(writer: _Writer, np: Any, values: Any, valid: Any) -> None:
    """Take a block of values of one width, where what lies under missing ones is undefined."""
    if valid is not None:
        values = values.copy()
        values[valid == 0] = 0
    writer.block(valid, _plain(np, np.ascontiguousarray(values).reshape(-1)))


def _put_texts(writer: _Writer, np: Any, texts: list[bytes], valid: Any) -> None:
    lengths = np.fromiter(map(len, texts), "<i8", len(texts))
    writer.block(valid, lengths.view(np.uint8), b"".join(texts))


def _zone_word(zone: object) -> str:
    # A fixed offset is UTC+01:00 to Python and +01:00 to Arrow.
    word = str(zone)
    return word[3:] if word.startswith(("UTC+", "UTC-")) else word


# Arrow, which polars and part of pandas come down to


def _read_arrow(writer: _Writer, value: Any) -> Frame | None:
    pa = _loaded("pyarrow")
    if isinstance(value, pa.RecordBatch):
        value = pa.Table.from_batches([value])
    if isinstance(value, pa.Table):
        opened = (partial(_open_arrow, writer, column) for column in value.columns)
        return True, value.num_rows, list(zip(value.column_names, opened, strict=True))
    if isinstance(value, (pa.Array, pa.ChunkedArray)):
        return False, len(value), [("", partial(_open_arrow, writer, value))]
    return None


def _open_arrow(writer: _Writer, data: Any) -> tuple[str, Callable[[int], None]]:
    pa = _loaded("pyarrow")

    def put_block(at: int) -> None:
        _put_arrow(writer, pa, data.slice(at, _BLOCK_ROWS))

    return _arrow_word(pa, data.type), put_block


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


def _arrow_word(pa: Any, kind: Any) -> str:
    """Name what the values of an Arrow type are, however they are laid out."""
    word = _ARROW_WORDS.get(str(kind))
    types = pa.types
    if word is not None:
        return word
    if types.is_dictionary(kind) or _is(types, "is_run_end_encoded", kind):
        return _arrow_word(pa, kind.value_type)
    if types.is_fixed_size_binary(kind):
        return "binary"
    if types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if types.is_time(kind):
        return f"time[{kind.unit}]"
    if types.is_duration(kind):
        return f"duration[{kind.unit}]"
    if types.is_timestamp(kind):
        zone = "" if kind.tz is None else f",{_zone_word(kind.tz)}"
        return f"timestamp[{kind.unit}{zone}]"
    if any(_is(types, name, kind) for name in _LISTS):
        return f"list<{_nested_word(pa, kind.value_type)}>"
    if types.is_map(kind):
        return f"map<{_nested_word(pa, kind.key_type)},{_nested_word(pa, kind.item_type)}>"
    if types.is_struct(kind):
        fields = ((field.name, _nested_word(pa, field.type)) for field in kind)
        return "struct<" + ",".join(f"{len(name)}:{name}={word}" for name, word in fields) + ">"
    raise _UnsupportedError


def _is(types: Any, name: str, kind: Any) -> bool:
    # Older releases know fewer layouts, and have no values of those.
    test = getattr(types, name, None)
    return test is not None and bool(test(kind))


def _nested_word(pa: Any, kind: Any) -> str:
    word = _arrow_word(pa, kind)
    # As Python objects, which nested values are hashed as, these lose digits.
    if word.startswith("time[") or "[ns" in word:
        raise _UnsupportedError
    return word


def _put_arrow(writer: _Writer, pa: Any, part: Any) -> None:
    """Take a block of at most `_BLOCK_ROWS` rows, an array or chunks of one."""
    np = _loaded("numpy")
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
        _put_fixed(writer, np, _buffer_of(np, array, f"V{width}").view((np.uint8, width)), valid)
    else:
        sign = "f" if pa.types.is_floating(kind) else "u" if str(kind)[0] == "u" else "i"
        _put_fixed(writer, np, _buffer_of(np, array, f"<{sign}{kind.bit_width // 8}"), valid)


def _laid_out(pa: Any, array: Any) -> Any:
    """Give an array in the one layout that its values are read from."""
    types, kind = pa.types, array.type
    if types.is_dictionary(kind):
        return _laid_out(pa, array.dictionary_decode())
    if _is(types, "is_run_end_encoded", kind):
        return _laid_out(pa, pa.compute.run_end_decode(array))
    word = _arrow_word(pa, kind)
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


def _put_arrow_texts(writer: _Writer, np: Any, array: Any, valid: Any) -> None:
    if valid is not None:
        # Under a missing value there may be text of any length.
        array = array.fill_null(b"" if str(array.type) == "large_binary" else "")
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, "<i8", len(array) + 1, array.offset * 8)
    texts = b"" if data is None else memoryview(data)[int(ends[0]) : int(ends[-1])]
    writer.block(valid, np.diff(ends).view(np.uint8), texts)


# polars


def _read_polars(writer: _Writer, value: Any) -> Frame | None:
    pl = _loaded("polars")
    opened = _open_polars if _loaded("pyarrow") is None else _open_polars_by_arrow
    if isinstance(value, pl.DataFrame):
        columns = value.get_columns()
        return True, value.height, [(one.name, partial(opened, writer, one)) for one in columns]
    if isinstance(value, pl.Series):
        return False, len(value), [("", partial(opened, writer, value))]
    return None


def _open_polars_by_arrow(writer: _Writer, series: Any) -> tuple[str, Callable[[int], None]]:
    pl, pa = _loaded("polars"), _loaded("pyarrow")
    if series.dtype == pl.Object:
        raise _UnsupportedError
    # Each block of a categorical would bring all its categories along.
    is_category = series.dtype in (pl.Categorical, pl.Enum)

    def put_block(at: int) -> None:
        part = series.slice(at, _BLOCK_ROWS)
        _put_arrow(writer, pa, (part.cast(pl.String) if is_category else part).to_arrow())

    if is_category:
        return "string", put_block
    return _arrow_word(pa, series.slice(0, 0).to_arrow().type), put_block


def _open_polars(writer: _Writer, series: Any) -> tuple[str, Callable[[int], None]]:
    pl = _loaded("polars")
    word = _polars_word(pl, series.dtype)

    def put_block(at: int) -> None:
        part = series.slice(at, _BLOCK_ROWS)
        valid = part.is_not_null().cast(pl.UInt8).to_numpy() if part.null_count() else None
        np = _loaded("numpy")
        if word == "string":
            texts = part.cast(pl.String).fill_null("").to_list()
            _put_texts(writer, np, [text.encode() for text in texts], valid)
        elif word == "binary":
            _put_texts(writer, np, part.fill_null(b"").to_list(), valid)
        else:
            part = part.cast(pl.UInt8) if word == "bool" else part.to_physical()
            _put_fixed(writer, np, part.fill_null(0).to_numpy(), valid)

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
        zone = "" if dtype.time_zone is None else f",{_zone_word(dtype.time_zone)}"
        return f"timestamp[{dtype.time_unit}{zone}]"
    if dtype == pl.Duration:
        return f"duration[{dtype.time_unit}]"
    if dtype == pl.Time:
        return "time[ns]"
    raise _UnsupportedError


# pandas


def _read_pandas(writer: _Writer, value: Any) -> Frame | None:
    pd = _loaded("pandas")
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


def _column_of(writer: _Writer, series: Any) -> Column:
    return partial(_open_pandas, writer, series)


def _open_pandas(writer: _Writer, series: Any) -> tuple[str, Callable[[int], None]]:
    pd, np, pa = _loaded("pandas"), _loaded("numpy"), _loaded("pyarrow")
    dtype, array = series.dtype, series.array
    if isinstance(dtype, np.dtype):
        opened = _open_objects if dtype.kind == "O" else _open_numbers
        return opened(writer, series.to_numpy())
    if isinstance(dtype, getattr(pd, "ArrowDtype", ())):
        return _open_arrow(writer, array.__arrow_array__())
    if isinstance(dtype, pd.StringDtype):
        if dtype.storage != "python":
            return _open_arrow(writer, array.__arrow_array__())
        return _open_objects(writer, array, "string")
    if isinstance(dtype, pd.CategoricalDtype):
        return _open_category(writer, pa, array)
    if isinstance(dtype, pd.DatetimeTZDtype):
        moments = np.asarray(array, f"M8[{dtype.unit}]")  # in UTC, without a copy
        word, put_block = _open_numbers(writer, moments)
        return f"{word[:-1]},{_zone_word(dtype.tz)}]", put_block
    if isinstance(dtype, pd.SparseDtype):
        return _open_sparse(writer, array, dtype.subtype)
    if hasattr(dtype, "numpy_dtype"):
        return _open_masked(writer, array, dtype.numpy_dtype)
    raise _UnsupportedError


def _numbers_word(np: Any, dtype: Any) -> str:
    if dtype.kind in "Mm":
        unit, count = np.datetime_data(dtype)
        if count != 1:
            raise _UnsupportedError
        return f"{'timestamp' if dtype.kind == 'M' else 'duration'}[{unit}]"
    if dtype.kind == "f" and dtype.itemsize > 8:
        raise _UnsupportedError
    if dtype.kind in "biufc":
        return str(dtype.newbyteorder("=").name)
    raise _UnsupportedError


def _put_numbers(writer: _Writer, np: Any, values: Any) -> None:
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
    _put_fixed(writer, np, values, valid)


def _open_numbers(writer: _Writer, values: Any) -> tuple[str, Callable[[int], None]]:
    np = _loaded("numpy")

    def put_block(at: int) -> None:
        _put_numbers(writer, np, values[at : at + _BLOCK_ROWS])

    return _numbers_word(np, values.dtype), put_block


def _open_sparse(writer: _Writer, array: Any, dtype: Any) -> tuple[str, Callable[[int], None]]:
    np = _loaded("numpy")

    def put_block(at: int) -> None:
        _put_numbers(writer, np, np.asarray(array[at : at + _BLOCK_ROWS]))

    return _numbers_word(np, dtype), put_block


def _open_masked(writer: _Writer, array: Any, dtype: Any) -> tuple[str, Callable[[int], None]]:
    np = _loaded("numpy")

    def put_block(at: int) -> None:
        part = array[at : at + _BLOCK_ROWS]
        missing = part.isna()
        valid = (~missing).view(np.uint8) if missing.any() else None
        _put_fixed(writer, np, part.to_numpy(dtype=dtype, na_value=0), valid)

    return _numbers_word(np, dtype), put_block


def _open_category(writer: _Writer, pa: Any, array: Any) -> tuple[str, Callable[[int], None]]:
    if pa is None:
        return _open_objects(writer, array, "string")
    np = _loaded("numpy")
    values = pa.array(array.categories)

    def put_block(at: int) -> None:
        codes = array.codes[at : at + _BLOCK_ROWS]
        _put_arrow(writer, pa, values.take(pa.array(codes, mask=np.less(codes, 0))))

    return _arrow_word(pa, values.type), put_block


_OBJECTS = {"string": "string", "bytes": "binary", "boolean": "bool", "date": "date"}
_EPOCH_DAY = 719_163


def _open_objects(
    writer: _Writer, array: Any, word: str | None = None
) -> tuple[str, Callable[[int], None]]:
    pd, np = _loaded("pandas"), _loaded("numpy")
    if word is None:
        kind = pd.api.types.infer_dtype(array, skipna=True)
        word = "null" if kind == "empty" else _OBJECTS.get(kind, "object")

    def put_block(at: int) -> None:
        part = np.asarray(array[at : at + _BLOCK_ROWS], object)
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
            _put_texts(writer, np, texts, valid)
        else:
            values = np.zeros(len(part), np.int32 if word == "date" else np.uint8)
            values[~missing] = [each if word == "bool" else _day(each) for each in present]
            _put_fixed(writer, np, values, valid)

    return word, put_block


def _day(value: dt.date) -> int:
    return value.toordinal() - _EPOCH_DAY


def _text_bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
