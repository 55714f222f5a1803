"""What writers append: facts, as the journal carries them and a store takes them in.

A fact belongs to a writer (one process, or one import) and is never changed.
Facts may arrive late, twice and in any order; what a store makes of them must
not depend on it. Times are integer microseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

RUNNING, COMPLETED, FAILED, KILLED = 0, 1, 2, 3
STATUS_NAMES = ("running", "completed", "failed", "killed")
STATUS_CODES = {name: code for code, name in enumerate(STATUS_NAMES)}

KIND_NAMES = ("unknown", "value", "data", "model", "output")
KIND_CODES = {name: code for code, name in enumerate(KIND_NAMES)}

# Kinds of version words that are digests of a content.
DIGEST_KINDS = ("blake3", "sha256", "sha1", "md5", "xxh3")

BY_NAME, BY_RUN_ID, BY_OBJECT = 0, 1, 2

# As the offset of a position: the writer has ended with the segment before.
AFTER_END = 1


# The words of marks: a flag was put; what became of one that is open no more; and who looks
# into one, whose name is the note of the mark, empty for nobody.
OPEN, ASSIGNED = "open", "assigned"
CLOSED = ("withdrawn", "explained", "fixed", "no-fault")


class Artifact(NamedTuple):
    """A named thing: its canonical name and the code of its kind.

    Kinds are ordered: where facts disagree about one name, the greater wins.
    """

    name: str
    kind: int


class Read(NamedTuple):
    """A run read an artifact at a time; ``how`` tells what ``producer`` names.

    BY_NAME: nothing. BY_RUN_ID: the public id of the producing run. BY_OBJECT:
    the number of a run of this writer, or the public id of another one.
    """

    artifact: Artifact
    version: str | None
    at_us: int
    how: int = BY_NAME
    producer: int | str | None = None


class Write(NamedTuple):
    """A run wrote an artifact at a time; ``value`` is a JSON value, msgpack-able."""

    artifact: Artifact
    version: str | None
    at_us: int
    value: Any = None


class WriterFact(msgspec.Struct, frozen=True):
    """A process that records: its random id and where it runs."""

    uid: bytes
    host: str
    pid: int
    started_us: int
    info: dict[str, Any]


class SiteFact(msgspec.Struct, frozen=True, tag="site"):
    """A registered function as one process loaded it; runs refer to it by ``n``."""

    n: int
    component: str
    file: str | None = None
    line: int | None = None
    function: str | None = None
    git_hash: str | None = None


class CodeFact(msgspec.Struct, frozen=True, tag="code"):
    """What was learnt later about a site's code, away from the hot path."""

    n: int
    file: str | None
    git_hash: str | None
    dirty: bool | None
    digest: str | None
    source: str | None


class RunFact(msgspec.Struct, gc=False, tag="run"):
    """A run, or what is known of it so far.

    A part has ``ended_us`` None and status RUNNING; what several facts of one run
    say is united.
    ``run_id`` is set for runs that keep an id of their own. ``host`` is None for
    the writer's, and empty where it is not known. Reads and writes may be plain
    tuples with the fields of `Read` and `Write`.
    """

    seq: int
    site: int
    started_us: int
    ended_us: int | None
    status: int
    parent: int | str | None
    pipeline: str | None
    params: dict[str, Any] | None
    reads: list[Read]
    writes: list[Write]
    error: str | None = None
    run_id: str | None = None
    host: str | None = None


class Part(Protocol):
    """What a sink reads of a run that goes on; fields as in `RunFact`.

    A read whose time is None happened at the start of the run.
    """

    seq: int
    site: int
    started_us: int
    parent_run: int | str | None
    pipeline: str | None
    params: dict[str, Any] | None
    reads: Sequence[Any]


class ComponentFact(msgspec.Struct, frozen=True, tag="component"):
    """What was said about a component: only the fields that were said."""

    name: str
    at_us: int
    changes: dict[str, Any]


class PipelineFact(msgspec.Struct, frozen=True, tag="pipeline"):
    """A pipeline run began: its id and the pipeline's name."""

    run_id: str
    name: str
    at_us: int


class SourceFact(msgspec.Struct, frozen=True, tag="source"):
    """An artifact was declared to come from outside."""

    artifact: Artifact


class EnvironmentFact(msgspec.Struct, frozen=True, tag="environment"):
    """What a writer's process runs in: the versions of its packages, and their digest."""

    digest: str
    packages: dict[str, str]


class FlagFact(msgspec.Struct, frozen=True, tag="flag"):
    """A person marked an output; ``state`` is one of the words above.

    The latest mark counts that is not ``assigned``. Where that is ``open``, the latest
    ``assigned`` since the flag was last closed says in its ``note`` who looks into it.
    """

    artifact: Artifact
    at_us: int
    state: str
    note: str
    by: str


class NoteFact(msgspec.Struct, frozen=True, tag="note"):
    """A person said something about a run."""

    run_id: str
    at_us: int
    text: str
    by: str


Fact = (
    SiteFact
    | CodeFact
    | RunFact
    | ComponentFact
    | PipelineFact
    | SourceFact
    | EnvironmentFact
    | FlagFact
    | NoteFact
)


class Batch(msgspec.Struct):
    """Facts of one writer, with the place in its spool that they lead to.

    ``segment`` and ``offset`` are where the next read begins. ``lost`` counts
    damaged records that were passed over, ``ended`` says that the writer is
    gone: runs of it that are still open were killed.
    """

    writer: WriterFact
    segment: int
    offset: int
    facts: list[Fact]
    lost: int = 0
    ended: bool = False
