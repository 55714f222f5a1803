"""The decorator and the `with` form.

`register` compiles a function's declarations once, into a `Registration`; each
call then only follows them. The wrapper's own code refers to nothing but its
closure, so that cloudpickle can send it to a worker wherever it could send the
bare function.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from types import FrameType, MethodType, TracebackType
from typing import Any, Protocol

from msgspec import structs

from ..errors import ConfigurationError
from ..model.facts import COMPLETED, KIND_CODES, Artifact, CodeFact
from ..model.names import file_name
from ..model.redaction import redact_value
from . import code, guard
from .component import Component
from .context import NOTHING, ActiveRun, current_run
from .objects import SCALARS, Made
from .params import compile_params
from .paths import PathResolver, compile_argument, compile_paths
from .pointers import Pointer
from .recorder import Recorder, value_version

_DATA, _MODEL, _VALUE = KIND_CODES["data"], KIND_CODES["model"], KIND_CODES["value"]
_MOST_CACHED = 10_000


class Owner(Protocol):
    """What a registration asks of the client it belongs to."""

    recorder: Recorder | None

    def wake(self) -> Recorder | None:
        """Give the recorder, made if need be; None when recording is off."""
        ...


class Registration:
    """What is known of one registered function, worked out once."""

    def __init__(
        self,
        owner: Owner,
        component: str,
        func: Callable[..., Any] | None,
        *,
        input_path: Any = None,
        output_path: Any = None,
        model_path: Any = None,
        git_hash: str | None = None,
        inputs: Iterable[str] = (),
        outputs: Iterable[str] = (),
        params: Any = "auto",
        block: code.CodeLocation | None = None,
    ) -> None:
        self.component = component
        self._owner = owner
        self._func = func
        self._given = {
            "input_path": input_path,
            "output_path": output_path,
            "model_path": model_path,
            "git_hash": git_hash,
            "inputs": inputs,
            "outputs": outputs,
            "params": params,
        }
        signature = None if func is None else _signature(func)
        input_path, read = _take_pointers(input_path, "data")
        model_path, loaded = _take_pointers(model_path, "model")
        output_path, written = _take_pointers(output_path, "data")
        # Beside each resolver, what it resolved to before: all that a call reads, where
        # that is one file, is one object until the file changes, so that the journal
        # knows it again.
        self._reads: list[tuple[PathResolver, int, dict[str, tuple[Any, ...]]]] = [
            (resolver, kind, {})
            for spec, kind, role in (
                (input_path, _DATA, "input_path"),
                (model_path, _MODEL, "model_path"),
            )
            if (resolver := compile_paths(spec, signature, role)) is not None
        ]
        self._writes = compile_paths(output_path, signature, "output_path")
        compiled = _compile_values if func is not None else _hold_values
        self._value_reads = [*_held([*read, *loaded]), *compiled(inputs, signature, "inputs")]
        self._declares_reads = bool(self._reads or self._value_reads)
        named: Any = outputs
        self._digests_return = False
        if func is not None:
            named = [name for name in _checked_names(outputs, "outputs") if name != "return"]
            self._digests_return = "return" in outputs
        self._value_writes = [*_held(written), *compiled(named, signature, "outputs")]
        self._declares_writes = bool(self._writes or self._value_writes or self._digests_return)
        self._params = None if signature is None else compile_params(signature, params)
        self._return_name = f"{component}()"
        self._known_to: Recorder | None = None
        self._site = 0
        self._location = code.locate(func) if func is not None else block
        self._git_hash = git_hash
        self._code: CodeFact | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.component, self._func, self._given)

    # -- the hot path --------------------------------------------------------

    def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ActiveRun | None:
        """Open the run of one call; None when it cannot or should not be recorded."""
        before = current_run.get()
        try:
            recorder = self._owner.recorder
            if recorder is None or recorder is not self._known_to:
                recorder = self._owner.wake()
                if recorder is None:
                    return None
                self._define(recorder)
            reads: Sequence[Any] = NOTHING
            if self._declares_reads or recorder.objects.are_any:
                reads = self._collect_reads(recorder, args, kwargs)
            params = None
            if self._params is not None:
                try:
                    params = self._params(args, kwargs)
                except Exception as error:  # noqa: BLE001 - the guard
                    guard.report(error, f"reading the parameters of {self.component}")
            return recorder.open(self.component, self._site, params, reads, kwargs)
        except BaseException as error:
            # Also when a signal handler raises in the middle: the call that it cut
            # off must not stay the parent of what follows.
            begun = current_run.get()
            if begun is not None and begun is not before:
                begun.recorder.forget(begun)
            if not isinstance(error, Exception):
                raise
            guard.report(error, f"recording a run of {self.component}")
            return None

    def complete(
        self, run: ActiveRun | None, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Close the run of a call that returned ``result``."""
        if run is None:
            return
        recorder = run.recorder
        ended = recorder.now_us()
        writes: Sequence[Any] = NOTHING
        if self._declares_writes or type(result) not in SCALARS:
            writes = self._collect_writes(recorder, run, args, kwargs, result, ended)
        try:
            recorder.close(run, ended, COMPLETED, None, writes)
        except Exception as error:  # noqa: BLE001 - the guard
            recorder.forget(run)
            guard.report(error, f"recording a run of {self.component}")

    def fail(self, run: ActiveRun | None, kwargs: dict[str, Any], error: BaseException) -> None:
        """Close the run of a call that raised."""
        if run is None:
            # Not begun; or a signal handler raised after `begin` had returned and
            # before the wrapper had the run.
            run = current_run.get()
            if run is None or run.call is not kwargs:
                return
        try:
            run.recorder.fail(run, error)
        except BaseException as failure:
            run.recorder.forget(run)
            if not isinstance(failure, Exception):
                raise
            guard.report(failure, f"recording a failed run of {self.component}")

    def _collect_reads(
        self, recorder: Recorder, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Sequence[tuple[Any, ...]]:
        files: list[tuple[Any, ...]] = []
        version_of = recorder.files.version_of
        for resolver, kind, known in self._reads:
            try:
                for name in resolver.resolve(args, kwargs):
                    version = version_of(name)
                    read = known.get(name)
                    if read is None or read[0][1] != version:
                        read = _new_read(known, name, version, kind)
                    files.append(read)
            except Exception as error:  # noqa: BLE001 - the guard
                guard.report(error, f"finding the input path of {self.component}")
        reads = files[0] if len(files) == 1 else [read for (read,) in files]
        if self._value_reads or recorder.objects.are_any:
            return self._with_values(recorder, args, kwargs, reads)
        return reads

    def _with_values(
        self,
        recorder: Recorder,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        files: Sequence[tuple[Any, ...]],
    ) -> Sequence[tuple[Any, ...]]:
        reads = list(files)
        declared: set[int] = set()
        for name, argument in self._value_reads:
            try:
                value = argument(args, kwargs)
                declared.add(id(value))
                read = recorder.read_value(value, f"{self.component}({name})")
                if read is not None:
                    reads.append(read)
            except Exception as error:  # noqa: BLE001 - the guard
                guard.report(error, f"reading the input {name} of {self.component}")
        for value in (*args, *kwargs.values()):
            if type(value) not in SCALARS and id(value) not in declared:
                linked = recorder.read_of(value)
                if linked is not None:
                    reads.append((linked[0], None, None, linked[1], linked[2]))
        return reads

    def _collect_writes(
        self,
        recorder: Recorder,
        run: ActiveRun,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
        ended: int,
    ) -> list[tuple[Any, ...]]:
        """Give what was written, as far as it can be told."""
        writes: list[tuple[Any, ...]] = []
        try:
            if self._writes is not None:
                for name in self._writes.resolve(args, kwargs, result):
                    version = recorder.files.version_of(name)
                    writes.append((Artifact(file_name(name), _DATA), version, ended, None))
            for name, argument in self._value_writes:
                value = argument(args, kwargs)
                if value is not None:
                    made = recorder.made(run, f"{self.component}({name})")
                    writes.append(_value_write(recorder, value, made, ended))
            if type(result) not in SCALARS or self._digests_return:
                made = recorder.made(run, self._return_name)
                if self._digests_return and result is not None:
                    writes.append(_value_write(recorder, result, made, ended))
                elif recorder.objects.remember(result, made):
                    writes.append((made.artifact, None, ended, None))
        except Exception as error:  # noqa: BLE001 - the guard
            guard.report(error, f"recording the outputs of {self.component}")
        return writes

    # -- once a process --------------------------------------------------------

    def _define(self, recorder: Recorder) -> None:
        place, git_hash = self._location, self._git_hash
        if self._func is None:
            # A block is made anew each time it is entered; the place of its code is one.
            known = recorder.block_sites.get((self.component, place, git_hash))
            if known is not None:
                self._site, self._known_to = known, recorder
                return
        if place is not None and place.file is not None and git_hash is None:
            head = code.read_git_head(place.file)
            git_hash = None if head is None else head[1]
        site = recorder.add_site(
            self.component,
            file=None if place is None else code.shown_file(place.file),
            line=None if place is None else place.line,
            function=None if place is None else place.function,
            git_hash=git_hash,
        )
        self._site, self._known_to = site, recorder
        if self._func is None:
            recorder.block_sites[self.component, place, self._git_hash] = site
        if place is not None:
            recorder.new_sites.append(functools.partial(self.examine, site, git_hash))

    def examine(self, site: int, git_hash: str | None) -> CodeFact:
        """Read source and git state of the function; slow, so for the background.

        Once: a forked child, a writer of its own, says what the parent found.
        """
        if self._code is None:
            self._code = self._read_code(site, git_hash)
        return structs.replace(self._code, n=site)

    def _read_code(self, site: int, git_hash: str | None) -> CodeFact:
        place = self._location
        dirty = None
        if self._git_hash is None and place is not None and place.file is not None:
            head = code.read_git_head(place.file)
            dirty = None if head is None else code.is_dirty(head[0], place.file)
        if self._func is None:
            source = None if place is None else code.read_block_source(place)
        else:
            source = code.read_source(self._func)
        digest, text = source or (None, None)
        file = None if place is None else code.shown_file(place.file)
        return CodeFact(site, file, git_hash, dirty, digest, text)


def wrap(registration: Registration, func: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function that records each call of ``func``."""
    if inspect.isasyncgenfunction(func):
        wrapper = _wrap_async_generator(registration, func)
    elif inspect.isgeneratorfunction(func):
        wrapper = _wrap_generator(registration, func)
    elif inspect.iscoroutinefunction(func):
        wrapper = _wrap_coroutine(registration, func)
    elif inspect.isfunction(func):
        wrapper = _wrap_function(registration, func)
    else:
        # A partial or an object with __call__: kept an object, so that it
        # pickles where the bare one did.
        return RegisteredCallable(registration, func)
    return functools.wraps(func)(wrapper)


def _wrap_function(registration: Registration, func: Callable[..., Any]) -> Callable[..., Any]:
    begin, complete, fail = registration.begin, registration.complete, registration.fail

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        run = None
        # All of it inside, since a signal handler may raise between any two steps.
        try:
            run = begin(args, kwargs)
            result = func(*args, **kwargs)
            complete(run, args, kwargs, result)
        except BaseException as error:
            fail(run, kwargs, error)
            raise
        return result

    return wrapper


def _wrap_coroutine(registration: Registration, func: Callable[..., Any]) -> Callable[..., Any]:
    begin, complete, fail = registration.begin, registration.complete, registration.fail

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        run = None
        try:
            run = begin(args, kwargs)
            result = await func(*args, **kwargs)
            complete(run, args, kwargs, result)
        except BaseException as error:
            fail(run, kwargs, error)
            raise
        return result

    return wrapper


def _wrap_generator(registration: Registration, func: Callable[..., Any]) -> Callable[..., Any]:
    begin, complete, fail = registration.begin, registration.complete, registration.fail
    pause, resume = pause_run, resume_run

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        # PEP 380's `yield from`, with the run current only while the body runs.
        generator = func(*args, **kwargs)
        run = None
        step, value = generator.send, None
        try:
            run = begin(args, kwargs)
            while True:
                try:
                    item = step(value)
                except StopIteration as stop:
                    result = stop.value
                    break
                pause(run)
                try:
                    value = yield item
                    step = generator.send
                except GeneratorExit:
                    resume(run)
                    generator.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - passed on to the generator
                    step, value = generator.throw, error
                resume(run)
            complete(run, args, kwargs, result)
        except BaseException as error:
            fail(run, kwargs, error)
            raise
        return result

    return wrapper


def _wrap_async_generator(
    registration: Registration, func: Callable[..., Any]
) -> Callable[..., Any]:
    begin, complete, fail = registration.begin, registration.complete, registration.fail
    pause, resume = pause_run, resume_run

    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = func(*args, **kwargs)
        run = None
        step, value = generator.asend, None
        try:
            run = begin(args, kwargs)
            while True:
                try:
                    item = await step(value)
                except StopAsyncIteration:
                    break
                pause(run)
                try:
                    value = yield item
                    step = generator.asend
                except GeneratorExit:
                    resume(run)
                    await generator.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - passed on to the generator
                    step, value = generator.athrow, error
                resume(run)
            complete(run, args, kwargs, None)
        except BaseException as error:
            fail(run, kwargs, error)
            raise

    return wrapper


def pause_run(run: ActiveRun | None) -> None:
    """Make the run before this one current, while a generator waits."""
    if run is not None:
        run.recorder.leave(run)


def resume_run(run: ActiveRun | None) -> None:
    """Make a paused run current again."""
    if run is not None:
        run.recorder.enter(run)


class RegisteredCallable:
    """A callable object whose calls are recorded; everything else is the object's own."""

    def __init__(self, registration: Registration, func: Callable[..., Any]) -> None:
        self.__dict__["_registration"] = registration
        self.__dict__["_call"] = _wrap_function(registration, func)
        self.__dict__["__wrapped__"] = func
        self.__dict__["__doc__"] = func.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the object, recorded."""
        return self._call(*args, **kwargs)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        # In a class it becomes a method where the bare object did.
        if instance is None or not hasattr(type(self.__dict__["__wrapped__"]), "__get__"):
            return self
        return MethodType(self, instance)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["__wrapped__"], name)

    def __reduce__(self) -> tuple[Any, ...]:
        return RegisteredCallable, (self.__dict__["_registration"], self.__dict__["__wrapped__"])

    def __repr__(self) -> str:
        return f"<registered {self.__dict__['__wrapped__']!r}>"


class RunBlock:
    """`with run(component) as r`: a block of code as a run."""

    def __init__(self, registration: Registration, params: dict[str, Any] | None) -> None:
        self._registration = registration
        self._params = params
        self._open: list[ActiveRun | None] = []

    def __enter__(self) -> ActiveRun | OffRun:
        run = self._registration.begin((), {})
        if run is not None and self._params:
            run.params = self._params
        self._open.append(run)
        return OffRun() if run is None else run

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        run = self._open.pop()
        if exc is None:
            self._registration.complete(run, (), {}, None)
        else:
            self._registration.fail(run, {}, exc)


class OffRun:
    """Stands for a run where recording is off: everything is accepted, nothing kept."""

    run_id = ""

    def log_input(self, pointer: Any, *, version: str | None = None) -> None:
        """Do nothing."""

    def log_output(self, pointer: Any, *, version: str | None = None) -> None:
        """Do nothing."""


def register(owner: Owner, component: Any, options: dict[str, Any]) -> Any:
    """Give the decorator, or the decorated function when used bare; see `backtrail.register`."""
    if component is not None and not isinstance(component, (str, Component)):
        return _decorate(owner, None, options, component)
    return lambda func: _decorate(owner, component, options, func)


def run_block(owner: Owner, component: Any, options: dict[str, Any], caller: FrameType) -> RunBlock:
    """Give the context manager for the block that ``caller`` is at; see `backtrail.run`."""
    params = options.get("params", "auto")
    kept = redact_value(dict(params)) if isinstance(params, dict) else None
    options = {**options, "params": "none"}
    place = code.locate_block(caller)
    name = _name_of(component, None)
    return RunBlock(Registration(owner, name, None, **options, block=place), kept)


def _decorate(owner: Owner, component: Any, options: dict[str, Any], func: Any) -> Any:
    if isinstance(func, (staticmethod, classmethod)):
        return type(func)(_decorate(owner, component, options, func.__func__))
    if inspect.isclass(func) or not callable(func):
        raise ConfigurationError(
            f"register cannot record {func!r}",
            hint="Put it on a function or a method; on __init__ or __call__ of a class.",
        )
    registration = Registration(owner, _name_of(component, func), func, **options)
    return wrap(registration, func)


def _name_of(component: Any, func: Any) -> str:
    if isinstance(component, Component):
        return component.name
    if component is None and func is not None:
        bare = func
        while isinstance(bare, functools.partial):
            bare = bare.func
        component = getattr(bare, "__name__", None) or type(bare).__name__
    if not isinstance(component, str) or not component.strip():
        raise ConfigurationError(
            f"{component!r} names no component", hint="Give a Component or its name."
        )
    return component


def _signature(func: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(func)
    except (TypeError, ValueError):
        return None  # some C functions tell none


def _checked_names(names: Any, what: str) -> list[str]:
    if isinstance(names, str):
        names = [names]
    listed = list(names) if isinstance(names, Iterable) else [names]
    if not all(isinstance(name, str) for name in listed):
        raise ConfigurationError(f"{what} lists names of parameters, not {names!r}")
    return listed


def _compile_values(
    names: Any, signature: inspect.Signature | None, what: str
) -> list[tuple[str, Callable[[tuple[Any, ...], dict[str, Any]], Any]]]:
    listed = _checked_names(names, what)
    known = [] if signature is None else list(signature.parameters)
    for name in listed:
        if name not in known:
            raise ConfigurationError(
                f"{what}=[{name!r}] names no parameter of the function",
                hint=f"Its parameters are: {', '.join(known) or 'none'}.",
            )
    assert signature is not None or not listed
    return [(name, compile_argument(signature, name)) for name in listed]  # type: ignore[arg-type]


def _hold_values(
    values: Any, _signature: object, what: str
) -> list[tuple[str, Callable[[tuple[Any, ...], dict[str, Any]], Any]]]:
    """Take what a block reads or writes: the values themselves, for it has no arguments."""
    if isinstance(values, (str, os.PathLike, Pointer)):
        values = [values]
    if not isinstance(values, Iterable):
        raise ConfigurationError(
            f"{what} cannot be of type {type(values).__name__}",
            hint="For a block of code, give a list of names, paths, pointers or values.",
        )
    return _held(values)


def _held(values: Iterable[Any]) -> list[tuple[str, Callable[..., Any]]]:
    """Give values that depend on no call as those that do are given."""
    return [(str(n), lambda *_, value=value: value) for n, value in enumerate(values)]


def _take_pointers(spec: Any, kind: str) -> tuple[Any, list[Pointer]]:
    """Part the pointers of a `*_path` from its paths: they are names already."""
    listed = spec if isinstance(spec, (list, tuple)) else [spec]
    pointers = [each for each in listed if isinstance(each, Pointer)]
    if not pointers:
        return spec, []
    paths = [each for each in listed if not isinstance(each, Pointer)]
    return paths or None, [replace(each, kind=each.kind or kind) for each in pointers]


def _new_read(
    known: dict[str, tuple[Any, ...]], name: str, version: str | None, kind: int
) -> tuple[Any, ...]:
    """Make the reads of a run that reads one file, at its start: the same for every such call."""
    if len(known) >= _MOST_CACHED:
        known.clear()
    read = known[name] = ((Artifact(file_name(name), kind), version, None, 0, None),)
    return read


def _value_write(recorder: Recorder, value: Any, made: Made, at_us: int) -> tuple[Any, ...]:
    """Give the write of a declared in-memory output, or of what it names."""
    if isinstance(value, (str, os.PathLike, Pointer)):
        return recorder.write_pointer(value, None, at_us)
    recorder.objects.remember(value, made)
    return (made.artifact, value_version(value), at_us, None)


# Set by the client module: gives the owner for functions that arrive pickled.
default_owner: Callable[[], Owner] | None = None


def _restore(component: str, func: Any, given: dict[str, Any]) -> Registration:
    if default_owner is None:
        import importlib

        importlib.import_module("backtrail")
    assert default_owner is not None
    return Registration(default_owner(), component, func, **given)
