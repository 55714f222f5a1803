"""A store behind a server: recorded to and asked over HTTP, as it is directly."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from patience import until
from program import bt_on, plain_environment
from served import SERVER, Served, record, serving
from served_here import serving_here
from tiers import Sized

import backtrail
from backtrail import Client, ConfigurationError, StoreUnavailableError
from backtrail.model.facts import (
    KIND_CODES,
    Artifact,
    Batch,
    RunFact,
    SiteFact,
    Write,
    WriterFact,
)
from backtrail.store.calls import CALLS, PREFIX
from backtrail.store.protocol import SCOPES

pytestmark = pytest.mark.usefixtures("processes")

START, SECOND = datetime(2026, 1, 1, tzinfo=timezone.utc), timedelta(seconds=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `shared` runs."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def shared(folder: Path) -> Iterator[Served]:
    """A server in a process of its own, for tests that only ask; one output is flagged."""
    with serving(f"sqlite:///{folder}/bt.db", folder) as found:
        record(found.client, folder)
        found.client.flag("pred-1", "too low")
        assert found.client.flush(60) == 0
        yield found


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server to record to."""
    with serving_here(f"sqlite:///{tmp_path}/bt.db", tmp_path) as found:
        record(found.client, tmp_path)
        yield found


@pytest.fixture
def tokens(served: Served) -> dict[str, str]:
    def made(scope: str) -> str:
        told = served.bt("server", "token", "create", "--name", scope, "--scope", scope, "--json")
        return str(json.loads(told.stdout)["token"])

    return {scope: made(scope) for scope in SCOPES}


Remote = Callable[..., Client]


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    """Return a function that makes a client of a server, as on another machine."""
    opened: list[Client] = []

    def connect(served: Served, token: str | None = None) -> Client:
        spool = str(tmp_path / f"remote-{len(opened)}")
        opened.append(backtrail.connect(served.url, token=token, spool=spool))
        return opened[-1]

    yield connect
    for client in opened:
        client.close()


def put(client: Client, component: str, run_id: str, **known: Any) -> None:
    client.record_run(component, run_id=run_id, started_at=START, ended_at=START, **known)


def requests(served: Served) -> int:
    counts = re.findall(
        r"^backtrail_http_requests_total\S* (\d+)$", served.ask("/metrics").body, re.M
    )
    return sum(map(int, counts))


# -- the same answers ------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        "pred-1 --json",
        "pred-1",
        "clean.csv --json",
        "nothing-of-the-kind",
        "recent --json",
        "who clean.csv --json",
        "history serve --json",
        "components --json",
        "find pred --json",
        "explain pred-1",
        "impact raw.csv --json",
        "impact raw.csv --outputs",
        "diff pred-0 pred-1 --json",
        "stale pred-1 --json",
        "stale pred-1 --files --json",
        "review --json",
        "@last --json",
        "@last-good",
        "db check --json",
        "export pred-1 --format dot",
    ],
)
def test_every_command_says_the_same_of_a_server_as_of_its_database(
    shared: Served, folder: Path, arguments: str
) -> None:
    far = bt_on(shared.url, folder)(*arguments.split())
    near = shared.bt(*arguments.split())

    def plain(text: str) -> str:
        # The address itself, and the moment at which staleness was judged.
        text = text.replace(shared.url, "STORE").replace(shared.client.url, "STORE")
        return re.sub(r'("(now|judged_at|age_s)\w*": )[^,}]*', r"\1NOW", text)

    assert (far.returncode, plain(far.stdout), plain(far.stderr)) == (
        near.returncode,
        plain(near.stdout),
        plain(near.stderr),
    )


