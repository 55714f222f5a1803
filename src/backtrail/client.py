"""The object a user holds: wires settings, journal, store, capture and query.

The only place that picks a database. A client starts nothing until its first
run is recorded or its first question is asked, and loads then what it takes:
many processes import a pipeline and run none of it.
"""

from __future__ import annotations

import atexit
import importlib
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .asking import READ_WAIT_S, Asking, component_name
from .capture import component as component_module
from .capture import guard
from .capture import register as register_module
from .capture.carry import Carried, carry
from .capture.component import Component
from .capture.environment import describe_process
from .capture.files import FileVersions
from .capture.pipeline import PipelineRun
from .capture.recorder import Recorder
from .capture.register import RunBlock
from .capture.registry import Registry
from .errors import BacktrailError, ConfigurationError, StoreUnavailableError
from .model.facts import WriterFact

if TYPE_CHECKING:
    from .journal.journal import Journal
    from .model.records import ComponentRecord
    from .settings import Settings
    from .store.protocol import Store

_FORK_WAIT_S = 5.0
# What the user's code waits at most for a server that may be away.
_LOOK_UP_WAIT_S = 1.0

F = TypeVar("F", bound="Callable[..., Any]")
R = TypeVar("R")


_clients: weakref.WeakSet[Client] = weakref.WeakSet()


