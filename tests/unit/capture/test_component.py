"""Components: one object for each name, their kinds, and their order."""

from __future__ import annotations

import copy
import datetime
import gc
import itertools
import pickle
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtrail.capture import component as module
from backtrail.capture.component import BUILT_IN_KINDS, Component
from backtrail.capture.registry import Registry
from backtrail.errors import ComponentConflictError, ConfigurationError, CycleError
from backtrail.model.records import ComponentRecord

if TYPE_CHECKING:
    from decimal import Decimal as OnlyForTheTypeChecker

AWS_KEY = "AKIA" + "Q3EGRIFXV5DLTWM7"
URL_SECRET = "hunter2swordfish"
URL = f"https://scott:{URL_SECRET}@example.org/feed"


class Notes:
    """A store's place: remembers what was said, and answers for names it knows."""

    def __init__(self, *known: ComponentRecord) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []
        self.asked: list[str] = []
        self.known = {record.name: record for record in known}

    def describe(self, name: str, changes: dict[str, object]) -> None:
        self.said.append((name, changes))
        record = self.known.get(name) or a_record(name)
        self.known[name] = replace(record, **changes)  # type: ignore[arg-type]

    def lookup(self, name: str) -> ComponentRecord | None:
        self.asked.append(name)
        return self.known.get(name)

    def registry(self) -> Registry:
        """A registry as another process has it."""
        return Registry(self.describe, self.lookup)


def a_record(name: str, **known: Any) -> ComponentRecord:
    return replace(ComponentRecord(name, None, None, None, [], None, {}, [], []), **known)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def registry(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """The registry of the default client."""
    made = notes.registry()
    monkeypatch.setattr(module, "default_registry", lambda: made)
    yield made
    gc.collect()  # kinds that a test defined end with it


class Scraper(Component):
    kind = "scraper"

    site: str
    depth: int = 2
    _session: OnlyForTheTypeChecker
    table: ClassVar[str] = "pages"

    def shown(self) -> str:
        return f"{self.site} to depth {self.depth}"


# -- one object for each name ------------------------------------------------------


def test_the_same_name_is_the_same_object(registry: Registry) -> None:
    assert registry.get_or_create("serve") is registry.get_or_create("serve")
    assert registry.get_or_create("serve") is Component("serve")
    assert registry.get_or_create("serve") is not registry.get_or_create("train")


def test_a_new_component_is_described_once_and_read_once(notes: Notes, registry: Registry) -> None:
    registry.get_or_create("serve")
    registry.get_or_create("serve")

    assert notes.said == [("serve", {})]
    assert notes.asked == ["serve"]


def test_what_is_said_is_kept_and_described(notes: Notes, registry: Registry) -> None:
    serve = registry.get_or_create(
        "serve",
        kind="serving",
        description="answers requests",
        owner="@kimkardashian",
        tags=["prod", "api", "prod"],
        max_age=timedelta(days=30),
        region="eu",
    )

    assert (serve.name, serve.kind, serve.owner) == ("serve", "serving", "@kimkardashian")
    assert serve.description == "answers requests"
    assert serve.tags == ("api", "prod")
    assert serve.max_age == timedelta(days=30)
    assert serve.fields == {"region": "eu"}
    assert notes.said == [
        (
            "serve",
            {
                "kind": "serving",
                "description": "answers requests",
                "owner": "@kimkardashian",
                "tags": ["api", "prod"],
                "max_age_s": 2_592_000.0,
                "fields": {"region": "eu"},
            },
        )
    ]


def test_another_process_finds_what_was_said_and_says_nothing(notes: Notes) -> None:
    first = notes.registry().get_or_create(
        "serve", kind="serving", description="d", owner="o", tags=["t"], max_age="1h", region="eu"
    )
    notes.said.clear()

    second = notes.registry().get_or_create("serve", kind="serving", owner="o", tags=["t"])

    assert notes.said == []
    for what in ("name", "kind", "description", "owner", "tags", "max_age", "fields"):
        assert getattr(first, what) == getattr(second, what)


def test_none_leaves_what_is_known(notes: Notes, registry: Registry) -> None:
    registry.get_or_create("serve", kind="serving", description="d", owner="o", region="eu")
    notes.said.clear()

    serve = registry.get_or_create("serve", kind=None, description=None, owner=None, region=None)

    assert (serve.kind, serve.description, serve.owner) == ("serving", "d", "o")
    assert serve.fields == {"region": "eu"}
    assert notes.said == []


def test_only_what_changes_is_described(notes: Notes, registry: Registry) -> None:
    serve = registry.get_or_create("serve", description="d", owner="o", tags=["a"], x=1)
    notes.said.clear()

    registry.get_or_create("serve", description="d", owner="new", tags=["b"], x=1, y=2)
    serve.set_description("d")
    serve.set_owner("newer")
    serve.add_tags("a", "c")
    serve.add_tags("a")

    assert serve.owner == "newer"
    assert notes.said == [
        ("serve", {"owner": "new", "tags": ["a", "b"], "fields": {"x": 1, "y": 2}}),
        ("serve", {"owner": "newer"}),
        ("serve", {"tags": ["a", "b", "c"]}),
    ]


def test_a_store_out_of_reach_makes_a_new_component() -> None:
    said: list[str] = []
    registry = Registry(lambda name, changes: said.append(name), lambda name: None)

    assert registry.get_or_create("serve").kind is None
    assert said == ["serve"]


def test_setters_can_be_chained_and_read_no_store(notes: Notes, registry: Registry) -> None:
    serve = registry.get_or_create("serve")

    assert serve.set_description("d").set_owner("o").add_tags("t").set_upstream("x") is serve
    assert notes.asked == ["serve"]


def test_a_refusal_changes_nothing(notes: Notes, registry: Registry) -> None:
    serve = registry.get_or_create("serve", kind="serving", owner="o")
    notes.said.clear()

    with pytest.raises(ComponentConflictError):
        registry.get_or_create("serve", kind="etl", owner="another", tags=["t"])
    with pytest.raises(ConfigurationError):
        registry.get_or_create("new", owner="another", field=object())

    assert (serve.kind, serve.owner, serve.tags) == ("serving", "o", ())
    assert registry.find("new") is None
    assert notes.said == []


def test_many_threads_get_one_component(notes: Notes, registry: Registry) -> None:
    found: list[Component] = []
    ready = threading.Barrier(8)

    def create(n: int) -> None:
        ready.wait()
        found.append(registry.get_or_create("serve", tags=[f"t{n}"]))

    threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(each) for each in found}) == 1
    assert found[0].tags == tuple(f"t{n}" for n in range(8))
    assert notes.known["serve"].tags == [f"t{n}" for n in range(8)]


