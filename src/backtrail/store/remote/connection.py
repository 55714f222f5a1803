"""Requests to one server: a pool of connections, a token, and what its refusals mean."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import msgspec
import urllib3

from ...addresses import shown
from ...errors import SchemaVersionError, StoreUnavailableError

CONNECT_S = 5.0
READ_S = 30.0
PATIENT_S = 3600.0
_MOST_CONNECTIONS = 8
_CHECK = "Check it with: bt doctor"
_AUTHORITY = "If the certificate is of an authority of your own, name its file: SSL_CERT_FILE=FILE"
_TOKEN = "Set BACKTRAIL_TOKEN to one that holds; who runs the server makes it."
_DEEPEST = 5  # of errors that name another as their reason
# Waited for a server that has too much to do, as it says how long.
_BUSY_TRIES = 3


class RefusedError(StoreUnavailableError):
    """The server will not have what was sent, however often it is sent."""


class UnknownError(StoreUnavailableError):
    """The server has no such way in: it is none of ours, or of another version."""


class Connection:
    """A way to one server, for all threads.

    Args:
        url: ``http://`` or ``https://``, with the path under which the server lies, if any.
        token: what to come with; None for none.
        most_s: how long to wait for an answer, in seconds, but for what may take long.
    """

    def __init__(self, url: str, token: str | None, most_s: float = READ_S) -> None:
        self._most_s = most_s
        self.url = shown(url)
        self._base = url.rstrip("/")
        self._headers = {"Accept-Encoding": "gzip"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._pool: urllib3.PoolManager | None = None
        self._pid = os.getpid()

    def get(self, path: str) -> bytes:
        """Give what the server answers to a GET; errors as in `post`."""
        return self._told(self._sent("GET", path, None, {}, is_patient=False, waits=True))

    def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        is_patient: bool = False,
        waits: bool = False,
    ) -> bytes:
        """Give what the server answers.

        Args:
            path: below the address of the server.
            body: what to send.
            headers: what it is.
            is_patient: whether the answer may take long.
            waits: whether to try again for a while where the server has too much to do.

        Raises:
            RefusedError: the server will not have this.
            StoreUnavailableError: there is no answer; the hint says what to do.
        """
        sent = self._sent("POST", path, body, headers, is_patient=is_patient, waits=waits)
        return self._told(sent)

    def _told(self, response: urllib3.BaseHTTPResponse) -> bytes:
        if response.status >= 300:
            raise self._meant(response)
        return response.data

    def close(self) -> None:
        """Let go of the connections; the next request makes new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.clear()

    def _sent(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        is_patient: bool,
        waits: bool,
    ) -> urllib3.BaseHTTPResponse:
        # All that is asked and told may be said twice; a connection that lay idle may be gone.
        retries = urllib3.Retry(
            total=None,
            other=0,
            connect=1,
            read=1,
            redirect=False,
            status=_BUSY_TRIES if waits else 0,
            status_forcelist=(503,) if waits else (),
            allowed_methods=None,
            raise_on_status=False,
        )
        timeout = urllib3.Timeout(
            min(CONNECT_S, self._most_s), PATIENT_S if is_patient else self._most_s
        )
        try:
            return self._its_pool().request(
                method,
                self._base + path,
                body=body,
                headers={**self._headers, **headers},
                retries=retries,
                timeout=timeout,
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            why = _reason(error)
            hint = _AUTHORITY if "CERTIFICATE_VERIFY_FAILED" in why else _CHECK
            raise StoreUnavailableError(
                f"{self.url} cannot be reached ({why})", hint=hint
            ) from error

    def _its_pool(self) -> urllib3.PoolManager:
        pool = self._pool
        if pool is None or self._pid != os.getpid():
            # A child that was forked shares no connection with its parent.
            self._pid = os.getpid()
            pool = self._pool = self._new_pool()
        return pool

    def _new_pool(self) -> urllib3.PoolManager:
        place = urlsplit(self._base)
        proxy = getproxies().get(place.scheme)
        if proxy and not proxy_bypass(place.hostname or ""):
            return urllib3.ProxyManager(proxy, num_pools=1, maxsize=_MOST_CONNECTIONS)
        return urllib3.PoolManager(num_pools=1, maxsize=_MOST_CONNECTIONS)

    def _meant(self, response: urllib3.BaseHTTPResponse) -> StoreUnavailableError:
        """Give the error that a status above 299 stands for."""
        status = response.status
        if status < 400:
            there = response.headers.get("Location", "another address")
            return StoreUnavailableError(
                f"{self.url} sends on to {there}", hint="Set BACKTRAIL_URL to where the server is."
            )
        told = _problem_in(response)
        if told is None and status == 413:
            hint = "Let what stands before the server pass bodies of 17 MiB (nginx:"
            hint += " client_max_body_size 17m). What was recorded waits."
            return StoreUnavailableError(f"{self.url}: a proxy finds the body too large", hint=hint)
        if told is None:
            hint = "Is it the address of a backtrail server? " + _CHECK
            return StoreUnavailableError(f"{self.url} answers with status {status}", hint=hint)
        if status == 404:
            hint = "Is it the address of a backtrail server, and of this version? " + _CHECK
            return UnknownError(f"{self.url}: {told.title}", hint=hint)
        what, hint = f"{self.url}: {told.title}", told.hint
        if status in (401, 403):
            return StoreUnavailableError(what, hint=_TOKEN)
        if told.type.endswith(":SchemaVersionError"):
            return SchemaVersionError(what, hint=hint)
        if status in (400, 413, 415, 422):
            return RefusedError(what, hint=hint)
        return StoreUnavailableError(what, hint=hint)


class Problem(msgspec.Struct):
    """What the server says of a request that it does not answer (RFC 9457)."""

    type: str
    title: str
    hint: str = ""


def _problem_in(response: urllib3.BaseHTTPResponse) -> Problem | None:
    try:
        return msgspec.json.decode(response.data, type=Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _reason(error: Any) -> str:
    """Give what is behind an error of urllib3, in the words of the system."""
    for _ in range(_DEEPEST):
        inner = getattr(error, "reason", None) or error.__cause__
        if not isinstance(inner, BaseException):
            break
        error = inner
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return f"no answer within {CONNECT_S:g} s"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return "it does not answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
