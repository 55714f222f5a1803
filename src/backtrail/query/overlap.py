"""What two artifacts were both made from: artifact versions behind the one and the other.

Versions are compared, never rows. A content digest is compared whatever the file was
called; any other version together with the name. An input without a version counts as the
same where one run wrote it, or where its name is all that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..model.facts import DIGEST_KINDS
from ..model.records import Frame, Input
from .backtrace import Backtrace

Key = tuple[str, str]
Allowed = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Shared:
    """An artifact version that is behind both, and a run that read or wrote it for each."""

    name: str
    version: str | None
    first: str
    second: str


@dataclass(slots=True)
class Ancestry:
    """What one artifact was made from: by key, its name, version, and who read or wrote it."""

    found: dict[Key, tuple[str, str | None, str]] = field(default_factory=dict)

    def add(self, key: Key, name: str, version: str | None, how: str) -> None:
        """Keep the nearest place where a version was met."""
        self.found.setdefault(key, (name, version, how))


def names_like(trace: Backtrace, name: str) -> set[str]:
    """Give the names in a backtrace that a person means: that name, or paths that end so."""
    every = {given.name for frame in trace.frames for given in frame.inputs}
    every |= {written.name for frame in trace.frames for written in frame.outputs}
    return {name} if name in every else {each for each in every if each.endswith(f"/{name}")}


def shared(
    one: tuple[Backtrace, str], other: tuple[Backtrace, str], allowed: Allowed
) -> list[Shared]:
    """Give what is behind both of two artifacts, each named in a backtrace, the nearest first.

    What is allowed may be behind both, and so may all that was reached only through it on
    both sides.
    """
    near, far = (ancestry(*each, allowed).found for each in (one, other))
    near_all, far_all = (ancestry(*each, lambda _: False).found for each in (one, other))
    # A content may have an allowed name and another: it counts by the one it was reached by.
    result = [
        Shared(name, version, how, far_all[key][2])
        for key, (name, version, how) in near.items()
        if key in far_all
    ]
    result += [
        Shared(name, version, near_all[key][2], how)
        for key, (name, version, how) in far.items()
        if key in near_all and key not in near
    ]
    return result


def ancestry(trace: Backtrace, name: str, allowed: Allowed) -> Ancestry:
    """Give all that an artifact was made from, itself among it; not past what is allowed."""
    result = Ancestry()
    frontier: list[int] = []
    for frame in trace.frames:
        for written in frame.outputs:
            if written.name == name:
                key = _key(name, written.version, frame.run.run_id)
                result.add(key, name, written.version, f"written by {_said(frame)}")
                frontier.append(frame.n)
    for frame in trace.frames:
        for given in frame.inputs:
            if given.name == name:
                frontier += _read(result, frame, given)
    reached = set(frontier)
    for n in frontier:
        frame = trace.frames[n]
        for producer in (*_reads(result, frame, allowed), *frame.calls):
            if producer not in reached:
                reached.add(producer)
                frontier.append(producer)
    return result


def _reads(result: Ancestry, frame: Frame, allowed: Allowed) -> Iterator[int]:
    for given in frame.inputs:
        if not allowed(given.name):
            yield from _read(result, frame, given)


def _read(result: Ancestry, frame: Frame, given: Input) -> list[int]:
    key = _key(given.name, given.version, given.producer_run_id or "")
    result.add(key, given.name, given.version, f"read by {_said(frame)}")
    return [] if given.producer is None else [given.producer]


def _key(name: str, version: str | None, run_id: str) -> Key:
    if version is None:
        return name, f"run {run_id}"
    is_content = version.partition(":")[0] in DIGEST_KINDS and ":" in version
    return ("", version) if is_content else (name, version)


def _said(frame: Frame) -> str:
    return f"#{frame.n} {frame.run.component}"
