"""What a comparison says, before any layout: the text and the notebook page share it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ..model.diffs import (
    CODE,
    DIFFERS,
    EFFECTIVE,
    ENVIRONMENT,
    FIELDS,
    INPUTS,
    MINOR,
    OUTPUT,
    PARAMS,
    ROUTINE,
    RUN,
    SAME,
    UNKNOWN,
    WITHOUT_EFFECT,
    Change,
    DiffRow,
    Divergence,
    FileDiff,
)
from ..model.records import TracedOutput
from . import words
from .names import short_names
from .narrative import FOLD_OVER, Reason

_MORE_SHOWN = 8
_MOST_VALUE = 80
_COMPONENTS_SHOWN = 6


class Difference(Protocol):
    """What a renderer needs of a comparison (`query.diff.BacktraceDiff`)."""

    @property
    def a(self) -> TracedOutput:
        """The first output."""

    @property
    def b(self) -> TracedOutput:
        """The second output."""

    @property
    def rows(self) -> Sequence[DiffRow]:
        """Their runs, the sources first."""

    @property
    def divergences(self) -> Sequence[Divergence]:
        """The runs that differ by themselves."""

    @property
    def truncated(self) -> bool:
        """Whether one of the backtraces was cut."""

    @property
    def is_same(self) -> bool:
        """Whether nothing is known to differ."""

    @property
    def unknown(self) -> Sequence[DiffRow]:
        """The rows in which something could not be compared."""


SIGNS = {
    "same": "=",
    "unknown": "?",
    "diverges": "!",
    "follows": ".",
    "only-a": "<",
    "only-b": ">",
}
_OWN_WORDS = {EFFECTIVE: "by itself", ROUTINE: "other dates", WITHOUT_EFFECT: "no effect"}
_MINOR_WORDS = {CODE: "commit", PARAMS: "date/id", ENVIRONMENT: "host", INPUTS: "date"}
_CHANGED = {CODE: "changed", PARAMS: "changed", ENVIRONMENT: "changed", INPUTS: "differ"}


def cell(row: DiffRow, name: str, *, loud: bool) -> str:
    """Give the word for the state of a field; loud where the row differs by it."""
    state = row.state_of(name)
    if row.a is None or row.b is None:
        return ""
    if state == DIFFERS:
        word = _CHANGED.get(name, "differs")
        return word.upper() if loud else word
    if state == MINOR:
        return _MINOR_WORDS.get(name, "minor")
    return {SAME: "same", UNKNOWN: "?"}.get(state, "-")


def rows_shown(found: Difference) -> Sequence[DiffRow]:
    """Give all rows, or of many those that are not the same, or of those the ones that say most."""
    if len(found.rows) <= FOLD_OVER:
        return found.rows
    own = {each.row for each in found.divergences}
    first = found.divergences[0].row if found.divergences else None
    rows = [row for row in found.rows if row.verdict not in (SAME, UNKNOWN)]
    rows.sort(key=lambda row: (row.n != first, row.n not in own, row.n))
    return sorted(rows[: FOLD_OVER // 2], key=lambda row: row.n)


def names_in(found: Difference) -> dict[str, str]:
    """Give the short name of every artifact that may be mentioned."""
    every = {name for row in found.rows for c in row.changes for name in (c.name, c.other)}
    every |= {name for d in found.divergences for c in d.changes for name in (c.name, c.other)}
    for row in found.rows:
        every.add(row.role.partition(" of ")[0])
    return short_names(name for name in every if name.startswith("/") or "://" in name)


def verdict(found: Difference) -> str:
    """Give the answer in one line."""
    if not found.divergences and not found.is_same:
        return "They differ, and where that begins lies beyond what was compared."
    if not found.divergences:
        count = words.count(len(found.rows), "run")
        return f"No difference is known: {count} compared."
    first = found.divergences[0]
    return f"First divergence: {first.component}{place(first)}, {' and '.join(first.fields)}."


def place(each: Divergence) -> str:
    """Give the numbers of a divergence's frames, ``A #3, B #3`` in brackets."""
    numbers = [f"{side} #{f.n}" for side, f in (("A", each.a), ("B", each.b)) if f is not None]
    return f" ({', '.join(numbers)})"


