"""Look into a data file of a known format: its columns, types, rows and a few figures.

Read only, and through whichever of pyarrow, polars and pandas is installed: none is
asked for. Two files are comparable where one library read both, since each infers
the types of text in its own way.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# What is larger is not read: a question about lineage shall not fill the memory.
MOST_BYTES = 256 * 1024 * 1024
_FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "feather",
    ".arrow": "feather",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}


class UnreadableError(Exception):
    """A file cannot be looked into; the text says why."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, and figures by name (``nulls``, ``mean``, ``min``, ``max``)."""

    name: str
    type: str
    figures: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """What is in a data file, without its data."""

    rows: int
    columns: list[Column]


def format_of(name: str) -> str | None:
    """Give the format that a file's name promises, None for one that is not known."""
    return _FORMATS.get(os.path.splitext(name)[1].lower())


def read_table(path: str) -> Table:
    """Look into a data file.

    Raises:
        UnreadableError: it is of no known format, too large, damaged, or no library can read it.
    """
    kind = format_of(path)
    if kind is None:
        raise UnreadableError("is of no format that is looked into")
    try:
        size = os.path.getsize(path)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error
    if size > MOST_BYTES:
        raise UnreadableError(f"is larger than {MOST_BYTES // 1024**2} MiB")
    for library, read in _READERS.items():
        if importlib.util.find_spec(library) is None or (library, kind) in _CANNOT:
            continue
        try:
            return read(path, kind)
        except Exception as error:
            raise UnreadableError(f"cannot be read by {library}: {error}") from error
    raise UnreadableError("needs pyarrow, polars or pandas to be looked into")


def _with_pyarrow(path: str, kind: str) -> Table:
    arrow: Any = importlib.import_module("pyarrow")
    if kind in ("csv", "tsv"):
        module: Any = importlib.import_module("pyarrow.csv")
        options = module.ParseOptions(delimiter="," if kind == "csv" else "\t")
        table = module.read_csv(path, parse_options=options)
    elif kind == "parquet":
        table = importlib.import_module("pyarrow.parquet").ParquetFile(path).read()
    elif kind == "feather":
        table = importlib.import_module("pyarrow.feather").read_table(path)
    else:
        table = importlib.import_module("pyarrow.json").read_json(path)
    compute: Any = importlib.import_module("pyarrow.compute")
    is_number = (arrow.types.is_integer, arrow.types.is_floating)

    def column(name: str, data: Any) -> Column:
        figures = {"nulls": data.null_count}
        if any(test(data.type) for test in is_number):
            least_and_most = compute.min_max(data)
            figures["mean"] = compute.mean(data).as_py()
            figures["min"] = least_and_most["min"].as_py()
            figures["max"] = least_and_most["max"].as_py()
        return Column(name, str(data.type), _plain(figures))

    names = zip(table.column_names, table.columns, strict=True)
    return Table(table.num_rows, [column(name, data) for name, data in names])


def _with_polars(path: str, kind: str) -> Table:
    polars: Any = importlib.import_module("polars")
    if kind in ("csv", "tsv"):
        frame = polars.read_csv(path, separator="," if kind == "csv" else "\t")
    else:
        read = {
            "parquet": polars.read_parquet,
            "feather": polars.read_ipc,
            "jsonl": polars.read_ndjson,
        }
        frame = read[kind](path)
    columns = []
    for data in frame.get_columns():
        figures = {"nulls": data.null_count()}
        if data.dtype.is_numeric():
            figures |= {"mean": data.mean(), "min": data.min(), "max": data.max()}
        columns.append(Column(data.name, str(data.dtype), _plain(figures)))
    return Table(frame.height, columns)


def _with_pandas(path: str, kind: str) -> Table:
    pandas: Any = importlib.import_module("pandas")
    if kind == "jsonl":
        frame = pandas.read_json(path, lines=True)
    else:
        frame = pandas.read_csv(path, sep="," if kind == "csv" else "\t")
    columns = []
    for name in frame.columns:
        data = frame[name]
        figures = {"nulls": int(data.isna().sum())}
        if pandas.api.types.is_numeric_dtype(data) and not pandas.api.types.is_bool_dtype(data):
            figures |= {"mean": data.mean(), "min": data.min(), "max": data.max()}
        columns.append(Column(str(name), str(data.dtype), _plain(figures)))
    return Table(len(frame), columns)


def _plain(figures: dict[str, Any]) -> dict[str, Any]:
    """Give figures as plain numbers; those that are none are left out."""
    plain: dict[str, Any] = {}
    for name, value in figures.items():
        number = value.item() if hasattr(value, "item") else value
        if isinstance(number, (int, float)) and math.isfinite(number):
            plain[name] = number
    return plain


_READERS: dict[str, Callable[[str, str], Table]] = {
    "pyarrow": _with_pyarrow,
    "polars": _with_polars,
    "pandas": _with_pandas,
}
# pandas reads these through pyarrow, which is not there when it comes to its turn.
_CANNOT = {("pandas", "parquet"), ("pandas", "feather")}