def test_another_store_can_be_told_all_that_was_said_here(notes: Notes) -> None:
    notes.known["old"] = a_record("old", owner="somebody")
    registry = notes.registry()
    serve = registry.get_or_create("serve", kind="serving", tags=["a"])
    serve.set_owner("o").add_tags("b").set_upstream(registry.get_or_create("old"))
    notes.said.clear()

    registry.repeat()

    assert notes.said == [
        ("serve", {"kind": "serving", "tags": ["a", "b"], "owner": "o", "upstream": ["old"]}),
        ("old", {"downstream": ["serve"]}),
    ]


def test_a_child_process_gets_a_lock_that_nobody_holds(registry: Registry) -> None:
    serve = registry.get_or_create("serve")
    holder = threading.Thread(target=registry._lock.acquire)
    holder.start()
    holder.join()

    registry.restart_in_child()

    assert serve.set_owner("o").owner == "o"


# -- kinds -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*BUILT_IN_KINDS, "a word of one's own"])
def test_a_kind_is_a_built_in_one_or_any_other_word(registry: Registry, kind: str) -> None:
    made = registry.get_or_create("step", kind=kind, rows=5, nested={"a": [1, None]})

    assert made.kind == kind
    assert made.fields == {"rows": 5, "nested": {"a": [1, None]}}


def test_another_kind_for_a_known_name_is_a_conflict(registry: Registry) -> None:
    registry.get_or_create("serve", kind="serving")

    with pytest.raises(ComponentConflictError, match=r"'serve'.*'serving'.*'training'"):
        registry.get_or_create("serve", kind="training")


