"""What people said of outputs: which are flagged, and what is wrong with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from ..errors import ConfigurationError
from ..model.facts import ASSIGNED, OPEN
from ..model.records import Flagged, Mark
from ..store.protocol import PAGE, ArtifactRow, FlagRow, Store
from .selector import select


class Said(Protocol):
    """What it takes to tell how a flag stands: `Mark` and `FlagRow` have it."""

    @property
    def state(self) -> str:
        """A word of `facts.FlagFact`."""

    @property
    def note(self) -> str:
        """What is wrong; or who looks into it."""


S = TypeVar("S", bound=Said)


def standing(marks: Iterable[S]) -> tuple[S | None, str | None]:
    """Give the mark that counts of all on an output, newest first, and who looks into it.

    Nobody (None) looks into a flag that is closed.
    """
    counts: S | None = None
    assignee: str | None = None
    for mark in marks:
        if mark.state == ASSIGNED:
            assignee = mark.note if assignee is None else assignee
            continue
        counts = counts or mark
        if mark.state != OPEN:
            break
    is_open = counts is not None and counts.state == OPEN
    return counts, (assignee or None) if is_open else None


def output_named(store: Store, name: str) -> str:
    """Give the canonical name of an output that people can flag.

    Raises:
        NotFoundError: no recorded run wrote it.
    """
    selected = select(store, name, None)
    if selected.artifact is None:
        raise ConfigurationError(
            f"{name} is a run, and flags are put on outputs",
            hint="Flag what it wrote, or say something about the run: bt note.",
        )
    return selected.artifact.name


def flagged_artifacts(store: Store) -> Iterator[ArtifactRow]:
    """Give every flagged artifact, a page at a time."""
    after = 0
    while True:
        page = store.flagged(after, PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].artifact


def marks_on(store: Store, name: str) -> list[Mark]:
    """Give all marks on an output, the newest first; errors as `output_named`."""
    artifact = store.artifact_named(output_named(store, name))
    found = [] if artifact is None else store.flags([artifact.artifact])
    return [Mark(mark.state, mark.note, mark.by, mark.at_us) for mark in found]


def flagged(store: Store) -> list[Flagged]:
    """Give the outputs that are flagged now, the one that was flagged last first."""
    said = open_flags(store).values()
    return [
        Flagged(each.artifact.name, each.mark.note, each.mark.by, each.mark.at_us, each.assignee)
        for each in said
    ]


class OpenFlag(NamedTuple):
    """An artifact that is flagged now, the mark that says so, and who looks into it."""

    artifact: ArtifactRow
    mark: FlagRow
    assignee: str | None


def open_flags(store: Store) -> dict[int, OpenFlag]:
    """Give each artifact that is flagged now with its flag, flagged last first."""
    rows = {row.artifact: row for row in flagged_artifacts(store)}
    said: dict[int, list[FlagRow]] = defaultdict(list)
    for mark in store.flags(rows) if rows else ():
        said[mark.artifact].append(mark)
    found = []
    for artifact, marks in said.items():
        counts, assignee = standing(marks)
        if counts is not None:
            found.append(OpenFlag(rows[artifact], counts, assignee))
    found.sort(key=lambda each: each.mark.at_us, reverse=True)
    return {each.artifact.artifact: each for each in found}
