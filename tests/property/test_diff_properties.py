"""What holds of every comparison of two backtraces, whatever the history."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager

from direct import DirectClient
from hypothesis import strategies as st
from pipelines import World, plant, random_steps
from property.test_backtrace_reference import recorded
from rules import rule
from strategies import History, histories

from backtrail import BacktraceDiff, Change, Client, DiffRow, Divergence, Frame

FreshStore = Callable[[], AbstractContextManager[str]]
FIELDS = ("inputs", "code", "params", "environment", "output")
SWAPPED = {"only-a": "only-b", "only-b": "only-a"}


def outputs_of(client: Client, history: History) -> list[str]:
    return [name for name in history.written if client.who(name)]


def run_of(frame: Frame | None) -> str | None:
    return None if frame is None else frame.run.run_id


def sides(change: Change, *, swap: bool) -> tuple[object, ...]:
    named = [(change.name, repr(change.a)), (change.other or change.name, repr(change.b))]
    return (change.field, change.state, *(reversed(named) if swap else named))


def row_seen(row: DiffRow, *, swap: bool) -> tuple[object, ...]:
    """A row as it must come out of both directions; names of roles are those of A."""
    pair = (run_of(row.a), run_of(row.b))
    states = tuple(row.state_of(name) for name in FIELDS)
    verdict = SWAPPED.get(row.verdict, row.verdict) if swap else row.verdict
    changes = sorted(map(repr, (sides(each, swap=swap) for each in row.changes)))
    return (row.n, pair[::-1] if swap else pair, states, verdict, row.follows, changes)


def divergence_seen(each: Divergence, *, swap: bool) -> tuple[object, ...]:
    pair = (run_of(each.a), run_of(each.b))
    return (
        each.row,
        each.component,
        each.what,
        each.fields,
        each.weight,
        pair[::-1] if swap else pair,
        run_of(each.like),
    )


def seen(found: BacktraceDiff, *, swap: bool = False) -> tuple[object, ...]:
    return (
        [row_seen(row, swap=swap) for row in found.rows],
        [divergence_seen(each, swap=swap) for each in found.divergences],
    )


def check(client: Client, a: str, b: str) -> None:
    found, back = client.diff(a, b), client.diff(b, a)

    assert seen(found) == seen(back, swap=True)
    for name, side in ((a, "a"), (b, "b")):
        frames = [frame.run.run_id for frame in client.backtrace(name).frames]
        shown = [run_of(getattr(row, side)) for row in found.rows]
        assert sorted(run for run in shown if run is not None) == sorted(frames)
    assert [row.n for row in found.rows] == list(range(len(found.rows)))
    for text in (str(found), found._repr_html_()):
        assert text
    assert found.to_dict()["is_same"] is found.is_same


@rule(one_in=3, history=histories())
def test_any_two_outputs_compare_alike_from_both_sides(
    fresh_store: FreshStore, history: History
) -> None:
    with fresh_store() as url, recorded(url, history.facts) as client:
        names = outputs_of(client, history)
        for a in names:
            for b in names:
                check(client, a, b)


@rule(history=histories())
def test_an_output_never_differs_from_itself(fresh_store: FreshStore, history: History) -> None:
    with fresh_store() as url, recorded(url, history.facts) as client:
        ids = [run.run_id for run in history.runs]

        for name in (*outputs_of(client, history), *ids):
            found = client.diff(name, name)

            assert found.is_same
            assert found.first_divergence is None
            assert {row.verdict for row in found.rows} == {"same"}
            assert [row.changes for row in found.rows if row.changes] == []


@rule(
    seed=st.integers(0, 10**9),
    count=st.integers(1, 14),
    components=st.integers(1, 14),
    versioned=st.booleans(),
    changes=st.lists(
        st.sampled_from(("code", "params", "inputs", "environment", "output")), max_size=4
    ),
)
def test_pipelines_that_differ_in_several_places_compare_alike_from_both_sides(
    fresh_store: FreshStore,
    seed: int,
    count: int,
    components: int,
    versioned: bool,
    changes: list[str],
) -> None:
    chance = random.Random(seed)
    before = random_steps(chance, count, components)
    after = before if seed % 3 else random_steps(chance, count + seed % 4, components)
    for what in changes:
        if what != "inputs" or any(step.raw for step in after):
            _, after = plant(chance, after, what)
    with fresh_store() as url, DirectClient(url) as client:
        world = World(client.open_store())
        world.run(before, "a", versioned=versioned)
        world.run(after, "b", versioned=versioned, names="elsewhere/" if seed % 2 else "")
        world.flush()

        check(client, "a", "b")
        assert client.diff("a", "b").is_same or before != after