def reason(
    found: Difference, row: DiffRow, own: Mapping[int, Divergence], *, narrow: bool = False
) -> Reason:
    """Say at the end of a row's line why it is as it is."""
    if found.divergences and found.divergences[0].row == row.n:
        return Reason("<- first" if narrow else "<- first divergence", "")
    if row.verdict in ("only-a", "only-b"):
        return Reason("in A only" if row.verdict == "only-a" else "in B only", "")
    if row.is_same_run:
        return Reason("the same run" if row.verdict == SAME else "", "")
    if row.verdict == "diverges":
        return Reason(_OWN_WORDS[own[row.n].weight], "")
    if row.verdict == "follows":
        names = list(dict.fromkeys(found.rows[n].component for n in row.follows)) or ["the cut"]
        more = f" +{len(names) - 2}" if len(names) > 2 else ""
        return Reason("from " if narrow else "follows from ", f"{', '.join(names[:2])}{more}")
    return Reason("", "")


# -- the first divergence, in sentences ------------------------------------------------------


def changes_shown(found: Difference, first: Divergence) -> list[Change]:
    """Give what is told of the first divergence: how it ended, its causes, what it made."""
    # The two answers stand above, and what was looked into says more than two digests.
    told = {each.name for each in first.files if not (each.gone_a or each.gone_b)}
    told |= {found.a.name, "source"}
    fields = set(FIELDS) if first.what == RUN else {*first.fields, OUTPUT}
    shown = [
        change
        for change in first.changes
        if change.field in fields and change.name not in told and change.state != UNKNOWN
    ]
    order = (*FIELDS, "")
    return sorted(shown, key=lambda c: (c.name != "status", order.index(c.field)))


def meaning(first: Divergence) -> str:
    """Say what kind of difference it is, in one sentence; empty where the changes say it."""
    if first.what == RUN:
        return _alone_meaning(first)
    if first.what == OUTPUT:
        return _output_meaning(first)
    if first.what == INPUTS:
        return _input_meaning(first)
    if first.weight == ROUTINE:
        return "Only dates differ, or ids of runs; what comes after follows from them."
    return ""


def _alone_meaning(first: Divergence) -> str:
    side, other = ("A", "B") if first.b is None else ("B", "A")
    frame = first.a or first.b
    if first.like is not None:
        differs = "What differs between the two:" if first.changes else "Nothing else differs."
        return f"In its place {other} has #{first.like.n}. {differs}"
    if frame is not None and frame.n == 0:
        return f"{side} was made by {first.component}, {other} by another component."
    if first.weight == ROUTINE:
        return f"{side} has more runs of {first.component} than {other}."
    return f"{other} has no run that stands for it."


def _input_meaning(first: Divergence) -> str:
    names = {c.name for c in first.changes} | {c.other for c in first.changes}
    made = any(
        given.name in names and given.producer is not None
        for frame in (first.a, first.b)
        if frame is not None
        for given in frame.inputs
    )
    if made:
        return "It read something else, though nothing differs in what made it."
    return "It read something else that no recorded run made."


def _output_meaning(first: Divergence) -> str:
    if any(change.name == "status" for change in first.changes):
        return ""
    hosts = [c for c in first.changes if c.field == ENVIRONMENT and c.name == "host"]
    where = f", on another machine ({hosts[0].a} -> {hosts[0].b})" if hosts else ""
    return (
        f"Nothing that is known of it differs but what it made{where}: it is not deterministic,"
        " or it depends on something that is not recorded."
    )


