"""A person runs `bt demo`, sees an answer that cannot be, and follows its trail."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from docs.run_page import commands_of, masked
from program import bt_on
from terminal import Terminal

import backtrail
from backtrail.cli import demo as demo_module
from backtrail.errors import ConfigurationError

if TYPE_CHECKING:
    from backtrail.model.records import Frame
    from backtrail.query.backtrace import Backtrace

pytestmark = pytest.mark.usefixtures("processes")

TUTORIAL = Path(__file__).resolve().parents[2] / "docs/tutorial/find-the-bad-step.md"
WALK = TUTORIAL.parents[1] / "how-to/walk-through-a-backtrace.md"
PROMPT = re.compile(r"\(bt \d+\)")
GOOD, BAD = "pred-MQ2963-12-30", "pred-MQ2963-12-31"


@dataclass(frozen=True)
class Demo:
    """One finished demo: its folder, what it printed, and its store to ask."""

    folder: Path
    printed: str
    progress: str
    seen_elsewhere: bool
    client: backtrail.Client

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / '.backtrail' / 'backtrail.db'}"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    place = tmp_path_factory.mktemp("demo")
    elsewhere = place / "elsewhere.db"
    environment = {**without_settings(), "BACKTRAIL_URL": f"sqlite:///{elsewhere}"}
    done = bt("demo", cwd=place, env=environment)
    assert done.returncode == 0, done.stderr
    folder = place / "backtrail-demo"
    client = backtrail.connect(f"sqlite:///{folder / '.backtrail' / 'backtrail.db'}")
    yield Demo(folder, done.stdout, done.stderr, elsewhere.exists(), client)
    client.close()


def without_settings() -> dict[str, str]:
    """Give the environment without backtrail's settings, and with an absolute PYTHONPATH."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BACKTRAIL_")}
    if "PYTHONPATH" in kept:
        places = kept["PYTHONPATH"].split(os.pathsep)
        kept["PYTHONPATH"] = os.pathsep.join(os.path.abspath(place) for place in places)
    return kept


def bt(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backtrail", *arguments],
        cwd=cwd,
        env=env or without_settings(),
        capture_output=True,
        text=True,
        check=False,
    )


def frame_of(trace: Backtrace, component: str, *, reader: str) -> Frame:
    """Give the frame of a component that a frame of `reader` links to."""
    [from_reader] = [frame for frame in trace.frames if frame.run.component == reader]
    linked = {given.producer for given in from_reader.inputs}
    [found] = [f for f in trace.frames if f.n in linked and f.run.component == component]
    return found


def test_the_bad_answer_leads_to_the_run_that_failed_after_it_wrote(demo: Demo) -> None:
    trace = demo.client.backtrace(BAD)

    [failed] = [frame for frame in trace.frames if frame.run.status == "failed"]
    assert failed.run.component == "clean_weather"
    assert failed.run.params == {"day": "2013-12-31"}
    assert failed.run.error == (
        "ValueError: no weather for 51 station hours up to 2013-12-31, filled with 0"
    )
    assert failed is frame_of(trace, "clean_weather", reader="features_today")


def test_the_good_answer_names_the_older_producers_of_the_same_paths(demo: Demo) -> None:
    bad, good = demo.client.backtrace(BAD), demo.client.backtrace(GOOD)

    for component, reader in [("features_today", "predict"), ("clean_weather", "features_today")]:
        before, after = (frame_of(trace, component, reader=reader).run for trace in (good, bad))
        assert before.run_id != after.run_id
        assert before.ended_us < after.started_us
        assert before.status == "completed"
        assert [out.name for out in before.outputs] == [out.name for out in after.outputs]
        assert [out.version for out in before.outputs] != [out.version for out in after.outputs]
    assert {frame.run.status for frame in good.frames} == {"completed"}


def test_both_answers_come_from_one_model_that_is_older_than_the_features(demo: Demo) -> None:
    traces = [demo.client.backtrace(output) for output in (GOOD, BAD)]

    trained = [frame_of(trace, "train", reader="predict").run for trace in traces]

    assert trained[0].run_id == trained[1].run_id
    for trace in traces:
        features = frame_of(trace, "features_today", reader="predict").run
        assert trained[0].ended_us < features.started_us
        learnt_from = frame_of(trace, "clean_weather", reader="training_set").run
        assert learnt_from.params == {"day": "2013-12-29"}
        assert learnt_from.status == "completed"


def test_nothing_is_missing_from_a_backtrace(demo: Demo) -> None:
    trace = demo.client.backtrace(BAD)

    assert trace.gaps == []
    assert trace.coverage == 1.0
    assert sorted(frame.run.component for frame in trace.frames) == [
        "clean_flights",
        "clean_weather",
        "clean_weather",
        "features_today",
        *["ingest_flights"] * 4,
        "ingest_planes",
        "ingest_weather",
        "ingest_weather",
        "predict",
        "train",
        "training_set",
    ]


