"""`x FILE`: what lies in a data file now, and whether it is still what a run left there."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..capture.files import FileVersions
from ..errors import BacktrailError
from ..query.tables import Table, UnreadableError, format_of, read_table
from ..render import words
from ..render.names import is_place

if TYPE_CHECKING:
    from ..settings import Settings

_DELIMITERS = {"csv": ",", "tsv": "\t"}


class DataFileError(BacktrailError):
    """A data file cannot be looked into; the message says why."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A data file as it is now; ``doubt`` says how it differs from what the run left."""

    path: str
    size: int
    table: Table
    doubt: str


@dataclass(frozen=True, slots=True)
class Head:
    """The first rows of a data file."""

    columns: list[str]
    rows: list[list[Any]]
    doubt: str


def look(path: str, version: str | None, settings: Settings) -> Looked:
    """Look into a file: its columns with their types and figures.

    Args:
        path: where it lies.
        version: the content that the run knew there.
        settings: up to which size files are read for their digest.

    Raises:
        DataFileError: it is gone, or it cannot be read.
    """
    doubt = _doubt(path, version, settings)
    return Looked(path, os.path.getsize(path), _read(path, read_table), doubt)


def head(path: str, count: int, version: str | None, settings: Settings) -> Head:
    """Give the first rows of a file. Args and errors as `look`."""
    doubt = _doubt(path, version, settings)
    columns, rows = _read(path, lambda file: _first_rows(file, count))
    return Head(columns, rows, doubt)


def _doubt(path: str, version: str | None, settings: Settings) -> str:
    """Say how the file differs from what the run knew; an empty text if it does not.

    Raises:
        DataFileError: there is no file.
    """
    if not is_place(path) or "://" in path:
        raise DataFileError(f"{path} is no local file, so it cannot be looked into")
    known = f"its content was {words.short_version(version)}" if version else "no digest is known"
    if not os.path.exists(path):
        raise DataFileError(
            f"{path} is no longer where the run left it: deleted or moved ({known})"
        )
    now = FileVersions(settings.digest_limit_bytes).version_of(path)
    if version is None:
        return "whether it is what the run left is not known: the run has no digest of it"
    if now == version:
        return ""
    if now is None or now.partition(":")[0] != version.partition(":")[0]:
        return f"whether it is what the run left cannot be told ({known})"
    return (
        f"not what the run left: it was {words.short_version(version)},"
        f" it is {words.short_version(now)} now"
    )


def _read(path: str, read: Callable[[str], Any]) -> Any:
    try:
        return read(path)
    except UnreadableError as error:
        raise DataFileError(f"{path} {error}") from error


def _first_rows(path: str, count: int) -> tuple[list[str], list[list[Any]]]:
    """Read no more of a file than the rows that are wanted, if its format lets us."""
    kind = format_of(path)
    if kind is None:
        raise UnreadableError("is of no format that is looked into")
    for library, read in _READERS.items():
        if importlib.util.find_spec(library) is None:
            continue
        try:
            found = read(path, kind, count)
        except Exception as error:
            raise UnreadableError(f"cannot be read by {library}: {error}") from error
        if found is not None:
            return found
    raise UnreadableError("needs pyarrow, polars or pandas to be looked into")


_Rows = tuple[list[str], list[list[Any]]]


def _with_pyarrow(path: str, kind: str, count: int) -> _Rows | None:
    batches: Any
    if kind == "parquet":
        module: Any = importlib.import_module("pyarrow.parquet")
        batches = module.ParquetFile(path).iter_batches(batch_size=max(count, 1))
    elif kind in _DELIMITERS:
        module = importlib.import_module("pyarrow.csv")
        options = module.ParseOptions(delimiter=_DELIMITERS[kind])
        batches = module.open_csv(path, parse_options=options)
    elif kind == "feather":
        module = importlib.import_module("pyarrow.feather")
        batches = module.read_table(path).slice(0, count).to_batches()
    else:
        module = importlib.import_module("pyarrow.json")
        batches = module.read_json(path).slice(0, count).to_batches()
    columns: list[str] = []
    rows: list[list[Any]] = []
    for batch in batches:
        columns = list(batch.schema.names)
        some = batch.slice(0, count - len(rows)).to_pydict()
        rows += _turned(list(some.values()))
        if len(rows) >= count:
            break
    return columns, rows


def _with_polars(path: str, kind: str, count: int) -> _Rows | None:
    polars: Any = importlib.import_module("polars")
    if kind in _DELIMITERS:
        frame = polars.read_csv(path, separator=_DELIMITERS[kind], n_rows=count)
    elif kind == "parquet":
        frame = polars.read_parquet(path, n_rows=count)
    elif kind == "feather":
        frame = polars.read_ipc(path, n_rows=count)
    else:
        frame = polars.read_ndjson(path, n_rows=count)
    return list(frame.columns), [list(row) for row in frame.rows()]


def _with_pandas(path: str, kind: str, count: int) -> _Rows | None:
    pandas: Any = importlib.import_module("pandas")
    if kind in _DELIMITERS:
        frame = pandas.read_csv(path, sep=_DELIMITERS[kind], nrows=count)
    elif kind == "jsonl":
        frame = pandas.read_json(path, lines=True, nrows=count)
    else:
        # It needs pyarrow for these, which was not found.
        return None
    return [str(name) for name in frame.columns], [
        list(row) for row in islice(frame.itertuples(index=False), count)
    ]


_READERS: dict[str, Callable[[str, str, int], _Rows | None]] = {
    "pyarrow": _with_pyarrow,
    "polars": _with_polars,
    "pandas": _with_pandas,
}


def _turned(columns: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(row) for row in zip(*columns, strict=True)]
