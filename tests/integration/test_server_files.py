"""The page of a data file over real HTTP: who made and read it, its versions, the file itself.

The file itself is for `bt ui`; `bt server` looks at none.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from served import Served, ask_at, record, running, serving

import backtrail
from backtrail import Client, Pointer
from backtrail.capture import files as capture_files
from backtrail.model.digest import digest_bytes
from backtrail.render.words import short_version
from backtrail.server import files
from backtrail.server.app import make_app

pytestmark = pytest.mark.usefixtures("processes")

AT = datetime(2026, 7, 1, tzinfo=timezone.utc)
UI = ("ui", "--no-browser")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with serving(f"sqlite:///{tmp_path}/bt.db", tmp_path) as found:
        yield found


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[Served]:
    with serving(f"sqlite:///{tmp_path}/bt.db", tmp_path, *UI) as found:
        yield found


def page_of(served: Served, name: object) -> str:
    answer = served.ask(f"/f/{quote(str(name), safe='')}")
    assert answer.status == 200
    return answer.body


def part(page: str, title: str) -> str:
    """Give what stands below a heading, without its tags."""
    _, _, rest = page.partition(f"<h2>{title}</h2>")
    return re.sub(r"<[^>]+>", "", rest.partition("<h2>")[0])


def test_a_file_says_who_made_it_who_read_it_and_its_versions(
    server: Served, tmp_path: Path
) -> None:
    record(server.client, tmp_path)

    made, read = page_of(server, tmp_path / "clean.csv"), page_of(server, tmp_path / "raw.csv")

    version = short_version(digest_bytes(b"a,b\n1,2\n"))
    assert "clean" in part(made, "Runs that made it")
    assert part(made, "Runs that read it").count("serve") == 3
    assert version in part(made, "Versions")
    # The same content under another name is what it was made from, for all that is known.
    assert "Runs that made it" in read
    assert "clean" in part(read, "Runs that read it")
    assert f"{version} read" in part(read, "Versions")
    assert page_of(server, "clean.csv") == made


def test_a_run_leads_to_the_pages_of_its_files(server: Served, tmp_path: Path) -> None:
    record(server.client, tmp_path)
    (run,) = server.client.history("clean")

    page = server.ask(f"/r/{run.run_id}").body

    for name in ("raw.csv", "clean.csv"):
        assert f'href="/f/{quote(f"{tmp_path}/{name}", safe="")}"' in page
    (run,) = server.client.who("pred-1")
    assert 'href="/o/pred-1"' in server.ask(f"/r/{run.run_id}").body


def test_a_server_looks_at_no_file_that_somebody_names(server: Served, tmp_path: Path) -> None:
    record(server.client, tmp_path)
    shutil.copy(tmp_path / "clean.csv", tmp_path / "secret.csv")

    # Its content was recorded; but to know that one would have to read it.
    assert server.ask(f"/f/{quote(f'{tmp_path}/secret.csv', safe='')}").status == 404


# -- the file itself, on one's own machine -------------------------------------------------


def put(client: Client, *inputs: Any, host: str | None = None) -> None:
    client.record_run("import", started_at=AT, ended_at=AT, inputs=inputs, host=host)
    client.flush()


def test_ui_shows_a_file_while_it_is_what_was_recorded(ui: Served, tmp_path: Path) -> None:
    record(ui.client, tmp_path)
    path = tmp_path / "clean.csv"

    before = page_of(ui, path)
    path.write_text("a,b\n1,a secret\n")
    changed = page_of(ui, path)
    path.write_text("a,b\n1,2\n")
    restored = page_of(ui, path)
    path.unlink()
    gone = page_of(ui, path)

    assert "just as it was last recorded" in part(before, "The file")
    assert "<th" in before
    assert part(before, "Preview") == "1 row in allab12"
    assert "has changed since it was last recorded" in part(changed, "The file")
    assert "secret" not in changed
    assert part(restored, "Preview") == part(before, "Preview")
    assert "no longer where the run left it" in part(gone, "The file")
    assert digest_bytes(b"a,b\n1,2\n") in part(gone, "The file")
    assert "clean" in part(gone, "Runs that made it")


@pytest.mark.parametrize("digest_of", [b"a guess", b"the secret, and more", b""])
def test_who_names_a_file_without_knowing_its_content_is_shown_nothing_of_it(
    ui: Served, tmp_path: Path, digest_of: bytes
) -> None:
    path = tmp_path / "key.txt"
    path.write_text("the secret")
    put(ui.client, Pointer(str(path), version=digest_bytes(digest_of)))

    page = page_of(ui, path)

    assert "shown only where it is known" in part(page, "The file")
    assert "the secret" not in page
    assert digest_bytes(b"the secret") not in page


def test_a_file_that_nobody_recorded_is_not_looked_at(ui: Served, tmp_path: Path) -> None:
    record(ui.client, tmp_path)
    shutil.copy(tmp_path / "clean.csv", tmp_path / "secret.csv")

    assert ui.ask(f"/f/{quote(f'{tmp_path}/secret.csv', safe='')}").status == 404


def test_ui_says_of_a_file_what_it_is(ui: Served, tmp_path: Path) -> None:
    names = ("pipe", "folder", "large", "elsewhere", "[redacted]", "empty")
    paths = {name: tmp_path / name for name in names}
    os.mkfifo(paths["pipe"])
    paths["folder"].mkdir()
    with paths["large"].open("wb") as file:
        file.truncate(files.MOST_BYTES + 1)
    paths["elsewhere"].write_text("not ours")
    for name in ("pipe", "folder", "large", "[redacted]"):
        put(ui.client, Pointer(str(paths[name]), version=digest_bytes(b"x")))
    not_ours = Pointer(str(paths["elsewhere"]), version=digest_bytes(b"not ours"))
    put(ui.client, not_ours, host="gpu-7")
    paths["empty"].touch()
    ui.client.register("load", input_path=paths["empty"])(lambda: None)()
    ui.client.flush()

    told = {name: part(page_of(ui, path), "The file") for name, path in paths.items()}

    assert "no ordinary file" in told["pipe"]
    assert "It is a folder" in told["folder"]
    assert "too large to compare here" in told["large"]
    assert "recorded on the machine gpu-7" in told["elsewhere"]
    assert "cannot be told" in told["[redacted]"]
    assert "it is empty" in told["empty"]


@pytest.mark.parametrize("name", ["s3://bucket/key.csv", "models:/churn/3", "a table"])
def test_what_is_no_local_file_has_a_page_without_one(ui: Served, name: str) -> None:
    put(ui.client, Pointer(name, version="v1"))

    assert "<h2>The file</h2>" not in page_of(ui, name)


# -- the page of one person is that person's ----------------------------------------------


def test_another_user_of_the_machine_is_refused(tmp_path: Path) -> None:
    with closing(backtrail.connect(f"sqlite:///{tmp_path}/bt.db")) as client:
        app = make_app(client, hosts=None, version="test", is_local=True)
        app._users = frozenset({os.getuid() + 1})
        with running(app) as at:
            refused = ask_at(at, "/")
        app._users = frozenset({os.getuid()})
        with running(app) as at:
            answered = ask_at(at, "/")

    assert (refused.status, answered.status) == (403, 200)
    assert "for the user who opened it" in refused.body


def test_ui_answers_nobody_else(ui: Served) -> None:
    if os.getuid() != 0:
        pytest.skip("only the superuser can ask as somebody else")
    first = ui.ask("")
    os.seteuid(65534)  # to whom the sockets made from here on belong
    try:
        refused = ui.ask("")
    finally:
        os.seteuid(0)

    assert (first.status, refused.status) == (200, 403)


# -- a server for others looks at none ------------------------------------------------------


@contextmanager
def in_this_process(client: Client, *, is_local: bool) -> Iterator[str]:
    """Serve from a thread, where calls of the file system can be watched."""
    with running(make_app(client, hosts=None, version="test", is_local=is_local)) as at:
        yield at


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The paths that the file system is asked for."""
    found: set[str] = set()

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def watch(path: Any, *args: Any, **kwargs: Any) -> Any:
            found.add(str(path))
            return call(path, *args, **kwargs)

        return watch

    for name in ("stat", "lstat", "open", "scandir", "listdir", "access", "readlink"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    monkeypatch.setattr("builtins.open", watched(open))
    monkeypatch.setattr(capture_files, "_stat", os.stat)
    return found


@pytest.mark.parametrize("is_local", [False, True])
def test_a_server_touches_no_file_and_ui_does(
    tmp_path: Path, looked_at: set[str], *, is_local: bool
) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    with closing(backtrail.connect(url, spool=str(tmp_path / "spool"))) as client:
        record(client, tmp_path)
        with in_this_process(client, is_local=is_local) as at:
            looked_at.clear()
            page = ask_at(at, f"/f/{quote(str(tmp_path / 'clean.csv'), safe='')}")

    assert page.status == 200
    assert (str(tmp_path / "clean.csv") in looked_at) == is_local
    assert ("<h2>The file</h2>" in page.body) == is_local
    assert ("<h2>Preview</h2>" in page.body) == is_local


@pytest.mark.parametrize("is_local", [False, True])
def test_a_server_compares_without_touching_files_and_ui_looks_into_them(
    tmp_path: Path, looked_at: set[str], *, is_local: bool
) -> None:
    path = tmp_path / "clean.csv"
    with closing(backtrail.connect(f"sqlite:///{tmp_path}/bt.db")) as client:
        make = client.register("make", output_path=path)(path.write_text)
        for name in ("good", "bad"):
            make(f"a\n{name}\n")
            client.register("serve", input_path=path)(client.log)(name)
        client.flush()
        with in_this_process(client, is_local=is_local) as at:
            looked_at.clear()
            told = ask_at(at, "/api/v1/diff?a=good&b=bad")
            beside = ask_at(at, "/page/view?output=bad&with=good")
            looked_at_by_api = str(path) in looked_at
            page = ask_at(at, "/diff/good..bad")

    assert (told.status, beside.status, page.status) == (200, 200, 200)
    assert told.content["first_divergence"] is not None
    assert not looked_at_by_api
    assert (str(path) in looked_at) == is_local


def test_bt_server_shows_nothing_of_a_file(server: Served, tmp_path: Path) -> None:
    record(server.client, tmp_path)

    page = page_of(server, tmp_path / "clean.csv")

    assert "Runs that made it" in page
    assert "The file" not in page
    assert "Preview" not in page
