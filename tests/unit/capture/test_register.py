"""What section 1 of the API promises of recording, asked of the store that was recorded into."""

from __future__ import annotations

import asyncio
import copy
import enum
import functools
import gc
import inspect
import logging
import os
import pickle
import re
import subprocess
import sys
import textwrap
import threading
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import backtrail
from backtrail import Client, Component, ConfigurationError, NotFoundError, Pointer, connect
from backtrail.capture.context import current_run
from backtrail.model.records import Input, Run

SOURCE = str(Path(backtrail.__file__).parents[1])
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def _our_failures_are_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKTRAIL_STRICT", "1")


@pytest.fixture(autouse=True)
def _every_run_is_left() -> Iterator[None]:
    yield
    left = current_run.get()
    current_run.set(None)
    assert left is None, f"a run of {left.component} is still current"


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Our failures stay inside, as they do for users."""
    monkeypatch.delenv("BACKTRAIL_STRICT")
    caplog.set_level(logging.CRITICAL, "backtrail")


def as_id(value: object) -> str:
    """Return a name that is the same in every process of the tests."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


def runs(client: Client, component: str) -> list[Run]:
    """Give the runs of a component, the oldest first."""
    try:
        return client.history(component, limit=1000)[::-1]
    except NotFoundError:
        return []


def only(client: Client, component: str) -> Run:
    (run,) = runs(client, component)
    return run


def names(entries: list[Any]) -> list[str]:
    return [entry.name for entry in entries]


def links(client: Client, output: str) -> list[tuple[str, Input]]:
    """Give the inputs of the run that made an output, each with its producer's component."""
    trace = client.backtrace(output)
    by_number = {frame.n: frame.run.component for frame in trace.frames}
    found = trace.frames[0].run.inputs
    return [("" if i.producer is None else by_number[i.producer], i) for i in found]


def producers(client: Client, output: str) -> list[str]:
    return [component for component, _ in links(client, output)]


# -- the user's function --------------------------------------------------------------------


def test_a_call_returns_the_very_object_that_the_function_returned(client: Client) -> None:
    thing = object()

    assert client.register("same")(lambda: thing)() is thing


def test_an_exception_keeps_its_identity_its_context_and_the_frames_of_its_traceback(
    client: Client,
) -> None:
    original = KeyError("amount")

    @client.register("fails")
    def fails() -> None:
        raise original

    with pytest.raises(KeyError) as raised:
        fails()

    assert raised.value is original
    assert original.__cause__ is None
    assert original.__context__ is None
    assert raised.traceback[-1].name == "fails"
    run = only(client, "fails")
    assert run.status == "failed"
    assert run.error == "KeyError: 'amount'"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SystemExit(), "completed"),
        (SystemExit(0), "completed"),
        (SystemExit(3), "failed"),
        (KeyboardInterrupt(), "failed"),
        (StopIteration(5), "failed"),
        (MemoryError(), "failed"),
    ],
)
def test_whatever_a_call_raises_passes_and_ends_its_run(
    client: Client, error: BaseException, status: str
) -> None:
    @client.register("raises")
    def raises() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        raises()

    assert raised.value is error
    assert only(client, "raises").status == status


def plain(a: int, b: str = "x", *rest: int, c: float = 0.5, **more: object) -> str:
    """Say what it does."""
    return f"{a}{b}{rest}{c}{more}"


async def coroutine(a: int) -> int:
    """Say what it does."""
    return a


def generator(a: int) -> Iterator[int]:
    """Say what it does."""
    yield a


async def async_generator(a: int) -> AsyncIterator[int]:
    """Say what it does."""
    yield a


@pytest.mark.parametrize("func", [plain, coroutine, generator, async_generator])
def test_a_registered_function_looks_as_it_did(client: Client, func: Callable[..., Any]) -> None:
    registered = client.register("looks")(func)

    assert registered.__name__ == func.__name__
    assert registered.__qualname__ == func.__qualname__
    assert registered.__doc__ == func.__doc__
    assert registered.__module__ == func.__module__
    assert registered.__annotations__ == func.__annotations__
    assert inspect.signature(registered) == inspect.signature(func)
    for kind in ("isfunction", "iscoroutinefunction", "isgeneratorfunction", "isasyncgenfunction"):
        assert getattr(inspect, kind)(registered) == getattr(inspect, kind)(func), kind


# Of the others the call cannot raise: a coroutine or generator function that keeps
# being one runs nothing before the first step, which is where ours raise.
@pytest.mark.parametrize("func", [plain])
@pytest.mark.parametrize("arguments", [{}, {"wrong": 1}])
def test_wrong_arguments_raise_where_the_bare_function_raises(
    client: Client, func: Callable[..., Any], arguments: dict[str, int]
) -> None:
    registered = client.register("wrong")(func)

    made = None
    try:
        with pytest.raises(TypeError, match=rf"{func.__name__}\(\)"):
            made = registered(**arguments)
    finally:
        if inspect.iscoroutine(made):
            made.close()


def test_the_component_may_be_left_out_named_or_given(client: Client) -> None:
    @client.register
    def bare() -> None: ...

    @client.register()
    def empty() -> None: ...

    @client.register("named")
    def some() -> None: ...

    given = client.create_or_retrieve_component("given")

    @client.register(component=given)
    def other() -> None: ...

    for func in (bare, empty, some, other):
        func()

    assert sorted(c.name for c in client.components()) == ["bare", "empty", "given", "named"]
    assert only(client, "given").code.function == other.__qualname__


def test_methods_static_and_class_methods(client: Client) -> None:
    class Trainer:
        @client.register("method")
        def method(self, x: int) -> tuple[Any, int]:
            return self, x

        @staticmethod
        @client.register("static-inside")
        def static_inside(x: int) -> int:
            return x

        @client.register("static-outside")
        @staticmethod
        def static_outside(x: int) -> int:
            return x

        @classmethod
        @client.register("class-inside")
        def class_inside(cls, x: int) -> tuple[Any, int]:
            return cls, x

        @client.register("class-outside")
        @classmethod
        def class_outside(cls, x: int) -> tuple[Any, int]:
            return cls, x

        @property
        @client.register("property")
        def size(self) -> int:
            return 9

    class Child(Trainer):
        def method(self, x: int) -> tuple[Any, int]:
            return super().method(x + 1)

    trainer, child = Trainer(), Child()

    assert trainer.method(1) == (trainer, 1)
    assert Trainer.method(trainer, 1) == (trainer, 1)
    assert child.method(1) == (child, 2)
    assert (trainer.static_inside(1), Trainer.static_outside(1)) == (1, 1)
    assert Child.class_inside(1) == (Child, 1)
    assert child.class_outside(1) == (Child, 1)
    assert trainer.size == 9
    assert [run.params for run in runs(client, "method")] == [{"x": 1}, {"x": 1}, {"x": 2}]
    for name in ("static-inside", "static-outside", "class-inside", "class-outside", "property"):
        assert only(client, name).status == "completed"


