"""LINEAGE.md as a naive program: every question looks at every fact.

It is slow and short on purpose, shares no code with `src/backtrail`, and holds
no idea of how facts are stored or arrive. Times are integer microseconds.
Rule 2 (`object`) is not here: objects exist only inside a recording process.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

CLOCK_TOLERANCE_US = 2_000_000
CONTENT_DIGESTS = ("blake3:", "sha256:", "sha1:", "md5:", "xxh3:")


# --- what is known -----------------------------------------------------------


@dataclass(frozen=True, order=True)
class Read:
    """A pointer that a run read; ``at`` None is the run's start, ``run_id`` the named producer."""

    name: str
    version: str | None = None
    at: int | None = None
    run_id: str | None = None


@dataclass(frozen=True, order=True)
class Write:
    """A pointer that a run wrote; ``at`` None is the run's end, or its start if that is unknown."""

    name: str
    version: str | None = None
    at: int | None = None


@dataclass(frozen=True)
class RunFact:
    """A run, or a part of what it read and wrote: facts of one run id are united.

    ``ended`` is None while it is not known: the run goes on, or was killed.
    """

    run_id: str
    started: int
    ended: int | None
    reads: tuple[Read, ...] = ()
    writes: tuple[Write, ...] = ()
    component: str = "step"
    status: str = "completed"
    parent: str | None = None
    host: str | None = None


@dataclass(frozen=True)
class SourceFact:
    """An artifact declared to come from outside."""

    name: str


Fact = RunFact | SourceFact


# --- what is answered --------------------------------------------------------


@dataclass(frozen=True)
class Input:
    """One input of a frame; ``producer`` is a frame's number."""

    name: str
    version: str | None
    at: int
    producer: int | None
    evidence: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frame:
    """One run of a backtrace; what has no order of its own is sorted."""

    run_id: str
    depth: int
    inputs: tuple[Input, ...] = ()
    own_reads: tuple[str, ...] = ()
    calls: tuple[int, ...] = ()
    outputs: tuple[tuple[str, str | None, int], ...] = ()


@dataclass(frozen=True)
class Backtrace:
    """The answer to one question, comparable with ``==``."""

    written: float
    other_writes: int
    frames: tuple[Frame, ...]
    gaps: tuple[tuple[int, str], ...]
    coverage: float


def reference_backtrace(
    facts: Iterable[Fact], name: str, at: int | None = None
) -> Backtrace | None:
    """Answer ``backtrace(name, at)``; None where there is nothing to answer."""
    known = _Known(facts)
    writes = [write for write in known.writes if write.name == canonical(name)]
    root = _newest(write for write in writes if at is None or write.at <= at)
    if root is not None:
        return _answer(known, root.run_id, root.at, len(writes) - 1)
    if name in known.runs and not writes:
        return _answer(known, name, known.runs[name].until, 0)
    return None


@dataclass(frozen=True)
class Impact:
    """What is affected: runs but those asked about, and which of some names."""

    runs: frozenset[str]
    names: frozenset[str]


def reference_impact(
    facts: Iterable[Fact],
    names: Iterable[str],
    *,
    runs: Iterable[str] = (),
    artifact: str | None = None,
    version: str | None = None,
) -> Impact:
    """Answer an impact of runs, or of an artifact or content, by asking for every backtrace.

    A run is affected if one of these runs, or of those that read the artifact, is behind
    it. ``names`` are those that may be given as affected: of one of their writes that holds.
    """
    known = _Known(facts)
    roots = set(runs)
    begins = roots or {
        run_id
        for run_id, run in known.runs.items()
        if any(_is_of(read, known.link(run, read), artifact, version) for read in run.reads)
    }
    return Impact(
        frozenset(
            run_id
            for run_id, run in known.runs.items()
            if run_id not in roots and begins & _upstream(known, run_id, run.until).keys()
        ),
        frozenset(
            write.name
            for write in known.writes
            if write.name in set(names) and begins & _upstream(known, write.run_id, write.at).keys()
        ),
    )


