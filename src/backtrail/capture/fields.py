"""Typed fields of a kind: read off its class, checked when said, stored as JSON values."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, get_origin, get_type_hints

import msgspec

from ..errors import ConfigurationError
from ..model.redaction import redact_value
from .params import LEFT_OUT, scalar

if TYPE_CHECKING:
    from .component import Component

_CLASS_VAR: Any = ClassVar


class FieldSpec(NamedTuple):
    """A typed field of a kind; ``default`` is `LEFT_OUT` where it has none."""

    type: Any
    default: Any


class _Field:
    """How a field of a kind is read from a component."""

    def __init__(self, name: str, default: Any) -> None:
        self._name = name
        self._default = default

    def __get__(self, component: Component | None, owner: type) -> Any:
        if component is None:
            if self._default is LEFT_OUT:
                raise AttributeError(f"{self._name!r} is a field of {owner.__name__} components")
            return self._default
        try:
            return component._values[self._name]
        except KeyError:
            raise AttributeError(
                f"component {component.name!r} has no {self._name!r} yet"
            ) from None

    def __set__(self, component: Component, value: object) -> None:
        raise AttributeError(
            f"{self._name!r} is not set by assignment; say "
            f"{type(component).__name__}({component.name!r}, {self._name}=...)"
        )


def collected_fields(cls: type[Component], plain: type[Component]) -> dict[str, FieldSpec]:
    """Collect the typed fields of a class, its bases' first, and make them readable.

    What ``plain``, the class of any component, has is no name for a field.
    """
    specs: dict[str, FieldSpec] = {}
    for base in reversed(cls.__mro__[1:]):
        specs.update(base.__dict__.get("_field_specs", {}))
    types = {name: spec.type for name, spec in specs.items() if name in cls.__dict__}
    types.update(_annotated(cls))
    for name, expected in types.items():
        if hasattr(plain, name):
            raise ConfigurationError(
                f"class {cls.__name__} cannot have a field {name!r}: every component has one",
                hint="Give the field another name.",
            )
        default = cls.__dict__.get(name, LEFT_OUT)
        specs[name] = spec = FieldSpec(expected, default)
        _check_type(cls, name, spec)
        setattr(cls, name, _Field(name, default))
    return specs


def _annotated(cls: type) -> dict[str, Any]:
    """Give the public fields that the body of a class annotates, with their types."""
    try:
        said = {
            name: expected
            for name, expected in inspect.get_annotations(cls).items()
            if not name.startswith("_") and name != "kind"
        }
        # Through a class of its own, so that a private annotation which exists
        # only for the type checker is never evaluated.
        shadow = type(cls.__name__, (), {"__annotations__": said, "__module__": cls.__module__})
        types = get_type_hints(shadow, localns=dict(vars(cls)), include_extras=True)
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise ConfigurationError(
            f"the types of the fields of class {cls.__name__} cannot be read: {error}",
            hint="Use types that are defined where the class is.",
        ) from error
    return {
        name: expected
        for name, expected in types.items()
        if expected is not _CLASS_VAR and get_origin(expected) is not _CLASS_VAR
    }


def _check_type(cls: type, name: str, spec: FieldSpec) -> None:
    where = f"field {name!r} of class {cls.__name__}"
    try:
        info = msgspec.inspect.type_info(spec.type)
    except (TypeError, ValueError, AttributeError, NameError) as error:
        raise ConfigurationError(f"{where} has a type that cannot be checked: {error}") from error
    if isinstance(info, msgspec.inspect.CustomType):
        raise ConfigurationError(
            f"{where} is of type {type_name(spec.type)}, which cannot be stored",
            hint="Use str, int, float, bool, a date, a list or dict of these, or a dataclass.",
        )
    if spec.default is not LEFT_OUT:
        checked_field(cls.__name__, name, spec.type, spec.default)


def takes_none(expected: Any) -> bool:
    """Tell whether None is a value of this type."""
    try:
        msgspec.convert(None, expected)
    except msgspec.ValidationError:
        return False
    return True


def fields_hint(name: str, specs: Mapping[str, FieldSpec]) -> str:
    """Say which fields there are, and which one was probably meant."""
    from difflib import get_close_matches  # only a mistake pays for it

    closest = get_close_matches(name, specs, n=1, cutoff=0.5)
    listed = f"Its fields are: {', '.join(specs)}."
    return f"Did you mean {closest[0]!r}? {listed}" if closest else listed


def checked_field(kind: str | None, name: str, expected: Any, value: Any) -> tuple[Any, Any]:
    """Give a field's value as it is stored (JSON, no secrets) and as it is read."""
    try:
        typed = msgspec.convert(value, expected, strict=True)
        plain = _json_safe(msgspec.to_builtins(typed, str_keys=True))
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"field {name!r} of kind {kind!r} takes {type_name(expected)}, "
            f"not {type(value).__name__} ({error})"
        ) from None
    kept = redact_value(plain, name)
    # Every process reads the same value, so a secret is gone here already.
    return kept, typed if kept == plain else _typed_value(kept, expected)


def free_field(name: str, value: Any) -> Any:
    """Give the value of a field that no class declares, as it is stored."""
    try:
        plain = _json_safe(msgspec.to_builtins(value, str_keys=True))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"field {name!r} cannot be stored: {type(value).__name__} is no JSON value ({error})"
        ) from None
    return redact_value(plain, name)


def _json_safe(value: Any) -> Any:
    """Replace what JSON or 64 bits cannot hold by text."""
    if isinstance(value, dict):
        return {_json_safe(key): _json_safe(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_safe(inner) for inner in value]
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    kept = scalar(value)
    if kept is LEFT_OUT:
        raise ValueError("a number too large to keep")
    return kept


def typed(fields: Mapping[str, Any], specs: Mapping[str, FieldSpec]) -> dict[str, Any]:
    """Give stored fields as typed values, and the defaults of those that were never said."""
    values = {name: spec.default for name, spec in specs.items() if spec.default is not LEFT_OUT}
    for name, spec in specs.items():
        if name in fields:
            values[name] = _typed_value(fields[name], spec.type)
    return values


def _typed_value(value: Any, expected: Any) -> Any:
    # What was stored may be redacted, or of a type that the class had before: it
    # is shown as it is.
    try:
        return msgspec.convert(value, expected, strict=False)
    except msgspec.ValidationError:
        return value


def type_name(expected: Any) -> str:
    """Give a type as a person writes it."""
    if isinstance(expected, type) and get_origin(expected) is None:
        return expected.__name__
    return str(expected).replace("typing.", "")
