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
from servers import Server, has_debian_programs

if TYPE_CHECKING:
    from backtrail import Client

pytest_plugins = ["tiers", "shared_servers"]

FreshStore = Callable[[], AbstractContextManager[str]]
# A new backend is done when the contract tests pass on it. By day one PostgreSQL stands for
# both: Debian's, which is the older, or the wheel's where there is no other.
BACKENDS = ("sqlite", "postgres", "postgres-15", "server")
# Which tests run on which, by the beginning of their path; all others on SQLite alone. What a
# store promises holds on all; on some, those that ask a store much.
_RUN_ON = {
    "contract": BACKENDS,
    "property/test_journal_agrees.py": ("sqlite",),
    "property/test_stores_agree.py": BACKENDS[1:],
    "property": BACKENDS[:3],
    "integration/test_cli_prune.py": BACKENDS[:3],
    "integration/test_diff_cases.py": ("sqlite", "postgres", "server"),
    "integration/test_explain.py": ("sqlite", "postgres", "server"),
    "integration/test_impact.py": ("sqlite", "postgres", "server"),
    "integration/test_server.py": ("sqlite", "postgres"),
    "integration/test_server_records.py": ("sqlite", "postgres"),
    "integration/test_server_tokens.py": ("sqlite", "postgres"),
    "integration/test_staleness.py": ("sqlite", "postgres", "server"),
    "unit/capture/test_register.py": ("sqlite", "postgres"),
}
# Of a property, by tier: rules are proved on SQLite, whose file in memory costs a tenth of a
# database on a server. `--fast` is for the time while one works.
_EXAMPLES = {"fast": (15, 0), "day": (120, 15), "rehearse": (25, 5), "nightly": (5_000, 250)}


def pytest_configure(config: pytest.Config) -> None:
    """Say how many examples a property is tried on that needs no store, in which `rule` does."""
    settings.register_profile(
        "tests",
        max_examples={"fast": 25, "nightly": 5_000}.get(config.getoption("--tier"), 100),
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    # For scripts/mutants: whether a test fails counts, and not what the shortest example is.
    settings.register_profile(
        "mutants",
        settings.get_profile("tests"),
        phases=(Phase.explicit, Phase.generate),
        report_multiple_bugs=False,
    )
    settings.load_profile(os.environ.get("BACKTRAIL_TEST_PROFILE") or "tests")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the caller's stores and journals out of the tests, and the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("BACKTRAIL_")]:
            patch.delenv(name)
        # readline, which some module loads, tells what processes start the size of a terminal
        # that is none; so each worker has it from the process that started it.
        for name in ("COLUMNS", "LINES"):
            patch.delenv(name, raising=False)
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Say on which backends a test runs."""
    if "postgres" in metafunc.fixturenames:
        both = ("postgres", "postgres-15")
        servers = both if _is_nightly(metafunc.config) else (_by_day("postgres"),)
        metafunc.parametrize("postgres", servers, indirect=True, scope="session")
    if "fresh_store" in metafunc.fixturenames:
        where = metafunc.definition.path.relative_to(Path(__file__).parent).as_posix()
        found = [on for begin, on in _RUN_ON.items() if where.startswith(begin)]
        backends = found[0] if found else ("sqlite",)
        if not _is_nightly(metafunc.config):
            backends = tuple(dict.fromkeys(_by_day(each) for each in backends))
        metafunc.parametrize("fresh_store", backends, indirect=True, scope="session")


def _is_nightly(config: pytest.Config) -> bool:
    return bool(config.getoption("--tier") == "nightly")


def _by_day(backend: str) -> str:
    if not backend.startswith("postgres"):
        return backend
    return "postgres-15" if has_debian_programs() else "postgres"


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> int:
    """How many examples of a property are tried on the store of this test."""
    on_sqlite, on_a_server = _EXAMPLES[request.config.getoption("--tier")]
    is_sqlite = request.node.callspec.params["fresh_store"] == "sqlite"
    return on_sqlite if is_sqlite else on_a_server


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
                    known[backend] = _databases(_server(request, backend))
            return known[backend]

        yield of


@pytest.fixture(scope="session")
def fresh_store(request: pytest.FixtureRequest, stores: Callable[[str], FreshStore]) -> FreshStore:
    """Give a function that makes an empty store for a ``with`` block, as its address."""
    return stores(request.param)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Server:
    """A PostgreSQL server: one by day, each of both at night."""
    return _server(request, request.param)


def _server(request: pytest.FixtureRequest, backend: str) -> Server:
    name = "debian_server" if backend == "postgres-15" else "wheel_server"
    server: Server = request.getfixturevalue(name)
    return server


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

    # Set up once and copied, which is quicker than to set each up; and emptied to be used
    # again, which takes a tenth of the time of a copy.
    template = server.create()
    store = open_postgres(server.url(template), server.url(template))
    store.upgrade()
    store.close()
    idle: list[str] = []

    @contextmanager
    def make() -> Iterator[str]:
        name = idle.pop() if idle else server.create(template)
        yield server.url(name)
        server.empty(name)
        idle.append(name)

    return make


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
