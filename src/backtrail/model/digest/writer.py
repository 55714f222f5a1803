"""One value with all that it holds, whatever the types, into one hash."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from .arrays import put_array
from .content import hasher_type
from .forms import FORMS, UnsupportedError, key_form, length, scalar_form
from .frames import put_frame

_BUFFER = 1 << 16
_MOST_DEPTH = 64
# Containers may share their parts: forty lists of two can unfold to 2**40 elements.
# A container counts for several, as it takes the time of several: seconds in all.
_MOST_ELEMENTS = 20_000_000
_CONTAINER_COST = 16

# What the libraries raise for a column they cannot give, and what a version of
# theirs that lacks a method comes down to.
NO_FORM = (
    UnsupportedError,
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Writer:
    """Feeds the canonical form of one value to a hash."""

    def __init__(self) -> None:
        self._hash = hasher_type()()
        self._waiting = bytearray()
        self._room = _MOST_ELEMENTS
        self._open: set[int] = set()

    def digest(self) -> str:
        """Give the digest of all that was taken."""
        self._hash.update(self._waiting)
        return f"blake3:{self._hash.hexdigest()}"

    def put(self, data: bytes) -> None:
        """Take a few bytes; they are gathered, since each call of the hash costs."""
        self._waiting += data
        if len(self._waiting) > _BUFFER:
            self._flush()

    def put_buffer(self, data: Any) -> None:
        """Take a contiguous buffer without copying it."""
        self._flush()
        self._hash.update(data)

    def _flush(self) -> None:
        self._hash.update(self._waiting)
        self._waiting = bytearray()

    def value(self, value: object, depth: int) -> None:
        """Take any value."""
        form = scalar_form(value)
        if form is not None:
            self.put(form)
        elif isinstance(value, (list, tuple, dict, set, frozenset)):
            self._container(value, depth)
        elif isinstance(value, (bytearray, memoryview)):
            self._memory(value)
        elif not put_array(self, value, depth) and not put_frame(self, value):
            raise UnsupportedError

    def _container(self, value: Any, depth: int) -> None:
        self._room -= len(value) + _CONTAINER_COST
        if depth >= _MOST_DEPTH or self._room < 0 or id(value) in self._open:
            raise UnsupportedError
        self._open.add(id(value))
        if isinstance(value, dict):
            self._mapping(value, depth)
        elif isinstance(value, (list, tuple)):
            self.put(b"l" + length(len(value)))
            self._each(value, depth + 1)
        else:
            # Only what has a form of its own: elements are ordered by it.
            self.put(b"e" + length(len(value)) + b"".join(sorted(map(key_form, value))))
        self._open.discard(id(value))

    def _mapping(self, value: dict[Any, Any], depth: int) -> None:
        self.put(b"m" + length(len(value)))
        items = [(key_form(key), inner) for key, inner in value.items()]
        items.sort(key=itemgetter(0))
        for form, inner in items:
            self.put(form)
            self.value(inner, depth + 1)

    def elements(self, values: Iterable[Any], count: int, depth: int) -> None:
        """Take the elements of an array or a column of objects."""
        self._room -= count
        if depth >= _MOST_DEPTH or self._room < 0:
            raise UnsupportedError
        self._each(values, depth + 1)

    def _each(self, values: Iterable[Any], depth: int) -> None:
        for element in values:
            form = FORMS.get(type(element))
            if form is None:
                self.value(element, depth)
            else:
                self.put(form(element))

    def block(self, valid: Any, *buffers: Any) -> None:
        """Take a block of a column: where it has values (None: everywhere), and what they are."""
        self.put(b"0" if valid is None else b"1")
        for buffer in buffers if valid is None else (valid, *buffers):
            self.put_buffer(buffer)

    def _memory(self, value: bytearray | memoryview) -> None:
        view = memoryview(value)
        self.put(b"b" + length(view.nbytes))
        if view.nbytes:
            self.put_buffer(view.cast("B") if view.c_contiguous else view.tobytes())
