"""Digests that are in people's stores stay what they are: these were computed by version 0.1."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from backtrail.model.digest import digest_bytes, digest_stream, digest_text, digest_value

UTC = dt.timezone.utc
NOON = dt.datetime(2026, 1, 1, 12, 30, 15, 250_001)  # noqa: DTZ001 - naive is meant
ROWS = 70_001  # more than one block

TABLE = pa.table(
    {
        "number": pa.array([1, None, 3], pa.int64()),
        "share": pa.array([0.5, float("nan"), None], pa.float64()),
        "word": pa.array(["grün", None, ""]),
        "raw": pa.array([b"\x00", b"", None]),
        "is_late": pa.array([True, None, False]),
        "day": pa.array([dt.date(2026, 1, 1), None, dt.date(1969, 12, 31)]),
        "moment": pa.array([NOON, None, NOON], pa.timestamp("us")),
        "aware": pa.array([NOON, None, NOON], pa.timestamp("ms", "Europe/Vienna")),
        "span": pa.array([dt.timedelta(1, 2, 3), None, dt.timedelta(0)], pa.duration("us")),
        "price": pa.array([Decimal("1.50"), None, Decimal("-2.25")], pa.decimal128(9, 2)),
        "tags": pa.array([["a", None], None, []], pa.list_(pa.string())),
        "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
        "nothing": pa.nulls(3),
    }
)
FLAT = TABLE.drop_columns(["price", "tags"])
FRAME = pd.DataFrame(
    {
        "number": [1, 2, 3],
        "share": [0.5, float("nan"), -0.0],
        "word": ["a", None, "c"],
        "kind": pd.Categorical(["x", "y", "x"]),
        "moment": pd.to_datetime([NOON, None, NOON]).astype("datetime64[us]"),
        "masked": pd.array([1, None, 3], "Int32"),
        "mixed": pd.Series([1, "a", (2.5,)], dtype=object),
    },
    index=pd.Index([10, 20, 30], name="id"),
)
MANY = {"n": np.arange(ROWS) % 1000, "share": np.arange(ROWS) / 7}
RECORDS = np.array([(1, 2.5), (3, float("nan"))], [("a", ">i4"), ("b", "<f8")])

KNOWN: dict[str, tuple[Any, str]] = {
    "scalars": (
        [None, True, False, 0, -1, 2**70, 0.0, -0.0, float("nan"), 1e300, "grün", "", b"\x00", 1j],
        "3835333c24ee9a4b8522abe9baf7f6eb3efe3f2a6a3ec576f3fb6faaf0bfaa94",
    ),
    "nested": (
        {"b": [1, (2, {"c": set()})], "a": {3, 1, 2}, 1: None, (1, "x"): frozenset((b"y",))},
        "e3725e2de322177a871f26159be49fecfe002a1e554bf735c2d03b39b9ae098e",
    ),
    "moments": (
        [NOON, NOON.replace(tzinfo=UTC), NOON.date(), NOON.time(), dt.timedelta(-1, 2, 3)],
        "fe7110aa6a5e203c57b70a50208c5fa27e62dc19035f1e305bebb22e5d1db0a0",
    ),
    "decimals and ids": (
        [Decimal("1.50"), Decimal("NaN"), UUID(int=7)],
        "9ee54eb35c3ea1af17bb2ef67e6b256c4bb531f05c9adca47b5bf5982fa48715",
    ),
    "a bytearray": (
        bytearray(b"abc"),
        "c1b6fcfcb5ba922d5e393bfa5c7111417afb09ef7874a438c0a8d79c66b36144",
    ),
    "integers": (
        np.arange(12, dtype=np.int32).reshape(3, 4),
        "a33f7c6cb235e5e2b52a250cda9f89164d766a9a1e80d726ce24595ffb3c28ce",
    ),
    "strided": (
        np.arange(24, dtype=">u2").reshape(4, 6)[::2, ::-1],
        "a41754846985ad091794fc365c3ef27c7ed37d80cfbfdde8707f4a0b296a99ca",
    ),
    "floats": (
        np.array([[0.1, -0.0], [np.nan, np.inf]], np.float32),
        "8fa9509de07aed4ce3ca0e91b27b1f5c766c01c7289f03d8800eb8e74c7502e0",
    ),
    "complex": (
        np.array([1 + 2j, complex(np.nan, 1)]),
        "e4cfd19dfa952b7f1ce32f900854c10f6a12fa97225541c56bd7ca565fef0390",
    ),
    "texts": (
        np.array(["a", "grün"]),
        "8b16585d2e30641aff312849b45387a51dfe6c31ed1c5c77ed5ec62764539357",
    ),
    "times": (
        np.array(["2026-01-01", "NaT"], "M8[D]"),
        "04bc5463ba0e0b4c3aaa03a6f0d533fb8d2c1f509dcbe35b4a18a450f7e81716",
    ),
    "objects": (
        np.array([1, "a", None], object),
        "4f272b797f35367692dbffce4f6aa94c5788f745480563591e06c63232412507",
    ),
    "records": (RECORDS, "fb684823c5cbc834b9d2ed77a3b921cd8bddbb094f0baaa71bb1ab44192b406f"),
    "a large array": (
        np.arange(400_000, dtype=np.float64),
        "5d8f22b6d68ee2565f201dd75a85eaf0cbcd9bbb7a971a49fffce0d2327fa17b",
    ),
    "an empty array": (
        np.empty((0, 3)),
        "4f30100d7a0e937c8f951a2f13d54b87c2772194cb8f86d28b69c967adec5367",
    ),
    "an arrow table": (TABLE, "c97d07eef3c3c90edf345f4a75506b88214b3dcb018c86a3426f6bd5dd246b22"),
    "an arrow column": (
        TABLE["word"],
        "6978be6eedbf46f417b10da63500c7f18102a0737ffcb50d62784083f6e06b27",
    ),
    "an arrow batch": (
        TABLE.to_batches()[0],
        "c97d07eef3c3c90edf345f4a75506b88214b3dcb018c86a3426f6bd5dd246b22",
    ),
    "a large arrow table": (
        pa.table(MANY),
        "6c54a8c99e80274efbeaa30efa23888e25a27175334ec94f6fa083c30f26c1e1",
    ),
    "a polars frame": (
        pl.DataFrame(pl.from_arrow(FLAT)),
        "b881efabac875def698dd866654adcf495e3ef3c4f71666acd361f40d91f75c8",
    ),
    "a polars series": (
        pl.Series("s", ["a", None], pl.Categorical),
        "089afd21e6985cf6622de6b1647c15089eeb9c610f846bfaf5df9cd6f2980253",
    ),
    "a polars list": (
        pl.Series([[1, 2], None]),
        "a4d84e12887cf102d712519e2c11b5e7fa6f8b66173286e18c0d9377ae0a68bb",
    ),
    "a large polars frame": (
        pl.DataFrame(MANY),
        "6c54a8c99e80274efbeaa30efa23888e25a27175334ec94f6fa083c30f26c1e1",
    ),
    "a pandas frame": (FRAME, "5ffe9cbe660cfc365c0a36abc92ec6af19377c1726c3580d2876b69a153a4b47"),
    "a pandas series": (
        FRAME["masked"],
        "793588aef19c31b3a2048bf18d8b9f87a046358969797ddf92c06ca8f3bf8242",
    ),
    "a pandas index": (
        FRAME.index,
        "681fc1ae02070b008b3b592fafe6d5c3e41cacdab2f47476f00db23604abca37",
    ),
    "aware pandas moments": (
        pd.Series(pd.to_datetime([NOON]).tz_localize("UTC").as_unit("ms")),
        "b48764cc184b154f13a50afbea1e8b1c4c76cf70aefdb0e3f91b144edab6a760",
    ),
    "a sparse pandas series": (
        pd.Series(pd.arrays.SparseArray([0.0, 0.0, 2.5])),
        "ac41a5f698f16aabcc4cbcdac4259edc532f91bf5d688fcac46e50ee0e2a608c",
    ),
    "pandas over arrow": (
        pd.Series(["a", None], dtype=pd.ArrowDtype(pa.string())),
        "089afd21e6985cf6622de6b1647c15089eeb9c610f846bfaf5df9cd6f2980253",
    ),
    "a large pandas frame": (
        pd.DataFrame(MANY),
        "6c54a8c99e80274efbeaa30efa23888e25a27175334ec94f6fa083c30f26c1e1",
    ),
}


@pytest.mark.parametrize("what", KNOWN)
def test_a_value_keeps_its_digest_from_one_version_to_the_next(what: str) -> None:
    value, digest = KNOWN[what]

    assert digest_value(value) == f"blake3:{digest}"


def test_the_digest_of_bytes_is_what_b3sum_prints() -> None:
    known = "blake3:6f3aced7a4848cc84990e0ba307665e214a4e71a54788b4ff0acb337b5771785"

    assert digest_bytes(b"backtrail\n") == known
    assert digest_text("backtrail\n") == known
    assert digest_stream([b"back", b"trail\n"]) == known
