"""What a person set for their sessions: kept in a file of the user's config folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..errors import BacktrailError

_CHOICES = {
    "time": ("utc", "local", "ago"),
    "confirm": ("on", "off"),
    "color": ("auto", "always", "never"),
}
ABOUT = {
    "width": "columns of the screen; auto: those of the window, 100 at most",
    "time": "how times are shown: utc, local or ago",
    "limit": "how many lines an answer may have; 0: all",
    "confirm": "ask before flag and unflag: on or off",
    "color": "auto, always or never",
}


class SettingError(BacktrailError):
    """A setting is not known, or cannot have this value."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """The settings of `set` and `show`; ``width`` 0 is that of the window."""

    width: int = 0
    time: str = "utc"
    limit: int = 40
    confirm: str = "on"
    color: str = "auto"

    def changed(self, name: str, value: str) -> Preferences:
        """Give these with one changed.

        Raises:
            SettingError: there is no such setting, or it cannot have this value.
        """
        if name not in NAMES:
            raise SettingError(f"no setting is called {name}", hint=f"There are: {_listed(NAMES)}.")
        if name in _CHOICES:
            if value not in _CHOICES[name]:
                raise SettingError(
                    f"{name} cannot be {value}", hint=f"It takes {_listed(_CHOICES[name])}."
                )
            changes: dict[str, Any] = {name: value}
        else:
            changes = {name: _number(name, value)}
        return replace(self, **changes)

    def shown(self, name: str) -> str:
        """Give a value as a person would type it."""
        value = getattr(self, name)
        return "auto" if name == "width" and not value else str(value)


NAMES = tuple(field.name for field in fields(Preferences))


def values_of(name: str) -> tuple[str, ...]:
    """Give the values that a setting can have, where they are few."""
    return _CHOICES.get(name, ("auto",) if name == "width" else ())


def _number(name: str, value: str) -> int:
    if name == "width" and value == "auto":
        return 0
    least = 40 if name == "width" else 0
    try:
        number = int(value)
    except ValueError:
        number = -1
    if number < least:
        raise SettingError(f"{name} cannot be {value}", hint=f"It takes a number from {least} on.")
    return number


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def preferences_file(environ: Mapping[str, str]) -> Path:
    """Give where settings are kept."""
    config = environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Path(config, "backtrail", "shell.conf")


def load(file: Path) -> Preferences:
    """Read settings; what cannot be read, or is not known to this version, is passed over."""
    found = Preferences()
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return found
    for line in lines:
        name, _, value = (part.strip() for part in line.partition("="))
        with contextlib.suppress(SettingError):
            found = found.changed(name, value)
    return found


def save(preferences: Preferences, file: Path) -> None:
    """Keep settings for the next session.

    Raises:
        SettingError: the file cannot be written; the settings count for this session.
    """
    lines = [f"{name} = {preferences.shown(name)}\n" for name in NAMES]
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_text("".join(lines), "utf-8")
    except OSError as error:
        raise SettingError(
            f"the setting could not be kept in {file}: {error.strerror}",
            hint="It counts until the end of this session.",
        ) from error