def _is_of(read: Read, link: _Link, artifact: str | None, version: str | None) -> bool:
    """Tell whether a read is of an artifact (None: of any) in a version (None: in any)."""

    def fits(name: str, word: str | None) -> bool:
        return artifact in (None, name) and version in (None, word)

    if link.evidence == "own":
        return False
    return fits(read.name, read.version) or (link.wrote is not None and fits(*link.wrote))


def reference_link(facts: Iterable[Fact], reader: str, producer: str) -> set[str]:
    """Give how one run may be reached from another: evidence of links, or ``call``."""
    known = _Known(facts)
    run = known.runs[reader]
    found = {
        link.evidence
        for link in (known.link(run, read) for read in run.reads)
        if link.run_id == producer
    }
    if any(called.run_id == producer for called in known.called(run, math.inf)):
        found.add("call")
    return found


def canonical(name: str) -> str:
    """Give the form in which two names of one artifact are equal."""
    scheme, colon, rest = name.partition("://")
    if not colon or not scheme.isalnum():
        return name
    scheme = scheme.lower()
    rest = rest.rstrip("/") or "/"
    if scheme == "file" and rest.startswith("/"):
        return rest
    return f"{'s3' if scheme in ('s3a', 's3n') else scheme}://{rest}"


# --- how ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Written:
    """A write that happened: by whom, of what, when."""

    name: str
    version: str | None
    at: int
    run_id: str


@dataclass
class _Run:
    """All that is known of one run."""

    run_id: str
    started: int
    ended: int | None
    parent: str | None
    host: str | None
    reads: set[Read] = field(default_factory=set)
    writes: set[Write] = field(default_factory=set)

    @property
    def until(self) -> float:
        """The last moment at which it can have done something."""
        return math.inf if self.ended is None else self.ended

    @property
    def recency(self) -> tuple[int, str]:
        """What puts the run that ended last first, then the greater run id."""
        return (self.started if self.ended is None else self.ended, self.run_id)


@dataclass(frozen=True)
class _Link:
    """Who made an input, and up to when that run's doings can have mattered for it."""

    evidence: str
    run_id: str | None = None
    until: float = 0
    warnings: tuple[str, ...] = ()
    # Name and version that the producer wrote at that moment.
    wrote: tuple[str, str | None] | None = None


