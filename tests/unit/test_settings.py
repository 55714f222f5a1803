"""Where records go: the address of a store, as people give it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


HIDDEN = "hunter2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("postgres://me@host/db", "postgresql://me@host/db"),
        ("postgresql://me:hunter2@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql://me:hunter2@a:1,b:2/db?x=y", "postgresql://me:***@a:1,b:2/db?x=y"),
        ("postgresql://me:h@unter2/hunter2@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:hunter2?@host/db", "postgresql://me:***@host/db"),
        ("postgresql://host/db?user=a@b", "postgresql://host/db?user=a@b"),
        ("postgresql://[::1]:5432/db", "postgresql://[::1]:5432/db"),
        (
            "postgresql://me@host/db?sslmode=require&password=hunter2&sslpassword=hunter2",
            "postgresql://me@host/db?sslmode=require&password=***&sslpassword=***",
        ),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    settings = load_settings(url, {})

    assert settings.shown_url == shown
    assert HIDDEN not in repr(settings)
    assert repr(settings.shown_url) in repr(settings)


@given(
    password=st.text(alphabet="@:/?#&=%[],\\ äh", min_size=4, max_size=12),
    user=st.sampled_from(["me", "m.e", ""]),
    tail=st.sampled_from(["host/db", "host:5432/db?sslmode=require", "a:1,b:2/db", "[::1]/db"]),
)
def test_no_password_is_ever_shown_however_it_was_written(
    password: str, user: str, tail: str
) -> None:
    # Between marks, so that it is found in the text though it holds what addresses hold.
    settings = load_settings(f"postgresql://{user}:SECRET{password}SECRET@{tail}", {})

    assert "SECRET" not in settings.shown_url
    assert "SECRET" not in repr(settings)
    assert settings.shown_url.endswith(f"@{tail}")


def test_all_users_and_passwords_of_a_database_share_a_journal() -> None:
    one, two, other = (
        load_settings(url, {}).spool_folders
        for url in (
            "postgresql://me:hunter2@host/db?sslmode=require",
            "postgresql://you@host/db",
            "postgresql://me:hunter2@host/other",
        )
    )

    assert one == two
    assert one != other


@pytest.mark.parametrize(("text", "value"), [("1", True), ("true", True), ("0", False)])
def test_a_switch_is_read_from_the_environment(text: str, value: bool) -> None:
    assert load_settings(None, {"BACKTRAIL_AUTO_UPGRADE": text}).auto_upgrade is value


def test_a_switch_that_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="BACKTRAIL_AUTO_UPGRADE cannot be 'maybe'"):
        load_settings(None, {"BACKTRAIL_AUTO_UPGRADE": "maybe"})
