"""Open, fill and close runs, and hand them to the journal.

One recorder belongs to one store and one process. `begin`, `complete` and
`fail` are the hot path: they append to memory and never read a database.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from time import time_ns
from typing import Any

from ..errors import ConfigurationError
from ..model.facts import (
    BY_OBJECT,
    BY_RUN_ID,
    COMPLETED,
    FAILED,
    KIND_CODES,
    RUNNING,
    STATUS_CODES,
    Artifact,
    CodeFact,
    ComponentFact,
    EnvironmentFact,
    FlagFact,
    NoteFact,
    PipelineFact,
    SiteFact,
    SourceFact,
)
from ..model.identity import run_id_of, short_writer
from ..model.names import artifact_name, bounded
from ..model.redaction import cap_text, redact_text, redact_value
from ..model.times import to_us
from . import guard
from .context import (
    NOTHING,
    ActiveRun,
    calling_run,
    current_pipeline,
    current_run,
    default_pipeline,
)
from .environment import installed_packages
from .files import FileVersions
from .objects import SCALARS, Made, Objects
from .pointers import Pointer, make_out, require_aware
from .sink import Sink

_OUTPUT = KIND_CODES["output"]
_VALUE = KIND_CODES["value"]
_MOST_ERROR = 2000
_MOST_VALUE = 16_000
_SOON_US = 1_000_000
_CHUNK = 1000


class Recorder:
    """Turns what happens in this process into facts.

    Args:
        sink: where facts go.
        files: versions of local files.
        wake: called once, before the first run, so that background work starts.
        objects: what the process that forked this one remembers, if any did.
    """

    def __init__(
        self,
        sink: Sink,
        files: FileVersions,
        wake: Callable[[], None],
        objects: Objects | None = None,
    ) -> None:
        self.sink = sink
        self.files = files
        self.objects = objects or Objects()
        self.active: dict[int, ActiveRun] = {}
        self.next_seq = itertools.count(1).__next__
        self.new_sites: deque[Callable[[], CodeFact]] = deque()
        self.block_sites: dict[tuple[Any, ...], int] = {}
        self._known_sites: dict[tuple[str, str | None], int] = {}
        self._next_site = itertools.count(1).__next__
        self._wake: Callable[[], None] | None = wake
        self._last_us = 0
        self._announced: set[int] = set()
        self._told_environment = False

    # -- the hot path ------------------------------------------------------

    def now_us(self) -> int:
        """Give the time in microseconds, later than any that this process was given.

        So what happens in one process has the order in which it happened, even
        within a microsecond. A clock that was set back is followed.
        """
        now = time_ns() // 1000
        last = self._last_us
        if now <= last and last - now < _SOON_US:
            now = last + 1
        self._last_us = now
        return now

    def open(
        self,
        component: str,
        site: int,
        params: dict[str, Any] | None,
        reads: Sequence[Any] = NOTHING,
        call: object = None,
    ) -> ActiveRun:
        """Begin a run that is current until `close`."""
        run = ActiveRun()
        parent = current_run.get()
        if parent is not None and parent.recorder is not self:
            parent = None
        run.recorder = self
        run.component = component
        run.site = site
        run.params = params
        run.reads = reads
        run.call = call
        run.parent = parent
        run.pipeline = current_pipeline.get()
        if parent is None:
            run.parent_run = calling_run.get()
            if run.pipeline is None:
                run.pipeline = default_pipeline()
        else:
            run.parent_run = parent.seq
            if run.pipeline is None:
                run.pipeline = parent.pipeline or default_pipeline()
        run.seq = seq = self.next_seq()
        now = time_ns() // 1000  # `now_us`, without the cost of calling it
        last = self._last_us
        if now <= last and last - now < _SOON_US:
            now = last + 1
        self._last_us = run.started_us = now
        run.token = current_run.set(run)
        self.active[seq] = run
        return run

    def close(
        self,
        run: ActiveRun,
        ended_us: int,
        status: int,
        error: str | None = None,
        writes: Sequence[Any] = NOTHING,
    ) -> None:
        """End a run and append it, with what it wrote at its end; once only."""
        try:
            current_run.reset(run.token)
        except (ValueError, RuntimeError):
            self._left_elsewhere(run)
        if self.active.get(run.seq) is not run:
            return  # ended already
        if ended_us < run.started_us:
            ended_us = run.started_us
        self.sink.add_run(run, writes, ended_us, status, error)
        self.active.pop(run.seq, None)

    def forget(self, run: ActiveRun) -> None:
        """Leave a run whose end could not be recorded whole."""
        self._left_elsewhere(run)
        self.active.pop(run.seq, None)

    def enter(self, run: ActiveRun) -> None:
        """Make a run current again, as a generator is resumed."""
        run.token = current_run.set(run)

    def leave(self, run: ActiveRun) -> None:
        """Make the run before it current again."""
        try:
            current_run.reset(run.token)
        except (ValueError, RuntimeError):
            self._left_elsewhere(run)

    @staticmethod
    def _left_elsewhere(run: ActiveRun) -> None:
        """Leave a run that ends in another context than it began in, or was left already."""
        if current_run.get() is run:
            current_run.set(run.parent)

    def fail(self, run: ActiveRun, error: BaseException) -> None:
        """End a run that raised; outputs that were only declared did not happen."""
        ended = self.now_us()
        if isinstance(error, (SystemExit, GeneratorExit)) and not getattr(error, "code", None):
            self.close(run, ended, COMPLETED)
            return
        self.close(run, ended, FAILED, describe_error(error))

    # -- values ------------------------------------------------------------

    def made(self, run: ActiveRun, name: str) -> Made:
        """Describe a value that ``run`` makes, for `Objects.remember`."""
        return Made(self.sink.writer.uid, run.seq, run.started_us, Artifact(name, _VALUE))

    def read_of(self, value: object) -> tuple[Artifact, int, int | str] | None:
        """Give artifact and producer of an object that a run of this process returned."""
        made = self.objects.maker_of(value)
        if made is None:
            return None
        if made.writer == self.sink.writer.uid:
            return made.artifact, BY_OBJECT, made.seq
        maker = run_id_of(made.started_us, short_writer(made.writer), made.seq)
        return made.artifact, BY_OBJECT, maker

    def read_value(self, value: object, name: str) -> tuple[Any, ...] | None:
        """Give the read of a declared in-memory input, at the start of the run; None for None."""
        at_us = None
        if value is None:
            return None
        if isinstance(value, (str, os.PathLike, Pointer)):
            return self.read_pointer(value, None, at_us)
        version = value_version(value)
        linked = self.read_of(value)
        if linked is None:
            return (Artifact(name, _VALUE), version, at_us, 0, None)
        artifact, how, producer = linked
        return (artifact, version, at_us, how, producer)

    def read_pointer(self, pointer: Any, version: str | None, at_us: int | None) -> tuple[Any, ...]:
        """Give the read of a pointer."""
        artifact, version, own_us, run_id, file = make_out(pointer, version)
        if version is None and file is not None:
            version = self.files.version_of(file)
        at_us = at_us if own_us is None else own_us
        if run_id is not None:
            return (artifact, version, at_us, BY_RUN_ID, run_id)
        return (artifact, version, at_us, 0, None)

    def write_pointer(self, pointer: Any, version: str | None, at_us: int) -> tuple[Any, ...]:
        """Give the write of a pointer."""
        artifact, version, own_us, _, file = make_out(pointer, version)
        if version is None and file is not None:
            version = self.files.version_of(file)
        return (artifact, version, at_us if own_us is None else own_us, None)

    # -- inside a run ------------------------------------------------------

    def innermost(self, component: str | None) -> ActiveRun | None:
        """Give the innermost active run of a component, or of any."""
        run = current_run.get()
        while run is not None:
            if run.recorder is not self:
                return None
            if component is None or run.component == component:
                return run
            run = run.parent
        return None

    def log(self, output_id: Any, component: str | None, value: Any) -> str:
        """Give one result an id; see `backtrail.log`."""
        if type(output_id) is str:
            given = output_id
        else:
            given = self.new_output_id() if output_id is None else str(output_id)
        run = current_run.get()
        if run is None or component is not None or run.recorder is not self:
            run = self.innermost(component)
        if run is None:
            self._log_outputs([artifact_name(given)], component, [value])
            return given
        kept = None if value is None else as_json(value)
        # Journaled at once: whoever was given the id may ask for it, even when
        # this run is killed in the next moment.
        write = ((artifact_name(given), _OUTPUT), None, self.now_us(), kept)
        # `put_part`, without the cost of calling it.
        reads = run.reads
        self.sink.add_run(run, (write,), None, RUNNING)
        run.params = None
        if run.reads is reads:
            run.reads = NOTHING
        return given

    def log_many(
        self, output_ids: Iterable[Any], component: str | None, values: Iterable[Any] | None
    ) -> list[str]:
        """Give many results their ids; see `backtrail.log_many`."""
        given = [
            self.new_output_id() if each is None else self._text_of(each) for each in output_ids
        ]
        kept = list(itertools.repeat(None, len(given)) if values is None else values)
        if len(kept) != len(given):
            guard.report(
                ConfigurationError(f"{len(given)} output ids came with {len(kept)} values"),
                "logging outputs",
            )
            kept = (kept + [None] * len(given))[: len(given)]
        self._log_outputs([artifact_name(each) for each in given], component, kept)
        return given

    def _text_of(self, output_id: Any) -> str:
        """Give an output id as text; one that has none gets an id of ours."""
        try:
            return str(output_id)
        except Exception as error:  # noqa: BLE001 - user code
            guard.report(error, "naming an output")
            return self.new_output_id()

    def new_output_id(self) -> str:
        """Make an output id that no other process makes."""
        writer = short_writer(self.sink.writer.uid)
        return "out-" + run_id_of(self.now_us(), writer, self.next_seq())

    def _log_outputs(self, names: list[str], component: str | None, values: Sequence[Any]) -> None:
        run = self.innermost(component)
        if run is None:
            # A run of its own, so that no output is lost.
            own = self.open(component or "log", self.site_of(component or "log", None), None)
            self._write_outputs(own, names, values)
            self.close(own, self.now_us(), COMPLETED)
            return
        self._write_outputs(run, names, values)

    def _write_outputs(self, run: ActiveRun, names: list[str], values: Sequence[Any]) -> None:
        for start in range(0, len(names), _CHUNK):
            at_us = self.now_us()
            self.put_part(
                run,
                *(
                    ((name, _OUTPUT), None, at_us, None if value is None else as_json(value))
                    for name, value in zip(
                        names[start : start + _CHUNK], values[start : start + _CHUNK], strict=True
                    )
                ),
            )

    def put_part(self, run: ActiveRun, *writes: tuple[Any, ...]) -> None:
        """Append what an active run has done so far; its end need not say it again."""
        reads = run.reads
        self.sink.add_run(run, writes, None, RUNNING)
        run.params = None
        if run.reads is reads:  # another thread may have added to it
            run.reads = NOTHING

    def log_input(self, pointer: Any, *, version: str | None, run: ActiveRun | None = None) -> None:
        """Read, now, inside the active run."""
        if run is not None and self.active.get(run.seq) is not run:
            return  # ended, or begun before a fork: the parent process tells of it
        run = run or self.innermost(None)
        if run is None:
            raise ConfigurationError(_outside("log_input", pointer))
        run.reads = [*run.reads, self.read_pointer(pointer, version, self.now_us())]

    def log_output(
        self, pointer: Any, *, version: str | None, run: ActiveRun | None = None
    ) -> None:
        """Wrote, now, inside the active run."""
        if run is not None and self.active.get(run.seq) is not run:
            return  # ended, or begun before a fork: the parent process tells of it
        run = run or self.innermost(None)
        if run is None:
            raise ConfigurationError(_outside("log_output", pointer))
        self.put_part(run, self.write_pointer(pointer, version, self.now_us()))

    # -- facts that need no run ----------------------------------------------

    def record_run(
        self,
        component: str,
        *,
        started_at: datetime,
        ended_at: datetime | None,
        inputs: Iterable[Any] = (),
        outputs: Iterable[Any] = (),
        status: str = "completed",
        run_id: str | None = None,
        params: Mapping[str, Any] | None = None,
        git_hash: str | None = None,
        pipeline_run_id: str | None = None,
        parent_run_id: str | None = None,
        error: str | None = None,
        host: str | None = None,
    ) -> str:
        """Record a run that happened elsewhere or earlier; see `backtrail.record_run`."""
        started, ended = _checked_times(started_at, ended_at, status)
        run = ActiveRun()
        run.seq = self.next_seq()
        run.started_us = started
        run.parent_run = None if parent_run_id is None else bounded(str(parent_run_id))
        run.pipeline = None if pipeline_run_id is None else bounded(pipeline_run_id)
        run_id = None if run_id is None else bounded(run_id)
        run.params = redact_value(dict(params)) if params else None
        run.reads = [_imported_read(each, started) for each in _listed(inputs, "inputs")]
        until = started if ended is None else ended
        writes = [_imported_write(each, until) for each in _listed(outputs, "outputs")]
        run.site = self.site_of(component, git_hash)
        self.sink.add_run(
            run,
            writes,
            ended,
            STATUS_CODES[status],
            None if error is None else cap_text(redact_text(str(error)), _MOST_ERROR),
            run_id,
            host or "",  # not known, which is not the same as this one
        )
        return run_id or run_id_of(started, short_writer(self.sink.writer.uid), run.seq)

    def declare_source(self, pointer: Any) -> None:
        """Declare an artifact to come from outside."""
        self.sink.add(SourceFact(make_out(pointer).artifact))

    def describe_component(self, name: str, changes: dict[str, object]) -> None:
        """Keep what was said about a component."""
        self.sink.add(ComponentFact(name, self.now_us(), changes))

    def add_flag(self, name: str, state: str, note: str, by: str) -> None:
        """Keep a person's mark on an output."""
        artifact = Artifact(name, 0)
        said = cap_text(redact_text(note), _MOST_ERROR)
        self.sink.add(FlagFact(artifact, self.now_us(), state, said, by))

    def add_note(self, run_id: str, text: str, by: str) -> None:
        """Keep what a person said of a run."""
        said = cap_text(redact_text(text), _MOST_VALUE)
        self.sink.add(NoteFact(run_id, self.now_us(), said, by))

    def begin_pipeline(self, name: str, run_id: str | None) -> str:
        """Begin a pipeline run and give its id."""
        at_us = self.now_us()
        if run_id is None:
            run_id = run_id_of(at_us, short_writer(self.sink.writer.uid), self.next_seq())
        run_id = bounded(run_id)
        self.sink.add(PipelineFact(run_id, redact_text(name), at_us))
        return run_id

    def site_of(self, component: str, git_hash: str | None) -> int:
        """Give the number of the site of runs that no function of this process made."""
        git_hash = None if git_hash is None else bounded(str(git_hash))
        key = (component, git_hash)
        n = self._known_sites.get(key)
        if n is None:
            n = self._known_sites[key] = self.add_site(component, git_hash=git_hash)
        return n

    def add_site(self, component: str, **where: Any) -> int:
        """Number a place that runs come from, and make it known to the sink."""
        # Runs will follow, and with the first the background work starts.
        wake, self._wake = self._wake, None
        if wake is not None:
            wake()
        n = self._next_site()
        self.sink.add_site(SiteFact(n, bounded(component), **where))
        return n

    # -- background --------------------------------------------------------

    def tend(self) -> None:
        """Do what can wait: source and git state of new sites, signs of long runs."""
        if self.new_sites and not self._told_environment:
            self._told_environment = True
            try:
                self.sink.add(_environment())
            except Exception as error:  # noqa: BLE001 - the guard
                guard.report(error, "listing the installed packages")
        while self.new_sites:
            examine = self.new_sites.popleft()
            try:
                self.sink.add(examine())
            except Exception as error:  # noqa: BLE001 - the guard
                guard.report(error, "reading the source of a component")
        long_ago = time_ns() // 1000 - _SOON_US
        for run in list(self.active.values()):
            # A run that dies can only be seen as killed if it was seen at all.
            if run.started_us < long_ago and run.seq not in self._announced:
                self._announced.add(run.seq)
                self.sink.add_run(run, NOTHING, None, RUNNING)
        self._announced.intersection_update(self.active)
        self.objects.sweep()

    def run_id_of(self, run: ActiveRun) -> str:
        """Give the public id of an active run."""
        return run_id_of(run.started_us, short_writer(self.sink.writer.uid), run.seq)


