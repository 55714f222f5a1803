"""`pipeline(name)`: runs that belong together, in child processes too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar, cast

from ..errors import ConfigurationError
from . import guard
from .context import close_pipeline, current_pipeline, open_pipeline
from .register import Owner

F = TypeVar("F", bound=Callable[..., Any])


class PipelineRun:
    """`with pipeline(name) as run_id:` and `@pipeline(name)`."""

    def __init__(self, owner: Owner, name: str, run_id: str | None) -> None:
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f"a pipeline needs a name, not {name!r}")
        self._owner = owner
        self._name = name
        self._run_id = run_id
        self._entered: list[tuple[Any, str]] = []

    def __enter__(self) -> str:
        run_id = self._run_id or ""
        try:
            recorder = self._owner.wake()
            if recorder is not None:
                run_id = recorder.begin_pipeline(self._name, self._run_id)
        except Exception as error:  # noqa: BLE001 - the guard
            guard.report(error, f"beginning the pipeline {self._name}")
        if run_id:
            open_pipeline(run_id)
        self._entered.append((current_pipeline.set(run_id or None), run_id))
        return run_id

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        token, run_id = self._entered.pop()
        if run_id:
            close_pipeline(run_id)
        try:
            current_pipeline.reset(token)
        except ValueError:  # left in another context than it was entered in
            current_pipeline.set(None)

    def __call__(self, func: F) -> F:
        """Make each call of a function a pipeline run."""

        def fresh() -> PipelineRun:
            return PipelineRun(self._owner, self._name, self._run_id)

        if inspect.isgeneratorfunction(func):
            return cast(F, functools.wraps(func)(self._around_generator(func)))
        if inspect.iscoroutinefunction(func):

            @functools.wraps(func)
            async def in_pipeline_async(*args: Any, **kwargs: Any) -> Any:
                with fresh():
                    return await func(*args, **kwargs)

            return cast(F, in_pipeline_async)

        @functools.wraps(func)
        def in_pipeline(*args: Any, **kwargs: Any) -> Any:
            with fresh():
                return func(*args, **kwargs)

        return cast(F, in_pipeline)

    def _around_generator(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Make what a generator's body runs one pipeline run, and nothing in between."""

        def generator(*args: Any, **kwargs: Any) -> Any:
            body = func(*args, **kwargs)
            inside = PipelineRun(self._owner, self._name, self._run_id)
            step, value = body.send, None
            while True:
                with inside as run_id:
                    try:
                        item = step(value)
                    except StopIteration as stop:
                        return stop.value
                inside = PipelineRun(self._owner, self._name, run_id or None)
                try:
                    value = yield item
                    step = body.send
                except GeneratorExit:
                    with inside:
                        body.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - passed on to the generator
                    step, value = body.throw, error

        return generator
