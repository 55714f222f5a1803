"""What `*_path` parameters stand for, in calls of every shape."""

from __future__ import annotations

import datetime
import functools
import inspect
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtrail.capture.paths import MISSING, compile_argument, compile_paths
from backtrail.errors import ConfigurationError

ROLES = ("input_path", "output_path", "model_path")


def names_for(
    spec: object,
    func: Callable[..., Any] | None,
    *args: Any,
    role: str = "input_path",
    result: Any = MISSING,
    **kwargs: Any,
) -> Sequence[str]:
    """Compile ``spec`` for ``func``, and resolve it for one call."""
    signature = None if func is None else inspect.signature(func)
    resolver = compile_paths(spec, signature, role)
    assert resolver is not None
    return list(resolver.resolve(args, kwargs, result))


def clean(path: Any, day: Any = "mon", *more: Any, deep: bool = False, **options: Any) -> None: ...


# -- constants ---------------------------------------------------------------------


@pytest.mark.parametrize("spec", ["/data/a.csv", b"/data/a.csv", Path("/data/a.csv")])
def test_an_absolute_path_is_its_own_name(spec: object) -> None:
    assert names_for(spec, clean, 1) == ["/data/a.csv"]


def test_a_relative_path_is_read_against_the_folder_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolver = compile_paths("out/a.csv", inspect.signature(clean), "input_path")
    assert resolver is not None
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    monkeypatch.chdir(tmp_path / "one")
    first = list(resolver.resolve((), {}))
    monkeypatch.chdir(tmp_path / "two")
    second = list(resolver.resolve((), {}))

    assert first == [str(tmp_path / "one/out/a.csv")]
    assert second == [str(tmp_path / "two/out/a.csv")]


def test_a_folder_that_was_removed_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert len(names_for(["a.csv", "path"], clean, "b.csv")) == 2


def test_a_uri_stays_a_uri() -> None:
    assert names_for("s3://bucket/key.csv", clean, 1) == ["s3://bucket/key.csv"]


def test_several_constants_each_count_once() -> None:
    specs = ["/data/a.csv", Path("/data/b.csv"), "/data/../data/a.csv", None]

    assert names_for(specs, clean) == ["/data/a.csv", "/data/b.csv"]


def test_a_set_of_paths_is_a_list_of_paths() -> None:
    assert names_for({"/b", "/a"}, clean) == ["/a", "/b"]


@pytest.mark.parametrize("spec", [None, [], (), [None], [[]]])
def test_nothing_compiles_to_nothing(spec: object) -> None:
    assert compile_paths(spec, inspect.signature(clean), "input_path") is None


def test_constants_need_no_result() -> None:
    resolver = compile_paths(["/a", "b"], inspect.signature(clean), "output_path")

    assert resolver is not None
    assert not resolver.needs_result


# -- the name of a parameter -------------------------------------------------------


def test_the_name_of_a_parameter_means_its_argument() -> None:
    assert names_for("path", clean, "/data/x.csv") == ["/data/x.csv"]
    assert names_for("path", clean, path=Path("/data/x.csv")) == ["/data/x.csv"]
    assert names_for("path", clean, b"/data/x.csv") == ["/data/x.csv"]


def test_a_dot_before_it_means_the_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert names_for("./path", clean, "/data/x.csv") == [str(tmp_path / "path")]


def test_a_path_object_is_no_name_of_a_parameter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert names_for(Path("path"), clean, "/data/x.csv") == [str(tmp_path / "path")]


def test_an_argument_may_be_a_list_of_paths() -> None:
    assert names_for("path", clean, ["/b", Path("/a"), None, "/b"]) == ["/b", "/a"]
    assert names_for("path", clean, {"/b", "/a"}) == ["/a", "/b"]


@pytest.mark.parametrize("value", [None, "", [], [""]])
def test_an_argument_that_names_nothing_gives_no_names(value: object) -> None:
    assert names_for("path", clean, value) == []


@pytest.mark.parametrize("value", [5, 0.5, {"a": "/b"}, object(), [1], [["/a"]]])
def test_an_argument_that_is_no_path_says_so(value: object) -> None:
    with pytest.raises(ValueError, match="expected a path"):
        names_for("path", clean, value)


def test_an_argument_is_never_consumed() -> None:
    paths = iter(["/a"])

    with pytest.raises(ValueError, match="expected a path"):
        names_for("path", clean, paths)

    assert list(paths) == ["/a"]


def test_a_default_stands_for_an_argument_that_was_not_given() -> None:
    def load(path: str = "/data/default.csv") -> None: ...

    assert names_for("path", load) == ["/data/default.csv"]


def test_a_missing_argument_gives_no_names_and_leaves_the_error_to_the_call() -> None:
    assert names_for("path", clean) == []
    assert names_for("/data/{path}", clean) == []
    assert names_for(lambda path: path, clean) == []


