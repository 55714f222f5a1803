"""`bt` in a terminal while a trace takes long, and Ctrl-C in it."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from program import bt_on, in_terminal, plain_environment

import backtrail
from backtrail.cli import progress

NOON = datetime(2026, 7, 25, 12, tzinfo=timezone.utc)
LONG = 150


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a chain of runs."""
    url = f"sqlite:///{tmp_path_factory.mktemp('progress')}/bt.db"
    with backtrail.connect(url) as client:
        for place in range(LONG):
            then = NOON + timedelta(minutes=place)
            client.record_run(
                "step",
                started_at=then,
                ended_at=then,
                inputs=[f"part-{place - 1}"],
                outputs=[f"part-{place}"],
            )
    return url


@pytest.fixture
def slow(tmp_path: Path) -> dict[str, str]:
    """Settings with which each step of a walk takes a while, as in a huge store."""
    (tmp_path / "sitecustomize.py").write_text(
        "import time\n"
        "from backtrail.query import links\n"
        "link = links.Linker.link\n"
        "links.Linker.link = lambda self, readers: time.sleep(0.02) or link(self, readers)\n"
    )
    path = f"{tmp_path}{os.pathsep}{plain_environment()['PYTHONPATH']}"
    return {"PYTHONPATH": path}


OUTPUT = f"part-{LONG - 1}"


@pytest.mark.usefixtures("processes")
def test_a_long_walk_tells_how_far_it_is_and_takes_it_back(url: str, slow: dict[str, str]) -> None:
    shown, code = in_terminal(url, OUTPUT, "--no-pager", **slow)

    told, _, result = shown.rpartition("\x1b[K")
    assert "Tracing  " in told
    assert f"{LONG} runs" in result
    assert "Tracing" not in result
    assert code == 0


@pytest.mark.usefixtures("processes")
def test_ctrl_c_in_a_walk_prints_what_is_known_and_says_that_it_is_a_part(
    url: str, slow: dict[str, str]
) -> None:
    shown, code = in_terminal(url, OUTPUT, "--no-pager", keys={"Tracing ": "\x03"}, **slow)

    assert "made part-149" in shown or "#0-" in shown
    assert "The trace was cut here: more runs lie upstream" in shown
    assert "bt: interrupted: this is only a part of the trace" in shown
    assert f"{LONG} runs" not in shown
    assert code == 130


@pytest.mark.usefixtures("processes")
def test_a_short_walk_tells_nothing(url: str) -> None:
    shown, _ = in_terminal(url, "part-3")

    assert "Tracing" not in shown


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_nothing_is_told_where_stderr_is_no_terminal(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    # In a terminal it would be told from the first step on.
    monkeypatch.setattr(progress, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(progress, "_TICK_S", 0.001)

    done = bt_on(url, tmp_path)(OUTPUT, *options)

    assert (done.returncode, done.stderr) == (0, "")
    assert not options or len(json.loads(done.stdout)["frames"]) == LONG


def test_a_walk_that_is_told_to_end_gives_what_it_reached(url: str) -> None:
    steps: list[tuple[int, int]] = []

    def watch(reached: int, waiting: int) -> bool:
        steps.append((reached, waiting))
        return reached < 7

    with backtrail.connect(url) as client:
        trace = client.backtrace(OUTPUT, watch=watch)

    assert len(trace.frames) == 7
    assert trace.truncated
    assert steps == [(reached, 1) for reached in range(1, 8)]


def test_a_walk_that_is_told_to_end_at_its_end_is_whole(url: str) -> None:
    with backtrail.connect(url) as client:
        trace = client.backtrace("part-0", watch=lambda reached, waiting: False)

    assert not trace.truncated
