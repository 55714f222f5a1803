"""What all tests share: stores to record into, and a process that finds no settings outside."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from backtrail import Client

# A new backend is done when the contract tests pass on it.
BACKENDS = ("sqlite",)

settings.register_profile(
    "quick",
    max_examples=100,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# For a long run by hand: BACKTRAIL_TEST_PROFILE=thorough pytest tests/property
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=5_000)
settings.load_profile(os.environ.get("BACKTRAIL_TEST_PROFILE", "quick"))


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the caller's stores and journals out of the tests, and the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("BACKTRAIL_")]:
            patch.delenv(name)
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", params=BACKENDS)
def fresh_store(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[], AbstractContextManager[str]]]:
    """Give a function that makes an empty store for a ``with`` block, as its address."""
    assert request.param == "sqlite"
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


@pytest.fixture
def store_url(fresh_store: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
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
