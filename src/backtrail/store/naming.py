"""Names -> the integers that stand for them, in the transaction that takes facts in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from ..model.facts import SiteFact
from .intake import Mentioned, Names, Site
from .rows import pack_word

_MOST_REMEMBERED = 20_000
# Of functions whose definition was in a damaged record.
UNKNOWN_COMPONENT = "(not known)"

K = TypeVar("K")
V = TypeVar("V")


class Statements(Protocol):
    """A transaction, as what is shared by all databases uses it."""

    def do(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Run a named statement and give its rows, if it has any."""
        ...


D = TypeVar("D", bound=Statements)


class Remembered(dict[K, V]):
    """Keeps what was used last: what is not asked for while it fills anew is dropped."""

    def __init__(self) -> None:
        self._older: dict[K, V] = {}

    def recall(self, key: K) -> V | None:
        """Give what is remembered of a key."""
        value = self.get(key)
        if value is None:
            value = self._older.get(key)
            if value is not None:
                self[key] = value
        return value

    def clear_all(self) -> None:
        """Drop all."""
        self.clear()
        self._older = {}

    def age(self) -> None:
        """Make room where there is none left."""
        if len(self) > _MOST_REMEMBERED:
            self._older = dict(self)
            self.clear()


class Naming(ABC, Generic[D]):
    """Gives each name its key, and remembers those it met.

    A database adds the ways to add many names at once.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Drop what is remembered: the database may be another, or a round was taken back."""
        self._writers: dict[bytes, int] = {}
        self.sites: dict[tuple[int, int], Site] = {}
        self._artifacts: Remembered[str, tuple[int, int]] = Remembered()
        self._versions: Remembered[str, int] = Remembered()
        self._steps: int | None = None  # how often names had been taken away

    @abstractmethod
    def _add_artifacts(
        self, transaction: D, missing: Mapping[str, int]
    ) -> Iterable[tuple[int, str, int]]:
        """Add the names (with kinds) that are not stored; give key, name, stored kind of all."""

    @abstractmethod
    def _strengthen(self, transaction: D, stronger: list[tuple[int, int]]) -> None:
        """Give artifacts a kind, (kind, key), where theirs is a weaker one."""

    @abstractmethod
    def _add_versions(
        self, transaction: D, missing: Mapping[bytes | str, str]
    ) -> Iterable[tuple[bytes | str, int]]:
        """Add the packed words that are not stored; give the keys of all."""

    def intern(self, transaction: D, mentioned: Mentioned) -> Names:
        """Give the keys of all names that a round mentions; new names are added."""
        ((steps,),) = transaction.do("pruned_steps")
        if steps != self._steps:
            # Others took names away since.
            self._artifacts.clear_all()
            self._versions.clear_all()
            self._steps = steps
        self._artifacts.age()
        self._versions.age()
        return Names(
            self._intern_artifacts(transaction, mentioned.artifacts),
            self._intern_versions(transaction, mentioned.versions),
            _intern_texts(transaction, "component", mentioned.components),
            _intern_texts(transaction, "pipeline", mentioned.pipelines),
            _intern_texts(transaction, "run_ref", mentioned.refs),
        )

    def _intern_artifacts(self, transaction: D, wanted: Mapping[str, int]) -> dict[str, int]:
        known = self._artifacts
        keys: dict[str, int] = {}
        missing: dict[str, int] = {}
        stronger: list[tuple[int, int]] = []
        for name, kind in wanted.items():
            found = known.recall(name)
            if found is None:
                missing[name] = kind
                continue
            keys[name] = found[0]
            if found[1] < kind:
                stronger.append((kind, found[0]))
                known[name] = (found[0], kind)
        if missing:
            for key, name, kind in self._add_artifacts(transaction, missing):
                keys[name] = key
                if kind < missing[name]:
                    kind = missing[name]
                    stronger.append((kind, key))
                known[name] = (key, kind)
        if stronger:
            self._strengthen(transaction, stronger)
        return keys

    def _intern_versions(self, transaction: D, wanted: Iterable[str]) -> dict[str | None, int]:
        known = self._versions
        keys: dict[str | None, int] = {None: 0}
        missing: dict[bytes | str, str] = {}
        for word in wanted:
            key = known.recall(word)
            if key is None:
                missing[pack_word(word)] = word
            else:
                keys[word] = key
        if missing:
            for packed, key in self._add_versions(transaction, missing):
                word = missing[packed]
                keys[word] = known[word] = key
        return keys

    def add_site(self, transaction: D, writer: int, fact: SiteFact, names: Names) -> None:
        """Add a function that a process registered."""
        if (writer, fact.n) in self.sites:
            return
        transaction.do(
            "add_site",
            writer=writer,
            n=fact.n,
            component=names.components[fact.component],
            file=fact.file,
            line=fact.line,
            function=fact.function,
            git=fact.git_hash,
        )
        self.site_of(transaction, writer, fact.n)

    def site_of(self, transaction: D, writer: int, n: int) -> Site:
        """Give the keys of a function by its number in its process."""
        found = transaction.do("site_of", writer=writer, n=n)
        if not found:
            # Its definition was in a damaged record; the run is kept all the same.
            (component,) = _intern_texts(transaction, "component", [UNKNOWN_COMPONENT]).values()
            transaction.do("add_unknown_site", writer=writer, n=n, component=component)
            return self.site_of(transaction, writer, n)
        if len(self.sites) > _MOST_REMEMBERED:
            self.sites.clear()
        site = self.sites[writer, n] = Site(*found[0])
        return site


def _intern_texts(transaction: Statements, table: str, wanted: Iterable[str]) -> dict[str, int]:
    """Give the keys of names that are few: components, pipelines, named runs."""
    keys: dict[str, int] = {}
    # In one order for all: two transactions that add the same names must not each wait
    # for the other.
    for name in sorted(wanted):
        transaction.do(f"add_{table}", name=name)
        keys[name] = transaction.do(f"key_of_{table}", name=name)[0][0]
    return keys
