"""Hold what the runs behind something read against what is newest now.

A run is not out of date because of what was made from its own output: a table that is
updated in place would be so for ever. Which of the reached runs were made from which
others is kept as bits of whole numbers, and only for runs whose writes are in question.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from ..store.protocol import MAX_KEY, PAGE, ArtifactRow, Probe, RunRow, Store, WriteRow
from .backtrace import Walk, walk_upstream
from .freshness import is_value
from .links import Link, Linker

_NOBODY = 0
# Greater than any run id: what was read is newer than every write at its time.
_LAST = "\U0010ffff"
# The bit of all runs that nobody asked about.
_STRANGER = 1


@dataclass(slots=True)
class Held:
    """One input, held against the newest write of its name.

    ``newest`` is that write, where it is newer than the one that was read from:
    with another content, then ``is_newer``, or with the same content again.
    """

    link: Link
    newest: WriteRow | None = None
    is_newer: bool = False

    @property
    def current(self) -> int | None:
        """The run that made what would be read now, if it is known."""
        return self.link.producer if self.newest is None else self.newest.run


@dataclass(slots=True)
class _Writes:
    """The writes of an artifact, newest first, those of one moment together."""

    moments: list[list[WriteRow]]
    # Of the writers up to each moment: those that were reached, as bits.
    reached: list[int] = field(default_factory=list)
    is_whole: bool = False


class Survey:
    """The runs behind something, and each of their inputs held against the newest."""

    def __init__(self, store: Store, linker: Linker) -> None:
        self._store = store
        self._linker = linker
        self.walk = Walk()
        self.held: dict[int, list[Held]] = {}
        self.artifacts: dict[int, ArtifactRow] = {}
        self._bits: dict[int, int] = {}
        self._made_from: dict[int, int] = {}
        self._writes: dict[int, _Writes] = {}
        self._ids: dict[int, str] = {}

    def add(self, roots: Mapping[int, int]) -> None:
        """Reach all runs behind these, that count until a time; hold the inputs of new ones."""
        known = set(self.walk.rows)
        walk_upstream(self._store, self._linker, self.walk, dict(roots))
        fresh = [key for key in self.walk.rows if key not in known]
        links = [link for key in fresh for link in self.walk.links[key] if not link.own]
        self._load(links)
        asked = [link for link in links if not is_value(link, self.artifacts)]
        self._writes = self._newest_writes({link.read.artifact for link in asked})
        self._made_from = self._descent(self._in_question(asked))
        for key in fresh:
            self.held[key] = [self._hold(link) for link in self.walk.links[key] if not link.own]

    def feeders(self, key: int) -> Iterable[int]:
        """Give the runs that made what a run would read now, and those that it calls."""
        for held in self.held[key]:
            if held.current is not None:
                yield held.current
        yield from self.walk.calls.get(key, ())

    def id_of(self, key: int) -> str:
        """Give the public id of a run, reached or not."""
        known = self.walk.ids.get(key) or self._ids.get(key)
        if known is None:
            known = self._ids[key] = self._store.public_ids([key])[key]
        return known

    # -- what there is

    def _load(self, links: Iterable[Link]) -> None:
        missing = {link.read.artifact for link in links} - self.artifacts.keys()
        if missing:
            self.artifacts.update(self._store.artifacts(missing))

    def _newest_writes(self, artifacts: set[int]) -> dict[int, _Writes]:
        keys = sorted(artifacts)
        probes = [Probe(key, 0, MAX_KEY, _NOBODY) for key in keys]
        found = self._store.newest_writes(probes) if probes else []
        strangers = {write.run for writes in found for write in writes} - self.walk.ids.keys()
        if strangers - self._ids.keys():
            self._ids.update(self._store.public_ids(strangers))
        return {
            key: _Writes([writes] if writes else [], is_whole=not writes)
            for key, writes in zip(keys, found, strict=True)
        }

    def _in_question(self, links: Iterable[Link]) -> set[int]:
        """Give the reached runs that wrote something which has a newer write than was read."""
        newer = {
            link.read.artifact
            for link in links
            if any(
                (write.run, write.at_us) != (link.producer, link.written_us)
                for writes in self._writes[link.read.artifact].moments
                for write in writes
            )
        }
        if not newer:
            return set()
        return {
            key
            for key, row in self.walk.rows.items()
            if row.outs_more or any(out.artifact in newer for out in row.outs)
        }

    def _descent(self, asked: set[int]) -> dict[int, int]:
        """Give for each run which of the asked runs were made from it, as bits."""
        self._bits = {key: _STRANGER << n for n, key in enumerate(sorted(asked), 1)}
        if not asked:
            return {}
        rows = self.walk.rows
        edges = {key: {p for p in self._recorded(key) if p in rows} for key in rows}
        made_from = dict.fromkeys(rows, 0)
        waiting = dict.fromkeys(rows, 0)
        for feeders in edges.values():
            for feeder in feeders:
                waiting[feeder] += 1
        ready = [key for key, count in waiting.items() if not count]
        while ready or waiting:
            # Where clocks were wrong, runs may stand in a circle: it is gone round
            # until nothing is added.
            key = ready.pop() if ready else next(iter(waiting))
            waiting.pop(key, None)
            given = made_from[key] | self._bits.get(key, 0)
            for feeder in edges[key]:
                added = made_from[feeder] | given
                if feeder in waiting:
                    made_from[feeder] = added
                    waiting[feeder] -= 1
                    if not waiting[feeder]:
                        ready.append(feeder)
                elif added != made_from[feeder]:
                    made_from[feeder] = added
                    ready.append(feeder)
        return made_from

    def _recorded(self, key: int) -> Iterable[int]:
        for link in self.walk.links[key]:
            if link.producer is not None:
                yield link.producer
        yield from self.walk.calls.get(key, ())

    # -- one input

    def _hold(self, link: Link) -> Held:
        if is_value(link, self.artifacts):
            return Held(link)
        base = (link.read.at_us, _LAST)
        if link.producer is not None and not link.elsewhere:
            base = (link.written_us or 0, self.id_of(link.producer))
        newest = self._newest_beside(link.read.artifact, link.reader, base[0])
        if newest is None or (newest.at_us, self.id_of(newest.run)) <= base:
            return Held(link)
        read = link.read.version or link.written_version
        return Held(link, newest, not (read and read == newest.version))

    def _newest_beside(self, artifact: int, reader: RunRow, base_us: int) -> WriteRow | None:
        """Give the newest write by another run than the reader and all made from it."""
        left_out = self._made_from.get(reader.run, 0) | self._bits.get(reader.run, 0)
        writes = self._writes[artifact]
        while True:
            self._add_bits(writes)
            # Later moments only add bits, so the first that has one that counts is found by halves.
            n = bisect_left(writes.reached, True, key=lambda bits: bool(bits & ~left_out))
            if n < len(writes.moments):
                counting = [w for w in writes.moments[n] if self._bit_of(w.run) & ~left_out]
                return max(counting, key=lambda write: self.id_of(write.run))
            if writes.is_whole or writes.moments[-1][0].at_us < base_us:
                return None
            self._load_older(artifact, writes)

    def _bit_of(self, run: int) -> int:
        return self._bits.get(run, _STRANGER)

    def _add_bits(self, writes: _Writes) -> None:
        for moment in writes.moments[len(writes.reached) :]:
            bits = writes.reached[-1] if writes.reached else 0
            for write in moment:
                bits |= self._bit_of(write.run)
            writes.reached.append(bits)

    def _load_older(self, artifact: int, writes: _Writes) -> None:
        """Take in some older writes, by whole moments."""
        before = (writes.moments[-1][0].at_us, -1)
        limit = PAGE
        while True:
            page = self._store.writes_of_artifact(artifact, before, limit)
            moments = [list(each) for _, each in groupby(page, key=lambda write: write.at_us)]
            writes.is_whole = len(page) < limit
            if writes.is_whole:
                break
            # The rest of the last moment may be on the next page.
            moments.pop()
            if moments:
                break
            limit *= 2
        writes.moments += moments
