"""The way downstream, from named SQL: who read what was written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .protocol import Aftermath, ReadSpan, SpanRead, Written


class Downstream:
    """The part of `protocol.Store` that looks downstream; see there for the promises."""

    def _all(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Give all rows of a named statement."""
        raise NotImplementedError

    def _listed(self, values: Iterable[Any]) -> Any:
        """Give values as this database takes a list for a parameter."""
        raise NotImplementedError

    def _probe(self, name: str, flat: list[int]) -> Iterable[tuple[Any, ...]]:
        """Give all rows of a statement about probes, of six numbers each."""
        raise NotImplementedError

    def aftermaths(self, writes: Sequence[Written], tolerance_us: int) -> dict[int, Aftermath]:
        """Give by place what became of the writes that some read may have been of."""
        found: dict[int, Aftermath] = {}
        flat: list[int] = []
        for n, (artifact, version, at_us, _) in enumerate(writes):
            flat += n, artifact, version, at_us, at_us - tolerance_us, 0
        for row in self._probe("aftermaths", flat):
            # Of several next writes at one moment the first will do.
            if row[0] not in found:
                found[row[0]] = Aftermath(*row[1:])
        return found

    def names_read(self, versions: Iterable[int]) -> list[tuple[int, int]]:
        """Give (version, artifact) for each artifact of which a version was read."""
        found = self._all("names_read", versions=self._listed(versions))
        return [(version, artifact) for version, artifact in found]

    def reads_in(self, spans: Sequence[ReadSpan], limit: int) -> list[SpanRead]:
        """Give reads in spans, all with a version or all without, in order: span, time, run."""
        if not spans:
            return []
        name = "reads_in_of_versions" if spans[0].version else "reads_in"
        texts = [
            f"[{n},{a},{v},{t},{run},{until}]" for n, (a, v, t, run, until) in enumerate(spans)
        ]
        return [SpanRead(*row) for row in self._all(name, spans=_array(texts), limit=limit)]

    def readers_naming(
        self, producers: Sequence[tuple[int, int]], limit: int
    ) -> list[tuple[int, int]]:
        """Give (place, reader) where a read named a run (its key, or -ref of its public id)."""
        texts = [f"[{n},{producer},{after}]" for n, (producer, after) in enumerate(producers)]
        found = self._all("readers_naming", producers=_array(texts), limit=limit)
        return [(n, run) for n, run in found]

    def has_named(self) -> bool:
        """Tell whether any read here named its producer by a public id."""
        return bool(self._all("has_named")[0][0])

    def refs_of(self, run_ids: Iterable[str]) -> dict[str, int]:
        """Give the keys (positive) under which public ids were named."""
        return {run_id: ref for ref, run_id in self._all("run_refs", ids=self._listed(run_ids))}

    def sites_of(self, low: str, high: str) -> list[tuple[int, int]]:
        """Give (site, component) whose commit or source digest lies between two texts."""
        return [(site, component) for site, component in self._all("sites_of", low=low, high=high)]

    def runs_at_sites(
        self,
        component: int,
        sites: Sequence[int],
        before: tuple[int, int],
        since_us: int,
        limit: int,
    ) -> list[tuple[int, int]]:
        """Give (time, key) of a component's runs at these sites, as `runs_of_component` does."""
        found = self._all(
            "runs_at_sites",
            component=component,
            sites=self._listed(sites),
            before_t=before[0],
            before_run=before[1],
            since=since_us,
            limit=limit,
        )
        return [(started, run) for started, run in found]


def _array(texts: Sequence[str]) -> str:
    """Give pieces of JSON as an array: half the cost of encoding many small rows."""
    return f"[{','.join(texts)}]"
