"""Data files are looked into read only, by whichever library is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from backtrail.model.diffs import Change
from backtrail.query import tables
from backtrail.query.changes import file_diff
from backtrail.query.tables import UnreadableError, format_of, read_table

ROWS = [{"id": 1, "amount": 10.0}, {"id": 2, "amount": None}, {"id": 3, "amount": 32.0}]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix in (".csv", ".tsv"):
        sign = "," if path.suffix == ".csv" else "\t"
        lines = [sign.join("" if v is None else str(v) for v in row.values()) for row in rows]
        path.write_text("\n".join([sign.join(rows[0]), *lines]) + "\n")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        import pyarrow
        import pyarrow.feather
        import pyarrow.parquet

        table = pyarrow.Table.from_pylist(rows)
        if path.suffix == ".parquet":
            pyarrow.parquet.write_table(table, path)
        else:
            pyarrow.feather.write_feather(table, path, compression="uncompressed")
    return path


@pytest.mark.parametrize(
    ("library", "ending"),
    [
        (library, ending)
        for library in ("pyarrow", "polars", "pandas")
        for ending in ("csv", "tsv", "jsonl", "parquet", "feather")
        # pandas reads these through pyarrow, whose turn comes first.
        if library != "pandas" or ending not in ("parquet", "feather")
    ],
)
def test_rows_columns_and_figures(
    library: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_READERS", {library: tables._READERS[library]})
    file = write(tmp_path / f"table.{ending}", ROWS)

    table = read_table(str(file))

    assert table.rows == 3
    assert [column.name for column in table.columns] == ["id", "amount"]
    amount = table.columns[1].figures
    assert (amount["nulls"], amount["mean"], amount["min"], amount["max"]) == (1, 21.0, 10.0, 32.0)


def test_what_cannot_be_looked_into_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "table.parquet"
    damaged.write_bytes(b"PAR1 this is no table")

    with pytest.raises(UnreadableError, match="cannot be read by"):
        read_table(str(damaged))
    with pytest.raises(UnreadableError, match="no format"):
        read_table(str(tmp_path / "model.pkl"))
    with pytest.raises(UnreadableError, match="No such file"):
        read_table(str(tmp_path / "none.csv"))
    monkeypatch.setattr(tables, "MOST_BYTES", 10)
    with pytest.raises(UnreadableError, match="larger"):
        read_table(str(damaged))
    monkeypatch.setattr(tables, "_READERS", {})
    monkeypatch.setattr(tables, "MOST_BYTES", 1000)
    with pytest.raises(UnreadableError, match="needs pyarrow, polars or pandas"):
        read_table(str(damaged))


def test_a_format_is_told_by_the_ending() -> None:
    assert format_of("/data/A.CSV") == "csv"
    assert format_of("s3://b/x.parquet") == "parquet"
    assert format_of("/data/model.joblib") is None


def test_two_states_of_a_file_are_compared_by_column(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", ROWS)
    write(tmp_path / "b.csv", [{"id": 1, "amount": 10.5, "new": 2}] * 4)
    change = Change("output", str(tmp_path / "a.csv"), "va", "vb", other=str(tmp_path / "b.csv"))

    found = file_diff(change, lambda path: {"a.csv": "va", "b.csv": "vb"}[Path(path).name])

    assert (found.rows_a, found.rows_b) == (3, 4)
    assert [column.name for column in found.columns] == ["id", "amount", "new"]
    assert found.columns[2].a is None
    assert (found.gone_a, found.gone_b) == ("", "")


def test_a_file_that_changed_or_is_gone_is_not_looked_into(tmp_path: Path) -> None:
    file = str(write(tmp_path / "a.csv", ROWS))
    now: dict[str, str] = {file: "later"}

    found = file_diff(Change("output", file, "va", "later"), now.get)
    gone = file_diff(Change("output", "/none/x.csv", "va", None), now.get)
    remote = file_diff(Change("output", "s3://bucket/x.csv", "va", "vb"), now.get)

    assert (found.gone_a, found.gone_b, found.rows_b) == ("has been overwritten since", "", 3)
    assert (gone.gone_a, gone.gone_b) == ("is gone", "was recorded without a version")
    assert remote.gone_a == remote.gone_b == "is not a file of this machine"
