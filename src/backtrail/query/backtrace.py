"""Walk upstream from an artifact: the runs behind one output, nearest first."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..model.facts import COMPLETED, KIND_NAMES
from ..model.records import Frame, FrameWarning, Gap, Input, Output, Run, TracedOutput
from ..store.protocol import OutRow, RunRow, Store
from .assemble import Assembly, public_ids
from .freshness import warn_as_of_run
from .links import Link, Linker
from .selector import Selected

_MOST_COUNTED = 10_000

# Told after each step how many runs were reached and how many wait; False ends the walk.
Watch = Callable[[int, int], bool]


# The forms are loaded when one is asked for: nobody needs all.
@dataclass(slots=True)
class Backtrace:
    """The runs behind one output; ``frames[0]`` made it.

    ``gaps`` are the inputs whose producer is not known, ``coverage`` is the share
    of inputs that have a known producer or are declared sources. ``truncated``
    says that a limit cut the walk: how much is missing is then not known.
    """

    output: TracedOutput
    frames: list[Frame]
    gaps: list[Gap]
    coverage: float
    truncated: bool = False

    def __str__(self) -> str:
        from ..render import text

        return text.backtrace(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON form, schema ``backtrail.backtrace/1``, as a dict."""
        from ..render import json

        return json.backtrace_dict(self)

    def to_mermaid(self, *, by: str | None = None) -> str:
        """Give a Mermaid flowchart, for Markdown."""
        from ..render import graph

        return graph.mermaid(self, by=by)

    def to_dot(self, *, by: str | None = None) -> str:
        """Give a Graphviz digraph."""
        from ..render import graph

        return graph.dot(self, by=by)

    def to_svg(self, *, by: str | None = None) -> str:
        """Give an SVG picture; a box is ``by`` run, component (over 60 runs), or stage."""
        from ..render import svg

        return svg.svg(self, by=by)

    def to_html(self, *, by: str | None = None) -> str:
        """Give one HTML page that works offline: the runs, their graph, all that is known."""
        from ..render import page

        return page.page(self, by=by)

    def to_markdown(self, *, by: str | None = None) -> str:
        """Give Markdown for a pull request or an issue."""
        from ..render import markdown

        return markdown.markdown(self, by=by)

    def to_prov(self) -> str:
        """Give a W3C PROV-JSON document."""
        from ..render import prov

        return prov.prov(self)

    def _repr_pretty_(self, printer: Any, _cycle: object) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        from ..render import html

        return html.backtrace(self)


@dataclass(slots=True)
class Walk:
    """The runs reached so far, their links, and until when each one counts."""

    rows: dict[int, RunRow] = field(default_factory=dict)
    ids: dict[int, str] = field(default_factory=dict)
    links: dict[int, list[Link]] = field(default_factory=dict)
    # A run's calls are upstream of what it wrote afterwards only: the latest
    # time at which it wrote something that led here.
    until: dict[int, int] = field(default_factory=dict)
    calls: dict[int, list[int]] = field(default_factory=dict)
    truncated: bool = False


def backtrace(
    store: Store,
    selected: Selected,
    *,
    tolerance_us: int,
    limit: int | None = None,
    watch: Watch | None = None,
) -> Backtrace:
    """Give the backtrace of a selected output or run.

    Frames come each run once, before all the runs that fed it; where several
    may come next, the one that ended last, then the greater run id.
    """
    return backtrace_with_rows(store, selected, tolerance_us, limit=limit, watch=watch)[0]


def backtrace_with_rows(
    store: Store,
    selected: Selected,
    tolerance_us: int,
    *,
    limit: int | None = None,
    watch: Watch | None = None,
) -> tuple[Backtrace, list[RunRow]]:
    """Give a backtrace, and beside it the row of each frame as the store keeps it."""
    linker = Linker(store, tolerance_us)
    walk = walk_upstream(store, linker, Walk(), {selected.run: selected.at_us}, limit, watch)
    edges = _drawn_edges(walk, selected.run)
    ids = walk.ids
    order = _ordered(selected.run, edges, walk.rows, ids)
    number = {key: n for n, key in enumerate(order)}
    depths = _depths(selected.run, edges)
    assembly = Assembly(store, walk.rows.values(), ids)
    frames = [_frame(assembly, walk, key, number, depths.get(key, 0), ids, edges) for key in order]
    links = [walk.links[key] for key in order]
    _warn(frames, links, assembly)
    warn_as_of_run(store, frames, links, assembly)
    gaps = [
        Gap(frame.n, each.name)
        for frame in frames
        for each in frame.inputs
        if each.evidence == "gap"
    ]
    total = sum(len(frame.inputs) for frame in frames)
    trace = Backtrace(
        _traced(store, selected, frames[0]),
        frames,
        gaps,
        1.0 if not total else (total - len(gaps)) / total,
        walk.truncated,
    )
    return trace, [walk.rows[key] for key in order]


