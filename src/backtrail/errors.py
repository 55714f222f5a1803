"""Every exception backtrail raises on purpose, drawn as one tree.

BacktrailError
├── ConfigurationError        a setting, decorator or argument cannot work as given
│   └── ComponentConflictError    one name, two kinds of component
├── CycleError                declared components would depend on themselves
├── NotFoundError             no such output, run, artifact or component
├── AmbiguousIdError          a prefix that several ids share
└── StoreUnavailableError     the store cannot be reached, read or written now
    └── SchemaVersionError        the database belongs to another version of backtrail
"""

from __future__ import annotations

from collections.abc import Sequence


class BacktrailError(Exception):
    """The base of every error that backtrail raises on purpose.

    ``hint`` is one line of what to do next; the command line prints it below
    the message, and ``str()`` joins the two.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class ConfigurationError(BacktrailError):
    """A setting, a decorator or an argument cannot work as it was given."""


class ComponentConflictError(ConfigurationError):
    """A component is known under this name with another kind."""


class CycleError(BacktrailError):
    """Declared components would depend on themselves; the message names the path."""


class NotFoundError(BacktrailError):
    """Nothing recorded answers to this name; ``closest`` lists names that are near."""

    def __init__(self, message: str, *, closest: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.closest: list[str] = list(closest)


class AmbiguousIdError(BacktrailError):
    """Several recorded ids start with this prefix; ``candidates`` lists some of them."""

    def __init__(self, message: str, *, candidates: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.candidates: list[str] = list(candidates)


def names_near(error: Exception) -> list[str]:
    """Give the recorded names that an error has to offer instead of the one that was asked for."""
    if isinstance(error, NotFoundError):
        return error.closest
    return error.candidates if isinstance(error, AmbiguousIdError) else []


class StoreUnavailableError(BacktrailError):
    """The store cannot be reached, read or written at the moment."""


class SchemaVersionError(StoreUnavailableError):
    """The database was written by another version of backtrail's schema."""
