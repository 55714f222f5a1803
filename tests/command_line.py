"""Runs `bt` in this process as if it had one of its own: what it prints, and its exit code.

A process for each call costs several starts of an interpreter. What only a process shows (a
terminal, signals, the encoding of real streams, what is imported) needs `program.bt_process_on`.
"""

from __future__ import annotations

import gc
import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import Context
from pathlib import Path
from typing import Any

import backtrail
from backtrail import Client
from backtrail import client as client_module
from backtrail.cli import main

# Read when an interpreter starts, and by the C library: setting them here would do nothing.
_READ_AT_START = ("PYTHON", "LC_", "LANG")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
_LOGGERS = ("backtrail", "backtrail.server")
_PROGRAM = str(Path(backtrail.__file__).with_name("__main__.py"))


def run_here(
    arguments: list[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    typed: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run `bt` with these arguments, and return what a process would have left.

    Nothing of it stays in this process: the environment, the folder, the streams, the handlers of
    signals and of logs are those from before, and the clients that it left open are closed.
    """
    assert threading.current_thread() is threading.main_thread(), "the environment is everybody's"
    arguments = [os.fsdecode(argument) for argument in arguments]
    with ExitStack() as around:
        around.enter_context(_environment(environment))
        around.enter_context(_working_folder(folder))
        printed, said = around.enter_context(_streams(typed))
        around.enter_context(_arguments(arguments))
        around.enter_context(_signal_handlers())
        around.enter_context(_logs_of_a_program())
        around.enter_context(_warnings_of_a_program())
        around.enter_context(_garbage_collection())
        with _clients_closed():
            # Recording in the test around this call is no part of it.
            code = Context().run(_ended, lambda: main(arguments))
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        texts = [_text(printed), _text(said)]
    return subprocess.CompletedProcess(["bt", *arguments], code, *texts)


def refuse_variables_of_the_interpreter(variables: Mapping[str, str]) -> None:
    """Raise if one of these is read only when an interpreter starts."""
    found = [name for name in variables if name.startswith(_READ_AT_START)]
    assert not found, f"{found[0]} counts when a process starts: use bt_process_on"


def _ended(program: Callable[[], int]) -> int:
    """Return the exit code that the interpreter would end with."""
    try:
        sys.exit(program())
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return (ended.code or 0) & 0xFF
        print(ended.code, file=sys.stderr)
        return 1
    except Exception as error:  # noqa: BLE001 - printed, as an interpreter does at its end
        traceback.print_exception(error)
        return 1


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    _set_environment(wanted)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(wanted: Mapping[str, str]) -> None:
    moved = os.environ.get("TZ") != wanted.get("TZ")
    os.environ.clear()
    os.environ.update(wanted)
    if moved:
        time.tzset()


@contextmanager
def _working_folder(folder: Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _streams(typed: str) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    """Put streams of this call into `sys`, and yield what is behind the two that are written to."""
    printed, said = io.BytesIO(), io.BytesIO()
    # With what Python gives these streams where they are no terminal and the locale is C.UTF-8.
    new = {
        "stdin": _stream(io.BytesIO(typed.encode()), "surrogateescape"),
        "stdout": _stream(printed, "surrogateescape"),
        "stderr": _stream(said, "backslashreplace", line_buffering=True),
    }
    names = [f"{dunder}{name}{dunder}" for name in new for dunder in ("", "__")]
    before = {name: getattr(sys, name) for name in names}
    for name in names:
        setattr(sys, name, new[name.strip("_")])
    try:
        yield printed, said
    finally:
        for name, stream in before.items():
            setattr(sys, name, stream)
        for stream in new.values():
            # Else the stream closes the bytes behind it as soon as it is collected.
            stream.detach()


def _stream(behind: io.BytesIO, errors: str, **how: bool) -> io.TextIOWrapper:
    return io.TextIOWrapper(behind, "utf-8", errors, newline="\n", **how)


def _text(printed: io.BytesIO) -> str:
    """Return what `subprocess` makes of these bytes where it is asked for text."""
    return printed.getvalue().decode().replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def _arguments(arguments: list[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = [_PROGRAM, *arguments]
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def _signal_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


@contextmanager
def _logs_of_a_program() -> Iterator[None]:
    """Send log records where they go in a program that sets nothing up: warnings to stderr."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(log, log.handlers, log.level, log.propagate) for log in (logging.root, *loggers)]
    for log in loggers:
        log.handlers, log.propagate = [], True
        log.setLevel(logging.NOTSET)
    # Without pytest's handlers here, the one of last resort is at work.
    logging.root.handlers = []
    logging.root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for log, handlers, level, propagate in before:
            log.handlers, log.propagate = handlers, propagate
            log.setLevel(level)


@contextmanager
def _warnings_of_a_program() -> Iterator[None]:
    """Print warnings on stderr, those that Python prints without options."""

    def show(message: Warning | str, category: type[Warning], *where: object) -> None:
        sys.stderr.write(warnings.formatwarning(message, category, *where[:2]))  # type: ignore[arg-type]

    with warnings.catch_warnings():
        warnings.resetwarnings()
        for ignored in (
            DeprecationWarning,
            PendingDeprecationWarning,
            ImportWarning,
            ResourceWarning,
        ):
            warnings.simplefilter("ignore", ignored)
        warnings.showwarning = show  # type: ignore[assignment]
        yield


@contextmanager
def _garbage_collection() -> Iterator[None]:
    before = gc.get_threshold()
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _clients_closed() -> Iterator[None]:
    """Close the clients that the program opens, as the end of a process does."""
    connect = client_module.connect
    opened: list[Client] = []

    def remember(*args: Any, **settings: Any) -> Client:
        opened.append(connect(*args, **settings))
        return opened[-1]

    # Another thread of the test may open one meanwhile, which is not to be closed: so it is not
    # told by what was added to all clients.
    client_module.connect = remember
    try:
        yield
    finally:
        client_module.connect = connect
        for client in opened:
            client.close()
