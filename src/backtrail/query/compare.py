"""What differs between two runs: code, parameters, environment, what they handed on.

Each answer is a state of `model.diffs`. What is not known is never called the same:
a version against none, two kinds of versions, hidden parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..model.diffs import (
    CODE,
    DIFFERS,
    ENVIRONMENT,
    MINOR,
    NONE,
    OUTPUT,
    PARAMS,
    SAME,
    UNKNOWN,
    Change,
)
from ..model.facts import DIGEST_KINDS
from ..model.records import Code, Frame, Output, Run, TracedOutput
from ..model.redaction import REDACTED
from ..store.protocol import EnvironmentRow
from .align import matched
from .passing import differ_in_passing, without_ids

_TIME_WORDS = re.compile(r"(?:^|_)(?:time|timestamp|ts|date|day|epoch|since|until|at|now)(?:_|$)")
# Seconds, milliseconds, microseconds and nanoseconds since 1970, from 2001 to 2096.
_MOMENTS = tuple((10**9 * unit, 4 * 10**9 * unit) for unit in (1, 10**3, 10**6, 10**9))


class Item(NamedTuple):
    """Something that a run handed on: to a reader in the trace, or to who asked."""

    name: str
    version: str | None
    value: Any = None


def worst(states: Iterable[str]) -> str:
    """Give the state of a whole from those of its parts."""
    found = set(states)
    return next((each for each in (DIFFERS, MINOR, UNKNOWN, SAME) if each in found), NONE)


# -- versions ------------------------------------------------------------------------


def version_state(a: str | None, b: str | None) -> str:
    """Compare two versions of one thing."""
    if a is None or b is None:
        return UNKNOWN
    if a == b:
        return SAME
    kind_a, colon_a, word_a = a.partition(":")
    kind_b, colon_b, word_b = b.partition(":")
    if (colon_a and kind_a) != (colon_b and kind_b):
        return UNKNOWN
    if kind_a == "stat" and colon_a:
        # A file that was written again has another time, whether or not it is another.
        return DIFFERS if word_a.partition("-")[0] != word_b.partition("-")[0] else UNKNOWN
    return DIFFERS


def is_digest(version: str | None) -> bool:
    """Tell whether a version is a digest of a content."""
    return version is not None and version.partition(":")[0] in DIGEST_KINDS


# -- code ------------------------------------------------------------------------------


def code_state(a: Code, b: Code) -> str:
    """Compare two states of code: by the function's source, else by the commit."""
    commits_differ = bool(a.git_hash and b.git_hash) and a.git_hash != b.git_hash
    if a.digest and b.digest:
        if a.digest != b.digest:
            return DIFFERS
        return MINOR if commits_differ or a.dirty != b.dirty else SAME
    if commits_differ:
        return DIFFERS
    if a.git_hash and b.git_hash and not a.dirty and not b.dirty:
        return SAME
    return UNKNOWN


def code_changes(a: Code, b: Code) -> list[Change]:
    """Give what differs between two states of code."""
    state = code_state(a, b)
    if state in (SAME, UNKNOWN):
        return []
    found = []
    if a.digest and b.digest and a.digest != b.digest:
        found.append(Change(CODE, "source", a.digest, b.digest))
    if a.git_hash != b.git_hash:
        found.append(Change(CODE, "commit", a.git_hash, b.git_hash, state))
    if a.dirty != b.dirty:
        found.append(Change(CODE, "uncommitted changes", a.dirty, b.dirty, MINOR))
    return found


# -- parameters --------------------------------------------------------------------------


def param_state(a: Mapping[str, Any], b: Mapping[str, Any], changes: Sequence[Change]) -> str:
    """Give the state of parameters from what differs in them."""
    if not a and not b:
        return NONE
    return worst([SAME, *(change.state for change in changes)])


def param_changes(
    a: Mapping[str, Any], b: Mapping[str, Any], asked: tuple[str, str] = ("", "")
) -> list[Change]:
    """Give the parameters that differ, or whose values are hidden.

    ``asked`` are the names of the two outputs: a parameter that holds each says nothing.
    """
    found = []
    for name in [*a, *(name for name in b if name not in a)]:
        if name not in a or name not in b:
            found.append(Change(PARAMS, name, a.get(name), b.get(name)))
            continue
        state = _value_state(name, a[name], b[name])
        if state == DIFFERS and _is_id(a[name], b[name], asked):
            state = MINOR
        if state != SAME:
            found.append(Change(PARAMS, name, a[name], b[name], state))
    return found


def _value_state(name: str, a: Any, b: Any) -> str:
    if same_value(a, b):
        return UNKNOWN if isinstance(a, str) and REDACTED in a else SAME
    numbers = [each for each in (a, b) if isinstance(each, (int, float))]
    names_a_time = len(numbers) == 2 and _TIME_WORDS.search(name.lower())
    if names_a_time and any(all(low <= n < high for n in numbers) for low, high in _MOMENTS):
        return MINOR
    return MINOR if differ_in_passing(_text(a), _text(b)) else DIFFERS


