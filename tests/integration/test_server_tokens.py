"""Tokens of the server: who comes in, who may do what, what is kept of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import FreshStore
from served import Served, record, serving
from served_here import serving_here

from backtrail.server.access import create_token, now_us
from backtrail.store.protocol import SCOPES

pytestmark = pytest.mark.usefixtures("processes")

SECRET_WAYS = ("/api/v1/runs", "/api/v1/backtrace?output=pred-1", "/", "/o/pred-1", "/metrics")
OPEN_WAYS = ("/healthz", "/readyz", "/api/v1/openapi.json", "/login")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def create(served: Served, name: str, scope: str, *more: str) -> str:
    arguments = ("server", "token", "create", "--name", name, "--scope", scope, *more)
    return str(json.loads(served.bt(*arguments, "--json").stdout)["token"])


@pytest.fixture
def served(store_url: str, tmp_path: Path) -> Iterator[Served]:
    with serving_here(store_url, tmp_path) as found:
        record(found.client, tmp_path)
        yield found


@pytest.fixture(scope="module")
def guarded(
    fresh_store: FreshStore, processes: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server that lets in who has the one token that was made."""
    with fresh_store() as url, serving(url, tmp_path_factory.mktemp("guarded")) as found:
        create(found, "someone", "read")
        yield found


def flag(served: Served, **headers: str) -> int:
    return served.post("/api/v1/flags", {"output": "pred-1", "note": "bad"}, **headers).status


def test_each_scope_may_do_what_those_below_it_may(served: Served) -> None:
    assert flag(served) == 201  # nobody made a token yet
    tokens = {scope: create(served, f"for {scope}", scope) for scope in SCOPES}

    assert served.ask("/api/v1/runs").headers["WWW-Authenticate"] == "Bearer"
    for path in SECRET_WAYS:
        assert served.ask(path).status == 401
        for token in tokens.values():
            assert served.ask(path, headers=bearer(token)).status == 200
    for path in OPEN_WAYS:
        assert served.ask(path).status == 200
    assert flag(served) == 401
    assert [flag(served, **bearer(token)) for token in tokens.values()] == [403, 201, 201]
    refused = served.post("/api/v1/flags", {"output": "pred-1"}, **bearer(tokens["read"])).content
    assert refused["title"] == "the token for read may read, and this needs write"


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic eDp5", "bt_x", "Bearer \u00e9"]
)
def test_what_is_no_token_does_not_hold(guarded: Served, value: str) -> None:
    assert guarded.ask("/api/v1/runs", headers={"Authorization": value}).status == 401


def test_a_token_that_is_revoked_or_has_expired_stops_at_once(served: Served) -> None:
    token = create(served, "airflow", "write")
    longer = create(served, "longer", "write", "--expires", "1h")
    short = create_token(served.client, "short", "write", now_us() - 1)
    for held in (token, longer):
        assert served.ask("/api/v1/runs", headers=bearer(held)).status == 200
    assert served.ask("/api/v1/runs", headers=bearer(short)).status == 401

    assert served.bt("server", "token", "revoke", "airflow").returncode == 0

    assert served.ask("/api/v1/runs", headers=bearer(token)).status == 401
    listed = json.loads(served.bt("server", "token", "list", "--json").stdout)["tokens"]
    assert [(each["name"], each["state"]) for each in listed] == [
        ("airflow", "revoked"),
        ("longer", "valid"),
        ("short", "expired"),
    ]
    assert served.bt("server", "token", "revoke", "airflow").returncode != 0
    assert create(served, "airflow", "read") != token


def test_two_tokens_that_hold_have_two_names(served: Served) -> None:
    create(served, "airflow", "write")

    again = served.bt("server", "token", "create", "--name", "airflow", "--scope", "read")

    assert (again.returncode, again.stdout) == (2, "")
    assert "there is a token named airflow already" in again.stderr


