"""The page of a data file over real HTTP: who made and read it, and its versions."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from served import Served, record, serving

from backtrail.model.digest import digest_bytes
from backtrail.render.words import short_version


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    with serving(f"sqlite:///{tmp_path}/bt.db", tmp_path) as found:
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
