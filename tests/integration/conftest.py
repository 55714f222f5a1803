"""What several of these tests need: pipelines in processes of their own, a server to break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Server, debian_programs, has_debian_programs, running, wheel_programs
from stepwise import Pipeline, Start

# A server that is killed must find again what it had confirmed: nothing is left unsynced.
_DURABLE = {"max_connections": "150"}
# Who waits for a lock for longer than a second is written down.
_TELLS = {"log_lock_waits": "on", "deadlock_timeout": "1s", "log_line_prefix": "%a: "}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Break the PostgreSQL that stands for both by day, and at night both."""
    if "own_server" in metafunc.fixturenames:
        both = ("debian", "wheel") if has_debian_programs() else ("wheel",)
        is_nightly = metafunc.config.getoption("--tier") == "nightly"
        which = both if is_nightly else both[:1]
        metafunc.parametrize("own_server", which, indirect=True, scope="session")


@pytest.fixture(scope="session")
def own_server(request: pytest.FixtureRequest, processes: None) -> Iterator[Server]:
    """A PostgreSQL server that tests may stop, kill and freeze; each leaves it running."""
    programs = debian_programs() if request.param == "debian" else wheel_programs()
    with running(programs, **_DURABLE, **_TELLS) as server:
        yield server


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