def test_a_question_takes_few_requests_however_far_it_goes(served: Served, remote: Remote) -> None:
    recorder = remote(served)
    inputs: list[str] = []
    for n in range(60):
        at = {"started_at": START + n * SECOND, "ended_at": START + n * SECOND}
        recorder.record_run("step", run_id=f"chain-{n}", inputs=inputs, outputs=[f"v{n}"], **at)
        inputs = [f"v{n}"]
    # What records may ask the server whenever it likes.
    assert recorder.flush(60) == 0
    recorder.close()
    client = remote(served)
    client.recent(1)
    before = requests(served)

    assert len(client.backtrace("v59").frames) == 60
    assert len(client.impact("v0").runs) >= 59
    assert client.explain("v59").sentences

    # For each: where the journal stands, and the question. One more counted them.
    assert requests(served) - before <= 3 * 3 + 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.history("serve", limit=3),
        lambda client: client.recent(4),
        lambda client: client.who("pred-1"),
        lambda client: client.marks("pred-0") == [],
        lambda client: client.stale("pred-1"),
        lambda client: client.diff("pred-0", "pred-1"),
        lambda client: client.last_output(),
    ],
)
def test_each_question_is_asked_ahead(
    shared: Served, remote: Remote, ask: Callable[[Client], Any]
) -> None:
    client = remote(shared)
    client.recent(1)
    before = requests(shared)

    assert ask(client)

    # Where the journal stands, the question, and the counting itself.
    assert requests(shared) - before <= 3


