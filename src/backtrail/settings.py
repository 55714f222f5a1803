"""Environment and arguments -> one frozen Settings value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .addresses import check_url, is_http, is_local, place_of, resolve_url, shown, sqlite_path
from .errors import ConfigurationError
from .model.digest import digest_text


@dataclass(frozen=True, slots=True)
class Settings:
    """How one client records and asks.

    Args:
        url: where records go; see `addresses.resolve_url`.
        mode: ``on``, or ``off`` to turn everything into plain calls.
        durability: ``process`` (a recorded run survives the death of the process)
            or ``sync`` (and of the machine: each record waits for the disk).
        journal: how the journal is written: ``mmap``, ``write``, or ``auto`` for the
            first wherever the file system can be trusted with it.
        digest_limit_bytes: files up to this size get a content digest, larger
            ones the weak ``stat:`` version.
        flush_interval_s: how often the background thread drains the journal.
        exit_timeout_s: how long the end of the process may wait for that.
        clock_tolerance_s: how far clocks of two machines may differ (LINEAGE.md, rule 6).
        spool: folder of the journal; None for the one that belongs to the database.
        auto_upgrade: bring the schema of an older PostgreSQL database up to date without
            being asked; a SQLite file is always brought up to date.
        token: what a server is to know this client by; shown nowhere.
    """

    url: str
    mode: str = "on"
    durability: str = "process"
    journal: str = "auto"
    digest_limit_bytes: int = 64 << 20
    flush_interval_s: float = 0.5
    exit_timeout_s: float = 5.0
    clock_tolerance_s: float = 2.0
    spool: str | None = None
    auto_upgrade: bool = False
    token: str | None = None

    def __post_init__(self) -> None:
        _one_of("mode", self.mode, ("on", "off"))
        _one_of("durability", self.durability, ("process", "sync"))
        _one_of("journal", self.journal, ("auto", "mmap", "write"))
        check_url(self.url)
        _check_token(self.token)

    def __repr__(self) -> str:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["url"] = self.shown_url
        values["token"] = "***" if self.token else None
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in values.items())})"

    @property
    def shown_url(self) -> str:
        """The address without its password."""
        return shown(self.url)

    @property
    def is_local(self) -> bool:
        """Whether records go to a file of this machine."""
        return is_local(self.url)

    @property
    def is_http(self) -> bool:
        """Whether records go to a backtrail server."""
        return is_http(self.url)

    @property
    def database(self) -> Path:
        """The file of a SQLite address."""
        return sqlite_path(self.url)

    @property
    def spool_folders(self) -> list[Path]:
        """Folders the journal may lie in, the preferred one first.

        Beside the database, so that it is found by whoever finds the database;
        where that folder cannot be written to, or the database is a server's, in the
        user's state folder under a name made from the address. All users of a server's
        database share one, so that a question also drains what was recorded as another.
        """
        if self.spool is not None:
            return [Path(self.spool)]
        # Not hashlib: it loads OpenSSL, which takes longer than all else of a first call.
        own = digest_text(self.url if self.is_local else place_of(self.url))
        own = own.rpartition(":")[2][:16]
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        if not self.is_local:
            return [Path(state, "backtrail", "spool", own)]
        database = self.database
        return [
            database.with_name(database.name + ".spool"),
            Path(state, "backtrail", "spool", own),
        ]


_FROM_ENVIRONMENT = {
    "mode": "BACKTRAIL_MODE",
    "durability": "BACKTRAIL_DURABILITY",
    "journal": "BACKTRAIL_JOURNAL",
    "digest_limit_bytes": "BACKTRAIL_DIGEST_LIMIT_BYTES",
    "flush_interval_s": "BACKTRAIL_FLUSH_INTERVAL_S",
    "exit_timeout_s": "BACKTRAIL_EXIT_TIMEOUT_S",
    "clock_tolerance_s": "BACKTRAIL_CLOCK_TOLERANCE_S",
    "spool": "BACKTRAIL_SPOOL",
    "auto_upgrade": "BACKTRAIL_AUTO_UPGRADE",
    "token": "BACKTRAIL_TOKEN",
}


def load_settings(
    url: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    **given: Any,
) -> Settings:
    """Join arguments, environment and defaults, in that order of strength.

    Raises:
        ConfigurationError: for an unknown setting or a value that cannot work.
    """
    environ = os.environ if environ is None else environ
    settings = Settings(resolve_url(url, environ))
    known = {field.name: field for field in fields(Settings) if field.name != "url"}
    changes: dict[str, Any] = {}
    for name, variable in _FROM_ENVIRONMENT.items():
        if environ.get(variable):
            changes[name] = _converted(name, environ[variable], variable)
    for name, value in given.items():
        if name not in known:
            raise ConfigurationError(
                f"backtrail has no setting {name!r}", hint=f"There are: {', '.join(known)}."
            )
        changes[name] = _converted(name, value, name)
    return replace(settings, **changes)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(
            f"{name} cannot be {value!r}", hint=f"It is one of: {', '.join(allowed)}."
        )


def _check_token(token: str | None) -> None:
    # A sign that no header can hold; and it is not said which, nor by the driver later.
    if token is not None and not (token.isascii() and token.isprintable()):
        raise ConfigurationError(
            "the token holds something that no token has",
            hint="Set BACKTRAIL_TOKEN to what `bt server token create` printed.",
        )


def _converted(name: str, value: Any, where: str) -> Any:
    """Turn a setting's text into its type; the default tells which."""
    if name == "auto_upgrade":
        return _switch(value, where)
    kind = {"digest_limit_bytes": int, "spool": str}.get(
        name, float if name.endswith("_s") else str
    )
    if value is None and name in ("spool", "token"):
        return None
    if name == "token" and not isinstance(value, str):
        raise ConfigurationError(f"{where} is no text")
    try:
        converted = kind(value)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{where} cannot be {value!r}", hint=f"It takes a value of type {kind.__name__}."
        ) from None
    if isinstance(converted, (int, float)) and converted < 0:
        raise ConfigurationError(f"{where} cannot be negative, it is {value!r}")
    return converted


def _switch(value: Any, where: str) -> bool:
    known = {"1": True, "true": True, "0": False, "false": False}.get(str(value).lower())
    if known is None:
        raise ConfigurationError(f"{where} cannot be {value!r}", hint="It is 1 or 0.")
    return known