class Client(Asking):
    """Records into one store and asks it.

    Every function of the package is a method here; the package's functions use
    a client of the configured address.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.recorder: Recorder | None = None
        self._lock = threading.RLock()
        self._start(settings)
        self._registry = Registry(self._describe, self._look_up)
        _clients.add(self)

    def _start(self, settings: Settings | None) -> None:
        self._settings = settings
        self._trouble: ConfigurationError | None = None
        self._way: _Way | None = None
        self._journal: Journal | None = None
        self.recorder = None

    # -- set-up ------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """How this client works; read from the environment when first needed."""
        settings = self._settings
        if settings is None:
            from .settings import load_settings

            settings = self._settings = load_settings()
        return settings

    @property
    def url(self) -> str:
        """The address of the store, without its password."""
        return self.settings.shown_url

    def configure(self, url: str | os.PathLike[str] | None = None, **settings: Any) -> None:
        """Choose where and how records go from now on; what was recorded goes where it was to go.

        Args:
            url: ``sqlite:///relative.db``, ``sqlite:////absolute.db``,
                ``postgresql://user@host/database`` or ``https://host`` of a server;
                ``BACKTRAIL_URL`` and then ``.backtrail/backtrail.db`` if absent.
            **settings: fields of `backtrail.settings.Settings`, such as ``mode="off"``
                or ``token="bt_..."`` for a server.

        Raises:
            ConfigurationError: for an unknown setting or a value that cannot work.
        """
        from .settings import load_settings

        loaded = load_settings(url, **settings)
        with self._lock:
            self._stop()
            self._start(loaded)
            # What was said about components was said to the store before.
            self._registry.repeat()

    def close(self) -> None:
        """Flush, and let go of files and connections. Recording begins anew if used again."""
        with self._lock:
            settings = self._settings
            self._stop()
            self._start(settings)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def _stop(self) -> None:
        """End recording: seal the journal and drain what can be drained in time."""
        if self._journal is not None:
            self._journal.close(self.settings.exit_timeout_s, self._its_way().close)
        elif self._way is not None:
            self._way.close()
        self.recorder = None

    # -- capture's owner -----------------------------------------------------------

    def wake(self) -> Recorder | None:
        """Give the recorder, made if need be; None when recording is off or cannot be set up."""
        if self.recorder is not None:
            return self.recorder
        if threading.current_thread() is not threading.main_thread() or _owns(self._lock):
            failed = self._set_up()
        else:
            # Handlers of signals run in the main thread only: so none meets half an
            # import or half a journal, and one that records just waits for this as well.
            failed = _in_a_thread(self._set_up)
        if isinstance(failed, ConfigurationError):
            # Met inside the user's code, where nothing of ours may raise.
            guard.report(failed, "setting up recording, which stays off")
        elif failed is not None:
            raise failed
        return self.recorder

    def _set_up(self) -> Exception | None:
        """Make the recorder; gives what went wrong."""
        try:
            with self._lock:
                if self.recorder is None and self._trouble is None and self.settings.mode != "off":
                    self.recorder = self._new_recorder()
        except ConfigurationError as error:
            self._trouble = error
            return error
        except Exception as error:  # noqa: BLE001 - raised by the caller, in its thread
            return error
        return None

    def _new_recorder(self) -> Recorder:
        journal = self._its_journal()
        files = FileVersions(self.settings.digest_limit_bytes)
        return Recorder(journal.spool, files, journal.start_background)

    def _its_journal(self) -> Journal:
        with self._lock:
            if self._journal is None:
                from .journal.journal import Journal

                settings = self.settings
                self._journal = Journal(
                    settings.spool_folders,
                    self._its_way().open,
                    _new_writer,
                    self._tend,
                    interval_s=settings.flush_interval_s,
                    sync=settings.durability == "sync",
                    how=settings.journal,
                )
            return self._journal

    def _tend(self) -> None:
        if self.recorder is not None:
            self.recorder.tend()

    def _prepare_fork(self) -> list[Callable[[], None]]:
        """Bring what is going on to an end, so that a child inherits no half of it.

        SQLite in a child that was forked in the middle of a transaction believes
        for ever that the database is locked; so it inherits no connection at all.

        Returns:
            What lets others go on after the fork, in the parent.
        """
        resume: list[Callable[[], None]] = []
        if self._lock.acquire(timeout=_FORK_WAIT_S):
            resume.append(self._lock.release)
        journal = self._journal
        if journal is not None and journal.pause(_FORK_WAIT_S):
            resume.append(journal.resume)
        if self._way is not None:
            self._way.close(_FORK_WAIT_S)
        return resume

    def restart_in_child(self) -> None:
        """Go on as a process of its own after a fork."""
        self._lock = threading.RLock()
        if self._way is not None:
            self._way.restart_in_child()
        if self._journal is not None:
            self._journal.restart_in_child()
            if self.recorder is not None:
                # A recorder of its own: the runs of the parent are the parent's.
                old = self.recorder
                old.active.clear()
                self.recorder = Recorder(
                    self._journal.spool, old.files, self._journal.start_background, old.objects
                )
        self._registry.restart_in_child()

    # -- the way to the store --------------------------------------------------------

    def open_store(self) -> Store:
        """Give the store as it is, with nothing taken in first."""
        return self._its_way().open()

    def _its_way(self) -> _Way:
        with self._lock:
            if self._way is None:
                self._way = _Way(self.settings)
            return self._way

    def flush(self, timeout: float = 10.0) -> int:
        """Block until all that was recorded so far is in the store.

        Args:
            timeout: how long to try, in seconds.

        Returns:
            How many records still wait in the journal; 0 when done.
        """
        journal = self._journal
        return 0 if journal is None else journal.flush(timeout)

    def take_in(self) -> None:
        """Take in what waits in the journals of this host, as each question does first."""
        self._ask()

    def _ask(self) -> Store:
        """Give the store after all that was acknowledged on this host is in it."""
        journal = self._its_journal()
        self._tend()
        journal.spool.settle()
        try:
            journal.drain(READ_WAIT_S)
        except StoreUnavailableError:
            # What is there already may be read though nothing can be added.
            if not self._has_database():
                raise
        return self.open_store()

    def _ask_about(self, question: str, told: dict[str, Any]) -> Store:
        store = self._ask()
        if not self.settings.is_http:
            return store
        from .query.questions import packed_arguments
        from .store.remote import foreseen

        return foreseen(store, question, packed_arguments(told))

    # -- components ------------------------------------------------------------------

    def create_or_retrieve_component(
        self,
        name: str,
        *,
        kind: str | None = None,
        description: str | None = None,
        owner: str | None = None,
        tags: Iterable[str] = (),
        max_age: Any = None,
        **fields: Any,
    ) -> Component:
        """Give the component of this name, made if it is new.

        The same name is the same component in every process. What is not given
        stays as it is stored.

        Args:
            name: 1 to 200 characters.
            kind: ``etl``, ``features``, ``training``, ``inference``, ``serving``, the kind
                of a `Component` subclass, or a word of one's own.
            description: what the component does, for people.
            owner: whom to ask.
            tags: words to find it by; added to those it has.
            max_age: how old what it makes may get: a timedelta, seconds, or ``"30d"``.
            **fields: of a kind of one's own, checked against its annotations.

        Raises:
            ComponentConflictError: the name is known with another kind.
            ConfigurationError: a name, a field or a value that cannot be kept.
        """
        return self._registry.get_or_create(
            name,
            kind=kind,
            description=description,
            owner=owner,
            tags=tags,
            max_age=max_age,
            **fields,
        )

    def _describe(self, name: str, changes: dict[str, object]) -> None:
        try:
            recorder = self.wake()
            if recorder is not None:
                recorder.describe_component(name, changes)
        except Exception as error:  # noqa: BLE001 - the guard
            guard.report(error, f"describing the component {name}")

    def _look_up(self, name: str) -> ComponentRecord | None:
        if not self.has_records():
            return None
        if self.settings.is_local:
            return self._find_component(name)
        if self._its_journal().outage.is_on:
            return None
        return _in_a_thread(lambda: self._find_component(name), _LOOK_UP_WAIT_S)

    def _find_component(self, name: str) -> ComponentRecord | None:
        try:
            from .query.assemble import component_record

            store = self.open_store()
            self._its_journal().drain(0.0)
            row = store.component_named(name)
            return None if row is None else component_record(store, row)
        except BacktrailError as error:
            self._its_journal().note(error)
            return None
        except Exception as error:  # noqa: BLE001 - the guard
            guard.report(error, f"looking up the component {name}")
            return None

    def has_records(self) -> bool:
        """Tell whether anything may have been recorded here; touches no database."""
        return self._has_database() or any(
            folder.is_dir() for folder in self.settings.spool_folders
        )

    def _has_database(self) -> bool:
        # Of a server's, only the server knows.
        return not self.settings.is_local or self.settings.database.exists()

    # -- recording -------------------------------------------------------------------

    @overload
    def register(self, component: F, /) -> F: ...

    @overload
    def register(
        self,
        component: Component | str | None = None,
        *,
        input_path: Any = None,
        output_path: Any = None,
        model_path: Any = None,
        git_hash: str | None = None,
        inputs: Iterable[str] = (),
        outputs: Iterable[str] = (),
        params: Any = "auto",
    ) -> Callable[[F], F]: ...

    def register(
        self,
        component: Any = None,
        *,
        input_path: Any = None,
        output_path: Any = None,
        model_path: Any = None,
        git_hash: str | None = None,
        inputs: Iterable[str] = (),
        outputs: Iterable[str] = (),
        params: Any = "auto",
    ) -> Any:
        """Make a function a component: each call of it is recorded as a run.

        Also bare, as ``@register``. The function keeps its signature, and returns
        and raises what it did before.

        Args:
            component: a `Component` or a name; the function's name if absent.
            input_path: what it reads: a path, a list of them, the name of a parameter
                (that argument; write ``./path`` for a file of that name), a template
                with ``{parameter}`` fields, or a function of the call's arguments.
            output_path: what it writes; templates may use ``{return}``.
            model_path: the model it reads.
            git_hash: of its code; found from its repository if absent.
            inputs: parameters whose values are inputs.
            outputs: parameters whose values it fills; ``"return"`` for what it returns.
            params: ``"auto"`` keeps scalar arguments and short strings, without
                secrets; a list of names; or ``"none"``.

        Raises:
            ConfigurationError: a declaration does not fit the function.
        """
        options = {
            "input_path": input_path,
            "output_path": output_path,
            "model_path": model_path,
            "git_hash": git_hash,
            "inputs": inputs,
            "outputs": outputs,
            "params": params,
        }
        return register_module.register(self, component, options)

    def run(
        self,
        component: Any,
        *,
        input_path: Any = None,
        output_path: Any = None,
        model_path: Any = None,
        git_hash: str | None = None,
        inputs: Any = (),
        outputs: Any = (),
        params: Any = "auto",
    ) -> RunBlock:
        """Record a block of code as a run.

        ``with run("clean", input_path="raw.csv") as r:``, and ``r.run_id`` is its id.
        Args as in `register`, but that a block has no arguments: ``inputs`` and
        ``outputs`` list what it reads and writes (names, paths, pointers, values in
        memory), and ``params`` may be a dict of values to keep.
        """
        options = {
            "input_path": input_path,
            "output_path": output_path,
            "model_path": model_path,
            "git_hash": git_hash,
            "inputs": inputs,
            "outputs": outputs,
            "params": params,
        }
        return register_module.run_block(self, component, options, sys._getframe(1))

    def log(
        self, output_id: Any = None, *, component: Component | str | None = None, value: Any = None
    ) -> str:
        """Give one result an id, and give that id back.

        It belongs to the innermost active run of ``component`` (of any, if not
        given). Outside such a run it makes a run of its own, so no output is lost.

        Args:
            output_id: the id that people will quote; made if absent.
            component: a `Component` or its name.
            value: the result itself, a JSON value; kept without secrets.
        """
        recorder = self.recorder or self.wake()
        if recorder is None:
            return _made_up() if output_id is None else str(output_id)
        try:
            name = None if component is None else component_name(component)
            return recorder.log(output_id, name, value)
        except Exception as error:  # noqa: BLE001 - the guard
            guard.report(error, "logging an output")
            return output_id if type(output_id) is str else _made_up()

    def log_many(
        self,
        output_ids: Iterable[Any],
        *,
        component: Component | str | None = None,
        values: Iterable[Any] | None = None,
    ) -> list[str]:
        """Give many results their ids at once, as batch inference does.

        Args:
            output_ids: an id for each; None makes one.
            component: as in `log`.
            values: a JSON value for each, in the same order.
        """
        try:
            ids = list(output_ids)
        except Exception as error:  # noqa: BLE001 - the guard
            guard.report(error, "logging outputs")
            return []
        recorder = self.wake()
        if recorder is None:
            return [_made_up() if each is None else str(each) for each in ids]
        try:
            return recorder.log_many(ids, component_name(component), values)
        except Exception as error:  # noqa: BLE001 - the guard
            guard.report(error, "logging outputs")
            return [each if type(each) is str else _made_up() for each in ids]

    def log_input(self, pointer: Any, *, version: str | None = None) -> None:
        """Say that the active run read ``pointer`` now.

        Args:
            pointer: a name, a path object for a local file, or a `Pointer`.
            version: what tells its content states apart; found for local files.
        """
        self._log_pointer("log_input", pointer, version)

    def log_output(self, pointer: Any, *, version: str | None = None) -> None:
        """Say that the active run wrote ``pointer`` now. Args as in `log_input`."""
        self._log_pointer("log_output", pointer, version)

    def _log_pointer(self, name: str, pointer: Any, version: str | None) -> None:
        recorder = self.wake()
        if recorder is None:
            return
        try:
            getattr(recorder, name)(pointer, version=version)
        except Exception as error:  # noqa: BLE001 - the guard
            guard.report(error, f"{name}({type(pointer).__name__})")

    def record_run(
        self,
        component: Component | str,
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
        """Record a run that happened elsewhere or earlier, and give its id.

        Args:
            component: a `Component` or its name.
            started_at: aware datetime.
            ended_at: aware datetime; None with status ``running``, or where it is not
                known of a run that was killed.
            inputs: pointers; read at the start unless they say otherwise.
            outputs: pointers; written at the end unless they say otherwise.
            status: ``completed``, ``failed``, ``killed`` or ``running``.
            run_id: its id there; the same id twice counts once.
            params: JSON values, kept without secrets.
            git_hash: of its code.
            pipeline_run_id: the pipeline run it belonged to.
            parent_run_id: the run that called it.
            error: what it ended with.
            host: the machine it ran on, if not this one.

        Raises:
            ConfigurationError: a time without zone, an end before the start, an
                unknown status.
        """
        recorder = self.wake()
        if recorder is None:
            return run_id or _made_up()
        name = component_name(component)
        if not name:
            raise ConfigurationError(f"{component!r} names no component")
        return recorder.record_run(
            name,
            started_at=started_at,
            ended_at=ended_at,
            inputs=inputs,
            outputs=outputs,
            status=status,
            run_id=None if run_id is None else str(run_id),
            params=params,
            git_hash=git_hash,
            pipeline_run_id=None if pipeline_run_id is None else str(pipeline_run_id),
            parent_run_id=parent_run_id,
            error=error,
            host=host,
        )

    def pipeline(self, name: str, *, run_id: str | None = None) -> PipelineRun:
        """Make what runs inside one pipeline run, in child processes too.

        A context manager and a decorator. ``with pipeline("nightly") as run_id:``
        """
        return PipelineRun(self, name, run_id)

    def carry(self, func: Callable[..., R]) -> Carried[R]:
        """Give a function that runs as part of the current run, in another thread or process.

        ``pool.submit(carry(work), item)``: in a thread, `log` and `log_input` in it belong
        to the run that was current when `carry` was called, and runs in it are called by
        that run. It pickles where ``func`` does; what is recorded in another process is
        a run of its own, called by that run, in the same pipeline run.
        """
        return carry(func)

    def source(self, pointer: Any) -> None:
        """Declare an artifact to come from outside, so that it is no gap.

        Raises:
            ConfigurationError: ``pointer`` is no string, path or `Pointer`.
        """
        recorder = self.wake()
        if recorder is not None:
            recorder.declare_source(pointer)


def connect(url: str | os.PathLike[str] | None = None, **settings: Any) -> Client:
    """Give a client of another store than the configured one.

    Args:
        url: as in `configure`.
        **settings: as in `configure`.

    Raises:
        ConfigurationError: for an address or a setting that cannot work.
    """
    from .settings import load_settings

    return Client(load_settings(url, **settings))


class _Way:
    """The way to the store of some settings, which is opened when it is first needed.

    A journal keeps its own: what it still has to bring goes where it was to go, whatever
    its client was told since. Whoever holds a client's lock may wait for this one's, never
    the other way round.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store: Store | None = None
        self._lock = threading.RLock()

    def open(self) -> Store:
        with self._lock:
            if self._store is None:
                self._store = _opened(self._settings)
            return self._store

    def close(self, wait_s: float = -1) -> None:
        """Close the store, unless others hold it for longer than ``wait_s`` seconds."""
        if self._lock.acquire(timeout=wait_s):
            try:
                if self._store is not None:
                    self._store.close()
            finally:
                self._lock.release()

    def restart_in_child(self) -> None:
        self._lock = threading.RLock()


