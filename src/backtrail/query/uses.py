"""Who wrote and who read one artifact, and in which versions."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice

from ..model.facts import KIND_NAMES
from ..model.records import Run
from ..store.protocol import MAX_KEY, ReadSpan, Store
from .assemble import Assembly
from .readers import pages_of_reads
from .selector import find_artifact

_DAY_US = 86_400_000_000
# Reads are listed from a time on, oldest first: the newest are looked for in the last day, then
# further back.
_BACK_DAYS = (1, 30, 365, 365_000)
_MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class Use:
    """One write or read of an artifact; ``version`` is None where none was recorded."""

    run: Run
    is_write: bool
    version: str | None
    at_us: int


@dataclass(frozen=True, slots=True)
class Uses:
    """An artifact by its whole name, with its newest writes and reads, the newest first."""

    name: str
    kind: str
    uses: list[Use]

    @property
    def version(self) -> str | None:
        """The version that was recorded last, None if none ever was."""
        return next((use.version for use in self.uses if use.version), None)

    @property
    def readers(self) -> list[Run]:
        """The runs that read it, the one that read it last first."""
        found = {use.run.run_id: use.run for use in self.uses if not use.is_write}
        return list(found.values())


def uses(store: Store, name: str, limit: int, now_us: int) -> Uses | None:
    """Give the newest writes and reads of an artifact, ``limit`` of each; None if it is not known.

    Args:
        store: where to look.
        name: its name, or a path.
        limit: at most so many writes, and so many reads.
        now_us: the time; what was read lately is found sooner.
    """
    artifact = find_artifact(store, name)
    if artifact is None:
        return None
    writes = store.writes_of_artifact(artifact.artifact, (MAX_KEY, MAX_KEY), limit)
    words = store.versions({write.version for write in writes})
    read_by = _newest_reads(store, artifact.artifact, limit, now_us)
    rows = store.runs({*read_by, *(write.run for write in writes)})
    assembly = Assembly(store, rows.values())
    runs = {key: assembly.run(row) for key, row in rows.items()}
    # A run may have been pruned meanwhile.
    found = [Use(runs[w.run], True, words.get(w.version), w.at_us) for w in writes if w.run in runs]
    for run in (runs[key] for key in read_by if key in runs):
        reads = (each for each in run.inputs if each.name == artifact.name)
        found += [Use(run, False, each.version, each.read_us) for each in reads]
    # At equal times a write counts as before a read.
    found.sort(key=lambda use: (use.at_us, not use.is_write), reverse=True)
    return Uses(artifact.name, KIND_NAMES[artifact.kind], found)


def _newest_reads(store: Store, artifact: int, limit: int, now_us: int) -> list[int]:
    """Give keys of the runs that read an artifact last."""
    newest: deque[int] = deque(maxlen=limit)
    for days in _BACK_DAYS:
        span = ReadSpan(artifact, 0, now_us - days * _DAY_US, -1, MAX_KEY)
        pages = islice(pages_of_reads(store, [span]), _MOST_PAGES)
        newest = deque((read.run for _, page in pages for read in page), limit)
        if len(newest) == limit:
            break
    return list(dict.fromkeys(reversed(newest)))
