"""What is affected by a run, an artifact, or the runs of some code or time: the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from ..errors import ConfigurationError, NotFoundError
from ..model.facts import KIND_CODES, STATUS_NAMES
from ..model.impact import (
    ImpactCount,
    ImpactGroup,
    ImpactLink,
    ImpactOrigin,
    ImpactOutput,
    ImpactStep,
    ImpactWrite,
)
from ..model.records import Run
from ..store.protocol import MAX_KEY, ArtifactRow, Probe, RunRow, Store
from .assemble import assemble_runs, public_id
from .downstream import Group, Walk, batches
from .impact_links import links_of_groups, links_of_runs
from .keyset import KeySet
from .lookups import Moment
from .origins import Runs, Things, origin_named, origin_of_runs
from .selector import find_artifact, find_run, unknown

_NOBODY = 0
_OUTPUT = KIND_CODES["output"]
# Runs that are put together at once where all are gone through.
_PAGE = 500
# What a run wrote is looked at so far for what replaced it.
_MOST_WRITES = 20


class RunList(Sequence[Run]):
    """Runs in order; each is loaded when it is looked at, as there may be a million."""

    def __init__(self, store: Store, keys: Sequence[int]) -> None:
        self._store = store
        self._keys = keys

    def __len__(self) -> int:
        """Count them; asks nothing."""
        return len(self._keys)

    @overload
    def __getitem__(self, place: int) -> Run: ...
    @overload
    def __getitem__(self, place: slice) -> list[Run]: ...
    def __getitem__(self, place: int | slice) -> Run | list[Run]:
        """Load one, or those of a slice."""
        if isinstance(place, slice):
            return assemble_runs(self._store, self._keys[place])
        return assemble_runs(self._store, [self._keys[place]])[0]

    def __iter__(self) -> Iterator[Run]:
        """Go through all, a page in memory at a time."""
        for keys in batches(self._keys, _PAGE):
            yield from assemble_runs(self._store, keys)

    def __repr__(self) -> str:
        return f"<{len(self):,} runs>"


@dataclass(slots=True)
class Impact:
    """What is built on a run, an artifact, or the runs of some code or time.

    ``runs`` are downstream of it, nearest first, and ``roots`` the runs that were asked
    about themselves; both load a run when it is looked at. ``groups`` counts them by
    distance and component, ``by_component`` and ``by_owner`` sum that up.
    ``outputs_total`` counts the output ids that are affected, also those of the roots,
    ``flagged_total`` those of them that are flagged. ``wrote`` tells of what one run, or
    one version, was: whether something newer took its place. ``truncated`` says that a
    limit cut the walk: how much is missing is then not known.
    """

    origin: ImpactOrigin
    roots: RunList
    runs: RunList
    groups: list[ImpactGroup]
    by_component: list[ImpactCount]
    by_owner: list[ImpactCount]
    outputs_total: int
    flagged_total: int
    wrote: list[ImpactWrite]
    truncated: bool
    _walk: Walk = field(repr=False)
    _store: Store = field(repr=False)

    @property
    def outputs(self) -> Iterator[ImpactOutput]:
        """The output ids that are affected, with the run that wrote each; nearest first."""
        names: dict[int, str] = {}
        ids: tuple[int, str] = (0, "")
        for row, out, artifact in self._walk.outputs(KeySet()):
            if ids[0] != row.run:
                ids = row.run, public_id(self._store, row)
            if row.component not in names:
                names.update((c.component, c.name) for c in self._store.components([row.component]))
            yield ImpactOutput(
                artifact.name, ids[1], names[row.component], out.at_us, bool(artifact.flagged)
            )

    @property
    def output_ids(self) -> Iterator[str]:
        """The output ids that are affected, each once, nearest first; there may be millions."""
        for _, _, artifact in self._walk.outputs(KeySet()):
            yield artifact.name

    def path_to(self, name: str) -> list[ImpactStep]:
        """Give the runs from what was asked about to a run or an output id, with the evidence.

        Raises:
            NotFoundError: it is not downstream, or not known.
            AmbiguousIdError: several run ids start so.
        """
        return _path(self._store, self._walk, name)

    def links(self, groups: int) -> list[ImpactLink]:
        """Give what leads from one of the first so many of ``groups`` to another of them.

        The first 20 runs of each are looked at for that: all that is given is recorded, but
        what happened rarely may be missing.
        """
        nearest = [group for _, group in _in_order(self._walk)[:groups]]
        return links_of_groups(self._store, self._walk, nearest)

    def run_links(self) -> list[ImpactLink]:
        """Give what leads from one run to another, by their places in ``[*roots, *runs]``."""
        return links_of_runs(self._store, self._walk)

    def depth_of(self, place: int) -> int:
        """Give the fewest links from what was asked about to ``runs[place]``."""
        return self._walk.depth_at(len(self.roots) + place)

    def __str__(self) -> str:
        from ..render import impact

        return impact.impact(self)

    def to_dict(self, runs: int = 1000) -> dict[str, Any]:
        """Give the JSON form, schema ``backtrail.impact/1``, with so many of the runs."""
        from ..render import json

        return json.impact_dict(self, runs)

    def _repr_pretty_(self, printer: Any, _cycle: object) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        from ..render import impact_html

        return impact_html.impact(self)


def impact(
    store: Store,
    what: str | None = None,
    *,
    version: str | None = None,
    component: str | None = None,
    commit: str | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    tolerance_us: int,
    limit: int | None = None,
    watch: Callable[[int, int], bool] | None = None,
) -> Impact:
    """Give what is downstream of an artifact or a run, or of runs chosen by code or time.

    Raises:
        NotFoundError: nothing recorded answers to it.
        AmbiguousIdError: several run ids, or versions, start so.
        ConfigurationError: the question names nothing, or too much.
    """
    of_runs = (component, commit, since, until)
    if what is None:
        if of_runs == (None, None, None, None):
            raise ConfigurationError(
                "impact of what is not said",
                hint="Name a run, an artifact, a component, a commit or a time.",
            )
        origin: Runs | Things = origin_of_runs(store, component, version, commit, since, until)
    elif of_runs != (None, None, None, None):
        raise ConfigurationError(
            "a component, a commit or a time choose runs, and cannot be joined with a name",
            hint=f"Leave out {what!r}, or the rest.",
        )
    else:
        origin = origin_named(store, what, version)
    walk = Walk(store, origin, tolerance_us, limit=limit, watch=watch)
    groups = _groups(store, walk)
    first = walk.first_downstream
    return Impact(
        origin.about,
        RunList(store, walk.order[:first]),
        RunList(store, walk.order[first:]),
        groups,
        _counts(groups, lambda group: group.component),
        _counts(groups, lambda group: group.owner),
        sum(group.outputs for group in groups),
        sum(group.flagged for group in groups),
        _wrote(store, origin, walk),
        walk.truncated,
        walk,
        store,
    )


def _groups(store: Store, walk: Walk) -> list[ImpactGroup]:
    """Put names to what the walk counted, nearest first, then the one that began first."""
    found = _in_order(walk)
    records = {c.component: c for c in store.components({key for (_, key), _ in found})}
    artifacts = store.artifacts({key for _, group in found for key in group.artifacts})
    ids = store.public_ids({group.first_run for _, group in found})
    return [
        ImpactGroup(
            depth,
            records[key].name,
            _said(records[key].said, "kind"),
            _said(records[key].said, "owner"),
            ids[group.first_run],
            group.runs,
            group.first_us,
            group.last_us,
            group.failed,
            [artifacts[each].name for each in group.artifacts],
            group.called,
            group.outputs,
            group.flagged,
        )
        for (depth, key), group in found
    ]


def _in_order(walk: Walk) -> list[tuple[tuple[int, int], Group]]:
    return sorted(walk.groups.items(), key=lambda item: (item[0][0], item[1].first_us))


def _said(said: dict[str, Any], name: str) -> Any:
    entry = said.get(name)
    return entry and entry[1]


def _counts(
    groups: Sequence[ImpactGroup], name_of: Callable[[ImpactGroup], str | None]
) -> list[ImpactCount]:
    """Sum groups up, the greatest first; of runs that were asked about only outputs count."""
    counts: dict[str | None, ImpactCount] = {}
    for group in groups:
        name = name_of(group)
        count = counts.setdefault(name, ImpactCount(name))
        count.runs += group.runs if group.depth else 0
        count.outputs += group.outputs
        count.flagged += group.flagged
    kept = [each for each in counts.values() if each.runs or each.outputs]
    return sorted(kept, key=lambda each: (-each.runs, -each.outputs, each.name or ""))


def _wrote(store: Store, origin: Runs | Things, walk: Walk) -> list[ImpactWrite]:
    """Tell whether something newer took the place of what one run, or one version, was."""
    if isinstance(origin, Runs):
        if origin.about.kind != "run":
            return []
        row = store.runs(walk.order[:1])[walk.order[0]]
        keys = list(dict.fromkeys(out.artifact for out in row.outs[:_MOST_WRITES]))
        artifacts = [each for each in store.artifacts(keys).values() if each.kind != _OUTPUT]
        return [_write(store, each, lambda _, run: run == row.run) for each in artifacts]
    if not origin.artifact or not origin.version:
        return []
    artifact = store.artifacts([origin.artifact])[origin.artifact]
    if not store.count_writes(artifact.artifact, 1):
        return []
    return [_write(store, artifact, lambda version, _: version == origin.version)]


def _write(store: Store, artifact: ArtifactRow, is_it: Callable[[int, int], bool]) -> ImpactWrite:
    (newest,) = store.newest_writes([Probe(artifact.artifact, 0, MAX_KEY, _NOBODY)])
    if any(is_it(write.version, write.run) for write in newest):
        return ImpactWrite(artifact.name)
    ids = store.public_ids([write.run for write in newest])
    newer = max(newest, key=lambda write: ids[write.run])
    return ImpactWrite(artifact.name, ids[newer.run], newer.at_us)


# -- evidence -----------------------------------------------------------------------------


def _path(store: Store, walk: Walk, name: str) -> list[ImpactStep]:
    run, need_us = _target(store, walk, name)
    steps: list[ImpactStep] = []
    while run:
        row = store.runs([run])[run]
        # The first time that enough of what it wrote was known to be affected.
        reach = next(each for each in walk.reaches(run) if each.from_us <= need_us)
        link = None
        if reach.from_us == -MAX_KEY:
            link = walk.link_of(row, reach)
        steps.append(_step(store, row, called=reach.from_us > -MAX_KEY))
        if link is not None:
            steps[-1].evidence = link.evidence
            steps[-1].warnings = list(link.warnings)
            steps[-1].read = store.artifacts([link.read.artifact])[link.read.artifact].name
        run = reach.via
        need_us = MAX_KEY if link is None or link.written_us is None else link.written_us
    return steps[::-1]


def _step(store: Store, row: RunRow, *, called: bool) -> ImpactStep:
    (component,) = store.components([row.component])
    return ImpactStep(
        public_id(store, row),
        component.name,
        row.started,
        STATUS_NAMES[row.status],
        "call" if called else "",
    )


def _target(store: Store, walk: Walk, name: str) -> tuple[int, int]:
    """Find a run that was reached, by its id or by what it wrote, and when it wrote that."""
    artifact = find_artifact(store, name)
    if artifact is not None:
        before = (MAX_KEY, MAX_KEY)
        while page := store.writes_of_artifact(artifact.artifact, before, _PAGE):
            for write in page:
                if write.run in walk and write.at_us >= walk.from_us(write.run):
                    return write.run, write.at_us
            before = (page[-1].at_us, page[-1].run)
    run = find_run(store, name)
    if run is not None and run in walk:
        return run, MAX_KEY
    if artifact is None and run is None:
        raise unknown(store, name, "output or run")
    raise NotFoundError(
        f"{name!r} is not affected: no link that is known leads there",
        hint=f"What is behind it: bt {name}",
    )
