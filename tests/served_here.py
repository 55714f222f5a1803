"""A store served over real HTTP from a thread: a process, as of `served`, takes a second to start.

For tests of what is answered. How the command starts, logs and ends needs a process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from program import bt_on
from served import Served, running

import backtrail
from backtrail.server.app import make_app

_NAMES = ("localhost", "127.0.0.1", "::1")


@contextmanager
def serving_here(url: str, folder: Path, *, is_local: bool = False) -> Iterator[Served]:
    """Serve the store of a URL, with a client and `bt` beside it; there is no process to kill.

    Args:
        url: of the store.
        folder: where the server runs, and `bt`.
        is_local: serve as `bt ui` does, and not as `bt server`.
    """
    with ExitStack() as opened:
        opened.enter_context(pytest.MonkeyPatch.context()).chdir(folder)
        # The server's own client, as its process would have.
        inner = opened.enter_context(closing(backtrail.connect(url, spool=str(folder / "inner"))))
        app = make_app(inner, hosts=_NAMES, version="test", auth=not is_local, is_local=is_local)
        at = opened.enter_context(running(app))
        client = backtrail.connect(url, spool=str(folder / "spool"))
        opened.enter_context(closing(client))
        yield Served(at, None, client, bt_on(url, folder))  # type: ignore[arg-type]
