"""What was out of date already when a run read it: as of that run, not as of now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ..model.facts import BY_OBJECT, KIND_CODES
from ..model.records import Frame, FrameWarning
from ..render.words import age, minute
from ..store.protocol import ArtifactRow, FresherProbe, Store, WriteRow
from .assemble import Assembly, public_ids
from .links import Link, Linker
from .lookups import keys_of_history

_VALUE = KIND_CODES["value"]
_new = tuple.__new__


def fresher_writes(
    store: Store,
    links: Iterable[Link],
    artifacts: Mapping[int, ArtifactRow],
    id_of: Callable[[int], str],
) -> dict[int, WriteRow]:
    """Give, by `id` of the link, the newest write that was there and was not read from.

    A write of the same content is none. A link by time has none: it leads to the newest.
    """
    asked: list[Link] = []
    probes: list[FresherProbe] = []
    # Every backtrace comes through here with each of its links.
    for link in links:
        producer, read = link.producer, link.read
        if producer is None or link.evidence == "time" or link.elsewhere:
            continue
        if read.how == BY_OBJECT or artifacts[read.artifact].kind == _VALUE:
            continue
        asked.append(link)
        written_us = link.written_us or 0
        probe: FresherProbe = _new(
            FresherProbe, (read.artifact, written_us, read.at_us, producer, link.reader.run)
        )
        probes.append(probe)
    found: dict[int, WriteRow] = {}
    for n, writes in (store.fresher_writes(probes) if probes else {}).items():
        link, probe = asked[n], probes[n]
        newest = max(writes, key=lambda write: id_of(write.run))
        is_later = newest.at_us > probe.written_us or id_of(newest.run) > id_of(probe.producer)
        version = link.read.version
        if is_later and not (version and version == newest.version):
            found[id(link)] = newest
    return found


def is_value(link: Link, artifacts: Mapping[int, ArtifactRow]) -> bool:
    """Tell whether a value was handed over in memory: the next one is no newer version of it."""
    return link.read.how == BY_OBJECT or artifacts[link.read.artifact].kind == _VALUE


def warn_as_of_run(
    store: Store, frames: Sequence[Frame], links: Sequence[Sequence[Link]], assembly: Assembly
) -> None:
    """Warn where a newer version was not used, and where what was used was too old."""
    used = [link for own in links for link in own]
    fresher = fresher_writes(store, used, assembly.artifacts, assembly.id_of)
    for frame, own in zip(frames, links, strict=True) if fresher else ():
        for link in own:
            if id(link) in fresher:
                frame.warnings.append(_fresher(link, fresher[id(link)], assembly))
    if assembly.max_ages:
        _warn_of_age(frames, links, assembly.max_ages)


def stale_runs(
    store: Store, *, component: str, limit: int, tolerance_us: int
) -> dict[str, list[FrameWarning]]:
    """Give those of a component's newest runs that did not use the newest; see `Asking.stale_runs`.

    Of each what its own frame says, at the head of its backtrace, for all in one go.
    """
    keys = keys_of_history(store, component, limit)
    rows = store.runs(keys)
    links = Linker(store, tolerance_us).link([rows[key] for key in keys])
    assembly = Assembly(store, rows.values(), public_ids(store, rows))
    fresher = fresher_writes(store, links, assembly.artifacts, assembly.id_of)
    found: dict[str, list[FrameWarning]] = {}
    for link in links:
        if id(link) in fresher:
            warnings = found.setdefault(assembly.id_of(link.reader.run), [])
            warnings.append(_fresher(link, fresher[id(link)], assembly))
    return found


def _fresher(link: Link, newest: WriteRow, assembly: Assembly) -> FrameWarning:
    name = assembly.artifacts[link.read.artifact].name
    return FrameWarning(
        "stale.fresher-run",
        f"read {name} of {minute(link.written_us)}, though a newer one had been there"
        f" since {minute(newest.at_us)}",
    )


def _warn_of_age(
    frames: Sequence[Frame], links: Sequence[Sequence[Link]], max_ages: Mapping[str, float]
) -> None:
    oldest: dict[int, tuple[float, int, str]] = {}
    for frame, own in zip(frames, links, strict=True):
        linked = (link for link in own if not link.own)
        for given, link in zip(frame.inputs, linked, strict=True):
            n, written_us = given.producer, link.written_us
            if n is None or written_us is None:
                continue
            limit_s = max_ages.get(frames[n].run.component)
            age_s = (given.read_us - written_us) / 1e6
            if limit_s is not None and age_s > limit_s and age_s > oldest.get(n, (0.0,))[0]:
                oldest[n] = (age_s, frame.n, given.name)
    for n, (age_s, reader, name) in oldest.items():
        limit = age(max_ages[frames[n].run.component])
        text = f"made {name} {age(age_s)} before #{reader} used it (limit {limit})"
        frames[n].warnings.append(FrameWarning("stale.too-old", text))