def _environment() -> EnvironmentFact:
    from ..model.digest import digest_value

    packages = installed_packages()
    return EnvironmentFact(digest_value(packages) or "", packages)


def value_version(value: object) -> str | None:
    """Give the content digest of an in-memory value.

    None where equal content says nothing: a number, a flag and an empty list are
    the same everywhere, and would link runs that have nothing to do with each other.
    """
    if type(value) in SCALARS:
        return None
    if isinstance(value, (list, tuple, dict, set, frozenset, bytes, bytearray)) and not value:
        return None
    from ..model.digest import digest_value

    return digest_value(value)


def describe_error(error: BaseException) -> str:
    """Give an exception's type and message, without secrets and capped."""
    name = type(error).__name__
    try:
        # Cut first: a message may be a hundred megabytes long. And cut by `str`
        # itself, since a subclass of it may do anything.
        message = str.__getitem__(str(error), slice(0, 4 * _MOST_ERROR))
    except BaseException:  # noqa: BLE001 - user code; its own exception is on its way
        message = "(its message cannot be shown)"
    return cap_text(redact_text(f"{name}: {message}" if message else name), _MOST_ERROR)


def _outside(function: str, pointer: object) -> str:
    what = f"{function}({type(pointer).__name__})"
    return f"{what} was called outside any run: there is none to add it to"