def test_partials_and_callable_objects(client: Client) -> None:
    class Adder:
        """Adds."""

        def __call__(self, a: int, b: int) -> int:
            return a + b

    half = client.register("partial")(functools.partial(lambda a, b: a + b, 1))
    named = client.register()(functools.partial(plain, b="y"))
    added = client.register("object")(Adder())

    assert half(2) == 3
    assert half.args == (1,)
    assert named(1) == "1y()0.5{}"
    assert added(1, b=2) == 3
    assert only(client, "partial").status == "completed"
    assert only(client, "plain").params["a"] == 1
    assert only(client, "object").params == {"a": 1, "b": 2}


def test_a_cached_function_keeps_its_cache_and_a_cached_method_its_self(client: Client) -> None:
    class Table:
        @client.register("cached-method")
        @functools.lru_cache(maxsize=4)  # noqa: B019
        def look_up(self, x: int) -> tuple[Any, int]:
            return self, x

    cached = client.register("cached")(functools.lru_cache(lambda x: [x]))

    assert cached(1) is cached(1)
    assert cached.cache_info().hits == 1
    table = Table()
    assert table.look_up(3) == (table, 3)
    assert len(runs(client, "cached-method")) == 1


def test_builtins_are_recorded_though_some_tell_no_signature(client: Client) -> None:
    assert client.register("length")(len)([1, 2]) == 2
    assert client.register("greatest")(max)(1, 2) == 2
    assert only(client, "greatest").status == "completed"


def test_recursion_is_a_run_for_each_call_each_inside_the_one_before(client: Client) -> None:
    @client.register("factorial")
    def factorial(n: int) -> int:
        return 1 if n < 2 else n * factorial(n - 1)

    assert factorial(5) == 120

    found = {run.params["n"]: run for run in runs(client, "factorial")}
    assert [found[n].parent_run_id for n in (1, 2, 3, 4, 5)] == [
        found[n + 1].run_id if n < 5 else None for n in (1, 2, 3, 4, 5)
    ]


def test_recursion_goes_as_deep_as_it_did_within_a_third(client: Client) -> None:
    def depth(n: int) -> int:
        try:
            return deeper(n + 1)
        except RecursionError:
            return n

    deeper: Callable[[int], int] = depth
    bare = depth(0)
    deeper = client.register("depth")(depth)
    recorded = deeper(0)

    assert recorded > bare / 3
    assert current_run.get() is None


