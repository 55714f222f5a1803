"""What people said of outputs and runs, and the packages that runs had, from named SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..model.identity import SEQ_BITS
from .protocol import ArtifactRow, EnvironmentRow, FlagRow, NoteRow
from .rows import from_json


class Marks:
    """The part of `protocol.Store` that tells of marks; see there for the promises."""

    def _all(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Give all rows of a named statement."""
        raise NotImplementedError

    def _listed(self, values: Iterable[Any]) -> Any:
        """Give values as this database takes a list for a parameter."""
        raise NotImplementedError

    def flags(self, artifacts: Iterable[int]) -> list[FlagRow]:
        """Give every mark on these artifacts, the newest first."""
        return [FlagRow(*row) for row in self._all("flags", artifacts=self._listed(artifacts))]

    def flagged(self, after: int, limit: int) -> list[ArtifactRow]:
        """Give flagged artifacts whose key is greater, in the order of their keys."""
        return [ArtifactRow(*row) for row in self._all("flagged", after=after, limit=limit)]

    def notes(self, run_ids: Iterable[str]) -> list[NoteRow]:
        """Give the notes on these runs, the oldest first."""
        # Mostly there are none at all, and a backtrace asks for thousands of runs.
        if not self._all("any_notes")[0][0]:
            return []
        return [NoteRow(*row) for row in self._all("notes", run_ids=self._listed(run_ids))]

    def packages(self, run: int) -> tuple[str, dict[str, str]] | None:
        """Give digest and packages of the environment that recorded a run, if known."""
        found = self._all("packages", writer=run >> SEQ_BITS)
        return (found[0][0], from_json(found[0][1])) if found else None

    def environments(self, runs: Iterable[int]) -> dict[int, EnvironmentRow]:
        """Give for each run the environment that recorded it, as far as it is known."""
        wanted = list(runs)
        found = {
            writer: EnvironmentRow(digest, python)
            for writer, digest, python in self._all(
                "environments", writers=self._listed({run >> SEQ_BITS for run in wanted})
            )
        }
        return {run: found[run >> SEQ_BITS] for run in wanted if run >> SEQ_BITS in found}
