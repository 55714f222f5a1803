"""What counts as the same, as different, and as not known."""

from __future__ import annotations

from typing import Any

import pytest

from backtrail.model.records import Code
from backtrail.query.compare import (
    Item,
    Place,
    code_state,
    environment_changes,
    environment_state,
    item_changes,
    may_explain,
    param_changes,
    param_state,
    same_value,
    version_state,
    worst,
)
from backtrail.query.passing import differ_in_passing
from backtrail.store.protocol import EnvironmentRow

GIT, OTHER_GIT = "9c1d2e4" + "0" * 33, "77ab013" + "0" * 33


@pytest.mark.parametrize(
    ("a", "b", "state"),
    [
        ("blake3:aa", "blake3:aa", "same"),
        ("blake3:aa", "blake3:bb", "differs"),
        ("v1", "v2", "differs"),
        ("etag:1", "etag:2", "differs"),
        (None, "blake3:aa", "unknown"),
        (None, None, "unknown"),
        ("sha256:aa", "blake3:aa", "unknown"),
        ("v1", "etag:1", "unknown"),
        ("stat:10-20", "stat:10-20", "same"),
        ("stat:10-20", "stat:11-20", "differs"),
        ("stat:10-20", "stat:10-99", "unknown"),
    ],
)
def test_versions_compare_only_within_their_kind(a: str, b: str, state: str) -> None:
    assert version_state(a, b) == version_state(b, a) == state


@pytest.mark.parametrize(
    ("a", "b", "state"),
    [
        (Code(digest="d1"), Code(digest="d1"), "same"),
        (Code(digest="d1"), Code(digest="d2"), "differs"),
        (Code(GIT, False, "d1"), Code(OTHER_GIT, False, "d1"), "minor"),
        (Code(GIT, False, "d1"), Code(GIT, True, "d1"), "minor"),
        (Code(GIT, False, "d1"), Code(GIT, False, "d2"), "differs"),
        (Code(GIT), Code(GIT), "same"),
        (Code(GIT), Code(OTHER_GIT), "differs"),
        (Code(GIT, True), Code(GIT, True), "unknown"),
        (Code(), Code(), "unknown"),
        (Code(digest="d1"), Code(), "unknown"),
        (Code(GIT), Code(), "unknown"),
    ],
)
def test_code_is_compared_by_its_source_and_else_by_the_commit(
    a: Code, b: Code, state: str
) -> None:
    assert code_state(a, b) == code_state(b, a) == state


@pytest.mark.parametrize(
    ("a", "b", "state"),
    [
        ({}, {}, "none"),
        ({"eta": 0.1}, {"eta": 0.1}, "same"),
        ({"eta": 1}, {"eta": 1.0}, "same"),
        ({"eta": float("nan")}, {"eta": float("nan")}, "same"),
        ({"eta": 0.1}, {"eta": 0.3}, "differs"),
        ({"on": True}, {"on": 1}, "differs"),
        ({"eta": 0.1}, {}, "differs"),
        ({"eta": None}, {}, "differs"),
        ({"day": "2026-07-24"}, {"day": "2026-07-25"}, "minor"),
        ({"day": "20260724"}, {"day": "20260725"}, "minor"),
        ({"day": 20260724}, {"day": 20260725}, "minor"),
        ({"month": "2026-07"}, {"month": "2026-08"}, "minor"),
        ({"at": "2026-07-24T05:00:00Z"}, {"at": "2026-07-25T06:30:00+02:00"}, "minor"),
        ({"p": "s3://b/dt=2026-07-24/x"}, {"p": "s3://b/dt=2026-07-25/x"}, "minor"),
        ({"p": "s3://b/dt=2026-07-24/x"}, {"p": "s3://b/dt=2026-07-25/y"}, "differs"),
        (
            {"run": "scheduled__2026-07-24T00:00:00+00:00"},
            {"run": "scheduled__2026-07-25T00:00:00+00:00"},
            "minor",
        ),
        (
            {"run": "7f1c3a52-9d0e-4b0f-8a51-2f0c6f1f9a10"},
            {"run": "019b7700-0000-7000-8000-000000000001"},
            "minor",
        ),
        ({"since": 1_780_000_000}, {"since": 1_780_086_400}, "minor"),
        ({"rows": 1_780_000_000}, {"rows": 1_780_086_400}, "differs"),
        ({"seed": 20269999}, {"seed": 20268888}, "differs"),
        ({"days": ["2026-07-24"]}, {"days": ["2026-07-25"]}, "minor"),
        ({"day": "2026-07-24", "eta": 1}, {"day": "2026-07-25", "eta": 2}, "differs"),
        ({"key": "[redacted]"}, {"key": "[redacted]"}, "unknown"),
    ],
)
def test_parameters_that_are_dates_or_run_ids_differ_only_in_passing(
    a: dict[str, Any], b: dict[str, Any], state: str
) -> None:
    for one, other in ((a, b), (b, a)):
        assert param_state(one, other, param_changes(one, other)) == state


