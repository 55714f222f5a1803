"""Where two outputs part: the first run that differs by itself, walking from the sources.

A run whose inputs differ because a run before it differs only follows. One differs by
itself if its code, parameters or environment do, if a file that no run made does, if it
is in one backtrace only, or if nothing about it differs but what it made. The first of
those, from the sources on, is the first divergence; one that cannot be behind the
difference, since what it handed on is the same, comes after those that can, and so
does one that differs only in dates.

Times and durations never count. What is not known counts neither as same nor as different.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..model.diffs import (
    CODE,
    DIFFERS,
    EFFECTIVE,
    ENVIRONMENT,
    FIELDS,
    INPUTS,
    MINOR,
    NONE,
    OUTPUT,
    PARAMS,
    ROUTINE,
    RUN,
    SAME,
    UNKNOWN,
    WEIGHTS,
    WITHOUT_EFFECT,
    Change,
    DiffRow,
    Divergence,
)
from ..model.records import Frame, Input, TracedOutput
from ..store.protocol import EnvironmentRow, RunRow, Store
from . import compare
from .align import Alignment, align, matched_inputs
from .backtrace import Backtrace
from .compare import Item, Place
from .pair_order import sources_first, upstream_of
from .passing import differ_in_passing

_NOTHING = EnvironmentRow(None, None)
_CARRIERS = ("diverges", "follows", "only-a", "only-b")


@dataclass(slots=True)
class BacktraceDiff:
    """Two backtraces side by side; ``rows`` holds each of their runs once, sources first.

    ``divergences`` are the runs that differ by themselves, those first that can be behind
    the difference. ``truncated`` says that a limit cut one of the backtraces.
    """

    a: TracedOutput
    b: TracedOutput
    rows: list[DiffRow]
    divergences: list[Divergence]
    truncated: bool = False

    @property
    def first_divergence(self) -> Divergence | None:
        """The first run that differs by itself; None where nothing is known to differ."""
        return self.divergences[0] if self.divergences else None

    @property
    def is_same(self) -> bool:
        """Whether nothing is known to differ."""
        # Where a backtrace was cut, what a difference follows from may lie beyond the cut.
        return not any(row.verdict in _CARRIERS for row in self.rows)

    @property
    def unknown(self) -> list[DiffRow]:
        """The rows in which something could not be compared."""
        return [row for row in self.rows if UNKNOWN in (row.state_of(each) for each in FIELDS)]

    def __str__(self) -> str:
        from ..render import diff

        return diff.backtrace_diff(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON form, schema ``backtrail.diff/1``, as a dict."""
        from ..render import diff_json

        return diff_json.diff_dict(self)

    def _repr_pretty_(self, printer: Any, _cycle: object) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        from ..render import diff_html

        return diff_html.backtrace_diff(self)


class Side:
    """One of the two backtraces, with what is compared of its runs."""

    def __init__(self, store: Store, trace: Backtrace, rows: list[RunRow]) -> None:
        self.trace = trace
        self.frames = trace.frames
        self.rows = rows
        self.handed = compare.items_handed_on(trace.frames)
        self._environments = store.environments(row.run for row in rows)

    def place(self, n: int) -> Place:
        """Give where a frame's run ran; of an imported run only its host is known."""
        row = self.rows[n]
        found = self._environments.get(row.run, _NOTHING)
        return Place(self.frames[n].run.host, found, row.host is None)

    def items(self, n: int) -> list[Item]:
        """Give what a frame handed on; a run that was only called is judged by all it wrote."""
        if n == 0:
            return self.handed[0]
        outputs = self.frames[n].run.outputs
        return self.handed[n] or [Item(o.name, o.version, o.value) for o in outputs]


def compare_sides(a: Side, b: Side) -> BacktraceDiff:
    """Compare two backtraces."""
    return _Comparison(a, b, align(a.frames, b.frames)).result()


@dataclass(slots=True)
class _Found:
    """What was found out about one row while it was judged."""

    strong: list[str] = field(default_factory=list)
    weak: list[str] = field(default_factory=list)
    own: list[Change] = field(default_factory=list)
    follows: set[int] = field(default_factory=set)
    is_cut: bool = False


