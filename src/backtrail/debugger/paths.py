"""`print PATH`: a value out of what is recorded of a run, by a path such as ``params.eta``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import BacktrailError
from ..model.records import Frame
from ..render import words
from ..render.json import frame_dict
from ..render.names import short_names

_INDEX = re.compile(r"\[(\d+)\]|\.?(\d+)(?=[.\[]|\Z)")
_LISTED = 8


class PathError(BacktrailError):
    """A path leads to nothing; the message says where it ends and what there is."""


class Found(NamedTuple):
    """A value, and the parameter that it belongs to, if it is one."""

    value: Any
    parameter: str | None


def value_at(frame: Frame, path: str) -> Found:
    """Give the value at a path of a frame, as its JSON has it; a parameter by its name alone too.

    Members are named (``params.eta``, ``outputs.model.pkl.version``) or counted
    (``inputs[0].name``). Names may hold dots: the longest that fits counts.

    Raises:
        PathError: there is none.
    """
    whole = frame_dict(frame)
    params: dict[str, Any] = whole["params"]
    if _head(whole, path) is None and _head(params, path) is not None:
        path = f"params.{path}"
    found = _walk(whole, path)
    name = _head(params, path.removeprefix("params.")) if path.startswith("params.") else None
    return Found(found, name)


def names_in(frame: Frame) -> list[str]:
    """Give paths that a person may want, for completion."""
    whole = frame_dict(frame)
    paths = list(whole)
    paths += [f"params.{name}" for name in whole["params"]]
    for what in ("inputs", "outputs"):
        names = short_names(each["name"] for each in whole[what][:100])
        paths += [f"{what}.{name}" for name in names.values()]
    return paths


def _walk(value: Any, path: str) -> Any:
    rest = path
    while rest:
        inner, taken = _step(value, rest, path.removesuffix(rest).rstrip("."))
        value, rest = inner, rest[taken:].removeprefix(".")
    return value


def _step(value: Any, path: str, so_far: str) -> tuple[Any, int]:
    """Give the next value, and how much of the path led to it."""
    if isinstance(value, Mapping):
        key = _head(value, path)
        if key is not None:
            return value[key], len(key)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        matched = _INDEX.match(path)
        if matched is not None and int(matched[1] or matched[2]) < len(value):
            return value[int(matched[1] or matched[2])], matched.end()
        named = _by_name(value)
        key = _head(named, path)
        if key is not None:
            return named[key], len(key)
        value = named
    raise _nothing(value, path, so_far)


def _by_name(entries: Sequence[Any]) -> dict[str, Any]:
    """Give the entries of a list that have names by those, whole and short."""
    named = {e["name"]: e for e in entries if isinstance(e, Mapping) and "name" in e}
    return {**named, **{short: named[name] for name, short in short_names(named).items()}}


def _head(value: Mapping[str, Any], path: str) -> str | None:
    """Give the longest key that the path begins with."""
    fitting = [key for key in value if path == key or path.startswith((f"{key}.", f"{key}["))]
    return max(fitting, key=len, default=None)


def _nothing(value: Any, path: str, so_far: str) -> PathError:
    where = f"{so_far or 'this run'} has no {path.partition('.')[0]}"
    if not isinstance(value, Mapping):
        return PathError(f"{so_far} is a single value: it has no {path}")
    shown = ", ".join(list(value)[:_LISTED]) + (", ..." if len(value) > _LISTED else "")
    return PathError(where, hint=f"It has: {shown}" if value else "It has nothing.")


def shortly(values: Mapping[str, Any], name: str) -> str:
    """Give a value of an earlier run in a few words."""
    return words.value(values[name]) if name in values else "not there"
