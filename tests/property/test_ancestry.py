"""The walk from many outputs at once gives each of them what its own backtrace has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from hypothesis import strategies as st
from property.test_backtrace_reference import delivered
from rules import rule
from strategies import Batch, History, deliveries, histories

from backtrail.query.ancestry import Ancestry, ancestry
from backtrail.query.backtrace import backtrace
from backtrail.query.links import Linker
from backtrail.query.selector import select
from backtrail.store.protocol import Store

TOLERANCE_US = 2_000_000


@contextmanager
def store_of(url: str, batches: list[Batch]) -> Iterator[Store]:
    with delivered(url, batches) as client:
        client.flush()
        yield client.open_store()


def behind(found: Ancestry, start: int, store: Store) -> set[str]:
    keys = [run for run, starts in found.behind.items() if starts >> start & 1]
    return set(store.public_ids(keys).values())


@rule(data=st.data())
def test_every_output_has_the_same_runs_behind_it_as_in_its_own_backtrace(
    fresh_store: Callable[[], AbstractContextManager[str]], data: st.DataObject
) -> None:
    history: History = data.draw(histories())
    batches = data.draw(deliveries(history))
    with fresh_store() as url, store_of(url, batches) as store:
        selected = [select(store, name, None) for name in history.written]
        outputs = [(each.run, each.at_us) for each in selected]

        found = ancestry(store, Linker(store, TOLERANCE_US), outputs, limit=1_000)

        for each, output in zip(selected, outputs, strict=True):
            trace = backtrace(store, each, tolerance_us=TOLERANCE_US)
            start = found.starts.index(found.node(*output))
            assert behind(found, start, store) == {frame.run.run_id for frame in trace.frames}
        assert not found.truncated
