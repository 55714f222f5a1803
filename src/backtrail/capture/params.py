"""Which arguments of a call are kept with its run: compiled once a function, read each call."""

from __future__ import annotations

import datetime
import enum
import inspect
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from math import isfinite
from typing import Any

from ..errors import ConfigurationError
from ..model.redaction import REDACTED, is_secret_name, redact_text, redact_value
from .paths import MISSING, Arguments, Extract, Keywords, compile_argument, keyword_names

Params = dict[str, object]

#: What `scalar` gives for a value that is not kept.
LEFT_OUT: Any = object()

_SHORT = 200
_MOST_BYTES = 2000
_MOST_KEYWORDS = 100
_MOST_DEPTH = 8
_MOST_SORTED = 1000
_MOST_KNOWN = 1000
_LEAST_TEXT = 32
# A secret that a cut would halve is no longer recognised, so text is redacted
# with so much more of it than is kept.
_SLACK = 8192
_LEAST_INT, _GREATEST_INT = -(2**63), 2**63 - 1
_EMPTY = inspect.Parameter.empty
_AS_TEXT = frozenset(
    [("decimal", "Decimal"), ("fractions", "Fraction"), ("uuid", "UUID"), ("datetime", "timedelta")]
)


def compile_params(
    signature: inspect.Signature, spec: object = "auto"
) -> Callable[[Arguments, Keywords], Params] | None:
    """Make the function that takes the kept parameters out of a call.

    ``"auto"`` keeps scalars and short strings, a list of names keeps these with
    any JSON-like value, ``"none"`` nothing. None where there is nothing to keep.

    Raises:
        ConfigurationError: ``spec`` is none of these, or lists a name that is no parameter.
    """
    if isinstance(spec, (list, tuple, set, frozenset)):
        return _compile_listed(signature, _check_names(signature, spec))
    if spec == "none":
        return None
    if spec == "auto":
        return _compile_auto(signature)
    raise ConfigurationError(
        f"params cannot be {spec!r}", hint='It is "auto", "none" or a list of parameter names.'
    )


# -- "auto" ------------------------------------------------------------------------


def _compile_auto(signature: inspect.Signature) -> Callable[[Arguments, Keywords], Params] | None:
    parameters = list(signature.parameters.values())
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    others = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    if not places and not others and not any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    has_own = bool(places) and places[0].name in ("self", "cls")
    named = keyword_names(signature)
    if has_own:
        del places[0]
    names = tuple(p.name for p in (*places, *others))
    most = len(places)
    secret = [(place, name) for place, name in enumerate(names) if is_secret_name(name)]
    # What a call with n positional arguments leaves at its default. Defaults that
    # are kept are scalars and cannot change, so they are read once.
    left = [_defaults((*places[n:], *others)) for n in range(most + 1)]
    # Recorded texts repeat: the same few words in every call.
    known: dict[str, str] = {}

    def extract(args: Arguments, kwargs: Keywords) -> Params:
        if has_own:
            args = args[1:]
        kept: Params = {}
        given = 0
        # Neither zip() nor a call for each value: either would cost more than
        # all the rest. So the common cases of `scalar` are written out.
        for value in args:
            if given == most:
                break
            kind = type(value)
            if kind is str and value in known:
                kept[names[given]] = known[value]
            elif (
                (kind is int and _LEAST_INT <= value <= _GREATEST_INT)
                or value is None
                or kind is bool
                or (kind is float and isfinite(value))
            ):
                kept[names[given]] = value
            elif kind is str and len(value) <= _SHORT:
                if len(known) >= _MOST_KNOWN:
                    known.clear()
                clean = known[value] = _encodable(redact_text(value))
                kept[names[given]] = clean
            else:
                value = scalar(value)
                if value is not LEFT_OUT:
                    kept[names[given]] = value
            given += 1
        if kwargs:
            _add_keywords(kept, kwargs, names[given:], left[given])
            if not named.issuperset(kwargs):
                _add_others(kept, kwargs, named)
        elif left[given]:
            kept.update(left[given])
        for place, name in secret:
            if place < given or name in kwargs:
                kept[name] = REDACTED
        return kept

    return extract


