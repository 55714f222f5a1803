"""What people said of outputs: which are flagged, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import ConfigurationError
from ..model.records import Flagged, Mark
from ..store.protocol import PAGE, ArtifactRow, FlagRow, Store
from .selector import select


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
    return [Flagged(row.name, mark.note, mark.by, mark.at_us) for row, mark in said]


def open_flags(store: Store) -> dict[int, tuple[ArtifactRow, FlagRow]]:
    """Give each artifact that is flagged now with its latest mark, flagged last first."""
    rows = {row.artifact: row for row in flagged_artifacts(store)}
    found: dict[int, tuple[ArtifactRow, FlagRow]] = {}
    for mark in store.flags(rows) if rows else ():
        found.setdefault(mark.artifact, (rows[mark.artifact], mark))
    return found
