"""Who may have read what was written: a superset, for `links.Linker` to decide about.

What follows from the rules of LINEAGE.md here is only where a reader of a write
cannot lie. A read that links to a write by name lies between it and the next
write of the artifact; by version, until that version was written again; by
content, under any name until that content was written again. Three kinds lie
outside of that, and are looked for beside it: a run passes over what it wrote
itself in another version; clocks differ; and a read may name its producer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..store.protocol import MAX_KEY, Aftermath, ReadSpan, SpanRead, Store, Written

# Reads that are asked for at once: a hot artifact may have a million.
_AT_ONCE = 1_000


class _Spans(NamedTuple):
    """Where readers of some writes lie, and runs that are such readers perhaps."""

    named: list[ReadSpan]
    # Of reads in a span that are earlier than this, only those of one run count
    # (None: those of any).
    skewed: list[tuple[int, int | None]]
    versioned: list[ReadSpan]
    runs: set[int]


def readers_of(store: Store, writes: Sequence[Written], tolerance_us: int) -> Iterator[set[int]]:
    """Give keys of runs that may have read these writes, in bounded sets; some come again."""
    aftermaths = store.aftermaths(writes, tolerance_us)
    if not aftermaths:
        return
    followed = [(writes[n], aftermath) for n, aftermath in aftermaths.items()]
    spans = _spans(followed, tolerance_us)
    if spans.runs:
        yield spans.runs
    for first, page in pages_of_reads(store, spans.named):
        found = set()
        for n, at_us, run in page:
            begins, only = spans.skewed[first + n]
            if at_us >= begins or only is None or only == run:
                found.add(run)
        yield found
    for _, page in pages_of_reads(store, [*spans.versioned, *_elsewhere(store, followed)]):
        yield {read.run for read in page}


def readers_naming(store: Store, runs: Mapping[int, str]) -> Iterator[set[int]]:
    """Give keys of runs with a read that named one of these runs (key: public id, if needed)."""
    # A person may have typed an id in capitals.
    ids = {form for each in runs.values() if each for form in (each, each.upper())}
    refs = store.refs_of(ids) if ids else {}
    left = [(producer, -1) for producer in (*runs, *(-ref for ref in refs.values()))]
    while left:
        page = store.readers_naming(left, _AT_ONCE)
        yield {run for _, run in page}
        if len(page) < _AT_ONCE:
            return
        n, run = page[-1]
        left = [(left[n][0], run), *left[n + 1 :]]


def _spans(followed: Sequence[tuple[Written, Aftermath]], tolerance_us: int) -> _Spans:
    spans = _Spans([], [], [], set())
    for write, aftermath in followed:
        artifact, version, at_us, _ = write
        until = MAX_KEY if aftermath.next_us is None else aftermath.next_us
        # At the moment of the next write its own run still reads the one before.
        spans.named.append(ReadSpan(artifact, 0, at_us - tolerance_us, -1, until))
        spans.skewed.append((at_us, aftermath.before_run))
        if aftermath.next_run is not None and aftermath.next_version:
            spans.runs.add(aftermath.next_run)
        if version and aftermath.next_us is not None:
            same = MAX_KEY if aftermath.same_us is None else aftermath.same_us
            if same > until:
                spans.versioned.append(ReadSpan(artifact, version, until, MAX_KEY, same))
    return spans


def _elsewhere(store: Store, followed: Sequence[tuple[Written, Aftermath]]) -> list[ReadSpan]:
    """Give where reads of the same content under other names lie.

    One span for each content and name, however often these writes wrote it: of an
    empty file there may be thousands.
    """
    contents: dict[int, tuple[int, int]] = {}
    own: dict[int, set[int]] = {}
    for write, aftermath in followed:
        if write.version > 0:
            until = MAX_KEY if aftermath.content_us is None else aftermath.content_us
            first, last = contents.get(write.version, (write.at_us, until))
            contents[write.version] = min(first, write.at_us), max(last, until)
            own.setdefault(write.version, set()).add(write.artifact)
    if not contents:
        return []
    return [
        ReadSpan(artifact, version, contents[version][0], -1, contents[version][1])
        for version, artifact in store.names_read(contents)
        if own[version] != {artifact}
    ]


def pages_of_reads(store: Store, spans: list[ReadSpan]) -> Iterator[tuple[int, Sequence[SpanRead]]]:
    """Give reads in spans, a page at a time, and the place of the first span asked for."""
    first = 0
    while spans:
        page = store.reads_in(spans, _AT_ONCE)
        if page:
            yield first, page
        if len(page) < _AT_ONCE:
            return
        n, at_us, run = page[-1]
        first += n
        spans = [spans[n]._replace(after_us=at_us, after_run=run), *spans[n + 1 :]]
