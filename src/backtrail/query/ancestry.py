"""Walk upstream from many runs at once: which of them each run reached is behind.

Every run is loaded and linked once, however many outputs it is behind. What it is
behind is a set of bits, one a start, handed on from readers to producers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..store.protocol import RunRow, Store
from .assemble import public_id
from .backtrace import Watch
from .links import Link, Linker

# A run as far as its calls: (run, how many of the runs that it called count).
Node = tuple[int, int]


@dataclass(slots=True)
class Ancestry:
    """The runs behind some starts; ``starts[n]`` is what bit ``n`` of a set stands for.

    ``bit_of`` has the number of each start.

    ``depths`` counts the fewest steps from any start. ``truncated`` says that the
    walk was cut: what lies further upstream is not known.
    """

    starts: list[Node] = field(default_factory=list)
    bit_of: dict[Node, int] = field(default_factory=dict)
    rows: dict[int, RunRow] = field(default_factory=dict)
    links: dict[int, list[Link]] = field(default_factory=dict)
    calls: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    depths: dict[int, int] = field(default_factory=dict)
    behind: dict[int, int] = field(default_factory=dict)
    truncated: bool = False

    def node(self, run: int, until: int) -> Node:
        """Give a run as far as the calls that ended by then: the rest came too late to matter."""
        return run, bisect_right(self.calls.get(run, ()), until, key=_ended)

    def bit(self, run: int, at_us: int) -> int:
        """Give the bit of an output that was a start, by its run and when it was written."""
        return self.bit_of[self.node(run, at_us)]

    def feeds(self, node: Node) -> Iterator[Node]:
        """Give what a node was made from, one step upstream."""
        run, called = node
        if called:
            yield run, called - 1
            ended, key = self.calls[run][called - 1]
            if key in self.rows:
                yield self.node(key, ended)
            return
        for link in self.links.get(run, ()):
            if link.producer is not None and link.producer in self.rows:
                yield self.node(link.producer, link.written_us or 0)

    def upstream_of(self, run: int) -> set[int]:
        """Give every run that one run was made from, itself too, as far as anything used it."""
        seen = {(run, len(self.calls.get(run, ())))}
        waiting = list(seen)
        while waiting:
            fresh = [each for each in self.feeds(waiting.pop()) if each not in seen]
            seen.update(fresh)
            waiting += fresh
        return {key for key, _ in seen}


def ancestry(
    store: Store,
    linker: Linker,
    outputs: Iterable[tuple[int, int]],
    *,
    limit: int,
    watch: Watch | None = None,
) -> Ancestry:
    """Give the runs behind outputs, each named by its run and when it was written."""
    found = Ancestry()
    outputs = list(outputs)
    _discover(found, store, linker, outputs, limit, watch)
    found.starts = list(dict.fromkeys(found.node(run, at_us) for run, at_us in outputs))
    found.bit_of = {start: n for n, start in enumerate(found.starts)}
    _hand_on(found)
    return found


def _discover(
    found: Ancestry,
    store: Store,
    linker: Linker,
    outputs: Sequence[tuple[int, int]],
    limit: int,
    watch: Watch | None,
) -> None:
    """Load and link every run upstream, level by level; calls that came too late as well."""
    any_calls = store.has_calls()
    level, depth = list(dict.fromkeys(run for run, _ in outputs)), 0
    while level:
        # The starts are always looked at: the limit is on what lies behind them.
        if depth and len(found.rows) + len(level) > limit:
            found.truncated = True
            level = level[: max(limit - len(found.rows), 0)]
        rows = linker.runs(level)
        found.rows.update(rows)
        found.depths.update(dict.fromkeys(rows, depth))
        for link in linker.link(rows.values()):
            found.links.setdefault(link.reader.run, []).append(link)
        if any_calls:
            _add_calls(found, store, rows)
        level = list(dict.fromkeys(key for key in _one_up(found, rows) if key not in found.rows))
        depth += 1
        if watch is not None and not watch(len(found.rows), len(level)):
            found.truncated = found.truncated or bool(level)
            return
        if found.truncated:
            return


def _add_calls(found: Ancestry, store: Store, rows: dict[int, RunRow]) -> None:
    ids = {key: public_id(store, row) for key, row in rows.items()}
    for caller, called in store.called_by(ids).items():
        row = rows[caller]
        found.calls[caller] = sorted(
            (ended, key)
            for key, started, ended in called
            if ended is not None
            and key != caller
            and row.started <= started
            and (row.ended is None or ended <= row.ended)
        )


def _one_up(found: Ancestry, keys: Iterable[int]) -> Iterator[int]:
    for run in keys:
        yield from (key for _, key in found.calls.get(run, ()))
        for link in found.links.get(run, ()):
            if link.producer is not None:
                yield link.producer


def _hand_on(found: Ancestry) -> None:
    """Give each run the bits of all starts that lead to it."""
    order, feeds = _downstream_first(found)
    place = {node: n for n, node in enumerate(order)}
    bits = [0] * len(order)
    for n, start in enumerate(found.starts):
        if start in place:
            bits[place[start]] |= 1 << n
    edges = [[place[each] for each in feeds[node]] for node in order]
    # Only clocks that are wrong make circles; then one pass does not do.
    in_order = all(n < each for n, ups in enumerate(edges) for each in ups)
    changed = True
    while changed:
        changed = False
        for n, ups in enumerate(edges):
            for up in ups:
                united = bits[up] | bits[n]
                if united != bits[up]:
                    bits[up] = united
                    changed = not in_order
    for (run, _), behind in zip(order, bits, strict=True):
        found.behind[run] = found.behind.get(run, 0) | behind


def _downstream_first(found: Ancestry) -> tuple[list[Node], dict[Node, list[Node]]]:
    """Give every node that the starts lead to, readers before producers, and its feeds."""
    feeds: dict[Node, list[Node]] = {}
    finished: list[Node] = []
    for start in found.starts:
        if start in feeds or start[0] not in found.rows:
            continue
        feeds[start] = list(found.feeds(start))
        stack = [(start, iter(feeds[start]))]
        while stack:
            node, left = stack[-1]
            following = next((each for each in left if each not in feeds), None)
            if following is None:
                finished.append(node)
                stack.pop()
            else:
                feeds[following] = list(found.feeds(following))
                stack.append((following, iter(feeds[following])))
    return finished[::-1], feeds


def _ended(call: tuple[int, int]) -> int:
    return call[0]
