"""Walk downstream: every run that is built on what was asked about, each once.

The exact inverse of `backtrace`: a run is reached where one of its reads links to
what a reached run wrote, by the same `links.Linker`. A run that only called a
reached run is reached from that run's end on: what it wrote before is not
affected, unless data leads to it too.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple, TypeVar

from ..model.facts import COMPLETED, KIND_CODES, RUNNING
from ..store.protocol import MAX_KEY, ArtifactRow, OutRow, RunRow, Store, Written
from .assemble import public_id
from .keyset import KeySet
from .links import Link, Linker
from .origins import WRITES_AT_ONCE, Candidates, Runs, Things
from .readers import readers_naming, readers_of

T = TypeVar("T")
Watch = Callable[[int, int], bool]

# All that a run wrote is affected.
ALWAYS = -MAX_KEY
# Runs whose rows are in memory at once; each may hold a thousand outputs.
_AT_ONCE = 100
# Reads and writes of rows that are kept from where a run is reached to where it is gone on from.
_MOST_KEPT = 50_000
_MOST_NAMES = 8
# Runs, and about so many reads, that are linked once more to show what led to them.
_LINKED_AT_ONCE, _MOST_LINKED = 50, 10_000
_OUTPUT = KIND_CODES["output"]


class Reach(NamedTuple):
    """How a run was reached: from when on its writes are affected, from which run, how far away.

    ``via`` is the key of the run before it, 0 where there is none.
    """

    from_us: int
    via: int
    depth: int


class Step(NamedTuple):
    """What led to a run: the run before it, 0 for an artifact that was asked about.

    ``artifact`` is what was read of it, 0 where ``run`` called ``before``.
    """

    before: int
    run: int
    artifact: int


class Group:
    """What is counted of the runs of one component at one distance."""

    def __init__(self, row: RunRow, number: int) -> None:
        self.number = number
        self.component = row.component
        self.first_run = row.run
        self.runs = self.outputs = self.flagged = self.failed = 0
        self.first_us = self.last_us = row.started
        self.artifacts: list[int] = []
        self.called = False

    def add(self, row: RunRow, link: Link | None, *, called: bool) -> None:
        """Count a run that was reached."""
        self.runs += 1
        self.first_us = min(self.first_us, row.started)
        self.last_us = max(self.last_us, row.started)
        self.failed += row.status not in (COMPLETED, RUNNING)
        self.called = self.called or called
        artifact = 0 if link is None else link.read.artifact
        if artifact and len(self.artifacts) < _MOST_NAMES and artifact not in self.artifacts:
            self.artifacts.append(artifact)


class Walk:
    """The runs downstream of an origin; `order` has their keys, nearest first.

    `group_of` has the number of the group of each, beside it. What is kept of a run is 21
    bytes or so; rows are loaded when they are needed.
    """

    def __init__(
        self,
        store: Store,
        origin: Runs | Things,
        tolerance_us: int,
        *,
        limit: int | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.order = array("q")
        self.group_of = array("i")
        self.groups: dict[tuple[int, int], Group] = {}
        self.truncated = False
        self._store = store
        self._origin = origin
        self._tolerance_us = tolerance_us
        self._limit = limit
        self._watch = watch
        self._via = array("q")
        self._levels: list[int] = []
        self._seen = KeySet()
        # Runs that were reached through calls: how, each time that more of them counted.
        self._late: dict[int, list[Reach]] = {}
        self._again: list[int] = []
        self._counted = KeySet()
        self._kept: dict[int, RunRow] = {}
        self._room = _MOST_KEPT
        self._done = 0
        # Mostly none has, and an id has to be worked out.
        self._named = store.has_named()
        try:
            self._walk()
        except _StoppedError:
            self.truncated = True

    # -- what is known of the runs reached --------------------------------------------

    @property
    def first_downstream(self) -> int:
        """The place in `order` of the first run that was not asked about itself."""
        return self._levels[1] if len(self._levels) > 1 else len(self.order)

    def __contains__(self, run: int) -> bool:
        """Tell whether a run was reached."""
        return run in self._seen

    def reaches(self, run: int) -> list[Reach]:
        """Give how a run was reached, each time more of what it wrote than before."""
        late = self._late.get(run)
        if late is not None:
            return late
        place = self.order.index(run)
        return [Reach(ALWAYS, self._via[place], self.depth_at(place))]

    def depth_at(self, place: int) -> int:
        """Give the fewest links from the origin to the run at a place in `order`."""
        return bisect_right(self._levels, place) - 1

    def from_us(self, run: int) -> int:
        """Give from when on what a reached run wrote is affected."""
        late = self._late.get(run)
        return ALWAYS if late is None else late[-1].from_us

    def outputs(self, seen: KeySet) -> Iterator[tuple[RunRow, OutRow, ArtifactRow]]:
        """Give each output id that is affected once, the nearest first; ``seen`` ones are not."""
        for keys in batches(self.order, _AT_ONCE):
            rows = self._store.runs(keys)
            reached = [rows[key] for key in keys if key in rows]
            for batch in batches(_affected(self._store, reached, self.from_us), WRITES_AT_ONCE):
                yield from _output_ids(self._store, batch, seen)

    def link_of(self, row: RunRow, reach: Reach) -> Link | None:
        """Give the link through which a run was reached; None where it called the run before it."""
        for link in Linker(self._store, self._tolerance_us).link([row]):
            if reach.via:
                # As much as counted of that run when this one was reached: no way round.
                since = self._from_at(reach.via, reach.depth - 1)
                if link.producer == reach.via and (link.written_us or 0) >= since:
                    return link
            elif self._is_of_origin(link):
                return link
        return None

    def steps_to(self, places: Iterable[int]) -> Iterator[Step]:
        """Give all that leads to the runs at these places in `order`, by each of their links.

        It ends early where that were very many reads.
        """
        reads = 0
        for batch in batches(places, _LINKED_AT_ONCE):
            linker = Linker(self._store, self._tolerance_us)
            rows = linker.runs([self.order[place] for place in batch])
            direct = {self.order[place] for place in batch if self.depth_at(place) == 1}
            for link in linker.link(rows.values()):
                run, artifact = link.reader.run, link.read.artifact
                if self._counts(link):
                    yield Step(link.producer or 0, run, artifact)
                # Whatever reads an artifact that was asked about is one link away from it.
                if run in direct and self._is_of_origin(link):
                    yield Step(0, run, artifact)
            for run in rows:
                for reach in self._late.get(run, ()):
                    if reach.from_us > ALWAYS:
                        yield Step(reach.via, run, 0)
            reads += sum(len(row.ins) for row in rows.values())
            if reads > _MOST_LINKED:
                return

    def _counts(self, link: Link) -> bool:
        """Tell whether a link leads from what is affected of a run that was reached."""
        producer = link.producer
        if producer is None or producer not in self._seen:
            return False
        return (link.written_us or 0) >= self.from_us(producer)

    def _is_of_origin(self, link: Link) -> bool:
        return isinstance(self._origin, Things) and self._origin.is_read(self._store, link)

    # -- the walk ---------------------------------------------------------------------

    def _walk(self) -> None:
        self._levels.append(0)
        if isinstance(self._origin, Runs):
            for keys in self._origin.pages:
                for row in self._rows(keys):
                    self._reach(row, Reach(ALWAYS, 0, 0), None)
                self._tell()
        else:
            self._levels.append(0)
            for found in self._origin.candidates(self._store, self._tolerance_us):
                self._link(found, self._origin.accepts, 1)
        begin = 0
        while begin < len(self.order) or self._again:
            depth, end = len(self._levels) - 1, len(self.order)
            self._levels.append(end)
            again, self._again = self._again, []
            for keys in batches(chain(self.order[begin:end], again), _AT_ONCE):
                self._expand({key: self._from_at(key, depth) for key in keys}, depth + 1)
                self._done = min(self._done + len(keys), end)
                self._tell()
            begin = self._done = end

    def _tell(self) -> None:
        waiting = len(self.order) - self._done
        if self._watch is not None and not self._watch(len(self.order), waiting):
            raise _StoppedError

    def _id_of(self, row: RunRow) -> str:
        """Give a run's public id, where any read may have named it."""
        return public_id(self._store, row) if self._named else ""

    def _from_at(self, run: int, depth: int) -> int:
        """Give from when on a run counts, as far as was known at a distance."""
        for reach in reversed(self._late.get(run, ())):
            if reach.depth <= depth:
                return reach.from_us
        return ALWAYS

    def _expand(self, front: Mapping[int, int], depth: int) -> None:
        """Reach all that is one link downstream of these runs (key: from when on they count)."""

        def accepts(link: Link) -> bool:
            since = front.get(link.producer or 0)
            return since is not None and (link.written_us or 0) >= since

        rows = self._rows(front)
        for writes in batches(self._writes(rows, front, depth - 1), WRITES_AT_ONCE):
            artifacts = frozenset(write.artifact for write in writes)
            contents = frozenset(write.version for write in writes if write.version > 0)
            for runs in readers_of(self._store, writes, self._tolerance_us):
                self._link(Candidates(runs, artifacts, contents), accepts, depth)
        ids = {row.run: self._id_of(row) for row in rows}
        for runs in readers_naming(self._store, ids):
            self._link(Candidates(runs), accepts, depth)
        self._reach_callers(rows, depth)

    def _writes(
        self, rows: Iterable[RunRow], front: Mapping[int, int], depth: int
    ) -> Iterator[Written]:
        """Give the affected writes of these runs, and count the output ids among them."""
        affected = _affected(self._store, rows, front.__getitem__)
        for batch in batches(affected, WRITES_AT_ONCE):
            for row, _, artifact in _output_ids(self._store, batch, self._counted):
                late = self._late.get(row.run)
                group = self.groups[late[0].depth if late else depth, row.component]
                group.outputs += 1
                group.flagged += artifact.flagged
            for row, (artifact_key, version, at_us, _) in batch:
                yield Written(artifact_key, version, at_us, row.run)

    def _link(self, found: Candidates, accepts: Callable[[Link], bool], depth: int) -> None:
        """Reach those of the runs that have a link which is accepted."""
        may_grow = [run for run in found.runs if self._may_grow(run)]
        for keys in batches(sorted(may_grow), _AT_ONCE):
            linker = Linker(self._store, self._tolerance_us)
            rows = linker.runs(keys)
            for link in linker.link([_narrowed(row, found) for row in rows.values()]):
                if accepts(link):
                    via = link.producer if depth > 1 or isinstance(self._origin, Runs) else 0
                    self._reach(rows[link.reader.run], Reach(ALWAYS, via or 0, depth), link)
            self._tell()

    def _may_grow(self, run: int) -> bool:
        if run not in self._seen:
            return True
        late = self._late.get(run)
        return late is not None and late[-1].from_us > ALWAYS

    def _reach_callers(self, rows: Iterable[RunRow], depth: int) -> None:
        """Reach the runs that called these, from the end of what they called on."""
        called = [row for row in rows if row.parent is not None and row.ended is not None]
        if not called:
            return
        keys = self._parents(called)
        callers = Linker(self._store, self._tolerance_us).runs(set(keys.values()))
        for row in called:
            caller = callers.get(keys.get(row.parent or 0, 0))
            if caller is None or caller.run == row.run or row.ended is None:
                continue
            ends = row.ended if caller.ended is None else caller.ended
            if caller.started <= row.started and row.ended <= ends:
                self._reach(caller, Reach(row.ended, row.run, depth), None, called=True)

    def _parents(self, called: Iterable[RunRow]) -> dict[int, int]:
        """Give the keys of the runs that rows name as their caller: by key, or by public id."""
        named = {row.parent for row in called if row.parent is not None}
        keys = {parent: parent for parent in named if parent >= 0}
        refs = self._store.run_refs({-parent for parent in named if parent < 0})
        for ref, run_id in refs.items():
            key = self._store.key_of(run_id)
            # As written: `called_by` finds callers by nothing else.
            if key is not None and self._store.public_ids([key])[key] == run_id:
                keys[-ref] = key
        return keys

    def _reach(self, row: RunRow, reach: Reach, link: Link | None, *, called: bool = False) -> None:
        run = row.run
        if run in self._seen:
            late = self._late.get(run)
            if late is not None and reach.from_us < late[-1].from_us:
                late.append(reach)
                self._again.append(run)
            return
        if self._limit is not None and len(self.order) >= self._limit:
            raise _StoppedError
        self._seen.add(run)
        self.order.append(run)
        self._via.append(reach.via)
        if reach.from_us > ALWAYS:
            self._late[run] = [reach]
        place = reach.depth, row.component
        group = self.groups.get(place)
        if group is None:
            group = self.groups[place] = Group(row, len(self.groups))
        group.add(row, link, called=called)
        self.group_of.append(group.number)
        size = len(row.ins) + len(row.outs)
        if size <= self._room:
            self._room -= size
            self._kept[run] = row

    def _rows(self, keys: Iterable[int]) -> list[RunRow]:
        """Give rows of runs, of those that were kept without asking again."""
        wanted = list(keys)
        kept = {key: self._kept.pop(key) for key in wanted if key in self._kept}
        self._room += sum(len(row.ins) + len(row.outs) for row in kept.values())
        missing = [key for key in wanted if key not in kept]
        if missing:
            kept.update(self._store.runs(missing))
        return [kept[key] for key in wanted if key in kept]