def _defaults(parameters: Iterable[inspect.Parameter]) -> Params:
    kept = {}
    for parameter in parameters:
        if parameter.default is not _EMPTY:
            name = parameter.name
            value = REDACTED if is_secret_name(name) else scalar(parameter.default)
            if value is not LEFT_OUT:
                kept[name] = value
    return kept


def _add_keywords(kept: Params, kwargs: Keywords, names: Iterable[str], defaults: Params) -> None:
    """Keep the arguments given by keyword and the defaults, in the order of the signature."""
    for name in names:
        if name in kwargs:
            value = scalar(kwargs[name])
            if value is not LEFT_OUT:
                kept[name] = value
        elif name in defaults:
            kept[name] = defaults[name]


def _add_others(kept: Params, kwargs: Keywords, known: frozenset[str]) -> None:
    """Keep what ``**kwargs`` caught, and no more than a page of it."""
    room = _MOST_KEYWORDS
    for name, value in kwargs.items():
        if name in known or name in kept:
            continue
        value = REDACTED if is_secret_name(name) else scalar(value)
        if value is not LEFT_OUT:
            kept[clean_text(name, _SHORT)] = value
            room -= 1
            if not room:
                return


# -- a list of names ---------------------------------------------------------------


def _check_names(signature: inspect.Signature, names: Iterable[object]) -> list[str]:
    checked = []
    catches = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    for name in names:
        if not isinstance(name, str):
            raise ConfigurationError(
                f"params lists {name!r}, which is no name of a parameter",
                hint='Write the names as strings: params=["depth"].',
            )
        if name not in signature.parameters and not catches:
            raise ConfigurationError(
                f"params lists {name!r}, which is no parameter",
                hint=_closest_hint(name, list(signature.parameters)),
            )
        checked.append(name)
    return checked


def _closest_hint(name: str, there_are: list[str]) -> str:
    from difflib import get_close_matches  # only a mistake pays for it

    if not there_are:
        return "The function has no parameters."
    closest = get_close_matches(name, there_are, n=1, cutoff=0.5)
    listed = f"The parameters are: {', '.join(there_are)}."
    return f"Did you mean {closest[0]!r}? {listed}" if closest else listed


def _compile_listed(
    signature: inspect.Signature, names: list[str]
) -> Callable[[Arguments, Keywords], Params] | None:
    if not names:
        return None
    wanted = [(name, _extract_of(signature, name)) for name in dict.fromkeys(names)]

    def extract(args: Arguments, kwargs: Keywords) -> Params:
        kept: Params = {}
        for name, argument in wanted:
            value = argument(args, kwargs)
            if value is not MISSING:
                kept[name] = json_value(value, name)
        return kept

    return extract


def _extract_of(signature: inspect.Signature, name: str) -> Extract:
    if name in signature.parameters:
        return compile_argument(signature, name)
    return lambda args, kwargs: kwargs.get(name, MISSING)


# -- values ------------------------------------------------------------------------


