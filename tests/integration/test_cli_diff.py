"""`bt diff` as a person or a script runs it: what it prints, and its exit codes."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pipelines import Step, World
from program import Bt, bt_on

import backtrail

STEPS = [
    Step("ingest", (), f"blake3:{'a' * 64}"),
    Step("clean", (0,)),
    Step("serve", (1,)),
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a good prediction, the same again, and a bad one."""
    url = f"sqlite:///{tmp_path_factory.mktemp('diff')}/bt.db"
    with backtrail.connect(url) as client:
        world = World(client.open_store())
        world.run(STEPS, "good-1")
        world.run(STEPS, "again-1")
        world.run([STEPS[0], replace(STEPS[1], params={"eta": 0.3}), STEPS[2]], "bad-1")
        world.flush()
    return url


@pytest.fixture
def bt(url: str, tmp_path: Path) -> Bt:
    return bt_on(url, tmp_path)


def test_it_exits_with_1_and_names_the_run(bt: Bt) -> None:
    done = bt("diff", "good-1", "bad-1")

    assert done.returncode == 1
    assert done.stderr == ""
    assert ">>  clean" in done.stdout
    assert "clean (A #1, B #1): params" in done.stdout
    assert "eta  0.1 -> 0.3" in done.stdout


def test_it_exits_with_0_where_nothing_differs(bt: Bt) -> None:
    for other in ("good-1", "again-1"):
        done = bt("diff", "good-1", other)

        assert done.returncode == 0
        assert "No difference is known: 3 runs compared." in done.stdout


@pytest.mark.parametrize("names", [("good-1", "bad-7"), ("bad-7", "good-1")])
def test_it_exits_with_3_for_a_name_nobody_knows(bt: Bt, names: tuple[str, str]) -> None:
    done = bt("diff", *names)

    assert done.returncode == 3
    assert done.stdout == ""
    assert "no output 'bad-7'" in done.stderr
    assert "bad-1" in done.stderr


def test_it_exits_with_2_without_two_names(bt: Bt) -> None:
    assert bt("diff", "good-1").returncode == 2


def test_it_takes_whatever_trace_takes(bt: Bt) -> None:
    done = bt("diff", "good-1/2", "@last")

    assert done.returncode == 1
    assert "clean (A #1, B #1): params" in done.stdout


def test_json_says_the_same(bt: Bt) -> None:
    done = bt("diff", "good-1", "bad-1", "--json")

    document = json.loads(done.stdout)
    first = document["first_divergence"]
    assert done.returncode == 1
    assert document["schema"] == "backtrail.diff/1"
    assert document["is_same"] is False
    assert (first["component"], first["what"], first["weight"]) == ("clean", "params", "effective")
    assert first["changes"][0] == {
        "field": "params",
        "name": "eta",
        "other": None,
        "a": 0.1,
        "b": 0.3,
        "state": "differs",
    }
    assert [row["verdict"] for row in document["rows"]] == ["same", "diverges", "follows"]
    assert json.loads(bt("diff", "good-1", "good-1", "--json").stdout)["is_same"] is True


def test_a_commit_is_shown_from_its_repository(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q")
    commits = []
    for text in ("def clean():\n    return 1\n", "def clean():\n    return 2\n"):
        (tmp_path / "clean.py").write_text(text)
        git("add", ".")
        git("commit", "-q", "-m", "x")
        commits.append(git("rev-parse", "HEAD"))
    url = f"sqlite:///{tmp_path}/bt.db"
    with backtrail.connect(url) as client:
        from backtrail.model.facts import SiteFact

        world = World(client.open_store())
        for commit, output in zip(commits, ("a", "b"), strict=True):
            world.run([Step("clean", (), source=commit)], output)
            facts = world.batches[-1].facts
            facts[:] = [
                SiteFact(0, "clean", "clean.py", 1, "clean", commit) if n == 1 else fact
                for n, fact in enumerate(facts)
                if n != 2
            ]
        world.flush()

    done = bt_on(url, tmp_path)("diff", "a", "b")

    assert done.returncode == 1
    assert "-    return 1" in done.stdout
    assert "+    return 2" in done.stdout
    assert f"commit  {commits[0][:7]} -> {commits[1][:7]}" in done.stdout
