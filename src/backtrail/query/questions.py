"""The questions that take many looks at a store, as functions of plain values.

Each has one definition for whoever holds the store and for a server that asks ahead for a
client (`question_named`): what only makes sense where the question is put, such as the files that
lie there, are arguments that the server leaves out.
"""

from __future__ import annotations

import inspect
import os
import typing
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ..store.protocol import Store
from . import lookups, marks
from .lookups import Moment

if TYPE_CHECKING:
    from ..model.records import FrameWarning
    from .backtrace import Backtrace
    from .changes import VersionOf
    from .diff import BacktraceDiff
    from .explain import Explanation
    from .impact import Impact
    from .review import Review
    from .staleness import FileVersion, Staleness

Watch = Callable[[int, int], bool]


def backtrace(
    store: Store,
    *,
    output: str,
    at_us: int | None,
    tolerance_us: int,
    limit: int | None,
    watch: Watch | None = None,
) -> Backtrace:
    """Give the runs behind an output; see `Asking.backtrace`."""
    from . import backtrace as query
    from .selector import select

    selected = select(store, output, at_us)
    return query.backtrace(store, selected, tolerance_us=tolerance_us, limit=limit, watch=watch)


def diff(
    store: Store,
    *,
    a: str,
    b: str,
    tolerance_us: int,
    watch: Watch | None = None,
    version_of: VersionOf | None = None,
    folder: str | None = None,
) -> BacktraceDiff:
    """Compare two backtraces; see `Asking.diff`, and `changes.explain` for files and folder."""
    from . import changes
    from . import diff as query
    from .backtrace import backtrace_with_rows
    from .selector import select

    def side(name: str) -> query.Side:
        traced = backtrace_with_rows(store, select(store, name), tolerance_us, watch=watch)
        return query.Side(store, *traced)

    sides = side(a), side(b)
    found = query.compare_sides(*sides)
    changes.explain(store, found, sides, version_of, folder)
    return found


def impact(
    store: Store,
    *,
    what: str | None,
    version: str | None,
    component: str | None,
    commit: str | None,
    since: Moment | None,
    until: Moment | None,
    tolerance_us: int,
    limit: int | None,
    watch: Watch | None = None,
) -> Impact:
    """Give what is built on something; see `Asking.impact`."""
    from . import impact as query

    return query.impact(
        store,
        what,
        version=version,
        component=component,
        commit=commit,
        since=since,
        until=until,
        tolerance_us=tolerance_us,
        limit=limit,
        watch=watch,
    )


def stale(
    store: Store,
    *,
    output: str,
    tolerance_us: int,
    now_us: int,
    max_age_s: float | None,
    file_version: FileVersion | None = None,
) -> Staleness:
    """Tell whether an output is out of date; see `Asking.stale`."""
    from . import staleness as query
    from .selector import select

    return query.staleness(
        store,
        select(store, output),
        tolerance_us=tolerance_us,
        now_us=now_us,
        max_age_s=max_age_s,
        file_version=file_version,
    )


def explain(
    store: Store,
    *,
    output: str,
    at_us: int | None,
    tolerance_us: int,
    now_us: int,
    trace: Backtrace | None = None,
) -> Explanation:
    """Say in plain words what made an output; see `Asking.explain`."""
    from . import explain as query
    from .selector import select

    selected = select(store, output, at_us)
    return query.explain(store, selected, tolerance_us=tolerance_us, now_us=now_us, trace=trace)


def stale_runs(
    store: Store, *, component: str, limit: int, tolerance_us: int
) -> dict[str, list[FrameWarning]]:
    """Give the runs that did not use the newest there was; see `Asking.stale_runs`."""
    from . import freshness as query

    return query.stale_runs(store, component=component, limit=limit, tolerance_us=tolerance_us)


def review(
    store: Store,
    *,
    tolerance_us: int,
    since_us: int | None,
    until_us: int | None,
    watch: Watch | None = None,
) -> Review:
    """Rank what could explain the flagged outputs; see `Asking.review`."""
    from . import review as query

    return query.review(
        store, tolerance_us=tolerance_us, since_us=since_us, until_us=until_us, watch=watch
    )


class Question(NamedTuple):
    """A question that can be put ahead: its function, and what checks its arguments."""

    ask: Callable[..., Any]
    takes: msgspec.msgpack.Decoder[Any]

    def put(self, store: Store, told: bytes) -> None:
        """Put the question to a store, with packed arguments.

        Raises:
            msgspec.ValidationError: the arguments are not those of the question.
            BacktrailError: as the question itself.
        """
        self.ask(store, **msgspec.structs.asdict(self.takes.decode(told)))


def packed_arguments(told: dict[str, Any]) -> bytes:
    """Give the arguments of a question as they travel."""
    return msgspec.msgpack.encode({name: _sent(name, value) for name, value in told.items()})


def _sent(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if name in _NAMES and isinstance(value, str) and os.path.lexists(value):
        # In full: a server has folders of its own.
        return os.path.abspath(value)
    return value


@cache
def question_named(name: str) -> Question | None:
    """Give a question that a server may put ahead; None if it is none."""
    ask = _AHEAD.get(name)
    if ask is None:
        return None
    parameters = inspect.signature(ask).parameters.values()
    hints = typing.get_type_hints(ask, {**globals(), **dict.fromkeys(_NOT_SENT, Any)})
    # What has a default is only of the place where the question is put.
    fields = [
        (each.name, str | None if hints[each.name] == Moment | None else hints[each.name])
        for each in parameters
        if each.name != "store" and each.default is each.empty
    ]
    kind = msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)
    return Question(ask, msgspec.msgpack.Decoder(kind))


_NAMES = ("output", "a", "b", "what", "name")
# Types that only mypy imports here: of answers, and of what is not sent.
_NOT_SENT = (
    *("Backtrace", "BacktraceDiff", "Impact", "Staleness", "Explanation", "Review"),
    *(
        "VersionOf",
        "FileVersion",
        "FrameWarning",
        "Run",
        "Match",
        "ComponentRecord",
        "Flagged",
        "Mark",
    ),
)
_AHEAD: dict[str, Callable[..., Any]] = {
    ask.__name__: ask
    for ask in (
        *(backtrace, diff, impact, stale, explain, stale_runs, review),
        *(lookups.recent, lookups.history, lookups.who, lookups.find, lookups.components),
        *(lookups.get_run, lookups.last_output, lookups.last_good_output),
        *(marks.flagged, marks.marks_on),
    )
}
