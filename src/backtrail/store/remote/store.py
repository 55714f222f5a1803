"""The store behind a server: each method of `protocol.Store` as a request."""

from __future__ import annotations

import dataclasses
import gzip
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, cast

import msgspec

from ...errors import ConfigurationError, StoreUnavailableError
from ...model.facts import Batch
from .. import transcript
from ..calls import CALLS, MEDIA_TYPE, PREFIX, Call, packed
from ..keeping import keep_all_that_can_be
from ..transcript import Note, ReplayingStore, read_notes
from .connection import READ_S, Connection, RefusedError, UnknownError

if TYPE_CHECKING:
    from ...model.records import Finding
    from ..protocol import Store, StoreStats

_RECORDS = "/api/v1/records"
_PACKED = {"Content-Type": MEDIA_TYPE, "Content-Encoding": "gzip"}
_PLAIN = {"Content-Type": MEDIA_TYPE}
# What goes through much of the store.
_LONG = ("check", "upgrade", "stats", "count_runs", "drop_runs", "strip_runs", "tidy")


class RemoteStore:
    """Runs in the store of a server; see `protocol.Store`, whose methods `CALLS` adds.

    Args:
        url: of the server.
        token: what to come with; None for none.
        most_s: how long to wait for an answer, in seconds.
    """

    def __init__(self, url: str, token: str | None, most_s: float = READ_S) -> None:
        self._connection = Connection(url, token, most_s)
        self.url = self._connection.url

    def answer_to(self, call: Call, arguments: bytes) -> Any:
        """Give what a method gives for packed arguments.

        Raises:
            StoreUnavailableError: the server does not answer, or is of another version.
        """
        waits = call.name != "positions"  # that one is asked for a journal, which waits itself
        raw = self._connection.post(
            PREFIX + call.name,
            arguments,
            _PLAIN,
            is_patient=call.name in _LONG,
            waits=waits,
        )
        try:
            return call.gives.decode(raw)
        except msgspec.MsgspecError as error:
            raise StoreUnavailableError(
                f"{self.url} answers in a way that is not understood here ({error})",
                hint="Client and server are of different versions: bring both to one.",
            ) from error

    def notes_of(self, question: str, told: bytes) -> list[Note]:
        """Give what the server's own store is asked for a question, none if it does not know it."""
        try:
            raw = self._connection.post(
                transcript.PREFIX + question, told, _PLAIN, is_patient=True, waits=True
            )
            return read_notes(raw)
        except (RefusedError, UnknownError, msgspec.MsgspecError):
            return []  # a server of another version: each look is a request

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        found: StoreStats = self.answer_to(CALLS["stats"], packed([]))
        return dataclasses.replace(found, url=self.url)

    def take_in(self, batches: Sequence[Batch]) -> None:
        """Keep the batches and their positions, all or nothing; what cannot be kept is counted."""
        # Too large together, or one fact that the server will not have.
        keep_all_that_can_be(batches, self._keep, lambda error: isinstance(error, RefusedError))

    def _keep(self, batches: Sequence[Batch]) -> None:
        body = gzip.compress(packed({"batches": batches}), 1)
        self._connection.post(_RECORDS, body, _PACKED)

    def snapshot(self) -> AbstractContextManager[None]:
        """Refuse: over HTTP each answer is of its own moment."""
        raise ConfigurationError(
            f"{self.url} cannot be read as it was at one moment",
            hint="Copy from the database itself, where the server runs: bt db copy --from URL",
        )

    def diagnose(self) -> list[Finding]:
        """Look at the way to the server, and at what the token is good for."""
        from .diagnosis import diagnose

        return diagnose(self._connection)

    def close(self) -> None:
        """Close connections."""
        self._connection.close()


def foreseen(store: Store, question: str, told: bytes) -> Store:
    """Give a store that has the answers to one question, for which the server asked ahead.

    Raises:
        StoreUnavailableError: the server does not answer.
    """
    assert isinstance(store, RemoteStore)
    return cast("Store", ReplayingStore(cast("Store", store), store.notes_of(question, told)))


def _method(call: Call) -> Callable[..., Any]:
    def method(self: RemoteStore, *args: Any, **named: Any) -> Any:
        return self.answer_to(call, call.packed_arguments(*args, **named))

    method.__name__, method.__doc__ = call.name, f"As `protocol.Store.{call.name}`."
    return method


for _each in CALLS.values():
    if not hasattr(RemoteStore, _each.name):
        setattr(RemoteStore, _each.name, _method(_each))


def open_remote(url: str, token: str | None, most_s: float = READ_S) -> Store:
    """Give the store of a server; nothing is connected yet."""
    return cast("Store", RemoteStore(url, token, most_s))