def test_another_kind_for_a_stored_name_is_a_conflict(notes: Notes, registry: Registry) -> None:
    notes.known["serve"] = a_record("serve", kind="serving")

    with pytest.raises(ComponentConflictError, match=r"'serve'.*'serving'.*'training'"):
        registry.get_or_create("serve", kind="training")
    assert registry.get_or_create("serve").kind == "serving"


def test_a_kind_can_be_said_later(notes: Notes, registry: Registry) -> None:
    step = registry.get_or_create("step")

    registry.get_or_create("step", kind="etl")

    assert step.kind == "etl"
    assert notes.said[-1] == ("step", {"kind": "etl"})


def test_a_kind_of_ones_own_has_typed_fields(notes: Notes, registry: Registry) -> None:
    news = Scraper("news", site="example.org", owner="o")

    assert type(news) is Scraper
    assert (news.kind, news.owner, news.site, news.depth) == ("scraper", "o", "example.org", 2)
    assert news.shown() == "example.org to depth 2"
    assert news.fields == {"site": "example.org", "depth": 2}
    assert notes.known["news"].fields == {"site": "example.org", "depth": 2}
    assert "site='example.org'" in repr(news)


def test_both_ways_to_create_give_the_same_component(registry: Registry) -> None:
    made = registry.get_or_create("news", kind="scraper", site="example.org", depth=3)

    assert type(made) is Scraper
    assert Scraper("news") is made
    assert registry.get_or_create("news") is made
    assert Scraper("news", depth=4).depth == 4
    assert made.fields == {"site": "example.org", "depth": 4}


def test_required_fields_are_asked_for_at_first_and_found_later(
    notes: Notes, registry: Registry
) -> None:
    with pytest.raises(ConfigurationError, match=r"'news'.*'scraper'.*site.*str"):
        Scraper("news")
    assert notes.said == []
    Scraper("news", site="example.org", depth=5)

    found = notes.registry().get_or_create("news", kind="scraper")

    assert isinstance(found, Scraper)
    assert (found.site, found.depth) == ("example.org", 5)


