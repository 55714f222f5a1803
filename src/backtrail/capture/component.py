"""Components: the named steps of a pipeline, their kinds and their order."""

from __future__ import annotations

import inspect
import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple, TypeVar, cast, get_origin, get_type_hints

import msgspec

from ..errors import ComponentConflictError, ConfigurationError, CycleError
from ..model.records import ComponentRecord
from ..model.redaction import redact_text, redact_value
from .params import LEFT_OUT, clean_text, scalar

#: Kinds that need no class; any other word is a kind as well.
BUILT_IN_KINDS = ("etl", "features", "training", "inference", "serving")

_LONGEST_NAME = 200
_LONGEST_TEXT = 20_000
_UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|[smhdw])")

_CLASS_VAR: Any = ClassVar

C = TypeVar("C", bound="Component")
Other = TypeVar("Other")


class Component:
    """A named step of a pipeline; one object for each name.

    Subclasses are kinds of one's own. They set ``kind`` and annotate typed
    fields, with or without a default::

        class Scraper(Component):
            kind = "scraper"
            site: str
            depth: int = 2

        news = Scraper("news", site="https://example.org")

    What was said about a component before, in any process, stays until it is
    said otherwise; that goes for the values of its fields, too.
    """

    _field_specs: ClassVar[dict[str, _FieldSpec]] = {}

    _registry: Registry
    _record: ComponentRecord
    _values: dict[str, Any]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        kind = cls.__dict__.get("kind")
        if kind is not None:
            _checked_word(kind, f"the kind of class {cls.__name__}")
        cls._field_specs = _collected_fields(cls)

    def __new__(
        cls: type[C],
        name: str,
        *,
        kind: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: Iterable[str] = (),
        max_age: timedelta | float | str | None = None,
        **fields: Any,
    ) -> C:
        """Give the component of this name, as `create_or_retrieve_component` does."""
        if cls is not Component:
            own = cls.__dict__.get("kind")
            if own is None:
                raise ConfigurationError(
                    f"class {cls.__name__} has no kind of its own",
                    hint=f'Set one in its body: kind = "{cls.__name__.lower()}".',
                )
            if kind is not None and kind != own:
                raise ConfigurationError(f"a {cls.__name__} is of kind {own!r}, not {kind!r}")
            kind = own
        said: dict[str, Any] = {
            "kind": kind,
            "description": description,
            "owner": owner,
            "tags": tags,
            "max_age": max_age,
        }
        # The registry makes it of the class that its kind has.
        return cast("C", _default().get_or_create(name, **said, **fields))

    # -- what is known -----------------------------------------------------

    @property
    def name(self) -> str:
        """What the component is called, everywhere."""
        return self._record.name

    @property
    def kind(self) -> str | None:
        """What sort of step it is; None while nobody has said."""
        return self._record.kind

    @property
    def description(self) -> str | None:
        """What it does, in somebody's words."""
        return self._record.description

    @property
    def owner(self) -> str | None:
        """Whom to ask about it."""
        return self._record.owner

    @property
    def tags(self) -> tuple[str, ...]:
        """Words to find it by, sorted."""
        return tuple(self._record.tags)

    @property
    def max_age(self) -> timedelta | None:
        """The age from which its outputs count as stale; None for never."""
        age_s = self._record.max_age_s
        return None if age_s is None else timedelta(seconds=age_s)

    @property
    def fields(self) -> dict[str, Any]:
        """What else is known of it, as JSON values: the fields of its kind among others."""
        return dict(self._record.fields)

    @property
    def upstream(self) -> tuple[str, ...]:
        """Names of the components that were declared to come right before it."""
        return self._registry.upstream_of(self.name)

    @property
    def downstream(self) -> tuple[str, ...]:
        """Names of the components that were declared to come right after it."""
        return self._registry.downstream_of(self.name)

    # -- what is said --------------------------------------------------------

    def set_description(self: C, text: str) -> C:
        """Say what it does."""
        self._registry.revise(self, {"description": _checked_text(text, "description")})
        return self

    def set_owner(self: C, text: str) -> C:
        """Say whom to ask about it."""
        self._registry.revise(self, {"owner": _checked_text(text, "owner")})
        return self

    def add_tags(self: C, *tags: str) -> C:
        """Add words to find it by."""
        self._registry.revise(self, {"tags": _checked_tags(tags)})
        return self

    def set_upstream(self: C, *components: Component | str) -> C:
        """Declare that these come right before it.

        Raises:
            CycleError: it comes before one of them; nothing is declared then.
        """
        self._registry.link(self, upstream=_names_of(components))
        return self

    def set_downstream(self: C, *components: Component | str) -> C:
        """Declare that these come right after it.

        Raises:
            CycleError: it comes after one of them; nothing is declared then.
        """
        self._registry.link(self, downstream=_names_of(components))
        return self

    # `a >> b >> c` goes on with the right side, as it does in Airflow; a list has
    # no such operator, so the component beside it answers.

    def __rshift__(self, other: Other) -> Other:
        if not _is_linkable(other):
            return NotImplemented
        self.set_downstream(*_listed(other))
        return other

    def __lshift__(self, other: Other) -> Other:
        if not _is_linkable(other):
            return NotImplemented
        self.set_upstream(*_listed(other))
        return other

    def __rrshift__(self: C, other: object) -> C:
        if not _is_linkable(other):
            return NotImplemented
        return self.set_upstream(*_listed(other))

    def __rlshift__(self: C, other: object) -> C:
        if not _is_linkable(other):
            return NotImplemented
        return self.set_downstream(*_listed(other))

    # -- as a value ------------------------------------------------------------

    def __repr__(self) -> str:
        record = self._record
        shown = {"kind": record.kind, "owner": record.owner}
        if self._field_specs:
            shown = {"owner": record.owner, **record.fields}
        parts = [repr(self.name)]
        parts += [f"{key}={value!r}" for key, value in shown.items() if value is not None]
        return f"{type(self).__name__}({', '.join(parts)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Component):
            return NotImplemented
        return self.name == other.name and self._registry is other._registry

    def __hash__(self) -> int:
        return hash((self.name, id(self._registry)))

    def __copy__(self: C) -> C:
        return self

    def __deepcopy__(self: C, memo: object) -> C:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return component_named, (self.name, self.kind, self.fields)