def as_json(value: Any) -> Any:
    """Give a result's value as it is stored: a JSON value without secrets, or a note on it."""
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    kept = redact_value(value)
    if isinstance(kept, (str, list, dict)) and len(repr(kept)) > _MOST_VALUE:
        return f"({type(value).__name__} too large to keep)"
    return kept


def _checked_times(
    started_at: datetime, ended_at: datetime | None, status: str
) -> tuple[int, int | None]:
    require_aware(started_at, "started_at")
    if status not in STATUS_CODES:
        raise ConfigurationError(
            f"a run cannot be {status!r}", hint=f"It is one of: {', '.join(STATUS_CODES)}."
        )
    started = to_us(started_at)
    if ended_at is None:
        if status not in ("running", "killed"):
            raise ConfigurationError(
                f"a run that is {status} needs its end", hint="Give ended_at, an aware datetime."
            )
        return started, None
    if status == "running":
        raise ConfigurationError(
            f"a run that is running has not ended at {ended_at}", hint="Give ended_at=None."
        )
    require_aware(ended_at, "ended_at")
    if to_us(ended_at) < started:
        raise ConfigurationError(f"the run ends ({ended_at}) before it starts ({started_at})")
    return started, to_us(ended_at)


def _listed(pointers: Any, what: str) -> Iterable[Any]:
    if isinstance(pointers, (str, bytes, os.PathLike, Pointer)):
        return [pointers]
    if not isinstance(pointers, Iterable):
        raise ConfigurationError(f"{what} is a list of pointers, not {type(pointers).__name__}")
    return pointers


def _imported_read(pointer: Any, at_us: int) -> tuple[Any, ...]:
    # No file is looked at: the run was elsewhere or earlier.
    artifact, version, own_us, run_id, _ = make_out(pointer)
    at_us = at_us if own_us is None else own_us
    if run_id is not None:
        return (artifact, version, at_us, BY_RUN_ID, run_id)
    return (artifact, version, at_us, 0, None)


def _imported_write(pointer: Any, at_us: int) -> tuple[Any, ...]:
    artifact, version, own_us, _, _ = make_out(pointer)
    return (artifact, version, at_us if own_us is None else own_us, None)
