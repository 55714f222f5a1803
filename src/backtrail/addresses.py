"""Addresses of stores: which there are, what they name, and how they are shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from .errors import ConfigurationError

_FORMS = (
    "sqlite:///relative.db, sqlite:////absolute.db, a path, postgresql://user@host:5432/database,"
    " or https://host of a backtrail server"
)
_SECRET = re.compile(r"([?&](?:ssl)?password=)[^&]*", re.IGNORECASE)
# What of a PostgreSQL address tells which database it is.
_PLACE = ("host", "hostaddr", "port", "dbname")


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
            hint=f"Write {_FORMS}.",
        )
    if "://" not in url:
        return f"sqlite:///{Path(url).expanduser().absolute()}"
    if url.startswith("sqlite:"):
        return f"sqlite:///{sqlite_path(url).absolute()}"
    if url.startswith("postgres://"):  # as some services write it
        return f"postgresql://{url.removeprefix('postgres://')}"
    if is_http(url):
        scheme, _, place = url.partition("://")
        return f"{scheme}://{place.rstrip('/')}"
    return url


def check_url(url: str) -> None:
    """Refuse an address that no store answers to.

    Raises:
        ConfigurationError: naming the addresses that work.
    """
    if is_postgres(url):
        return  # what it names is libpq's to say
    if is_http(url):
        _check_http(url)
        return
    if not url.startswith("sqlite:"):
        scheme = url.partition("://")[0]
        raise ConfigurationError(
            f"no store is known for addresses that begin with {scheme + '://'!r}",
            hint=f"Use {_FORMS}.",
        )
    sqlite_path(url)


def is_postgres(url: str) -> bool:
    """Tell whether an address is one of a PostgreSQL database."""
    return url.startswith("postgresql://")


def is_http(url: str) -> bool:
    """Tell whether an address is one of a backtrail server."""
    return url.startswith(("http://", "https://"))


def is_local(url: str) -> bool:
    """Tell whether an address is that of a file, which is there or not."""
    return not (is_postgres(url) or is_http(url))


def sqlite_path(url: str) -> Path:
    """Give the file of ``sqlite:///relative.db`` or ``sqlite:////absolute.db``."""
    prefix = "sqlite:///"
    if not url.startswith(prefix) or len(url) == len(prefix):
        raise ConfigurationError(
            f"{shown(url)!r} names no database file",
            hint="Write sqlite:///relative.db or sqlite:////absolute.db.",
        )
    return Path(os.path.abspath(url[len(prefix) :]))


def shown(url: str) -> str:
    """Give an address as people may see it: without a password, wherever one was written."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme == "sqlite":
        return url
    # At the last one: a password may hold signs that should have been written in percent.
    user, at, place = rest.rpartition("@")
    name, colon, _ = user.partition(":")
    place = _SECRET.sub(r"\g<1>***", place)
    return f"{scheme}://{name}{':***' if colon else ''}{at}{place}"


def place_of(url: str) -> str:
    """Give what tells databases apart: the same for every user and password of one."""
    scheme, _, rest = url.partition("://")
    place = rest.rpartition("@")[2]
    path, _, query = place.partition("?")
    told = sorted(each for each in query.split("&") if each.partition("=")[0] in _PLACE)
    return "?".join((f"{scheme}://{path}", "&".join(told)))


def _check_http(url: str) -> None:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        sound = False
    if not sound or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{shown(url)!r} is no address of a server",
            hint="Write https://host or https://host/path.",
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(
            f"{shown(url)!r} names a user, and a server asks for a token",
            hint="Leave the user out, and set BACKTRAIL_TOKEN.",
        )


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