class Registry:
    """The components of one client: one object for each name.

    Args:
        describe: keeps what was said about a component: its name and the changes.
        lookup: what the store knows of a component; None for nothing, or when it
            is out of reach.
    """

    def __init__(
        self,
        describe: Callable[[str, dict[str, object]], None],
        lookup: Callable[[str], ComponentRecord | None],
    ) -> None:
        self._describe = describe
        self._lookup = lookup
        self._components: dict[str, Component] = {}
        self._upstream: dict[str, dict[str, None]] = {}
        self._downstream: dict[str, dict[str, None]] = {}
        self._said: dict[str, dict[str, object]] = {}
        self._lock = threading.RLock()

    def get_or_create(
        self,
        name: str,
        *,
        kind: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: Iterable[str] = (),
        max_age: timedelta | float | str | None = None,
        **fields: Any,
    ) -> Component:
        """Give the component of this name, new or known, with what is said of it now.

        ``None`` leaves what is known; tags are added.

        Raises:
            ComponentConflictError: it is known as another kind.
            ConfigurationError: a name, a value or a field cannot be as it is given.
        """
        name = _checked_word(name, "the name of a component")
        wanted: dict[str, Any] = {"tags": _checked_tags(tags), "fields": fields}
        if kind is not None:
            wanted["kind"] = _checked_word(kind, "the kind of a component")
        if description is not None:
            wanted["description"] = _checked_text(description, "description")
        if owner is not None:
            wanted["owner"] = _checked_text(owner, "owner")
        if max_age is not None:
            wanted["max_age_s"] = _seconds(max_age)
        component = self._components.get(name)
        if component is None:
            # The store is read without the lock: it may take its time.
            stored = self._lookup(name)
            with self._lock:
                component = self._components.get(name)
                if component is None:
                    return self._admit(_new(self, name, stored), wanted, is_new=stored is None)
        self.revise(component, wanted)
        return component

    def find(self, name: str) -> Component | None:
        """Give the component of this name if this process has it."""
        return self._components.get(name)

    def restore(self, name: str, kind: str | None, fields: Mapping[str, Any]) -> Component:
        """Give the component of this name as another process had it.

        What the store or this process knows is newer and goes before; nothing
        is said anew.
        """
        component = self._components.get(name)
        if component is None:
            stored = self._lookup(name) or _blank(name, kind, fields)
            with self._lock:
                component = self._components.get(name)
                if component is None:
                    component = self._keep(_new(self, name, stored))
        return component

    def revise(self, component: Component, wanted: Mapping[str, Any]) -> None:
        """Take in what is said of a component, and describe what that changes."""
        with self._lock:
            changes, values = _changes(component._record, wanted)
            if changes:
                self._apply(component, changes, values)
                self._say(component.name, changes)

    def link(
        self, component: Component, *, upstream: Iterable[str] = (), downstream: Iterable[str] = ()
    ) -> None:
        """Declare what comes right before and right after a component."""
        name = component.name
        with self._lock:
            before = [each for each in upstream if each not in self._upstream.get(name, ())]
            after = [each for each in downstream if each not in self._downstream.get(name, ())]
            for each in before:
                self._refuse_cycle(each, name)
            for each in after:
                self._refuse_cycle(name, each)
            self._draw(name, before, after)
            # Said of both ends: whoever looks up one of them sees the other.
            for each in [name] * bool(before) + after:
                self._say(each, {"upstream": list(self.upstream_of(each))})
            for each in [name] * bool(after) + before:
                self._say(each, {"downstream": list(self.downstream_of(each))})

    def upstream_of(self, name: str) -> tuple[str, ...]:
        """Names declared to come right before this one, in the order they were declared."""
        return tuple(self._upstream.get(name, ()))

    def downstream_of(self, name: str) -> tuple[str, ...]:
        """Names declared to come right after this one, in the order they were declared."""
        return tuple(self._downstream.get(name, ()))

    def repeat(self) -> None:
        """Describe again all that was said here, for a store that has not heard it."""
        with self._lock:
            for name, changes in self._said.items():
                self._describe(name, dict(changes))

    def restart_in_child(self) -> None:
        """Go on after a fork, which copies a lock as it is, held or not."""
        self._lock = threading.RLock()

    def _admit(self, component: Component, wanted: Mapping[str, Any], *, is_new: bool) -> Component:
        changes, values = _changes(component._record, wanted)
        self._apply(component, changes, values)
        self._keep(component)
        if changes or is_new:
            self._say(component.name, changes)
        return component

    def _say(self, name: str, changes: dict[str, object]) -> None:
        self._said.setdefault(name, {}).update(changes)
        self._describe(name, changes)

    def _apply(
        self, component: Component, changes: dict[str, Any], values: dict[str, Any] | None
    ) -> None:
        record = replace(component._record, **changes)
        cls = _class_of(record.kind)
        if type(component) is not cls:
            # One name is one object, also when its kind becomes known later, or its
            # class is defined anew in a notebook.
            component.__class__ = cls
            component._values = _typed(record.fields, cls._field_specs)
        component._record = record
        if values is not None:
            component._values = {**component._values, **values}

    def _keep(self, component: Component) -> Component:
        record = component._record
        self._components[component.name] = component
        self._draw(component.name, record.upstream, record.downstream)
        return component

    def _draw(self, name: str, before: Iterable[str], after: Iterable[str]) -> None:
        for up, down in [*((each, name) for each in before), *((name, each) for each in after)]:
            self._downstream.setdefault(up, {})[down] = None
            self._upstream.setdefault(down, {})[up] = None

    def _refuse_cycle(self, up: str, down: str) -> None:
        path = self._path(down, up)
        if path is not None:
            raise CycleError(
                f"components would depend on themselves: {' -> '.join((*path, down))}",
                hint=f"Leave out {up!r} before {down!r}, or one of the others.",
            )

    def _path(self, start: str, end: str) -> list[str] | None:
        """Give the shortest way downstream from one name to another."""
        came_from: dict[str, str | None] = {start: None}
        frontier = [start]
        while frontier and end not in came_from:
            reached = []
            for name in frontier:
                for after in self._downstream.get(name, ()):
                    if after not in came_from:
                        came_from[after] = name
                        reached.append(after)
            frontier = reached
        if end not in came_from:
            return None
        path: list[str] = []
        step: str | None = end
        while step is not None:
            path.append(step)
            step = came_from[step]
        return path[::-1]