def test_an_object_learns_its_kind_and_stays_the_same_object(registry: Registry) -> None:
    plain = registry.get_or_create("news", owner="o")

    news = Scraper("news", site="example.org")

    assert news is plain
    assert isinstance(plain, Scraper)
    assert (plain.site, plain.owner) == ("example.org", "o")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"site": 5}, ("'site'", "str", "int")),
        ({"site": "s", "depth": "3"}, ("'depth'", "int", "str")),
        ({"site": "s", "depth": True}, ("'depth'", "int", "bool")),
        ({"site": "s", "depth": 2.5}, ("'depth'", "int", "float")),
        ({"site": "s", "depth": {1}}, ("'depth'", "int", "set")),
        ({"site": "s", "dept": 3}, ("no field 'dept'", "'depth'", "site, depth")),
        ({"site": "s", "zzz": 3}, ("no field 'zzz'", "site, depth")),
        ({"site": None}, ("lacks site",)),
    ],
)
def test_a_wrong_field_is_named_with_what_it_takes(
    notes: Notes, registry: Registry, fields: dict[str, Any], words: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Scraper("news", **fields)

    for word in words:
        assert word in str(caught.value)
    assert notes.said == []
    assert registry.find("news") is None


def test_a_wrong_value_is_not_shown(registry: Registry) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Scraper("news", site="s", depth=URL_SECRET)

    assert URL_SECRET not in str(caught.value)


@dataclass
class Window:
    start: datetime.date
    hours: list[float]


class Rich(Component):
    kind = "rich"

    window: Window
    when: datetime.datetime | None = None
    labels: dict[str, list[int]] = {}  # noqa: RUF012 - what a user writes
    rate: float = float("nan")


def test_fields_may_be_of_any_type_that_can_be_stored(notes: Notes, registry: Registry) -> None:
    window = Window(datetime.date(2013, 1, 2), [0.5])
    when = datetime.datetime(2013, 1, 2, tzinfo=datetime.timezone.utc)

    made = Rich("r", window=window, when=when, labels={"a": [1]})
    notes.known["r"] = replace(notes.known["r"], owner="o")
    found = notes.registry().get_or_create("r")

    for each in (made, found):
        assert isinstance(each, Rich)
        assert (each.window, each.when, each.labels) == (window, when, {"a": [1]})
        assert each.rate != each.rate
    assert made.fields == {
        "window": {"start": "2013-01-02", "hours": [0.5]},
        "when": "2013-01-02T00:00:00Z",
        "labels": {"a": [1]},
        "rate": "NaN",
    }


def test_none_is_a_value_where_the_type_has_it(registry: Registry) -> None:
    window = Window(datetime.date(2013, 1, 2), [])
    when = datetime.datetime(2013, 1, 2, tzinfo=datetime.timezone.utc)
    made = Rich("r", window=window, when=when)

    Rich("r", when=None)

    assert made.when is None


def test_what_is_inside_a_field_is_checked_too(registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match="labels"):
        Rich("r", window=Window(datetime.date(2013, 1, 2), []), labels={"a": ["x"]})


def test_fields_are_read_and_not_assigned(registry: Registry) -> None:
    news = Scraper("news", site="s")

    with pytest.raises(AttributeError, match=r"Scraper\('news', depth=\.\.\.\)"):
        news.depth = 5
    with pytest.raises(AttributeError):
        news.owner = "o"  # type: ignore[misc]

    news.fields["depth"] = 9
    assert news.depth == 2
    assert Scraper.depth == 2
    assert not hasattr(Scraper, "site")


def test_kinds_can_build_on_each_other(registry: Registry) -> None:
    class Owned(Component):
        team: str

    class Loader(Owned):
        kind = "loader"
        rows: int = 1

    class Big(Loader):
        kind = "big-loader"
        rows = 1000

    assert Loader("a", team="t").fields == {"team": "t", "rows": 1}
    assert Big("b", team="t").rows == 1000
    assert isinstance(Big("b"), Owned)
    with pytest.raises(ConfigurationError, match="no kind of its own"):
        Owned("c", team="t")


def test_a_class_defined_anew_takes_over(registry: Registry) -> None:
    class Cell(Component):
        kind = "cell"
        rows: int = 1

    first = Cell("c")

    class Cell(Component):  # type: ignore[no-redef]  # as a notebook does
        kind = "cell"
        rows: int = 1
        columns: int = 2

    second = Cell("c", columns=3)

    assert second is first
    assert isinstance(first, Cell)
    assert (first.rows, first.columns) == (1, 3)  # type: ignore[attr-defined]


def test_a_field_that_came_later_than_the_stored_component(notes: Notes) -> None:
    notes.known["news"] = a_record("news", kind="scraper", fields={"depth": "deep", "old": 1})

    news = notes.registry().get_or_create("news")

    assert isinstance(news, Scraper)
    assert news.depth == "deep"  # shown as it was stored
    assert news.fields == {"depth": "deep", "old": 1}
    with pytest.raises(AttributeError, match="no 'site' yet"):
        _ = news.site
    with pytest.raises(ConfigurationError, match="lacks site"):
        notes.registry().get_or_create("news", kind="scraper")


def test_a_stored_kind_whose_class_is_not_here_is_plain(notes: Notes) -> None:
    notes.known["x"] = a_record("x", kind="unheard-of", fields={"a": 1})

    x = notes.registry().get_or_create("x", b=2)

    assert type(x) is Component
    assert (x.kind, x.fields) == ("unheard-of", {"a": 1, "b": 2})


def test_classes_that_cannot_work_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="every component has one"):

        class Owner(Component):
            kind = "owner"
            owner: str

    with pytest.raises(ConfigurationError, match=r"'folder'.*Path"):

        class Folder(Component):
            kind = "folder"
            folder: Path

    with pytest.raises(ConfigurationError, match=r"'depth'.*takes int.*str"):

        class Depth(Component):
            kind = "depth"
            depth: int = "two"  # type: ignore[assignment]

    with pytest.raises(ConfigurationError, match="cannot be read"):

        class Unknown(Component):
            kind = "unknown"
            depth: NoSuchType  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(ConfigurationError, match="must be a string"):

        class Number(Component):
            kind = 5  # type: ignore[assignment]

    gc.collect()


def test_a_class_refuses_another_kind_than_its_own(registry: Registry) -> None:
    with pytest.raises(ConfigurationError, match=r"'scraper', not 'etl'"):
        Scraper("news", kind="etl", site="s")
    assert Scraper("news", kind="scraper", site="s").kind == "scraper"


