"""`bt impact`, run as a person or a script runs it."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from program import Bt, bt_on, in_terminal, plain_environment

import backtrail

START = datetime(2026, 7, 24, 2, 0, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
HOSTILE = "pred-\x1b[31mred\nline"
COMMIT = "9c1d2e4" + "0" * 33


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a failed clean run, what was built on it, and what was not."""
    url = f"sqlite:///{tmp_path_factory.mktemp('impact')}/bt.db"
    with backtrail.connect(url) as client:
        client.create_or_retrieve_component("predict", owner="@ml")

        def put(component: str, hour: int, **what: object) -> None:
            client.record_run(
                component,
                started_at=START + hour * HOUR,
                ended_at=START + hour * HOUR,
                run_id=f"{component}-{hour}",
                **what,  # type: ignore[arg-type]
            )

        put("clean", 0, outputs=["clean.csv"], status="failed", error="KeyError", git_hash=COMMIT)
        put("train", 1, inputs=["clean.csv"], outputs=["model.pkl"])
        for hour, name in enumerate(("pred-1001", "pred-1002", HOSTILE), 2):
            output = backtrail.Pointer(name, kind="output")
            put("predict", hour, inputs=["model.pkl"], outputs=[output])
        put("clean", 9, outputs=["clean.csv"])
        client.flush()
        client.flag("pred-1002")
    return url


@pytest.fixture
def bt(url: str, tmp_path: Path) -> Bt:
    return bt_on(url, tmp_path)


def test_what_was_built_on_a_run_is_shown_by_distance(bt: Bt) -> None:
    done = bt("impact", "clean-0")

    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout == (
        "clean-0 clean, 2026-07-24 02:00, x failed. What was built on it:\n"
        "+0  clean-0  clean    2026-07-24 02:00  x failed\n"
        "+1  train-1  train    2026-07-24 03:00  read clean.csv\n"
        "+2  3 runs   predict  2026-07-24        3 outputs, 1 flagged, read model.pkl\n"
        "Affected: 4 runs, 3 outputs, 1 flagged. Owners: @ml (3 runs), not known (1 run).\n"
        "clean.csv was written again, last 2026-07-24 11:00:00 by clean-9: what read that version"
        " is not\ncounted here.\n"
        "To list the outputs: bt impact clean-0 --outputs\n"
        "Why one is among them: bt impact clean-0 --path-to ID\n"
    )


def test_output_ids_are_listed_one_a_line_and_cannot_steer_a_terminal(bt: Bt) -> None:
    plain = bt("impact", "clean.csv", "--outputs")
    lines = bt("impact", "clean.csv", "--outputs", "--jsonl")
    whole = bt("impact", "clean.csv", "--outputs", "--json")

    assert plain.stdout == "pred-1001\npred-1002\npred-\\x1b[31mred\\nline\n"
    entries = [json.loads(line) for line in lines.stdout.splitlines()]
    assert [entry["name"] for entry in entries] == ["pred-1001", "pred-1002", HOSTILE]
    assert [entry["flagged"] for entry in entries] == [False, True, False]
    document = json.loads(whole.stdout)
    assert document == {"schema": "backtrail.impact_outputs/1", "outputs": entries}


def test_runs_are_listed_nearest_first(bt: Bt) -> None:
    plain = bt("impact", "clean-0", "--runs")
    document = json.loads(bt("impact", "clean-0", "--runs", "--json").stdout)
    nothing = bt("impact", "clean-9", "--runs")
    empty = json.loads(bt("impact", "clean-9", "--runs", "--json").stdout)

    assert plain.stdout.split()[0] == "train-1"
    assert document["runs"][0]["run_id"] == "train-1"
    assert [run["depth"] for run in document["runs"]] == [1, 2, 2, 2]
    assert (nothing.stdout, nothing.returncode) == ("", 0)
    assert "no run is downstream" in nothing.stderr
    assert empty == {"schema": "backtrail.impact_runs/1", "runs": []}