#: Gives the registry of the default client; the client sets it.
default_registry: Callable[[], Registry] | None = None


def component_named(
    name: str, kind: str | None = None, fields: Mapping[str, Any] | None = None
) -> Component:
    """Give a component again that was pickled, maybe in another process."""
    return _default().restore(name, kind, fields or {})


def _default() -> Registry:
    if default_registry is None:
        raise ConfigurationError(
            "no client is there to keep components", hint="Import backtrail first."
        )
    return default_registry()


# -- kinds ---------------------------------------------------------------------------


class _FieldSpec(NamedTuple):
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


def _collected_fields(cls: type[Component]) -> dict[str, _FieldSpec]:
    """Collect the typed fields of a class, its bases' first, and make them readable."""
    specs: dict[str, _FieldSpec] = {}
    for base in reversed(cls.__mro__[1:]):
        specs.update(base.__dict__.get("_field_specs", {}))
    types = {name: spec.type for name, spec in specs.items() if name in cls.__dict__}
    types.update(_annotated(cls))
    for name, expected in types.items():
        if hasattr(Component, name):
            raise ConfigurationError(
                f"class {cls.__name__} cannot have a field {name!r}: every component has one",
                hint="Give the field another name.",
            )
        default = cls.__dict__.get(name, LEFT_OUT)
        specs[name] = spec = _FieldSpec(expected, default)
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