def walk_upstream(
    store: Store,
    linker: Linker,
    walk: Walk,
    frontier: dict[int, int],
    limit: int | None = None,
    watch: Watch | None = None,
) -> Walk:
    """Go on upstream from runs that count until a time, level by level, beyond what is reached.

    Every run is visited once, so diamonds cost nothing.
    """
    any_calls = store.has_calls()
    while frontier:
        later = {key for key, until in frontier.items() if until > walk.until.get(key, -1)}
        walk.until.update({key: frontier[key] for key in later})
        fresh = [key for key in frontier if key not in walk.rows]
        if limit is not None and len(walk.rows) + len(fresh) > limit:
            walk.truncated = True
            fresh = fresh[: limit - len(walk.rows)]
        rows = linker.runs(fresh)
        walk.rows.update(rows)
        walk.ids.update(public_ids(store, rows))
        frontier = {}
        for key in rows:
            walk.links[key] = []
        for link in linker.link(rows.values()):
            walk.links[link.reader.run].append(link)
            if link.producer is not None:
                _reach(walk, frontier, link.producer, link.written_us or 0)
        callers = later & walk.rows.keys() if any_calls else ()
        for caller, called in _called(store, walk, callers).items():
            walk.calls[caller] = [key for key, _ in called]
            for key, ended in called:
                _reach(walk, frontier, key, ended)
        if watch is not None and not watch(len(walk.rows), len(frontier)):
            walk.truncated = walk.truncated or bool(frontier)
            break
        if walk.truncated:
            break
    return walk


def _reach(walk: Walk, frontier: dict[int, int], key: int, until: int) -> None:
    if key not in walk.rows or until > walk.until[key]:
        frontier[key] = max(until, frontier.get(key, -1))


def _called(store: Store, walk: Walk, callers: Iterable[int]) -> dict[int, list[tuple[int, int]]]:
    """Give the runs that each caller called, inside it and before it wrote."""
    called: dict[int, list[tuple[int, int]]] = {}
    ids = {key: walk.ids[key] for key in callers}
    for caller, found in store.called_by(ids).items():
        row, until = walk.rows[caller], walk.until[caller]
        if row.ended is not None:
            until = min(until, row.ended)
        called[caller] = [
            (key, ended)
            for key, started, ended in found
            if ended is not None and row.started <= started and ended <= until and key != caller
        ]
    return called


@dataclass(slots=True)
class _Edges:
    """Upstream edges by run: those drawn from data, and the calls drawn beside them."""

    data: dict[int, set[int]]
    calls: dict[int, list[int]]

    def of(self, key: int) -> Iterable[int]:
        calls = self.calls.get(key)
        return [*self.data[key], *calls] if calls else self.data[key]


def _drawn_edges(walk: Walk, root: int) -> _Edges:
    """Give the edges; a call is not drawn to a run that data leads to anyway."""
    data = {
        key: {
            link.producer
            for link in links
            if link.producer is not None and link.producer in walk.rows
        }
        for key, links in walk.links.items()
    }
    fed = {producer for producers in data.values() for producer in producers}
    calls = {
        caller: [key for key in called if key not in fed and key in walk.rows]
        for caller, called in walk.calls.items()
    }
    edges = _Edges(data, calls)
    while walk.calls and len(reached := _depths(root, edges)) < len(walk.rows):
        # Data leads there only in a circle: a called run read what was made from
        # its own output. The calls that lead into the circle are drawn after all.
        for caller, called in walk.calls.items():
            if caller in reached:
                calls[caller] += [k for k in called if k in walk.rows and k not in reached]
    return edges


def _ordered(
    root: int, edges: _Edges, rows: Mapping[int, RunRow], ids: Mapping[int, str]
) -> list[int]:
    """Sort topologically, the root first. Cycles, which only clock faults make, are cut."""
    by_rank = sorted(rows, key=lambda key: (_end(rows[key]), ids[key]), reverse=True)
    rank = {key: n for n, key in enumerate(by_rank)}
    waiting = dict.fromkeys(rows, 0)
    for key in rows:
        for producer in edges.of(key):
            waiting[producer] += 1
    order: list[int] = []
    placed: set[int] = set()
    ready = [rank[key] for key, count in waiting.items() if not count and key != root]
    heapq.heapify(ready)
    key = root
    left = iter(by_rank)
    while True:
        order.append(key)
        placed.add(key)
        for producer in edges.of(key):
            waiting[producer] -= 1
            if not waiting[producer] and producer not in placed:
                heapq.heappush(ready, rank[producer])
        if len(order) == len(rows):
            return order
        if ready:
            key = by_rank[heapq.heappop(ready)]
        else:
            key = next(each for each in left if each not in placed)


def _end(row: RunRow) -> int:
    return row.started if row.ended is None else row.ended