# -- what cannot be said -----------------------------------------------------------


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb", "a\0", "\x7f", "a\u2028b", "\ud800"])
def test_impossible_names_are_refused(registry: Registry, name: str) -> None:
    for make in (
        lambda: registry.get_or_create(name),
        lambda: registry.get_or_create("x", kind=name),
    ):
        with pytest.raises(ConfigurationError, match="component"):
            make()


@pytest.mark.parametrize("name", [None, 5, b"serve", ["serve"]])
def test_names_must_be_strings(registry: Registry, name: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be a string"):
        registry.get_or_create(name)


@pytest.mark.parametrize("name", ["serve", "größe", "訓練", "a/b.c:d e", "🙂", "x" * 200])
def test_other_names_are_fine(registry: Registry, name: str) -> None:
    assert registry.get_or_create(name).name == name


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(hours=1), timedelta(hours=1)),
        (90, timedelta(seconds=90)),
        (0.5, timedelta(seconds=0.5)),
        ("30d", timedelta(days=30)),
        ("12h", timedelta(hours=12)),
        ("2w", timedelta(weeks=2)),
        ("1d12h 30m", timedelta(days=1, hours=12, minutes=30)),
        ("1.5 h", timedelta(hours=1.5)),
        ("250ms", timedelta(milliseconds=250)),
    ],
)
def test_an_age_can_be_said_in_several_ways(
    registry: Registry, age: Any, expected: timedelta
) -> None:
    assert registry.get_or_create("serve", max_age=age).max_age == expected


@pytest.mark.parametrize(
    "age", [0, -5, "", "30", "d", "30 days", "x30d", "-30d", True, float("nan"), 1e300, [], "9e9d"]
)
def test_an_age_that_is_none_is_refused(registry: Registry, age: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_age"):
        registry.get_or_create("serve", max_age=age)


def test_tags_are_words(registry: Registry) -> None:
    assert registry.get_or_create("serve", tags="prod").tags == ("prod",)
    for tags in ([5], 5, [""], ["a\nb"]):
        with pytest.raises(ConfigurationError, match="tag"):
            registry.get_or_create("serve", tags=tags)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [None, 5, b"x"])
def test_description_and_owner_are_text(registry: Registry, text: Any) -> None:
    serve = registry.get_or_create("serve")

    with pytest.raises(ConfigurationError, match="description"):
        serve.set_description(text)
    with pytest.raises(ConfigurationError, match="owner"):
        serve.set_owner(text)


@pytest.mark.parametrize("value", [object(), Path("x"), {"a": object()}, 1j, print])
def test_a_field_that_is_no_json_value_is_refused(registry: Registry, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"'field'.*no JSON value"):
        registry.get_or_create("serve", field=value)


def test_numbers_and_names_that_no_store_holds_become_text(registry: Registry) -> None:
    serve = registry.get_or_create("serve", a=2**70, b=float("inf"), c="\udce9", d=(1, 2))

    assert serve.fields == {"a": str(2**70), "b": "Infinity", "c": "\\udce9", "d": [1, 2]}


def test_without_a_client_there_are_no_components(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "default_registry", None)

    with pytest.raises(ConfigurationError, match="Import backtrail"):
        Component("serve")


# -- secrets -----------------------------------------------------------------------


class Source(Component):
    kind = "source-with-secrets"

    url: str
    password: int = 0


def test_secrets_are_neither_kept_nor_stored_nor_shown(notes: Notes, registry: Registry) -> None:
    plain = registry.get_or_create(
        "a", description=f"reads {URL}", url=URL, password="xyzzy", deep=[{"key": AWS_KEY}]
    )
    typed = Source("b", url=URL, password=987_654)
    typed.set_description(f"with {AWS_KEY}")

    everything = repr((plain, typed, plain.__dict__, typed.__dict__, notes.said))
    everything += repr((plain._record, typed._record, pickle.dumps(typed)))

    for secret in (URL_SECRET, AWS_KEY, "xyzzy", "987654"):
        assert secret not in everything
    assert "example.org" in typed.url
    assert typed.password == "[redacted]"