class _StoppedError(Exception):
    """A limit was met, or whoever watches wants no more."""


def _narrowed(row: RunRow, found: Candidates) -> RunRow:
    """Leave only the reads of a run that can be meant: a run may have thousands."""
    artifacts, contents = found.artifacts, found.contents
    ins = [
        read
        for read in row.ins
        if read.how or read.artifact in artifacts or read.version in contents
    ]
    return row if len(ins) == len(row.ins) else row._replace(ins=ins)


def _affected(
    store: Store, rows: Iterable[RunRow], from_us: Callable[[int], int]
) -> Iterator[tuple[RunRow, OutRow]]:
    """Give what runs wrote from when on they count, also what lies beyond their rows."""
    for row in rows:
        since = from_us(row.run)
        for out in row.outs:
            if out[2] >= since:
                yield row, out
        if row.outs_more:
            for out in store.more_outputs(row.run):
                if out[2] >= since:
                    yield row, out


def _output_ids(
    store: Store, writes: Sequence[tuple[RunRow, OutRow]], seen: KeySet
) -> Iterator[tuple[RunRow, OutRow, ArtifactRow]]:
    """Give those of these writes that are of output ids not seen before."""
    artifacts = store.artifacts({out[0] for _, out in writes if out[0] not in seen})
    for row, out in writes:
        artifact = artifacts.get(out[0])
        if artifact is not None and artifact.kind == _OUTPUT and seen.add(out[0]):
            yield row, out, artifact


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Give items in lists of at most so many."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