class _Known:
    """The set of facts, whatever the order and number in which they were given."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.runs: dict[str, _Run] = {}
        self.sources: set[str] = set()
        for fact in facts:
            if isinstance(fact, SourceFact):
                self.sources.add(canonical(fact.name))
            else:
                self._add(fact)
        self.writes = [
            _Written(write.name, write.version, _known_time(write.at), run.run_id)
            for run in self.runs.values()
            for write in run.writes
        ]

    def _add(self, fact: RunFact) -> None:
        run = self.runs.setdefault(
            fact.run_id, _Run(fact.run_id, fact.started, fact.ended, fact.parent, fact.host)
        )
        if run.ended is None:
            run.ended = fact.ended
        end = fact.started if fact.ended is None else fact.ended
        for read in fact.reads:
            at = fact.started if read.at is None else read.at
            run.reads.add(Read(canonical(read.name), read.version, at, read.run_id))
        for write in fact.writes:
            at = end if write.at is None else write.at
            run.writes.add(Write(canonical(write.name), write.version, at))

    def link(self, reader: _Run, read: Read) -> _Link:
        """Apply the first rule that answers."""
        t = _known_time(read.at)
        # Rule 1. A named run that is not recorded answers nothing, nor does the
        # reader itself, unless it did write this name before.
        if read.run_id == reader.run_id:
            if any(w.name == read.name and _known_time(w.at) < t for w in reader.writes):
                return _Link("own")
        elif read.run_id in self.runs:
            return self._explicit(self.runs[read.run_id], read)
        # Rule 2 is about objects inside a process.
        # A run's own write must be strictly before t to be what it read.
        past = [
            write
            for write in self.writes
            if write.at < t or (write.at == t and write.run_id != reader.run_id)
        ]
        named = [write for write in past if write.name == read.name]
        if read.version is not None:
            same = _newest(write for write in named if write.version == read.version)
            if read.version.startswith(CONTENT_DIGESTS):
                # Rule 3, first under this name, then under any.
                same = same or _newest(write for write in past if write.version == read.version)
                if same:
                    return self._data(reader, same, "content")
            elif same:
                # Rule 4.
                return self._data(reader, same, "version")
        # Rule 5. What it wrote itself is another value where the versions say so.
        newest = _newest(
            write
            for write in named
            if write.run_id != reader.run_id
            or None in (read.version, write.version)
            or read.version == write.version
        )
        if newest:
            return self._data(reader, newest, "time", *_mismatch(read, newest))
        # Rule 6.
        skewed = [
            write
            for write in self.writes
            if write.name == read.name
            and t < write.at <= t + CLOCK_TOLERANCE_US
            and reader.host is not None
            and self.runs[write.run_id].host not in (None, reader.host)
        ]
        if skewed:
            nearest_at = min(write.at for write in skewed)
            nearest = max(
                (write for write in skewed if write.at == nearest_at), key=lambda w: w.run_id
            )
            return self._data(reader, nearest, "time", "clock-skew", *_mismatch(read, nearest))
        # Rule 7.
        return _Link("source" if read.name in self.sources else "gap")

    def _explicit(self, producer: _Run, read: Read) -> _Link:
        """Link to a named run; calls in it matter up to its write of what was read."""
        t = _known_time(read.at)
        wrote = [w for w in producer.writes if w.name == read.name and _known_time(w.at) <= t]
        same = [w for w in wrote if w.version == read.version]
        times = [_known_time(w.at) for w in same or wrote]
        end = t if producer.ended is None else producer.ended
        until = max(times, default=end)
        at_once = [
            (w.name, w.version) for w in producer.writes if (w.name, w.at) == (read.name, until)
        ]
        return _Link("explicit", producer.run_id, until, (), at_once[0] if at_once else None)

    def _data(self, reader: _Run, write: _Written, evidence: str, *warnings: str) -> _Link:
        if write.run_id == reader.run_id:
            return _Link("own")
        wrote = (write.name, write.version)
        return _Link(evidence, write.run_id, write.at, tuple(sorted(warnings)), wrote)

    def called(self, caller: _Run, until: float) -> Iterator[_Run]:
        """Give the runs that began and ended inside a run, before ``until``."""
        for run in self.runs.values():
            inside = caller.started <= run.started and run.until <= min(caller.until, until)
            if run.parent == caller.run_id != run.run_id and inside and run.ended is not None:
                yield run


def _newest(writes: Iterable[_Written]) -> _Written | None:
    return max(writes, key=lambda write: (write.at, write.run_id), default=None)


def _mismatch(read: Read, write: _Written) -> tuple[str, ...]:
    differs = read.version is not None and read.version != write.version
    return ("version-mismatch",) if differs else ()


def _known_time(at: int | None) -> int:
    assert at is not None
    return at


def _answer(known: _Known, root: str, until: float, other_writes: int) -> Backtrace:
    untils = _upstream(known, root, until)
    links = {
        run_id: {read: known.link(known.runs[run_id], read) for read in known.runs[run_id].reads}
        for run_id in untils
    }
    data = {
        run_id: {link.run_id for link in links[run_id].values() if link.run_id is not None}
        for run_id in untils
    }
    calls = _drawn_calls(known, root, untils, data)
    feeds = {run_id: data[run_id] | calls[run_id] for run_id in untils}
    depths = _depths(root, feeds)
    order = _order(known, root, feeds)
    number = {run_id: n for n, run_id in enumerate(order)}
    frames = tuple(
        _frame(known.runs[run_id], depths[run_id], links[run_id], calls[run_id], number)
        for run_id in order
    )
    inputs = [(n, read) for n, frame in enumerate(frames) for read in frame.inputs]
    gaps = tuple((n, read.name) for n, read in inputs if read.evidence == "gap")
    coverage = round((len(inputs) - len(gaps)) / len(inputs), 9) if inputs else 1.0
    return Backtrace(until, other_writes, frames, gaps, coverage)


def _upstream(known: _Known, root: str, until: float) -> dict[str, float]:
    """Give every run behind the root, with the last moment at which it mattered."""
    untils = {root: until}
    while True:
        grown = dict(untils)
        for run_id in untils:
            run = known.runs[run_id]
            for link in (known.link(run, read) for read in run.reads):
                if link.run_id is not None:
                    grown[link.run_id] = max(grown.get(link.run_id, -math.inf), link.until)
            for child in known.called(run, untils[run_id]):
                grown[child.run_id] = max(grown.get(child.run_id, -math.inf), child.until)
        if grown == untils:
            return untils
        untils = grown


def _drawn_calls(
    known: _Known, root: str, untils: dict[str, float], data: dict[str, set[str]]
) -> dict[str, set[str]]:
    """Give the calls that are drawn: those of runs that no input of a frame leads to.

    Where such inputs only lead in a circle (the called run reads what was made
    from its own output), nothing would lead in from outside: the calls that do
    are drawn after all.
    """
    by_data = set().union(*data.values())
    every = {
        run_id: {child.run_id for child in known.called(known.runs[run_id], untils[run_id])}
        for run_id in untils
    }
    drawn = {run_id: every[run_id] - by_data for run_id in untils}
    while True:
        feeds = {run_id: data[run_id] | drawn[run_id] for run_id in untils}
        reached = set(_depths(root, feeds))
        if reached == set(untils):
            return drawn
        for run_id in reached:
            drawn[run_id] |= every[run_id] - reached


def _depths(root: str, feeds: dict[str, set[str]]) -> dict[str, int]:
    """Give the fewest links from the root to each run that they lead to."""
    depths = {root: 0}
    while True:
        found = {
            producer: depths[run_id] + 1
            for run_id in sorted(depths, key=lambda one: -depths[one])
            for producer in feeds[run_id]
            if producer not in depths
        }
        if not found:
            return depths
        depths.update(found)


def _order(known: _Known, root: str, feeds: dict[str, set[str]]) -> list[str]:
    """Put each run before all that fed it; the one that ended last first where several may."""
    order = [root]
    left = set(feeds) - {root}
    while left:
        free = [
            run_id
            for run_id in left
            if not any(run_id in feeds[reader] for reader in left if reader != run_id)
        ]
        # Nothing is free only in a circle of runs.
        chosen = max(free or left, key=lambda run_id: known.runs[run_id].recency)
        order.append(chosen)
        left.remove(chosen)
    return order


def _frame(
    run: _Run, depth: int, links: dict[Read, _Link], calls: set[str], number: dict[str, int]
) -> Frame:
    inputs = [
        Input(
            read.name,
            read.version,
            _known_time(read.at),
            None if link.run_id is None else number[link.run_id],
            link.evidence,
            link.warnings,
        )
        for read, link in links.items()
        if link.evidence != "own"
    ]
    own = {read.name for read, link in links.items() if link.evidence == "own"}
    return Frame(
        run_id=run.run_id,
        depth=depth,
        inputs=tuple(sorted(inputs, key=repr)),
        own_reads=tuple(sorted(own)),
        calls=tuple(sorted(number[called] for called in calls)),
        outputs=tuple(
            sorted(((w.name, w.version, _known_time(w.at)) for w in run.writes), key=repr)
        ),
    )
