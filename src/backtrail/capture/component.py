"""A component: a named step of a pipeline, and the kinds of one's own as its subclasses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from ..errors import ConfigurationError
from .fields import FieldSpec, collected_fields
from .wording import checked_tags, checked_text, checked_word

if TYPE_CHECKING:
    from ..model.records import ComponentRecord
    from .registry import Registry

#: Kinds that need no class; any other word is a kind as well.
BUILT_IN_KINDS = ("etl", "features", "training", "inference", "serving")

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

    _field_specs: ClassVar[dict[str, FieldSpec]] = {}

    _registry: Registry
    _record: ComponentRecord
    _values: dict[str, Any]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        kind = cls.__dict__.get("kind")
        if kind is not None:
            checked_word(kind, f"the kind of class {cls.__name__}")
        cls._field_specs = collected_fields(cls, Component)

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
        return self._registry.order.upstream_of(self.name)

    @property
    def downstream(self) -> tuple[str, ...]:
        """Names of the components that were declared to come right after it."""
        return self._registry.order.downstream_of(self.name)

    # -- what is said --------------------------------------------------------

    def set_description(self: C, text: str) -> C:
        """Say what it does."""
        self._registry.revise(self, {"description": checked_text(text, "description")})
        return self

    def set_owner(self: C, text: str) -> C:
        """Say whom to ask about it."""
        self._registry.revise(self, {"owner": checked_text(text, "owner")})
        return self

    def add_tags(self: C, *tags: str) -> C:
        """Add words to find it by."""
        self._registry.revise(self, {"tags": checked_tags(tags)})
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


def class_of(kind: str | None) -> type[Component]:
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
            names.append(checked_word(component, "the name of a component"))
        else:
            raise ConfigurationError(
                f"{type(component).__name__} is no component", hint="Give components or names."
            )
    return list(dict.fromkeys(names))
