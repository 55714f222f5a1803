"""Where records go: the address of a store, as people give it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backtrail import ConfigurationError
from backtrail.settings import load_settings


@pytest.mark.parametrize("given", ["here/runs.db", Path("here/runs.db"), "sqlite:///here/runs.db"])
def test_a_relative_address_lies_in_the_working_directory(
    given: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert load_settings(given, {}).url == f"sqlite:///{tmp_path}/here/runs.db"


def test_without_an_address_it_is_the_nearest_parent_with_a_folder_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".backtrail").mkdir()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)

    assert load_settings(None, {}).url == f"sqlite:///{tmp_path}/.backtrail/backtrail.db"
    assert load_settings(None, {"BACKTRAIL_URL": "x.db"}).url == f"sqlite:///{inner}/x.db"


@pytest.mark.parametrize("given", [5, b"x.db", ["x.db"]])
def test_an_address_of_a_wrong_type_is_said_to_be_so(given: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"cannot be of type {type(given).__name__}"):
        load_settings(given, {})
