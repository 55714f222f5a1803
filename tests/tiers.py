"""In which tier a test is, and beside which others it runs: both follow from its fixtures.

fast     neither a process, a browser nor a server: everything else
system   uses one of SYSTEM
nightly  uses the fixture `nightly`; a test that uses `sized` runs by day as well, but smaller

`scripts/test` runs fast and system, `--fast` the fast tier alone, `--nightly` all, in full size.
`--rehearse` runs the heaviest, which use `sized` themselves or run at night only, in the size of
the day: CI does that once more, for races that one run may miss, and so that they do not rot.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

import pytest

T = TypeVar("T")
Sized = Callable[[T, T], T]

_RUN = {
    "fast": {"fast"},
    "day": {"fast", "system"},
    "rehearse": {"nightly"},  # and what uses `sized` itself
    "nightly": {"fast", "system", "nightly"},
}
SYSTEM = frozenset(
    "processes start browser served debian debian_server wheel_server postgres".split()
)
# Tests that share one of these run in one worker, one after the other, for the reason given.
_TOGETHER = {
    "browser": "browser",  # a Chromium takes a core and 500 MB: one is enough
    "own_server": "outages",  # they stop and start servers, and wait for time to pass
    "wheel_server": "roles",  # what they make, such as roles, is of the whole server
    "debian_server": "roles",
}
# Values of parameters that stand for a server.
_SERVERS = frozenset("postgres postgres-15 wheel_server debian_server".split())
# Programs that backtrail itself runs while it records; a test that only records starts nothing.
_OUR_OWN = frozenset({"git"})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--tier",
        choices=_RUN,
        default="day",
        help="fast: no process, browser or server; day: also these; nightly: all, in full size;"
        " rehearse: the heaviest in the size of the day",
    )


def tier_of(fixtures: Collection[str]) -> str:
    """Return the tier of a test that uses these fixtures, directly or through others."""
    if "nightly" in fixtures:
        return "nightly"
    return "fast" if SYSTEM.isdisjoint(fixtures) else "system"


@pytest.fixture(scope="session")
def processes() -> None:
    """Asked for by a test that starts a process of its own."""


@pytest.fixture(scope="session")
def nightly() -> None:
    """Asked for by a test that takes too long for the day."""


@pytest.fixture(scope="session")
def sized(pytestconfig: pytest.Config) -> Sized[object]:
    """A function of two sizes, of the day and of the night, that returns the one that counts."""
    is_nightly = pytestconfig.getoption("--tier") == "nightly"
    return lambda day, night: night if is_nightly else day


# Before xdist looks for the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    tier = config.getoption("--tier")
    left_out = {
        item
        for item in items
        if _tier(item) not in _RUN[tier] and not (tier == "rehearse" and _is_sized(item))
    }
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        group = _group(item)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))


def _group(item: pytest.Item) -> str | None:
    """Return the name that those who run in one worker share."""
    fixtures = getattr(item, "fixturenames", ())
    for fixture, group in _TOGETHER.items():
        if fixture in fixtures:
            return group
    # What a module sets up once would be set up once in each worker.
    definitions = getattr(item, "_fixtureinfo", None) and item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
    if definitions and any(each[-1].scope == "module" for each in definitions.values()):
        return item.path.name
    return None


def _is_sized(item: pytest.Item) -> bool:
    """Whether the test itself, and not what it shares with others, has two sizes."""
    return (
        isinstance(item, pytest.Function) and "sized" in inspect.signature(item.function).parameters
    )


def _tier(item: pytest.Item) -> str:
    fixtures = set(getattr(item, "fixturenames", ()))
    # One test runs on several stores; only a file needs no server. A fixture asks for those it
    # has as parameters only while it is set up, by their names.
    params = getattr(item, "callspec", None) and item.callspec.params  # type: ignore[attr-defined]
    if params and (
        params.get("fresh_store", "sqlite") != "sqlite"
        or any(isinstance(each, str) and each in _SERVERS for each in params.values())
    ):
        fixtures.add("processes")
    return tier_of(fixtures)


# -- that nobody forgets the fixture ------------------------------------------------------

_fast_now: list[str] = []
_seen: list[str] = []
_STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "socket.bind"})


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if not _fast_now or event not in _STARTS:
        return
    if event == "subprocess.Popen" and os.path.basename(os.fsdecode(arguments[0])) in _OUR_OWN:  # type: ignore[arg-type]
        return
    _seen.append(f"{event} {arguments[:2]!r}"[:200])


def pytest_configure(config: pytest.Config) -> None:
    if not config.option.collectonly:
        sys.addaudithook(_watch)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test of the fast tier that starts a process or a server after all."""
    if _tier(item) == "fast":
        _fast_now.append(item.nodeid)
    try:
        yield
    finally:
        _fast_now.clear()
    started, _seen[:] = list(_seen), []
    if started:
        pytest.fail(f"starts something, so it must use the fixture `processes`: {started[0]}")
