"""Generated pipelines: random histories of runs, and random ways in which they reach a store.

Histories are small and crowded: few names, few moments, few versions, so that
overwrites, shared inputs, self-loops and clock ties are the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st
from reference import Fact, Read, RunFact, SourceFact, Write, canonical

SECOND = 1_000_000
BASE = 1_767_225_600 * SECOND  # 2026-01-01
# 2 s between the ends of 4 ticks of half a second: the clock tolerance.
UNITS = (1, SECOND // 2, SECOND)

NAMES = ("/w/a", "b", "s3://k/c", "out")
SPELLINGS = {
    "/w/a": ("/w/a", "file:///w/a", "FILE:///w/a/"),
    "b": ("b",),
    "s3://k/c": ("s3://k/c", "S3://k/c/", "s3a://k/c", "s3n://k/c/"),
    "out": ("out",),
}
VERSIONS = ("blake3:aa", "blake3:bb", "sha256:aa", "etag:1", "v2", "stat:10-20")
HOSTS = (None, "h1", "h2", "h3")
COMPONENTS = ("clean", "train", "serve")
NOBODY = "never-recorded"
# Compared as text: r10 < r2 < r9, capitals before small letters. The last two
# are laid out like the ids that backtrail computes itself.
RUN_IDS = (
    "r1",
    "r10",
    "r2",
    "r9",
    "R3",
    "dbt:model.orders/7",
    "Zug-Nr-42",
    "7f1c3a52-9d0e-4b0f-8a51-2f0c6f1f9a10",
    "F0000000-0000-4000-8000-00000000000A",
    "019b7700-0000-7000-8000-000000000001",
    "019b76da-a800-7000-8000-001400000007",
)


@dataclass(frozen=True)
class History:
    """What happened, as facts in the order in which runs were thought of."""

    facts: tuple[Fact, ...]
    unit: int

    @property
    def runs(self) -> list[RunFact]:
        return [fact for fact in self.facts if isinstance(fact, RunFact)]

    @property
    def written(self) -> list[str]:
        """The canonical names that were written, in a fixed order."""
        return sorted({canonical(write.name) for run in self.runs for write in run.writes})

    @property
    def newest(self) -> int:
        """The last moment at which anything happened."""
        return max(
            moment
            for run in self.runs
            for moment in (
                run.started,
                run.ended or run.started,
                *(read.at or run.started for read in run.reads),
                *(write.at or run.started for write in run.writes),
            )
        )


@dataclass(frozen=True)
class Batch:
    """Facts that one client records before it flushes."""

    client: int
    facts: tuple[Fact, ...]


@dataclass
class _Clock:
    """Moments on a coarse grid, now and then a microsecond off it."""

    draw: Callable[[st.SearchStrategy[int]], int]
    unit: int

    def moment(self, low: int, high: int) -> int:
        off = self.draw(st.sampled_from((0, 0, 0, 0, -1, 1))) if self.unit > 1 else 0
        return BASE + self.unit * self.draw(st.integers(low, high)) + off


@st.composite
def histories(draw: st.DrawFn, max_runs: int = 9) -> History:
    """Give a random history; run ids, names, versions and hosts come from small pools."""
    clock = _Clock(draw, draw(st.sampled_from(UNITS)))
    count = draw(st.integers(1, max_runs))
    ids = draw(st.permutations(RUN_IDS))[:count]
    runs: list[RunFact] = []
    for run_id in ids:
        runs.append(_run(draw, clock, run_id, ids, runs))
    sources = draw(st.lists(st.sampled_from(NAMES), max_size=2))
    return History((*runs, *(SourceFact(_spelt(draw, name)) for name in sources)), clock.unit)


def _run(
    draw: st.DrawFn, clock: _Clock, run_id: str, ids: Sequence[str], earlier: list[RunFact]
) -> RunFact:
    parent = draw(st.sampled_from((None, None, "known", "any")))
    caller = None
    if parent == "known" and earlier:
        caller = draw(st.sampled_from(earlier))
        parent = caller.run_id
    elif parent is not None:
        parent = draw(st.sampled_from((*ids, NOBODY)))
    low, high = 0, 10
    if caller is not None and draw(st.integers(0, 3)):
        low = (caller.started - BASE) // clock.unit
        high = ((caller.ended or caller.started) - BASE) // clock.unit
    started = clock.moment(low, max(low, high))
    ended = max(started, clock.moment(low, max(low, high) + 2))
    if not draw(st.integers(0, 4)):
        ended = started
    status = draw(st.sampled_from(("completed",) * 5 + ("failed", "killed", "running")))
    open_end = status == "running" or (status == "killed" and draw(st.booleans()))
    known_end = None if open_end else ended
    return RunFact(
        run_id,
        started,
        known_end,
        _reads(draw, clock, started, ended, ids),
        _writes(draw, clock, started, ended, known_end),
        component=draw(st.sampled_from(COMPONENTS)),
        status=status,
        parent=None if parent == run_id else parent,
        host=draw(st.sampled_from(HOSTS)),
    )


def _reads(
    draw: st.DrawFn, clock: _Clock, started: int, ended: int, ids: Sequence[str]
) -> tuple[Read, ...]:
    reads: dict[object, Read] = {}
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(NAMES))
        version = draw(st.sampled_from((None, None, None, *VERSIONS)))
        at = _own_time(draw, clock, started, ended)
        producer = draw(st.sampled_from((*ids, NOBODY))) if not draw(st.integers(0, 6)) else None
        # Whether the same read with another named producer is another fact is not said.
        key = (name, version, started if at is None else at)
        reads.setdefault(key, Read(_spelt(draw, name), version, at, producer))
    return tuple(reads.values())


def _writes(
    draw: st.DrawFn, clock: _Clock, started: int, ended: int, known_end: int | None
) -> tuple[Write, ...]:
    writes: dict[object, Write] = {}
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(NAMES))
        at = _own_time(draw, clock, started, ended)
        effective = at if at is not None else started if known_end is None else known_end
        # One run that writes one name in two versions at one moment means nothing.
        version = draw(st.sampled_from((None, None, *VERSIONS)))
        writes.setdefault((name, effective), Write(_spelt(draw, name), version, at))
    return tuple(writes.values())


def _own_time(draw: st.DrawFn, clock: _Clock, started: int, ended: int) -> int | None:
    """Give no time of its own, one inside the run, or (clocks differ) one near it."""
    first, last = (started - BASE) // clock.unit, (ended - BASE) // clock.unit
    where = draw(st.sampled_from(("declared", "inside", "inside", "near")))
    if where == "declared":
        return None
    if where == "inside":
        return min(max(clock.moment(first, last), started), ended)
    return clock.moment(first - 1, last + 1)


def _spelt(draw: st.DrawFn, name: str) -> str:
    return draw(st.sampled_from(SPELLINGS[name]))


@st.composite
def deliveries(draw: st.DrawFn, history: History) -> list[Batch]:
    """Give one way for a history to reach a store: in parts, twice, in any order, by several."""
    parts = [part for fact in history.facts for part in _parts(draw, fact)]
    again = draw(st.lists(st.sampled_from(history.facts), max_size=4))
    facts = draw(st.permutations(parts + again))
    cuts = sorted(draw(st.lists(st.integers(0, len(facts)), max_size=3)))
    pieces = [facts[a:b] for a, b in zip([0, *cuts], [*cuts, len(facts)], strict=True)]
    return [Batch(draw(st.integers(0, 2)), tuple(piece)) for piece in pieces if piece]


def _parts(draw: st.DrawFn, fact: Fact) -> list[Fact]:
    """Split a run's fact in two, now and then: what it read and wrote is told in pieces."""
    if isinstance(fact, SourceFact) or draw(st.integers(0, 3)):
        return [fact]
    reads = draw(st.integers(0, len(fact.reads)))
    writes = draw(st.integers(0, len(fact.writes)))
    first = replace(fact, reads=fact.reads[:reads], writes=fact.writes[:writes])
    second = replace(fact, reads=fact.reads[reads:], writes=fact.writes[writes:])
    if draw(st.booleans()):
        # It was still running when the first part was told; its writes had a time already.
        end = fact.started if fact.ended is None else fact.ended
        timed = tuple(replace(w, at=end if w.at is None else w.at) for w in first.writes)
        first = replace(first, writes=timed, ended=None, status="running")
    return [first, second]


@st.composite
def later_facts(draw: st.DrawFn, history: History) -> list[Fact]:
    """Give facts that are all newer than a history, beyond what clocks may differ by."""
    shift = history.newest + 3 * SECOND - BASE + 2 * history.unit
    later = draw(histories(max_runs=4))
    new_ids = {run.run_id: f"later-{run.run_id}" for run in later.runs}
    old_ids = [run.run_id for run in history.runs]
    return [
        replace(
            run,
            run_id=new_ids[run.run_id],
            started=run.started + shift,
            ended=None if run.ended is None else run.ended + shift,
            # Also runs that claim an old run as their caller.
            parent=draw(st.sampled_from((None, *old_ids, *new_ids.values()))),
            reads=tuple(
                replace(
                    read,
                    at=None if read.at is None else read.at + shift,
                    run_id=draw(st.sampled_from((None, *old_ids))),
                )
                for read in run.reads
            ),
            writes=tuple(
                replace(write, at=None if write.at is None else write.at + shift)
                for write in run.writes
            ),
        )
        for run in later.runs
    ]
