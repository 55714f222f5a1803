"""Errors -> responses: ``application/problem+json`` (RFC 9457), with what to do next."""

from __future__ import annotations

from typing import Any

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


def problem(error: Exception) -> Response:
    """Give the response; of a fault of ours it tells nothing but that it is one."""
    status = status_of(error)
    about: dict[str, Any]
    if isinstance(error, BacktrailError):
        about = {"title": error.message, "hint": error.hint, "closest": names_near(error)}
    elif isinstance(error, RefusedError):
        about = {"title": error.title, "hint": error.hint, "closest": []}
    else:
        about = {"title": "a fault in backtrail", "hint": "The server's log has it.", "closest": []}
    kind = type(error).__name__ if isinstance(error, BacktrailError) else "RequestError"
    headers = {"Retry-After": RETRY_AFTER_S} if status == 503 else None
    content = {"type": f"urn:backtrail:{kind}", "status": status, **about}
    return JSONResponse(content, status, headers, MEDIA_TYPE)