def _check_type(cls: type, name: str, spec: _FieldSpec) -> None:
    where = f"field {name!r} of class {cls.__name__}"
    try:
        info = msgspec.inspect.type_info(spec.type)
    except (TypeError, ValueError, AttributeError, NameError) as error:
        raise ConfigurationError(f"{where} has a type that cannot be checked: {error}") from error
    if isinstance(info, msgspec.inspect.CustomType):
        raise ConfigurationError(
            f"{where} is of type {_type_name(spec.type)}, which cannot be stored",
            hint="Use str, int, float, bool, a date, a list or dict of these, or a dataclass.",
        )
    if spec.default is not LEFT_OUT:
        _checked_field(cls.__name__, name, spec.type, spec.default)


def _class_of(kind: str | None) -> type[Component]:
    """Give the class of a kind: the one defined last, else the plain one."""
    if kind is None:
        return Component
    found: type[Component] = Component
    open_classes = list(Component.__subclasses__())
    while open_classes:
        cls = open_classes.pop(0)
        if cls.__dict__.get("kind") == kind:
            found = cls
        open_classes += cls.__subclasses__()
    return found


# -- what is said, checked -------------------------------------------------------------


def _blank(name: str, kind: str | None = None, fields: Mapping[str, Any] | None = None) -> Any:
    return ComponentRecord(name, kind, None, None, [], None, dict(fields or {}), [], [])


def _new(registry: Registry, name: str, stored: ComponentRecord | None) -> Component:
    record = stored or _blank(name)
    record = replace(record, tags=sorted(set(record.tags)))
    cls = _class_of(record.kind)
    component = object.__new__(cls)
    component._registry = registry
    component._record = record
    component._values = _typed(record.fields, cls._field_specs)
    return component


def _changes(
    record: ComponentRecord, wanted: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Give what ``wanted`` changes in a record, and typed values of fields that it says.

    Nothing is touched, so that a refusal leaves everything as it was.
    """
    changes: dict[str, Any] = {}
    kind = wanted.get("kind")
    if kind is not None and kind != record.kind:
        if record.kind is not None:
            raise ComponentConflictError(
                f"component {record.name!r} is of kind {record.kind!r}, not {kind!r}",
                hint="Use another name, or the kind it has.",
            )
        changes["kind"] = kind
    for what in ("description", "owner", "max_age_s"):
        said = wanted.get(what)
        if said is not None and said != getattr(record, what):
            changes[what] = said
    tags = sorted({*record.tags, *wanted.get("tags", ())})
    if tags != record.tags:
        changes["tags"] = tags
    said_fields = wanted.get("fields", {})
    if kind is None and not said_fields:
        return changes, None
    fields, values = _checked_fields(record, kind or record.kind, said_fields, is_full=bool(kind))
    if fields != record.fields:
        changes["fields"] = fields
    return changes, values


def _checked_fields(
    record: ComponentRecord, kind: str | None, said: Mapping[str, Any], *, is_full: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Join the fields known with those said, as JSON values and as typed values."""
    specs = _class_of(kind)._field_specs
    fields, values = dict(record.fields), {}
    for name, value in said.items():
        if specs and name not in specs:
            raise ConfigurationError(
                f"kind {kind!r} has no field {name!r}", hint=_fields_hint(name, specs)
            )
        if value is None and not (name in specs and _takes_none(specs[name].type)):
            continue  # None leaves what is known, as everywhere
        if name in specs:
            fields[name], values[name] = _checked_field(kind, name, specs[name].type, value)
        else:
            fields[name] = _free_field(name, value)
    for name, spec in specs.items():
        if name not in fields and spec.default is not LEFT_OUT:
            fields[name], values[name] = _checked_field(kind, name, spec.type, spec.default)
    missing = [name for name in specs if name not in fields]
    if missing and is_full:
        raise ConfigurationError(
            f"component {record.name!r} of kind {kind!r} lacks {', '.join(missing)}",
            hint=f"Give it: {missing[0]}=... ({_type_name(specs[missing[0]].type)}).",
        )
    return fields, values


def _takes_none(expected: Any) -> bool:
    try:
        msgspec.convert(None, expected)
    except msgspec.ValidationError:
        return False
    return True


def _fields_hint(name: str, specs: Mapping[str, _FieldSpec]) -> str:
    from difflib import get_close_matches  # only a mistake pays for it

    closest = get_close_matches(name, specs, n=1, cutoff=0.5)
    listed = f"Its fields are: {', '.join(specs)}."
    return f"Did you mean {closest[0]!r}? {listed}" if closest else listed


def _checked_field(kind: str | None, name: str, expected: Any, value: Any) -> tuple[Any, Any]:
    """Give a field's value as it is stored (JSON, no secrets) and as it is read."""
    try:
        typed = msgspec.convert(value, expected, strict=True)
        plain = _json_safe(msgspec.to_builtins(typed, str_keys=True))
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"field {name!r} of kind {kind!r} takes {_type_name(expected)}, "
            f"not {type(value).__name__} ({error})"
        ) from None
    kept = redact_value(plain, name)
    # Every process reads the same value, so a secret is gone here already.
    return kept, typed if kept == plain else _typed_value(kept, expected)


