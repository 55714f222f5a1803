"""The questions that a client answers, and what people say of the answers.

Asking loads what recording does not need, so each question imports its own part.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from .capture import guard
from .capture.component import Component
from .capture.environment import user_name
from .capture.files import FileVersions
from .capture.wording import age_in_seconds
from .errors import BacktrailError, ConfigurationError, NotFoundError
from .model.facts import ASSIGNED, CLOSED, OPEN
from .model.names import path_name
from .model.times import to_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .capture.recorder import Recorder
    from .journal.journal import Journal
    from .model.records import (
        ComponentRecord,
        Diagnosis,
        Finding,
        Flagged,
        FrameWarning,
        Mark,
        Match,
        Run,
    )
    from .query.backtrace import Backtrace
    from .query.diff import BacktraceDiff
    from .query.explain import Explanation
    from .query.impact import Impact
    from .query.near_misses import NearMiss
    from .query.retention import Pruned
    from .query.review import Review
    from .query.staleness import Staleness
    from .settings import Settings
    from .store.copying import Copying
    from .store.protocol import Store, StoreStats

READ_WAIT_S = 5.0

R = TypeVar("R")


class Asking:
    """The part of a `Client` that asks; the client gives it settings, journal and store."""

    @property
    def settings(self) -> Settings:
        """How this client works."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """The address of the store, without its password."""
        raise NotImplementedError

    def wake(self) -> Recorder | None:
        """Give the recorder, made if need be; None when recording is off or cannot be set up."""
        raise NotImplementedError

    def has_records(self) -> bool:
        """Tell whether anything was ever recorded here; touches no database."""
        raise NotImplementedError

    def _ask(self) -> Store:
        """Give the store after all that was acknowledged on this host is in it."""
        raise NotImplementedError

    def _ask_about(self, question: str, told: dict[str, Any]) -> Store:
        """Give the store as `_ask` does, to put this question to it."""
        raise NotImplementedError

    def _answer_to(
        self, ask: Callable[..., R], here: dict[str, Any] | None = None, /, **told: Any
    ) -> R:
        """Put one of `query.questions`: ``told`` is what is asked, ``here`` is of this process."""
        return ask(self._ask_about(ask.__name__, told), **told, **(here or {}))

    def open_store(self) -> Store:
        """Give the store as it is, with nothing taken in first."""
        raise NotImplementedError

    def _its_journal(self) -> Journal:
        raise NotImplementedError

    def backtrace(
        self,
        output: str | os.PathLike[str],
        *,
        at: datetime | str | None = None,
        limit: int | None = None,
        watch: Callable[[int, int], bool] | None = None,
    ) -> Backtrace:
        """Give the runs behind an output, nearest first.

        Args:
            output: an output id, an artifact's name, the path of a file, or a run id.
            at: the newest write at or before this time counts (aware).
            limit: stop after about so many runs; the answer says that it is cut.
            watch: called after each step with the number of runs reached and of those
                that wait; where it gives False, the walk ends and the answer is cut.

        Raises:
            NotFoundError: nothing recorded answers to it; ``closest`` has near names.
            AmbiguousIdError: several run ids start so.
            StoreUnavailableError: the store cannot be read.
        """
        from .query import questions
        from .query.lookups import moment_us

        return self._answer_to(
            questions.backtrace,
            {"watch": watch},
            output=os.fspath(output),
            at_us=None if at is None else moment_us(at),
            tolerance_us=self._tolerance_us(),
            limit=limit,
        )

    def diff(
        self,
        a: str | os.PathLike[str],
        b: str | os.PathLike[str],
        *,
        files: bool = True,
        watch: Callable[[int, int], bool] | None = None,
    ) -> BacktraceDiff:
        """Compare the backtraces of two outputs: the first run that differs by itself.

        Args:
            a: an output id, an artifact's name, the path of a file, or a run id.
            b: the other one; put the one that was right first.
            files: whether to look at this machine: into data files that are still as they
                were recorded, and into the repository here for sources that were not saved.
            watch: as in `backtrace`, for each of the two.

        Raises:
            NotFoundError: nothing recorded answers to one; ``closest`` has near names.
            AmbiguousIdError: several run ids start so.
            StoreUnavailableError: the store cannot be read.
        """
        from .query import questions

        here: dict[str, Any] = {}
        if files:
            versions = FileVersions(self.settings.digest_limit_bytes)
            here = {"version_of": versions.version_of, "folder": os.curdir}
        return self._answer_to(
            questions.diff,
            {"watch": watch, **here},
            a=os.fspath(a),
            b=os.fspath(b),
            tolerance_us=self._tolerance_us(),
        )

    def impact(
        self,
        what: str | os.PathLike[str] | None = None,
        *,
        version: str | None = None,
        component: Component | str | None = None,
        commit: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        limit: int | None = None,
        watch: Callable[[int, int], bool] | None = None,
    ) -> Impact:
        """Give the runs and output ids that are built on something: its blast radius.

        Args:
            what: a run id, an artifact's name, the path of a file, an output id, or a
                content digest; or leave it out, and choose runs by the rest.
            version: of the artifact; or of the component: a commit or a source digest.
            component: the runs of this component.
            commit: runs at this commit, or the beginning of it.
            since: runs that started at this time or later (aware).
            until: runs that started before this time.
            limit: stop after so many runs; the answer says that it is cut.
            watch: called after each step with the number of runs reached and of those
                that wait; where it gives False, the walk ends and the answer is cut.

        Raises:
            NotFoundError: nothing recorded answers to it; ``closest`` has near names.
            AmbiguousIdError: several run ids, or versions, start so.
            StoreUnavailableError: the store cannot be read.
        """
        from .query import questions

        return self._answer_to(
            questions.impact,
            {"watch": watch},
            what=None if what is None else os.fspath(what),
            version=version,
            component=component_name(component),
            commit=commit,
            since=since,
            until=until,
            tolerance_us=self._tolerance_us(),
            limit=limit,
        )

    def near_misses(self, trace: Backtrace) -> dict[str, NearMiss]:
        """Give for the gaps of a backtrace what was written under nearly their names."""
        from .query import near_misses as query

        return query.near_misses(self._ask(), trace)

    def stale(
        self,
        output: str | os.PathLike[str],
        *,
        max_age: timedelta | float | str | None = None,
        files: bool = False,
        now: datetime | str | None = None,
    ) -> Staleness:
        """Tell whether an output would differ, or is too old, if it were made again now; and why.

        Args:
            output: as in `backtrace`.
            max_age: how old any run behind it may be, a timedelta, seconds or ``"30d"``;
                a component's own limit counts beside it.
            files: look at the files that no run wrote, as they lie on this machine now.
            now: the moment from which ages count (aware); this one if absent.

        Raises:
            NotFoundError: nothing recorded answers to it; ``closest`` has near names.
            AmbiguousIdError: several run ids start so.
        """
        from .query import questions
        from .query.lookups import moment_us

        versions = FileVersions(self.settings.digest_limit_bytes)
        return self._answer_to(
            questions.stale,
            {"file_version": versions.version_of if files else None},
            output=os.fspath(output),
            tolerance_us=self._tolerance_us(),
            now_us=to_us(datetime.now(timezone.utc)) if now is None else moment_us(now),
            max_age_s=None if max_age is None else age_in_seconds(max_age),
        )

    def explain(
        self,
        output: str | os.PathLike[str],
        *,
        at: datetime | str | None = None,
        trace: Backtrace | None = None,
    ) -> Explanation:
        """Say in plain words what made an output, what is wrong behind it, and what is not known.

        Args and errors as `backtrace`; ``trace`` is its answer, where that is at hand.
        """
        from .query import questions
        from .query.lookups import moment_us

        return self._answer_to(
            questions.explain,
            {"trace": trace},
            output=os.fspath(output),
            at_us=None if at is None else moment_us(at),
            tolerance_us=self._tolerance_us(),
            now_us=to_us(datetime.now(timezone.utc)),
        )

    def _tolerance_us(self) -> int:
        return int(self.settings.clock_tolerance_s * 1_000_000)

    def who(self, path_or_name: str | os.PathLike[str], *, limit: int = 100) -> list[Run]:
        """Give the runs that wrote this name, or this file's content wherever it lies now.

        Raises:
            NotFoundError: no recorded run wrote or read it.
        """
        from .query import lookups

        name = os.fspath(path_or_name)
        digest = FileVersions(self.settings.digest_limit_bytes).version_of(path_name(name))
        return self._answer_to(lookups.who, name=name, digest=digest, limit=limit)

    def get_run(self, run_id: str) -> Run:
        """Give one run by its id or a unique prefix of 4 characters or more.

        Raises:
            NotFoundError: there is none.
            AmbiguousIdError: there are several.
        """
        from .query import lookups

        return self._answer_to(lookups.get_run, run_id=run_id)

    def history(
        self,
        component: Component | str,
        *,
        limit: int = 10,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
    ) -> list[Run]:
        """Give the runs of a component, newest first, that started in [since, until).

        Raises:
            NotFoundError: there is no such component.
        """
        from .query import lookups

        name = component_name(component) or ""
        return self._answer_to(
            lookups.history, component=name, limit=limit, since=since, until=until
        )

    def stale_runs(
        self, component: Component | str, *, limit: int = 10
    ) -> dict[str, list[FrameWarning]]:
        """Give those of a component's newest runs that used what was not the newest then.

        Args:
            component: a `Component` or its name.
            limit: look at so many runs.

        Returns:
            By run id, the warnings ``stale.fresher-run`` that a backtrace of the run has at
            its first frame; the newest run first.

        Raises:
            NotFoundError: there is no such component.
        """
        from .query import questions

        return self._answer_to(
            questions.stale_runs,
            component=component_name(component) or "",
            limit=limit,
            tolerance_us=self._tolerance_us(),
        )

    def recent(self, limit: int = 20, before: datetime | str | None = None) -> list[Run]:
        """Give the newest runs; ``before`` a run id or a time, for the next page."""
        from .query import lookups

        return self._answer_to(lookups.recent, limit=limit, before=before)

    def components(
        self, *, tag: str | None = None, owner: str | None = None
    ) -> list[ComponentRecord]:
        """Give the components with this tag and owner, the one that ran last first."""
        from .query import lookups

        return self._answer_to(lookups.components, tag=tag, owner=owner)

    def find(self, text: str) -> list[Match]:
        """Give components and artifacts whose name or description contains ``text``."""
        from .query import lookups

        return self._answer_to(lookups.find, text=text)

    def complete(self, prefix: str, limit: int = 50) -> list[str]:
        """Give output ids that start so, for a shell to offer."""
        from .query import lookups

        return lookups.complete(self._ask(), prefix, limit)

    def last_output(self) -> str | None:
        """Give the output that was written last."""
        from .query import lookups

        return self._answer_to(lookups.last_output)

    def last_good_output(self) -> str | None:
        """Give the newest output that only completed runs are behind."""
        from .query import lookups

        return self._answer_to(lookups.last_good_output, tolerance_us=self._tolerance_us())

    def digests(self, prefix: str, limit: int = 50) -> list[str]:
        """Give recorded content digests that start so."""
        from .query import lookups

        return lookups.digests_with_prefix(self._ask(), prefix, limit)

    def source_of(self, run: Run | str) -> str | None:
        """Give the source text of a run's function as it was, without secrets."""
        from .query import lookups

        return lookups.source_of(self._ask(), run if isinstance(run, str) else run.run_id)

    def packages_of(self, run_id: str) -> dict[str, str] | None:
        """Give name and version of the packages of the process that recorded a run, if known."""
        from .query import lookups

        return lookups.packages_of(self._ask(), run_id)

    # -- what people say ---------------------------------------------------------------

    def flag(self, output: str, note: str = "", *, by: str | None = None) -> None:
        """Mark an output as wrong; `review` ranks the runs behind flagged outputs.

        Args:
            output: an output id or an artifact's name.
            note: what is wrong with it, for people.
            by: who says so; the user of this process if absent.

        Raises:
            NotFoundError: no recorded run wrote it; ``closest`` has near names.
            ConfigurationError: recording is off.
        """
        self._mark(output, OPEN, note, by)

    def unflag(
        self, output: str, note: str = "", *, by: str | None = None, state: str = "withdrawn"
    ) -> None:
        """Close a flag; what was said stays in the history (`marks`). Errors as `flag`.

        Args:
            output: an output id or an artifact's name.
            note: why, for people.
            by: who says so; the user of this process if absent.
            state: what became of it: ``withdrawn``, ``explained``, ``fixed`` or ``no-fault``.
        """
        if state not in CLOSED:
            raise ConfigurationError(
                f"a flag cannot be closed as {state!r}", hint=f"It is one of: {', '.join(CLOSED)}."
            )
        self._mark(output, state, note, by)

    def assign(self, output: str, to: str | None = None, *, by: str | None = None) -> None:
        """Say who looks into a flagged output; closing the flag ends that. Errors as `flag`.

        Args:
            output: an output id or an artifact's name.
            to: who looks into it; the user of this process if absent, nobody if empty.
            by: who says so; the user of this process if absent.

        Raises:
            ConfigurationError: it is not flagged, or recording is off.
        """
        from .query.marks import standing

        name = self.output_named(output)
        mark, _ = standing(self.marks(name))
        if mark is None or mark.state != OPEN:
            raise ConfigurationError(
                f"{name} is not flagged, so there is nothing to look into",
                hint=f"Flag it first: bt flag {name} -m 'what is wrong with it'",
            )
        self._mark(name, ASSIGNED, " ".join((user_name() if to is None else to).split()), by)

    def marks(self, output: str) -> list[Mark]:
        """Give all that was said of an output with flags, the newest first.

        Raises:
            NotFoundError: no recorded run wrote it; ``closest`` has near names.
        """
        from .query import marks

        return self._answer_to(marks.marks_on, name=os.fspath(output))

    def output_named(self, name: str | os.PathLike[str]) -> str:
        """Give the canonical name of the output that a flag on ``name`` would mark.

        Raises:
            NotFoundError: no recorded run wrote it; ``closest`` has near names.
        """
        from .query import marks

        return marks.output_named(self._ask(), os.fspath(name))

    def flagged(self) -> list[Flagged]:
        """Give the outputs that are flagged now, the one that was flagged last first."""
        from .query import marks

        return self._answer_to(marks.flagged)

    def review(
        self,
        *,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        watch: Callable[[int, int], bool] | None = None,
    ) -> Review:
        """Rank what could explain the flagged outputs: runs, and what runs have in common.

        Flagged outputs are compared with outputs of the same components and about the
        same time that are not flagged; the answer says how many, and what it is worth.

        Args:
            since: only outputs written at or after this time (aware).
            until: only outputs written before this time (aware).
            watch: as in `backtrace`.
        """
        from .query import questions
        from .query.lookups import moment_us

        return self._answer_to(
            questions.review,
            {"watch": watch},
            tolerance_us=self._tolerance_us(),
            since_us=None if since is None else moment_us(since),
            until_us=None if until is None else moment_us(until),
        )

    def note(self, run_id: str, text: str, *, by: str | None = None) -> None:
        """Say something about a run; notes are shown with it and keep their history.

        Args:
            run_id: its id, or a unique prefix of 4 characters or more.
            text: what to say, kept without secrets.
            by: who says so; the user of this process if absent.

        Raises:
            NotFoundError: there is no such run.
            AmbiguousIdError: there are several.
            ConfigurationError: recording is off, or the text is empty.
        """
        from .query import lookups

        if not text.strip():
            raise ConfigurationError("a note needs a text", hint='For one: bt note RUN "seen it".')
        run = lookups.get_run(self._ask(), run_id)
        self._teller().add_note(run.run_id, text, by or user_name())

    def _mark(self, output: str, state: str, note: str, by: str | None) -> None:
        name = self.output_named(output)
        self._teller().add_flag(name, state, note, by or user_name())

    def _teller(self) -> Recorder:
        recorder = self.wake()
        if recorder is None:
            raise ConfigurationError(
                "recording is off, so nothing can be said",
                hint="Unset BACKTRAIL_MODE, or configure(mode=...).",
            )
        return recorder

    # -- operating -------------------------------------------------------------------

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        return self._ask().stats()

    def check(self) -> list[str]:
        """Look for damage in the store; one sentence for each problem."""
        return self._ask().check()

    def upgrade(self) -> tuple[int, int]:
        """Bring the store's schema to this version; give the versions before and after."""
        return self.open_store().upgrade()

    def prune(
        self,
        keep: timedelta | float | str,
        *,
        dry_run: bool = False,
        watch: Callable[[int, int], bool] | None = None,
    ) -> Pruned:
        """Take away what had ended longer ago than ``keep`` and is not needed any more.

        What was made since, is flagged or has a note keeps all that is behind it, and runs
        that wrote anything but output ids stay anyway; but of what is that old, parameters,
        values and the texts of errors go. It can be ended early and begun again.

        Args:
            keep: a timedelta, seconds, or text like ``90d``.
            dry_run: only count.
            watch: called now and then; where it gives False, it ends early.

        Raises:
            ConfigurationError: ``keep`` is no such time.
            StoreUnavailableError: the database refuses.
        """
        from .model.records import to_iso
        from .query.retention import prune
        from .store.protocol import AuditRow

        now_us = to_us(datetime.now(timezone.utc))
        before_us = now_us - int(age_in_seconds(keep, "keep") * 1e6)
        store = self._ask()
        if not dry_run:
            what = f"what ended before {to_iso(before_us)}"
            store.add_audit([AuditRow(now_us, user_name(), "prune", what)])
        return prune(
            store,
            at_us=now_us,
            before_us=before_us,
            tolerance_us=self._tolerance_us(),
            dry_run=dry_run,
            watch=watch,
        )

    @contextmanager
    def copying(self, target: Asking, *, dry_run: bool = False) -> Iterator[Copying]:
        """Give, for a ``with`` block, a copy of this store as it is now into that of ``target``.

        Args:
            target: a client of another store.
            dry_run: make no database where there is none.

        Raises:
            ConfigurationError: the two are one.
            NotFoundError: there is nothing to copy.
            StoreUnavailableError: one of them cannot be used.
        """
        from .store.copying import Copying

        if self._is_same(target):
            raise ConfigurationError(
                f"{self.url} cannot be copied onto itself", hint="Give --to another address."
            )
        store = self._ask()
        if not store.exists():
            raise NotFoundError(f"there is no database at {self.url}")
        into = target.open_store()
        with store.snapshot():
            yield Copying(store, None if dry_run and not into.exists() else into)

    def _is_same(self, other: Asking) -> bool:
        if self.settings.url == other.settings.url:
            return True
        try:
            return os.path.samefile(self.settings.database, other.settings.database)
        except (ConfigurationError, OSError):
            return False

    def diagnose(self) -> Diagnosis:
        """Look at everything that can be wrong between here and the store."""
        from .journal.journal import inspect_spools
        from .model.records import Diagnosis, Finding

        findings, is_waiting = self._findings_of_store()
        findings += inspect_spools(
            self.settings.spool_folders,
            lambda folder: os.access(folder, os.W_OK),
            is_waiting=is_waiting,
        )
        if guard.counted:
            failures = f"{len(guard.counted)} calls of this process were not recorded whole"
            findings.append(Finding("note", failures, f"The last one: {guard.counted[-1]}."))
        return Diagnosis(findings)

    def _findings_of_store(self) -> tuple[list[Finding], bool]:
        """Give also whether the store takes nothing in."""
        from .model.records import Finding

        if not self.has_records():
            what = f"nothing has been recorded yet in {self.url}"
            return [Finding("note", what, "Put @register on a function, or run: bt demo")], False
        findings: list[Finding] = []
        try:
            store = self.open_store()
            findings += store.diagnose()
            of_drain = self._findings_of_drain()
            findings += of_drain
            stats = store.stats()
        except BacktrailError as error:
            return [*findings, Finding("unreachable", error.message, _without_us(error.hint))], True
        plural = "" if stats.runs == 1 else "s"
        what = f"{self.url}: schema {stats.schema_version}, {stats.runs:,} run{plural}"
        findings.insert(0, Finding("ok", what))
        if stats.lost:
            what = f"{stats.lost} damaged records were passed over while draining"
            hint = "A process or the machine died while writing them; nothing else is missing."
            findings.append(Finding("note", what, hint))
        return findings, any(finding.level == "problem" for finding in of_drain)

    def _findings_of_drain(self) -> list[Finding]:
        from .model.records import Finding

        try:
            drained = self._its_journal().drain(READ_WAIT_S)
        except BacktrailError as error:
            what = f"the journal cannot be drained: {error.message}"
            return [Finding("problem", what, error.hint)]
        if drained:
            return []
        return [Finding("note", "another process is draining the journal at this moment")]


def _without_us(hint: str) -> str:
    """Leave out of a hint that one may ask the doctor: it is the doctor who gives it."""
    return re.sub(r"Check (it|the address) with: bt doctor( --db URL)?\.\s*", "", hint)


def component_name(component: Component | str | None) -> str | None:
    """Give the name of a component, or None."""
    if component is None or isinstance(component, str):
        return component
    if not isinstance(component, Component):
        raise ConfigurationError(
            f"{type(component).__name__} names no component", hint="Give a Component or its name."
        )
    return component.name