def change_line(change: Change, short: Mapping[str, str]) -> str:
    """Give one change on a line: ``eta  0.1 -> 0.3``."""
    name = short.get(change.name, change.name)
    if change.other:
        name += f" -> {short.get(change.other, change.other)}"
    if change.field in (INPUTS, OUTPUT) and _is_version(change):
        return f"{name}  {_version(change.a)} -> {_version(change.b)}"
    if change.name == "commit":
        return f"commit  {_commit(change.a)} -> {_commit(change.b)}"
    if change.name == "status" and change.field == OUTPUT:
        return f"status  {change.a} -> {change.b}"
    return f"{name}  {_value(change.a)} -> {_value(change.b)}"


def _is_version(change: Change) -> bool:
    given = [each for each in (change.a, change.b) if each is not None]
    return all(isinstance(each, str) for each in given) and change.name != "status"


def _version(version: Any) -> str:
    return "nothing" if version is None else words.short_version(version)


def _commit(commit: Any) -> str:
    return "unknown" if commit is None else str(commit)[:7]


def _value(value: Any) -> str:
    text = "absent" if value is None else words.value(value)
    return text if len(text) <= _MOST_VALUE else f"{text[:50]} .. {text[-20:]}"


def file_lines(each: FileDiff, short: Mapping[str, str]) -> Iterator[str]:
    """Say what differs between two states of a data file, or why that cannot be said."""
    name = short.get(each.name, each.name)
    if each.rows_a is not None and each.rows_b is not None:
        yield f"{name}: {_rows(each.rows_a, each.rows_b)}"
        for column in each.columns[:_MORE_SHOWN]:
            yield f"  {column.name}  {_column(column.a, column.b)}"
        hidden = len(each.columns) - _MORE_SHOWN
        if hidden > 0:
            yield f"  and {words.count(hidden, 'more column')}"
        if not each.columns:
            yield "  the same columns, types and figures: the values or their order differ"
        return
    if each.gone_a and each.gone_a == each.gone_b:
        yield f"{name} {each.gone_a}, so it is not looked into"
        return
    told = [
        f"that of {side} {why}"
        if rows is None
        else f"that of {side} has {words.count(rows, 'row')}"
        for side, rows, why in (("A", each.rows_a, each.gone_a), ("B", each.rows_b, each.gone_b))
    ]
    yield f"{name}: {', '.join(told)}"


def _rows(a: int, b: int) -> str:
    if a == b:
        return f"{words.count(a, 'row')} in both"
    share = f" ({(b - a) / a:+.1%})" if a else ""
    return f"rows {a:,} -> {b:,}{share}"


def _column(a: Mapping[str, Any] | None, b: Mapping[str, Any] | None) -> str:
    if a is None or b is None:
        column = a or b
        assert column is not None
        return f"{column['type']}, in {'A' if b is None else 'B'} only"
    parts = []
    if a["type"] != b["type"]:
        parts.append(f"{a['type']} -> {b['type']}")
    parts += [
        f"{figure} {_number(a.get(figure))} -> {_number(b.get(figure))}"
        for figure in ("mean", "min", "max", "nulls")
        if a.get(figure) != b.get(figure)
    ]
    return ", ".join(parts)