class _Comparison:
    """Judges the rows in order, the sources first."""

    def __init__(self, a: Side, b: Side, aligned: Alignment) -> None:
        self.a, self.b, self.aligned = a, b, aligned
        self.asked = a.trace.output.name, b.trace.output.name
        order = sources_first(a.frames, b.frames, aligned)
        place = {pair: n for n, pair in enumerate(order)}
        self.row_of_a = {n: place[pair] for n, pair in aligned.of_a.items()}
        self.row_of_b = {n: place[pair] for n, pair in aligned.of_b.items()}
        self.rows = [self._row(n, pair) for n, pair in enumerate(order)]
        # Of what weight the gravest cause of each row's difference is.
        self.cause: dict[int, int] = {}
        self.divergences: list[Divergence] = []

    def result(self) -> BacktraceDiff:
        """Judge every row; give the whole."""
        heads = self._heads()
        for row in self.rows:
            if row.a is None or row.b is None:
                self._judge_alone(row, is_head=row.n in heads)
            else:
                self._judge(row, row.a, row.b)
        self.divergences.sort(key=lambda each: (WEIGHTS.index(each.weight), each.row))
        a, b = self.a.trace, self.b.trace
        cut = a.truncated or b.truncated
        return BacktraceDiff(a.output, b.output, self.rows, self.divergences, cut)

    def _row(self, n: int, number: int) -> DiffRow:
        pair = self.aligned.pairs[number]
        a = None if pair.a is None else self.a.frames[pair.a]
        b = None if pair.b is None else self.b.frames[pair.b]
        either = a or b
        assert either is not None
        return DiffRow(n, either.run.component, a, b, pair.role)

    # -- a run in one backtrace only

    def _heads(self) -> set[int]:
        """Give the rows on one side only that a row on both sides, or nobody, reads from.

        What lies behind such a run on the same side only belongs to it.
        """
        heads: set[int] = set()
        for side, row_of in ((self.a, self.row_of_a), (self.b, self.row_of_b)):
            heads.add(row_of[0])
            for frame in side.frames:
                row = self.rows[row_of[frame.n]]
                if row.a is not None and row.b is not None:
                    heads.update(row_of[n] for n in upstream_of(frame) if n in row_of)
        return heads

    def _judge_alone(self, row: DiffRow, *, is_head: bool) -> None:
        row.verdict = "only-b" if row.a is None else "only-a"
        self.cause[row.n] = 0
        if not is_head:
            return
        like = self._like(row)
        fields = [RUN]
        changes: list[Change] = []
        if like is not None:
            a, b = (row.a, like) if row.a is not None else (like, row.b)
            assert a is not None
            assert b is not None
            states, changes = self._conditions(a, b)
            fields += [name for name, state in states.items() if state == DIFFERS]
        other = self.b if row.b is None else self.a
        known = like is not None or any(f.run.component == row.component for f in other.frames)
        weight = EFFECTIVE if len(fields) > 1 or not known else ROUTINE
        self.cause[row.n] = WEIGHTS.index(weight)
        self._diverges(row, fields, weight, changes, like)

    def _like(self, row: DiffRow) -> Frame | None:
        """Give the run of the other side that had the same role, if one had."""
        if row.a is not None:
            n = self.aligned.like_a.get(row.a.n)
            return None if n is None else self.b.frames[n]
        assert row.b is not None
        n = self.aligned.like_b.get(row.b.n)
        return None if n is None else self.a.frames[n]

    # -- two runs that stand for each other

    def _judge(self, row: DiffRow, a: Frame, b: Frame) -> None:
        found = _Found()
        if row.is_same_run:
            _same_run(row, a)
        else:
            self._compare_inputs(row, a, b, found)
            self._compare_conditions(row, a, b, found)
        if not row.is_same_run:
            row.output, changes = compare.item_changes(self.a.items(a.n), self.b.items(b.n))
            row.changes += changes
        if (a.n, b.n) == (0, 0):
            self._compare_asked(row)
        self._settle(row, a, b, found)

    def _compare_asked(self, row: DiffRow) -> None:
        """Compare what was asked for; of one run those may be two outputs, or one."""
        one, other = self.a.trace.output, self.b.trace.output
        if row.is_same_run and (one.name, one.written_us) == (other.name, other.written_us):
            return
        state, changes = compare.asked_changes(one, self.a.frames[0], other, self.b.frames[0])
        known = [row.output] if row.output != NONE and not row.is_same_run else []
        row.output = compare.worst([*known, state])
        row.changes += changes

    def _compare_inputs(self, row: DiffRow, a: Frame, b: Frame, found: _Found) -> None:
        states = []
        for _, one, other in matched_inputs(a.inputs, b.inputs):
            before = self._producer(self.row_of_a, one)
            after = self._producer(self.row_of_b, other)
            state = self._input_state(one, other, before, after)
            states.append(state)
            if state == SAME:
                continue
            change = _input_change(one, other, state)
            row.changes.append(change)
            carriers = {
                n
                for n in (before, after)
                if n is not None and n < row.n and self.rows[n].verdict in _CARRIERS
            }
            found.follows |= carriers
            if _is_beyond(one) or _is_beyond(other):
                found.is_cut = True
            elif carriers or state == UNKNOWN:
                continue
            else:
                self._own_input(change, found)
        for n in self._called(a, b):
            if n < row.n and self.rows[n].verdict in _CARRIERS:
                found.follows.add(n)
        row.inputs = compare.worst(states)

    @staticmethod
    def _own_input(change: Change, found: _Found) -> None:
        """Count an input that no difference upstream explains; another day's file is routine."""
        found.own.append(change)
        another_day = bool(change.other) and differ_in_passing(change.name, change.other)
        (found.weak if another_day else found.strong).append(INPUTS)

    @staticmethod
    def _producer(row_of: Mapping[int, int], given: Input | None) -> int | None:
        return None if given is None or given.producer is None else row_of.get(given.producer)

    def _called(self, a: Frame, b: Frame) -> Iterable[int]:
        yield from (self.row_of_a[n] for n in a.calls if n in self.row_of_a)
        yield from (self.row_of_b[n] for n in b.calls if n in self.row_of_b)

    def _input_state(
        self, a: Input | None, b: Input | None, before: int | None, after: int | None
    ) -> str:
        if a is None or b is None:
            return DIFFERS
        state = compare.version_state(a.version, b.version)
        if state != UNKNOWN:
            return state
        if before is None and after is None:
            # Nothing made them, and no version tells them apart but their names.
            if a.name == b.name or (a.version, b.version) != (None, None):
                return UNKNOWN
            return MINOR if differ_in_passing(a.name, b.name) else DIFFERS
        if before is None or after is None:
            return UNKNOWN
        if before == after:
            same = self.rows[before].is_same_run and a.name == b.name
            return SAME if same else UNKNOWN
        # Both know both runs, and took what different ones made.
        both = self.rows[before].is_same_run and self.rows[after].is_same_run
        return DIFFERS if both else UNKNOWN

    def _compare_conditions(self, row: DiffRow, a: Frame, b: Frame, found: _Found) -> None:
        states, changes = self._conditions(a, b)
        row.changes += changes
        for name, state in states.items():
            setattr(row, name, state)
            if state == DIFFERS:
                found.strong.append(name)
        minor = (change for change in changes if change.field == PARAMS)
        if row.params == MINOR and any(compare.may_explain(each, self.asked) for each in minor):
            found.weak.append(PARAMS)
        found.own += changes

    def _conditions(self, a: Frame, b: Frame) -> tuple[dict[str, str], list[Change]]:
        """Compare what a run brings with it: code, parameters, environment."""
        changes = compare.code_changes(a.run.code, b.run.code)
        params = compare.param_changes(a.run.params, b.run.params, self.asked)
        states = {
            CODE: compare.code_state(a.run.code, b.run.code),
            PARAMS: compare.param_state(a.run.params, b.run.params, params),
            ENVIRONMENT: compare.environment_state(self.a.place(a.n), self.b.place(b.n)),
        }
        return states, changes + params

    def _settle(self, row: DiffRow, a: Frame, b: Frame, found: _Found) -> None:
        """Decide whether a row differs by itself, only follows, or is the same."""
        row.follows = sorted(found.follows)
        cause = min((self.cause[n] for n in found.follows), default=len(WEIGHTS))
        status = compare.status_change(a.run, b.run)
        if status is not None:
            row.output = DIFFERS
            row.changes.append(status)
        # That a run failed on other data follows; with only other dates behind it, it does not.
        if status is not None and cause > WEIGHTS.index(EFFECTIVE):
            found.strong.append(OUTPUT)
        elif row.output == DIFFERS and not _is_explained(found):
            # Nothing else explains it: what the same source calls may be another, or it is chance.
            found.strong.append(CODE if row.code == MINOR else OUTPUT)
        weight = _weight(row, found)
        if weight is not None:
            cause = min(cause, WEIGHTS.index(weight))
            names = set(found.strong or found.weak)
            fields = [name for name in FIELDS if name in names]
            own = [*found.own, *(c for c in row.changes if c.field == OUTPUT)]
            self._diverges(row, fields, weight, own, None)
        row.verdict = _verdict(row, found, weight)
        self.cause[row.n] = cause

    def _diverges(
        self,
        row: DiffRow,
        fields: list[str],
        weight: str,
        changes: list[Change],
        like: Frame | None,
    ) -> None:
        self.divergences.append(
            Divergence(
                row.n,
                row.component,
                fields[0],
                tuple(fields),
                weight,
                row.a,
                row.b,
                changes,
                like,
            )
        )