def test_a_redacted_field_can_be_read_again(notes: Notes, registry: Registry) -> None:
    Source("b", url="u", password=987_654)

    found = notes.registry().get_or_create("b", kind="source-with-secrets")

    assert found.fields["password"] == "[redacted]"
    assert found.password == "[redacted]"  # type: ignore[attr-defined]


# -- order -------------------------------------------------------------------------


def named(registry: Registry, names: str) -> list[Component]:
    return [registry.get_or_create(name) for name in names]


def edges(registry: Registry) -> set[str]:
    return {f"{up}{down}" for up, downs in registry.order._downstream.items() for down in downs}


def test_order_can_be_declared_from_both_sides(notes: Notes, registry: Registry) -> None:
    a, b, c = named(registry, "abc")
    notes.said.clear()

    b.set_upstream(a)
    b.set_downstream(c, "d")

    assert (b.upstream, b.downstream) == (("a",), ("c", "d"))
    assert (a.downstream, c.upstream) == (("b",), ("b",))
    assert notes.said == [
        ("b", {"upstream": ["a"]}),
        ("a", {"downstream": ["b"]}),
        ("c", {"upstream": ["b"]}),
        ("d", {"upstream": ["b"]}),
        ("b", {"downstream": ["c", "d"]}),
    ]


def test_another_process_sees_the_order_from_either_side(notes: Notes, registry: Registry) -> None:
    a, b = named(registry, "ab")
    a >> b

    assert notes.registry().get_or_create("a").downstream == ("b",)
    assert notes.registry().get_or_create("b").upstream == ("a",)


def test_order_that_is_known_is_not_said_again(notes: Notes, registry: Registry) -> None:
    a, b = named(registry, "ab")
    a.set_downstream(b)
    notes.said.clear()

    a.set_downstream(b, b)
    b.set_upstream("a")

    assert notes.said == []


def test_arrows_go_on_with_the_right_side(registry: Registry) -> None:
    a, b, c, d = named(registry, "abcd")

    assert (a >> b) is b
    assert (c << b) is b
    a >> [b, c] >> d

    assert edges(registry) == {"ab", "bc", "ac", "bd", "cd"}


def test_arrows_to_the_left(registry: Registry) -> None:
    a, b, c, d = named(registry, "abcd")

    d << [b, c] << a

    assert edges(registry) == {"ab", "ac", "bd", "cd"}


def test_lists_may_stand_on_either_side(registry: Registry) -> None:
    a, b, c, d = named(registry, "abcd")

    assert ([a, b] >> c) is c
    assert ([c, b] << d) is d

    assert edges(registry) == {"ac", "bc", "dc", "db"}


def test_names_may_stand_for_components(registry: Registry) -> None:
    (b,) = named(registry, "b")

    "a" >> b >> "c"  # type: ignore[operator]

    assert edges(registry) == {"ab", "bc"}


def test_other_things_cannot_be_linked(registry: Registry) -> None:
    (a,) = named(registry, "a")

    with pytest.raises(TypeError):
        a >> 5
    with pytest.raises(TypeError):
        None << a  # type: ignore[operator]
    with pytest.raises(ConfigurationError, match="int is no component"):
        a >> ["b", 5]
    with pytest.raises(ConfigurationError):
        a.set_upstream("")
    assert edges(registry) == set()


def test_a_cycle_is_refused_with_its_path(notes: Notes, registry: Registry) -> None:
    a, b, c = named(registry, "abc")
    a >> b >> c
    before = edges(registry)
    notes.said.clear()

    with pytest.raises(CycleError, match="a -> b -> c -> a"):
        c >> a
    with pytest.raises(CycleError, match="a -> b -> a"):
        a.set_upstream(b)
    with pytest.raises(CycleError, match="b -> b"):
        b >> b
    with pytest.raises(CycleError, match="a -> b -> c -> a"):
        c.set_downstream("x", a, "y")

    assert edges(registry) == before
    assert notes.said == []


def test_a_cycle_through_what_the_store_knows_is_refused(notes: Notes) -> None:
    notes.known["b"] = a_record("b", upstream=["a"], downstream=["c"])
    registry = notes.registry()
    a, _, c = named(registry, "abc")

    assert a.downstream == ("b",)
    with pytest.raises(CycleError, match="a -> b -> c -> a"):
        c >> a


