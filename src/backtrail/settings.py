"""Environment and arguments -> one frozen Settings value."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .errors import ConfigurationError
from .model.digest import digest_text

_SCHEMES = ("sqlite",)
_PASSWORD = r"(://[^:/@]*:)[^@]*@"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one client records and asks.

    Args:
        url: where records go; see `resolve_url`.
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
        spool: folder of the journal; None for the one beside the database.
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

    def __post_init__(self) -> None:
        _one_of("mode", self.mode, ("on", "off"))
        _one_of("durability", self.durability, ("process", "sync"))
        _one_of("journal", self.journal, ("auto", "mmap", "write"))
        check_url(self.url)

    @property
    def shown_url(self) -> str:
        """The address without its password."""
        return re.sub(_PASSWORD, r"\1***@", self.url)

    @property
    def database(self) -> Path:
        """The file of a SQLite address."""
        return sqlite_path(self.url)

    @property
    def spool_folders(self) -> list[Path]:
        """Folders the journal may lie in, the preferred one first.

        Beside the database, so that it is found by whoever finds the database;
        where that folder cannot be written to, in the user's state folder under
        a name made from the address.
        """
        if self.spool is not None:
            return [Path(self.spool)]
        # Not hashlib: it loads OpenSSL, which takes longer than all else of a first call.
        own = digest_text(self.url).rpartition(":")[2][:16]
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
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


def resolve_url(url: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> str:
    """Give the absolute address of the store.

    The argument, else ``BACKTRAIL_URL``, else ``.backtrail/backtrail.db`` in the
    nearest parent folder that has a ``.backtrail`` folder, else in the working
    directory. A plain path is taken as a SQLite file.
    """
    url = url or environ.get("BACKTRAIL_URL")
    if not url:
        return f"sqlite:///{_default_database()}"
    if isinstance(url, os.PathLike):
        url = os.fspath(url)
    if not isinstance(url, str):
        raise ConfigurationError(
            f"the address of a store cannot be of type {type(url).__name__}",
            hint="Write sqlite:///relative.db or sqlite:////absolute.db, or a path.",
        )
    if "://" not in url:
        return f"sqlite:///{Path(url).expanduser().absolute()}"
    if url.startswith("sqlite:"):
        return f"sqlite:///{sqlite_path(url).absolute()}"
    return url


def sqlite_path(url: str) -> Path:
    """Give the file of ``sqlite:///relative.db`` or ``sqlite:////absolute.db``."""
    prefix = "sqlite:///"
    if not url.startswith(prefix) or len(url) == len(prefix):
        raise ConfigurationError(
            f"{url!r} names no database file",
            hint="Write sqlite:///relative.db or sqlite:////absolute.db.",
        )
    return Path(os.path.abspath(url[len(prefix) :]))


def check_url(url: str) -> None:
    """Refuse an address that no store answers to.

    Raises:
        ConfigurationError: naming the addresses that work.
    """
    scheme = url.partition("://")[0]
    if scheme not in _SCHEMES:
        raise ConfigurationError(
            f"no store is known for addresses that begin with {scheme + '://'!r}",
            hint="Use sqlite:///relative.db or sqlite:////absolute.db.",
        )
    sqlite_path(url)


def _default_database() -> Path:
    try:
        here = Path.cwd()
    except OSError as error:
        raise ConfigurationError(
            f"there is no working directory to keep records in ({error.strerror})",
            hint="Set BACKTRAIL_URL to an absolute address.",
        ) from error
    for folder in (here, *here.parents):
        if (folder / ".backtrail").is_dir():
            return folder / ".backtrail" / "backtrail.db"
    return here / ".backtrail" / "backtrail.db"


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(
            f"{name} cannot be {value!r}", hint=f"It is one of: {', '.join(allowed)}."
        )


def _converted(name: str, value: Any, where: str) -> Any:
    """Turn a setting's text into its type; the default tells which."""
    kind = {"digest_limit_bytes": int, "spool": str}.get(
        name, float if name.endswith("_s") else str
    )
    if value is None and name == "spool":
        return None
    try:
        converted = kind(value)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{where} cannot be {value!r}", hint=f"It takes a value of type {kind.__name__}."
        ) from None
    if isinstance(converted, (int, float)) and converted < 0:
        raise ConfigurationError(f"{where} cannot be negative, it is {value!r}")
    return converted