def test_what_was_done_is_kept_with_who_did_it(served: Served) -> None:
    token = create(served, "ann", "write")
    run_id = served.client.recent(1)[0].run_id

    assert flag(served, **bearer(token)) == 201
    note = {"run_id": run_id, "text": "looked at it"}
    assert served.post("/api/v1/notes", note, **bearer(token)).status == 201
    gone = served.ask("/api/v1/flags?output=pred-1", "DELETE", headers=bearer(token))
    assert gone.status == 200
    served.bt("db", "prune", "--keep", "9d")
    served.bt("server", "token", "revoke", "ann")

    rows = json.loads(served.bt("server", "audit", "--json").stdout)["audit"]
    done = [(row["action"], row["about"]) for row in reversed(rows)]
    assert done[:4] == [
        ("create token", "ann"),
        ("flag", "pred-1"),
        ("note", run_id),
        ("unflag", "pred-1"),
    ]
    assert done[4][0] == "prune"
    assert done[4][1].startswith("what ended before 20")
    assert done[5:] == [("revoke token", "ann")]
    assert [row["who"] for row in reversed(rows)][1:4] == ["ann"] * 3
    # Who says nothing else signs with the name of the token.
    assert served.client.get_run(run_id).notes[0]["author"] == "ann"


def test_a_person_comes_in_with_a_browser(served: Served) -> None:
    token, writer = create(served, "ann", "read"), create(served, "bob", "write")
    html = {"Accept": "text/html"}
    first = served.ask("/o/pred-1?x=1", headers=html)
    assert (first.status, 'value="/o/pred-1?x=1"' in first.body) == (401, True)

    def enter(given: str, then: str = "/o/pred-1") -> tuple[int, str, str]:
        answer = served.ask("/login", "POST", f"token={given}&then={then}")
        return answer.status, answer.headers["Location"], answer.headers["Set-Cookie"] or ""

    assert enter("nonsense")[0] == 401
    status, then, cookie = enter(token)
    assert (status, then) == (303, "/o/pred-1")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie

    inside = {"Cookie": cookie.partition(";")[0], **html}
    assert served.ask("/o/pred-1", headers=inside).status == 200
    # What it may not, it may not from a page either.
    assert served.ask("/flag/pred-1", "POST", "note=bad&by=ann", inside).status == 403
    assert served.post("/api/v1/flags", {"output": "pred-1"}, **bearer(writer)).status == 201
    run_id = served.client.recent(1)[0].run_id
    ways = ("/o/pred-1", "/o/pred-1.html", "/flag/pred-1", "/review", f"/r/{run_id}")
    for path in ways:
        assert 'method="post"' not in served.ask(path, headers=inside).body
        assert "Flag this output" not in served.ask(path, headers=inside).body
    writing = {"Cookie": enter(writer)[2].partition(";")[0], **html}
    posting = [path for path in ways if 'method="post"' in served.ask(path, headers=writing).body]
    assert posting == ["/o/pred-1", *ways[2:]]
    for elsewhere in ("//evil.example", "https://evil.example", "/%5Cevil.example", "x"):
        assert enter(token, elsewhere)[1] == "/"
    left = served.ask("/logout", "POST", headers=inside)
    assert 'backtrail=""' in left.headers["Set-Cookie"]


@pytest.mark.usefixtures("processes")
def test_a_token_lies_nowhere_and_is_logged_nowhere(
    stores: Callable[[str], FreshStore], tmp_path: Path
) -> None:
    with stores("sqlite")() as url, serving(url, tmp_path) as served:
        token = create(served, "ann", "read")
        served.ask("/api/v1/runs", headers=bearer(token))
        served.ask("/login", "POST", f"token={token}")
        with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
            (kept,) = database.execute("SELECT digest FROM token").fetchone()
        database.close()
        secret = token.rpartition("_")[2]
        assert len(kept) == 32
        assert secret not in "\n".join(path.read_text("latin-1") for path in _files(tmp_path, url))


def _files(*places: Path | str) -> Iterator[Path]:
    for place in places:
        folder = Path(str(place).removeprefix("sqlite:///"))
        folder = folder if folder.is_dir() else folder.parent
        yield from (path for path in folder.rglob("*") if path.is_file())


@pytest.mark.usefixtures("processes")
def test_on_an_address_of_others_it_starts_with_a_token_or_when_told_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    with serving(url, tmp_path) as here:
        create(here, "ann", "read")
    with serving(url, tmp_path, "server", "--port", "0", "--host", "0.0.0.0") as served:
        assert served.ask("/api/v1/runs").status == 401
    with serving(url, tmp_path, "server", "--port", "0", "--no-auth") as served:
        assert served.ask("/api/v1/runs").status == 200


def test_a_person_who_may_only_read_is_told_so_on_a_page(served: Served) -> None:
    headers = {**bearer(create(served, "reader", "read")), "Accept": "text/html"}

    answer = served.ask("/flag/pred-1", "POST", "note=x&by=ann", headers)

    assert (answer.status, answer.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "may read, and this needs write" in answer.body
    assert served.client.flagged() == []