def _number(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


# -- what else deserves a sentence --------------------------------------------------------------


def others(found: Difference, short: Mapping[str, str]) -> list[tuple[str, str]]:
    """Say which other runs differ by themselves, in a line each with its sign."""
    rest = found.divergences[1:]
    effective = [each for each in rest if each.weight == EFFECTIVE]
    lines = [
        ("!", f"{each.component}{place(each)} differs by itself too: {_short(each, short)}")
        for each in effective[:_MORE_SHOWN]
    ]
    hidden = len(effective) - _MORE_SHOWN
    if hidden > 0:
        lines.append(("!", f"and {words.count(hidden, 'more run')} that differ by themselves"))
    harmless = [d for d in rest if d.weight not in (EFFECTIVE, ROUTINE)]
    if harmless:
        names = _tallied(each.component for each in harmless)
        fields = ", ".join(dict.fromkeys(name for each in harmless for name in each.fields))
        text = f"without effect, since what they made is the same: {names} ({fields})"
        lines.append(("=", text))
    return lines + [(".", text) for text in _routine(found, short)]


def _short(each: Divergence, short: Mapping[str, str]) -> str:
    if each.what == RUN:
        return f"it is in {'A' if each.b is None else 'B'} only"
    shown = [c for c in each.changes if c.field in each.fields and c.state == DIFFERS]
    told = [change_line(c, short) for c in shown if c.name != "source"][:3]
    return "; ".join([", ".join(each.fields), *told])


def _routine(found: Difference, short: Mapping[str, str]) -> list[str]:
    """Say which dates and commits differ, each once, with the components that had them."""
    given: dict[str, list[str]] = defaultdict(list)
    commits: dict[str, list[str]] = defaultdict(list)
    more: list[str] = []
    for each in found.divergences[1:]:
        if each.weight != ROUTINE:
            continue
        if each.what == RUN:
            side = "A" if each.b is None else "B"
            more.append(f"{each.component} in {side}")
    for row in found.rows:
        for change in row.changes:
            if change.field == PARAMS and change.state == MINOR:
                given[change_line(change, short)].append(row.component)
            elif change.name == "commit" and change.state == MINOR:
                commits[change_line(change, short)].append(row.component)
    lines = [
        f"dates and ids: {text} in {_tallied(names)}" for text, names in list(given.items())[:3]
    ]
    if len(given) > 3:
        lines.append(f"and {words.count(len(given) - 3, 'more date')}")
    lines += [
        f"{text} in {_tallied(names)}: their own source is the same, what it calls may differ"
        for text, names in list(commits.items())[:3]
    ]
    if more:
        lines.append(f"more runs of the same component: {_tallied(more)}")
    return lines


def _tallied(names: Any) -> str:
    counts = Counter(names)
    shown = [name if n == 1 else f"{name} ({n})" for name, n in counts.items()]
    hidden = len(shown) - _COMPONENTS_SHOWN
    text = ", ".join(shown[:_COMPONENTS_SHOWN])
    return f"{text} and {hidden} more" if hidden > 0 else text


def alignment(found: Difference, short: Mapping[str, str]) -> list[str]:
    """Say how runs were matched, for each component that appears more than once."""
    rows: dict[str, list[DiffRow]] = defaultdict(list)
    for row in found.rows:
        rows[row.component].append(row)
    lines = []
    for component, of in rows.items():
        left = sum(row.a is not None for row in of)
        right = sum(row.b is not None for row in of)
        if max(left, right) < 2:
            continue
        ways: Counter[str] = Counter(_way(row) for row in of)
        told = ", ".join(f"{n} {way}" for way, n in ways.items())
        count = (
            f"{left} runs" if left == right else f"{words.count(left, 'run')} in A, {right} in B"
        )
        lines.append(f"{component}, {count}: {told}")
    return lines


def _way(row: DiffRow) -> str:
    if row.role == "same run":
        return "the same run in both"
    if row.role == "asked for":
        return "made what was asked for"
    if row.role == "time":
        return "by order of time"
    if row.role == "call":
        return "by who called it"
    if row.role == "alone":
        return "in A only" if row.b is None else "in B only"
    return "by who read it"


def unknown_sentence(found: Difference) -> str:
    """Say that not everything could be compared."""
    counts: Counter[str] = Counter()
    for row in found.unknown:
        counts.update(name for name in FIELDS if row.state_of(name) == UNKNOWN)
    if not counts:
        return ""
    known = [name for name in FIELDS if name in counts]
    told = ", ".join(f"{name} of {words.count(counts[name], 'run')}" for name in known)
    return f"Not known, so neither same nor different: {told}."


def cut_sentence(found: Difference) -> str:
    """Say that one of the backtraces was cut."""
    return "A backtrace was cut: what lies further upstream was not compared." * found.truncated