def test_every_output_of_a_batch_traces_back_to_the_night_it_belongs_to(demo: Demo) -> None:
    import pandas as pd

    table = pd.read_parquet(demo.folder / "data" / "today.parquet")
    ids = [f"batch-{c}{n}-12-31" for c, n in zip(table["carrier"], table["flight"], strict=True)]

    runs = {demo.client.backtrace(output).frames[0].run.run_id for output in ids[:: len(ids) // 20]}
    assert len(runs) == 1
    trace = demo.client.backtrace(ids[-1])
    assert trace.frames[0].run.outputs_total == len(ids) == 776
    assert frame_of(trace, "clean_weather", reader="features_today").run.status == "failed"
    before = demo.client.backtrace("batch-AA1121-12-30")
    assert before.frames[0].run.outputs_total == 968
    assert {frame.run.status for frame in before.frames} == {"completed"}


def test_the_runs_of_one_night_belong_to_one_pipeline_run(demo: Demo) -> None:
    nights = [
        {
            demo.client.history(component, limit=3)[place].pipeline_run_id
            for component in ("ingest_weather", "clean_weather", "features_today")
        }
        for place in range(3)
    ]

    assert [len(night) for night in nights] == [1, 1, 1]
    assert len(set.union(*nights)) == 3
    assert None not in set.union(*nights)


def test_the_answers_it_prints_are_those_recorded_and_those_that_happened(demo: Demo) -> None:
    import pandas as pd

    december = pd.read_parquet(demo.folder / "data" / "flights_2013-12.parquet")
    ours = december[(december["carrier"] == "MQ") & (december["flight"] == 2963)]
    actual = dict(zip(ours["day"], ours["arr_delay"], strict=True))
    rows = re.findall(
        r"(\d+) December +(\d+) min (early|late) +(\d+) min (early|late) +(\S+)", demo.printed
    )

    assert [int(row[0]) for row in rows] == [29, 30, 31]
    for day, predicted, side, was, was_side, output in rows:
        recorded = demo.client.backtrace(output).output.value
        assert recorded == (int(predicted) if side == "late" else -int(predicted))
        assert actual[int(day)] == (int(was) if was_side == "late" else -int(was))
    assert set(ours["dest"]) == {"CVG"}
    assert set(ours["origin"]) == {"JFK"}
    assert "from New York to Cincinnati" in demo.printed
    assert 390 <= int(rows[-1][1]) <= 450, "the text speaks of seven hours"


def test_the_numbers_it_prints_while_it_works_are_true(demo: Demo) -> None:
    import pandas as pd

    months = sorted((demo.folder / "data").glob("flights_2013-*.parquet"))
    flights = sum(len(pd.read_parquet(month, columns=["day"])) for month in months)
    planes = len(pd.read_parquet(demo.folder / "data" / "planes.parquet"))

    assert len(months) == 12
    assert f"{flights:,} flights and {planes:,} planes" in demo.progress
    assert "one of 776 flights on the board" in demo.printed


def test_the_commands_it_recommends_work(demo: Demo) -> None:
    closing = demo.printed.partition("Go on from here:")[2]
    commands = [
        shlex.split(found) for found in re.findall(r"(?:\bbt|-m backtrail) (.+)$", closing, re.M)
    ]

    assert "  cd backtrail-demo\n  unset BACKTRAIL_URL\n" in closing
    assert len(commands) == 10
    asked = bt_on("", demo.folder)
    for command in commands:
        done = asked(*command)
        assert done.returncode == (command[0] == "diff"), (command, done.stderr)
        assert done.stdout.strip()
    (show,) = (each for each in commands if each[0] == "show" and len(each) == 2)
    shown = asked(*show, "--json").stdout
    assert '"failed"' in shown


def test_the_backtrace_it_prints_is_the_one_a_person_gets(demo: Demo) -> None:
    asked = bt(BAD, cwd=demo.folder).stdout

    assert f"$ bt {BAD}\n{asked}" in demo.printed


def test_it_leaves_the_users_own_store_alone(demo: Demo) -> None:
    assert not demo.seen_elsewhere


def test_as_json_it_gives_ids_and_places(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The store of the demo that has run stands in for running it again.
    monkeypatch.setattr(demo_module, "_run_step", lambda step, folder, url: "776\n")

    done = CliRunner().invoke(
        demo_module.demo, ["--json", "--db", demo.url, "--dir", str(tmp_path / "new")]
    )

    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert summary["schema"] == "backtrail.demo/1"
    assert summary["folder"] == str(tmp_path / "new")
    assert (summary["good"], summary["bad"]) == (GOOD, BAD)
    assert demo.client.get_run(summary["failed_run_id"]).status == "failed"
    assert summary["batch"] == {"example": "batch-AA1121-12-31", "outputs": 776}


def test_without_its_libraries_it_names_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo_module, "_LIBRARIES", ("pandas", "no_such_library"))

    error = CliRunner().invoke(demo_module.demo, []).exception

    assert isinstance(error, ConfigurationError)
    assert "needs no_such_library," in error.message
    assert "pip install 'backtrail[demo]'" in error.hint


def test_it_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    done = bt("demo", "--dir", str(tmp_path), cwd=tmp_path)

    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.txt"]


def test_the_tutorial_goes_as_it_is_told(demo: Demo) -> None:
    told = TUTORIAL.read_text("utf-8")
    untouched = demo.folder.with_name("untouched")
    # The tutorial mends the pipeline. The paths in the store are absolute, so it has to work in
    # the demo's own folder; what it leaves there is thrown away.
    demo.folder.rename(untouched)
    shutil.copytree(untouched, demo.folder)
    try:
        happened = retold(told, demo)
    finally:
        shutil.rmtree(demo.folder)
        untouched.rename(demo.folder)

    if os.environ.get("UPDATE_GOLDEN"):
        TUTORIAL.write_text(happened, "utf-8")
    else:
        assert masked(happened) == masked(told)


def test_the_shell_walks_as_it_is_told(demo: Demo, tmp_path: Path) -> None:
    told = WALK.read_text("utf-8")
    [session] = re.findall(r"```console\n(\$ bt shell pred-MQ.*?)```", told, flags=re.S)
    command, *typed = re.findall(r"^(?:\$|\(bt \d+\)) (.+)$", session, flags=re.M)
    program, *words = shlex.split(command)
    assert program == "bt"
    environ = {
        **without_settings(),
        "TERM": "xterm",
        "NO_COLOR": "1",
        "XDG_STATE_HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    terminal = Terminal(
        [sys.executable, "-m", "backtrail", *words], env=environ, cwd=demo.folder, rows=200
    )
    try:
        terminal.wait("(bt 0)")
        for line in typed:
            terminal.type(f"{line}\r", until=PROMPT)
        shown = terminal.shown.rpartition("\n")[0]
        code = terminal.end("\x04")
    finally:
        terminal.close()

    assert code == 0
    happened = f"$ {command}\n{as_on_adas_machine(shown, demo)}\n"
    if os.environ.get("UPDATE_GOLDEN"):
        WALK.write_text(told.replace(session, happened), "utf-8")
    else:
        assert masked(happened) == masked(session)


def retold(page: str, demo: Demo) -> str:
    """Do what the page says, in order; give the page with what was printed this time."""
    failed = demo.client.backtrace(BAD).frames[2].run.run_id[:18]
    page = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}\b(?!-)", failed, page)

    def redo(block: re.Match[str]) -> str:
        if block["language"] == "diff":
            mend(demo.folder / "clean.py", block["text"])
            return block[0]
        commands = [command for command, _ in commands_of(block["text"])]
        # What the demo prints has a line that looks like a command.
        commands = commands[:1] if commands[0] == "bt demo" else commands
        printed = "".join(f"$ {command}\n{output_of(command, demo)}" for command in commands)
        return f"```console\n{as_on_adas_machine(printed, demo)}```"

    return re.sub(r"```(?P<language>console|diff)\n(?P<text>.*?)```", redo, page, flags=re.S)


def output_of(command: str, demo: Demo) -> str:
    words = shlex.split(command)
    if words == ["bt", "demo"]:
        return demo.progress + demo.printed.replace("  unset BACKTRAIL_URL\n", "")
    if words[0] == "cd":
        return ""
    program = ["-m", "backtrail"] if words[0] == "bt" else []
    done = subprocess.run(
        [sys.executable, *program, *words[1:]],
        cwd=demo.folder,
        env=without_settings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == (words[:2] == ["bt", "diff"]), (command, done.stdout)
    return done.stdout


def mend(script: Path, diff: str) -> None:
    """Apply the one piece of a diff that the tutorial shows."""
    lines = diff.splitlines()
    before, after = (
        "\n".join(line[1:] for line in lines if line[:1] != left_out) for left_out in "+-"
    )
    source = script.read_text()
    assert source.count(before) == 1
    script.write_text(source.replace(before, after))


def as_on_adas_machine(printed: str, demo: Demo) -> str:
    """Give the text without what differs from machine to machine and is not masked."""
    printed = printed.replace(str(demo.folder), "/home/ada/backtrail-demo")
    printed = printed.replace(f" {demo_module._program()} ", " bt ")
    return re.sub(r"^(host +).*", r"\1ada", printed, flags=re.M)