def test_the_path_to_an_output_shows_the_evidence_of_each_link(bt: Bt) -> None:
    done = bt("impact", "clean-0", "--path-to", "pred-1002")
    document = json.loads(bt("impact", "clean-0", "--path-to", "pred-1002", "--json").stdout)
    missed = bt("impact", "train-1", "--path-to", "clean.csv")

    assert done.stdout == (
        "+0  clean-0    clean    2026-07-24 02:00  x failed\n"
        "+1  train-1    train    2026-07-24 03:00  read clean.csv, by time\n"
        "+2  predict-3  predict  2026-07-24 05:00  read model.pkl, by time\n"
        "The last of them made pred-1002.\n"
    )
    assert [step["evidence"] for step in document["steps"]] == ["", "time", "time"]
    assert missed.returncode == 3
    assert "'clean.csv' is not affected" in missed.stderr


def test_runs_are_chosen_by_component_commit_and_time(bt: Bt) -> None:
    by_commit = json.loads(bt("impact", "--commit", COMMIT[:7], "--json").stdout)
    by_version = json.loads(
        bt("impact", "--component", "clean", "--version", COMMIT[:7], "--json").stdout
    )
    later = json.loads(bt("impact", "--since", "2026-07-24T10:00Z", "--json").stdout)

    assert [run["run_id"] for run in by_commit["roots"]] == ["clean-0"]
    assert by_commit["runs_total"] == by_version["runs_total"] == 4
    assert [run["run_id"] for run in later["roots"]] == ["clean-9"]
    assert later["runs"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "impact of what is not said"),
        (["clean-0", "--commit", "9c1d"], 2, "cannot be joined with a name"),
        (["clean-0", "--outputs", "--runs"], 2, "give one of"),
        (["model.pk"], 3, "no artifact or run 'model.pk'"),
        (["model.pkl", "--version", "nope"], 3, "no recorded version"),
        (["--component", "clan"], 3, "no component 'clan'"),
        (["--commit", "dead"], 3, "ran at the commit or source digest 'dead'"),
        (["--since", "yesterday"], 2, "is no time in ISO 8601"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(
    bt: Bt, arguments: list[str], code: int, said: str
) -> None:
    done = bt("impact", *arguments)

    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) >= 2


def test_the_beginning_of_an_output_id_is_enough_and_nothing_read_is_said(bt: Bt) -> None:
    done = bt("impact", "pred-1001"[:-1] + "1")

    assert done.returncode == 0
    assert "No recorded run read it." in done.stdout
    assert "What is behind it: bt pred-1001" in done.stdout


def test_a_version_that_is_not_known_is_not_passed_over_for_the_file_s_content(
    tmp_path: Path,
) -> None:
    file = tmp_path / "t.csv"
    url = f"sqlite:///{tmp_path}/bt.db"
    with backtrail.connect(url) as client:

        @client.register("clean", output_path=file)
        def clean() -> None:
            file.write_text("1")

        clean()

    done = bt_on(url, tmp_path)("impact", "t.csv", "--version", "0000")

    assert done.returncode == 3
    assert "no recorded version of" in done.stderr
    assert "Its newest: blake3:" in done.stderr


def test_a_limit_says_on_stderr_that_the_list_is_a_part(bt: Bt) -> None:
    done = bt("impact", "clean-0", "--outputs", "--limit", "3")

    assert done.returncode == 0
    assert "--limit cut this" in done.stderr


@pytest.mark.usefixtures("processes")
def test_ctrl_c_prints_what_is_known_and_says_that_it_is_a_part(url: str, tmp_path: Path) -> None:
    # What read a run is looked for only once Ctrl-C has come.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, select, signal\n"
        "from backtrail.query.links import Linker\n"
        "came, tell = os.pipe()\n"
        "os.set_blocking(tell, False)\n"
        "signal.set_wakeup_fd(tell)\n"
        "link = Linker.link\n"
        "Linker.link = lambda *given: select.select([came], [], []) and link(*given)\n"
    )
    path = f"{tmp_path}{os.pathsep}{plain_environment()['PYTHONPATH']}"

    shown, code = in_terminal(
        url, "impact", "clean-0", "--no-pager", keys={"Following  1 of": "\x03"}, PYTHONPATH=path
    )

    assert "What was built on it" in shown
    assert "This was cut here" in shown
    assert "bt: interrupted: this is only a part" in shown
    assert code == 130


def test_an_empty_store_says_how_to_begin(tmp_path: Path) -> None:
    done = bt_on(f"sqlite:///{tmp_path}/none.db", tmp_path)("impact", "anything")

    assert done.returncode == 3
    assert "nothing has been recorded yet" in done.stderr
