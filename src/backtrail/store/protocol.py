"""The Store protocol, each promise written down, and the rows it speaks in.

A store keeps facts and answers as-of probes. It decides nothing about meaning:
which write an input is linked to is worked out in `query`. Keys are integers
of the store's own; they mean nothing outside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..model.facts import Batch

if TYPE_CHECKING:
    from ..model.records import Finding

MOST_OUTPUTS = 1000
# Of tokens: each may do what those before it may.
SCOPES = ("read", "write", "admin")
PAGE = 100
MAX_KEY = (1 << 63) - 1


class WriteRow(NamedTuple):
    """A run wrote an artifact: time, run, version key (0: none known)."""

    at_us: int
    run: int
    version: int


class Probe(NamedTuple):
    """A question for the newest write at or before ``at_us``.

    Of ``artifact`` with ``version`` (0: any version); with ``artifact`` 0, of
    the content ``version`` under any name. Writes of ``reader`` count only
    strictly before ``at_us``, and only if their version may be the one it read
    (``read_version``, 0: not known).
    """

    artifact: int
    version: int
    at_us: int
    reader: int
    read_version: int = 0


class FresherProbe(NamedTuple):
    """A question for the newest write of ``artifact`` beside the one that was read from.

    From the moment at which ``producer`` wrote what was read, except for that write,
    until it was read, both included; writes of ``reader`` never count.
    """

    artifact: int
    written_us: int
    read_us: int
    producer: int
    reader: int


class InRow(NamedTuple):
    """A read as a run row keeps it; ``how`` and ``producer`` as in `facts.Read`, in keys."""

    artifact: int
    version: int
    at_us: int
    how: int
    producer: int


class OutRow(NamedTuple):
    """A write as a run row keeps it."""

    artifact: int
    version: int
    at_us: int
    value: Any


class RunRow(NamedTuple):
    """A run as it is stored; ``outs_more`` outputs beyond ``outs`` are kept elsewhere."""

    run: int
    component: int
    site: int
    pipeline: int | None
    parent: int | None
    started: int
    ended: int | None
    status: int
    params: str | None
    error: str | None
    run_id: str | None
    host: str | None
    ins: list[InRow]
    outs: list[OutRow]
    outs_more: int


class ArtifactRow(NamedTuple):
    """An artifact: key, canonical name, code of its kind; a declared source, flagged or not."""

    artifact: int
    name: str
    kind: int
    source: int
    flagged: int


class Written(NamedTuple):
    """A write to look downstream from."""

    artifact: int
    version: int
    at_us: int
    run: int


class Aftermath(NamedTuple):
    """What became of a write: until when it was the newest, and for whom.

    The next write of its artifact (time, run, version); when the same version of
    it was written next, and the same content under any name; and a run that had
    written the artifact at the latest by the moment that was asked about.
    """

    next_us: int | None
    next_run: int | None
    next_version: int | None
    same_us: int | None
    content_us: int | None
    before_run: int | None


class ReadSpan(NamedTuple):
    """Reads of an artifact (``version`` 0: of any) after (time, key), up to a time."""

    artifact: int
    version: int
    after_us: int
    after_run: int
    until_us: int


class SpanRead(NamedTuple):
    """A read that lies in span ``n`` of those asked for: time, run."""

    n: int
    at_us: int
    run: int


class FlagRow(NamedTuple):
    """A mark on an output, as `facts.FlagFact`."""

    artifact: int
    at_us: int
    state: str
    note: str
    by: str


class NoteRow(NamedTuple):
    """A note on a run, as `facts.NoteFact`."""

    run_id: str
    at_us: int
    by: str
    text: str


class EnvironmentRow(NamedTuple):
    """Where a run was recorded: the digest of the packages, the version of Python."""

    digest: str | None
    python: str | None


class SiteRow(NamedTuple):
    """A component version as one process loaded it."""

    file: str | None
    line: int | None
    function: str | None
    git: str | None
    dirty: int | None
    digest: str | None


class WriterRow(NamedTuple):
    """A process that recorded."""

    writer: int
    short: int
    host: str
    pid: int


class ComponentRow(NamedTuple):
    """A component: key, name, and per field when it was said and what."""

    component: int
    name: str
    said: dict[str, Any]


class ProcessRow(NamedTuple):
    """A writer whole: who it is, where the next read of its spool begins, what it ran with."""

    writer: int
    uid: bytes
    host: str
    pid: int
    started: int
    info: dict[str, Any]
    segment: int
    offset: int
    lost: int
    environment: str | None


class FunctionRow(NamedTuple):
    """A site whole: its number in its process, the name of its component, its code."""

    site: int
    writer: int
    n: int
    component: str
    file: str | None
    line: int | None
    function: str | None
    git: str | None
    dirty: int | None
    digest: str | None


class PipelineRow(NamedTuple):
    """A pipeline run whole; without a name where runs named it and nothing began it."""

    pipeline: int
    run_id: str
    name: str | None
    started: int | None


class PrunedRow(NamedTuple):
    """When something was pruned, and before which moment runs had to end for it."""

    at_us: int
    before_us: int


class TokenRow(NamedTuple):
    """A token of a server over this store: never itself, but its SHA-256."""

    id: str
    name: str
    scope: str
    digest: bytes
    created_us: int
    expires_us: int | None
    revoked_us: int | None


class AuditRow(NamedTuple):
    """What somebody did through a server, or to the store: when, who, what, about what."""

    at_us: int
    who: str
    action: str
    about: str


@dataclass(slots=True)
class StoreStats:
    """How much a store holds; ``bytes`` on disk, times in microseconds."""

    url: str
    schema_version: int
    runs: int
    artifacts: int
    versions: int
    components: int
    writers: int
    bytes: int
    newest_us: int | None = None
    oldest_us: int | None = None
    lost: int = 0
    details: dict[str, int] = field(default_factory=dict)


class Store(Protocol):
    """What every store promises.

    Facts count once however often and in whatever order they come. Every method
    raises StoreUnavailableError when the database cannot be reached, and leaves
    it as it was.
    """

    url: str

    # -- taking in

    def positions(self, uids: Sequence[bytes]) -> Mapping[bytes, tuple[int, int]]:
        """Give segment and offset where the next read of each known writer begins."""
        ...

    def take_in(self, batches: Sequence[Batch]) -> None:
        """Keep the batches and their positions, all or nothing."""
        ...

    # -- probes

    def newest_writes(self, probes: Sequence[Probe]) -> list[list[WriteRow]]:
        """Give for each probe the newest write, or all that tie for it; empty for none."""
        ...

    def fresher_writes(self, probes: Sequence[FresherProbe]) -> dict[int, list[WriteRow]]:
        """Give by place of the probe the newest such write, or all that tie for it; others lack."""
        ...

    def next_writes(self, artifact: int, after: tuple[int, int], until_us: int) -> list[WriteRow]:
        """Give the writes of an artifact after (time, key), oldest first, a page at most."""
        ...

    def runs(self, keys: Iterable[int]) -> dict[int, RunRow]:
        """Give the runs of these keys; unknown keys are left out."""
        ...

    def more_outputs(self, run: int, artifact: int | None = None) -> Iterable[OutRow]:
        """Give the outputs of a run beyond those in its row; all, or only those of an artifact."""
        ...

    def public_ids(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the public ids of runs."""
        ...

    def has_calls(self) -> bool:
        """Tell whether any run here was called by another."""
        ...

    def called_by(self, keys: Mapping[int, str]) -> dict[int, list[tuple[int, int, int | None]]]:
        """Give for each run (key: public id) the runs it called: key, started, ended."""
        ...

    # -- downstream

    def aftermaths(self, writes: Sequence[Written], tolerance_us: int) -> dict[int, Aftermath]:
        """Give by place what became of the writes that some read may have been of.

        A write is left out where nothing read its artifact from ``tolerance_us``
        before it on, nor its version under another name. ``before_run`` had written
        the artifact at that moment already.
        """
        ...

    def names_read(self, versions: Iterable[int]) -> list[tuple[int, int]]:
        """Give (version, artifact) for each artifact of which a version was read."""
        ...

    def reads_in(self, spans: Sequence[ReadSpan], limit: int) -> list[SpanRead]:
        """Give reads in spans, all with a version or all without, in order: span, time, run.

        Where ``limit`` are given there may be more after the last.
        """
        ...

    def readers_naming(
        self, producers: Sequence[tuple[int, int]], limit: int
    ) -> list[tuple[int, int]]:
        """Give (place, reader) where a read named a run (its key, or -ref of its public id).

        In order, and of each producer only readers with a greater key than is given
        beside it. Where ``limit`` are given there may be more after the last.
        """
        ...

    def has_named(self) -> bool:
        """Tell whether any read here named its producer by a public id."""
        ...

    def refs_of(self, run_ids: Iterable[str]) -> dict[str, int]:
        """Give the keys (positive) under which public ids were named."""
        ...

    def sites_of(self, low: str, high: str) -> list[tuple[int, int]]:
        """Give (site, component) whose commit or source digest lies between two texts."""
        ...

    def runs_at_sites(
        self,
        component: int,
        sites: Sequence[int],
        before: tuple[int, int],
        since_us: int,
        limit: int,
    ) -> list[tuple[int, int]]:
        """Give (time, key) of a component's runs at these sites, as `runs_of_component` does."""
        ...

    # -- what people said, and where runs ran

    def flags(self, artifacts: Iterable[int]) -> list[FlagRow]:
        """Give every mark on these artifacts, the newest first."""
        ...

    def flagged(self, after: int, limit: int) -> list[ArtifactRow]:
        """Give flagged artifacts whose key is greater, in the order of their keys."""
        ...

    def notes(self, run_ids: Iterable[str]) -> list[NoteRow]:
        """Give the notes on these runs, the oldest first."""
        ...

    def packages(self, run: int) -> tuple[str, dict[str, str]] | None:
        """Give digest and packages of the environment that recorded a run, if known."""
        ...

    def environments(self, runs: Iterable[int]) -> dict[int, EnvironmentRow]:
        """Give for each run the environment that recorded it, as far as it is known."""
        ...

    # -- names

    def key_of(self, run_id: str) -> int | None:
        """Give the key of the run with exactly this public id."""
        ...

    def keys_with_prefix(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Give public id and key of runs whose id starts so."""
        ...

    def run_refs(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the public ids that reads and parents named, by their key (positive)."""
        ...

    def artifact_named(self, name: str) -> ArtifactRow | None:
        """Give the artifact of exactly this canonical name."""
        ...

    def artifacts(self, keys: Iterable[int]) -> dict[int, ArtifactRow]:
        """Give the artifacts of these keys."""
        ...

    def versions(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the version words of these keys."""
        ...

    def version_of_word(self, word: str) -> int | None:
        """Give the key of a version word; positive for content digests."""
        ...

    def words_with_prefix(self, prefix: str, limit: int) -> list[str]:
        """Give version words that start so, in their order."""
        ...

    def sites(self, keys: Iterable[int]) -> dict[int, SiteRow]:
        """Give the sites of these keys."""
        ...

    def source_text(self, site: int) -> str | None:
        """Give the saved source text of a site."""
        ...

    def pipelines(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the public ids of pipeline runs."""
        ...

    def writer(self, key: int) -> WriterRow:
        """Give the process that recorded the run of this key."""
        ...

    def components(self, keys: Iterable[int] | None = None) -> list[ComponentRow]:
        """Give the components of these keys, or all."""
        ...

    def component_named(self, name: str) -> ComponentRow | None:
        """Give the component of this name."""
        ...

    # -- lists, newest first

    def recent_runs(self, before: tuple[int, int], limit: int) -> list[int]:
        """Give keys of runs that started before (time, key)."""
        ...

    def runs_of_component(
        self, component: int, before: tuple[int, int], since_us: int, limit: int
    ) -> list[int]:
        """Give keys of a component's runs that started before (time, key), back to a time."""
        ...

    def last_run_of_component(self, component: int) -> int | None:
        """Give when the newest run of a component started."""
        ...

    def writes_of_artifact(
        self, artifact: int, before: tuple[int, int], limit: int
    ) -> list[WriteRow]:
        """Give the writes of an artifact before (time, key)."""
        ...

    def writes_of_content(
        self, version: int, before: tuple[int, int], limit: int
    ) -> list[WriteRow]:
        """Give the writes of a content digest, under any name."""
        ...

    def count_writes(self, artifact: int, limit: int) -> int:
        """Count the writes of an artifact, up to a limit."""
        ...

    def artifacts_with_prefix(
        self, prefix: str, limit: int, kind: int | None = None
    ) -> list[ArtifactRow]:
        """Give artifacts (of a kind) whose name starts so, by name."""
        ...

    def artifacts_containing(self, text: str, limit: int) -> list[ArtifactRow]:
        """Give artifacts whose name contains the text, the newest first."""
        ...

    def artifacts_of_kind(self, kind: int, limit: int) -> list[ArtifactRow]:
        """Give the artifacts of a kind that appeared last."""
        ...

    # -- all there is, in pages: what follows after a key, in the order of keys

    def exists(self) -> bool:
        """Tell whether there is a database to read; makes none."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Answer what is asked in this thread as of one moment; takes nothing in meanwhile."""
        ...

    def count_runs(self) -> int:
        """Count the runs."""
        ...

    def run_sizes(self, after: int, limit: int) -> list[tuple[int, int]]:
        """Give keys of runs, and about how many bytes the reads and writes of each take."""
        ...

    def processes(self, after: int, limit: int) -> list[ProcessRow]:
        """Give the processes that recorded."""
        ...

    def process(self, uid: bytes) -> ProcessRow | None:
        """Give the process of this random id."""
        ...

    def functions(self, keys: Iterable[int]) -> list[FunctionRow]:
        """Give the sites of these keys."""
        ...

    def functions_of(self, writers: Iterable[int]) -> list[FunctionRow]:
        """Give the sites of these processes."""
        ...

    def pipeline_runs(self, after: int, limit: int) -> list[PipelineRow]:
        """Give the pipeline runs."""
        ...

    def pipelines_named(self, run_ids: Iterable[str]) -> list[PipelineRow]:
        """Give the pipeline runs of these public ids."""
        ...

    def sources(self, after: int, limit: int) -> list[ArtifactRow]:
        """Give the artifacts that were declared to come from outside."""
        ...

    def artifacts_named(self, names: Iterable[str]) -> list[ArtifactRow]:
        """Give the artifacts of exactly these canonical names."""
        ...

    def marked(self, after: int, limit: int) -> list[int]:
        """Give the keys of artifacts that were ever marked."""
        ...

    def noted(self, after: str, limit: int) -> list[str]:
        """Give the public ids of runs that there are notes on."""
        ...

    def writes_of_run(
        self, run: int, writes: Iterable[tuple[int, int]]
    ) -> list[tuple[int, int, int]]:
        """Give (artifact, version, time) of those of the writes (artifact, time) a run made."""
        ...

    # -- taking away what is old. A run is old if it had ended before a moment.

    def pruned(self) -> list[PrunedRow]:
        """Give what was pruned before, the oldest first."""
        ...

    def old_runs(self, after: int, before_us: int, limit: int) -> list[int]:
        """Give keys of old runs, in their order."""
        ...

    def needed_since(self, before_us: int, rows: Iterable[RunRow]) -> set[int]:
        """Give those of old runs that wrote what must not be forgotten.

        That is everything but output ids and values in memory; of these what is flagged, or
        was read since, and the newest of a value.
        """
        ...

    def reaching_back(self, before_us: int) -> set[int]:
        """Give runs that are not old and may have read or called something that is."""
        ...

    def named_since(self, before_us: int) -> set[int]:
        """Give the producers that runs which are not old named: runs, or minus a ref."""
        ...

    def begin_pruning(self, at_us: int, before_us: int) -> None:
        """Note that what is older than a moment is looked at from now on."""
        ...

    def drop_runs(self, at_us: int, before_us: int, keys: Sequence[int]) -> tuple[int, int]:
        """Take runs away whole, all or none, but for those that came to be needed.

        Returns:
            How many runs and outputs are gone.
        """
        ...

    def strip_runs(self, keys: Sequence[int]) -> int:
        """Take parameters, values and the texts of errors from runs; give from how many."""
        ...

    def tidy(self, before_us: int) -> int:
        """Take away partitions that hold nothing any more; give how many."""
        ...

    # -- who may use a server over it, and what was done

    def tokens(self) -> list[TokenRow]:
        """Give the tokens, the oldest first, those that hold no more among them."""
        ...

    def add_token(self, token: TokenRow) -> None:
        """Keep a token."""
        ...

    def revoke_token(self, token_id: str, at_us: int) -> None:
        """Say that a token holds no more."""
        ...

    def add_audit(self, rows: Sequence[AuditRow]) -> None:
        """Keep what was done; what is said twice counts once."""
        ...

    def audit(self, limit: int) -> list[AuditRow]:
        """Give what was done, the newest first."""
        ...

    # -- operating

    def diagnose(self) -> list[Finding]:
        """Look at what may stand between this process and the database, beyond reaching it."""
        ...

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        ...

    def check(self) -> list[str]:
        """Look for damage; one sentence for each problem found."""
        ...

    def upgrade(self) -> tuple[int, int]:
        """Bring the schema to this version; give the versions before and after."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...
