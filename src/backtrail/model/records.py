"""What questions are answered with: runs, their inputs and outputs, and backtraces of them.

Plain values without input or output. Times are kept as integer microseconds
since 1970 in UTC (`*_us`), as they are stored, and shown as aware datetimes by
the properties beside them: a backtrace of 5,000 runs builds no datetime that
nobody looks at. What it does build are Structs that the garbage collector need
not follow: they hold texts, numbers and lists of their own kind, never a circle.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from .times import EPOCH
from .times import to_datetime as to_datetime
from .times import to_iso as to_iso
from .times import to_us as to_us


class FrameWarning(msgspec.Struct, gc=False):
    """Something about a frame that deserves a look: a stable code and a sentence."""

    code: str
    text: str


class Code(msgspec.Struct, gc=False):
    """One state of a component's code; None is what is not known."""

    git_hash: str | None = None
    dirty: bool | None = None
    digest: str | None = None
    file: str | None = None
    line: int | None = None
    function: str | None = None


class Output(msgspec.Struct, gc=False):
    """One artifact version that a run wrote."""

    name: str
    kind: str
    version: str | None
    written_us: int
    value: Any = None
    flagged: bool = False

    @property
    def written_at(self) -> datetime:
        """When it was written, UTC."""
        return EPOCH + timedelta(microseconds=self.written_us)


class Input(msgspec.Struct, gc=False):
    """One artifact version that a run read, and the link to the run that made it.

    ``producer`` is the number of a frame of the same backtrace, ``producer_run_id``
    the run itself. ``evidence`` is one of ``explicit``, ``object``, ``content``,
    ``version``, ``time``, ``source``, ``gap``; in a run that was asked for by
    itself, outside a backtrace, links are not derived and ``evidence`` is ``""``.
    ``warnings`` holds codes: ``version-mismatch``, ``clock-skew``.
    """

    name: str
    kind: str
    version: str | None
    read_us: int
    producer: int | None = None
    producer_run_id: str | None = None
    evidence: str = ""
    warnings: list[str] = []

    @property
    def read_at(self) -> datetime:
        """When it was read, UTC."""
        return EPOCH + timedelta(microseconds=self.read_us)


class Run(msgspec.Struct, gc=False):
    """One execution of a component.

    ``pruned_us`` is when its parameters, values and error text were taken away, if they were.
    """

    run_id: str
    component: str
    kind: str | None
    owner: str | None
    status: str
    error: str | None
    started_us: int
    ended_us: int | None
    code: Code
    params: dict[str, Any]
    host: str | None
    pipeline_run_id: str | None
    parent_run_id: str | None
    inputs: list[Input]
    outputs: list[Output]
    outputs_total: int = 0
    notes: list[dict[str, Any]] = []
    pruned_us: int | None = None

    @property
    def started_at(self) -> datetime:
        """When it started, UTC."""
        return EPOCH + timedelta(microseconds=self.started_us)

    @property
    def ended_at(self) -> datetime | None:
        """When it ended, UTC; None while it runs, or when it was killed."""
        return to_datetime(self.ended_us)

    @property
    def duration_ms(self) -> float | None:
        """How long it ran, in milliseconds; None when the end is not known."""
        return None if self.ended_us is None else (self.ended_us - self.started_us) / 1000


class Frame(msgspec.Struct, gc=False):
    """One run in a backtrace: its place, its depth, its links and its warnings.

    ``depth`` counts the fewest links from the output. ``calls`` lists the frames
    that this run called and that nothing else links to. ``own_reads`` are the
    artifacts it read back after writing them itself; they need no link.
    """

    n: int
    run: Run
    depth: int
    calls: list[int] = []
    warnings: list[FrameWarning] = []
    own_reads: list[str] = []

    @property
    def inputs(self) -> list[Input]:
        """What the run read, each with its link."""
        return self.run.inputs

    @property
    def outputs(self) -> list[Output]:
        """What the run wrote (the first 1,000; ``run.outputs_total`` counts all)."""
        return self.run.outputs


@dataclass(slots=True)
class Gap:
    """An input of frame ``n`` whose producer is not known."""

    n: int
    name: str


@dataclass(slots=True)
class TracedOutput:
    """The output a backtrace was asked for; ``other_writes`` counts earlier and later ones.

    Asked for by run id, ``name`` is that run id, ``kind`` is ``run``.
    """

    name: str
    kind: str
    version: str | None
    value: Any
    written_us: int
    flagged: bool = False
    other_writes: int = 0

    @property
    def written_at(self) -> datetime:
        """When it was written, UTC."""
        return EPOCH + timedelta(microseconds=self.written_us)


@dataclass(slots=True)
class ComponentRecord:
    """A component as the store knows it; ``fields`` are those of its own kind."""

    name: str
    kind: str | None
    description: str | None
    owner: str | None
    tags: list[str]
    max_age_s: float | None
    fields: dict[str, Any]
    upstream: list[str]
    downstream: list[str]
    last_run_us: int | None = None

    @property
    def last_run_at(self) -> datetime | None:
        """When its newest run started, UTC; None before the first."""
        return to_datetime(self.last_run_us)


@dataclass(slots=True)
class Mark:
    """Something that a person said of an output: ``open``, or what became of that flag.

    Where ``state`` is ``assigned``, ``note`` is who looks into it; empty: nobody.
    """

    state: str
    note: str
    by: str
    marked_us: int

    @property
    def marked_at(self) -> datetime:
        """When it was said, UTC."""
        return EPOCH + timedelta(microseconds=self.marked_us)


@dataclass(slots=True)
class Flagged:
    """An output that is flagged now: what was said last, by whom and when.

    ``assignee`` is who looks into it; None: nobody.
    """

    name: str
    note: str
    by: str
    flagged_us: int
    assignee: str | None = None

    @property
    def flagged_at(self) -> datetime:
        """When it was flagged, UTC."""
        return EPOCH + timedelta(microseconds=self.flagged_us)


@dataclass(slots=True)
class Match:
    """One answer of ``find``: what it is, its name, where it last appeared.

    ``note`` is what is said to be wrong with it, of an output that is flagged now.
    """

    what: str
    name: str
    component: str | None
    run_id: str | None
    at_us: int | None
    note: str | None = None

    @property
    def at(self) -> datetime | None:
        """When it last appeared, UTC."""
        return to_datetime(self.at_us)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `bt doctor` looked at.

    ``level`` is ok, note, problem, or unreachable where the store cannot be used.
    """

    level: str
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What `bt doctor` found."""

    findings: list[Finding]

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong."""
        return all(finding.level in ("ok", "note") for finding in self.findings)