def test_a_server_that_knows_no_questions_is_asked_in_small_steps(
    shared: Served, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backtrail.store.transcript.PREFIX", "/api/v1/store/of-old/")

    assert [f.run.component for f in remote(shared).backtrace("pred-1").frames] == [
        "serve",
        "clean",
    ]


def test_names_of_local_files_are_those_of_who_asks(
    shared: Served, remote: Remote, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "clean.csv").write_text("not that one")
    client = remote(shared)

    monkeypatch.chdir(folder)
    assert client.backtrace("clean.csv").frames[0].run.component == "clean"
    monkeypatch.chdir(inner)
    with pytest.raises(backtrail.NotFoundError):
        client.backtrace("clean.csv")


# -- recording -------------------------------------------------------------------------


def test_what_is_recorded_on_other_machines_is_in_the_database(
    served: Served, remote: Remote
) -> None:
    client = remote(served)

    @client.register("late", inputs=["x"], outputs=["return"])
    def late(x: str) -> str:
        client.log("pred-late", value=0.5)
        return x * 2

    late("password=hunter2hunter2")
    assert client.flush(60) == 0

    frame = served.client.backtrace("pred-late").frames[0]
    assert (frame.run.component, frame.run.status) == ("late", "completed")
    assert client.backtrace("pred-late").to_dict() == served.client.backtrace("pred-late").to_dict()


def test_forked_children_record_and_ask_by_connections_of_their_own(
    tmp_path: Path, remote: Remote
) -> None:
    # Not from a thread of this process, of which a child would have the half.
    with serving(f"sqlite:///{tmp_path}/bt.db", tmp_path) as served:
        put(served.client, "first", run_id="first")
        served.client.flush(60)
        check_forks(remote(served))


def check_forks(client: Client) -> None:
    assert client.recent(1)

    def work(n: int) -> None:
        put(client, "child", run_id=f"child-{n}", outputs=[f"child-out-{n}"])
        os._exit(0 if client.flush(60) == 0 and client.get_run(f"child-{n}") else 1)

    context = multiprocessing.get_context("fork")
    children = [context.Process(target=work, args=(n,)) for n in range(4)]
    for child in children:
        child.start()
    assert client.recent(5)
    for child in children:
        child.join(90)

    assert [child.exitcode for child in children] == [0] * 4
    assert len(client.history("child")) == 4


def test_what_the_server_refuses_for_good_keeps_nothing_else_back(
    served: Served, remote: Remote
) -> None:
    client = remote(served)
    writer = WriterFact(os.urandom(16), "host", 1, 0, {})
    made = [Write(Artifact(f"odd-{n}", KIND_CODES["output"]), None, 10) for n in range(3)]
    # Nothing that is recorded comes to a status that there is not.
    runs = [
        RunFact(n, 1, 5, 20, status, None, None, None, [], [made[n]])
        for n, status in enumerate((1, 99, 1))
    ]
    facts: list[Any] = [SiteFact(1, "odd"), *runs]
    client.open_store().take_in([Batch(writer, 7, 100, facts)])

    assert len(client.history("odd")) == 2
    assert client.stats().lost == 1
    assert client.open_store().positions([writer.uid]) == {writer.uid: (7, 100)}


def test_a_large_import_arrives_whole(served: Served, remote: Remote) -> None:
    client = remote(served)
    put(client, "large", run_id="large", outputs=[f"made-{n:07}" for n in range(30_000)])

    assert client.flush(60) == 0
    assert served.client.get_run("large").outputs_total == 30_000
    assert client.backtrace("made-0029999").frames[0].run.run_id == "large"


# -- tokens ----------------------------------------------------------------------------


def test_without_a_good_token_nothing_is_lost_and_it_is_said_what_to_do(
    served: Served, tokens: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(token: str | None) -> Client:
        return backtrail.connect(served.url, token=token, spool=str(tmp_path / "one-spool"))

    for n, token in enumerate((None, "bt_nonsense", tokens["read"])):
        with closing(connect(token)) as client:
            put(client, "kept", run_id=f"kept-{n}")
            assert client.flush(0.2) > 0
    with closing(connect(None)) as client, pytest.raises(StoreUnavailableError) as refused:
        client.recent()
    assert "a token is needed" in str(refused.value)
    assert "BACKTRAIL_TOKEN" in refused.value.hint

    with closing(connect(tokens["write"])) as client:
        assert len(client.history("kept")) == 3
    served.bt("server", "token", "revoke", "write")
    with closing(connect(tokens["write"])) as client:
        put(client, "kept", run_id="after")
        assert client.flush(0.2) > 0


def test_each_method_of_the_store_needs_its_scope(served: Served, tokens: dict[str, str]) -> None:
    admin = {name for name, call in CALLS.items() if call.scope == "admin"}
    assert admin == {
        *("old_runs", "needed_since", "reaching_back", "named_since", "begin_pruning"),
        *("drop_runs", "strip_runs", "tidy", "tokens", "add_token", "revoke_token"),
        *("add_audit", "audit", "check", "upgrade"),
    }
    for name in CALLS:
        for scope in ("read", "write"):
            headers = {"Authorization": f"Bearer {tokens[scope]}"}
            answer = served.ask(PREFIX + name, "POST", b"\xc1", headers)
            assert answer.status == (403 if name in admin else 400), name
        assert served.ask(PREFIX + name, "POST", b"\x90").status == 401
    headers = {"Authorization": f"Bearer {tokens['admin']}"}
    for name in ("take_in", "close", "snapshot", "__init__", "nothing"):
        assert served.ask(PREFIX + name, "POST", b"\x90", headers).status == 404


def test_what_is_said_from_afar_is_signed_by_the_token(
    served: Served, tokens: dict[str, str], remote: Remote
) -> None:
    remote(served, tokens["admin"]).prune("1000d")

    told = json.loads(served.bt("server", "audit", "--json").stdout)["audit"]
    assert [(each["who"], each["action"]) for each in told][:1] == [("admin", "prune")]


def test_no_token_is_shown(served: Served, tokens: dict[str, str], tmp_path: Path) -> None:
    client = backtrail.connect(served.url, token=tokens["write"], spool=str(tmp_path / "s"))
    with closing(client):
        said = [repr(client), repr(client.settings), str(client.diagnose())]
    assert all(tokens["write"] not in each for each in said)


# -- what stands in the way ------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["http://", "http://user:word@host", "https://host?x=1", "http://host:x", "http://host:0"],
)
def test_an_address_that_cannot_be_one_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        backtrail.connect(url)
    assert "word" not in str(refused.value)


def test_a_server_that_sends_on_is_not_followed(tmp_path: Path) -> None:
    class SendsOn(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(301)
            self.send_header("Location", "https://elsewhere.example/")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), SendsOn) as there:
        threading.Thread(target=there.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{there.server_port}"
        client = backtrail.connect(url, spool=str(tmp_path))
        with closing(client), pytest.raises(StoreUnavailableError, match=r"elsewhere\.example"):
            client.recent()
        there.shutdown()


def test_a_copy_goes_to_a_server_but_not_from_it(
    served: Served, tmp_path: Path, remote: Remote
) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    with closing(backtrail.connect(other)) as client:
        put(client, "elsewhere", run_id="from-elsewhere", outputs=["e"])
    copied = served.bt("db", "copy", "--from", other, "--to", served.url)
    assert copied.returncode == 0, copied.stderr
    assert served.client.get_run("from-elsewhere").component == "elsewhere"

    refused = served.bt("db", "copy", "--from", served.url, "--to", f"sqlite:///{tmp_path}/c.db")
    assert refused.returncode == 2
    assert "where the server runs" in refused.stderr


def test_a_server_is_no_database_to_serve(shared: Served, folder: Path) -> None:
    refused = bt_on(shared.url, folder)(*SERVER)
    assert (refused.returncode, "is a server itself" in refused.stderr) == (2, True)


def test_the_shell_completes_from_the_server(shared: Served, folder: Path) -> None:
    completing = {"_BT_COMPLETE": "bash_complete", "COMP_WORDS": "bt pred", "COMP_CWORD": "1"}
    found = bt_on(shared.url, folder)(env=completing).stdout.split()
    assert found == ["plain,pred-0", "plain,pred-1", "plain,pred-2"]


# -- kill -9 ---------------------------------------------------------------------------

# Records runs until it is killed or its input ends; writes the id of each to a file of its own
# once its call has returned.
RECORDER = """
import sys, threading
import backtrail as bt

name, returned = sys.argv[1], open(sys.argv[2], "w", buffering=1)
pause_s = float(sys.argv[3])
told = threading.Event()

def listen():
    sys.stdin.read()
    told.set()

threading.Thread(target=listen).start()

@bt.register("work", inputs=["n"])
def work(n):
    return bt.log(f"{name}-{n}", value=n)

n = 0
while not told.is_set():
    work(n)
    print(f"{name}-{n}", file=returned)
    n += 1
    if n % 20 == 0:
        bt.flush(0.05)
        # Else there is the more to look through at the end, the longer a start takes.
        told.wait(pause_s)
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def recording(
    at: str, folder: Path, clients: int, pause_s: float
) -> Iterator[list[subprocess.Popen[str]]]:
    """Run processes that record to a server, each as on a machine of its own."""
    environment = {
        **plain_environment(),
        "BACKTRAIL_URL": at,
        "BACKTRAIL_FLUSH_INTERVAL_S": "0.02",
        "BACKTRAIL_STRICT": "1",
        "XDG_STATE_HOME": str(folder / "state"),
    }
    recorders = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", RECORDER),
                *(f"c{n}", str(folder / f"returned-{n}"), str(pause_s)),
            ],
            env={**environment, "BACKTRAIL_SPOOL": str(folder / f"spool-{n}")},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(clients)
    ]
    try:
        yield recorders
    finally:
        for recorder in recorders:
            if recorder.poll() is None:
                recorder.kill()
                recorder.communicate()


def test_a_server_that_is_killed_under_load_loses_nothing_and_hurts_nobody(
    tmp_path: Path, sized: Sized[Any]
) -> None:
    clients, kills, pause_s = sized((2, 3, 0.1), (8, 10, 0.02))
    url, port = f"sqlite:///{tmp_path}/bt.db", _free_port()
    at, verb = f"http://127.0.0.1:{port}", ("server", "--port", str(port))
    chance = random.Random(5)
    returned = [tmp_path / f"returned-{n}" for n in range(clients)]
    with recording(at, tmp_path, clients, pause_s) as recorders:
        for _ in range(kills):
            with serving(url, tmp_path, *verb) as found:
                before = found.client.stats().runs
                until(lambda n=before, of=found: of.client.stats().runs > n, "a run that arrived")
                # Killed at its end, whatever it is doing.
                threading.Event().wait(chance.uniform(0, 0.5))
                assert found.process.poll() is None
        with serving(url, tmp_path, *verb):
            for recorder in recorders:
                assert recorder.stdin is not None
                recorder.stdin.close()
                recorder.stdin = None
            errors = [recorder.communicate(timeout=120)[1] for recorder in recorders]
            assert [recorder.returncode for recorder in recorders] == [0] * clients
            assert not any("Traceback" in each for each in errors), errors
            for n in range(clients):
                spool = str(tmp_path / f"spool-{n}")
                with closing(backtrail.connect(at, spool=spool)) as client:
                    client.take_in()

    names = [name for path in returned for name in path.read_text().split()]
    with closing(backtrail.connect(url)) as client:
        runs = client.history("work", limit=1_000_000)
        assert client.check() == []
    written = [each.name for run in runs for each in run.outputs if each.name.startswith("c")]
    assert len(names) > 100 * clients
    assert sorted(written) == sorted(names)
    assert {run.status for run in runs} == {"completed"}
