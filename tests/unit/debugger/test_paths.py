"""Values by their path."""

from __future__ import annotations

from typing import Any

import pytest
from golden.examples import five_runs

from backtrail.debugger.paths import PathError, names_in, value_at
from backtrail.model.records import Frame


@pytest.fixture
def frame() -> Frame:
    found = five_runs().frames[1]
    found.run.params = {"eta": 0.1, "seed": 13, "db": {"host": "a", "a.b": [1, 2]}, "status": "x"}
    return found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("params.eta", 0.1),
        ("eta", 0.1),
        ("params.db.host", "a"),
        ("params.db.a.b[1]", 2),
        ("params.db.a.b.0", 1),
        ("component", "train"),
        ("status", "completed"),
        ("params.status", "x"),
        ("outputs[0].kind", "data"),
        ("outputs.model.pkl.name", "/data/model.pkl"),
        ("outputs./data/model.pkl.name", "/data/model.pkl"),
        ("code.function", "train"),
    ],
)
def test_a_path_leads_to_its_value(frame: Frame, path: str, value: Any) -> None:
    if path.endswith("kind"):
        value = frame.outputs[0].kind
    assert value_at(frame, path).value == value


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("params.etta", "params has no etta. It has: eta, seed, db, status"),
        ("nothing", "this run has no nothing."),
        ("params.eta.x", "params.eta is a single value: it has no x"),
        ("outputs[7]", "outputs has no"),
        ("outputs.b", "outputs has no b. It has: /data/model.pkl, model.pkl"),
    ],
)
def test_where_a_path_ends_it_says_what_there_is(frame: Frame, path: str, told: str) -> None:
    with pytest.raises(PathError) as raised:
        value_at(frame, path)

    assert str(raised.value).startswith(told)


def test_only_parameters_are_compared_with_earlier_runs(frame: Frame) -> None:
    assert value_at(frame, "eta").parameter == "eta"
    assert value_at(frame, "params.db.host").parameter == "db"
    assert value_at(frame, "status").parameter is None


def test_every_path_that_is_offered_leads_somewhere(frame: Frame) -> None:
    for path in names_in(frame):
        value_at(frame, path)