def test_a_parameter_that_holds_the_output_s_own_id_says_nothing() -> None:
    found = param_changes({"name": "r-1", "k": 2}, {"name": "r-2", "k": 2}, ("r-1", "r-2"))
    other = param_changes({"name": "r-1"}, {"name": "r-9"}, ("r-1", "r-2"))
    dates = param_changes({"day": "2026-07-24"}, {"day": "2026-07-25"}, ("r-1", "r-2"))

    assert [(each.name, each.state) for each in found] == [("name", "minor")]
    assert [each.state for each in other] == ["differs"]
    assert not may_explain(found[0], ("r-1", "r-2"))
    assert may_explain(dates[0], ("r-1", "r-2"))


def place(digest: str | None, python: str | None = "3.11", host: str = "h1", *, known: bool = True):
    return Place(host, EnvironmentRow(digest, python), known)


@pytest.mark.parametrize(
    ("a", "b", "state"),
    [
        (place("e1"), place("e1"), "same"),
        (place("e1"), place("e2"), "differs"),
        (place("e1"), place("e1", "3.12"), "differs"),
        (place("e1"), place("e1", host="h2"), "minor"),
        (place("e1"), place(None), "unknown"),
        (place(None), place(None, "3.12"), "differs"),
        (place("e1"), place("e2", known=False), "unknown"),
    ],
)
def test_an_environment_is_its_packages_and_its_python(a: Place, b: Place, state: str) -> None:
    assert environment_state(a, b) == environment_state(b, a) == state


def test_packages_that_came_went_or_changed_are_named() -> None:
    before, after = {"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "3", "d": "4"}

    found = environment_changes(place("e1"), place("e2", host="h2"), before, after)

    assert [(each.name, each.a, each.b, each.state) for each in found] == [
        ("b", "2", "3", "differs"),
        ("c", "3", None, "differs"),
        ("d", None, "4", "differs"),
        ("host", "h1", "h2", "minor"),
    ]


def test_results_without_a_version_are_compared_by_value() -> None:
    state, changes = item_changes([Item("p", None, 0.41)], [Item("p", None, 0.83)])

    assert state == "differs"
    assert [(each.a, each.b) for each in changes] == [(0.41, 0.83)]
    assert item_changes([Item("p", None, 1)], [Item("p", None, 1.0)]) == ("same", [])
    assert item_changes([Item("p", None)], [Item("p", None, 1)])[0] == "unknown"
    assert item_changes([], []) == ("none", [])


def test_a_whole_is_as_different_as_its_most_different_part() -> None:
    assert worst([]) == "none"
    assert worst(["same", "unknown"]) == "unknown"
    assert worst(["same", "unknown", "minor"]) == "minor"
    assert worst(["differs", "minor", "unknown", "same"]) == "differs"


def test_values_and_texts() -> None:
    assert same_value({"a": [1, 2]}, {"a": [1, 2]})
    assert not same_value("1", 1)
    assert not differ_in_passing("one", "two")
    assert not differ_in_passing("2026-07-24", "later")
