"""Choose what a review compares: flagged outputs, and outputs like them that are not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from ..model.facts import CLOSED, KIND_CODES, OPEN
from ..store.protocol import MAX_KEY, ArtifactRow, FlagRow, OutRow, Probe, RunRow, Store, WriteRow
from .links import Linker
from .marks import flagged_artifacts

T = TypeVar("T")

_NOBODY = 0
_OUTPUT = KIND_CODES["output"]
_AT_ONCE = 2_000
_DAY_US = 86_400_000_000
# Outputs from long before or after were hardly looked at: that nobody flagged them says little.
_MARGIN_US = 7 * _DAY_US
# Runs of a component that are compared; of more, as many as come nearest to it.
MOST_COMPARED = 10_000
_LISTED_AT_ONCE = 10_000
_FEWEST_OF_A_SIDE = 25


@dataclass(slots=True)
class Compared:
    """Outputs by what they are behind of, (run, when written); times in between.

    The flagged ones by name, the others counted, with one name in ``examples``.
    ``component_of`` has the component of each run. ``names`` are the flagged artifacts,
    ``unwritten`` those of which no write is recorded. ``sampled`` says that not every
    run in that time was taken.
    """

    flagged: dict[tuple[int, int], list[str]] = field(default_factory=lambda: defaultdict(list))
    others: Counter[tuple[int, int]] = field(default_factory=Counter)
    examples: dict[tuple[int, int], str] = field(default_factory=dict)
    component_of: dict[int, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    first_us: int | None = None
    last_us: int | None = None
    from_us: int | None = None
    until_us: int | None = None
    sampled: bool = False


def compare(
    store: Store, linker: Linker, since_us: int | None = None, until_us: int | None = None
) -> Compared:
    """Give the flagged outputs written in [since, until), and unflagged ones to compare with.

    Those are written by the same components, are of the same kinds, and come from the
    time of the flagged ones widened on both sides by a week, or by its own length if
    that is more, and to 25 runs at least; of more than `MOST_COMPARED` runs every
    second, fourth and so on.
    """
    found = Compared()
    low = -MAX_KEY if since_us is None else since_us
    high = MAX_KEY if until_us is None else until_us
    artifacts, writes = _flagged_writes(store, found, low, high)
    rows: dict[int, RunRow] = {}
    for part in _parts(sorted({write.run for write in writes})):
        rows.update(linker.runs(part))
    marked: dict[int, dict[str, WriteRow]] = defaultdict(dict)
    kinds: dict[int, set[int]] = defaultdict(set)
    for artifact, write in zip(artifacts, writes, strict=True):
        if write.run in rows:
            marked[write.run][artifact.name] = write
            kinds[rows[write.run].component].add(artifact.kind)
    for component, wanted in sorted(kinds.items()):
        runs = [rows[run] for run in marked if rows[run].component == component]
        keys = _like(store, found, component, runs, (low, high))
        by_time = store.has_calls()
        for part in _parts(sorted({*keys, *(run.run for run in runs)})):
            _count(store, found, linker.runs(part).values(), marked, wanted, by_time=by_time)
    return found


def _flagged_writes(
    store: Store, found: Compared, low: int, high: int
) -> tuple[list[ArtifactRow], list[WriteRow]]:
    """Give each flagged artifact with the write that was the newest when it was flagged."""
    artifacts: list[ArtifactRow] = []
    writes: list[WriteRow] = []
    for part in _parts(list(flagged_artifacts(store))):
        rows = {row.artifact: row for row in part}
        marks = _open_marks(store.flags(rows))
        newest = store.newest_writes(
            [Probe(artifact, 0, at_us, _NOBODY) for artifact, at_us in marks]
        )
        # A clock that is behind may flag what it says is not yet written.
        ever = store.newest_writes([Probe(artifact, 0, MAX_KEY, _NOBODY) for artifact in rows])
        last = dict(zip(rows, ever, strict=True))
        seen: set[tuple[int, int]] = set()
        for (artifact, _), ties in zip(marks, newest, strict=True):
            write = _one_of(store, ties or last[artifact])
            if write is None:
                found.unwritten.append(rows[artifact].name)
            elif (artifact, write.run) not in seen and low <= write.at_us < high:
                seen.add((artifact, write.run))
                artifacts.append(rows[artifact])
                writes.append(write)
    found.names = [artifact.name for artifact in artifacts]
    found.first_us = min((write.at_us for write in writes), default=None)
    found.last_us = max((write.at_us for write in writes), default=None)
    return artifacts, writes


def _open_marks(marks: Iterable[FlagRow]) -> list[tuple[int, int]]:
    """Give artifact and time of the marks that still stand: those since the last withdrawal."""
    withdrawn: set[int] = set()
    standing: dict[tuple[int, int], None] = {}
    for mark in marks:
        if mark.state in CLOSED:
            withdrawn.add(mark.artifact)
        elif mark.state == OPEN and mark.artifact not in withdrawn:
            standing[mark.artifact, mark.at_us] = None
    return list(standing)


def _one_of(store: Store, ties: list[WriteRow]) -> WriteRow | None:
    if len(ties) < 2:
        return ties[0] if ties else None
    ids = store.public_ids({write.run for write in ties})
    return max(ties, key=lambda write: ids[write.run])


def _like(
    store: Store,
    found: Compared,
    component: int,
    runs: Sequence[RunRow],
    bounds: tuple[int, int],
) -> list[int]:
    """Give the runs of a component around the flagged ones; of very many, every second or so.

    The share that is taken must be the same at every time: where it were smaller among
    the flagged ones, all that happened then would look suspicious.
    """
    low, high = _window(store, component, runs, bounds)
    kept: list[int] = []
    step = 1
    for n, key in enumerate(_listed(store, component, low, high)):
        if n % step == 0:
            kept.append(key)
            if len(kept) > MOST_COMPARED:
                found.sampled = True
                kept, step = kept[::2], 2 * step
    return kept


def _window(
    store: Store, component: int, runs: Sequence[RunRow], bounds: tuple[int, int]
) -> tuple[int, int]:
    """Give the time in which the runs started that are compared, both ends included."""
    first = min(run.started for run in runs)
    last = max(run.started for run in runs)
    margin = max(last - first, _MARGIN_US)
    low, high = max(first - margin, bounds[0]), min(last + margin, bounds[1])
    before = store.runs_of_component(component, (first, -1), bounds[0], _FEWEST_OF_A_SIDE)
    if before:
        low = min(low, store.runs(before[-1:])[before[-1]].started)
    newest = min(store.last_run_of_component(component) or last, bounds[1])
    while high < newest and _few(store, component, last + 1, high):
        margin *= 2
        high = min(last + margin, bounds[1])
    return low, high


def _few(store: Store, component: int, low: int, high: int) -> bool:
    newest = (high, MAX_KEY)
    found = store.runs_of_component(component, newest, low, _FEWEST_OF_A_SIDE)
    return len(found) < _FEWEST_OF_A_SIDE


def _listed(store: Store, component: int, low: int, high: int) -> Iterator[int]:
    """Give all runs of a component that started in [low, high], the newest first."""
    before = (high, MAX_KEY)
    while keys := store.runs_of_component(component, before, low, _LISTED_AT_ONCE):
        yield from keys
        if len(keys) < _LISTED_AT_ONCE:
            return
        before = (store.runs(keys[-1:])[keys[-1]].started, keys[-1])


def _count(
    store: Store,
    found: Compared,
    rows: Iterable[RunRow],
    marked: dict[int, dict[str, WriteRow]],
    wanted: set[int],
    *,
    by_time: bool,
) -> None:
    """Count a run's outputs; by when they were written, where that can matter."""
    rows = list(rows)
    artifacts = store.artifacts({out.artifact for row in rows for out in row.outs})
    for row in rows:
        found.component_of[row.run] = row.component
        flags = dict(marked.get(row.run, {}))
        for out in row.outs:
            at_us = out.at_us if by_time else MAX_KEY
            name = artifacts[out.artifact].name
            if name in flags and flags[name].at_us == out.at_us:
                found.flagged[row.run, at_us].append(name)
                del flags[name]
            elif _is_other(out, artifacts[out.artifact], wanted):
                found.others[row.run, at_us] += 1
                found.examples[row.run, at_us] = name
                _stretch(found, out.at_us)
        # Of a run with a great many outputs, the rest is counted without being listed.
        for name, flag in flags.items():
            found.flagged[row.run, flag.at_us if by_time else MAX_KEY].append(name)
        rest = row.outs_more - len(flags)
        if rest > 0 and _OUTPUT in wanted:
            at_us = row.started if row.ended is None else row.ended
            found.others[row.run, at_us if by_time else MAX_KEY] += rest


def _is_other(out: OutRow, artifact: ArtifactRow, wanted: set[int]) -> bool:
    """Tell whether an output that is not flagged itself may be compared with those that are.

    Another write of a flagged output id is neither right nor wrong: it was made again.
    """
    return artifact.kind in wanted and not (artifact.flagged and artifact.kind == _OUTPUT)


def _stretch(found: Compared, at_us: int) -> None:
    found.from_us = at_us if found.from_us is None else min(found.from_us, at_us)
    found.until_us = at_us if found.until_us is None else max(found.until_us, at_us)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for n in range(0, len(items), _AT_ONCE):
        yield items[n : n + _AT_ONCE]
