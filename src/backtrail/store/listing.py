"""All there is in a store, in pages, from named SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .protocol import ArtifactRow, FunctionRow, PipelineRow, ProcessRow
from .rows import from_json, to_json


class Listing:
    """The part of `protocol.Store` that a copy reads; see there for the promises."""

    def _all(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Give all rows of a named statement."""
        raise NotImplementedError

    def _listed(self, values: Iterable[Any]) -> Any:
        """Give values as this database takes a list for a parameter."""
        raise NotImplementedError

    def count_runs(self) -> int:
        """Count the runs."""
        return int(self._all("count_runs")[0][0])

    def run_sizes(self, after: int, limit: int) -> list[tuple[int, int]]:
        """Give keys of runs, and about how many bytes the reads and writes of each take."""
        return [(run, size) for run, size in self._all("run_sizes", after=after, limit=limit)]

    def processes(self, after: int, limit: int) -> list[ProcessRow]:
        """Give the processes that recorded."""
        return [_process(row) for row in self._all("processes", after=after, limit=limit)]

    def process(self, uid: bytes) -> ProcessRow | None:
        """Give the process of this random id."""
        found = self._all("process", uid=uid)
        return _process(found[0]) if found else None

    def functions(self, keys: Iterable[int]) -> list[FunctionRow]:
        """Give the sites of these keys."""
        return [FunctionRow(*row) for row in self._all("functions", keys=self._listed(keys))]

    def functions_of(self, writers: Iterable[int]) -> list[FunctionRow]:
        """Give the sites of these processes."""
        found = self._all("functions_of", writers=self._listed(writers))
        return [FunctionRow(*row) for row in found]

    def pipeline_runs(self, after: int, limit: int) -> list[PipelineRow]:
        """Give the pipeline runs."""
        found = self._all("pipeline_runs", after=after, limit=limit)
        return [PipelineRow(*row) for row in found]

    def pipelines_named(self, run_ids: Iterable[str]) -> list[PipelineRow]:
        """Give the pipeline runs of these public ids."""
        found = self._all("pipelines_named", ids=self._listed(run_ids))
        return [PipelineRow(*row) for row in found]

    def sources(self, after: int, limit: int) -> list[ArtifactRow]:
        """Give the artifacts that were declared to come from outside."""
        return [ArtifactRow(*row) for row in self._all("sources", after=after, limit=limit)]

    def artifacts_named(self, names: Iterable[str]) -> list[ArtifactRow]:
        """Give the artifacts of exactly these canonical names."""
        found = self._all("artifacts_named", names=self._listed(names))
        return [ArtifactRow(*row) for row in found]

    def marked(self, after: int, limit: int) -> list[int]:
        """Give the keys of artifacts that were ever marked."""
        return [artifact for (artifact,) in self._all("marked", after=after, limit=limit)]

    def noted(self, after: str, limit: int) -> list[str]:
        """Give the public ids of runs that there are notes on."""
        return [run_id for (run_id,) in self._all("noted", after=after, limit=limit)]

    def writes_of_run(
        self, run: int, writes: Iterable[tuple[int, int]]
    ) -> list[tuple[int, int, int]]:
        """Give (artifact, version, time) of those of the writes (artifact, time) a run made."""
        found = self._all("writes_by", writes=to_json(list(writes)), run=run)
        return [(artifact, version, at_us) for artifact, version, at_us in found]


def _process(row: tuple[Any, ...]) -> ProcessRow:
    return ProcessRow._make((*row[:5], from_json(row[5]), *row[6:]))
