"""How code names an artifact, and what the name says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from ..errors import ConfigurationError
from ..model.facts import KIND_CODES, Artifact
from ..model.names import artifact_name, bounded, file_name, kind_of, path_name
from ..model.redaction import redact_text
from ..model.times import to_us


@dataclass(frozen=True, slots=True)
class Pointer:
    """An artifact by name, with what else is known of it.

    Args:
        name: a path object for a local file; a URI; or any other word.
        version: what tells its content states apart: a digest (``blake3:…``), an
            etag (``etag:…``), a registry version, or a word of one's own.
        kind: ``data``, ``model``, ``output``, ``value`` or ``unknown``; inferred
            from the name when not given.
        at: when it was read or written (aware); the moment it is logged when not given.
        run_id: the run that produced it, when the reader knows.
    """

    name: str | os.PathLike[str]
    version: str | None = None
    kind: str | None = None
    at: datetime | None = None
    run_id: str | None = None

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KIND_CODES:
            raise ConfigurationError(
                f"an artifact cannot be of kind {self.kind!r}",
                hint=f"There are: {', '.join(sorted(KIND_CODES))}.",
            )
        if self.at is not None:
            require_aware(self.at, "at")


class Named(NamedTuple):
    """A pointer made out: the artifact, and ``file`` where it is a local file."""

    artifact: Artifact
    version: str | None
    at_us: int | None
    run_id: str | None
    file: str | None


def make_out(pointer: Any, version: str | None = None) -> Named:
    """Tell what a string, path or `Pointer` names.

    A string is kept as the name it is; a path object names a local file.

    Raises:
        ConfigurationError: it is none of these.
    """
    kind, at_us, run_id = None, None, None
    if isinstance(pointer, Pointer):
        version = pointer.version if version is None else version
        kind = pointer.kind
        run_id = None if pointer.run_id is None else bounded(str(pointer.run_id))
        at_us = None if pointer.at is None else to_us(pointer.at)
        pointer = pointer.name
    file = None
    if isinstance(pointer, str):
        name = artifact_name(pointer)
    elif isinstance(pointer, (os.PathLike, bytes)):
        file = path_name(pointer)
        name = file_name(file)
    else:
        raise ConfigurationError(
            f"{type(pointer).__name__} names no artifact",
            hint="Give a string, a path or a Pointer.",
        )
    code = KIND_CODES[kind or kind_of(name)]
    return Named(Artifact(name, code), checked_version(version), at_us, run_id, file)


def checked_version(version: object) -> str | None:
    """Give a version as the word it is kept as."""
    return None if version is None else bounded(redact_text(str(version)))


def require_aware(moment: object, what: str) -> None:
    """Refuse a time without a zone: it would mean another moment on another machine."""
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ConfigurationError(
            f"{what} must be a datetime with a time zone, it is {moment!r}",
            hint="Write datetime.now(timezone.utc), for one.",
        )