def _weight(row: DiffRow, found: _Found) -> str | None:
    """Give how much it weighs that a row differs by itself; None where it does not."""
    if found.strong:
        harmless = row.output == SAME and OUTPUT not in found.strong
        return WITHOUT_EFFECT if harmless else EFFECTIVE
    return ROUTINE if found.weak and row.output != SAME else None


def _is_explained(found: _Found) -> bool:
    """Tell whether something accounts for another result."""
    return bool(found.follows or found.strong or found.weak or found.is_cut)


def _is_beyond(given: Input | None) -> bool:
    """Tell whether the run that made an input lies beyond where the backtrace was cut."""
    return given is not None and given.producer is None and given.producer_run_id is not None


def _verdict(row: DiffRow, found: _Found, weight: str | None) -> str:
    if found.strong:
        return "diverges"
    if found.follows or found.is_cut:
        return "follows"
    if weight is not None:
        return "diverges"
    return "unknown" if UNKNOWN in (row.state_of(each) for each in FIELDS) else SAME


def _same_run(row: DiffRow, frame: Frame) -> None:
    row.inputs = SAME if frame.inputs else NONE
    row.params = SAME if frame.run.params else NONE
    row.code = row.environment = row.output = SAME


def _input_change(a: Input | None, b: Input | None, state: str) -> Change:
    if a is None or b is None:
        one = a or b
        assert one is not None
        version = one.version or "read"
        return Change(INPUTS, one.name, a and version, b and version, state)
    return Change(INPUTS, a.name, a.version, b.version, state, b.name if b.name != a.name else "")
