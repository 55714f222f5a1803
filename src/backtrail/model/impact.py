"""What a question about impact is answered with: counts, paths, and what was asked about.

Plain values, as in `records`; times are integer microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from .times import to_datetime

#: So many runs of a group are looked at for what leads to it from other groups.
LINKED_OF_EACH = 20


@dataclass(slots=True)
class ImpactOrigin:
    """What was asked about.

    ``kind`` is ``run`` (``name`` is its id), ``artifact`` (with ``version``, if one
    was given), ``content`` (``name`` is the digest), or ``runs``: those of
    ``component``, at ``commit`` or ``version`` of the code, that started in
    [``since``, ``until``), as far as each of them was given.
    """

    kind: str
    name: str = ""
    version: str | None = None
    component: str | None = None
    commit: str | None = None
    since_us: int | None = None
    until_us: int | None = None


@dataclass(slots=True)
class ImpactGroup:
    """Runs of one component at one distance from what was asked about.

    ``depth`` counts the fewest links; at 0 are the runs that were asked about.
    ``run_id`` is the first of them that was found, ``read`` what they read of the runs
    before them (the first few names), ``called`` says that some called one of those.
    ``outputs`` counts the output ids of these runs that are affected.
    """

    depth: int
    component: str
    kind: str | None
    owner: str | None
    run_id: str
    runs: int = 0
    first_us: int = 0
    last_us: int = 0
    failed: int = 0
    read: list[str] = field(default_factory=list)
    called: bool = False
    outputs: int = 0
    flagged: int = 0


@dataclass(slots=True)
class ImpactLink:
    """What led from one group, or run, to another; ``read`` has what was read of the first.

    ``start`` and ``end`` are places in a list; ``start`` is -1 for an artifact that was asked
    about. With ``called``, the second called the first.
    """

    start: int
    end: int
    read: list[str] = field(default_factory=list)
    called: bool = False


@dataclass(slots=True)
class ImpactCount:
    """How much of a component or of an owner is affected; ``name`` None: no owner known."""

    name: str | None
    runs: int = 0
    outputs: int = 0
    flagged: int = 0


@dataclass(slots=True)
class ImpactOutput:
    """An output id that is affected, and the run that wrote it."""

    name: str
    run_id: str
    component: str
    written_us: int
    flagged: bool

    @property
    def written_at(self) -> datetime | None:
        """When it was written, UTC."""
        return to_datetime(self.written_us)


@dataclass(slots=True)
class ImpactWrite:
    """Something that what was asked about wrote, and the run that wrote it anew since."""

    name: str
    newer_run_id: str | None = None
    newer_us: int | None = None


@dataclass(slots=True)
class ImpactStep:
    """One run on the way from what was asked about to a run downstream.

    ``read`` is what it read of the run before it, with the evidence for that;
    ``call`` where it called that run. The first step may have neither.
    """

    run_id: str
    component: str
    started_us: int
    status: str
    evidence: str = ""
    read: str | None = None
    warnings: list[str] = field(default_factory=list)
