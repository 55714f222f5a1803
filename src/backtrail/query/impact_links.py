"""What leads from one to another of the runs that are built on something, or of groups of them.

The walk itself keeps only how each run was reached first. Here the links of runs are derived
once more, of few runs of all and of the first ones of each group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from ..model.impact import LINKED_OF_EACH, ImpactLink
from ..store.protocol import Store
from .downstream import Group, Step, Walk

_ASKED_ABOUT = -1


def links_of_runs(store: Store, walk: Walk) -> list[ImpactLink]:
    """Give what leads from one run to another, by their places in the order of the walk."""
    at = {run: place for place, run in enumerate(walk.order)}
    return _links(store, walk.steps_to(range(len(walk.order))), at)


def links_of_groups(store: Store, walk: Walk, groups: Sequence[Group]) -> list[ImpactLink]:
    """Give what leads from one of these groups to another, by their places."""
    place_of = {group.number: place for place, group in enumerate(groups)}
    members: list[list[int]] = [[] for _ in groups]
    for place, number in enumerate(walk.group_of):
        group = place_of.get(number)
        if group is not None and len(members[group]) < LINKED_OF_EACH:
            members[group].append(place)
    # The first run of each before the second of any: what reads very much ends it early.
    in_turns = (place for turn in zip_longest(*members) for place in turn if place is not None)
    steps = list(walk.steps_to(in_turns))
    wanted = {run for step in steps for run in (step.before, step.run)}
    at = {
        run: place_of[number]
        for run, number in zip(walk.order, walk.group_of, strict=True)
        if run in wanted and number in place_of
    }
    return _links(store, steps, at)


def _links(store: Store, steps: Iterable[Step], at: Mapping[int, int]) -> list[ImpactLink]:
    read: dict[tuple[int, int, bool], dict[int, None]] = {}
    for step in steps:
        start = at.get(step.before) if step.before else _ASKED_ABOUT
        if start is not None:
            key = start, at[step.run], not step.artifact
            read.setdefault(key, {})[step.artifact] = None
    artifacts = store.artifacts({key for found in read.values() for key in found if key})
    return [
        ImpactLink(start, end, [artifacts[key].name for key in found if key], called)
        for (start, end, called), found in read.items()
    ]