def test_collected_arguments_can_be_named() -> None:
    assert names_for("more", clean, "/x", "mon", "/a", "/b") == ["/a", "/b"]


def test_a_cloud_path_is_named_by_its_address_and_not_downloaded() -> None:
    class CloudPath:
        def __fspath__(self) -> str:
            raise AssertionError("this would download the file")

        def __str__(self) -> str:
            return "s3://bucket/key"

    assert names_for("path", clean, CloudPath()) == ["s3://bucket/key"]
    assert names_for(CloudPath(), clean) == ["s3://bucket/key"]


# -- templates ---------------------------------------------------------------------


def test_fields_are_filled_from_the_call() -> None:
    assert names_for("/data/{day}.csv", clean, "/x") == ["/data/mon.csv"]
    assert names_for("/data/{day}.csv", clean, "/x", "tue") == ["/data/tue.csv"]
    assert names_for("/data/{day}.csv", clean, "/x", day="wed") == ["/data/wed.csv"]


def test_fields_take_the_whole_format_syntax() -> None:
    day = datetime.date(2013, 1, 2)
    config = SimpleNamespace(name="base", sizes=[3, 5])

    assert names_for("/d/{day:%Y-%m-%d}", clean, "/x", day) == ["/d/2013-01-02"]
    assert names_for("/d/{path.name}", clean, config) == ["/d/base"]
    assert names_for("/d/{path.sizes[1]:03}", clean, config) == ["/d/005"]
    assert names_for("/d/{day!r}", clean, "/x", "q") == ["/d/'q'"]
    assert names_for("/d/{path:>{day}}", clean, "z", 3) == ["/d/  z"]
    assert names_for("/d/{options[year]}", clean, "z", year=2013) == ["/d/2013"]
    assert names_for("/d/{more[0]}", clean, "z", "mon", "extra") == ["/d/extra"]


def test_a_template_may_be_a_path_object() -> None:
    assert names_for(Path("/data") / "{day}.csv", clean) == ["/data/mon.csv"]


def test_doubled_braces_are_braces() -> None:
    assert names_for("/data/{{day}}.csv", clean) == ["/data/{day}.csv"]
    assert names_for("/data/{{x}}.csv", None) == ["/data/{x}.csv"]


def test_a_relative_template_is_read_against_the_folder_of_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert names_for("{day}.csv", clean) == [str(tmp_path / "mon.csv")]


def test_the_result_can_be_named_in_an_output_path() -> None:
    resolver = compile_paths("/out/{return}-{day}", inspect.signature(clean), "output_path")

    assert resolver is not None
    assert resolver.needs_result
    assert list(resolver.resolve(("/x",), {}, 7)) == ["/out/7-mon"]
    assert list(resolver.resolve(("/x",), {}, MISSING)) == []


def test_the_result_alone_may_be_a_path_or_several() -> None:
    assert names_for("{return}", clean, role="output_path", result=Path("/a")) == ["/a"]
    assert names_for("{return}", clean, role="output_path", result=["/a", "/b"]) == ["/a", "/b"]
    assert names_for("{return}", clean, role="output_path", result=None) == []


def test_a_list_needs_the_result_when_one_of_it_does() -> None:
    resolver = compile_paths(["/a", "{return}"], inspect.signature(clean), "output_path")

    assert resolver is not None
    assert resolver.needs_result
    assert list(resolver.resolve((), {}, "/b")) == ["/a", "/b"]


# -- functions ---------------------------------------------------------------------


def test_a_function_gets_the_arguments_that_it_names() -> None:
    assert names_for(lambda day: f"/d/{day}", clean, "/x", "tue") == ["/d/tue"]
    assert names_for(lambda path, deep: [path, f"/{deep}"], clean, "/x", deep=True) == [
        "/x",
        "/True",
    ]


def test_a_function_may_have_parameters_of_its_own_with_defaults() -> None:
    def where(day: str, root: str = "/root") -> str:
        return f"{root}/{day}"

    assert names_for(where, clean, "/x") == ["/root/mon"]
    assert names_for(functools.partial(where, root="/r"), clean, "/x") == ["/r/mon"]


def test_a_function_with_positional_only_parameters_gets_them_in_place() -> None:
    def where(root: str = "/root", day: str = "", /) -> str:
        return f"{root}/{day}"

    assert names_for(where, clean, "/x") == ["/root/mon"]


def test_a_function_with_other_names_is_called_as_the_function_is() -> None:
    assert names_for(lambda source, when: f"{source}/{when}", clean, "/x", "tue") == ["/x/tue"]
    assert names_for(lambda *args, **kwargs: kwargs["path"], clean, path="/x") == ["/x"]
    assert names_for(os.fspath, clean, "/x") == ["/x"]
    assert names_for(max, clean, "/x", "/y") == ["/y"]  # its signature is not told


def test_a_function_without_parameters_is_called_without_any() -> None:
    assert names_for(lambda: "/fixed", clean, "/x") == ["/fixed"]
    assert names_for(lambda: "/fixed", None) == ["/fixed"]