def test_a_cycle_that_two_processes_made_stops_nothing(notes: Notes) -> None:
    notes.known["a"] = a_record("a", upstream=["b"], downstream=["b"])
    registry = notes.registry()
    a, c = named(registry, "ac")

    a >> c

    assert c.upstream == ("a",)


def test_long_chains_and_many_diamonds_are_no_burden(registry: Registry) -> None:
    first = previous = registry.get_or_create("c0")
    for n in range(1, 3000):
        previous = previous >> registry.get_or_create(f"c{n}")
    for n in range(40):
        previous = previous >> [f"l{n}", f"r{n}"] >> registry.get_or_create(f"d{n}")

    with pytest.raises(CycleError, match="c0 -> c1 -> "):
        previous >> first


nodes = st.sampled_from("abcdef")


@given(st.lists(st.tuples(nodes, nodes), max_size=30))
def test_whatever_is_declared_there_is_never_a_cycle(pairs: list[tuple[str, str]]) -> None:
    registry = Notes().registry()
    accepted: set[str] = set()

    for up, down in pairs:
        try:
            registry.get_or_create(up) >> registry.get_or_create(down)
            accepted.add(up + down)
        except CycleError as error:
            path = str(error).partition(": ")[2].partition(".")[0].split(" -> ")
            assert path[0] == path[-1] == down
            steps = {a + b for a, b in itertools.pairwise(path)}
            assert steps - accepted == {up + down}

    assert edges(registry) == accepted
    remaining = set(accepted)
    while sources := {e[0] for e in remaining} - {e[1] for e in remaining}:
        remaining = {e for e in remaining if e[0] not in sources}
    assert not remaining


# -- as values ---------------------------------------------------------------------


def test_components_are_equal_by_name_in_one_registry(registry: Registry) -> None:
    a, b = named(registry, "ab")
    elsewhere = Notes().registry().get_or_create("a")

    assert a == a
    assert a != b
    assert a != elsewhere
    assert a != "a"
    assert len({a, b, elsewhere, registry.get_or_create("a")}) == 3


def test_a_copy_is_the_component(registry: Registry) -> None:
    news = Scraper("news", site="s")

    assert copy.copy(news) is news
    assert copy.deepcopy({"c": [news]})["c"][0] is news


def test_a_pickle_is_the_component_of_that_name(registry: Registry) -> None:
    news = Scraper("news", site="s")

    assert pickle.loads(pickle.dumps(news)) is news


def test_a_pickle_arrives_in_another_process(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    pickled = pickle.dumps(Scraper("news", site="s", depth=7))
    elsewhere = Notes()  # whose store has not heard of it yet
    other = elsewhere.registry()
    monkeypatch.setattr(module, "default_registry", lambda: other)

    news = pickle.loads(pickled)

    assert isinstance(news, Scraper)
    assert (news.site, news.depth) == ("s", 7)
    assert news is other.get_or_create("news")
    assert elsewhere.said == []


def test_a_pickle_brings_nothing_older_than_the_store_has(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    pickled = pickle.dumps(Scraper("news", site="s", depth=7))
    elsewhere = Notes(a_record("news", kind="etl", fields={"site": "t"}, owner="o"))
    other = elsewhere.registry()
    monkeypatch.setattr(module, "default_registry", lambda: other)

    news = pickle.loads(pickled)

    assert (news.kind, news.fields, news.owner) == ("etl", {"site": "t"}, "o")
    assert elsewhere.said == []


def test_it_says_what_it_is(registry: Registry) -> None:
    assert repr(registry.get_or_create("a")) == "Component('a')"
    serve = registry.get_or_create("serve", kind="serving", owner="@k")
    assert repr(serve) == "Component('serve', kind='serving', owner='@k')"
    assert repr(Scraper("news", site="s")) == "Scraper('news', site='s', depth=2)"


def test_the_name_can_be_any_object_the_language_calls_a_string(registry: Registry) -> None:
    class Word(str):
        __slots__ = ()

    assert registry.get_or_create(Word("serve")) is registry.get_or_create("serve")
    assert type(registry.get_or_create(Word("other")).name) is str
    assert sys.intern(registry.get_or_create("other").name) == "other"
