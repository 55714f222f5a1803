"""`bt server` for tests: a process that serves a store, asked over real HTTP."""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import uvicorn
from program import Bt, bt_on, plain_environment
from starlette.types import ASGIApp

import backtrail
from backtrail import Client
from backtrail.server.app import make_app

JSON = {"Content-Type": "application/json"}
SERVER = ("server", "--port", "0")


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def content(self) -> Any:
        return json.loads(self.body)


class Served(NamedTuple):
    """A server that runs, and a client and `bt` on the same store."""

    url: str
    process: subprocess.Popen[str]
    client: Client
    bt: Bt

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        return ask_at(self.url, path, method, body, headers)

    def post(self, path: str, content: Any, **headers: str) -> Answer:
        return self.ask(path, "POST", json.dumps(content), {**JSON, **headers})


def ask_at(
    url: str,
    path: str,
    method: str = "GET",
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Ask the server at a URL."""
    port = urlsplit(url).port
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode())


@contextmanager
def serving(url: str, folder: Path, *verb: str) -> Iterator[Served]:
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "backtrail", *(verb or SERVER), "--json", "--db", url],
            env=plain_environment(),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
        )
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            told = json.loads("".join(_until_closed(lines)))
            with closing(backtrail.connect(url, spool=str(folder / "spool"))) as client:
                yield Served(told["url"], process, client, bt_on(url, folder))
        finally:
            process.kill()
            process.communicate()


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """Serve from a thread of this process, and give where."""
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def many_served(
    fresh: Callable[[], AbstractContextManager[str]],
) -> Iterator[Callable[[], AbstractContextManager[str]]]:
    """Give what makes empty stores behind one server, each under a path of its own.

    A process for each would take a second to start, and a generated history gets its own.
    """
    apps: dict[str, Any] = {}

    async def by_path(scope: Any, receive: Any, send: Any) -> None:
        own, _, rest = scope["path"].removeprefix("/").partition("/")
        inner = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}
        await apps[own](inner, receive, send)

    numbers = map(str, itertools.count())
    with running(by_path) as at:

        @contextmanager
        def make() -> Iterator[str]:
            own = next(numbers)
            with fresh() as url, closing(backtrail.connect(url)) as client:
                apps[own] = make_app(client, hosts=None, version="test")
                yield f"{at}/{own}"
                del apps[own]

        yield make


def _until_closed(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if line.rstrip().endswith("}"):
            return


def record(client: Client, folder: Path) -> None:
    """Serve from a file that was cleaned from one that nobody made."""

    @client.register("clean", input_path=folder / "raw.csv", output_path=folder / "clean.csv")
    def clean() -> None:
        (folder / "clean.csv").write_text("a,b\n1,2\n")

    @client.register("serve", input_path=folder / "clean.csv")
    def serve(output_id: str) -> None:
        client.log(output_id, value=0.83)

    (folder / "raw.csv").write_text("a,b\n1,2\n")
    clean()
    for n in range(3):
        serve(f"pred-{n}")
    client.flush()
