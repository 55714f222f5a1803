"""Take the current run along to where Python does not: other threads, other processes."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Generic, TypeVar

from .context import calling_run, current_pipeline, current_run, default_pipeline

R = TypeVar("R")


class Carried(Generic[R]):
    """A callable that runs as part of the run that was current when it was made.

    In a thread of the same process it runs in a copy of the context, so `log` and
    what else belongs to the active run reach it. Pickled, it takes the ids along:
    what is recorded in the other process is a run of its own, called by this one.
    """

    def __init__(self, func: Callable[..., R], context: Context) -> None:
        self._func = func
        self._context = context

    def __call__(self, *args: Any, **kwargs: Any) -> R:
        """Call the function, as part of the run."""
        # A copy for each call: a context can be entered by one thread at a time.
        return self._context.copy().run(self._func, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._func, name)

    def __reduce__(self) -> tuple[Any, ...]:
        run = self._context.get(current_run)
        run_id = self._context.get(calling_run) if run is None else run.run_id
        pipeline = self._context.get(current_pipeline)
        if pipeline is None:
            pipeline = default_pipeline() if run is None else run.pipeline
        return _arrive, (self._func, run_id, pipeline)

    def __repr__(self) -> str:
        return f"<carried {self._func!r}>"


def carry(func: Callable[..., R]) -> Carried[R]:
    """Give a function that runs as part of the current run; see `backtrail.carry`."""
    return Carried(func, copy_context())


def _arrive(func: Callable[..., R], run_id: str | None, pipeline: str | None) -> Carried[R]:
    context = copy_context()
    context.run(_set, run_id, pipeline)
    return Carried(func, context)


def _set(run_id: str | None, pipeline: str | None) -> None:
    current_run.set(None)
    calling_run.set(run_id)
    current_pipeline.set(pipeline)
