"""What a verdict on staleness is made of: causes, chains to them, proof, what to make again."""

from __future__ import annotations

from dataclasses import dataclass, field

from .records import Code


@dataclass(slots=True)
class RunName:
    """A run, by its id and its component."""

    run_id: str
    component: str


@dataclass(slots=True)
class Cause:
    """Why a run would do otherwise, or is too old, by itself.

    ``code`` is ``newer-input``, ``fresher-run``, ``code-changed`` or ``too-old``. The first
    two name the artifact, the version that was read and the newer one (None where a
    version is not known), who wrote it and when; ``by`` tells what was compared:
    ``version``, ``clock``, or ``file`` for one that lies on this machine.
    """

    code: str
    run_id: str
    component: str
    name: str | None = None
    version: str | None = None
    newer_version: str | None = None
    newer_run: RunName | None = None
    newer_us: int | None = None
    by: str | None = None
    had_code: Code | None = None
    newest_code: Code | None = None
    age_s: float | None = None
    max_age_s: float | None = None


@dataclass(slots=True)
class StaleReason:
    """One reason: its code as seen from the output, the chain of runs to its root, and that.

    ``code`` is the root's where the run that wrote the output is the root itself, else
    ``upstream-stale``. ``chain`` begins with the run that wrote the output.
    """

    code: str
    chain: list[RunName]
    root: Cause


@dataclass(slots=True)
class Compared:
    """One input that was held against what is newest, and how it came out the same.

    ``how`` is ``version`` (the newest write has the same), ``clock`` (there is no later
    write), ``value`` (handed over in memory), ``source`` (declared to come from
    outside), ``file`` (a file that is the same now), ``gap``.
    """

    run_id: str
    component: str
    name: str
    version: str | None
    how: str
    newest_run_id: str | None = None


@dataclass(slots=True)
class NotKnown:
    """What would have to be known for "fresh", with its code.

    ``gap``: no recorded run wrote the input. ``version-mismatch``: nobody recorded who
    wrote the version that was read. ``copied``: the input is a copy that nobody
    recorded, and what it was copied from has a newer version.
    """

    code: str
    run_id: str
    component: str
    name: str | None = None


@dataclass(slots=True)
class Refresh:
    """A run to make again, with the codes of its own causes; none where only its inputs change."""

    run_id: str
    component: str
    codes: list[str] = field(default_factory=list)
