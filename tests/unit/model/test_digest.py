"""Equal data has equal digests, other data has others, and no process or layout changes that."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import hashlib
import math
import os
import subprocess
import sys
import uuid
from collections import OrderedDict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from blake3 import blake3
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from backtrail.model.digest import (
    columns,
    digest_bytes,
    digest_stream,
    digest_text,
    digest_value,
    is_content_digest,
    writer,
)


def same(*values: Any) -> bool:
    digests = {digest_value(value) for value in values}
    assert None not in digests
    return len(digests) == 1


def all_differ(*values: Any) -> bool:
    digests = {digest_value(value) for value in values}
    assert None not in digests
    return len(digests) == len(values)


# -- bytes -----------------------------------------------------------------------------


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_the_digest_of_bytes_is_plain_blake3_however_they_are_cut(data: bytes, step: int) -> None:
    chunks = [data[at : at + step] for at in range(0, len(data), step)]

    assert digest_bytes(data) == f"blake3:{blake3(data).hexdigest()}"
    assert digest_stream(chunks) == digest_bytes(data) == digest_bytes(memoryview(bytearray(data)))


def test_the_digest_of_a_text_is_that_of_its_utf_8() -> None:
    assert digest_text("grün\n") == digest_bytes("grün\n".encode())
    assert digest_text("\ud800")  # a name of another encoding is no reason to fail


def test_a_digest_of_a_value_is_never_the_digest_of_a_file() -> None:
    assert digest_value(b"abc") != digest_bytes(b"abc")
    assert same(b"abc", bytearray(b"abc"), memoryview(b"abc"), memoryview(b"axbxcx")[::2])


def test_which_versions_are_content_digests() -> None:
    for word in ("blake3:ab", "sha256:ab", "sha1:ab", "md5:ab", "xxh3:ab"):
        assert is_content_digest(word)
    for word in ("stat:1-2", "etag:ab", "git:ab", "mlflow:3", "v1", "", "blake3", "sha512:ab"):
        assert not is_content_digest(word)


# -- JSON-like values ------------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner)
)


def identity(value: Any) -> Any:
    """What tells values apart: as equality does, but 1, 1.0 and True differ, and -0.0 and 0.0."""
    if isinstance(value, list):
        return ("list", tuple(map(identity, value)))
    if isinstance(value, dict):
        return ("dict", frozenset((key, identity(inner)) for key, inner in value.items()))
    sign = math.copysign(1, value) if isinstance(value, float) else 0
    return (type(value).__name__, value, sign)


@given(JSON, JSON)
def test_values_have_one_digest_exactly_if_they_are_equal(one: Any, other: Any) -> None:
    assert same(one, other) == (identity(one) == identity(other))


@given(st.dictionaries(st.text(max_size=3), SCALARS), st.randoms())
def test_a_dict_has_no_order(value: dict[str, Any], random: Any) -> None:
    keys = list(value)
    random.shuffle(keys)

    assert same(value, {key: value[key] for key in keys}, OrderedDict(value))


def test_what_is_told_apart() -> None:
    assert all_differ(1, 1.0, True, "1", b"1", [1], {"1": 1}, None, 0, -0.0, 0.0, "", b"", [], {})
    assert all_differ(["ab", "c"], ["a", "bc"], ["abc"], [["ab"], "c"], ["ab", ["c"]])
    assert all_differ({1: "a"}, {"1": "a"}, {1.0: "a"}, {True: "a"})
    assert all_differ(2**64, 2**64 + 1, -(2**64), 10**5000)
    assert all_differ(float("inf"), float("-inf"), float("nan"))
    assert all_differ([1, 2], [2, 1], {1, 2})
    assert all_differ(decimal.Decimal("1.0"), decimal.Decimal("1.00"), 1.0)


def test_what_is_the_same() -> None:
    point = namedtuple("point", "x y")

    class Colour(enum.IntEnum):
        RED = 1

    class Word(str):
        __slots__ = ()

    assert same((1, [2]), [1, (2,)], point(1, [2]))
    assert same({3, 1, 2}, {2, 3, 1}, frozenset((1, 2, 3)))
    assert same(1, Colour.RED, np.int64(1), np.uint8(1))
    assert same("a", Word("a"), np.str_("a"))
    assert same(0.5, np.float32(0.5), np.float64(0.5))
    assert same(True, np.bool_(True))
    assert same(float("nan"), -float("nan"), np.float32("nan"))


def test_moments() -> None:
    utc = dt.timezone.utc
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=utc)
    later = dt.datetime(2026, 1, 1, 13, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    naive = dt.datetime(2026, 1, 1, 12)  # noqa: DTZ001

    assert same(noon, later, pd.Timestamp(noon))
    assert same(naive, pd.Timestamp(naive))
    assert all_differ(noon, naive, noon.date(), noon.time(), dt.timedelta(1), "2026-01-01")
    assert all_differ(pd.Timestamp(1), pd.Timestamp(2), pd.NaT)  # nanoseconds
    assert same(dt.timedelta(1), pd.Timedelta(1, "D"))
    assert all_differ(pd.Timedelta(1), pd.Timedelta(2))
    assert all_differ(np.datetime64(1, "s"), np.datetime64(1, "ms"), np.datetime64(2, "s"))
    assert same(uuid.UUID(int=1), uuid.UUID(int=1))
    assert same(None, pd.NA)


def test_what_has_no_form_has_no_digest() -> None:
    circle: list[Any] = []
    circle.append(circle)
    pair: list[Any] = []
    pair += [pair, pair]
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    for value in (object(), circle, pair, deep, [1, object()], {"a": {1: object()}}, len):
        assert digest_value(value) is None
    assert digest_value({"a": pl.LazyFrame({"a": [1]})}) is None
    assert digest_value(np.ma.array([1, 2], mask=[0, 1])) is None
    assert digest_value(np.array([object()])) is None
    assert digest_value(pd.DataFrame({"a": [object()]})) is None
    assert digest_value(pd.Series(pd.period_range("2020", periods=2))) is None
    assert digest_value(pl.Series([object()], dtype=pl.Object)) is None


def test_lists_that_share_their_parts_are_given_up_in_time(monkeypatch: Any) -> None:
    monkeypatch.setattr(writer, "_MOST_ELEMENTS", 50_000)
    shared: list[Any] = []
    for _ in range(50):
        shared = [shared, shared]

    assert digest_value(shared) is None
    assert digest_value([[0, 0]] * 1000) is not None


def test_arrays_and_frames_inside_values_count() -> None:
    array, frame = np.arange(3), pd.DataFrame({"a": [1]})

    assert same((array, {"f": frame}), [np.arange(3), {"f": pl.DataFrame({"a": [1]})}])
    assert all_differ([array, array], [array], [array, array + 1], [frame, frame])


# -- arrays ----------------------------------------------------------------------------

DTYPES = st.sampled_from(
    ["i1", "<i4", ">i4", "i8", "u2", "f2", "<f4", ">f8", "c16", "?", "U3", "S3", "M8[s]", "m8[ms]"]
)
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


def canonical(array: Any) -> Any:
    little = array.astype(array.dtype.newbyteorder("<"))
    if little.dtype.kind in "fc":
        numbers = np.ascontiguousarray(little).reshape(-1).view(little.real.dtype)
        numbers[np.isnan(numbers)] = np.nan
        return little.dtype.str, array.shape, numbers.tobytes()
    return little.dtype.str, array.shape, little.tobytes()


@given(ARRAYS, ARRAYS)
def test_arrays_have_one_digest_exactly_if_type_shape_and_values_are(one: Any, other: Any) -> None:
    assert same(one, other) == (canonical(one) == canonical(other))


@given(ARRAYS, st.data())
def test_one_changed_element_changes_the_digest(array: Any, data: st.DataObject) -> None:
    assume(array.size)
    changed = array.copy()
    place = data.draw(st.integers(0, array.size - 1))
    changed.reshape(-1)[place] = data.draw(hnp.from_dtype(array.dtype))

    assert same(array, changed) == (canonical(array) == canonical(changed))


@given(ARRAYS)
def test_the_layout_of_an_array_in_memory_does_not_count(array: Any) -> None:
    spread = (
        np.zeros((*array.shape[:-1], array.shape[-1] * 2), array.dtype) if array.ndim else array
    )
    if array.ndim:
        spread[..., ::2] = array
        spread = spread[..., ::2]
    swapped = array.astype(array.dtype.newbyteorder())

    assert same(array, array.copy(), np.array(array, order="F"), array.T.copy().T, spread, swapped)
    assert same(array, array[::-1].copy()[::-1] if array.ndim else array)


def test_large_arrays_are_the_same_in_every_layout() -> None:
    array = np.arange(1_500_000.0).reshape(3, 500_000)

    assert same(array, np.asfortranarray(array), np.repeat(array, 2, axis=1)[:, ::2])
    assert same(array.T, np.ascontiguousarray(array.T))
    assert all_differ(array, array.T, array.reshape(-1), array.astype("f4"))
    assert same(np.broadcast_to(np.int8(7), (300, 5000)), np.full((300, 5000), 7, "i1"))


def test_every_nan_is_one_and_zeros_are_two() -> None:
    odd = np.array([0xFFF8_0000_0000_0001, 0x7FF0_0000_0000_0001], "u8").view("f8")

    assert same(odd, np.array([np.nan, np.nan]))
    assert same(odd.view("c16"), np.array([complex(np.nan, np.nan)]))
    assert all_differ(np.array([0.0]), np.array([-0.0]))
    assert np.isnan(odd).all()  # and the user's own array was not touched
    assert odd.view("u8")[0] == 0xFFF8_0000_0000_0001


def test_structured_and_object_arrays() -> None:
    plain = np.dtype([("a", "i1"), ("b", "f8", (2,))])
    padded = np.dtype([("a", "i1"), ("b", "f8", (2,))], align=True)
    values = [(1, (2.0, 3.0)), (4, (5.0, 6.0))]
    garbage = np.frombuffer(b"\xff" * padded.itemsize * 2, padded).copy()
    for place, value in enumerate(values):
        garbage[place] = value

    assert same(np.array(values, plain), np.array(values, padded), garbage)
    assert all_differ(np.array(values, plain), np.array(values, [("x", "i1"), ("b", "f8", (2,))]))
    assert same(np.array(["a", None, {"b": 1}], object), np.array(["a", None, {"b": 1}], object))
    assert all_differ(
        np.array(["a", "b"], object), np.array(["ab", ""], object), np.array(["a", "b"])
    )
    assert digest_value(np.array([1], np.longdouble)) is None
    assert digest_value(np.array([], "U0")) is not None


@pytest.mark.skipif(
    not hasattr(getattr(np, "dtypes", None), "StringDType"), reason="numpy 1 has no such type"
)
def test_variable_width_texts_of_numpy() -> None:
    texts = np.array(["a", "longer than a few bytes"], np.dtypes.StringDType())

    assert same(texts, texts[::-1].copy()[::-1])
    assert all_differ(texts, texts[::-1], texts.astype("U30"))


# -- frames ----------------------------------------------------------------------------

UTC = dt.timezone.utc
FIRST, LAST = dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)  # noqa: DTZ001  # naive is meant
COLUMNS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "int64": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "int8": (pa.int8(), st.integers(-128, 127)),
    "uint32": (pa.uint32(), st.integers(0, 2**32 - 1)),
    "float64": (pa.float64(), st.floats(allow_nan=False)),
    "float32": (pa.float32(), st.floats(allow_nan=False, width=32)),
    "bool": (pa.bool_(), st.booleans()),
    "string": (pa.string(), st.text(max_size=6)),
    "binary": (pa.binary(), st.binary(max_size=6)),
    "moment": (pa.timestamp("us"), st.datetimes(FIRST, LAST)),
    "aware": (pa.timestamp("us", "UTC"), st.datetimes(FIRST, LAST, timezones=st.just(UTC))),
    "date": (pa.date32(), st.dates(dt.date(1700, 1, 1))),
    "span": (pa.duration("us"), st.timedeltas(dt.timedelta(-9999), dt.timedelta(9999))),
}  # fmt: skip
# Types that pandas has only without missing values: it has no integers beside NaN.
DENSE = ("int64", "int8", "uint32", "bool")
# And these as columns of objects; texts have a type of their own since pandas 3.
OBJECTS = {"binary", "date"} | ({"string"} if int(pd.__version__.partition(".")[0]) < 3 else set())


@st.composite
def tables(draw: st.DrawFn, *, for_pandas: bool = False) -> pa.Table:
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), max_size=4))
    rows = draw(st.integers(0, 6))
    columns = []
    for kind in kinds:
        arrow, values = COLUMNS[kind]
        if not (for_pandas and kind in DENSE):
            values = values | st.none()
        columns.append(pa.array(draw(st.lists(values, min_size=rows, max_size=rows)), arrow))
    return pa.table(columns, names=[f"{kind}{place}" for place, kind in enumerate(kinds)])


def content(table: pa.Table) -> Any:
    return table.schema, [column.to_pylist() for column in table.columns], table.num_rows


def signs(table: pa.Table) -> Any:
    return [
        [math.copysign(1, value) if isinstance(value, float) else 0 for value in column.to_pylist()]
        for column in table.columns
    ]


@given(tables(), tables())
def test_tables_have_one_digest_exactly_if_they_hold_the_same(one: Any, other: Any) -> None:
    is_equal = (content(one), signs(one)) == (content(other), signs(other))

    assert same(one, other) == is_equal


@given(tables(), st.data())
def test_how_a_table_is_laid_out_does_not_count(table: Any, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, table.num_rows))
    chunked = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    shifted = (
        pa.concat_tables([table.slice(0, 1), table]).combine_chunks().slice(min(1, len(table)))
    )
    wide = [
        column.cast(pa.large_string()) if column.type == pa.string() else column
        for column in table.columns
    ]
    encoded = [column.dictionary_encode() for column in table.columns]

    assert same(table, chunked, chunked.combine_chunks(), shifted)
    assert same(table, pa.table(wide, names=table.column_names))
    assert same(table, pa.table(encoded, names=table.column_names))
    if table.num_columns:
        assert same(table, *table.combine_chunks().to_batches()[:1]) or table.num_rows == 0


@given(tables(for_pandas=True))
def test_pandas_polars_and_arrow_agree(table: Any) -> None:
    assume(table.num_columns)
    names = [name[:-1] for name in table.column_names]
    # A column of objects without a single value says nothing of their type.
    assume(not any(
        name in OBJECTS and column.null_count == len(column)
        for name, column in zip(names, table.columns, strict=True)
    ))  # fmt: skip

    assert same(table, pl.from_arrow(table), table.to_pandas(date_as_object=True))


@given(tables(), st.data())
def test_a_changed_value_name_or_type_changes_a_frame(table: Any, data: st.DataObject) -> None:
    assume(table.num_columns)
    place = data.draw(st.integers(0, table.num_columns - 1))
    name = table.column_names[place]

    renamed = table.rename_columns(
        [f"{each}!" if each == name else each for each in table.column_names]
    )
    assert all_differ(table, renamed)
    assert same(table, renamed.rename_columns(table.column_names))
    if table.num_columns > 1:
        assert all_differ(table, table.remove_column(place))
        assert all_differ(table, table.select(table.column_names[::-1]))
    if table.num_rows:
        assert all_differ(table, table.slice(1), pa.concat_tables([table, table]))


def test_blocks_do_not_show_in_the_digest() -> None:
    rows = 3 * columns.BLOCK_ROWS + 17
    numbers = np.arange(rows, dtype="f8")
    numbers[5] = numbers[-5] = np.nan
    texts = [None if n % 1000 == 7 else f"text {n % 97}" for n in range(rows)]
    table = pa.table({"n": pa.array(numbers, from_pandas=True), "t": texts, "b": [True] * rows})
    parts = [table.slice(at, 9_973) for at in range(0, rows, 9_973)]
    frame = pd.DataFrame({"n": numbers, "t": texts, "b": True})

    assert same(table, pa.concat_tables(parts), pl.from_arrow(table), frame)
    assert same(table, frame.assign(t=frame["t"].astype("category")))
    assert same(table, frame.assign(t=np.array(texts, object)))
    assert all_differ(table, frame.assign(n=frame["n"].where(frame.index != rows - 1, 0)))


def test_what_lies_under_a_missing_value_does_not_count() -> None:
    mask = np.array([False, True, False])

    assert same(pa.array([1, 9, 3], mask=mask), pa.array([1, 5, 3], mask=mask))
    assert all_differ(pa.array([1, 0, 3], mask=mask), pa.array([1, 0, 3]))
    hidden = pa.StringArray.from_buffers(
        2, pa.py_buffer(np.array([0, 1, 4], "i4")), pa.py_buffer(b"axyz"), pa.py_buffer(b"\x01")
    )
    assert same(hidden, pa.array(["a", None]))


def test_categoricals_are_their_values() -> None:
    values = ["b", None, "a", "b"]

    assert same(
        pa.array(values),
        pa.array(values).dictionary_encode(),
        pd.Series(values),
        pd.Series(values, dtype="category"),
        pd.Series(values, dtype=pd.CategoricalDtype(["z", "b", "a"], ordered=True)),
        pl.Series(values),
        pl.Series(values, dtype=pl.Categorical),
        pl.Series(values, dtype=pl.Enum(["a", "b", "c"])),
    )
    assert same(pa.array([5, None]), pd.Series([5, None], dtype="category"))


def test_pandas_types_of_its_own() -> None:
    zones = pd.Series(pd.to_datetime(["2020-01-01", None]).tz_localize("Europe/Paris"))
    fixed = pd.Series(
        pd.to_datetime(["2020-01-01"]).tz_localize(dt.timezone(dt.timedelta(hours=1)))
    )

    assert same(pd.Series([1, None], dtype="Int64"), pa.array([1, None]), pl.Series([1, None]))
    assert same(pd.Series([True, None], dtype="boolean"), pa.array([True, None]))
    assert same(pd.Series([True, None], dtype=object), pa.array([True, None]))
    assert same(pd.Series([1.5, None], dtype="Float64"), pa.array([1.5, None]))
    assert same(pd.Series([1, 0, 1], dtype="Sparse[int64]"), pa.array([1, 0, 1]))
    assert same(pd.Series([1, None], dtype="int64[pyarrow]"), pa.array([1, None]))
    assert same(zones, pa.array(zones), pl.from_pandas(zones))
    assert same(fixed, pa.array(fixed))
    for storage in ("python", "pyarrow"):
        texts = pd.Series(["a", None, "ü"], dtype=pd.StringDtype(storage))
        assert same(texts, pa.array(["a", None, "ü"]))
    assert same(pd.Series([[1], {"a": 2}, None, 3.5]), pd.Series([[1], {"a": 2}, None, 3.5]))
    assert all_differ(pd.Series([[1], [2]]), pd.Series([[1], [3]]), pd.Series([1, 2]))


def test_missing_floats() -> None:
    nan = float("nan")

    # pandas has one way to miss a number, and exports it as null.
    assert same(pd.Series([1.0, nan]), pd.Series([1.0, None]), pa.array([1.0, None]))
    assert same(pl.Series([1.0, nan]), pa.array([1.0, nan]))
    assert all_differ(pa.array([1.0, nan]), pa.array([1.0, None]))


def test_an_index_counts_unless_it_only_counts_rows() -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    named = frame.set_index(pd.Index(["x", "y"], name="key"))

    assert same(frame, frame.set_index(pd.RangeIndex(5, 7)), pa.table({"a": [1, 2]}))
    assert same(named, pa.Table.from_pandas(named))
    assert all_differ(frame, named, frame.set_index(pd.Index(["x", "z"])))
    ids = pd.DataFrame({"id": [1, 2], "a": [1, 2]}), pd.DataFrame({"id": [5, 6], "a": [1, 2]})
    assert all_differ(frame, *(each.set_index("id") for each in ids))
    levels = pd.MultiIndex.from_tuples([(1, "a"), (2, "b")])
    assert same(frame.set_index(levels), pa.Table.from_pandas(frame.set_index(levels)))
    assert all_differ(frame["a"], frame["a"].set_axis([3, 7.5]))


def test_a_series_is_a_column_without_its_name() -> None:
    series = pd.Series([1, 2], name="a")

    assert same(series, series.rename("b"), pl.Series("c", [1, 2]), pa.array([1, 2]))
    assert same(series, pa.chunked_array([[1], [2]]), pd.Index([1, 2]))
    assert all_differ(series, series.to_frame(), series.to_numpy(), [1, 2])


def test_column_names_of_pandas_may_be_anything() -> None:
    assert all_differ(
        pd.DataFrame([[1, 2]]),
        pd.DataFrame([[1, 2]], columns=["0", "1"]),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([(1, "a"), (1, "b")])),
    )


def test_nested_columns() -> None:
    values = [{"a": [1, 2], "b": "x"}, None, {"a": None, "b": None}]
    lists = [[1], None, []]

    assert same(pa.array(values), pl.Series(values))
    assert same(pa.array(lists), pl.Series(lists), pa.array(lists, pa.large_list(pa.int64())))
    assert all_differ(pa.array(lists), pa.array(lists, pa.list_(pa.int8())))
    assert digest_value(pa.array([[dt.datetime(2020, 1, 1)]], pa.list_(pa.timestamp("ns")))) is None  # noqa: DTZ001


def test_decimals_and_clock_times() -> None:
    amounts = [decimal.Decimal("1.20"), None, decimal.Decimal("-3.45")]
    times = [dt.time(1, 2, 3), None]

    assert same(
        pa.array(amounts, pa.decimal128(10, 2)),
        pa.array(amounts, pa.decimal256(10, 2)),
        pl.Series(amounts, dtype=pl.Decimal(10, 2)),
    )
    assert same(pa.array(times, pa.time64("ns")), pl.Series(times))


def test_a_frame_is_not_changed_by_looking_at_it() -> None:
    frame = pd.DataFrame({"t": pd.Series(["a", None], dtype=object), "f": [1.0, np.nan]})

    digest_value(frame)

    assert frame["t"].tolist() == ["a", None]
    assert np.isnan(frame["f"][1])


@given(tables(for_pandas=True))
def test_without_pyarrow_loaded_the_digests_are_the_same_or_none(table: Any) -> None:
    frame, other = table.to_pandas(), pl.from_arrow(table)
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.StringDtype):
            frame[name] = frame[name].astype(pd.StringDtype("python"))
    expected = digest_value(frame), digest_value(other)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        assert (digest_value(frame), digest_value(other)) == expected


# -- everywhere the same ---------------------------------------------------------------

# A change of these is a new layout: count _LAYOUT up and say so in the change log.
GOLDEN_VALUES: dict[str, Any] = {
    "null": None,
    "integer": -(2**70),
    "number": 0.1,
    "text": "grün",
    "bytes": b"\x00\xff",
    "json": {"b": [1, 2.5, True, None, "x"], "a": {"c": {}}, "set": {3, "a", None}},
    "times": [dt.datetime(2026, 1, 2, 3, 4, 5, 6, UTC), dt.date(2026, 1, 2), dt.timedelta(1, 2, 3)],
    "others": [decimal.Decimal("-1.20"), uuid.UUID(int=7), 1 + 2j, dt.time(1, 2, 3)],
    "array": np.arange(12, dtype="i4").reshape(3, 4),
    "floats": np.array([[0.5, np.nan], [-0.0, np.inf]]),
    "words": np.array(["a", "bcd"]),
    "moments": np.array(["2026-01-01"], "M8[s]"),
    "frame": pa.table({
        "i": pa.array([1, None, 3]),
        "f": [0.5, None, -1.0],
        "s": ["x", None, "ü"],
        "b": [True, False, None],
        "t": pa.array([0, None, 5], pa.timestamp("us", "UTC")),
        "l": [[1], None, []],
    }),
    "series": pa.array([1.5, None]),
}  # fmt: skip
GOLDEN = {
    "null": "452056045f0edc72196c5c5e01a5c9e2449599580f8a2e73ff41ae6d5a338330",
    "integer": "435d03b93047afd14669aff928034ac6c95f49331f3eed040301d0c08134772c",
    "number": "6069de56dfe2d6dca81c7c2a1f19d742fe47f1c494bf2835b5fe5d19b8caf114",
    "text": "bd36923ad9cf3559457afa1963a664eac52605e416044b4e3a1311cb8de8432e",
    "bytes": "4a5c5f580e4d3eb7cd58c8831d02e9f126aafa48fd9e2006014fcdbc9ae94eb2",
    "json": "88ac908085c3fe6406627359fa5895eb079c7a2ebb10a48c42e8e36a6ea2964c",
    "times": "04778c41cc57afedbe4801a0437fd7edecd54ff0a21a670d6b4c15343a4d0268",
    "others": "3becdd6bf52f7054b9ba075cf65836f57ecd1000f7d6a37b26a1c6aaffbc89f2",
    "array": "a33f7c6cb235e5e2b52a250cda9f89164d766a9a1e80d726ce24595ffb3c28ce",
    "floats": "1cfd5228ca022836d8d4dddb1740fb55182285a147d5a6807f34b77afcab2faf",
    "words": "b9e80da80899a13b8e0a14a86509161069863b39435bee0ab76cf2b341583479",
    "moments": "5628e5473e97c93d692cac0a008d4c941517ab92a19cdf70d09897f9228f810a",
    "frame": "a1b87418bdb8210b68051bc73c159751139b7c9724d7a92f9d9bf8724aeff15c",
    "series": "ccd7fb151e7746bcae12be6551abdca1d8dc9fc5ef6d0fd4c714ddeb88a85e5a",
}


@pytest.mark.parametrize("name", sorted(GOLDEN_VALUES))
def test_digests_stay_as_they_were_published(name: str) -> None:
    assert digest_value(GOLDEN_VALUES[name]) == f"blake3:{GOLDEN[name]}"


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([[1], [2, 3], None, []]),
        pl.Series([["a", None]], dtype=pl.List(pl.Categorical)),
        pl.Series([{"when": [dt.date(2020, 1, 1)], "x": None}, None]),
        pl.Series([[[1, 2], [3, 4]]], dtype=pl.Array(pl.Int16, (2, 2))),
    ],
    ids=lambda column: str(column.dtype),
)
def test_a_nested_column_of_polars_needs_no_pyarrow(
    column: pl.Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = column.to_frame("made")
    with_pyarrow = digest_value(frame)

    monkeypatch.setitem(sys.modules, "pyarrow", None)

    assert digest_value(frame) == with_pyarrow
    assert with_pyarrow is not None


@pytest.mark.usefixtures("processes")
def test_another_process_with_another_hash_seed_gives_the_same() -> None:
    program = (
        "from backtrail.model.digest import digest_value as d\n"
        "import sys\n"
        "print(d({str(n): {n, str(n), None} for n in range(99)}))\n"
        "print(sorted({'numpy', 'pandas', 'polars', 'pyarrow'} & set(sys.modules)))\n"
    )
    path = str(Path(writer.__file__).parents[3])

    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    expected = digest_value({str(n): {n, str(n), None} for n in range(99)})
    assert outputs == {f"{expected}\n[]\n"}  # and nothing was imported for it


def test_a_digest_has_the_published_form() -> None:
    word = digest_value([1])

    assert word is not None
    assert is_content_digest(word)
    assert len(word) == len("blake3:") + hashlib.sha256().digest_size * 2
