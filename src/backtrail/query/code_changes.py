"""Which runs have a newer version of their component's code: by digest, else by commit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..model.records import Code
from ..store.protocol import MAX_KEY, PAGE, RunRow, Store
from .assemble import code_of, public_id

# Of a component that several functions share, so many runs are looked through for each.
_MOST_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True)
class CodeChange:
    """The code that a run had, and the one of the newest run of the same function."""

    had: Code
    newest: Code
    newest_run: int


def code_changes(store: Store, rows: Iterable[RunRow]) -> dict[int, CodeChange]:
    """Give by run what changed since; runs whose code is the newest, or not known, are left out."""
    by_component: dict[int, list[RunRow]] = {}
    for row in rows:
        by_component.setdefault(row.component, []).append(row)
    codes = _codes(store, (row for same in by_component.values() for row in same))
    changes: dict[int, CodeChange] = {}
    for component, same in by_component.items():
        wanted = {codes[row.site].function for row in same}
        newest = _newest_runs(store, component, wanted, min(row.started for row in same))
        for row in same:
            had = codes[row.site]
            found = newest.get(had.function)
            if found is not None and found[0] != row.run and _is_other(had, found[1]):
                changes[row.run] = CodeChange(had, found[1], found[0])
    return changes


def _newest_runs(
    store: Store, component: int, wanted: set[str | None], since_us: int
) -> dict[str | None, tuple[int, Code]]:
    """Give by function the newest run of a component, and its code."""
    found: dict[str | None, tuple[int, Code]] = {}
    before = (MAX_KEY, MAX_KEY)
    looked_at, limit = 0, 20
    while wanted - found.keys() and looked_at < _MOST_LOOKED_AT:
        keys = store.runs_of_component(component, before, since_us, limit)
        rows = store.runs(keys)
        codes = _codes(store, rows.values())
        newest_first = sorted(
            rows.values(), key=lambda row: (row.started, public_id(store, row)), reverse=True
        )
        for row in newest_first:
            code = codes[row.site]
            found.setdefault(code.function, (row.run, code))
        if len(keys) < limit:
            break
        last = rows[keys[-1]]
        before, looked_at, limit = (last.started, last.run), looked_at + limit, PAGE
    return found


def _codes(store: Store, rows: Iterable[RunRow]) -> Mapping[int, Code]:
    wanted = {row.site for row in rows}
    codes = {key: code_of(site) for key, site in store.sites(wanted).items()}
    return {key: codes.get(key, Code()) for key in wanted}


def _is_other(had: Code, newest: Code) -> bool:
    """Tell whether the code is known to be another.

    The commit of a repository changes with every file in it, so where both digests of the
    function are known they decide. A commit that was given by hand, not found, is a
    version that somebody named: it counts beside an equal digest.
    """
    commits_differ = bool(had.git_hash and newest.git_hash and had.git_hash != newest.git_hash)
    if had.digest and newest.digest:
        named = had.dirty is None and newest.dirty is None
        return had.digest != newest.digest or (named and commits_differ)
    return commits_differ
