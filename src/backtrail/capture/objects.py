"""Which run returned this very object: links inside a process, by identity.

An id may be used again once its object is gone, so an object is remembered by
a weak reference where its type allows one. Lists, dicts and their like allow
none: they are held, but only plain data of moderate size, and only as long as
somebody else holds it too, which its reference count tells. So nothing of the
user's lives longer than it would, but for the last such value, for a moment.
"""

from __future__ import annotations

import enum
import sys
import types
import weakref
from itertools import islice
from typing import Any, NamedTuple

from ..model.facts import KIND_CODES, Artifact

_VALUE = KIND_CODES["value"]
_MOST_WEAK = 8192
_MOST_HELD = 64
_MOST_LOOKED_AT = 100
_MOST_HELD_BYTES = 1 << 20
_MOST_ELEMENTS = 16
_SHORT_TEXT = 64

# Scalars never link: the number 1 is the same object everywhere.
SCALARS: frozenset[type] = frozenset(
    (type(None), bool, int, float, complex, type(Ellipsis), type(NotImplemented), type)
)
_NEVER = (
    enum.Enum,
    type,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
)
_HELD = (list, dict, tuple, set, frozenset, bytes, bytearray, str)


class Made(NamedTuple):
    """Who made an object: the run, as facts name it, and the name of the value."""

    writer: bytes
    seq: int
    started_us: int
    artifact: Artifact


class Objects:
    """The objects that runs of this process returned, and by which run.

    ``are_any`` tells whether one was ever remembered.
    """

    def __init__(self) -> None:
        self.are_any = False
        self._weak: dict[int, tuple[weakref.ref[Any], Made]] = {}
        self._held: dict[int, tuple[list[Any], Made]] = {}

    def remember(self, value: object, made: Made) -> bool:
        """Remember a returned object, and the parts of a short tuple, list or dict.

        Tells whether it is of a kind that can be linked.
        """
        if not _is_linkable(value):
            return False
        self.are_any = True
        self._keep(value, made)
        name, kind = made.artifact
        if isinstance(value, (tuple, list)) and len(value) <= _MOST_ELEMENTS:
            for index, element in enumerate(value):
                if _is_linkable(element):
                    part = Artifact(f"{name}[{index}]", kind)
                    self._keep(element, made._replace(artifact=part))
        elif isinstance(value, dict) and len(value) <= _MOST_ELEMENTS:
            for key, element in value.items():
                if isinstance(key, str) and _is_linkable(element):
                    part = Artifact(f"{name}[{key!r}]", kind)
                    self._keep(element, made._replace(artifact=part))
        return True

    def maker_of(self, value: object) -> Made | None:
        """Give the newest run that returned this very object, or None."""
        key = id(value)
        weak = self._weak.get(key)
        if weak is not None and weak[0]() is value:
            return weak[1]
        held = self._held.get(key)
        if held is not None and held[0][0] is value:
            return held[1]
        return None

    def sweep(self) -> None:
        """Let go of what nobody else holds any more."""
        for key, (slot, _) in list(self._held.items()):
            # Two references: the slot's, and the argument of this very call.
            if sys.getrefcount(slot[0]) <= 2:
                self._held.pop(key, None)
        if len(self._weak) > _MOST_WEAK // 2:
            for key, (reference, _) in list(self._weak.items()):
                if reference() is None:
                    self._weak.pop(key, None)

    def _keep(self, value: object, made: Made) -> None:
        key = id(value)
        if isinstance(value, _HELD):
            self.sweep()
            if not _is_plain(value, [_MOST_LOOKED_AT]):
                return
            if len(self._held) >= _MOST_HELD:
                self._held.pop(next(iter(self._held)), None)
            self._held.pop(key, None)
            self._held[key] = ([value], made)
            return
        try:
            reference = weakref.ref(value)
        except TypeError:
            return
        if len(self._weak) >= _MOST_WEAK:
            self.sweep()
            if len(self._weak) >= _MOST_WEAK:
                self._weak.pop(next(iter(self._weak)), None)
        self._weak[key] = (reference, made)


def _is_linkable(value: object) -> bool:
    if type(value) in SCALARS or isinstance(value, _NEVER):
        return False
    if isinstance(value, (str, bytes)):
        return len(value) >= _SHORT_TEXT
    # Empty constants are shared by the interpreter, as small numbers are.
    return not (isinstance(value, (tuple, frozenset)) and not value)


def _is_plain(value: object, left: list[int]) -> bool:
    """Tell whether a value is data of moderate size, and nothing that is closed or freed.

    Of large containers the first elements speak for the rest.
    """
    left[0] -= 1
    if left[0] < 0 or type(value) in SCALARS:
        return True
    if type(value) not in _HELD or sys.getsizeof(value) > _MOST_HELD_BYTES:
        return False
    if isinstance(value, (str, bytes, bytearray)):
        return True
    elements = value.values() if isinstance(value, dict) else value
    return all(_is_plain(each, left) for each in islice(elements, _MOST_LOOKED_AT))  # type: ignore[call-overload]