def test_a_function_may_give_several_paths_none_or_an_iterator() -> None:
    assert names_for(lambda: ["/a", Path("/b")], clean) == ["/a", "/b"]
    assert names_for(lambda: None, clean) == []
    assert names_for(lambda: (f"/{n}" for n in range(2)), clean) == ["/0", "/1"]


def test_a_function_sees_the_object_of_a_method() -> None:
    class Step:
        folder = "/folder"

        def run(self, day: str) -> None: ...

    assert names_for(lambda self, day: f"{self.folder}/{day}", Step.run, Step(), "mon") == [
        "/folder/mon"
    ]


def test_arrays_as_arguments_are_not_compared() -> None:
    class Array:
        def __eq__(self, other: object) -> bool:
            raise ValueError("the truth value of an array is ambiguous")

        __hash__ = None  # type: ignore[assignment]

    assert names_for(lambda path, day: f"/d/{day}", clean, Array()) == ["/d/mon"]


def test_forms_can_be_mixed_in_a_list() -> None:
    specs = ["/a", "path", "/d/{day}", lambda day: f"/f/{day}", ["/b"]]

    assert set(names_for(specs, clean, "/x")) == {"/a", "/b", "/x", "/d/mon", "/f/mon"}


# -- mistakes that are seen when decorating ----------------------------------------


def refused(spec: object, func: Callable[..., Any] | None, role: str = "input_path") -> str:
    signature = None if func is None else inspect.signature(func)
    with pytest.raises(ConfigurationError) as caught:
        compile_paths(spec, signature, role)
    return str(caught.value)


def test_a_field_that_is_no_parameter_is_named_with_the_parameters_there_are() -> None:
    message = refused("/data/{dya}.csv", clean)

    assert "input_path" in message
    assert "{dya}" in message
    assert "path, day, more, deep, options" in message


def test_a_keyword_that_is_caught_is_shown_how_to_write() -> None:
    assert "{options[year]}" in refused("/data/{year}.csv", clean)


@pytest.mark.parametrize("spec", ["/d/{}", "/d/{0}", "/d/{day:{wide}}", "/d/{.name}"])
def test_fields_without_the_name_of_a_parameter_are_refused(spec: str) -> None:
    assert "no parameter" in refused(spec, clean)


@pytest.mark.parametrize("spec", ["/d/{day", "/d/{day}}", "/d/{day!x}", "/d/{day!}"])
def test_a_template_that_cannot_be_read_is_refused(spec: str) -> None:
    assert "{{" in refused(spec, clean)


@pytest.mark.parametrize("role", ["input_path", "model_path"])
def test_the_result_is_refused_where_there_is_none_yet(role: str) -> None:
    message = refused("/d/{return}", clean, role)

    assert role in message
    assert "output_path" in message


@pytest.mark.parametrize("spec", [5, True, 0.5, object(), {"a": "b"}, [5]])
def test_other_types_are_refused(spec: object) -> None:
    assert "cannot be of type" in refused(spec, clean)


def test_an_empty_path_is_refused() -> None:
    assert "empty" in refused("", clean)


def test_an_async_function_is_refused() -> None:
    async def where(day: str) -> str:
        return day

    assert "async" in refused(where, clean)


@pytest.mark.parametrize("role", ROLES)
def test_a_block_has_no_parameters(role: str) -> None:
    assert names_for("path", None, role=role) == [os.path.abspath("path")]
    assert "no parameters" in refused("/d/{day}", None, role)
    assert "needs none" in refused(lambda day: day, None, role)


# -- taking arguments out of calls -------------------------------------------------


def four(a: Any, /, b: Any, *c: Any, d: Any, **e: Any) -> dict[str, Any]:
    return dict(locals())


def defaults(a: Any = "A", /, b: Any = "B", *, d: Any = "D", **e: Any) -> dict[str, Any]:
    return dict(locals())


def collected(b: Any = "B", *c: Any, d: Any = "D") -> dict[str, Any]:
    return dict(locals())


def bare(a: Any, b: Any, c: Any = "C") -> dict[str, Any]:
    return dict(locals())


values = st.integers()
keywords = st.dictionaries(st.sampled_from("abcdexyz"), values, max_size=6)


@given(
    func=st.sampled_from([four, defaults, collected, bare]),
    args=st.lists(values, max_size=5).map(tuple),
    kwargs=keywords,
)
def test_an_extracted_argument_is_what_the_function_gets(
    func: Callable[..., dict[str, Any]], args: tuple[int, ...], kwargs: dict[str, int]
) -> None:
    signature = inspect.signature(func)

    found = {name: compile_argument(signature, name)(args, kwargs) for name in signature.parameters}

    try:
        got = func(*args, **kwargs)
    except TypeError:
        return  # a call that Python refuses must still be read without an error
    assert found == got
