"""The staleness rules of docs/explanation/lineage.md as a naive program beside `reference`.

Like that, it looks at every fact for every question and shares no code with `src/backtrail`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reference import Fact, Read, RunFact, _Known, _Link, _newest, _Run, _Written, canonical


@dataclass(frozen=True)
class Verdict:
    """The answer: the verdict, (code, run, name) of causes and of what is not known, runs."""

    verdict: str
    causes: frozenset[tuple[str, str, str | None]]
    not_known: frozenset[tuple[str, str, str | None]]
    standing: frozenset[str]


@dataclass(frozen=True)
class _Held:
    read: Read
    link: _Link
    newest: _Written | None
    is_newer: bool
    is_elsewhere: bool

    @property
    def current(self) -> str | None:
        return self.link.run_id if self.newest is None else self.newest.run_id


def reference_staleness(
    facts: Iterable[Fact],
    name: str,
    *,
    now: int,
    max_age: int | None = None,
    max_ages: Mapping[str, int],
    commits: Mapping[str, str | None],
) -> Verdict:
    """Judge the newest write of a name; ages in microseconds."""
    facts = list(facts)
    known = _Known(facts)
    root = _newest(write for write in known.writes if write.name == canonical(name))
    assert root is not None
    runs = {fact.run_id: fact for fact in facts if isinstance(fact, RunFact)}
    held, standing = _standing(known, root)
    causes = set()
    for run_id in standing:
        run = known.runs[run_id]
        for each in held[run_id]:
            if each.is_newer:
                causes.add(("newer-input", run_id, each.read.name))
                if _had_fresher(known, run, each):
                    causes.add(("fresher-run", run_id, each.read.name))
        if _code_changed(runs, commits, run_id):
            causes.add(("code-changed", run_id, None))
        limits = [limit for limit in (max_ages.get(runs[run_id].component), max_age) if limit]
        if any(now - run.recency[0] > limit for limit in limits):
            causes.add(("too-old", run_id, None))
    not_known = {
        (code, run_id, each.read.name)
        for run_id in standing
        for each in held[run_id]
        for code in _not_known(known, each)
    }
    verdict = "stale" if causes else "unknown" if not_known else "fresh"
    return Verdict(verdict, frozenset(causes), frozenset(not_known), frozenset(standing))


def _standing(known: _Known, root: _Written) -> tuple[dict[str, list[_Held]], list[str]]:
    """Give what each reached run read, and the runs that the output stands on."""
    untils: dict[str, float] = {root.run_id: root.at}
    held: dict[str, list[_Held]] = {}
    while True:
        _reach(known, untils)
        edges = {run_id: _feeders(known, run_id, untils) for run_id in untils}
        for run_id in untils:
            if run_id not in held:
                left_out = {one for one in untils if run_id in _reachable(edges, one)}
                held[run_id] = _hold_all(known, known.runs[run_id], left_out | {run_id})
        standing = [root.run_id]
        missing: dict[str, float] = {}
        for run_id in standing:
            for each in held[run_id]:
                if each.is_newer or each.current is None:
                    continue
                if each.current not in untils:
                    assert each.newest is not None
                    missing[each.current] = max(each.newest.at, missing.get(each.current, 0))
                elif each.current not in standing:
                    standing.append(each.current)
            for called in known.called(known.runs[run_id], untils[run_id]):
                if called.run_id not in standing:
                    standing.append(called.run_id)
        if not missing:
            return held, standing
        untils.update(missing)


def _reach(known: _Known, untils: dict[str, float]) -> None:
    while True:
        grown = dict(untils)
        for run_id, until in untils.items():
            run = known.runs[run_id]
            for link in (known.link(run, read) for read in run.reads):
                if link.run_id is not None:
                    grown[link.run_id] = max(grown.get(link.run_id, -1), link.until)
            for called in known.called(run, until):
                grown[called.run_id] = max(grown.get(called.run_id, -1), called.until)
        if grown == untils:
            return
        untils.update(grown)


def _feeders(known: _Known, run_id: str, untils: Mapping[str, float]) -> set[str]:
    run = known.runs[run_id]
    links = [known.link(run, read) for read in run.reads]
    data = {link.run_id for link in links if link.run_id is not None}
    return data | {called.run_id for called in known.called(run, untils[run_id])}


def _reachable(edges: Mapping[str, set[str]], run_id: str) -> set[str]:
    found: set[str] = set()
    left = [run_id]
    while left:
        for feeder in edges[left.pop()] - found:
            found.add(feeder)
            left.append(feeder)
    return found


def _hold_all(known: _Known, run: _Run, left_out: set[str]) -> list[_Held]:
    links = [(read, known.link(run, read)) for read in run.reads]
    return [_hold(known, read, link, left_out) for read, link in links if link.evidence != "own"]


def _hold(known: _Known, read: Read, link: _Link, left_out: set[str]) -> _Held:
    assert read.at is not None
    source = [
        write
        for write in known.writes
        if (write.run_id, write.at) == (link.run_id, link.until) and write.name == read.name
    ]
    same = [write for write in source if write.version == read.version]
    elsewhere = link.evidence == "content" and not same
    base = (read.at, "\U0010ffff") if link.run_id is None or elsewhere else _place(link)
    newest = _newest(
        write for write in known.writes if write.name == read.name and write.run_id not in left_out
    )
    if newest is None or (newest.at, newest.run_id) <= base:
        return _Held(read, link, None, False, elsewhere)
    version = read.version
    if version is None and link.evidence == "time":
        version = source[0].version
    is_same = version is not None and version == newest.version
    return _Held(read, link, newest, not is_same, elsewhere)


def _place(link: _Link) -> tuple[float, str]:
    assert link.run_id is not None
    return (link.until, link.run_id)


def _had_fresher(known: _Known, run: _Run, held: _Held) -> bool:
    """Tell whether a newer version was there when it was read, and not read."""
    if held.link.run_id is None or held.link.evidence == "time" or held.is_elsewhere:
        return False
    assert held.read.at is not None
    newest = _newest(
        write
        for write in known.writes
        if write.name == held.read.name and write.at <= held.read.at and write.run_id != run.run_id
    )
    if newest is None or (newest.at, newest.run_id) <= _place(held.link):
        return False
    return held.read.version is None or newest.version != held.read.version


def _code_changed(
    runs: Mapping[str, RunFact], commits: Mapping[str, str | None], run_id: str
) -> bool:
    same = [run for run in runs.values() if run.component == runs[run_id].component]
    newest = commits[max(same, key=lambda run: (run.started, run.run_id)).run_id]
    return None not in (newest, commits[run_id]) and newest != commits[run_id]


def _not_known(known: _Known, held: _Held) -> Iterable[str]:
    if held.is_newer:
        return
    if held.current is None:
        if held.link.evidence == "gap":
            yield "gap"
    elif held.newest is None and "version-mismatch" in held.link.warnings:
        yield "version-mismatch"
    elif held.newest is None and held.is_elsewhere:
        copied = {
            write.name
            for write in known.writes
            if (write.run_id, write.at) == (held.link.run_id, held.link.until)
            and write.version == held.read.version
        }
        for name in copied:
            named = [write for write in known.writes if write.name == name]
            latest = max(write.at for write in named)
            newest = [write for write in named if write.at == latest]
            if latest > held.link.until and all(w.version != held.read.version for w in newest):
                yield "copied"
                return
