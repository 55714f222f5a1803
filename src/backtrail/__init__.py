"""backtrail: a backtrace debugger for ML and data pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .capture.component import Component
from .capture.pointers import Pointer
from .client import Client, connect
from .client import default as _default
from .errors import (
    AmbiguousIdError,
    BacktrailError,
    ComponentConflictError,
    ConfigurationError,
    CycleError,
    NotFoundError,
    SchemaVersionError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from .model.diffs import Change, DiffRow, Divergence
    from .model.records import ComponentRecord, Frame, Input, Output, Run
    from .query.backtrace import Backtrace
    from .query.diff import BacktraceDiff
    from .query.explain import Explanation
    from .query.impact import Impact
    from .query.review import Review, ReviewRow, Suspect
    from .query.staleness import Staleness

__version__ = "0.1.0"


create_or_retrieve_component = _default.create_or_retrieve_component
register = _default.register
run = _default.run
log = _default.log
log_many = _default.log_many
log_input = _default.log_input
log_output = _default.log_output
record_run = _default.record_run
pipeline = _default.pipeline
source = _default.source
carry = _default.carry
configure = _default.configure
flush = _default.flush
backtrace = _default.backtrace
diff = _default.diff
impact = _default.impact
who = _default.who
get_run = _default.get_run
history = _default.history
recent = _default.recent
components = _default.components
find = _default.find
flag = _default.flag
unflag = _default.unflag
assign = _default.assign
flagged = _default.flagged
marks = _default.marks
review = _default.review
note = _default.note
stale = _default.stale
explain = _default.explain


# What questions are answered with is loaded when it is named: recording needs none of it.
_ANSWERS = {
    "Backtrace": "query.backtrace",
    "Explanation": "query.explain",
    "Staleness": "query.staleness",
    "BacktraceDiff": "query.diff",
    **dict.fromkeys(("Change", "DiffRow", "Divergence"), "model.diffs"),
    **dict.fromkeys(("Review", "ReviewRow", "Suspect"), "query.review"),
    "Impact": "query.impact",
    **dict.fromkeys(("ComponentRecord", "Frame", "Input", "Output", "Run"), "model.records"),
}


def __getattr__(name: str) -> Any:
    module = _ANSWERS.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{module}", __name__), name)
    return value


def load_ipython_extension(ipython: Any) -> None:
    """Add ``%bt`` to IPython: what ``%load_ext backtrail`` calls."""
    from .cli.notebook import load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """Take ``%bt`` away again."""
    from .cli.notebook import unload

    unload(ipython)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "AmbiguousIdError",
    "Backtrace",
    "BacktraceDiff",
    "BacktrailError",
    "Change",
    "Client",
    "Component",
    "ComponentConflictError",
    "ComponentRecord",
    "ConfigurationError",
    "CycleError",
    "DiffRow",
    "Divergence",
    "Explanation",
    "Frame",
    "Impact",
    "Input",
    "NotFoundError",
    "Output",
    "Pointer",
    "Review",
    "ReviewRow",
    "Run",
    "SchemaVersionError",
    "Staleness",
    "StoreUnavailableError",
    "Suspect",
    "assign",
    "backtrace",
    "carry",
    "components",
    "configure",
    "connect",
    "create_or_retrieve_component",
    "diff",
    "explain",
    "find",
    "flag",
    "flagged",
    "flush",
    "get_run",
    "history",
    "impact",
    "log",
    "log_input",
    "log_many",
    "log_output",
    "marks",
    "note",
    "pipeline",
    "recent",
    "record_run",
    "register",
    "review",
    "run",
    "source",
    "stale",
    "unflag",
    "who",
]
