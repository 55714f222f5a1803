"""What some run wrote under nearly the name of a gap: it says how to mend the gap.

Nothing here makes a link. The cost is bounded, whatever the size of the store: a
few exact names for each gap, and the newest run of some components.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..model.facts import KIND_CODES
from ..store.protocol import MAX_KEY, ArtifactRow, Probe, Store
from .backtrace import Backtrace

_MOST_GAPS = 10
_MOST_FOLDERS = 8
_MOST_TAILS = 4
_MOST_COMPONENTS = 100
_MOST_OF_A_RUN = 20
_NOBODY = 0
_OUTPUT = KIND_CODES["output"]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """``component`` wrote ``written``, whose name is nearly that of a gap."""

    component: str
    written: str


def near_misses(store: Store, trace: Backtrace) -> dict[str, NearMiss]:
    """Give for names of gaps what was written, before it was read, under nearly that name."""
    read_us: dict[str, int] = {}
    for gap in trace.gaps:
        given = next(each for each in trace.frames[gap.n].inputs if each.name == gap.name)
        read_us[gap.name] = max(given.read_us, read_us.get(gap.name, 0))
        if len(read_us) == _MOST_GAPS:
            break
    if not read_us:
        return {}
    folders = _folders(trace)
    latest = _latest_by_last_part(store)
    found: dict[str, NearMiss] = {}
    for name, at_us in read_us.items():
        candidates = [store.artifact_named(form) for form in _forms(name, folders)]
        candidates += latest.get(posixpath.basename(name.rstrip("/")), [])
        for artifact in candidates:
            component = None if artifact is None else _writer(store, artifact, at_us)
            if artifact is not None and component is not None and artifact.name != name:
                found[name] = NearMiss(component, artifact.name)
                break
    return found


def _forms(name: str, folders: Iterable[str]) -> Iterator[str]:
    """Give the names that code may have meant by the same file, the likeliest first."""
    is_address = "://" in name
    parts = [part for part in name.partition("://")[2 if is_address else 0].split("/") if part]
    if not is_address and not name.startswith("/"):
        for folder in folders:
            yield posixpath.normpath(posixpath.join(folder, name))
    for length in range(min(len(parts), _MOST_TAILS), 0, -1):
        tail = "/".join(parts[-length:])
        yield tail
        yield f"./{tail}"
    for folder in folders:
        yield posixpath.join(folder, parts[-1] if parts else name)


def _folders(trace: Backtrace) -> list[str]:
    """Give folders that relative names may be relative to: of the trace's files, and our own."""
    folders: dict[str, None] = {}
    for frame in trace.frames:
        names = [given.name for given in frame.inputs]
        names += [written.name for written in frame.outputs[:_MOST_OF_A_RUN]]
        for name in names:
            if name.startswith("/"):
                folder = posixpath.dirname(name)
                folders[folder] = folders[posixpath.dirname(folder)] = None
        if len(folders) >= _MOST_FOLDERS:
            break
    try:
        here = [os.getcwd()]
    except OSError:
        here = []
    return list(dict.fromkeys([*here, *list(folders)[:_MOST_FOLDERS]]))


def _latest_by_last_part(store: Store) -> dict[str, list[ArtifactRow]]:
    """Give what the newest run of each component wrote, by the last part of its name."""
    keys: list[int] = []
    for component in store.components()[:_MOST_COMPONENTS]:
        keys += store.runs_of_component(component.component, (MAX_KEY, MAX_KEY), -MAX_KEY, 1)
    written = {
        out.artifact for row in store.runs(keys).values() for out in row.outs[:_MOST_OF_A_RUN]
    }
    found: dict[str, list[ArtifactRow]] = {}
    for artifact in store.artifacts(written).values():
        if artifact.kind != _OUTPUT:
            found.setdefault(posixpath.basename(artifact.name.rstrip("/")), []).append(artifact)
    return found


def _writer(store: Store, artifact: ArtifactRow, at_us: int) -> str | None:
    """Give the component that wrote the artifact last, at or before a time."""
    (writes,) = store.newest_writes([Probe(artifact.artifact, 0, at_us, _NOBODY)])
    if not writes:
        return None
    row = store.runs([writes[0].run])[writes[0].run]
    return store.components([row.component])[0].name
