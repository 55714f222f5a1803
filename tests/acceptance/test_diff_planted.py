"""One thing is changed at a random place of a pipeline, and `diff` names the run and the thing."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from pipelines import Step, World, plant, random_steps
from tiers import Sized

from backtrail import BacktraceDiff, Client

FIELDS = ("code", "params", "inputs", "environment", "output")


def world_of(client: Client) -> World:
    return World(client.open_store())


def named(found: BacktraceDiff) -> tuple[str, str, str] | None:
    """The first divergence: its field and its two runs."""
    first = found.first_divergence
    if first is None or first.a is None or first.b is None:
        return None
    return first.what, first.a.run.run_id, first.b.run.run_id


def test_the_first_divergence_is_the_run_and_the_field_that_were_changed(
    client: Client, sized: Sized[int]
) -> None:
    world = world_of(client)
    planted = {}
    for seed in range(sized(100, 500)):
        chance = random.Random(seed)
        world.prefix = f"{seed}/"
        what = FIELDS[seed % len(FIELDS)]
        steps = random_steps(chance)
        n, changed = plant(chance, steps, what)
        before = world.run(steps, f"good-{seed}", host="gpu-1")
        world.run(steps, f"again-{seed}", host="gpu-2")
        after = world.run(changed, f"bad-{seed}", host="gpu-3")
        planted[seed] = (what, before[n], after[n])
    world.flush()

    answers = {seed: named(client.diff(f"good-{seed}", f"bad-{seed}")) for seed in planted}
    others = [
        found.divergences[1:]
        for seed in list(planted)[::5]
        if len((found := client.diff(f"good-{seed}", f"bad-{seed}")).divergences) != 1
    ]
    unchanged = [
        seed
        for seed in planted
        if not (found := client.diff(f"good-{seed}", f"again-{seed}")).is_same or found.unknown
    ]

    assert {s: a for s, a in answers.items() if a != planted[s]} == {}
    assert others == []
    assert unchanged == []


def test_it_is_named_where_each_component_ran_several_times(client: Client) -> None:
    world = world_of(client)
    planted = {}
    for seed in range(100):
        chance = random.Random(seed)
        world.prefix = f"{seed}/"
        what = FIELDS[seed % len(FIELDS)]
        steps = random_steps(chance, components=4)
        n, changed = plant(chance, steps, what)
        before = world.run(steps, f"good-{seed}")
        # Another folder a day: no name says which table stands for which.
        after = world.run(changed, f"bad-{seed}", names="day-2/" if seed % 2 else "")
        planted[seed] = (what, before[n], after[n])
    world.flush()

    answers = {seed: named(client.diff(f"good-{seed}", f"bad-{seed}")) for seed in planted}

    assert {s: a for s, a in answers.items() if a != planted[s]} == {}


def test_it_is_named_where_nothing_that_steps_hand_on_has_a_version(client: Client) -> None:
    world = world_of(client)
    planted = {}
    for seed in range(100):
        chance = random.Random(seed)
        world.prefix = f"{seed}/"
        what = FIELDS[seed % 4]
        steps = random_steps(chance)
        n, changed = plant(chance, steps, what)
        before = world.run(steps, f"good-{seed}", versioned=False)
        after = world.run(changed, f"bad-{seed}", versioned=False)
        world.run(steps, f"again-{seed}", versioned=False)
        planted[seed] = (what, before[n], after[n])
    world.flush()

    answers = {seed: named(client.diff(f"good-{seed}", f"bad-{seed}")) for seed in planted}
    again = [client.diff(f"good-{seed}", f"again-{seed}") for seed in planted]

    assert {s: a for s, a in answers.items() if a != planted[s]} == {}
    assert all(found.is_same and found.unknown for found in again)


@pytest.mark.parametrize("what", FIELDS[:4])
def test_it_is_named_among_dates_that_differ_everywhere(client: Client, what: str) -> None:
    world = world_of(client)
    planted = {}

    def on(day: str, steps: list[Step]) -> list[Step]:
        return [replace(step, params={**step.params, "day": day}) for step in steps]

    for seed in range(25):
        chance = random.Random(seed)
        world.prefix = f"{seed}/"
        steps = random_steps(chance)
        n, changed = plant(chance, steps, what)
        before = world.run(on("2026-07-24", steps), f"good-{seed}")
        after = world.run(on("2026-07-25", changed), f"bad-{seed}")
        planted[seed] = (what, before[n], after[n])
    world.flush()

    answers = {seed: named(client.diff(f"good-{seed}", f"bad-{seed}")) for seed in planted}

    assert {s: a for s, a in answers.items() if a != planted[s]} == {}
