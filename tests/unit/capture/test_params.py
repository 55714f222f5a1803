"""Which arguments of a call are kept, and how."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import inspect
import json
import math
import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtrail.capture.params import compile_params, json_value, scalar
from backtrail.errors import ConfigurationError

AWS_KEY = "AKIA" + "Q3EGRIFXV5DLTWM7"
URL_SECRET = "hunter2swordfish"
URL = f"postgresql://scott:{URL_SECRET}@db.example.org/flights"


def kept(func: Callable[..., Any], spec: object, *args: Any, **kwargs: Any) -> dict[str, object]:
    """What is kept of one call of ``func``."""
    extract = compile_params(inspect.signature(func), spec)
    assert extract is not None
    return extract(args, kwargs)


def kept_value(value: Any) -> Any:
    """How "auto" keeps one value; ``...`` where it does not."""

    def step(value: Any) -> None: ...

    return kept(step, "auto", value).get("value", ...)


def listed_value(value: Any) -> Any:
    """How a listed parameter keeps one value."""

    def step(value: Any) -> None: ...

    return kept(step, ["value"], value)["value"]


# -- "auto" ------------------------------------------------------------------------


def test_scalars_and_short_strings_are_kept_in_the_order_of_the_parameters() -> None:
    def train(
        table: Any, depth: int, rate: float = 0.1, *, name: str, fast: bool = True
    ) -> None: ...

    found = kept(train, "auto", object(), 3, name="base")

    assert list(found.items()) == [("depth", 3), ("rate", 0.1), ("name", "base"), ("fast", True)]


def test_arguments_by_position_and_by_keyword_are_the_same() -> None:
    def train(depth: int, rate: float = 0.1, note: str | None = None) -> None: ...

    expected = {"depth": 3, "rate": 0.2, "note": None}

    assert kept(train, "auto", 3, 0.2) == expected
    assert kept(train, "auto", 3, rate=0.2) == expected
    assert kept(train, "auto", rate=0.2, depth=3) == expected
    assert kept(train, "auto", 3, 0.2, None) == expected


def test_the_object_of_a_method_is_left_out() -> None:
    class Step:
        def run(self, depth: int = 2) -> None: ...

        @classmethod
        def make(cls, depth: int = 2) -> None: ...

    assert kept(Step.run, "auto", Step()) == {"depth": 2}
    assert kept(Step.__dict__["make"].__func__, "auto", Step) == {"depth": 2}


def test_self_is_an_ordinary_word_further_back() -> None:
    def step(depth: int, self: int) -> None: ...

    assert kept(step, "auto", 1, 2) == {"depth": 1, "self": 2}


def test_caught_keywords_are_kept_by_name_and_caught_arguments_left_out() -> None:
    def step(depth: int, /, *more: Any, **options: Any) -> None: ...

    found = kept(step, "auto", 1, 2, 3, rate=0.5, table=[1], password="xyzzy", depth=9)

    assert found == {"depth": 1, "rate": 0.5, "password": "[redacted]"}


def test_ever_so_many_caught_keywords_are_capped() -> None:
    def step(**options: Any) -> None: ...

    assert len(kept(step, "auto", **{f"k{n}": n for n in range(1000)})) == 100


def test_surplus_and_missing_arguments_do_no_harm() -> None:
    def step(depth: int, rate: float) -> None: ...

    assert kept(step, "auto") == {}
    assert kept(step, "auto", 1, 2, 3, 4) == {"depth": 1, "rate": 2}
    # Python refuses this one, but what it was given is worth knowing.
    assert kept(step, "auto", 1, depth=2, other=3, pwd="xyzzy") == {
        "depth": 1,
        "other": 3,
        "pwd": "[redacted]",
    }


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1, 2), {1}, b"x", object(), 1j, len, "x" * 201])
def test_containers_long_strings_and_objects_are_left_out(value: object) -> None:
    assert kept_value(value) is ...


class Colour(enum.Enum):
    RED = "r"


class Level(enum.IntEnum):
    HIGH = 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, "9223372036854775808"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ("x" * 200, "x" * 200),
        (Colour.RED, "RED"),
        (Level.HIGH, "HIGH"),
        (Path("/data/a.csv"), "/data/a.csv"),
        (datetime.date(2013, 1, 2), "2013-01-02"),
        (datetime.datetime(2013, 1, 2, tzinfo=datetime.timezone.utc), "2013-01-02T00:00:00+00:00"),
        (datetime.timedelta(hours=1), "1:00:00"),
        (decimal.Decimal("1.50"), "1.50"),
        (fractions.Fraction(1, 3), "1/3"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_scalars_are_kept_as_json_can_hold_them(value: object, expected: object) -> None:
    assert kept_value(value) == expected


def test_a_number_too_long_to_write_is_left_out() -> None:
    assert kept_value(10**5000) is ...
    assert listed_value(10**5000) == "<builtins.int>"


def test_numpy_scalars_are_kept_as_plain_ones_and_arrays_left_out() -> None:
    np = pytest.importorskip("numpy")

    assert type(kept_value(np.float64(0.5))) is float
    assert type(kept_value(np.int32(5))) is int
    assert kept_value(np.bool_(True)) is True
    assert kept_value(np.str_("x")) == "x"
    assert kept_value(np.float32("nan")) == "NaN"
    assert kept_value(np.datetime64("2013-01-02")) == "2013-01-02"
    assert kept_value(np.array(5)) == 5
    assert kept_value(np.array([5])) is ...
    assert kept_value(np.longdouble(0.5)) in (0.5, ...)


def test_subclasses_of_scalars_are_read_by_their_base() -> None:
    class Masked(str):
        def __str__(self) -> str:
            raise AssertionError("user code")

    class Odd(int):
        def __int__(self) -> int:
            raise AssertionError("user code")

    assert kept_value(Masked("x")) == "x"
    assert type(kept_value(Odd(5))) is int


def test_names_in_another_encoding_can_be_kept() -> None:
    value = os.fsdecode(b"caf\xe9.csv")

    assert kept_value(value) == "caf\\udce9.csv"
    assert kept_value(Path(value)) == "caf\\udce9.csv"
    assert kept_value("café") == "café"


# -- secrets -----------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["auto", ["password", "api_key", "secrets"]])
def test_parameters_with_secret_names_are_never_kept(spec: object) -> None:
    def load(password: Any, api_key: Any = "abc", *, secrets: Any = ()) -> None: ...

    found = kept(load, spec, "xyzzy", secrets=["xyzzy"])

    assert found["password"] == "[redacted]"
    assert found["api_key"] == "[redacted]"
    assert "xyzzy" not in str(found)


def test_secrets_inside_strings_are_not_kept() -> None:
    def load(url: str, note: str = f"uses {AWS_KEY}") -> None: ...

    for spec in ("auto", ["url", "note"]):
        found = str(kept(load, spec, URL))

        assert URL_SECRET not in found
        assert AWS_KEY not in found
        assert "db.example.org" in found


def test_secrets_deep_in_a_listed_value_are_not_kept() -> None:
    value = {"db": [{"url": URL}, {"password": "xyzzy"}], "note": "y" * 1990 + AWS_KEY}

    found = str(listed_value(value))

    assert URL_SECRET not in found
    assert "xyzzy" not in found
    assert AWS_KEY[:8] not in found


# -- a list of names ---------------------------------------------------------------


def test_listed_parameters_are_kept_whatever_json_value_they_have() -> None:
    def train(config: Any, other: int = 1, *more: Any, **options: Any) -> None: ...

    names = ["config", "more", "options"]

    assert kept(train, names, {"a": [1, (2, None)]}, 1, "x", b=2.5) == {
        "config": {"a": [1, [2, None]]},
        "more": ["x"],
        "options": {"b": 2.5},
    }


def test_a_listed_name_may_be_a_keyword_that_is_caught() -> None:
    def train(**options: Any) -> None: ...

    assert kept(train, ["depth"], depth=[3]) == {"depth": [3]}
    assert kept(train, ["depth"]) == {}


def test_a_listed_default_is_read_at_the_call() -> None:
    names: list[str] = []

    def train(columns: list[str] = names) -> None: ...

    extract = compile_params(inspect.signature(train), ["columns"])
    names.append("a")

    assert extract is not None
    assert extract((), {}) == {"columns": ["a"]}


def test_a_listed_long_string_is_cut() -> None:
    found = listed_value("x" * 100_000)

    assert 1900 <= len(found) <= 2000
    assert found.endswith("…")


def test_a_listed_container_is_capped_and_says_how_much_it_left_out() -> None:
    found = listed_value(list(range(10_000)))

    assert len(json.dumps(found)) < 2500
    assert found[:3] == [0, 1, 2]
    assert found[-1] == f"… {10_000 - len(found) + 1} more"

    mapping = listed_value({f"key{n}": n for n in range(10_000)})
    assert mapping["…"] == f"{10_000 - len(mapping) + 1} more"


def test_only_what_is_kept_of_a_huge_value_is_looked_at() -> None:
    found = listed_value(range(10**12))

    assert len(found) < 1000


def test_values_inside_themselves_end() -> None:
    value: list[Any] = []
    value.append(value)

    assert "…" in str(listed_value(value))


def test_objects_are_named_by_their_type_and_never_printed() -> None:
    class Frame:
        def __repr__(self) -> str:
            raise AssertionError("user code")

        __str__ = __repr__

    assert listed_value(Frame()).endswith("Frame>")
    assert listed_value([b"abc", bytearray(2)]) == ["<3 bytes>", "<2 bytes>"]


@dataclass
class Config:
    depth: int
    password: str = "xyzzy"


class Rates(msgspec.Struct):
    slow: float = 0.1


def test_dataclasses_and_structs_are_kept_by_their_fields() -> None:
    assert listed_value(Config(3)) == {"depth": 3, "password": "[redacted]"}
    assert listed_value(Rates()) == {"slow": 0.1}


def test_sets_are_kept_in_order() -> None:
    assert listed_value({"c", "a", "b"}) == ["a", "b", "c"]
    assert sorted(listed_value({"c", 1}), key=str) == [1, "c"]


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=300)
    | st.binary(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=50)
        | st.dictionaries(st.text(max_size=5) | st.integers() | st.none(), inner, max_size=20)
        | st.sets(st.integers() | st.text(max_size=3))
    ),
    max_leaves=200,
)


@given(json_like)
def test_whatever_is_kept_can_be_stored_and_is_small(value: object) -> None:
    found = json_value(value)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found)) == found
    assert len(msgspec.json.encode(found)) < 8000


@given(st.integers() | st.floats() | st.text(max_size=200))
def test_a_kept_scalar_is_the_value_or_its_text(value: float | str) -> None:
    found = scalar(value)

    if type(found) is type(value) and not isinstance(value, str):
        assert found == value
    else:
        assert isinstance(found, str)


# -- mistakes that are seen when decorating ----------------------------------------


def train(depth: int, rate: float = 0.1) -> None: ...


def refused(spec: object) -> str:
    with pytest.raises(ConfigurationError) as caught:
        compile_params(inspect.signature(train), spec)
    return str(caught.value)


def test_a_wrong_name_is_answered_with_the_closest() -> None:
    message = refused(["depht"])

    assert "'depht'" in message
    assert "'depth'" in message
    assert "depth, rate" in message


@pytest.mark.parametrize("spec", ["all", "depth", 5, None, object()])
def test_other_words_and_types_are_refused(spec: object) -> None:
    assert '"auto"' in refused(spec)


def test_names_must_be_strings() -> None:
    assert "as strings" in refused([5])


@pytest.mark.parametrize("spec", ["none", [], ()])
def test_nothing_to_keep_compiles_to_nothing(spec: object) -> None:
    assert compile_params(inspect.signature(train), spec) is None


def test_a_function_without_parameters_compiles_to_nothing() -> None:
    def bare() -> None: ...
    def collects(*rows: int) -> None: ...

    assert compile_params(inspect.signature(bare), "auto") is None
    assert compile_params(inspect.signature(collects), "auto") is None
    assert compile_params(inspect.signature(bare), []) is None
    with pytest.raises(ConfigurationError, match="no parameters"):
        compile_params(inspect.signature(bare), ["depth"])
