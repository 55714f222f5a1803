"""Staleness against a naive program that knows the rules, on random histories."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from direct import DirectClient
from hypothesis import strategies as st
from reference import SourceFact
from reference_staleness import Verdict, reference_staleness
from rules import rule
from strategies import COMPONENTS, SECOND, History, histories

import backtrail
from backtrail import Client, Pointer

FreshStore = Callable[[], AbstractContextManager[str]]
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
COMMITS = st.sampled_from((None, None, "aa", "aa", "bb"))
# Each limit is exceeded by some of what happens within a few ticks before now, not by all.
AGES = st.sampled_from((None, None, 1, 4, 30))


def moment(us: int | None) -> datetime | None:
    return None if us is None else _EPOCH + timedelta(microseconds=us)


def record(client: Client, history: History, commits: dict[str, str | None]) -> None:
    for fact in history.facts:
        if isinstance(fact, SourceFact):
            client.source(fact.name)
            continue
        client.record_run(
            fact.component,
            started_at=moment(fact.started),
            ended_at=moment(fact.ended),
            inputs=[
                Pointer(each.name, version=each.version, at=moment(each.at), run_id=each.run_id)
                for each in fact.reads
            ],
            outputs=[
                Pointer(each.name, version=each.version, at=moment(each.at)) for each in fact.writes
            ],
            status=fact.status,
            run_id=fact.run_id,
            parent_run_id=fact.parent,
            host=fact.host,
            git_hash=commits[fact.run_id],
        )


def as_verdict(found: backtrail.Staleness) -> Verdict:
    return Verdict(
        found.verdict,
        frozenset((each.root.code, each.root.run_id, each.root.name) for each in found.reasons),
        frozenset((each.code, each.run_id, each.name) for each in found.not_known),
        frozenset(
            {each.chain[-1].run_id for each in found.reasons}
            | {each.run_id for each in found.compared}
        ),
    )


@rule(history=histories(), data=st.data())
def test_verdict_and_reasons_are_those_of_the_naive_program(
    fresh_store: FreshStore, history: History, data: st.DataObject
) -> None:
    commits = {run.run_id: data.draw(COMMITS) for run in history.runs}
    ages = {name: data.draw(AGES) for name in COMPONENTS}
    max_ages = {name: age * SECOND for name, age in ages.items() if age}
    asked = data.draw(AGES)
    now = history.newest + 2 * SECOND

    with fresh_store() as url, DirectClient(url) as client:
        for name, age in max_ages.items():
            client.create_or_retrieve_component(name, max_age=age / SECOND)
        record(client, history, commits)
        for name in history.written:
            found = client.stale(name, max_age=asked, now=moment(now))

            expected = reference_staleness(
                history.facts,
                name,
                now=now,
                max_age=asked and asked * SECOND,
                max_ages=max_ages,
                commits=commits,
            )
            given_back = as_verdict(found)
            assert given_back.verdict == expected.verdict
            assert given_back.causes == expected.causes
            assert given_back.not_known == expected.not_known
            assert found.runs == len(expected.standing)
            assert_chains_hold(found)


def assert_chains_hold(found: backtrail.Staleness) -> None:
    """Each chain begins at the output's run and ends at the root; the code says how far that is."""
    for reason in found.reasons:
        assert reason.chain[-1].run_id == reason.root.run_id
        assert (reason.code == "upstream-stale") == (len(reason.chain) > 1)
        assert len({each.run_id for each in reason.chain}) == len(reason.chain)
    assert bool(found.refresh) == bool(found.reasons)


# -- what to make again -------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A component that reads some of what earlier ones wrote, and writes one artifact."""

    name: str
    reads: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Steps, the last of which makes the output; and which of them ran again afterwards."""

    steps: tuple[Step, ...]
    again: tuple[int, ...]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    steps: list[Step] = []
    for n in range(draw(st.integers(2, 6))):
        before = [step.name for step in steps]
        reads = draw(st.lists(st.sampled_from(before), unique=True)) if before else []
        # The last reads the one before it, so that there is something to be stale.
        steps.append(Step(f"step{n}", tuple({*reads, *before[-1:]} if n else ())))
    again = draw(st.lists(st.integers(0, len(steps) - 2), max_size=4))
    return Plan(tuple(steps), tuple(again))


class Pipeline:
    """Runs steps in a store; every run reads the newest versions and writes a new one."""

    def __init__(self, client: Client, plan: Plan) -> None:
        self._client = client
        self._steps = {step.name: step for step in plan.steps}
        self._newest: dict[str, str] = {}
        self._hour = 0
        for name in self._steps:
            self.make(name)
        for n in plan.again:
            self.make(plan.steps[n].name)

    def make(self, name: str) -> None:
        self._hour += 1
        at = _EPOCH + timedelta(hours=self._hour)
        reads = [Pointer(each, version=self._newest[each]) for each in self._steps[name].reads]
        self._newest[name] = f"blake3:{self._hour:02x}"
        self._client.record_run(
            name,
            started_at=at,
            ended_at=at,
            inputs=reads,
            outputs=[Pointer(name, version=self._newest[name])],
        )


@rule(plan=plans())
def test_making_again_what_is_said_makes_it_fresh_and_nothing_less_does(
    fresh_store: FreshStore, plan: Plan
) -> None:
    output = plan.steps[-1].name
    with fresh_store() as url, DirectClient(url) as client:
        pipeline = Pipeline(client, plan)
        order = [each.component for each in client.stale(output).refresh]
        for name in order:
            pipeline.make(name)
        assert client.stale(output).verdict == "fresh"

    for left_out in order:
        with fresh_store() as url, DirectClient(url) as client:
            pipeline = Pipeline(client, plan)
            for name in order:
                if name != left_out:
                    pipeline.make(name)
            assert client.stale(output).is_stale
