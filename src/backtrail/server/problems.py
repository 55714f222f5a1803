"""Errors -> responses: ``application/problem+json`` (RFC 9457), with what to do next."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from ..errors import (
    AmbiguousIdError,
    BacktrailError,
    ConfigurationError,
    CycleError,
    NotFoundError,
    StoreUnavailableError,
    names_near,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = "2"
_STATUSES: tuple[tuple[type[BacktrailError], int], ...] = (
    (NotFoundError, 404),
    (AmbiguousIdError, 409),
    (StoreUnavailableError, 503),
    (ConfigurationError, 400),
    (CycleError, 400),
)


class RefusedError(Exception):
    """A request cannot be answered, for a reason that has its own status."""

    def __init__(self, status: int, title: str, hint: str = "") -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.hint = hint


def status_of(error: Exception) -> int:
    """Give the status that an error is answered with."""
    if isinstance(error, RefusedError):
        return error.status
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def words_of(error: Exception) -> tuple[str, str]:
    """Give what went wrong and what to do next; of a fault of ours nothing but that it is one."""
    if isinstance(error, BacktrailError):
        return error.message, error.hint
    if isinstance(error, RefusedError):
        return error.title, error.hint
    return "a fault in backtrail", "The server's log has it."


def problem(error: Exception) -> Response:
    """Give the response for programs."""
    status = status_of(error)
    title, hint = words_of(error)
    closest = names_near(error) if isinstance(error, BacktrailError) else []
    about = {"title": title, "hint": hint, "closest": closest}
    kind = type(error).__name__ if isinstance(error, BacktrailError) else "RequestError"
    headers = {"Retry-After": RETRY_AFTER_S} if status == 503 else None
    content = {"type": f"urn:backtrail:{kind}", "status": status, **about}
    return JSONResponse(content, status, headers, MEDIA_TYPE)
