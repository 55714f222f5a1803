"""Rows in keys -> runs with names, for many runs at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..model.facts import KIND_NAMES, RUNNING, STATUS_NAMES
from ..model.identity import SEQ_BITS, SEQ_MASK, run_id_of
from ..model.records import Code, ComponentRecord, Input, Output, Run, to_iso
from ..store.protocol import ArtifactRow, ComponentRow, InRow, PrunedRow, RunRow, SiteRow, Store

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_NO_CODE = Code()


class Assembly:
    """The names that a set of run rows needs, each loaded once."""

    def __init__(
        self, store: Store, rows: Iterable[RunRow], ids: Mapping[int, str] | None = None
    ) -> None:
        self._store = store
        self._ids = ids or {}
        rows = list(rows)
        artifacts: set[int] = set()
        versions: set[int] = set()
        refs: set[int] = set()
        pipelines: set[int] = set()
        parents: set[int] = set()
        for row in rows:
            for artifact, version, *_ in (*row.ins, *row.outs):
                artifacts.add(artifact)
                versions.add(version)
            if row.pipeline is not None:
                pipelines.add(row.pipeline)
            if row.parent is not None:
                (parents if row.parent >= 0 else refs).add(abs(row.parent))
        versions.discard(0)
        self.artifacts: dict[int, ArtifactRow] = store.artifacts(artifacts)
        self.versions: dict[int, str] = store.versions(versions) if versions else {}
        sites = store.sites({row.site for row in rows})
        self._codes = {key: code_of(site) for key, site in sites.items()}
        components = store.components({row.component for row in rows})
        self._components = {
            c.component: (c.name, last_said(c, "kind"), last_said(c, "owner")) for c in components
        }
        # By component's name, for those that have a limit.
        self.max_ages: dict[str, float] = {
            c.name: limit for c in components if (limit := last_said(c, "max_age_s")) is not None
        }
        self._pipelines = store.pipelines(pipelines) if pipelines else {}
        self._refs = store.run_refs(refs) if refs else {}
        self._parents = store.public_ids(parents) if parents else {}
        self._pruned = store.pruned() if rows else []
        self._notes = notes_on(store, [self._ids.get(r.run) or public_id(store, r) for r in rows])

    def run(self, row: RunRow, ins: list[Input] | None = None) -> Run:
        """Give one run, with these inputs; with inputs that carry no links if absent."""
        # Taken apart once: a backtrace of 5,000 runs comes through here 5,000 times.
        key, component, site, pipeline, _, started, ended, status = row[:8]
        params, error, _, host, reads, writes, more = row[8:]
        name, kind, owner = self._components[component]
        artifacts, words = self.artifacts, self.versions
        outputs = []
        for artifact, version, at_us, value in writes:
            _, written, code, _, flagged = artifacts[artifact]
            outputs.append(
                Output(written, KIND_NAMES[code], words.get(version), at_us, value, bool(flagged))
            )
        run_id = self._ids.get(key) or public_id(self._store, row)
        return Run(
            run_id,
            name,
            kind,
            owner,
            STATUS_NAMES[status],
            error,
            started,
            ended,
            self._codes.get(site, _NO_CODE),
            _decode(params) if params else {},
            (self._store.writer(key).host if host is None else host) or None,
            None if pipeline is None else self._pipelines.get(pipeline),
            self._parent(row),
            [self.input(each) for each in reads] if ins is None else ins,
            outputs,
            len(outputs) + more,
            self._notes.get(run_id, []),
            pruned_us(row, self._pruned) if self._pruned else None,
        )

    def input(self, row: InRow) -> Input:
        """Give one input."""
        artifact = self.artifacts[row.artifact]
        return Input(
            artifact.name, KIND_NAMES[artifact.kind], self.versions.get(row.version), row.at_us
        )

    def public_id(self, key: int) -> str | None:
        """Give the public id of a run that is none of the rows."""
        return self._store.public_ids([key]).get(key)

    def id_of(self, key: int) -> str:
        """Give the public id of a run that is known, one of the rows or another."""
        return self._ids.get(key) or self._store.public_ids([key])[key]

    def version_word(self, key: int) -> str | None:
        """Give the word of a version, also of one that no row mentions."""
        if key and key not in self.versions:
            self.versions.update(self._store.versions([key]))
        return self.versions.get(key)

    def _parent(self, row: RunRow) -> str | None:
        if row.parent is None:
            return None
        return (self._parents if row.parent >= 0 else self._refs).get(abs(row.parent))


def pruned_us(row: RunRow, pruned: Sequence[PrunedRow]) -> int | None:
    """Give when a run's payload was taken away, if it was: the first time that it was old."""
    if row.status == RUNNING or row.params is not None:
        return None  # not old, or told of since
    ended = row.started if row.ended is None else row.ended
    return next((each.at_us for each in pruned if max(ended, row.started) < each.before_us), None)


def code_of(site: SiteRow) -> Code:
    """Give one state of a component's code."""
    dirty = None if site.dirty is None else bool(site.dirty)
    return Code(site.git, dirty, site.digest, site.file, site.line, site.function)


def last_said(component: ComponentRow, field: str) -> Any:
    """Give what was said last of one field of a component, or None."""
    entry = component.said.get(field)
    return entry and entry[1]


def public_id(store: Store, row: RunRow) -> str:
    """Give the public id of a run."""
    return row.run_id or run_id_of(row.started, store.writer(row.run).short, row.run & SEQ_MASK)


def public_ids(store: Store, rows: Mapping[int, RunRow]) -> dict[int, str]:
    """Give the public ids of many runs."""
    shorts: dict[int, int] = {}
    ids: dict[int, str] = {}
    for key, row in rows.items():
        run_id = row.run_id
        if run_id is None:
            writer = key >> SEQ_BITS
            short = shorts.get(writer)
            if short is None:
                short = shorts[writer] = store.writer(key).short
            run_id = run_id_of(row.started, short, key & SEQ_MASK)
        ids[key] = run_id
    return ids


def assemble_runs(store: Store, keys: Sequence[int]) -> list[Run]:
    """Give the runs of these keys, in their order."""
    rows = store.runs(keys)
    assembly = Assembly(store, rows.values())
    return [assembly.run(rows[key]) for key in keys if key in rows]


def component_record(store: Store, row: ComponentRow) -> ComponentRecord:
    """Give a component as people see it."""

    def said(field: str, default: Any = None) -> Any:
        entry = row.said.get(field)
        return default if entry is None else entry[1]

    return ComponentRecord(
        name=row.name,
        kind=said("kind"),
        description=said("description"),
        owner=said("owner"),
        tags=list(said("tags", [])),
        max_age_s=said("max_age_s"),
        fields=dict(said("fields", {})),
        upstream=list(said("upstream", [])),
        downstream=list(said("downstream", [])),
        last_run_us=store.last_run_of_component(row.component),
    )


def notes_on(store: Store, run_ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Give the notes on runs as they are shown: when, by whom, and the text, oldest first."""
    notes: dict[str, list[dict[str, Any]]] = {}
    for row in store.notes(run_ids):
        said = {"at": to_iso(row.at_us), "author": row.by, "text": row.text}
        notes.setdefault(row.run_id, []).append(said)
    return notes
