"""The way downstream, from named SQL: who read what was written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .protocol import ReadRow


class Downstream:
    """The part of `protocol.Store` that looks downstream; see there for the promises."""

    def _all(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Give all rows of a named statement."""
        raise NotImplementedError

    def _listed(self, values: Iterable[Any]) -> Any:
        """Give values as this database takes a list for a parameter."""
        raise NotImplementedError

    def reads_between(
        self, artifact: int, after: tuple[int, int], until_us: int, limit: int
    ) -> list[ReadRow]:
        """Give reads of an artifact after (time, key) and up to a time, oldest first."""
        found = self._all(
            "reads_between",
            artifact=artifact,
            after_t=after[0],
            after_run=after[1],
            until=until_us,
            limit=limit,
        )
        return [ReadRow(*row) for row in found]

    def reads_of_version(
        self, version: int, artifact: int, after: tuple[int, int], until_us: int, limit: int
    ) -> list[ReadRow]:
        """Give reads of a version of an artifact after (time, key), up to a time, oldest first."""
        found = self._all(
            "reads_of_version",
            version=version,
            artifact=artifact,
            after_t=after[0],
            after_run=after[1],
            until=until_us,
            limit=limit,
        )
        return [ReadRow(*row) for row in found]

    def readers_of_content(
        self, version: int, after: tuple[int, int, int], limit: int
    ) -> list[tuple[int, int, int]]:
        """Give (artifact, time, run) of reads of a content digest under any name, in that order."""
        artifact, at_us, run = after
        return [
            (row[0], row[1], row[2])
            for row in self._all(
                "readers_of_content",
                version=version,
                after_artifact=artifact,
                after_t=at_us,
                after_run=run,
                limit=limit,
            )
        ]

    def readers_naming(self, producers: Iterable[int]) -> list[tuple[int, int]]:
        """Give (producer, reader) where a read named a run (its key, or -ref of its public id)."""
        found = self._all("readers_naming", producers=self._listed(producers))
        return [(producer, run) for producer, run in found]

    def refs_of(self, run_ids: Iterable[str]) -> dict[str, int]:
        """Give the keys (positive) under which public ids were named."""
        return {run_id: ref for ref, run_id in self._all("run_refs", ids=self._listed(run_ids))}