def _depths(root: int, edges: _Edges) -> dict[int, int]:
    """Count the fewest links from the root to each run."""
    depths = {root: 0}
    level = [root]
    while level:
        following = []
        for key in level:
            for producer in edges.of(key):
                if producer not in depths:
                    depths[producer] = depths[key] + 1
                    following.append(producer)
        level = following
    return depths


def _frame(
    assembly: Assembly,
    walk: Walk,
    key: int,
    number: Mapping[int, int],
    depth: int,
    ids: Mapping[int, str],
    edges: _Edges,
) -> Frame:
    linked: list[Input] = []
    own: list[str] = []
    artifacts, words = assembly.artifacts, assembly.versions
    for link in walk.links[key]:
        artifact, version, at_us, _, _ = link.read
        _, name, kind, *_ = artifacts[artifact]
        if link.own:
            own.append(name)
            continue
        n, run_id, producer = None, None, link.producer
        if producer is not None:
            n = number.get(producer)
            run_id = ids.get(producer) or assembly.public_id(producer)
        word = words.get(version)
        linked.append(
            Input(name, KIND_NAMES[kind], word, at_us, n, run_id, link.evidence, link.warnings)
        )
    run = assembly.run(walk.rows[key], linked)
    called = edges.calls.get(key)
    calls = sorted(number[each] for each in called) if called else []
    return Frame(number[key], run, depth, calls, _missing_outputs(walk.rows[key], run), own)


def _missing_outputs(row: RunRow, run: Run) -> list[FrameWarning]:
    """Say which files a run declared as outputs and did not leave behind.

    Files are looked at when the run ends, so one without a version was not there.
    Of a run that was imported, nobody looked.
    """
    if row.host is not None or row.status != COMPLETED:
        return []
    return [
        FrameWarning(
            "missing-output",
            f"declared the output {out.name}, which was not there, or could not be read,"
            " when the run ended",
        )
        for out in run.outputs
        if out.version is None and out.written_us == row.ended and out.name.startswith("/")
    ]


def _warn(frames: list[Frame], links: list[list[Link]], assembly: Assembly) -> None:
    """Say in words what deserves a look."""
    used: dict[int, tuple[int, str]] = {}
    for frame in frames:
        for each in frame.inputs:
            if each.producer is not None:
                used.setdefault(each.producer, (frame.n, each.name))
    for frame, own_links in zip(frames, links, strict=True):
        run, add = frame.run, frame.warnings.append
        user = used.get(frame.n)
        then = f" after writing {user[1]}, and #{user[0]} used that" if user else ""
        if run.status == "failed":
            add(FrameWarning("failed", f"ended with {run.error or 'an error'}{then}"))
        elif run.status == "killed":
            add(FrameWarning("killed", f"was killed{then}"))
        if run.code.dirty:
            add(FrameWarning("dirty-code", "ran with uncommitted changes"))
        for output in run.outputs:
            if output.flagged:
                add(FrameWarning("flagged", f"{output.name} is flagged as wrong"))
        for link in own_links:
            if link.own:
                continue
            name = assembly.artifacts[link.read.artifact].name
            if "version-mismatch" in link.warnings:
                wrote = assembly.version_word(link.written_version) or "without a version"
                read = assembly.version_word(link.read.version)
                add(
                    FrameWarning(
                        "version-mismatch",
                        f"read {name} as {read}, but the newest recorded write of it was {wrote}:"
                        " a run in between may not be recorded",
                    )
                )
            if "clock-skew" in link.warnings:
                add(
                    FrameWarning(
                        "clock-skew",
                        f"read {name} just before another machine's clock says it was written",
                    )
                )


def _traced(store: Store, selected: Selected, root: Frame) -> TracedOutput:
    if selected.artifact is None:
        run = root.run
        return TracedOutput(run.run_id, "run", None, None, run.ended_us or run.started_us)
    name, kind = selected.artifact.name, KIND_NAMES[selected.artifact.kind]
    written = _output_in(root.run.outputs, name, selected.at_us)
    if written is None:
        written = _output_beyond(store, selected, name, kind)
        root.run.outputs.insert(0, written)
    flagged = bool(selected.artifact.flagged)
    others = store.count_writes(selected.artifact.artifact, _MOST_COUNTED + 1) - 1
    return TracedOutput(name, kind, written.version, written.value, selected.at_us, flagged, others)


def _output_in(outputs: Iterable[Output], name: str, at_us: int) -> Output | None:
    return next((o for o in outputs if o.name == name and o.written_us == at_us), None)


def _output_beyond(store: Store, selected: Selected, name: str, kind: str) -> Output:
    """Find one of a great many outputs of a run, which its row does not keep."""
    assert selected.artifact is not None
    artifact = selected.artifact.artifact
    row = next(
        (out for out in store.more_outputs(selected.run, artifact) if out.at_us == selected.at_us),
        OutRow(artifact, 0, selected.at_us, None),
    )
    versions = store.versions([row.version]) if row.version else {}
    return Output(name, kind, versions.get(row.version), row.at_us, row.value)
