"""`bt` called inside the tests' process says what it says as a process, and leaves nothing."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from program import Bt, bt_on, bt_process_on, plain_environment

import backtrail
from backtrail import client as client_module

NOON = datetime(2026, 7, 25, 12, tzinfo=timezone.utc)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a store in which pred-1 was made from a file that a failed run wrote."""
    with backtrail.connect(f"sqlite:///{tmp_path}/bt.db") as client:
        for hour, (component, reads, writes, status) in enumerate(
            [("clean", [], ["clean.csv"], "failed"), ("serve", ["clean.csv"], ["pred-1"], None)]
        ):
            client.record_run(
                component,
                run_id=f"{component}-run",
                started_at=NOON + timedelta(hours=hour),
                ended_at=NOON + timedelta(hours=hour),
                inputs=reads,
                outputs=writes,
                status=status or "completed",
            )
    (tmp_path / "no.db").write_text("this is not a database, but a text of some length\n" * 50)
    return tmp_path


def spoil_a_segment(folder: Path) -> None:
    (folder / "bt.db.spool").mkdir(exist_ok=True)
    (folder / "bt.db.spool" / f"{'0' * 32}-1.spool").write_bytes(b"nothing that we wrote" * 200)


COMMANDS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "answer": (("pred-1", "--check"), {"env": {"FORCE_COLOR": "1", "COLUMNS": "70"}}),
    "json": (("./clean.csv", "--json"), {}),
    "file": (("export", "pred-1", "-o", "made.svg"), {}),
    "help": (("trace", "--help"), {}),
    "unknown name": (("pred-2", "--json"), {}),
    "no text": (("\udcff\x1b",), {}),
    "wrong use": (("trace",), {}),
    "store that is none": (("recent", "--db", "no.db"), {}),
    "completion": (
        (),
        {"env": {"_BT_COMPLETE": "zsh_complete", "COMP_WORDS": "bt pred", "COMP_CWORD": "1"}},
    ),
    "standard input": (
        ("shell", "pred-1"),
        {"typed": "up\nset time local\nbt\nü\n", "env": {"TZ": "Asia/Kolkata"}},
    ),
    "log": (("recent",), {}),
}


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("name", COMMANDS)
def test_it_says_what_a_process_says_and_ends_as_it_does(folder: Path, name: str) -> None:
    args, how = COMMANDS[name]
    state = {"XDG_STATE_HOME": str(folder / "state"), "XDG_CONFIG_HOME": str(folder / "config")}
    how = {**how, "env": {**state, **how.get("env", {})}}
    if name == "log":
        spoil_a_segment(folder)
    untouched = shutil.copytree(folder, folder.with_name("untouched"))

    done = ended(bt_process_on, folder, args, how)
    left = files_in(folder)
    shutil.rmtree(folder)
    untouched.rename(folder)
    here = ended(bt_on, folder, args, how)

    assert here == done
    assert files_in(folder) == left
    assert ("it is kept as" in here[1]) is (name == "log")


def ended(
    run_on: Callable[[str, Path], Bt], folder: Path, args: tuple[str, ...], how: dict[str, Any]
) -> tuple[str, str, int]:
    done = run_on(f"sqlite:///{folder}/bt.db", folder)(*args, **how)
    return done.stdout, done.stderr, done.returncode


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


FAULTY = "from backtrail import client\nclient.connect = lambda url: {}\n"
RAISE = "(_ for _ in ()).throw({})"


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("error", ["KeyError('oops')", "SystemExit('so it is')"])
def test_a_fault_ends_it_as_it_ends_a_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    (folder / "sitecustomize.py").write_text(FAULTY.format(RAISE.format(error)))
    path = f"{folder}{os.pathsep}{plain_environment()['PYTHONPATH']}"
    done = ended(bt_process_on, folder, ("recent",), {"env": {"PYTHONPATH": path}})
    monkeypatch.setattr(client_module, "connect", lambda url: eval(RAISE.format(error)))

    here = ended(bt_on, folder, ("recent",), {})

    assert here == done
    assert here[2] in (70, 1)


def state_of_this_process() -> dict[str, Any]:
    streams = {name: getattr(sys, name) for name in ("stdin", "stdout", "stderr", "__stdout__")}
    return {
        **streams,
        "argv": sys.argv,
        "environ": dict(os.environ),
        "folder": os.getcwd(),
        "handlers": [signal.getsignal(number) for number in signal.valid_signals()],
        "logs": [(log.handlers, log.level) for log in map(logging.getLogger, ("", "backtrail"))],
        "warnings": (list(warnings.filters), warnings.showwarning),
        "collection": gc.get_threshold(),
        "clients": [client for client in client_module._clients if client._way is not None],
        "threads": threading.enumerate(),
        "files": sorted(map(os.path.realpath, Path("/proc/self/fd").iterdir())),
    }


@pytest.mark.parametrize("args", [("pred-1",), ("recent", "--db", "no.db"), ("nothing", "known")])
def test_nothing_of_it_stays_in_this_process(folder: Path, args: tuple[str, ...]) -> None:
    before = state_of_this_process()

    bt_on(f"sqlite:///{folder}/bt.db", folder)(*args, env={"TZ": "Asia/Kolkata"})

    assert state_of_this_process() == before


def test_a_run_around_the_call_is_no_part_of_it(folder: Path) -> None:
    with backtrail.connect(f"sqlite:///{folder}/bt.db") as client:
        with client.run("around"):
            done = bt_on(f"sqlite:///{folder}/bt.db", folder)("clean.csv")
        frames = client.backtrace("clean.csv").frames

    assert done.returncode == 0
    assert [frame.run.component for frame in frames] == ["clean"]


@pytest.mark.parametrize("name", ["PYTHONUTF8", "LC_ALL", "LANG"])
def test_what_only_the_start_of_a_process_reads_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssertionError, match="bt_process_on"):
        bt_on("sqlite:///none.db", tmp_path)("recent", env={name: "C"})


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("program", ["bt", "backtrail"])
def test_the_program_that_is_installed_is_the_same(folder: Path, program: str) -> None:
    installed = Path(sys.executable).with_name(program)
    url = f"sqlite:///{folder}/bt.db"

    done = subprocess.run(
        [installed, "pred-1"],
        env={**plain_environment(), "BACKTRAIL_URL": url},
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert (done.stdout, done.stderr, done.returncode) == ended(bt_on, folder, ("pred-1",), {})
