"""What an explanation in plain words is made of, and the facts that it is written from."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Sentence:
    """A sentence, and what it rests on: ids of runs, and names of artifacts.

    ``topic`` is ``made``, ``used``, ``compared``, ``warning``, ``fine``, ``said``,
    ``date``, ``unknown`` or ``behind``.
    """

    topic: str
    text: str
    run_ids: list[str] = field(default_factory=list)
    artifacts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Peer:
    """Another result of the same component, with a number for its value."""

    name: str
    value: float
    run_id: str


@dataclass(slots=True)
class Mark:
    """What a person said last of the output, where it is flagged."""

    note: str
    by: str
    at_us: int
