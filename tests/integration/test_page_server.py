"""What the page asks its server, and the files that it is made of; no browser looks at it here."""

from __future__ import annotations

import hashlib
import http.client
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from planted import plant
from served import Served, serving

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("page")
    with serving(f"sqlite:///{folder}/bt.db", folder) as server:
        for name, runs in (("small", 11), ("middle", 200)):
            plant(server.client, name, runs)
        assert server.client.flush(60) == 0
        yield server


# -- the files -------------------------------------------------------------------------


def test_the_files_were_built_of_the_source_that_is_here() -> None:
    digest = hashlib.sha256()
    names = sorted(path.name for path in (ROOT / "ui/src").iterdir())
    for name in ("package-lock.json", *(f"src/{name}" for name in names)):
        digest.update(f"{name}\n".encode() + (ROOT / "ui" / name).read_bytes() + b"\n")
    for name in ("app.js", "app.css"):
        built = (ROOT / "src/backtrail/server/static" / name).read_text("utf-8")
        said = re.search(r"Source ([0-9a-f]{64})", built)
        assert said is not None
        assert said[1] == digest.hexdigest(), "run: cd ui && npm ci && npm run build"
        outside = set(re.findall(r"https?://[^\"'`)\s]+", built))
        assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"} | {
            "http://www.w3.org/1998/Math/MathML",
            "http://www.w3.org/1999/xlink",
        }


@pytest.mark.usefixtures("processes")
def test_the_wheel_brings_the_page(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(tmp_path), "."]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        for name in ("app.js", "app.css"):
            inside = packed.read(f"backtrail/server/static/{name}")
            assert inside == (ROOT / "src/backtrail/server/static" / name).read_bytes()


def test_the_view_says_where_every_box_is(served: Served) -> None:
    told = served.ask("/page/view?output=pred-middle&by=component&open=tune").content
    keys = {box["key"] for box in told["boxes"]}
    assert {arrow[end] for arrow in told["arrows"] for end in ("from", "to")} <= keys
    assert told["boxes"][0]["group"] == "predict"
    opened = [each["n"] for each in told["steps"] if each.get("component") == "tune"]
    assert len(opened) == 17
    again = served.ask(f"/page/view?output=pred-middle&key={told['key']}").content
    assert again["key"] == told["key"]
    assert served.ask("/page/view?output=pred-middle&key=gone").content["key"] != "gone"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/page/view", 400),
        ("/page/view?output=nothing", 404),
        ("/page/view?output=pred-small&by=colour", 400),
        ("/page/view?output=pred-small&with=nothing", 404),
        ("/page/step?output=pred-small&n=12", 404),
        ("/page/step?output=pred-small&n=-1", 404),
        ("/page/step?output=pred-small&n=%C2%B2", 404),
        ("/page/step?output=pred-small", 404),
        ("/static/../app.py", 404),
        ("/static/nothing.js", 404),
    ],
)
def test_what_a_page_cannot_ask_is_refused(served: Served, path: str, status: int) -> None:
    assert served.ask(path).status == status


@pytest.mark.usefixtures("processes")
def test_a_server_ends_though_pages_are_open(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path}/bt.db", tmp_path) as server, listener(server) as open_page:
        assert open_page.readline()
        server.process.terminate()
        # The answer has an end. A page that is waited for is cut off after ten seconds, and raises.
        open_page.read()
        assert server.process.wait(timeout=60) == 0


def test_pages_that_stay_open_leave_room_for_others(served: Served) -> None:
    with ExitStack() as open_pages:
        for _ in range(70):
            assert open_pages.enter_context(listener(served)).status == 200
        assert served.ask("/api/v1/runs?limit=1").status == 200


@contextmanager
def listener(server: Served) -> Iterator[http.client.HTTPResponse]:
    """Ask for what is new, as a page does for as long as it is open."""
    port = urlsplit(server.url).port
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", "/page/news")
        yield connection.getresponse()
