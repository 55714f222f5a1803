"""What a question about impact begins at: runs, an artifact, one version of it, or a content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import AmbiguousIdError, ConfigurationError, NotFoundError
from ..model.facts import DIGEST_KINDS
from ..model.impact import ImpactOrigin
from ..model.names import bounded
from ..store.protocol import MAX_KEY, PAGE, ArtifactRow, ReadSpan, RunRow, Store, WriteRow, Written
from .assemble import public_id
from .links import Link
from .lookups import Moment, moment_us, unknown_component
from .readers import pages_of_reads, readers_naming, readers_of
from .selector import find_artifact, find_content, find_run, unknown

_NEWEST = (MAX_KEY, MAX_KEY)
# Writes that readers are looked for at once.
WRITES_AT_ONCE = 1_000
_WRITES = 500
_CLOSEST = 5


class Candidates(NamedTuple):
    """Runs that may have read something, and which of their reads can be meant.

    Reads of these artifacts, reads of these contents, and reads that named a run.
    """

    runs: set[int]
    artifacts: frozenset[int] = frozenset()
    contents: frozenset[int] = frozenset()


@dataclass(slots=True)
class Runs:
    """An origin that is runs: all that they wrote is affected."""

    about: ImpactOrigin
    pages: Iterator[Sequence[int]]


@dataclass(slots=True)
class Things:
    """An origin that is an artifact, or versions of one: who read them is affected.

    ``artifact`` 0: of any name; ``version`` 0: in any version.
    """

    about: ImpactOrigin
    artifact: int
    version: int
    # What was written by which run and when, of the writes that are being looked at.
    _written: dict[tuple[int, int], set[tuple[int, int]]] = field(default_factory=dict)

    def candidates(self, store: Store, tolerance_us: int) -> Iterator[Candidates]:
        """Give runs that may have read it; `accepts` tells of a link of theirs whether they did."""
        yield from self._by_read(store)
        for writes in self._writes(store):
            self._written.clear()
            for artifact, version, at_us, run in writes:
                self._written.setdefault((run, at_us), set()).add((artifact, version))
            artifacts = frozenset(write.artifact for write in writes)
            contents = frozenset(write.version for write in writes if write.version > 0)
            for runs in readers_of(store, writes, tolerance_us):
                yield Candidates(runs, artifacts, contents)
            writers = {write.run for write in writes}
            for runs in readers_naming(store, store.public_ids(writers)):
                yield Candidates(runs)

    def accepts(self, link: Link) -> bool:
        """Tell whether a link shows that its reader read it."""
        if link.own:
            return False
        read = link.read
        if self.artifact in (0, read.artifact) and self.version in (0, read.version):
            return True
        if link.producer is None or link.written_us is None:
            return False
        written = self._written.get((link.producer, link.written_us), ())
        if link.elsewhere:
            return any(version == read.version for _, version in written)
        return any(artifact == read.artifact for artifact, _ in written)

    def is_read(self, store: Store, link: Link) -> bool:
        """Tell of one link, outside of a walk, whether it shows that its reader read it."""
        self._written.clear()
        if link.producer is not None and link.written_us is not None:
            writes = self._written_at(store, link.producer, link.written_us)
            self._written[link.producer, link.written_us] = set(writes)
        return self.accepts(link)

    def _written_at(self, store: Store, run: int, at_us: int) -> Iterator[tuple[int, int]]:
        if self.artifact:
            for write in store.next_writes(self.artifact, (at_us, run - 1), at_us):
                if write.run == run and self.version in (0, write.version):
                    yield self.artifact, write.version
        else:
            for named in self._named(store, {run}):
                if named.at_us == at_us:
                    yield named.artifact, named.version

    def _by_read(self, store: Store) -> Iterator[Candidates]:
        """Give the runs that read the very name and version, be its producer known or not."""
        names = [self.artifact]
        if not self.artifact:
            names = [artifact for _, artifact in store.names_read([self.version])]
        spans = [ReadSpan(name, self.version, -MAX_KEY, -1, MAX_KEY) for name in names]
        for _, page in pages_of_reads(store, spans):
            yield Candidates({read.run for read in page}, frozenset(names))

    def _writes(self, store: Store) -> Iterator[list[Written]]:
        before = _NEWEST
        batch: list[Written] = []
        while True:
            if self.artifact:
                page = _whole(store.writes_of_artifact(self.artifact, before, _WRITES))
                batch += [
                    Written(self.artifact, version, at_us, run)
                    for at_us, run, version in page
                    if self.version in (0, version)
                ]
            else:
                page = _whole(store.writes_of_content(self.version, before, _WRITES))
                batch += self._named(store, {write.run for write in page})
            if batch and (len(batch) >= WRITES_AT_ONCE or not page):
                yield batch
                batch = []
            if not page:
                return
            before = (page[-1].at_us, page[-1].run)

    def _named(self, store: Store, runs: set[int]) -> Iterator[Written]:
        """Give under which names runs wrote the content."""
        for run, row in store.runs(runs).items():
            for out in every_output(store, row):
                if out.version == self.version:
                    yield Written(out.artifact, out.version, out.at_us, run)


def _whole(page: list[WriteRow]) -> list[WriteRow]:
    """Leave out a moment at the end of a full page: a run may have written more in it.

    Pages go on from a moment and a run, and one run may write many versions at once.
    """
    last = page[-1][:2] if len(page) == _WRITES else None
    return [write for write in page if write[:2] != last] or page


def every_output(store: Store, row: RunRow) -> Iterator[Written]:
    """Give all writes of a run, also those beyond its row."""
    for artifact, version, at_us, _ in row.outs:
        yield Written(artifact, version, at_us, row.run)
    if row.outs_more:
        for artifact, version, at_us, _ in store.more_outputs(row.run):
            yield Written(artifact, version, at_us, row.run)


# -- from words -------------------------------------------------------------------------


def origin_named(store: Store, what: str, version: str | None) -> Runs | Things:
    """Find an artifact, a run or a content by what a person calls it.

    Raises:
        NotFoundError: nothing recorded answers to it; lists the closest names.
        AmbiguousIdError: several run ids, or versions, start so.
    """
    artifact = find_artifact(store, what)
    if artifact is not None:
        if version is None:
            return Things(ImpactOrigin("artifact", artifact.name), artifact.artifact, 0)
        key, word = _version_of(store, artifact, version)
        return Things(ImpactOrigin("artifact", artifact.name, word), artifact.artifact, key)
    key_of_run = find_run(store, what)
    if key_of_run is not None:
        if version is not None:
            raise ConfigurationError(
                f"{what} is a run, and a run has no version",
                hint="Leave out the version, or name an artifact or a component.",
            )
        row = store.runs([key_of_run])[key_of_run]
        return Runs(ImpactOrigin("run", public_id(store, row)), iter([[key_of_run]]))
    content = find_content(store, what)
    if content is None:
        raise unknown(store, what, "artifact or run")
    if version is not None:
        raise ConfigurationError(
            f"{what} is a content, and that is a version already", hint="Leave out the version."
        )
    word = store.versions([content])[content]
    return Things(ImpactOrigin("content", word, word), 0, content)


def origin_of_runs(
    store: Store,
    component: str | None,
    version: str | None,
    commit: str | None,
    since: Moment | None,
    until: Moment | None,
) -> Runs:
    """Find the runs of a component, at a commit or source digest, in a time.

    Raises:
        NotFoundError: no such component, or none of its runs ran that code.
    """
    if version is not None and component is None:
        raise ConfigurationError(
            "a version needs an artifact or a component that it is a version of",
            hint="For every component at a commit: commit=, or --commit.",
        )
    if version is not None and commit is not None:
        raise ConfigurationError("give a version or a commit of the component, not both")
    since_us = None if since is None else moment_us(since)
    until_us = None if until is None else moment_us(until)
    about = ImpactOrigin("runs", "", version, component, commit, since_us, until_us)
    key = None
    if component is not None:
        row = store.component_named(bounded(component))
        if row is None:
            raise unknown_component(store, component)
        key = row.component
    code = commit if version is None else version
    sites = None if code is None else _sites_of(store, code, key, component)
    before = (MAX_KEY if until_us is None else until_us, MAX_KEY if until_us is None else -1)
    return Runs(
        about, _pages(store, key, sites, before, -MAX_KEY if since_us is None else since_us)
    )


def _sites_of(
    store: Store, code: str, component: int | None, name: str | None
) -> dict[int, list[int]]:
    """Give the sites at a commit or source digest, or the beginning of one, by component.

    A commit may be any word that somebody gave: whole, it means no longer one ("v1.1", "v1.10").
    """
    found: dict[int, list[int]] = {}
    words = [code] if ":" in code else [code, *(f"{kind}:{code}" for kind in DIGEST_KINDS[:1])]
    sites = store.sites_of(code, code)
    if not sites and len(code) >= 4:
        sites = [each for word in words for each in store.sites_of(word, f"{word}\U0010ffff")]
    for site, of in sites:
        if component in (None, of):
            found.setdefault(of, []).append(site)
    if not found:
        whose = "component" if name is None else f"run of {name}"
        raise NotFoundError(
            f"no {whose} in {store.url} ran at the commit or source digest {code!r}",
            hint="List runs with their commits: bt recent"
            if name is None
            else f"List its runs with their commits: bt history {name}",
        )
    return found


def _pages(
    store: Store,
    component: int | None,
    sites: dict[int, list[int]] | None,
    before: tuple[int, int],
    since_us: int,
) -> Iterator[Sequence[int]]:
    """Give the keys of runs, newest first, a page at a time."""
    if sites is None:
        yield from _pages_in_time(store, component, before, since_us)
        return
    for of, its_sites in sites.items():
        place = before
        while page := store.runs_at_sites(of, its_sites, place, since_us, PAGE):
            yield [key for _, key in page]
            if len(page) < PAGE:
                break
            place = page[-1]


def _pages_in_time(
    store: Store, component: int | None, before: tuple[int, int], since_us: int
) -> Iterator[Sequence[int]]:
    while True:
        if component is None:
            keys = store.recent_runs(before, PAGE)
        else:
            keys = store.runs_of_component(component, before, since_us, PAGE)
        if not keys:
            return
        rows = store.runs(keys)
        yield [key for key in keys if rows[key].started >= since_us]
        last = rows[keys[-1]]
        if len(keys) < PAGE or last.started < since_us:
            return
        before = (last.started, last.run)


def _version_of(store: Store, artifact: ArtifactRow, word: str) -> tuple[int, str]:
    """Find a version of an artifact by its word, by a digest without its kind, or a beginning."""
    found: dict[str, int] = {}
    for candidate in (bounded(word), f"blake3:{word}"):
        key = store.version_of_word(candidate)
        if key is not None:
            return key, candidate
    if len(word) >= 4:
        for begin in (word, f"blake3:{word}"):
            for whole in store.words_with_prefix(begin, WRITES_AT_ONCE):
                key = store.version_of_word(whole)
                if key is not None and _has_version(store, artifact.artifact, key):
                    found[whole] = key
    if len(found) == 1:
        ((whole, key),) = found.items()
        return key, whole
    if found:
        raise AmbiguousIdError(
            f"{len(found)} versions of {artifact.name!r} start with {word!r}",
            candidates=sorted(found)[:_CLOSEST],
            hint="Give more of it.",
        )
    newest = store.writes_of_artifact(artifact.artifact, _NEWEST, PAGE)
    keys = list(dict.fromkeys(write.version for write in newest if write.version))[:_CLOSEST]
    words = store.versions(keys)
    raise NotFoundError(
        f"no recorded version of {artifact.name!r} is {word!r}",
        closest=[words[key] for key in keys],
        hint=f"Its newest: {', '.join(words[key] for key in keys)}"
        if keys
        else "It was recorded without versions; ask without one.",
    )


def _has_version(store: Store, artifact: int, version: int) -> bool:
    """Tell whether an artifact was read, or written, in a version."""
    if store.reads_in([ReadSpan(artifact, version, -MAX_KEY, -1, MAX_KEY)], 1):
        return True
    return any(
        write.version == version for write in store.writes_of_artifact(artifact, _NEWEST, PAGE)
    )
