"""Settings of the shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from backtrail.debugger import preferences
from backtrail.debugger.preferences import Preferences, SettingError, load, save


def test_what_is_set_is_there_in_the_next_session(tmp_path: Path) -> None:
    file = tmp_path / "new" / "shell.conf"
    changed = Preferences().changed("time", "local").changed("width", "80").changed("limit", "0")

    save(changed, file)

    assert load(file) == Preferences(width=80, time="local", limit=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("time", "mars"), ("width", "10"), ("width", "x"), ("limit", "-1"), ("volume", "11")],
)
def test_what_cannot_be_is_refused_with_what_can(name: str, value: str) -> None:
    with pytest.raises(SettingError) as raised:
        Preferences().changed(name, value)

    assert raised.value.hint


def test_a_file_of_another_version_or_a_broken_one_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "shell.conf"
    file.write_bytes(b"time = local\nvolume = 11\nwidth = \xc3\xa9\nconfirm off\nlimit = 7\n")

    assert load(file) == Preferences(time="local", limit=7)
    assert load(tmp_path / "none") == Preferences()


def test_a_setting_that_cannot_be_kept_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingError, match="could not be kept"):
        save(Preferences(), tmp_path / "file" / "shell.conf")


def test_every_setting_is_explained() -> None:
    assert set(preferences.ABOUT) == set(preferences.NAMES)
