"""Show the difference at a divergence: of source text, packages and data files."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from typing import Protocol

from ..capture.code import source_at
from ..model.diffs import (
    CODE,
    DIFFERS,
    ENVIRONMENT,
    INPUTS,
    MINOR,
    OUTPUT,
    Change,
    ColumnDiff,
    Divergence,
    FileDiff,
)
from ..model.records import Code, Frame
from ..store.protocol import Store
from . import compare
from .diff import BacktraceDiff, Side
from .tables import Column, Table, UnreadableError, format_of, read_table

# Of how many divergences the sources and packages are looked up, and files of the first.
_MOST_EXPLAINED = 20
_MOST_FILES = 5
# difflib takes time that grows with the square of the lines.
_MOST_LINES = 4000


class VersionOf(Protocol):
    """Tells the version of the file that lies at a path now."""

    def __call__(self, path: str, /) -> str | None:
        """Give the version, None where there is no file."""


def explain(
    store: Store,
    found: BacktraceDiff,
    sides: tuple[Side, Side],
    version_of: VersionOf | None,
    folder: str | None,
) -> None:
    """Add to the first divergences what differs in them, as far as it can still be seen.

    Args:
        store: where sources and packages are.
        found: the comparison; its divergences are completed.
        sides: the two that were compared.
        version_of: for files, whether they are still as they were; None to look at none.
        folder: where to look for the repository of commits without a saved source, if at all.
    """
    a, b = sides
    for each in found.divergences[:_MOST_EXPLAINED]:
        before, after = _both(each)
        if before is None or after is None:
            continue
        # A run without counterpart is compared with the one on the other side that is like it.
        left, right = a.rows[before.n], b.rows[after.n]
        if CODE in each.fields:
            texts = (store.source_text(left.site), store.source_text(right.site))
            each.source_diff, each.source_note = _source_diff(
                before.run.code, after.run.code, texts, folder
            )
        if ENVIRONMENT in each.fields or OUTPUT in each.fields:
            packages = [store.packages(row.run) for row in (left, right)]
            known = [{} if one is None else one[1] for one in packages]
            each.changes += compare.environment_changes(
                a.place(before.n), b.place(after.n), known[0], known[1]
            )
    if found.divergences and version_of is not None:
        first = found.divergences[0]
        first.files = list(_file_diffs(found, first, version_of))


def _both(each: Divergence) -> tuple[Frame | None, Frame | None]:
    if each.a is None:
        return each.like, each.b
    return each.a, each.b if each.b is not None else each.like


# -- source ----------------------------------------------------------------------------------


def _source_diff(
    a: Code, b: Code, saved: tuple[str | None, str | None], folder: str | None
) -> tuple[str | None, str]:
    """Give a unified diff of two states of code, or say why there is none."""
    if a.digest and a.digest == b.digest:
        return None, "its own source is the same, and code that it calls may have changed"
    before, after = saved
    name_a, name_b = _place(a), _place(b)
    if before is None or after is None:
        before, after = _committed(a, folder), _committed(b, folder)
        name_a, name_b = (
            f"{name} at {(c.git_hash or '?')[:7]}" for name, c in ((name_a, a), (name_b, b))
        )
    if before is None or after is None:
        return None, "the source was not saved, and its repository is not here"
    if before == after:
        return None, "the difference is in what is kept hidden, or in another file of the commit"
    lines_a, lines_b = before.splitlines(), after.splitlines()
    if max(len(lines_a), len(lines_b)) > _MOST_LINES:
        return None, f"the source is longer than {_MOST_LINES:,} lines: bt show RUN --source"
    lines = difflib.unified_diff(lines_a, lines_b, name_a, name_b, lineterm="")
    return "\n".join(lines), ""


def _place(code: Code) -> str:
    return code.file or code.function or "source"


def _committed(code: Code, folder: str | None) -> str | None:
    """Give the file of a function as it was committed, where the repository is at hand."""
    if folder is None or not code.git_hash or not code.file or code.dirty:
        return None
    return source_at(folder, code.git_hash, code.file)


# -- data files ---------------------------------------------------------------------------------


def _file_diffs(
    found: BacktraceDiff, first: Divergence, version_of: VersionOf
) -> Iterator[FileDiff]:
    """Look into the data files that differ at a divergence: what it read, and what it made."""
    row = found.rows[first.row]
    wanted = [
        change
        # What it read from other runs follows from them; what no run made is its own.
        for change in (*first.changes, *(c for c in row.changes if c.field == OUTPUT))
        if change.state in (DIFFERS, MINOR)
        and change.field in (INPUTS, OUTPUT)
        and (format_of(change.name) or format_of(change.other))
    ]
    seen: set[tuple[str, str]] = set()
    for change in wanted:
        if (change.field, change.name) not in seen and len(seen) < _MOST_FILES:
            seen.add((change.field, change.name))
            yield file_diff(change, version_of)


def file_diff(change: Change, version_of: VersionOf) -> FileDiff:
    """Compare two states of a data file, as far as they still lie where they were."""
    result = FileDiff(change.name)
    tables: list[Table | None] = []
    for name, version in ((change.name, change.a), (change.other or change.name, change.b)):
        table, why = _look_into(name, version, version_of)
        tables.append(table)
        if table is None:
            result.gone_a, result.gone_b = (
                (why, result.gone_b) if len(tables) == 1 else (result.gone_a, why)
            )
    before, after = tables
    result.rows_a = None if before is None else before.rows
    result.rows_b = None if after is None else after.rows
    result.columns = _column_diffs(before, after)
    return result


def _look_into(name: str, version: object, version_of: VersionOf) -> tuple[Table | None, str]:
    """Give what is in a file that is still as it was recorded, or say why it is not looked into."""
    if not os.path.isabs(name):
        return None, "is not a file of this machine"
    if version is None:
        return None, "was recorded without a version"
    now = version_of(name)
    if now is None:
        return None, "is gone"
    if now != version:
        return None, "has been overwritten since"
    try:
        return read_table(name), ""
    except UnreadableError as error:
        return None, str(error)


def _column_diffs(a: Table | None, b: Table | None) -> list[ColumnDiff]:
    """Give the columns that differ, in the order of A, then those only B has."""
    before = {} if a is None else {column.name: column for column in a.columns}
    after = {} if b is None else {column.name: column for column in b.columns}
    names = [*before, *(name for name in after if name not in before)]
    return [
        ColumnDiff(name, _shown(before.get(name)), _shown(after.get(name)))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _shown(column: Column | None) -> dict[str, object] | None:
    return None if column is None else {"type": column.type, **column.figures}
