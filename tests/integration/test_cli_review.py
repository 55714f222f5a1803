"""`bt flag`, `unflag`, `note` and `review`: what they print, exit codes and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from program import Bt, bt_on, bt_process_on

import backtrail


@pytest.fixture
def bt(tmp_path: Path) -> Bt:
    """`bt` on a store in which a file was cleaned four times, and five outputs served of each."""
    client = backtrail.connect(f"sqlite:///{tmp_path}/bt.db")

    @client.register("clean", output_path="path")
    def clean(path: Path, text: str) -> None:
        path.write_text(text)

    @client.register("serve", input_path="path")
    def serve(path: Path, output_id: str) -> None:
        assert path.exists()
        client.log(output_id)

    for day in range(4):
        clean(tmp_path / "clean.csv", f"day {day}")
        for n in range(5):
            serve(tmp_path / "clean.csv", f"pred-{day}-{n}")
    client.close()
    return bt_on(f"sqlite:///{tmp_path}/bt.db", tmp_path)


def test_outputs_are_flagged_reviewed_listed_and_unflagged(bt: Bt) -> None:
    flagged = bt("flag", "pred-2-0", "pred-2-1", "pred-2-3", "-m", "far too high")
    traced = bt("pred-2-1")
    listed = bt("review", "--list")
    reviewed = bt("review")
    done = bt("unflag", "--all", "-m", "mended")
    after = bt("review")

    assert flagged.stdout == "Flagged 3 outputs; 3 are flagged now.\n"
    assert flagged.stderr == "Rank the runs behind them: bt review\n"
    assert "pred-2-1 is flagged as wrong" in traced.stdout
    assert listed.stdout.count("far too high") == 3
    lines = reviewed.stdout.splitlines()
    assert lines[0].startswith("3 flagged outputs, ")
    assert lines[0].endswith(" against 17 outputs that are not flagged")
    assert lines[2].split()[2] == "clean"
    assert "3/3" in lines[2]
    assert "2/17" in lines[2]
    assert "Rank 1 stands out: 3 of its 5 outputs are flagged" in reviewed.stdout
    assert done.stdout == "Unflagged 3 outputs; 0 are flagged now.\n"
    assert (after.stdout, after.returncode) == ("", 0)
    assert after.stderr.startswith("bt: no output is flagged\nFlag one that is wrong: bt flag ID")


def test_flagged_outputs_are_assigned(bt: Bt) -> None:
    bt("flag", "pred-2-0", "pred-2-1", "-m", "far too high")

    some = bt("assign", "pred-2-0", "pred-1-1", "--to", "ada")
    listed = bt("review", "--list")
    every = bt("assign", "--all", "--json")
    mine = json.loads(bt("review", "--list", "--json").stdout)["flagged"]
    nobody = bt("assign", "--all", "--nobody")
    wrong = [
        bt(*words).returncode
        for words in (
            ("assign",),
            ("assign", "--all", "pred-2-0"),
            ("assign", "--all", "--to", "a", "--nobody"),
            ("assign", "--all", "--to", " "),
        )
    ]
    bt("unflag", "--all")
    none = bt("assign", "--all")

    assert some.stdout == "ada looks into pred-2-0.\n"
    assert some.stderr == "bt: pred-1-1 is not flagged\n"
    assert listed.stdout.count("ada looks into it") == 1
    said = json.loads(every.stdout)
    assert said["assigned"] == ["pred-2-0", "pred-2-1"]
    assert said["assignee"]
    assert [each["assignee"] for each in mine] == [said["assignee"]] * 2
    assert nobody.stdout == "Nobody looks into 2 outputs now.\n"
    assert wrong == [2, 2, 2, 2]
    assert (none.stdout, none.stderr) == ("", "bt: no output is flagged\n")


def test_a_review_as_json_is_one_document(bt: Bt) -> None:
    bt("flag", "pred-2-0", "pred-2-1", "pred-2-3")

    document = json.loads(bt("review", "--json").stdout)
    listed = json.loads(bt("review", "--list", "--json").stdout)
    lines = [json.loads(line) for line in bt("review", "--list", "--jsonl").stdout.splitlines()]

    assert document["schema"] == "backtrail.review/1"
    assert (document["verdict"], document["flagged"], document["others"]) == ("strong", 3, 17)
    assert document["rows"][0]["members"][0]["component"] == "clean"
    assert {each["name"] for each in listed["flagged"]} == {"pred-2-0", "pred-2-1", "pred-2-3"}
    assert lines == listed["flagged"]


def test_an_unknown_id_is_answered_with_close_matches_and_flags_nothing(bt: Bt) -> None:
    done = bt("flag", "pred-2-0", "perd-2-1", "-m", "wrong")

    assert done.returncode == 3
    assert done.stdout == ""
    assert "Close matches:  pred-2-1  serve" in done.stderr
    assert bt("review", "--list").stdout == ""


def test_the_beginning_of_an_id_and_the_newest_output_can_be_flagged(bt: Bt) -> None:
    several = bt("flag", "pred-2")
    newest = bt("flag", "@last", "--json")

    assert several.returncode == 3
    assert "pred-2-4" in several.stderr
    assert json.loads(newest.stdout) == {
        "schema": "backtrail.flags/1",
        "flagged": ["pred-3-4"],
        "total": 1,
    }


def test_a_run_cannot_be_flagged_but_noted(bt: Bt) -> None:
    run = json.loads(bt("recent", "-n", "1", "--json").stdout)["runs"][0]

    flagged = bt("flag", run["run_id"])
    noted = bt("note", run["run_id"], "read", "half a file")
    shown = bt("show", run["run_id"])

    assert flagged.returncode == 2
    assert "flags are put on outputs" in flagged.stderr
    assert noted.stdout == f"Noted on serve run {run['run_id']}.\n"
    assert "read half a file" in shown.stdout


def test_wrong_use_says_what_is_missing(bt: Bt) -> None:
    neither, both = bt("unflag"), bt("unflag", "pred-1-1", "--all")
    lines = bt("review", "--jsonl")
    unflagged = bt("unflag", "pred-1-1")
    unknown = bt("note", "nonesuch-run", "hello")

    assert (neither.returncode, both.returncode, lines.returncode) == (2, 2, 2)
    assert "or all of them with --all" in neither.stderr
    assert "--jsonl goes with --list" in lines.stderr
    assert unflagged.stderr == "bt: pred-1-1 is not flagged\n"
    assert unknown.returncode == 3


def test_a_review_of_an_empty_store_says_how_to_begin(tmp_path: Path) -> None:
    bt = bt_on(f"sqlite:///{tmp_path}/none.db", tmp_path)

    reviewed, listed = bt("review"), bt("review", "--list")

    assert (reviewed.returncode, reviewed.stdout) == (0, "")
    assert "nothing has been recorded yet" in reviewed.stderr
    assert "nothing has been recorded yet" in listed.stderr
    assert not (tmp_path / "none.db").exists()


@pytest.mark.usefixtures("processes")
def test_a_review_reads_in_a_narrow_window_and_in_ascii(bt: Bt, tmp_path: Path) -> None:
    bt("flag", "pred-2-0", "pred-2-1", "pred-2-3")

    narrow = bt("review", env={"COLUMNS": "80"}).stdout
    in_c = {"LC_ALL": "C", "PYTHONUTF8": "0"}
    bt_process = bt_process_on(f"sqlite:///{tmp_path}/bt.db", tmp_path)
    ascii_only = bt_process("review", env=in_c).stdout

    assert max(map(len, narrow.splitlines())) <= 80
    assert ascii_only.isascii()