#: The client that the package's functions are methods of.
default = Client()


def _opened(settings: Settings) -> Store:
    """Give the store of an address; it connects when it is first used."""
    if settings.is_local:
        from .store.sqlite import open_sqlite

        return open_sqlite(settings.database)
    if settings.is_http:
        try:
            from .store.remote import open_remote
        except ImportError as error:
            raise StoreUnavailableError(
                f"a server is spoken to through urllib3, which cannot be loaded here ({error})",
                hint="Install it: pip install 'backtrail[remote]'",
            ) from error
        return open_remote(settings.url, settings.token)
    try:
        from .store.postgres import open_postgres
    except ImportError as error:
        # The journal needs no driver: what is recorded waits for it.
        raise StoreUnavailableError(
            f"PostgreSQL is spoken to through psycopg, which cannot be loaded here ({error})",
            hint="Install it: pip install 'backtrail[postgres]'",
        ) from error
    return open_postgres(settings.url, settings.shown_url, auto_upgrade=settings.auto_upgrade)


def _new_writer() -> WriterFact:
    about: dict[str, Any] = describe_process()
    host, pid, started_us = (about.pop(key) for key in ("host", "pid", "started_us"))
    return WriterFact(os.urandom(16), host, pid, started_us, about)


def _owns(lock: Any) -> bool:
    """Tell whether this thread holds an RLock, as `threading.Condition` asks it."""
    return bool(lock._is_owned())


