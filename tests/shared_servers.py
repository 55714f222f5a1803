"""One PostgreSQL server of each kind for all workers of a run: the first that needs it starts it.

A server takes two seconds of CPU to set up and 150 MB, and the workers share two cores. Each
worker has databases of its own, whose names carry its name. Tests that stop a server, or
fill its disk, have servers of their own.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from servers import FAST, Server, debian_programs, wheel_programs

# Where the workers find what they share; set by the process that starts them.
_FOLDER = "TESTS_SHARED_FOLDER"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="backtrail-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or _FOLDER not in os.environ:
        return
    folder = Path(os.environ.pop(_FOLDER))
    for note in folder.glob("*.json"):
        Server.there(**json.loads(note.read_text())).remove()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _shared(name: str, programs: Path) -> Server:
    folder = Path(os.environ[_FOLDER])
    note = folder / f"{name}.json"
    with _alone(folder / f"{name}.lock"):
        if not note.exists():
            server = Server(programs, **FAST)
            server.start()
            server.leave()
            about = {
                "programs": str(server.programs),
                "folder": str(server.folder),
                "port": server.port,
                "pid": server.pid,
            }
            note.write_text(json.dumps(about))
    return Server.there(**json.loads(note.read_text()))


@pytest.fixture(scope="session")
def debian() -> Path:
    """The programs of Debian's PostgreSQL; without them a test is skipped, but not in CI."""
    try:
        return debian_programs()
    except LookupError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def wheel_server() -> Iterator[Server]:
    """A PostgreSQL server from the wheel."""
    with closing(_shared("wheel", wheel_programs())) as server:
        yield server


@pytest.fixture(scope="session")
def debian_server(debian: Path) -> Iterator[Server]:
    """A PostgreSQL server of Debian's."""
    with closing(_shared("debian", debian)) as server:
        yield server
