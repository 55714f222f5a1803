"""What several of these tests need: pipelines in processes of their own, and servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Server, running, wheel_programs
from stepwise import Pipeline, Start
from tiers import is_nightly

# A server that is killed must find again what it had confirmed: nothing is left unsynced.
_DURABLE = {"max_connections": "150"}
# Who waits for a lock for longer than a second is written down.
_TELLS = {"log_lock_waits": "on", "deadlock_timeout": "1s", "log_line_prefix": "%a: "}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a PostgreSQL server on the oldest supported, and at night on all."""
    for name in ("own_server", "shared_server"):
        if name in metafunc.fixturenames:
            versions = ("debian", "wheel") if is_nightly(metafunc.config) else ("debian",)
            metafunc.parametrize(name, versions, indirect=True, scope="session")


@pytest.fixture(scope="session")
def own_server(request: pytest.FixtureRequest, processes: None) -> Iterator[Server]:
    """A PostgreSQL server that tests may stop, kill and freeze; each leaves it running."""
    is_debian = request.param == "debian"
    programs = request.getfixturevalue("debian") if is_debian else wheel_programs()
    with running(programs, **_DURABLE, **_TELLS) as server:
        yield server


@pytest.fixture(scope="session")
def shared_server(request: pytest.FixtureRequest, processes: None) -> Server:
    """The PostgreSQL server that all tests share which leave it as it is."""
    server: Server = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture
def start(processes: None) -> Iterator[Start]:
    """Return `Pipeline`; what still runs at the end is killed."""
    started: list[Pipeline] = []

    def begin(body: str, folder: Path, **environ: str) -> Pipeline:
        started.append(Pipeline(body, folder, **environ))
        return started[-1]

    yield begin
    for pipeline in started:
        if pipeline.process.poll() is None:
            pipeline.process.kill()
            pipeline.process.communicate()
