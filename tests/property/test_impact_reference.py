"""What a real store says is affected, against LINEAGE.md as a naive program."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from hypothesis import strategies as st
from property.test_backtrace_reference import (
    OUTPUT_IDS,
    FreshStore,
    delivered,
    moment,
    recorded,
)
from reference import Impact, canonical, reference_impact, reference_link
from rules import rule
from strategies import BASE, History, deliveries, histories

import backtrail


def answer(found: backtrail.Impact) -> Impact:
    """Put what the real thing says in the reference's form, after looking whether it agrees."""
    runs = [run.run_id for run in found.runs]
    outputs = list(found.output_ids)
    assert len(set(runs)) == len(runs) == len(found.runs)
    assert len(set(outputs)) == len(outputs) == found.outputs_total
    assert [each.name for each in found.outputs] == outputs
    downstream = [group for group in found.groups if group.depth]
    assert sum(group.runs for group in downstream) == len(runs)
    assert sum(count.runs for count in found.by_component) == len(runs)
    assert sum(count.outputs for count in found.by_owner) == len(outputs)
    assert not found.truncated
    return Impact(frozenset(runs), frozenset(canonical(name) for name in outputs))


def versions_in(history: History) -> set[tuple[str, str]]:
    """Names with the versions in which they were read or written."""
    return {
        (canonical(each.name), each.version)
        for run in history.runs
        for each in (*run.reads, *run.writes)
        if each.version is not None
    }


def names_in(history: History) -> set[str]:
    return {canonical(each.name) for run in history.runs for each in (*run.reads, *run.writes)}


@rule(data=st.data())
def test_the_impact_of_a_run_is_all_that_it_is_behind(
    fresh_store: FreshStore, data: st.DataObject
) -> None:
    history = data.draw(histories())
    batches = data.draw(deliveries(history))

    with fresh_store() as url, delivered(url, batches) as client:
        answers = {run.run_id: answer(client.impact(run.run_id)) for run in history.runs}

    for run_id, answered in answers.items():
        assert answered == reference_impact(history.facts, OUTPUT_IDS, runs=[run_id]), run_id


@rule(data=st.data())
def test_the_impact_of_an_artifact_and_of_a_version_is_all_that_comes_of_reading_it(
    fresh_store: FreshStore, data: st.DataObject
) -> None:
    history = data.draw(histories())
    questions: list[tuple[str | None, str | None]] = [(name, None) for name in names_in(history)]
    questions += versions_in(history)
    questions += {(None, word) for _, word in versions_in(history) if word.startswith("blake3:")}

    with fresh_store() as url, recorded(url, history.facts) as client:
        answers = {
            (name, word): answer(client.impact(name or word, version=name and word))
            for name, word in questions
        }

    for (name, word), answered in answers.items():
        expected = reference_impact(history.facts, OUTPUT_IDS, artifact=name, version=word)
        assert answered == expected, (name, word)


@rule(data=st.data())
def test_the_impact_of_runs_chosen_by_time_and_component_is_that_of_each_together(
    fresh_store: FreshStore, data: st.DataObject
) -> None:
    history = data.draw(histories())
    since, until = (BASE + data.draw(st.integers(-1, 12)) * history.unit for _ in range(2))
    component = data.draw(st.sampled_from((None, *{run.component for run in history.runs})))

    def chosen(runs: Iterable[backtrail.Run]) -> set[str]:
        return {run.run_id for run in runs}

    with fresh_store() as url, recorded(url, history.facts) as client:
        found = client.impact(component=component, since=moment(since), until=moment(until))
        roots, answered = chosen(found.roots), answer(found)

    assert roots == {
        run.run_id
        for run in history.runs
        if since <= run.started < until and component in (None, run.component)
    }
    if roots:
        assert answered == reference_impact(history.facts, OUTPUT_IDS, runs=roots)
    else:
        assert answered == Impact(frozenset(), frozenset())


@rule(data=st.data())
def test_each_step_of_a_path_is_a_link_of_the_backtrace(
    fresh_store: FreshStore, data: st.DataObject
) -> None:
    history = data.draw(histories())
    root = data.draw(st.sampled_from(history.runs)).run_id

    with fresh_store() as url, recorded(url, history.facts) as client:
        found = client.impact(root)
        paths = {
            run.run_id: (found.depth_of(place), found.path_to(run.run_id))
            for place, run in enumerate(found.runs)
        }
        of_outputs = {name: found.path_to(name) for name in found.output_ids}
        behind = {name: client.backtrace(name) for name in of_outputs}

    for run_id, (depth, path) in paths.items():
        assert [path[0].run_id, path[-1].run_id] == [root, run_id]
        assert len(path) == depth + 1
        assert path[0].evidence == ""
        for before, step in itertools.pairwise(path):
            links = reference_link(history.facts, step.run_id, before.run_id)
            assert step.evidence in links
    for name, path in of_outputs.items():
        assert path[0].run_id == root
        others = behind[name].output.other_writes
        assert others or {step.run_id for step in path} <= {
            frame.run.run_id for frame in behind[name].frames
        }


@rule(data=st.data())
def test_the_links_between_affected_runs_are_those_of_their_backtraces(
    fresh_store: FreshStore, data: st.DataObject
) -> None:
    history = data.draw(histories())
    root = data.draw(st.sampled_from(history.runs)).run_id

    with fresh_store() as url, recorded(url, history.facts) as client:
        found = client.impact(root)
        ids = [run.run_id for run in (*found.roots, *found.runs)]
        links = [(ids[each.start], ids[each.end], each.called) for each in found.run_links()]
        groups = found.links(len(found.groups))

    assert len(set(links)) == len(links)
    for start, end, called in links:
        evidence = reference_link(history.facts, end, start)
        assert "call" in evidence if called else evidence - {"call"}
    # Of a caller, only what it wrote after the call counts.
    if not any(called for _, _, called in links):
        assert {(start, end) for start, end, _ in links} == {
            (start, end)
            for start, end in itertools.permutations(ids, 2)
            if reference_link(history.facts, end, start) - {"call"}
        }
    # Nothing stands alone but what was asked about.
    assert {each.end for each in groups} >= set(range(1, len(found.groups)))