def may_explain(change: Change, asked: tuple[str, str]) -> bool:
    """Tell whether a parameter that differs in passing can be why a result does: a date can."""
    return change.state == MINOR and not _is_id(change.a, change.b, asked)


def _is_id(a: Any, b: Any, asked: tuple[str, str]) -> bool:
    """Tell whether two values differ only in the ids of runs, or of the outputs, that they hold."""
    texts = [without_ids(_text(value)) for value in (a, b)]
    for place, name in enumerate(asked):
        if name:
            texts[place] = texts[place].replace(name, "*")
    return texts[0] == texts[1]


def same_value(a: Any, b: Any) -> bool:
    """Compare JSON values: 1 is 1.0 but not true, and NaN is NaN."""
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return bool(a == b) or (type(a) is type(b) and _text(a) == _text(b))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


# -- environment -------------------------------------------------------------------------


class Place(NamedTuple):
    """Where a run ran: machine, packages, Python; ``known`` only where it recorded itself."""

    host: str | None
    row: EnvironmentRow
    known: bool


def environment_state(a: Place, b: Place) -> str:
    """Compare where two runs ran; another machine alone says little."""
    if not (a.known and b.known):
        return UNKNOWN
    pythons, digests = (a.row.python, b.row.python), (a.row.digest, b.row.digest)
    if (all(pythons) and pythons[0] != pythons[1]) or (all(digests) and digests[0] != digests[1]):
        return DIFFERS
    if not all(digests):
        return UNKNOWN
    return MINOR if a.host != b.host else SAME


def environment_changes(
    a: Place, b: Place, packages_a: Mapping[str, str], packages_b: Mapping[str, str]
) -> list[Change]:
    """Give the packages that differ, the version of Python and the machine."""
    found = []
    if a.row.python != b.row.python:
        found.append(Change(ENVIRONMENT, "python", a.row.python, b.row.python))
    for name in sorted({*packages_a, *packages_b}):
        before, after = packages_a.get(name), packages_b.get(name)
        if before != after:
            found.append(Change(ENVIRONMENT, name, before, after))
    if a.host != b.host:
        found.append(Change(ENVIRONMENT, "host", a.host, b.host, MINOR))
    return found


# -- what was handed on --------------------------------------------------------------------


def asked_changes(
    a: TracedOutput, root_a: Frame, b: TracedOutput, root_b: Frame
) -> tuple[str, list[Change]]:
    """Compare what was asked for: two outputs, whatever their names, or all that two runs wrote."""
    if "run" in (a.kind, b.kind):
        return item_changes(_items_asked(a, root_a), _items_asked(b, root_b))
    one, other = (Item(each.name, each.version, each.value) for each in (a, b))
    state = item_state(one, other)
    return state, [] if state == SAME else [item_change(one, other, state)]


def _items_asked(output: TracedOutput, root: Frame) -> list[Item]:
    if output.kind == "run":
        return [Item(each.name, each.version, each.value) for each in root.run.outputs]
    return [Item(output.name, output.version, output.value)]


def items_handed_on(frames: Sequence[Frame]) -> list[list[Item]]:
    """Give for each frame what other frames read of it, as they read it."""
    handed: list[dict[str, Item]] = [{} for _ in frames]
    written: dict[int, dict[str, Output]] = {}
    for frame in frames:
        for given in frame.inputs:
            n = given.producer
            if n is None:
                continue
            item = Item(given.name, given.version)
            if given.version is None:
                if n not in written:
                    written[n] = {each.name: each for each in frames[n].outputs}
                own = written[n].get(given.name)
                if own is not None:
                    item = Item(own.name, own.version, own.value)
            handed[n][given.name] = item
    return [list(each.values()) for each in handed]


def item_changes(a: Sequence[Item], b: Sequence[Item]) -> tuple[str, list[Change]]:
    """Compare what two runs handed on: the state of all, and each that is not the same."""
    states, found = [], []
    for _, one, other in matched(a, b, lambda item: item.name):
        if one is None or other is None:
            continue  # the other run may have written it too, and nobody read it
        state = item_state(one, other)
        states.append(state)
        if state != SAME:
            found.append(item_change(one, other, state))
    if not states:
        return (UNKNOWN if a or b else NONE), found
    return worst(states), found


def item_state(a: Item, b: Item) -> str:
    """Compare two things that were handed on, by version, else by value."""
    state = version_state(a.version, b.version)
    if state == UNKNOWN and a.value is not None and b.value is not None:
        return SAME if same_value(a.value, b.value) else DIFFERS
    return state


def item_change(a: Item, b: Item, state: str) -> Change:
    """Give the change between two things that were handed on."""
    by_value = a.version is None and a.value is not None and b.value is not None
    left, right = (a.value, b.value) if by_value else (a.version, b.version)
    return Change(OUTPUT, a.name, left, right, state, b.name if b.name != a.name else "")


def status_change(a: Run, b: Run) -> Change | None:
    """Give how differently two runs ended; one that goes on says nothing yet."""
    if a.status == b.status or "running" in (a.status, b.status):
        return None
    left, right = (f"{r.status}: {r.error}" if r.error else r.status for r in (a, b))
    return Change(OUTPUT, "status", left, right)
