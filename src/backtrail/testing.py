"""What a test says of the lineage of an output; where it is not so, the backtrace is shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NoReturn

from .capture.wording import age_in_seconds
from .errors import ConfigurationError
from .model.records import Code, Frame, Run, to_us

if TYPE_CHECKING:
    from .asking import Asking
    from .capture.component import Component
    from .query.backtrace import Backtrace

_SHOWN = 5
_SHORTEST_PREFIX = 4


def assert_lineage(
    output: str | os.PathLike[str],
    *,
    at: datetime | str | None = None,
    client: Asking | None = None,
) -> Lineage:
    """Begin to say what holds of the runs behind an output.

    Args:
        output: an output id, an artifact's name, the path of a file, or a run id.
        at: the newest write at or before this time counts (aware).
        client: a client of another store than the configured one.

    Raises:
        NotFoundError: nothing recorded answers to it.
    """
    from .client import default

    return Lineage(client or default, os.fspath(output), at)


class Lineage:
    """The backtrace of one output, to be held against what it should be.

    Each method returns the same object, so that they can be chained, or raises an
    `AssertionError` that says what is not so and shows the backtrace.
    """

    def __init__(self, client: Asking, output: str, at: datetime | str | None) -> None:
        self._client = client
        self._output = output
        self._at = at
        self.trace: Backtrace = client.backtrace(output, at=at)

    def uses(
        self,
        component: Component | str | None = None,
        version: str | None = None,
        *,
        artifact: str | os.PathLike[str] | None = None,
    ) -> Lineage:
        """Assert that a run of a component, or a version of an artifact, is behind the output.

        Args:
            component: a component or its name.
            version: of a component, the commit or the digest of its code; of an artifact,
                its version; each whole, or at least its first four characters. A run with
                uncommitted changes is not of the commit that they were made on.
            artifact: instead of a component, the name of what a run read, or the end of
                its path.
        """
        __tracebackhide__ = True
        if (component is None) == (artifact is None):
            raise ConfigurationError(
                "uses() needs a component or an artifact, and not both",
                hint='For one: .uses(component="train") or .uses(artifact="model.pkl")',
            )
        if component is not None:
            name = component if isinstance(component, str) else component.name
            self._uses_component(name, version)
        else:
            assert artifact is not None
            self._uses_artifact(os.fspath(artifact), version)
        return self

    def no_gaps(self) -> Lineage:
        """Assert that every input was written by a recorded run, or is a declared source."""
        __tracebackhide__ = True
        short = _short(self.trace)
        gaps = [
            f"{short[gap.name]}, read by {_said(self.trace.frames[gap.n])}"
            for gap in self.trace.gaps
        ]
        if gaps:
            self._fail(_counted(len(gaps), "input has", "inputs have") + " no known producer", gaps)
        return self

    def no_failed(self) -> Lineage:
        """Assert that no run behind the output failed or was killed."""
        __tracebackhide__ = True
        bad = [
            f"{_said(frame)}: {frame.run.status}"
            + (f" with {frame.run.error}" if frame.run.error else "")
            for frame in self.trace.frames
            if frame.run.status in ("failed", "killed")
        ]
        if bad:
            verb = "was" if len(bad) == 1 else "were"
            self._fail(_counted(len(bad), "run") + f" behind it failed or {verb} killed", bad)
        return self

    def no_stale(
        self,
        *,
        max_age: timedelta | float | str | None = None,
        files: bool = False,
        strict: bool = False,
    ) -> Lineage:
        """Assert that the output would not differ, nor be too old, if it were made again now.

        Args:
            max_age: how old any run behind it may be; a component's own limit counts too.
            files: look at the files that no run wrote, as they lie on this machine now.
            strict: also fail where something is not known.
        """
        __tracebackhide__ = True
        name = self._output if self._at is None else self.trace.frames[0].run.run_id
        found = self._client.stale(name, max_age=max_age, files=files)
        if found.is_stale or (strict and found.verdict != "fresh"):
            self._fail(f"it is {found.verdict}, not fresh", [], str(found))
        return self

    def max_age(
        self,
        age: timedelta | float | str,
        *,
        component: Component | str | None = None,
        now: datetime | None = None,
    ) -> Lineage:
        """Assert that no run behind the output ended longer ago than this.

        Args:
            age: a timedelta, seconds, or text like ``"30d"``.
            component: only runs of this component count.
            now: the moment from which ages count (aware); this one if absent.
        """
        __tracebackhide__ = True
        from .render import words

        limit_us = int(age_in_seconds(age) * 1_000_000)
        now_us = to_us(now or datetime.now(timezone.utc))
        name = getattr(component, "name", component)
        runs = [f for f in self.trace.frames if name is None or f.run.component == name]
        if not runs:
            self._fail(f"no run of {name} is behind it", self._components())
        old = [
            f"{_said(frame)} ended {words.age((now_us - _end_us(frame.run)) / 1e6)} ago"
            for frame in sorted(runs, key=lambda frame: _end_us(frame.run))
            if now_us - _end_us(frame.run) > limit_us
        ]
        if old:
            limit = words.age(limit_us / 1e6)
            self._fail(_counted(len(old), "run is", "runs are") + f" older than {limit}", old)
        return self

    def no_overlap(
        self,
        first: str | os.PathLike[str],
        second: str | os.PathLike[str],
        *,
        allow: Iterable[str] = (),
    ) -> Lineage:
        """Assert that two artifacts were made from nothing that is the same.

        Compared are artifact versions, not rows: the two themselves, and all that the runs
        behind them read. One that is behind both fails, whatever the file was called.

        Args:
            first: a name, or the end of a path: the training data, for one.
            second: another: the test data.
            allow: names, ends of paths or patterns (``*.json``) of what both may be made
                from; also of what lies behind only that.
        """
        __tracebackhide__ = True
        from .query.overlap import shared
        from .render import words

        is_allowed = _matcher([os.fspath(each) for each in allow])
        names = (os.fspath(first), os.fspath(second))
        one, other = (self._placed(name) for name in names)
        short = _short(one[0], other[0])
        both = [
            f"{short[each.name]} ({words.short_version(each.version)}):"
            f" {each.first} for {names[0]}, {each.second} for {names[1]}"
            for each in shared(one, other, is_allowed)
        ]
        if both:
            count = _counted(len(both), "artifact version is", "artifact versions are")
            self._fail(
                f"{count} behind both {names[0]} and {names[1]}",
                both,
                "Rows were not compared. What both may be made from, such as a table whose rows"
                " were split, is told with allow=[...].",
            )
        return self

    # -- how it is told ------------------------------------------------------------------

    def _uses_component(self, name: str, version: str | None) -> None:
        __tracebackhide__ = True
        runs = [frame for frame in self.trace.frames if frame.run.component == name]
        if not runs:
            self._fail(f"no run of {name} is behind it", self._components())
        if version is not None and not any(_is_version(f.run.code, version) for f in runs):
            seen = [f"{_said(frame)}: {_code_words(frame.run.code)}" for frame in runs]
            self._fail(f"no run of {name} behind it is of version {version}", seen)

    def _uses_artifact(self, name: str, version: str | None) -> None:
        __tracebackhide__ = True
        is_it = _matcher([name])
        read = {
            each.version: f"{each.name}: {each.version or 'no version'}, read by {_said(frame)}"
            for frame in reversed(self.trace.frames)
            for each in frame.inputs
            if is_it(each.name)
        }
        if not read:
            self._fail(f"no run behind it read {name}", [])
        if version is not None and not any(_begins(known, version) for known in read):
            self._fail(f"no run behind it read version {version} of {name}", list(read.values()))

    def _components(self) -> list[str]:
        names = dict.fromkeys(frame.run.component for frame in self.trace.frames)
        return [f"behind it are {', '.join(names)}"]

    def _placed(self, name: str) -> tuple[Backtrace, str]:
        """Give a backtrace that holds an artifact, and its whole name: this one if it does."""
        from .query.overlap import names_like

        found = sorted(names_like(self.trace, name))
        if len(found) > 1:
            raise ConfigurationError(
                f"{name} could be each of: {', '.join(found)}", hint="Give more of the path."
            )
        if found:
            return self.trace, found[0]
        trace = self._client.backtrace(name, at=self._at)
        return trace, trace.output.name

    def _fail(self, what: str, lines: Sequence[str], after: str = "") -> NoReturn:
        __tracebackhide__ = True
        shown = [f"  {line}" for line in lines[:_SHOWN]]
        if len(lines) > _SHOWN:
            shown.append(f"  and {len(lines) - _SHOWN:,} more")
        parts = ["\n".join([f"{self.trace.output.name}: {what}", *shown]), after, str(self.trace)]
        raise AssertionError("\n\n".join(part for part in parts if part))


def _short(*traces: Backtrace) -> dict[str, str]:
    """Give the shortest tail of each name in some backtraces that tells it from the others."""
    from .render.names import short_names

    frames = [frame for trace in traces for frame in trace.frames]
    read = {given.name for frame in frames for given in frame.inputs}
    return short_names(read | {written.name for frame in frames for written in frame.outputs})


def _matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Tell whether a name is, ends with, or fits one of some patterns."""

    def matches(name: str) -> bool:
        return any(
            name == pattern or fnmatchcase(name, pattern) or fnmatchcase(name, f"*/{pattern}")
            for pattern in patterns
        )

    return matches


def _is_version(code: Code, version: str) -> bool:
    is_commit = not code.dirty and _begins(code.git_hash, version)
    return is_commit or _begins(code.digest, version)


def _begins(known: str | None, version: str) -> bool:
    """Tell whether a version was meant, with its kind or without, whole or its beginning."""
    if known is None:
        return False
    return any(
        word == version or (len(version) >= _SHORTEST_PREFIX and word.startswith(version))
        for word in (known, known.partition(":")[2] or known)
    )


def _code_words(code: Code) -> str:
    from .render import words

    return f"{words.code_state(code, whole=True)}, source {code.digest or 'not known'}"


def _end_us(run: Run) -> int:
    return run.started_us if run.ended_us is None else run.ended_us


def _said(frame: Frame) -> str:
    return f"#{frame.n} {frame.run.component}"


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
