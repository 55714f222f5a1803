"""Which run is current in this thread or task, and which pipeline run it belongs to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from . import guard

if TYPE_CHECKING:
    from .recorder import Recorder

PIPELINE_VARIABLE = "BACKTRAIL_PIPELINE_RUN"

# What a run has read before it did; never changed in place.
NOTHING: tuple[Any, ...] = ()


class ActiveRun:
    """A run that has started and not ended; belongs to one call.

    ``call`` is an object that no other call has, ``parent_run`` is what facts call
    the parent.
    """

    __slots__ = (
        "call",
        "component",
        "parent",
        "parent_run",
        "params",
        "pipeline",
        "reads",
        "recorder",
        "seq",
        "site",
        "started_us",
        "token",
    )

    call: object
    component: str
    parent: ActiveRun | None
    params: dict[str, Any] | None
    parent_run: int | str | None
    pipeline: str | None
    reads: Sequence[Any]
    recorder: Recorder
    seq: int
    site: int
    started_us: int
    token: Token[ActiveRun | None]

    @property
    def run_id(self) -> str:
        """The public id of the run."""
        return self.recorder.run_id_of(self)

    def log_input(self, pointer: Any, *, version: str | None = None) -> None:
        """Say that this run read ``pointer`` now."""
        try:
            self.recorder.log_input(pointer, version=version, run=self)
        except Exception as error:  # noqa: BLE001 - the guard
            guard.report(error, f"log_input({type(pointer).__name__})")

    def log_output(self, pointer: Any, *, version: str | None = None) -> None:
        """Say that this run wrote ``pointer`` now."""
        try:
            self.recorder.log_output(pointer, version=version, run=self)
        except Exception as error:  # noqa: BLE001 - the guard
            guard.report(error, f"log_output({type(pointer).__name__})")


# A forked child finds its parent's run here. A run of another process is no run of
# ours: a child has a recorder of its own, and whoever reads this compares `recorder`.
current_run: ContextVar[ActiveRun | None] = ContextVar("backtrail_run", default=None)
#: The public id of the run of another process that called what runs here; see `carry`.
calling_run: ContextVar[str | None] = ContextVar("backtrail_calling_run", default=None)
current_pipeline: ContextVar[str | None] = ContextVar("backtrail_pipeline", default=None)


_inherited = os.environ.get(PIPELINE_VARIABLE) or None
_open_pipelines: list[str] = []


def default_pipeline() -> str | None:
    """Give the pipeline run of threads that know none: the one opened last, or the parent's."""
    return _open_pipelines[-1] if _open_pipelines else _inherited


def open_pipeline(run_id: str) -> None:
    """Make a pipeline run known to other threads, and to child processes by their environment."""
    _open_pipelines.append(run_id)
    os.environ[PIPELINE_VARIABLE] = run_id


def close_pipeline(run_id: str) -> None:
    """Take back what `open_pipeline` said; others may have been opened meanwhile."""
    if run_id in _open_pipelines:
        _open_pipelines.remove(run_id)
    current = default_pipeline()
    if current is None:
        os.environ.pop(PIPELINE_VARIABLE, None)
    else:
        os.environ[PIPELINE_VARIABLE] = current