def _in_a_thread(work: Callable[[], R | None], wait_s: float | None = None) -> R | None:
    """Do ``work`` in a thread of its own, and give what it gives, None if that takes too long."""
    given: list[R | None] = []
    thread = threading.Thread(
        target=lambda: given.append(work()), name="backtrail-setup", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:  # no thread starts any more while the interpreter ends
        return work()
    thread.join(wait_s)
    return given[0] if given else None


def _made_up() -> str:
    return f"out-{os.urandom(8).hex()}"


def _close_all() -> None:
    for client in list(_clients):
        client.close()


# What the recording of a call imports when it first needs it.
_IMPORTED_LATE = (
    *("backtrail.settings", "backtrail.journal.journal", "backtrail.model.digest"),
    *("blake3", "hashlib", "pwd", "urllib.parse"),
)
_forking = threading.local()


def _prepare_all_for_fork() -> None:
    for name in _IMPORTED_LATE:
        # Another thread may be at it: a child would wait for that thread for ever.
        if name in sys.modules:
            importlib.import_module(name)
    _forking.resume = [resume for client in list(_clients) for resume in client._prepare_fork()]


def _resume_all_in_parent() -> None:
    resumed, _forking.resume = _forking.resume, []
    for resume in reversed(resumed):
        resume()


def _restart_all_in_child() -> None:
    _forking.resume = []
    for client in list(_clients):
        client.restart_in_child()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_prepare_all_for_fork,
        after_in_parent=_resume_all_in_parent,
        after_in_child=_restart_all_in_child,
    )
register_module.default_owner = lambda: default
component_module.default_registry = lambda: default._registry