def scalar(value: Any) -> Any:
    """Give a scalar or short text as a JSON value without secrets, anything else as `LEFT_OUT`.

    Numbers that JSON or 64 bits cannot hold become text.
    """
    kind = type(value)
    if kind is str:
        if len(value) > _SHORT:
            return LEFT_OUT
        value = redact_text(value)
        return value if value.isascii() else _encodable(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if _LEAST_INT <= value <= _GREATEST_INT else _great_int(value)
    if kind is float:
        return value if isfinite(value) else _odd_float(value)
    return _other_scalar(value, kind)


def _other_scalar(value: Any, kind: type) -> Any:
    if isinstance(value, enum.Enum):
        return value.name if isinstance(value.name, str) else str(value.value)
    if kind.__module__ == "numpy":
        # Arrays of no dimension look like scalars and are read like them.
        inner = value.item() if getattr(value, "shape", None) == () else value
        return LEFT_OUT if type(inner) is kind else scalar(inner)
    # Subclasses may show themselves as they like; their base's own word is taken.
    if isinstance(value, str):
        return scalar(str.__str__(value))
    if isinstance(value, int):
        return scalar(int.__int__(value))
    if isinstance(value, float):
        return scalar(float.__float__(value))
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        text = os.fsdecode(value)
        return clean_text(text, _MOST_BYTES)
    if (kind.__module__, kind.__qualname__) in _AS_TEXT:
        text = str(value)
        return text if len(text) <= _SHORT else LEFT_OUT
    return LEFT_OUT


def _great_int(value: int) -> Any:
    # Python refuses to write numbers of more than 4,300 digits in decimal.
    return str(value) if value.bit_length() <= 660 else LEFT_OUT


def _odd_float(value: float) -> str:
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def clean_text(text: str, limit: int) -> str:
    """Give a text without secrets, of at most ``limit`` characters, that can be encoded."""
    text = redact_text(text if len(text) <= limit + _SLACK else text[: limit + _SLACK])
    return _encodable(_shortened(text, limit))


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _encodable(text: str) -> str:
    if text.isascii():
        return text
    # File names of another encoding carry lone surrogates, which no UTF-8 can hold.
    return text.encode("utf-8", "backslashreplace").decode()


def json_value(value: Any, name: str | None = None, *, limit: int = _MOST_BYTES) -> Any:
    """Give any value as a JSON value of about ``limit`` bytes, without secrets.

    What does not fit is counted, not kept; what is no JSON value is named by its type.
    """
    if name is not None and is_secret_name(name):
        return REDACTED
    kept = scalar(value)
    if kept is not LEFT_OUT:
        return kept
    return _Cut(limit).of(redact_value(_Copy(limit).of(value, 0)))


class _Copy:
    """A copy of the beginning of one value: looks at no more of it than may be kept."""

    def __init__(self, limit: int) -> None:
        self._room = limit

    def of(self, value: Any, depth: int) -> Any:
        if isinstance(value, str) and not isinstance(value, enum.Enum):
            text = str.__str__(value)
            kept = text[: max(self._room, 0) + _SLACK]
            self._room -= len(text) + 2
            return kept
        self._room -= 8
        kept = scalar(value)
        if kept is not LEFT_OUT:
            return kept
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (bytes, bytearray, memoryview)):
            return f"<{len(value)} bytes>"
        if isinstance(value, Set) and len(value) <= _MOST_SORTED:
            value = _in_order(value)
        if isinstance(value, (Sequence, Set)):
            return self._sequence(value, depth)
        fields = _fields_of(value)
        if fields is not None:
            return self._mapping(fields, depth)
        kind = type(value)
        return f"<{kind.__module__}.{kind.__qualname__}>"

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Any:
        if depth >= _MOST_DEPTH:
            return "…"
        kept: Params = {}
        for key, inner in value.items():
            if self._room <= 0:
                kept["…"] = f"{len(value) - len(kept)} more"
                break
            text = self.of(key, _MOST_DEPTH)
            kept[text if isinstance(text, str) else str(text)] = self.of(inner, depth + 1)
        return kept

    def _sequence(self, value: Collection[Any], depth: int) -> Any:
        if depth >= _MOST_DEPTH:
            return "…"
        kept: list[Any] = []
        for inner in value:
            if self._room <= 0:
                kept.append(f"… {len(value) - len(kept)} more")
                break
            kept.append(self.of(inner, depth + 1))
        # ("--password", "xyzzy") is known for a pair as long as it is one.
        return tuple(kept) if isinstance(value, tuple) else kept


class _Cut:
    """Cuts the texts of a redacted copy to what there is room for."""

    def __init__(self, limit: int) -> None:
        self._room = limit

    def of(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._text(key): self.of(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.of(inner) for inner in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        kept = _encodable(_shortened(text, max(self._room, _LEAST_TEXT)))
        self._room -= len(kept.encode()) + 2
        return kept


def _in_order(values: Set[Any]) -> Collection[Any]:
    # The order of a set of strings changes from process to process.
    try:
        return sorted(values)
    except TypeError:
        return values


def _fields_of(value: Any) -> dict[str, Any] | None:
    """Give the fields of a dataclass or msgspec struct, or None."""
    kind = type(value)
    names = getattr(kind, "__dataclass_fields__", None) or getattr(kind, "__struct_fields__", None)
    if not names:
        return None
    return {name: getattr(value, name, None) for name in names}
