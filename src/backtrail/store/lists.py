"""Lists, newest first, from named SQL: runs, writes, artifacts by text."""

from __future__ import annotations

from typing import Any

from .protocol import ArtifactRow, WriteRow

END = "\U0010ffff"


class Lists:
    """The part of `protocol.Store` that lists; see there for the promises."""

    def _all(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Give all rows of a named statement."""
        raise NotImplementedError

    def recent_runs(self, before: tuple[int, int], limit: int) -> list[int]:
        """Give keys of runs that started before (time, key)."""
        found = self._all("recent_runs", before_t=before[0], before_run=before[1], limit=limit)
        return [row[0] for row in found]

    def runs_of_component(
        self, component: int, before: tuple[int, int], since_us: int, limit: int
    ) -> list[int]:
        """Give keys of a component's runs that started before (time, key), back to a time."""
        found = self._all(
            "runs_of_component",
            component=component,
            before_t=before[0],
            before_run=before[1],
            since=since_us,
            limit=limit,
        )
        return [row[0] for row in found]

    def last_run_of_component(self, component: int) -> int | None:
        """Give when the newest run of a component started."""
        found = self._all("last_run_of_component", component=component)
        return found[0][0] if found else None

    def writes_of_artifact(
        self, artifact: int, before: tuple[int, int], limit: int
    ) -> list[WriteRow]:
        """Give the writes of an artifact before (time, key)."""
        return self._writes("writes_of_artifact", before, limit, artifact=artifact)

    def writes_of_content(
        self, version: int, before: tuple[int, int], limit: int
    ) -> list[WriteRow]:
        """Give the writes of a content digest, under any name."""
        return self._writes("writes_of_content", before, limit, version=version)

    def _writes(self, name: str, before: tuple[int, int], limit: int, **of: int) -> list[WriteRow]:
        found = self._all(name, before_t=before[0], before_run=before[1], limit=limit, **of)
        return [WriteRow(*row) for row in found]

    def count_writes(self, artifact: int, limit: int) -> int:
        """Count the writes of an artifact, up to a limit."""
        return int(self._all("count_writes", artifact=artifact, limit=limit)[0][0])

    def artifacts_with_prefix(
        self, prefix: str, limit: int, kind: int | None = None
    ) -> list[ArtifactRow]:
        """Give artifacts (of a kind) whose name starts so, by name."""
        span = {"low": prefix, "high": prefix + END, "limit": limit}
        if kind is None:
            found = self._all("artifacts_with_prefix", **span)
        else:
            found = self._all("artifacts_of_kind_with_prefix", **span, kind=kind)
        return [ArtifactRow(*row) for row in found]

    def artifacts_containing(self, text: str, limit: int) -> list[ArtifactRow]:
        """Give artifacts whose name contains the text, the newest first."""
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        found = self._all("artifacts_containing", pattern=f"%{escaped}%", limit=limit)
        return [ArtifactRow(*row) for row in found]

    def artifacts_of_kind(self, kind: int, limit: int) -> list[ArtifactRow]:
        """Give the artifacts of a kind that appeared last."""
        return [ArtifactRow(*row) for row in self._all("artifacts_of_kind", kind=kind, limit=limit)]
