"""For every history and every limit: what is not old is answered after pruning as before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from direct import DirectClient
from hypothesis import event
from hypothesis import strategies as st
from property.test_backtrace_reference import (
    FreshStore,
    answer,
    delivered,
    record,
)
from rules import rule
from strategies import BASE, Batch, History, RunFact, deliveries, histories

from backtrail import Client, NotFoundError
from backtrail.query.retention import Pruned, prune

NOW = BASE + 10**15


def pruned(
    client: Client, before: int, *, at: int = NOW, stop_after: int = -1, **how: Any
) -> Pruned:
    """Prune what ended before; ``stop_after`` so many looks at it, it is ended early."""
    looks = 0

    def watch(*_: int) -> bool:
        nonlocal looks
        looks += 1
        return looks != stop_after

    tolerance = int(client.settings.clock_tolerance_s * 1e6)
    return prune(
        client._ask(), at_us=at, before_us=before, tolerance_us=tolerance, watch=watch, **how
    )


def is_old(run: RunFact, before: int) -> bool:
    ended = run.started if run.ended is None else run.ended
    return run.started < before and ended < before and run.status != "running"


def seen(client: Client, name: str) -> Any:
    """Give all that a backtrace says but for payloads, and for how often something was written."""
    found = answer(client, name)
    if found is None:
        return None
    frames = client.backtrace(name).frames
    warnings = [[(each.code, each.text) for each in frame.warnings] for frame in frames]
    components = [(frame.run.component, frame.run.parent_run_id) for frame in frames]
    return replace(found, other_writes=0), warnings, components


def questions(client: Client, history: History, before: int) -> list[str]:
    """Give what runs that are not old wrote, and these runs."""
    live = {run.run_id for run in history.runs if not is_old(run, before)}
    names = [name for name in history.written if _newest_writer(client, name) in live]
    return [*names, *sorted(live)]


def _newest_writer(client: Client, name: str) -> str | None:
    try:
        return client.backtrace(name).frames[0].run.run_id
    except NotFoundError:
        return None


@st.composite
def limits(draw: st.DrawFn, history: History) -> int:
    """A moment at which some runs are old and some are not."""
    ends = sorted({run.ended or run.started for run in history.runs})
    return draw(st.sampled_from(ends)) + draw(st.integers(0, 1))


@st.composite
def cases(draw: st.DrawFn) -> tuple[History, list[Batch], int]:
    history = draw(histories())
    return history, draw(deliveries(history)), draw(limits(history))


@rule(one_in=3, case=cases())
def test_what_is_not_old_is_answered_as_before(
    fresh_store: FreshStore, case: tuple[History, list[Batch], int]
) -> None:
    history, batches, before = case
    with fresh_store() as url, delivered(url, batches) as client:
        asked = questions(client, history, before)
        answers = {name: seen(client, name) for name in asked}
        promised = pruned(client, before, dry_run=True)
        assert {name: seen(client, name) for name in asked} == answers

        done = pruned(client, before)

        event(f"runs gone: {min(done.runs, 3)}, stay: {min(done.kept, 3)}")
        assert {name: seen(client, name) for name in asked} == answers
        assert (done.runs, done.outputs, done.kept) == (
            promised.runs,
            promised.outputs,
            promised.kept,
        )
        assert client.check() == []
        again = pruned(client, before, at=NOW + 1)
        assert again.stripped == 0
        # What stayed for a read that says it was after its run's end has lost that now.
        assert again.runs + again.kept == done.kept
        # Nothing that stays names what is gone.
        for run in client.recent(limit=1000):
            client.backtrace(run.run_id)
            client.impact(run.run_id)


@rule(one_in=3, case=cases(), stops=st.lists(st.integers(1, 4), max_size=3))
def test_a_pruning_that_was_ended_early_comes_to_the_same(
    fresh_store: FreshStore, case: tuple[History, list[Batch], int], stops: list[int]
) -> None:
    history, batches, before = case
    with fresh_store() as url, delivered(url, batches) as client:
        whole = pruned(client, before, dry_run=True)
        asked = questions(client, history, before)
        answers = {name: seen(client, name) for name in asked}
        for n, stop in enumerate(stops):
            pruned(client, before, at=NOW + n, stop_after=stop)
        pruned(client, before, at=NOW + len(stops))

        assert {name: seen(client, name) for name in asked} == answers
        assert len(client.recent(limit=1000)) == len(history.runs) - whole.runs


@rule(one_in=3, case=cases())
def test_who_remembers_names_that_were_taken_away_records_them_anew(
    fresh_store: FreshStore, case: tuple[History, list[Batch], int]
) -> None:
    history, _, before = case
    with fresh_store() as url, DirectClient(url) as warm, DirectClient(url) as other:
        record(warm, history.facts)
        assert warm.flush() == 0
        asked = [*history.written, *(run.run_id for run in history.runs)]
        answers = {name: answer(warm, name) for name in asked}
        pruned(other, before)

        record(warm, history.facts)
        assert warm.flush() == 0

        assert {name: answer(warm, name) for name in asked} == answers
        assert warm.check() == []
