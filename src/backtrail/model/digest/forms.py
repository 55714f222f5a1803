"""The canonical form of values that have no parts: texts, numbers, moments, keys."""

from __future__ import annotations

import datetime as dt
import struct
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID


class UnsupportedError(Exception):
    """The value holds something that has no canonical form."""


def loaded(name: str) -> Any:
    """Give a library if the program has loaded it; none is imported for a digest."""
    return sys.modules.get(name)


def length(number: int) -> bytes:
    """Write a number of parts or bytes."""
    return number.to_bytes(8, "little")


def sized(tag: bytes, data: bytes) -> bytes:
    """Write bytes behind their tag and their number."""
    return tag + len(data).to_bytes(8, "little") + data


def _int_form(value: int) -> bytes:
    return sized(b"i", value.to_bytes((value.bit_length() >> 3) + 1, "big", signed=True))


_PACK_FLOAT = struct.Struct("<d").pack
_NAN = b"f\x00\x00\x00\x00\x00\x00\xf8\x7f"


def _float_form(value: float) -> bytes:
    return b"f" + _PACK_FLOAT(value) if value == value else _NAN


def _text_form(value: str) -> bytes:
    return sized(b"s", value.encode("utf-8", "surrogatepass"))


def _datetime_form(value: dt.datetime) -> bytes:
    if value != value:
        return b"x"  # pandas.NaT is a datetime
    seconds = (value.toordinal() - 719_163) * 86_400
    seconds += value.hour * 3600 + value.minute * 60 + value.second
    # pandas.Timestamp has nanoseconds beside what it inherits.
    ns = seconds * 10**9 + value.microsecond * 1000 + getattr(value, "nanosecond", 0)
    offset = value.utcoffset()
    if offset is None:
        return b"t" + _int_form(ns)
    return b"z" + _int_form(ns - offset // dt.timedelta(microseconds=1) * 1000)


def _time_form(value: dt.time) -> bytes:
    us = ((value.hour * 60 + value.minute) * 60 + value.second) * 10**6 + value.microsecond
    offset = value.utcoffset()
    if offset is None and value.tzinfo is not None:
        raise UnsupportedError
    zone = b"" if offset is None else _int_form(offset // dt.timedelta(microseconds=1))
    return sized(b"h", _int_form(us) + zone)


def _timedelta_form(value: dt.timedelta) -> bytes:
    us = (value.days * 86_400 + value.seconds) * 10**6 + value.microseconds
    return b"y" + _int_form(us * 1000 + getattr(value, "nanoseconds", 0))


def _decimal_form(value: Decimal) -> bytes:
    sign, digits, exponent = value.as_tuple()
    power = _text_form(exponent) if isinstance(exponent, str) else _int_form(exponent)
    return sized(b"c", bytes((sign, *digits))) + power


FORMS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda value: b"n",
    bool: lambda value: b"T" if value else b"F",
    int: _int_form,
    float: _float_form,
    str: _text_form,
    complex: lambda value: b"j" + _float_form(value.real) + _float_form(value.imag),
    bytes: lambda value: sized(b"b", value),
    dt.datetime: _datetime_form,
    dt.date: lambda value: b"d" + _int_form(value.toordinal()),
    dt.time: _time_form,
    dt.timedelta: _timedelta_form,
    Decimal: _decimal_form,
    UUID: lambda value: b"u" + value.bytes,
}
# A subclass has the form of its base: an IntEnum is its number, a Timestamp its moment.
_BASES = tuple(base for base in FORMS if base not in (type(None), bool))


def scalar_form(value: object) -> bytes | None:
    """Write a value that has no parts; None if it is not one."""
    form = FORMS.get(type(value))
    if form is not None:
        return form(value)
    numpy = loaded("numpy")
    if numpy is not None and isinstance(value, numpy.generic):
        inner = value.item() if value.dtype.kind not in "MmV" else value
        return None if type(inner) is type(value) else scalar_form(inner)
    for base in _BASES:
        if isinstance(value, base):
            return FORMS[base](value)
    pandas = loaded("pandas")
    return b"n" if pandas is not None and value is pandas.NA else None


def key_form(key: object) -> bytes:
    """Write a key of a dict or an element of a set."""
    form = scalar_form(key)
    if form is not None:
        return form
    if isinstance(key, tuple):
        return b"l" + length(len(key)) + b"".join(map(key_form, key))
    if isinstance(key, frozenset):
        return b"e" + length(len(key)) + b"".join(sorted(map(key_form, key)))
    raise UnsupportedError
