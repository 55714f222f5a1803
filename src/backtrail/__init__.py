"""backtrail: a backtrace debugger for ML and data pipelines."""

from __future__ import annotations

import functools
from typing import Any

from .capture.component import Component
from .capture.pointers import Pointer
from .client import Client, configure, connect, default_client
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

__version__ = "0.1.0"


def _of_default(name: str) -> Any:
    """Give the package's function for a method of the configured client."""
    method = getattr(Client, name)

    @functools.wraps(method)
    def function(*args: Any, **kwargs: Any) -> Any:
        return method(default_client(), *args, **kwargs)

    return function


create_or_retrieve_component = _of_default("create_or_retrieve_component")
register = _of_default("register")
run = _of_default("run")
log = _of_default("log")
log_many = _of_default("log_many")
log_input = _of_default("log_input")
log_output = _of_default("log_output")
record_run = _of_default("record_run")
pipeline = _of_default("pipeline")
source = _of_default("source")
flush = _of_default("flush")
backtrace = _of_default("backtrace")
who = _of_default("who")
get_run = _of_default("get_run")
history = _of_default("history")
recent = _of_default("recent")
components = _of_default("components")
find = _of_default("find")

__all__ = [
    "AmbiguousIdError",
    "BacktrailError",
    "Client",
    "Component",
    "ComponentConflictError",
    "ConfigurationError",
    "CycleError",
    "NotFoundError",
    "Pointer",
    "SchemaVersionError",
    "StoreUnavailableError",
    "backtrace",
    "components",
    "configure",
    "connect",
    "create_or_retrieve_component",
    "find",
    "flush",
    "get_run",
    "history",
    "log",
    "log_input",
    "log_many",
    "log_output",
    "pipeline",
    "record_run",
    "recent",
    "register",
    "run",
    "source",
    "who",
]
