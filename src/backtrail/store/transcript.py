"""What a store was asked for one question, with its answers: a server asks ahead, a client reads.

A question takes many looks at a store, each of which would be a request. So the server puts
it to its own store, notes each call, and sends the notes; the client puts the same question
itself, and finds the answers there. Where it asks something else it asks the server directly:
the notes save time, and decide nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from .calls import CALLS, Call, packed
from .protocol import Store

PREFIX = "/api/v1/store/questions/"
# Of notes of one question: beyond, what is asked costs a request each.
_MOST_BYTES = 64 << 20


class Note(NamedTuple):
    """A call: the method, and as they travel its arguments and what it gave."""

    method: str
    arguments: bytes
    answer: bytes


class NotingStore:
    """A store that notes what it is asked; for reading only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.url = store.url
        self.transcript: list[Note] = []
        self._bytes = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = CALLS.get(name)
        if call is None or call.scope != "read":
            raise AttributeError(name)

        def noted(*args: Any, **named: Any) -> Any:
            arguments = call.packed_arguments(*args, **named)
            given = call.answer(self._store, arguments)
            self._note(call, arguments, given)
            return given

        setattr(self, name, noted)
        return noted

    def _note(self, call: Call, arguments: bytes, given: Any) -> None:
        if self._bytes > _MOST_BYTES:
            return
        note = Note(call.name, arguments, packed(given))
        self._bytes += len(note.arguments) + len(note.answer)
        self.transcript.append(note)


class ReplayingStore:
    """A store that answers from notes, and asks ``store`` for what is not there."""

    def __init__(self, store: Store, notes: list[Note]) -> None:
        self._store = store
        self.url = store.url
        self._answers = {(note.method, note.arguments): note.answer for note in notes}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        call = CALLS.get(name)
        if call is None or call.scope != "read":
            return method

        def replayed(*args: Any, **named: Any) -> Any:
            arguments = call.packed_arguments(*args, **named)
            answer = self._answers.get((name, arguments))
            return method(*args, **named) if answer is None else call.gives.decode(answer)

        setattr(self, name, replayed)
        return replayed


def read_notes(raw: bytes) -> list[Note]:
    """Give notes as they were sent.

    Raises:
        msgspec.MsgspecError: they are none.
    """
    return msgspec.msgpack.decode(raw, type=list[Note])