def test_threads_have_runs_of_their_own(client: Client) -> None:
    barrier = threading.Barrier(8)

    @client.register("inner")
    def inner(t: int) -> None: ...

    @client.register("outer")
    def outer(t: int) -> None:
        barrier.wait(10)
        inner(t)
        barrier.wait(10)

    threads = [threading.Thread(target=outer, args=(t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    parents = {run.params["t"]: run.run_id for run in runs(client, "outer")}
    assert len(parents) == 8
    found = {run.params["t"]: run.parent_run_id for run in runs(client, "inner")}
    assert found == parents


# -- generators -----------------------------------------------------------------------------


def test_a_generator_is_a_run_until_it_ends_and_current_only_while_it_runs(client: Client) -> None:
    @client.register("inside")
    def inside() -> None: ...

    @client.register("outside")
    def outside() -> None: ...

    @client.register("generator")
    def numbers(n: int) -> Iterator[int]:
        for i in range(n):
            inside()
            yield i
        return "done"

    running = numbers(2)
    assert next(running) == 0
    outside()
    assert current_run.get() is None
    assert next(running) == 1
    with pytest.raises(StopIteration) as stop:
        next(running)

    assert stop.value.value == "done"
    run = only(client, "generator")
    assert run.status == "completed"
    assert run.ended_us >= only(client, "outside").ended_us
    assert {each.parent_run_id for each in runs(client, "inside")} == {run.run_id}
    assert only(client, "outside").parent_run_id is None


def test_a_generator_is_sent_thrown_into_and_closed_as_the_bare_one(client: Client) -> None:
    log: list[object] = []

    @client.register("generator")
    def echo() -> Iterator[object]:
        got: object = None
        try:
            while True:
                try:
                    got = yield got
                except ValueError as error:
                    got = error
                log.append(got)
        finally:
            log.append("closed")

    running = echo()
    error = ValueError("thrown")

    assert next(running) is None
    assert running.send(5) == 5
    assert running.throw(error) is error
    assert running.send(6) == 6
    running.close()

    assert log == [5, error, 6, "closed"]
    assert only(client, "generator").status == "completed"


def test_a_generator_left_early_ends_its_run(client: Client) -> None:
    closed = []

    @client.register("generator")
    def numbers() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    for _ in numbers():
        break
    gc.collect()

    assert closed == [True]
    assert only(client, "generator").status == "completed"


def test_a_generator_that_fails_is_a_failed_run(client: Client) -> None:
    @client.register("generator")
    def numbers() -> Iterator[int]:
        yield 1
        raise KeyError("x")

    with pytest.raises(KeyError):
        list(numbers())

    assert only(client, "generator").status == "failed"


def test_a_generator_ends_badly_as_the_bare_one_does(client: Client) -> None:
    def stubborn() -> Iterator[int]:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    running = client.register("stubborn")(stubborn)()
    next(running)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        running.close()

    # No lambda: since Python 3.12 one lets StopIteration through, decorated or not.
    def stopping() -> Iterator[int]:
        yield next(iter(()))

    with pytest.raises(RuntimeError, match="raised StopIteration"):
        next(client.register("stopping")(stopping)())

    assert only(client, "stubborn").status == "failed"
    assert only(client, "stopping").status == "failed"


def test_a_generator_delegates_with_yield_from_and_keeps_tracebacks(client: Client) -> None:
    @client.register("inner")
    def inner() -> Iterator[int]:
        got = yield 1
        return got * 2

    @client.register("outer")
    def outer() -> Iterator[int]:
        result = yield from inner()
        yield result

    running = outer()

    assert next(running) == 1
    assert running.send(21) == 42
    assert list(running) == []
    assert only(client, "inner").parent_run_id == only(client, "outer").run_id


def test_generators_that_take_turns_keep_apart(client: Client) -> None:
    @client.register("step")
    def step(who: str) -> None: ...

    @client.register("generator")
    def numbers(who: str) -> Iterator[None]:
        for _ in range(3):
            step(who)
            yield

    for _ in zip(numbers("a"), numbers("b"), strict=True):
        pass

    ids = {run.params["who"]: run.run_id for run in runs(client, "generator")}
    assert all(run.parent_run_id == ids[run.params["who"]] for run in runs(client, "step"))
    assert current_run.get() is None


def test_a_generator_may_be_finished_by_another_thread(client: Client) -> None:
    @client.register("generator")
    def numbers() -> Iterator[int]:
        yield 1
        yield 2

    running = numbers()
    next(running)
    rest: list[int] = []
    thread = threading.Thread(target=lambda: rest.extend(running))
    thread.start()
    thread.join()

    assert rest == [2]
    assert only(client, "generator").status == "completed"


# -- coroutines -----------------------------------------------------------------------------


def test_coroutines_that_run_at_once_keep_apart(client: Client) -> None:
    @client.register("inner")
    async def inner(who: int) -> int:
        await asyncio.sleep(0)
        return who

    @client.register("outer")
    async def outer(who: int) -> int:
        await asyncio.sleep(0)
        return await inner(who)

    async def main() -> list[int]:
        return await asyncio.gather(*map(outer, range(10)))

    assert asyncio.run(main()) == list(range(10))
    parents = {run.params["who"]: run.run_id for run in runs(client, "outer")}
    assert {r.params["who"]: r.parent_run_id for r in runs(client, "inner")} == parents


def test_a_coroutine_that_is_cancelled_is_a_failed_run_and_stays_cancelled(
    client: Client,
) -> None:
    @client.register("sleeps")
    async def sleeps() -> None:
        await asyncio.sleep(60)

    async def main() -> bool:
        task = asyncio.create_task(sleeps())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(main())
    run = only(client, "sleeps")
    assert run.status == "failed"
    assert run.error == "CancelledError"


def test_a_coroutine_that_nobody_awaits_is_no_run_and_warns_by_its_name(client: Client) -> None:
    registered = client.register("never")(coroutine)

    with pytest.warns(RuntimeWarning, match="coroutine 'coroutine' was never awaited"):
        registered(1)

    assert runs(client, "never") == []


def test_an_async_generator_is_sent_thrown_into_and_closed_as_the_bare_one(
    client: Client,
) -> None:
    log: list[object] = []

    @client.register("async-generator")
    async def echo() -> AsyncIterator[object]:
        got: object = None
        try:
            while True:
                await asyncio.sleep(0)
                try:
                    got = yield got
                except ValueError as error:
                    got = error
                log.append(got)
        finally:
            await asyncio.sleep(0)
            log.append("closed")

    error = ValueError("thrown")

    async def main() -> None:
        running: Any = echo()
        assert await running.__anext__() is None
        assert current_run.get() is None
        assert await running.asend(5) == 5
        assert await running.athrow(error) is error
        await running.aclose()

    asyncio.run(main())

    assert log == [5, error, "closed"]
    assert only(client, "async-generator").status == "completed"


def test_an_async_generator_left_early_or_failing_ends_its_run(client: Client) -> None:
    @client.register("early")
    async def early() -> AsyncIterator[int]:
        yield 1
        yield 2

    @client.register("failing")
    async def failing() -> AsyncIterator[int]:
        yield 1
        raise KeyError("x")

    async def main() -> None:
        async for _ in early():
            break
        with pytest.raises(KeyError):
            async for _ in failing():
                pass
        gc.collect()
        await asyncio.sleep(0.01)

    asyncio.run(main())

    assert only(client, "early").status == "completed"
    assert only(client, "failing").status == "failed"


# -- pickles --------------------------------------------------------------------------------


def test_what_was_picklable_is_so_still() -> None:
    # The methods of the package, since a client of one's own cannot travel.
    half = backtrail.register("half")(functools.partial(int, base=2))

    again = pickle.loads(pickle.dumps(half))
    copied = copy.copy(half)

    assert again.keywords == {"base": 2}
    assert copied.func is int


@pytest.mark.usefixtures("processes")
def test_a_function_travels_by_its_name_and_from_main_by_cloudpickle(tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle")
    sender = """
    import sys, pickle, functools, cloudpickle
    import backtrail as bt

    @bt.register("fact", input_path="in-{n}.csv")
    def fact(n):
        bt.log(f"fact-{n}")
        return 1 if n < 2 else n * fact(n - 1)

    @bt.register("numbers")
    def numbers(n):
        yield from range(n)

    @bt.register("later")
    async def later(n):
        return n

    class Trainer:
        def __init__(self, base):
            self.base = base
        @bt.register("train")
        def train(self, n):
            return self.base + n

    half = bt.register("half")(functools.partial(lambda a, b: a + b, 1))
    fact(1)
    assert pickle.loads(pickle.dumps(fact)) is fact
    cloudpickle.dump([fact, numbers, later, Trainer(5).train, half], open(sys.argv[1], "wb"))
    """
    receiver = """
    import asyncio, pickle, sys
    fact, numbers, later, train, half = pickle.load(open(sys.argv[1], "rb"))
    assert fact(5) == 120
    assert list(numbers(3)) == [0, 1, 2]
    assert asyncio.run(later(7)) == 7
    assert train(1) == 6
    assert half(2) == 3
    """
    for body in (sender, receiver):
        run_python(body, str(tmp_path / "functions"), cwd=tmp_path)

    with connect(f"sqlite:///{tmp_path}/.backtrail/backtrail.db") as client:
        assert sorted(run.params["n"] for run in runs(client, "fact")) == [1, 1, 2, 3, 4, 5]
        (frame, *_) = client.backtrace("fact-5").frames
        assert [Path(name).name for name in names(frame.run.inputs)] == ["in-5.csv"]
        for name in ("numbers", "later", "train", "half"):
            assert only(client, name).status == "completed"


def run_python(body: str, *args: str, cwd: Path, **environ: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("BACKTRAIL_")}
    path = os.pathsep.join([SOURCE, inherited.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    script = cwd / "script.py"
    script.write_text(textwrap.dedent(body))
    done = subprocess.run(
        [sys.executable, str(script), *args],
        cwd=cwd,
        env={**inherited, "PYTHONPATH": path, "BACKTRAIL_STRICT": "1", **environ},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


# -- paths ----------------------------------------------------------------------------------


def test_every_form_of_a_path(client: Client, tmp_path: Path) -> None:
    @client.register(
        "paths",
        input_path=["fixed.csv", "source", "./source", lambda day: f"by-{day}.csv", Path("p.csv")],
        model_path="models/{day}.pkl",
        output_path=["out/{day}.csv", "out/{return}"],
    )
    def step(source: str, day: int = 3) -> str:
        return "result.csv"

    step(str(tmp_path / "given.csv"))

    run = only(client, "paths")
    here = Path.cwd()
    kinds = {name.name: name.kind for name in run.inputs}
    assert kinds == {
        str(here / "fixed.csv"): "data",
        str(tmp_path / "given.csv"): "data",
        str(here / "source"): "data",
        str(here / "by-3.csv"): "data",
        str(here / "p.csv"): "data",
        str(here / "models/3.pkl"): "model",
    }
    assert names(run.outputs) == [str(here / "out/3.csv"), str(here / "out/result.csv")]


def test_a_call_that_fails_wrote_nothing_that_was_only_declared(client: Client) -> None:
    @client.register("fails", output_path="out.csv")
    def fails() -> None:
        client.log_output("said")
        raise KeyError("x")

    with pytest.raises(KeyError):
        fails()

    assert names(only(client, "fails").outputs) == ["said"]


def test_files_have_the_version_they_had_when_they_were_read_and_written(
    client: Client, tmp_path: Path
) -> None:
    data = tmp_path / "data.csv"
    data.write_text("first")

    @client.register("rewrite", input_path="path", output_path="path")
    def rewrite(path: str) -> None:
        Path(path).write_text("second")

    rewrite(str(data))
    rewrite(str(data))

    first, second = runs(client, "rewrite")
    assert first.inputs[0].version != first.outputs[0].version
    assert second.inputs[0].version == first.outputs[0].version
    assert first.outputs[0].version.startswith("blake3:")


@pytest.mark.parametrize(
    "given",
    [
        {"input_path": "{nobody}.csv"},
        {"output_path": "{nobody}.csv"},
        {"model_path": "{nobody}"},
        {"input_path": "{return}"},
        {"input_path": "{unclosed"},
        {"input_path": "{}"},
        {"input_path": ""},
        {"input_path": 5},
        {"input_path": ["a", 5]},
        {"input_path": object()},
        {"inputs": ["nobody"]},
        {"inputs": "nobody"},
        {"inputs": [5]},
        {"inputs": 5},
        {"inputs": ["return"]},
        {"outputs": ["nobody"]},
        {"outputs": 5},
        {"params": "some"},
        {"params": ["nobody"]},
        {"params": 5},
        {"component": ""},
        {"component": " "},
    ],
    ids=as_id,
)
def test_misuse_raises_when_decorating(client: Client, given: dict[str, Any]) -> None:
    def func(a: int, b: str = "x") -> None: ...

    with pytest.raises(ConfigurationError):
        client.register(**given)(func)


@pytest.mark.parametrize("thing", [5, "name", int, type, property(lambda self: 1)], ids=as_id)
def test_what_is_no_function_cannot_be_registered(client: Client, thing: Any) -> None:
    with pytest.raises(ConfigurationError):
        client.register("thing")(thing)


@pytest.mark.parametrize("component", [5, 1.5, b"bytes", ["name"], None])
def test_a_block_needs_the_name_of_a_component(client: Client, component: Any) -> None:
    with pytest.raises(ConfigurationError):
        client.run(component)


def test_misuse_seen_in_a_call_costs_the_user_nothing(client: Client, quiet: None) -> None:
    @client.register("computed", input_path=lambda a: 1 / 0, output_path=lambda a: object())
    def func(a: int) -> int:
        return a

    assert func(5) == 5
    assert only(client, "computed").status == "completed"


# -- parameters and code --------------------------------------------------------------------


def test_parameters_are_what_they_were_when_the_call_began(client: Client) -> None:
    @client.register("mutates", params=["config", "rows", "n"])
    def mutates(config: dict[str, Any], rows: list[int], n: int) -> None:
        config["depth"] = 99
        config["nested"]["x"] = 99
        rows.append(99)
        n += 99
        client.log("halfway")
        rows.clear()

    mutates({"depth": 3, "nested": {"x": 1}}, [1, 2], 5)

    params = only(client, "mutates").params
    assert params == {"config": {"depth": 3, "nested": {"x": 1}}, "rows": [1, 2], "n": 5}


def test_secrets_among_the_parameters_are_not_kept(client: Client) -> None:
    @client.register("connects")
    def connects(url: str, password: str, *, api_key: str = "default", depth: int = 3) -> None: ...

    connects("https://example.org/?token=hunter2swordfish", "hunter2", api_key="abc")

    params = only(client, "connects").params
    assert params["password"] == params["api_key"] == "[redacted]"
    assert "hunter2" not in repr(params)
    assert params["depth"] == 3


def test_params_none_keeps_none(client: Client) -> None:
    client.register("quiet", params="none")(lambda a: a)(5)

    assert only(client, "quiet").params == {}


def test_the_code_of_a_run_is_known(client: Client) -> None:
    @client.register("coded", git_hash="abc123")
    def coded() -> None:
        """A line of source."""

    coded()

    run = only(client, "coded")
    assert run.code.git_hash == "abc123"
    assert run.code.function == coded.__qualname__
    assert Path(run.code.file).name == "test_register.py"
    assert "A line of source." in client.source_of(run)


# -- values in memory -----------------------------------------------------------------------


class Thing:
    """An object of a user's."""


@pytest.mark.parametrize(
    "make",
    [
        lambda: Thing(),
        lambda: [1, 2],
        lambda: {"a": 1},
        lambda: {1, 2},
        lambda: (1, [2]),
        lambda: bytearray(b"x" * 100),
        lambda: "text " * 50,
        lambda: b"bytes" * 50,
        lambda: lambda: None,
    ],
    ids=["object", "list", "dict", "set", "tuple", "bytearray", "text", "bytes", "function"],
)
def test_an_object_is_linked_to_the_run_that_returned_it(
    client: Client, make: Callable[[], Any], request: pytest.FixtureRequest
) -> None:
    made = client.register("make")(make)()
    client.register("use")(lambda value: client.log("used"))(made)

    expected = [] if request.node.callspec.id.endswith("function") else ["make"]
    assert producers(client, "used") == expected


def test_an_object_given_by_keyword_or_star_is_linked(client: Client) -> None:
    make = client.register("make")(lambda: Thing())

    @client.register("use")
    def use(*args: Any, **kwargs: Any) -> None:
        client.log("used")

    use(1, make(), key=make())

    assert producers(client, "used") == ["make", "make"]


def test_elements_of_a_returned_tuple_list_or_dict_are_linked(client: Client) -> None:
    a, b, c, d = Thing(), [1], Thing(), {"x": 1}

    @client.register("tuple")
    def make_tuple() -> Any:
        return a, b, 5, "short", None

    @client.register("dict")
    def make_dict() -> Any:
        return {"c": c, "d": d, "n": 5}

    @client.register("use")
    def use(**values: Any) -> None:
        client.log("used")

    first = make_tuple()
    second = make_dict()
    use(a=first[0], b=first[1], n=first[2], s=first[3], none=first[4], c=c, d=second["d"], m=5)

    assert sorted(producers(client, "used")) == ["dict", "dict", "tuple", "tuple"]
    by_name = {i.name: i.evidence for _, i in links(client, "used")}
    assert set(by_name.values()) == {"object"}


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 1


@pytest.mark.parametrize(
    "value",
    [
        0,
        1,
        -1,
        10**30,
        1.5,
        2j,
        True,
        None,
        "",
        "short",
        "x" * 60,
        b"",
        b"short",
        (),
        frozenset(),
        Ellipsis,
        NotImplemented,
        int,
        os,
        len,
        Colour.RED,
        Level.HIGH,
        Thing,
        timezone.utc,
        Path("x"),
        range(0),
        NOW,
        timedelta(0),
    ],
    ids=as_id,
)
def test_what_is_the_same_everywhere_links_nothing(client: Client, value: Any) -> None:
    client.register("make")(lambda: value)()
    client.register("use")(lambda value: client.log("used"))(value)

    assert producers(client, "used") == []


@pytest.mark.parametrize("value", [[], {}, set()], ids=as_id)
def test_an_empty_value_is_not_known_by_its_content(client: Client, value: Any) -> None:
    client.register("make", outputs=["return"])(lambda: copy.copy(value))()
    # Equal, and another object, as what was read from a file would be.
    client.register("use", inputs=["given"])(lambda given: client.log("used"))(copy.copy(value))

    assert producers(client, "used") == [""]


def test_scalars_of_numpy_link_nothing(client: Client) -> None:
    numpy = pytest.importorskip("numpy")
    make = client.register("make")(lambda value: value)

    @client.register("use")
    def use(*values: Any) -> None:
        client.log("used")

    use(*(make(v) for v in (numpy.float64(1), numpy.True_, numpy.int64(3), numpy.dtype("f8"))))

    assert producers(client, "used") == []


def test_frames_and_arrays_are_linked_without_being_declared(client: Client) -> None:
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    make = client.register("make")(lambda: (numpy.arange(3), pandas.DataFrame({"a": [1]})))

    @client.register("use")
    def use(array: Any, frame: Any, copied: Any) -> None:
        client.log("used")

    array, frame = make()
    use(array, frame, frame.copy())

    assert producers(client, "used") == ["make", "make"]


def test_an_id_that_is_used_again_links_nothing(client: Client) -> None:
    make = client.register("make")(lambda: Thing())
    use = client.register("use")(lambda value, i: client.log(f"used-{i}"))

    for i in range(300):
        make()
        gc.collect(0)
        use(Thing(), i)

    linked = [i for i in range(300) if producers(client, f"used-{i}")]
    assert linked == []


def test_an_id_of_a_list_that_is_used_again_links_nothing(client: Client) -> None:
    make = client.register("make")(lambda: [object()])
    use = client.register("use")(lambda value, i: client.log(f"used-{i}"))

    for i in range(100):
        make()
        if i % 10 == 0:
            client.flush()
        use([object()], i)

    assert [i for i in range(100) if producers(client, f"used-{i}")] == []


def test_the_newest_run_that_returned_an_object_made_it(client: Client) -> None:
    thing = Thing()
    client.register("first")(lambda: thing)()
    client.register("second")(lambda value: value)(thing)
    client.register("use")(lambda value: client.log("used"))(thing)

    assert producers(client, "used") == ["second"]


def test_what_a_call_returned_is_not_kept_alive(client: Client) -> None:
    # A loop whose step returns (loss, batch) must not hold hundreds of batches.
    @client.register("step")
    def step(i: int) -> tuple[bytearray, int]:
        return bytearray(1 << 20), i

    step(0)
    client.flush()
    tracemalloc.start()
    try:
        for i in range(50):
            step(i)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 << 20


def test_what_a_returned_container_holds_is_finalized_when_it_would_be(client: Client) -> None:
    finalized = []

    class Connection:
        def __del__(self) -> None:
            finalized.append(True)

    @client.register("connect")
    def open_two() -> list[Connection]:
        return [Connection(), Connection()]

    open_two()
    gc.collect()

    assert finalized == [True, True]


def test_declared_values_are_linked_by_content_where_identity_is_lost(client: Client) -> None:
    numpy = pytest.importorskip("numpy")

    @client.register("make", outputs=["return"])
    def make() -> Any:
        return numpy.arange(1000)

    @client.register("use", inputs=["array"])
    def use(array: Any) -> None:
        client.log("used")

    array = make()
    use(array.copy())

    ((producer, read),) = links(client, "used")
    assert producer == "make"
    assert read.evidence == "content"
    assert read.version.startswith("blake3:")


def test_a_declared_input_that_is_a_text_or_a_path_is_a_pointer(
    client: Client, tmp_path: Path
) -> None:
    @client.register("use", inputs=["where"], outputs=["return"])
    def use(where: Any) -> Any:
        return where

    use("s3://bucket/key")
    use(tmp_path / "file")
    use(Pointer("model://fare", version="7"))
    use(None)

    found = [(names(run.inputs), names(run.outputs)) for run in runs(client, "use")]
    assert found == [
        (["s3://bucket/key"], ["s3://bucket/key"]),
        ([str(tmp_path / "file")], [str(tmp_path / "file")]),
        (["model://fare"], ["model://fare"]),
        ([], []),
    ]


# -- blocks ---------------------------------------------------------------------------------


def test_a_block_of_code_is_a_run(client: Client) -> None:
    with client.run("block", input_path="in.csv", output_path="out.csv", params={"depth": 3}) as r:
        r.log_input("s3://bucket/more")
        r.log_output("s3://bucket/made")
        client.log("pred-1", value=0.83)
        run_id = r.run_id

    run = client.get_run(run_id)
    assert run.status == "completed"
    assert run.params == {"depth": 3}
    assert [Path(n).name for n in names(run.inputs)] == ["in.csv", "more"]
    assert sorted(Path(n).name for n in names(run.outputs)) == ["made", "out.csv", "pred-1"]


def test_a_block_lists_what_it_reads_and_writes(client: Client) -> None:
    rows = [{"fare": 12.5}, {"fare": 3.0}]

    with client.run("load", outputs=[rows]):
        pass
    with client.run("fit", inputs=["rates", Path("in.csv"), rows], outputs="model") as r:
        pass

    run = client.get_run(r.run_id)
    load = only(client, "load")
    assert {Path(n).name for n in names(run.inputs)} == {"rates", "in.csv", "load(0)"}
    assert names(run.outputs) == ["model"]
    (linked,) = [i for i in client.backtrace("model").frames[0].inputs if i.name == "load(0)"]
    assert (linked.producer_run_id, linked.evidence) == (load.run_id, "object")


def test_a_block_that_fails_did_not_write_what_it_listed(client: Client) -> None:
    with pytest.raises(KeyError), client.run("block", outputs=["model"]):
        raise KeyError("x")

    assert only(client, "block").outputs == []


def test_a_path_may_be_given_as_a_pointer(client: Client) -> None:
    @client.register(
        "score",
        input_path=["in.csv", Pointer("s3://lake/in", version="etag:1")],
        model_path=Pointer("churn", version="mlflow:churn/3"),
        output_path=Pointer("scores", version="v7"),
    )
    def score() -> None:
        pass

    score()

    run = only(client, "score")
    assert {(Path(i.name).name, i.kind) for i in run.inputs} == {
        ("in.csv", "data"),
        ("in", "data"),
        ("churn", "model"),
    }
    assert {i.version for i in run.inputs} == {None, "etag:1", "mlflow:churn/3"}
    assert [(o.name, o.kind, o.version) for o in run.outputs] == [("scores", "data", "v7")]


def test_a_block_can_list_only_what_can_be_listed(client: Client) -> None:
    with pytest.raises(ConfigurationError, match="inputs cannot be of type int"):
        client.run("block", inputs=5)


def test_the_code_of_a_block_is_its_with_statement(client: Client) -> None:
    for _ in range(2):
        with client.run("block", params={"depth": 3}):
            pass

    first, second = runs(client, "block")
    assert first.code == second.code
    assert Path(first.code.file or "").name == "test_register.py"
    assert first.code.function == "test_the_code_of_a_block_is_its_with_statement"
    assert client.source_of(first) == ('with client.run("block", params={"depth": 3}):\n    pass\n')


def test_a_block_that_fails_is_a_failed_run(client: Client) -> None:
    error = KeyError("x")

    with pytest.raises(KeyError) as raised, client.run("block", output_path="out.csv"):
        raise error

    assert raised.value is error
    run = only(client, "block")
    assert (run.status, run.error, run.outputs) == ("failed", "KeyError: 'x'", [])


def test_blocks_nest_and_may_be_used_again(client: Client) -> None:
    block = client.run("block")

    with block, block:
        pass
    with block:
        pass

    first, second, third = runs(client, "block")
    assert second.parent_run_id == first.run_id
    assert third.parent_run_id is None


# -- log ------------------------------------------------------------------------------------


def test_an_output_belongs_to_the_innermost_run_of_its_component(client: Client) -> None:
    train = client.create_or_retrieve_component("train")

    @client.register("helper")
    def helper() -> None:
        client.log("innermost")
        client.log("of-train", component=train)
        client.log("of-train-by-name", component="train")
        client.log("of-nobody", component="elsewhere")

    client.register(train)(helper)()

    made = {
        name: client.backtrace(name).frames[0].run
        for name in ("innermost", "of-train", "of-train-by-name", "of-nobody")
    }
    assert {name: run.component for name, run in made.items()} == {
        "innermost": "helper",
        "of-train": "train",
        "of-train-by-name": "train",
        "of-nobody": "elsewhere",
    }
    assert made["of-nobody"].status == "completed"
    assert made["innermost"].parent_run_id == made["of-train"].run_id


def test_an_output_outside_any_run_is_not_lost(client: Client) -> None:
    assert client.log("lonely", value={"score": 1}) == "lonely"

    run = client.backtrace("lonely").frames[0].run
    assert run.component == "log"
    assert run.outputs[0].value == {"score": 1}


def test_an_output_id_is_made_where_none_is_given(client: Client) -> None:
    made = [client.log() for _ in range(100)]
    many = client.log_many([None, "given", None, 7])

    assert len({*made, *many}) == 104
    assert many[1] == "given"
    assert many[3] == "7"
    assert all(client.backtrace(each).frames for each in (*made[:3], *many))


def test_many_outputs_have_their_values_in_order(client: Client) -> None:
    ids = [f"pred-{i}" for i in range(2500)]

    with client.run("batch") as r:
        given = client.log_many(iter(ids), values=({"i": i} for i in range(2500)))
        run_id = r.run_id

    assert given == ids
    trace = client.backtrace("pred-2499")
    assert trace.frames[0].run.run_id == run_id
    assert client.get_run(run_id).outputs_total == 2500
    values = {o.name: o.value for o in client.get_run(run_id).outputs}
    assert all(value == {"i": int(name.split("-")[1])} for name, value in values.items())


@pytest.mark.parametrize(
    "value", [0, 0.0, False, "", [], {}, None, 1.5, "text", [1, {"a": None}], {"a": [1, 2]}]
)
def test_a_value_comes_back_as_it_was(client: Client, value: Any) -> None:
    client.log("pred-1", value=value)

    got = client.backtrace("pred-1").frames[0].run.outputs[0].value
    assert got == value
    assert type(got) is type(value)


def test_a_value_is_what_it_was_when_it_was_logged(client: Client) -> None:
    with client.run("block"):
        value = {"rows": [1]}
        client.log("pred-1", value=value)
        value["rows"].append(2)

    assert client.backtrace("pred-1").frames[0].run.outputs[0].value == {"rows": [1]}


def test_an_output_is_found_while_its_run_goes_on(client: Client) -> None:
    with client.run("block", params={"depth": 3}) as r:
        r.log_input("s3://bucket/raw")
        client.log("pred-1")
        run = client.backtrace("pred-1").frames[0].run

        assert run.status == "running"
        assert run.params == {"depth": 3}
        assert names(run.inputs) == ["s3://bucket/raw"]

    assert client.backtrace("pred-1").frames[0].run.status == "completed"


def test_reads_and_writes_are_dated_when_they_are_logged(client: Client) -> None:
    with client.run("reader") as reader:
        with client.run("before") as before:
            before.log_output("table")
        client.log_input("table")
        with client.run("after") as after:
            after.log_output("table")
        reader.log_output("copy")

    ((producer, read),) = [link for link in links(client, "copy") if link[1].name == "table"]
    assert producer == "before"
    assert read.evidence == "time"


def test_a_pointer_says_version_kind_time_and_run(client: Client) -> None:
    made = client.record_run(
        "made", started_at=NOW, ended_at=NOW + timedelta(seconds=1), outputs=["other"]
    )
    with client.run("use"):
        client.log_input(Pointer("model://fare", version="7", kind="model"))
        client.log_input("model://fare", version="8")
        client.log_input(Pointer("elsewhere", run_id=made))
        client.log_input(Pointer("dated", at=NOW))
        client.log("used")

    found = {(i.name, i.version): (component, i) for component, i in links(client, "used")}
    assert found["model://fare", "7"][1].kind == "model"
    assert ("model://fare", "8") in found
    assert found["elsewhere", None][0] == "made"
    assert found["elsewhere", None][1].evidence == "explicit"
    assert found["dated", None][1].read_at == NOW


@pytest.mark.parametrize(
    "given", [{"kind": "nonsense"}, {"at": NOW.replace(tzinfo=None)}, {"at": "2026-01-01"}]
)
def test_a_pointer_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Pointer("name", **given)


# -- record_run -----------------------------------------------------------------------------


def test_a_run_that_happened_elsewhere_is_recorded_once(client: Client) -> None:
    told: dict[str, Any] = {
        "started_at": NOW,
        "ended_at": NOW + timedelta(seconds=2),
        "inputs": ["raw"],
        "outputs": [Pointer("table", version="7")],
        "run_id": "their-own-id",
        "params": {"depth": 3},
        "git_hash": "abc",
        "pipeline_run_id": "their-pipeline",
        "parent_run_id": "their-parent",
        "host": "elsewhere",
    }

    assert [client.record_run("imported", **told) for _ in range(3)] == ["their-own-id"] * 3

    run = only(client, "imported")
    assert (run.started_at, run.ended_at) == (told["started_at"], told["ended_at"])
    assert (run.params, run.code.git_hash, run.host) == ({"depth": 3}, "abc", "elsewhere")
    assert (run.pipeline_run_id, run.parent_run_id) == ("their-pipeline", "their-parent")
    assert names(run.inputs) == ["raw"]
    assert run.outputs[0].version == "7"


def test_the_id_that_is_made_for_a_run_finds_it(client: Client) -> None:
    run_id = client.record_run("imported", started_at=NOW, ended_at=NOW)

    assert client.get_run(run_id).component == "imported"


@pytest.mark.parametrize(
    "given",
    [
        {"started_at": NOW.replace(tzinfo=None)},
        {"started_at": "2026-01-01"},
        {"started_at": None},
        {"ended_at": NOW.replace(tzinfo=None)},
        {"ended_at": NOW - timedelta(days=1)},
        {"status": "nonsense"},
        {"inputs": 5},
        {"inputs": [5]},
        {"outputs": [object()]},
        {"component": ""},
        {"component": None},
        {"component": 5},
        {"ended_at": None, "status": "completed"},
    ],
    ids=as_id,
)
def test_a_run_that_cannot_have_happened_is_refused(client: Client, given: dict[str, Any]) -> None:
    told = {"component": "imported", "started_at": NOW, "ended_at": NOW, **given}

    with pytest.raises(ConfigurationError):
        client.record_run(**told)


# -- pipelines and sources ------------------------------------------------------------------


def test_runs_inside_a_pipeline_belong_together_and_those_outside_do_not(
    client: Client,
) -> None:
    step = client.register("step")(lambda i: i)

    step(0)
    with client.pipeline("nightly") as outer:
        step(1)
        with client.pipeline("inner", run_id="given") as inner:
            step(2)
        step(3)
    step(4)

    found = {run.params["i"]: run.pipeline_run_id for run in runs(client, "step")}
    assert inner == "given"
    assert found == {0: None, 1: outer, 2: "given", 3: outer, 4: None}
    assert "BACKTRAIL_PIPELINE_RUN" not in os.environ


def test_a_pipeline_decorates_functions_and_each_call_is_a_pipeline_run(client: Client) -> None:
    step = client.register("step")(lambda i: i)

    @client.pipeline("nightly")
    def nightly(i: int) -> int:
        """Say what it does."""
        return step(i)

    @client.pipeline("nightly")
    async def nightly_async(i: int) -> int:
        await asyncio.sleep(0)
        return step(i)

    assert nightly(1) == 1
    assert nightly(2) == 2
    assert asyncio.run(nightly_async(3)) == 3

    found = [run.pipeline_run_id for run in runs(client, "step")]
    assert None not in found
    assert len(set(found)) == 3
    assert nightly.__doc__ == "Say what it does."


def test_a_pipeline_decorates_generators_and_what_their_bodies_run_belongs_to_it(
    client: Client,
) -> None:
    step = client.register("step")(lambda i: i)

    @client.pipeline("nightly")
    def nightly(i: int) -> Iterator[int]:
        yield step(i)
        yield step(i)

    running = nightly(1)
    next(running)
    step(2)
    assert list(running) == [1]

    found = {run.params["i"]: run.pipeline_run_id for run in runs(client, "step")}
    assert found[1] is not None
    assert found[2] is None


def test_a_pipeline_that_fails_is_left(client: Client) -> None:
    with pytest.raises(KeyError), client.pipeline("nightly"):
        raise KeyError("x")

    client.register("step")(lambda: None)()

    assert only(client, "step").pipeline_run_id is None


def test_pipelines_of_two_threads_that_overlap_leave_nothing_behind(client: Client) -> None:
    first, second = client.pipeline("first"), client.pipeline("second")
    turns = [threading.Event() for _ in range(3)]

    def one() -> None:
        with first:
            turns[0].set()
            turns[1].wait(10)
        turns[2].set()

    def two() -> None:
        turns[0].wait(10)
        with second:
            turns[1].set()
            turns[2].wait(10)

    threads = [threading.Thread(target=each) for each in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    left = os.environ.pop("BACKTRAIL_PIPELINE_RUN", None)
    assert left is None


def test_a_client_first_used_inside_a_pipeline_of_another_is_not_in_it_for_good(
    client: Client, tmp_path: Path
) -> None:
    with connect(f"sqlite:///{tmp_path}/other.db") as other:
        step = other.register("step")(lambda i: i)

        with client.pipeline("nightly"):
            step(1)
        step(2)

        found = {run.params["i"]: run.pipeline_run_id for run in runs(other, "step")}
        assert found[2] is None


def test_a_run_inside_one_of_another_store_has_no_caller(client: Client, tmp_path: Path) -> None:
    with connect(f"sqlite:///{tmp_path}/other.db") as other:
        with client.run("outer"), other.run("inner"):
            pass

        assert [run.parent_run_id for run in runs(other, "inner")] == [None]


@pytest.mark.parametrize("name", ["", None, 5])
def test_a_pipeline_needs_a_name(client: Client, name: Any) -> None:
    with pytest.raises(ConfigurationError):
        client.pipeline(name)


def test_a_declared_source_is_no_gap(client: Client) -> None:
    client.source("s3://bucket/raw")
    with client.run("use") as r:
        r.log_input("s3://bucket/raw")
        client.log("used")

    trace = client.backtrace("used")
    assert trace.gaps == []
    assert trace.frames[0].run.inputs[0].evidence == "source"


# -- components -----------------------------------------------------------------------------


def test_the_same_name_is_the_same_component(client: Client) -> None:
    first = client.create_or_retrieve_component("train", owner="@kim")
    second = client.create_or_retrieve_component("train", description="fits")

    assert isinstance(first, Component)
    assert (second.owner, second.description) == ("@kim", "fits")
    assert first.description == "fits"


# -- our own failures -----------------------------------------------------------------------


class Evil:
    """Raises whatever one does with it."""

    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("evil")

    __eq__ = __hash__ = __repr__ = __str__ = __bool__ = __len__ = __iter__ = _fail  # type: ignore[assignment]
    __getattr__ = __format__ = __contains__ = __getitem__ = __reduce_ex__ = _fail  # type: ignore[assignment]
    __fspath__ = __index__ = __float__ = __int__ = __sizeof__ = __dir__ = _fail

    @property
    def __class__(self) -> Any:
        raise RuntimeError("evil")

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise RuntimeError("evil")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"inputs": ["a"], "outputs": ["return", "b"]},
        {"params": ["a", "b"]},
        {"input_path": "a", "output_path": "{return}"},
        {"input_path": "{a}.csv", "output_path": "{b}.csv"},
        {"input_path": lambda a, b: a, "output_path": lambda a, b: b},
    ],
    ids=["auto", "values", "params", "paths", "templates", "computed"],
)
def test_an_object_that_raises_on_every_touch_passes_through_untouched(
    client: Client, quiet: None, options: dict[str, Any]
) -> None:
    a, b = Evil(), Evil()
    func = client.register("evil", **options)(lambda a, b=None: b)

    # pytest must not look at them.
    is_untouched = func(a, b) is b and func(a, b=b) is b

    assert is_untouched
    assert [run.status for run in runs(client, "evil")] == ["completed", "completed"]


def test_every_function_takes_an_object_that_raises_on_every_touch(
    client: Client, quiet: None
) -> None:
    with client.run("evil") as r:
        client.log("value", value=Evil())
        client.log("deep", value={"a": [Evil()]})
        client.log_many(["a", "b"], values=[Evil(), {"x": Evil()}])
        client.log_input(Evil())
        client.log_output(Evil())
        client.log_input("name", version=Evil())  # type: ignore[arg-type]
        r.log_input(Evil())
        r.log_output(Evil())
        assert isinstance(client.log(Evil()), str)
        assert len(client.log_many([Evil(), "fine"])) == 2
        client.log("of-evil", component=Evil())  # type: ignore[arg-type]

    assert only(client, "evil").status == "completed"
    assert client.backtrace("fine").frames


@pytest.mark.parametrize("ids", [5, None, object()], ids=as_id)
def test_output_ids_that_are_no_list_hurt_nobody(client: Client, quiet: None, ids: Any) -> None:
    with client.run("batch"):
        assert isinstance(client.log_many(ids), list)


class BadText(str):
    """A text that cannot be formatted."""

    def __format__(self, spec: str) -> str:
        raise RuntimeError("evil")

    def __len__(self) -> int:
        raise RuntimeError("evil")


class EvilError(Exception):
    """An exception whose message cannot be had."""

    def __init__(self, how: Any) -> None:
        super().__init__()
        self.how = how

    def __str__(self) -> str:
        if isinstance(self.how, BaseException):
            raise self.how
        return self.how  # type: ignore[no-any-return]

    __repr__ = __str__


@pytest.mark.parametrize(
    "how",
    [RuntimeError("evil"), KeyboardInterrupt(), 5, BadText("bad"), "\ud800", "\0"],
    ids=lambda how: type(how).__name__,
)
def test_an_exception_whose_message_cannot_be_had_is_raised_as_it_is(
    client: Client, quiet: None, how: Any
) -> None:
    error = EvilError(how)

    @client.register("fails")
    def fails() -> None:
        raise error

    is_same = False
    try:
        fails()
    except BaseException as caught:  # noqa: BLE001 - pytest must not look at it
        is_same = caught is error
    client.register("next")(lambda: None)()

    assert is_same
    assert only(client, "fails").status == "failed"
    assert only(client, "fails").error.startswith("EvilError")
    assert only(client, "next").parent_run_id is None


def test_an_exception_with_a_huge_message_costs_no_more_than_what_is_kept_of_it(
    client: Client,
) -> None:
    message = "password=" + "x" * (2 << 20)

    @client.register("fails")
    def fails() -> None:
        raise ValueError(message)

    with pytest.raises(ValueError, match="password"):
        fails()  # what is imported and compiled once does not count
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="password"):
            fails()
        client.log(message)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(runs(client, "fails")[0].error) < 10_000
    assert peak < 20 << 20


def test_awkward_texts_are_kept_as_well_as_can_be(client: Client) -> None:
    awkward = ["\ud800", "\0", "é" * 50, "\U0001f600", "a\nb", "'", '"', "%s", "{}", " "]

    for text in awkward:
        client.register("step")(lambda text: text)(text)
        client.log(f"out {text}", value=text)
    with client.run("step", params={text: text for text in awkward}):
        pass

    assert len(runs(client, "step")) == len(awkward) + 1
    assert client.check() == []


def test_numbers_of_any_size_are_kept_as_well_as_can_be(client: Client) -> None:
    with client.run("step", params={"big": 10**30, "inf": float("inf"), "nan": float("nan")}):
        client.log("out", value=[2**70, float("-inf"), 1e308])

    assert client.backtrace("out").frames[0].run.status == "completed"


def test_a_runaway_value_is_cut(client: Client) -> None:
    endless: list[Any] = []
    endless.append(endless)
    client.log("first")
    before = client.stats().bytes
    with client.run("step", params={"endless": endless}):
        client.log("endless", value=endless)
        client.log("large", value="x" * 10_000_000)

    assert client.backtrace("endless").frames
    assert client.stats().bytes - before < 5_000_000


# -- off ------------------------------------------------------------------------------------


def test_mode_off_leaves_plain_calls(tmp_path: Path) -> None:
    client = connect(f"sqlite:///{tmp_path}/bt.db", mode="off")
    step = client.register("step", outputs=["return"])(lambda a: [a])

    assert step(1) == [1]
    assert list(client.register("generator")(generator)(1)) == [1]
    assert asyncio.run(client.register("coroutine")(coroutine)(1)) == 1
    with client.run("block") as r:
        r.log_input("a")
        assert isinstance(r.run_id, str)
    with client.pipeline("nightly"):
        assert client.log("a") == "a"
    assert list(tmp_path.iterdir()) == []
