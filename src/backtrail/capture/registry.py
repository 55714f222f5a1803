"""The components that one client knows: made, revised, linked, and described to its store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..errors import ComponentConflictError, ConfigurationError
from .component import Component, class_of
from .fields import checked_field, fields_hint, free_field, takes_none, type_name, typed
from .order import DeclaredOrder
from .params import LEFT_OUT
from .wording import age_in_seconds, checked_tags, checked_text, checked_word

if TYPE_CHECKING:
    from ..model.records import ComponentRecord


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
        #: What was declared to come before and after what.
        self.order = DeclaredOrder()
        self._components: dict[str, Component] = {}
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
        name = checked_word(name, "the name of a component")
        wanted: dict[str, Any] = {"tags": checked_tags(tags), "fields": fields}
        if kind is not None:
            wanted["kind"] = checked_word(kind, "the kind of a component")
        if description is not None:
            wanted["description"] = checked_text(description, "description")
        if owner is not None:
            wanted["owner"] = checked_text(owner, "owner")
        if max_age is not None:
            wanted["max_age_s"] = age_in_seconds(max_age)
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
            known_before = set(self.order.upstream_of(name))
            known_after = set(self.order.downstream_of(name))
            before = [each for each in upstream if each not in known_before]
            after = [each for each in downstream if each not in known_after]
            for each in before:
                self.order.refuse_cycle(each, name)
            for each in after:
                self.order.refuse_cycle(name, each)
            self.order.draw(name, before, after)
            # Said of both ends: whoever looks up one of them sees the other.
            for each in [name] * bool(before) + after:
                self._say(each, {"upstream": list(self.order.upstream_of(each))})
            for each in [name] * bool(after) + before:
                self._say(each, {"downstream": list(self.order.downstream_of(each))})

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
        cls = class_of(record.kind)
        if type(component) is not cls:
            # One name is one object, also when its kind becomes known later, or its
            # class is defined anew in a notebook.
            component.__class__ = cls
            component._values = typed(record.fields, cls._field_specs)
        component._record = record
        if values is not None:
            component._values = {**component._values, **values}

    def _keep(self, component: Component) -> Component:
        record = component._record
        self._components[component.name] = component
        self.order.draw(component.name, record.upstream, record.downstream)
        return component


def _blank(
    name: str, kind: str | None = None, fields: Mapping[str, Any] | None = None
) -> ComponentRecord:
    from ..model.records import ComponentRecord  # no answer is needed to import backtrail

    return ComponentRecord(name, kind, None, None, [], None, dict(fields or {}), [], [])


def _new(registry: Registry, name: str, stored: ComponentRecord | None) -> Component:
    record = stored or _blank(name)
    record = replace(record, tags=sorted(set(record.tags)))
    cls = class_of(record.kind)
    component = object.__new__(cls)
    component._registry = registry
    component._record = record
    component._values = typed(record.fields, cls._field_specs)
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
    specs = class_of(kind)._field_specs
    fields, values = dict(record.fields), {}
    for name, value in said.items():
        if specs and name not in specs:
            raise ConfigurationError(
                f"kind {kind!r} has no field {name!r}", hint=fields_hint(name, specs)
            )
        if value is None and not (name in specs and takes_none(specs[name].type)):
            continue  # None leaves what is known, as everywhere
        if name in specs:
            fields[name], values[name] = checked_field(kind, name, specs[name].type, value)
        else:
            fields[name] = free_field(name, value)
    for name, spec in specs.items():
        if name not in fields and spec.default is not LEFT_OUT:
            fields[name], values[name] = checked_field(kind, name, spec.type, spec.default)
    missing = [name for name in specs if name not in fields]
    if missing and is_full:
        raise ConfigurationError(
            f"component {record.name!r} of kind {kind!r} lacks {', '.join(missing)}",
            hint=f"Give it: {missing[0]}=... ({type_name(specs[missing[0]].type)}).",
        )
    return fields, values