def _free_field(name: str, value: Any) -> Any:
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


def _typed(fields: Mapping[str, Any], specs: Mapping[str, _FieldSpec]) -> dict[str, Any]:
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


def _type_name(expected: Any) -> str:
    if isinstance(expected, type) and get_origin(expected) is None:
        return expected.__name__
    return str(expected).replace("typing.", "")


def _checked_word(word: object, what: str) -> str:
    if not isinstance(word, str):
        raise ConfigurationError(f"{what} must be a string, not {type(word).__name__}")
    if not word.strip():
        raise ConfigurationError(f"{what} is empty")
    if len(word) > _LONGEST_NAME:
        raise ConfigurationError(
            f"{what} has {len(word)} characters: {word[:40]!r}…",
            hint=f"At most {_LONGEST_NAME} are possible.",
        )
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in word):
        raise ConfigurationError(f"{what} has characters that cannot be shown: {word!r}")
    return str.__str__(word)


def _checked_text(text: object, what: str) -> str:
    if not isinstance(text, str):
        raise ConfigurationError(
            f"the {what} of a component must be a string, not {type(text).__name__}"
        )
    return clean_text(str.__str__(text), _LONGEST_TEXT)


def _checked_tags(tags: object) -> list[str]:
    if isinstance(tags, str):
        tags = (tags,)
    if not isinstance(tags, Iterable):
        raise ConfigurationError(f"tags are a list of words, not {type(tags).__name__}")
    return [redact_text(_checked_word(tag, "a tag")) for tag in tags]


def _seconds(age: object) -> float:
    """Give an age in seconds: a timedelta, a number of them, or ``30d``, ``1d12h``."""
    seconds: float | None = None
    if isinstance(age, timedelta):
        seconds = age.total_seconds()
    elif isinstance(age, (int, float)) and not isinstance(age, bool):
        seconds = float(age)
    elif isinstance(age, str):
        parts = _DURATION.findall(age)
        if parts and not _DURATION.sub("", age).strip():
            seconds = sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    if seconds is None or not 0 < seconds < timedelta.max.total_seconds():
        raise ConfigurationError(
            f"max_age cannot be {age!r}",
            hint='Give a timedelta, seconds, or text like "12h", "30d" or "1d12h".',
        )
    return seconds


# -- what can be linked -----------------------------------------------------------------


def _is_linkable(other: object) -> bool:
    return isinstance(other, (Component, str, list, tuple, set, frozenset))


def _listed(other: Any) -> Iterable[Any]:
    return (other,) if isinstance(other, (Component, str)) else other


def _names_of(components: Iterable[Component | str]) -> list[str]:
    names = []
    for component in components:
        if isinstance(component, Component):
            names.append(component.name)
        elif isinstance(component, str):
            names.append(_checked_word(component, "the name of a component"))
        else:
            raise ConfigurationError(
                f"{type(component).__name__} is no component", hint="Give components or names."
            )
    return list(dict.fromkeys(names))
