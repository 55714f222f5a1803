"""What all tests share: stores to record into, and a process that finds no settings outside."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from served import many_served
from servers import FAST, Server, debian_programs, running, wheel_programs

if TYPE_CHECKING:
    from backtrail import Client

pytest_plugins = ["tiers"]

FreshStore = Callable[[], AbstractContextManager[str]]
# A new backend is done when the contract tests pass on it.
BACKENDS = ("sqlite", "postgres", "postgres-15", "server")
_DATABASES = BACKENDS[:3]
# Which tests run on which, by the beginning of their path; all others on SQLite alone. What a
# store promises holds on all; on some, those that ask a store much.
_RUN_ON = {
    "contract": BACKENDS,
    "property": _DATABASES,
    "integration/test_diff_cases.py": ("sqlite", "postgres", "server"),
    "integration/test_explain.py": ("sqlite", "postgres", "server"),
    "integration/test_impact.py": ("sqlite", "postgres", "server"),
    "integration/test_server.py": ("sqlite", "postgres"),
    "integration/test_server_records.py": ("sqlite", "postgres"),
    "integration/test_server_tokens.py": ("sqlite", "postgres"),
    "integration/test_staleness.py": ("sqlite", "postgres", "server"),
    "unit/capture/test_register.py": ("sqlite", "postgres"),
}

settings.register_profile(
    "quick",
    max_examples=100,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For a long run by hand: BACKTRAIL_TEST_PROFILE=thorough pytest tests/property
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=5_000)
# For scripts/mutants: whether a test fails counts, and not what the shortest example is.
settings.register_profile(
    "mutants",
    settings.get_profile("quick"),
    phases=(Phase.explicit, Phase.generate),
    report_multiple_bugs=False,
)
settings.load_profile(os.environ.get("BACKTRAIL_TEST_PROFILE", "quick"))


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the caller's stores and journals out of the tests, and the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("BACKTRAIL_")]:
            patch.delenv(name)
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Say on which backends a test runs."""
    if "fresh_store" in metafunc.fixturenames:
        where = metafunc.definition.path.relative_to(Path(__file__).parent).as_posix()
        found = [on for begin, on in _RUN_ON.items() if where.startswith(begin)]
        backends = found[0] if found else ("sqlite",)
        metafunc.parametrize("fresh_store", backends, indirect=True, scope="session")


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest) -> Iterator[Callable[[str], FreshStore]]:
    """Give what makes empty stores of a backend, each for a ``with`` block, as its address."""
    known: dict[str, FreshStore] = {}
    with ExitStack() as opened:

        def of(backend: str) -> FreshStore:
            if backend not in known:
                if backend == "sqlite":
                    known[backend] = opened.enter_context(_sqlite_files())
                elif backend == "server":
                    known[backend] = opened.enter_context(many_served(of("sqlite")))
                else:
                    name = "debian_server" if backend == "postgres-15" else "wheel_server"
                    known[backend] = _databases(request.getfixturevalue(name))
            return known[backend]

        yield of


@pytest.fixture(scope="session")
def fresh_store(request: pytest.FixtureRequest, stores: Callable[[str], FreshStore]) -> FreshStore:
    """Give a function that makes an empty store for a ``with`` block, as its address."""
    return stores(request.param)


@contextmanager
def _sqlite_files() -> Iterator[FreshStore]:
    numbers = itertools.count()
    # In memory where that is possible: a generated history each gets a store of its own.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="backtrail-stores-", dir=memory) as folder:

        @contextmanager
        def make() -> Iterator[str]:
            own = Path(folder, str(next(numbers)))
            own.mkdir()
            try:
                yield f"sqlite:///{own}/bt.db"
            finally:
                shutil.rmtree(own)

        yield make


def _databases(server: Server) -> FreshStore:
    from backtrail.store.postgres import open_postgres

    # Set up once and copied: that is quicker than to set each up.
    template = server.create()
    store = open_postgres(server.url(template), server.url(template))
    store.upgrade()
    store.close()

    @contextmanager
    def make() -> Iterator[str]:
        name = server.create(template)
        try:
            yield server.url(name)
        finally:
            server.drop(name)

    return make


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
    with running(wheel_programs(), **FAST) as server:
        yield server


@pytest.fixture(scope="session")
def debian_server(debian: Path) -> Iterator[Server]:
    """A PostgreSQL server of Debian's."""
    with running(debian, **FAST) as server:
        yield server


@pytest.fixture
def store_url(fresh_store: FreshStore) -> Iterator[str]:
    """The address of an empty store, one test for each backend."""
    with fresh_store() as url:
        yield url


@pytest.fixture
def client(store_url: str) -> Iterator[Client]:
    """A client of an empty store."""
    from backtrail import connect

    client = connect(store_url)
    yield client
    client.close()


@pytest.fixture
def another_client(store_url: str) -> Iterator[Callable[[], Client]]:
    """Give a function that opens one more client of the store."""
    from backtrail import connect

    opened: list[Client] = []

    def make() -> Client:
        opened.append(connect(store_url))
        return opened[-1]

    yield make
    for client in opened:
        client.close()
