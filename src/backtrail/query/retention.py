"""What may be pruned: old runs that nothing needs. What is needed, the law says.

Old is a run that had ended before a moment. It stays if it wrote anything but output ids
and values in memory: that a version of something was written is never forgotten, or an
older write would take its place in silence. It stays as well if anything that is not old,
is flagged or has a note was made from it, by the links of a backtrace. So backtraces of all
that is not old are the same afterwards. Of old runs that stay, payloads go: parameters,
values, and the texts of errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from ..store.protocol import RunRow, Store
from .assemble import public_ids
from .freshness import fresher_writes
from .links import Linker

Watch = Callable[[int, int], bool]
# Runs that are looked at together, or taken away in one transaction; and how much they may
# have written, unless it is one run.
_AT_ONCE = 500
_WRITES_AT_ONCE = 20_000


@dataclass(slots=True)
class Pruned:
    """What a pruning did, or of a dry run would do.

    ``kept`` old runs stay for what was made from them; of ``stripped`` the payload went.
    ``truncated`` says that it was ended early: the same again goes on.
    """

    before_us: int
    runs: int = 0
    outputs: int = 0
    kept: int = 0
    stripped: int = 0
    truncated: bool = False


def prune(
    store: Store,
    *,
    at_us: int,
    before_us: int,
    tolerance_us: int,
    dry_run: bool = False,
    watch: Watch | None = None,
) -> Pruned:
    """Take away what is older than a moment and not needed, and the payloads of the rest."""
    done = Pruned(before_us)
    goes_on = _told(watch)
    needed = _Needed(store, before_us, tolerance_us)
    if not needed.find(goes_on):
        done.truncated = True
        return done
    if not dry_run:
        store.begin_pruning(at_us, before_us)
    for keys in _pages(store, before_us):
        stay = [key for key in keys if key in needed.runs]
        go = [key for key in keys if key not in needed.runs]
        if dry_run:
            _count(store, done, stay, go)
        else:
            for some in _parted(store.runs(go).values()):
                runs, outputs = store.drop_runs(at_us, before_us, [row.run for row in some])
                done.runs += runs
                done.outputs += outputs
                done.kept += len(some) - runs
            done.stripped += store.strip_runs(stay)
        done.kept += len(stay)
        if not goes_on(len(keys)):
            done.truncated = True
            return done
    if not dry_run:
        store.tidy(before_us)
    return done


def _count(store: Store, done: Pruned, stay: list[int], go: list[int]) -> None:
    done.runs += len(go)
    done.outputs += sum(len(row.outs) + row.outs_more for row in store.runs(go).values())
    done.stripped += sum(_has_payload(store, row) for row in store.runs(stay).values())


def _has_payload(store: Store, row: RunRow) -> bool:
    if row.params or (row.error and ":" in row.error):
        return True
    if any(out.value is not None for out in row.outs):
        return True
    return bool(row.outs_more) and any(out.value is not None for out in store.more_outputs(row.run))


def _told(watch: Watch | None) -> Callable[[int], bool]:
    reached = 0

    def goes_on(more: int) -> bool:
        nonlocal reached
        reached += more
        return watch is None or watch(reached, 0)

    return goes_on


def _pages(store: Store, before_us: int) -> Iterator[list[int]]:
    after = -1
    while keys := store.old_runs(after, before_us, _AT_ONCE):
        yield keys
        after = keys[-1]


def _parted(rows: Iterable[RunRow]) -> Iterator[list[RunRow]]:
    """Part runs so that none of the parts wrote much, but for a run that is by itself."""
    part: list[RunRow] = []
    room = _WRITES_AT_ONCE
    for row in rows:
        wrote = len(row.outs) + row.outs_more
        if part and wrote > room:
            yield part
            part, room = [], _WRITES_AT_ONCE
        part.append(row)
        room -= wrote
    if part:
        yield part


class _Needed:
    """The runs that must stay, of those that are old; among them some that are not."""

    def __init__(self, store: Store, before_us: int, tolerance_us: int) -> None:
        self._store = store
        self._before_us = before_us
        self._tolerance_us = tolerance_us
        self.runs: set[int] = set()

    def find(self, goes_on: Callable[[int], bool]) -> bool:
        """Find them all; False if it was ended early."""
        store = self._store
        waiting = set(self._named())
        waiting |= store.reaching_back(self._before_us)
        for keys in _pages(store, self._before_us):
            for rows in _parted(store.runs(keys).values()):
                waiting |= store.needed_since(self._before_us, rows)
            if not goes_on(0):
                return False
        while waiting:
            some = list(islice(waiting, _AT_ONCE))
            waiting.difference_update(some)
            self.runs.update(some)
            waiting.update(self._behind(some) - self.runs)
            if not goes_on(0):
                return False
        return True

    def _named(self) -> Iterator[int]:
        """Give runs that people or readers named themselves."""
        store = self._store
        named = store.named_since(self._before_us)
        ids = list(store.run_refs([-key for key in named if key < 0]).values())
        after = ""
        while noted := store.noted(after, _AT_ONCE):
            ids += noted
            after = noted[-1]
        yield from (key for key in named if key > 0)
        yield from (key for key in map(store.key_of, ids) if key is not None)

    def _behind(self, keys: Iterable[int]) -> set[int]:
        """Give the runs one step behind some runs, and those that were fresher than these."""
        store = self._store
        linker = Linker(store, self._tolerance_us)
        rows = linker.runs(keys)
        links = linker.link(rows.values())
        producers = {link.producer for link in links if link.producer is not None}
        ids = public_ids(store, rows)
        for called in store.called_by(ids).values():
            producers.update(key for key, *_ in called)
        artifacts = store.artifacts({link.read.artifact for link in links})
        fresher = fresher_writes(store, links, artifacts, lambda key: store.public_ids([key])[key])
        return producers.union(write.run for write in fresher.values())
