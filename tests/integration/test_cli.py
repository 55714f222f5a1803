"""`bt`, run as a person or a script runs it, on a store that a small pipeline filled."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from program import Bt, bt_on, bt_process_on, plain_environment, shown_in_terminal
from terminal import be_interruptible

import backtrail
from backtrail.cli import main
from backtrail.model.records import Run

HOSTILE = "pred-\x1b[31mred\nline"
LONG_AGO = datetime(2026, 7, 24, 2, 0, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with a little pipeline, a failed run, a gap, an overwritten output."""
    folder = tmp_path_factory.mktemp("cli")
    url = f"sqlite:///{folder}/bt.db"
    client = backtrail.connect(url)
    client.create_or_retrieve_component(
        "train", kind="training", owner="@kim", tags=["nightly"], description="fits the model"
    )
    client.create_or_retrieve_component("predict", kind="serving")
    hour = timedelta(hours=1)
    client.record_run(
        "clean",
        started_at=LONG_AGO,
        ended_at=LONG_AGO + hour / 4,
        inputs=["raw.csv"],
        outputs=["clean.csv"],
        status="failed",
        error="KeyError('amount_eur')",
    )
    client.record_run(
        "train",
        started_at=LONG_AGO + hour,
        ended_at=LONG_AGO + 2 * hour,
        inputs=["clean.csv"],
        outputs=["model.pkl"],
        params={"eta": 0.1},
    )
    for place, name in enumerate(["pred-1001", "pred-1002", "recent", HOSTILE, "pred-1001"]):
        client.record_run(
            "predict",
            started_at=LONG_AGO + (3 + place) * hour,
            ended_at=LONG_AGO + (3 + place) * hour + hour / 60,
            inputs=["model.pkl"],
            outputs=[backtrail.Pointer(name, kind="output")],
        )
    assert client.flush() == 0
    client.close()
    return url


@pytest.fixture(scope="module")
def empty_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store without a run."""
    url = f"sqlite:///{tmp_path_factory.mktemp('empty')}/bt.db"
    with backtrail.connect(url) as client:
        client.create_or_retrieve_component("never-run")
    return url


@pytest.fixture
def bt(url: str, tmp_path: Path) -> Bt:
    """Run the program on that store, in a folder of its own."""
    return bt_on(url, tmp_path)


@pytest.fixture
def bt_process(url: str, tmp_path: Path, processes: None) -> Bt:
    """Run the program as a process, for what only that shows."""
    return bt_process_on(url, tmp_path)


def runs_of(url: str, component: str) -> list[Run]:
    with backtrail.connect(url) as client:
        return client.history(component)


# -- the backtrace -------------------------------------------------------------------


def test_an_id_alone_gives_its_backtrace(bt: Bt) -> None:
    done = bt("pred-1002")

    assert done.returncode == 0
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("pred-1002 ")
    assert lines[0].endswith("3 runs, 1 failed, 1 gap")
    assert re.match(r"#0  predict  2026-07-24 06:00 +1m00s  ok +made pred-1002", lines[1])
    assert re.match(r"#1  train .* gave #0 model.pkl", lines[2])
    assert re.match(r"#2  clean .* x failed .* gave #1 clean.csv", lines[3])
    assert re.match(r"\?   \?  .* unknown .* gave #2 raw.csv", lines[4])
    assert "? raw.csv was not written by a recorded run. The trace stops there." in lines


@pytest.mark.parametrize("verb", ["trace", "backtrace", "where"])
def test_the_verb_and_its_aliases_say_the_same(bt: Bt, verb: str) -> None:
    assert bt(verb, "pred-1002").stdout == bt("pred-1002").stdout


def test_one_component_of_a_backtrace_is_shown_alone(bt: Bt) -> None:
    done = bt("pred-1002", "--stage", "clean", "--only", "warn")

    assert [line[:2] for line in done.stdout.splitlines() if line.startswith("#")] == ["#2"]


def test_an_unknown_stage_is_a_name_that_is_not_known(bt: Bt) -> None:
    done = bt("pred-1002", "--stage", "cleam")

    assert done.returncode == 3
    assert "no stage or component 'cleam'" in done.stderr
    assert "clean" in done.stderr


def test_an_id_that_equals_a_command_follows_two_dashes(bt: Bt) -> None:
    done = bt("--", "recent")

    assert done.stdout.startswith("recent ")
    assert "made recent" in done.stdout


@pytest.mark.parametrize(
    "args",
    [
        ("--json", "pred-1002"),
        ("pred-1002", "--json"),
        ("--json", "trace", "pred-1002"),
        ("trace", "pred-1002", "--json"),
        ("trace", "--json", "--", "pred-1002"),
        ("--", "pred-1002", "--json"),
    ],
)
def test_json_is_the_contract_wherever_it_is_asked_for(bt: Bt, url: str, args: Any) -> None:
    done = bt(*args)

    with backtrail.connect(url) as client:
        assert json.loads(done.stdout) == client.backtrace("pred-1002").to_dict()


@pytest.mark.parametrize("before", [True, False])
def test_the_store_can_be_named_before_and_after_the_verb(bt: Bt, url: str, before: bool) -> None:
    named = ("--db", url)
    args = (*named, "pred-1002") if before else ("pred-1002", *named)

    done = bt(*args, env={"BACKTRAIL_URL": "sqlite:////nowhere/at/all.db"})

    assert done.returncode == 0
    assert "made pred-1002" in done.stdout


def test_options_of_trace_may_come_before_the_id(bt: Bt) -> None:
    first, last = bt("-n", "1", "pred-1002"), bt("pred-1002", "-n", "-1")

    assert re.findall(r"^#\d", first.stdout, re.M) == ["#0"]
    assert re.findall(r"^#\d", last.stdout, re.M) == ["#2"]
    assert "2 more runs" in first.stdout


def test_at_gives_the_write_that_was_newest_then(bt: Bt) -> None:
    newest, then = bt("pred-1001"), bt("pred-1001", "--at", "2026-07-24T06:30Z")

    assert "2026-07-24 09:00" in newest.stdout
    assert "2026-07-24 05:00" in then.stdout
    assert "1 other time" in then.stdout


def test_a_time_without_zone_is_refused_with_the_way_to_write_it(bt: Bt) -> None:
    done = bt("pred-1001", "--at", "2026-07-24T06:30")

    assert done.returncode == 2
    assert "names no time zone: write 2026-07-24T06:30Z" in done.stderr


def test_check_exits_with_1_only_where_a_run_has_a_warning(bt: Bt) -> None:
    assert bt("pred-1002").returncode == 0
    assert bt("pred-1002", "--check").returncode == 1
    assert bt("pred-1002", "--check", "--json").returncode == 1


def test_the_newest_output_can_be_named_last(bt: Bt) -> None:
    assert bt("@last").stdout.startswith("pred-1001 ")


def test_the_unique_beginning_of_an_output_id_will_do_and_is_said(bt: Bt) -> None:
    short = bt("rece")

    assert short.returncode == 0
    assert short.stdout.startswith("recent ")
    assert short.stderr == "bt: rece is short for recent\n"


def test_the_beginning_of_several_ids_is_refused_with_their_names(bt: Bt) -> None:
    done = bt("pred-10")

    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.splitlines()[0] == "bt: 'pred-10' is the beginning of 2 output ids"
    assert "pred-1001" in done.stderr
    assert "pred-1002" in done.stderr


def test_a_run_id_gives_the_backtrace_of_the_run(bt: Bt, url: str) -> None:
    run_id = runs_of(url, "train")[0].run_id

    done = bt(run_id)

    assert done.stdout.startswith(run_id)
    assert "made model.pkl" in done.stdout


# -- the other commands ----------------------------------------------------------------


def test_a_run_is_shown_by_a_prefix_of_its_id_or_by_what_it_wrote(bt: Bt, url: str) -> None:
    run_id = runs_of(url, "train")[0].run_id

    by_id, by_name = bt("show", run_id[:18]), bt("inspect", "model.pkl")

    assert by_id.stdout == by_name.stdout
    assert by_id.stdout.startswith(f"run        {run_id}\n")
    assert "params     eta=0.1" in by_id.stdout
    assert by_name.stderr == f"bt: model.pkl was written by run {run_id}\n"


def test_lists_are_newest_first(bt: Bt) -> None:
    recent, history, who = bt("recent", "-n", "3"), bt("history", "predict"), bt("who", "pred-1001")

    assert re.findall(r"2026-07-24 \d\d", recent.stdout) == [
        "2026-07-24 09",
        "2026-07-24 08",
        "2026-07-24 07",
    ]
    assert len(history.stdout.splitlines()) == 5
    assert re.findall(r"2026-07-24 \d\d", who.stdout) == ["2026-07-24 09", "2026-07-24 05"]


def test_history_is_bounded_in_time(bt: Bt) -> None:
    done = bt("history", "predict", "--since", "2026-07-24T06:00Z", "--until", "2026-07-24T08:00Z")

    assert re.findall(r" 0[0-9]:00 ", done.stdout) == [" 07:00 ", " 06:00 "]


def test_recent_goes_on_before_a_run_or_a_time(bt: Bt, url: str) -> None:
    run_id = runs_of(url, "predict")[-1].run_id

    by_run, by_time = (
        bt("recent", "--before", run_id),
        bt("recent", "--before", "2026-07-24T05:00Z"),
    )

    assert by_run.stdout == by_time.stdout
    assert len(by_run.stdout.splitlines()) == 2


def test_find_looks_for_text_in_names(bt: Bt) -> None:
    done, nothing = bt("find", "model"), bt("find", "no such thing")

    assert "model.pkl" in done.stdout
    assert "train" in done.stdout
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert nothing.stderr == "bt: nothing recorded has 'no such thing' in its name\n"


def test_components_are_listed_by_tag_and_owner(bt: Bt) -> None:
    every, tagged = bt("components"), bt("components", "--tag", "nightly", "--owner", "@kim")

    assert len(every.stdout.splitlines()) == 3
    assert tagged.stdout.splitlines() == [
        line for line in tagged.stdout.splitlines() if line.startswith("train  training  @kim")
    ]
    assert "[nightly]  fits the model" in tagged.stdout


def test_the_database_is_looked_after(bt: Bt) -> None:
    stats, check, upgrade = bt("db", "stats"), bt("db", "check"), bt("db", "upgrade")

    assert re.search(r"^runs +7$", stats.stdout, re.M)
    assert (check.returncode, check.stdout) == (0, "No faults found.\n")
    assert re.match(r"The schema is \d+, the newest", upgrade.stdout)


def test_doctor_finds_a_sound_set_up_in_order(bt: Bt) -> None:
    done = bt("doctor")

    assert done.returncode == 0
    assert done.stdout.startswith("ok  ")


SCHEMAS = {
    ("show", "model.pkl"): ("run/1", "run"),
    ("who", "model.pkl"): ("runs/1", "runs"),
    ("history", "train"): ("runs/1", "runs"),
    ("recent",): ("runs/1", "runs"),
    ("find", "model"): ("matches/1", "matches"),
    ("components",): ("components/1", "components"),
    ("doctor",): ("diagnosis/1", "findings"),
    ("db", "stats"): ("stats/1", "runs"),
    ("db", "check"): ("check/1", "problems"),
    ("db", "upgrade"): ("upgrade/1", "after"),
    ("completion", "zsh"): ("completion/1", "script"),
    ("help", "record"): ("help/1", "text"),
}


@pytest.mark.parametrize("args", SCHEMAS)
def test_every_command_speaks_json_with_its_schema(bt: Bt, args: tuple[str, ...]) -> None:
    schema, key = SCHEMAS[args]

    after, before = bt(*args, "--json"), bt("--json", *args)

    document = json.loads(after.stdout)
    assert after.stderr == ""
    assert document["schema"] == f"backtrail.{schema}"
    assert key in document
    assert json.loads(before.stdout).keys() == document.keys()


LISTS = {
    ("who", "model.pkl"): "runs",
    ("history", "predict"): "runs",
    ("recent", "-n", "4"): "runs",
    ("find", "pred"): "matches",
    ("components",): "components",
}


@pytest.mark.parametrize("args", LISTS)
def test_jsonl_prints_the_entries_of_the_list_one_a_line(bt: Bt, args: tuple[str, ...]) -> None:
    whole, lines = bt(*args, "--json"), bt(*args, "--jsonl")

    assert lines.stderr == ""
    found = [json.loads(line) for line in lines.stdout.splitlines()]
    assert found == json.loads(whole.stdout)[LISTS[args]]
    assert found


def test_jsonl_goes_on_past_a_page(bt: Bt, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    with backtrail.connect(url) as client:
        for place in range(1203):
            then = LONG_AGO + timedelta(seconds=place)
            client.record_run("step", started_at=then, ended_at=then)

    recent = bt("recent", "-n", "1100", "--jsonl", "--db", url)
    history = bt("history", "step", "-n", "9999", "--jsonl", "--db", url)

    ids = [json.loads(line)["run_id"] for line in history.stdout.splitlines()]
    assert len(set(ids)) == len(ids) == 1203
    assert [json.loads(line)["run_id"] for line in recent.stdout.splitlines()] == ids[:1100]


def test_jsonl_of_nothing_is_nothing(bt: Bt, empty_url: str) -> None:
    done = bt("recent", "--jsonl", "--db", empty_url)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_errors_are_json_where_lines_of_json_were_asked_for(bt: Bt) -> None:
    done = bt("history", "clena", "--jsonl")

    assert done.returncode == 3
    assert json.loads(done.stderr)["error"]["closest"] == ["clean"]


@pytest.mark.parametrize(
    "args", [(), ("trace",), ("show",), ("find",), ("db",), ("db", "check"), ("demo",)]
)
def test_every_command_explains_itself(bt: Bt, args: tuple[str, ...]) -> None:
    done = bt(*args, "--help")

    assert done.returncode == 0
    assert done.stdout.startswith(" ".join(["Usage: bt", *args]))
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert bt("help", *args).stdout == done.stdout


def test_alone_it_prints_a_short_help(bt: Bt) -> None:
    done = bt()

    assert done.returncode == 0
    assert "bt ID" in done.stdout
    assert len(done.stdout.splitlines()) < 45


def test_version(bt: Bt) -> None:
    assert re.match(r"bt \S+", bt("--version").stdout)


# -- when it goes wrong ------------------------------------------------------------------


def test_an_unknown_id_is_answered_with_the_closest(bt: Bt) -> None:
    done = bt("pred-2001")

    assert done.returncode == 3
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0].startswith("bt: no output 'pred-2001' in sqlite:///")
    assert lines[1] == "Close matches:  pred-1001  predict  2026-07-24 09:00:00"
    assert lines[-1] == 'Search by text: bt find "pred-2001"'


def test_errors_are_json_where_json_was_asked_for(bt: Bt) -> None:
    done = bt("pred-2001", "--json")

    error = json.loads(done.stderr)["error"]
    assert done.returncode == 3
    assert done.stdout == ""
    assert error["code"] == 3
    assert error["type"] == "NotFoundError"
    assert "pred-1001" in error["closest"]
    assert error["message"]
    assert error["hint"]


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (("trace",), "Missing argument 'ID'.", "How to use it: bt trace --help"),
        (("db", "nothing"), "No such command 'nothing'.", "How to use it: bt db --help"),
        (("hsitory", "clean"), "Got unexpected extra argument (clean)", "Did you mean: bt history"),
        (("help", "nothing"), "no command is called 'nothing'", "How to use it: bt --help"),
        (("pred-1001", "-n", "0"), "0 shows nothing", "How to use it: bt trace --help"),
    ],
)
def test_wrong_use_says_how_to_use_it(bt: Bt, args: Any, message: str, hint: str) -> None:
    done = bt(*args)

    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert message in first
    assert first.startswith("bt: ")
    assert second == hint


def test_a_mistyped_command_is_recognised(bt: Bt) -> None:
    done = bt("recnet")

    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "Did you mean the command: bt recent"


def test_an_empty_database_is_told_from_a_missing_one(bt: Bt, empty_url: str) -> None:
    recent, trace = bt("recent", "--db", empty_url), bt("pred-1", "--db", empty_url)

    assert (recent.returncode, recent.stdout) == (0, "")
    assert recent.stderr.splitlines() == [
        "bt: the database is there but empty: nothing has been recorded yet.",
        "Record a run: put @register on a function (bt help record). Check the set-up: bt doctor",
    ]
    assert trace.returncode == 3
    assert trace.stderr.splitlines()[1] == recent.stderr.splitlines()[1]
    assert json.loads(bt("recent", "--db", empty_url, "--json").stdout)["runs"] == []


def test_a_file_that_is_no_database_is_out_of_reach(bt: Bt, tmp_path: Path) -> None:
    (tmp_path / "no.db").write_text("this is not a database, but a text of some length\n" * 50)

    done, doctor = bt("recent", "--db", "no.db"), bt("doctor", "--db", "no.db")

    assert (done.returncode, done.stdout) == (4, "")
    assert len(done.stderr.splitlines()) == 2
    assert "no.db" in done.stderr
    assert "Traceback" not in done.stderr
    assert doctor.returncode in (1, 4)
    assert doctor.stdout.startswith("x")


def test_a_damaged_database_is_not_sent_round_in_circles(bt: Bt, url: str, tmp_path: Path) -> None:
    sound = Path(url.removeprefix("sqlite:///")).read_bytes()
    (tmp_path / "bad.db").write_bytes(sound[:4096] + b"\x55" * (len(sound) - 4096))

    done = bt("db", "check", "--db", "bad.db")

    assert done.returncode in (1, 4)
    assert "bt db check" not in done.stderr


def test_a_time_can_be_given_as_it_is_printed(bt: Bt) -> None:
    printed, plain = "2026-07-24 06:30:00.000 UTC", "2026-07-24T06:30Z"

    assert bt("pred-1001", "--at", printed).stdout == bt("pred-1001", "--at", plain).stdout
    assert bt("pred-1001", "--at", printed).returncode == 0


def test_a_database_of_a_newer_version_is_refused(bt: Bt, url: str, tmp_path: Path) -> None:
    newer = tmp_path / "newer.db"
    shutil.copy(url.removeprefix("sqlite:///"), newer)
    with contextlib.closing(sqlite3.connect(newer)) as database:
        database.execute("PRAGMA user_version = 99")

    done = bt("pred-1002", "--db", "newer.db")

    assert (done.returncode, done.stdout) == (4, "")
    assert "99" in done.stderr.splitlines()[0]
    assert len(done.stderr.splitlines()) == 2


def test_a_missing_database_is_not_called_empty(bt: Bt, tmp_path: Path) -> None:
    recent, trace = bt("recent", "--db", "none.db"), bt("pred-1", "--db", "none.db")

    assert (recent.returncode, trace.returncode) == (0, 3)
    for done in (recent, trace):
        assert done.stdout == ""
        assert "there is no database at sqlite:///" in done.stderr
        assert "none.db" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("db",), "bt: db needs a command: stats, check, upgrade, copy, prune"),
        (("completion",), "bt: Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish"),
    ],
)
def test_wrong_use_is_told_in_one_line(bt: Bt, args: Any, said: str) -> None:
    done = bt(*args)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{said}\nHow to use it: bt {args[0]} --help\n"


def test_an_address_that_cannot_be_is_wrong_use(bt: Bt) -> None:
    done = bt("recent", "--db", "oracle://host/db")

    assert done.returncode == 2
    assert "oracle://" in done.stderr


@pytest.mark.parametrize("args", [("@last",), ("recent",), ("find", "pred"), ("components",)])
def test_no_name_from_a_pipeline_reaches_the_terminal_raw(bt: Bt, args: Any) -> None:
    for options in ((), ("--json",), ("--full",) if args == ("@last",) else ("--wide",)):
        done = bt(*args, *options)

        assert "\x1b" not in done.stdout + done.stderr


def test_an_unknown_hostile_name_is_escaped_too(bt: Bt) -> None:
    done = bt("\x1b[31mno\nsuch")

    assert done.returncode == 3
    assert "\x1b" not in done.stderr


def test_a_fault_of_ours_is_one_line_and_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("backtrail.client.connect", lambda url: 1 / 0)

    code = main(["recent"])

    log = tmp_path / "backtrail" / "bt-errors.log"
    said = capsys.readouterr().err
    assert code == 70
    assert said.splitlines() == [
        "bt: a fault in backtrail: ZeroDivisionError: division by zero",
        f"The traceback is in {log}; --debug prints it.",
    ]
    assert "Traceback (most recent call last)" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    assert main(["recent", "--debug"]) == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.usefixtures("processes")
def test_ctrl_c_ends_with_130(url: str, tmp_path: Path) -> None:
    # The program is held at its first look at the store, then interrupted.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, select, signal, sqlite3, sys\n"
        "came, tell = os.pipe()\n"
        "os.set_blocking(tell, False)\n"
        "signal.set_wakeup_fd(tell)\n"
        "def hold(*args, **kwargs):\n"
        "    sys.stderr.write('held\\n'); sys.stderr.flush(); select.select([came], [], [])\n"
        "sqlite3.connect = hold\n"
    )
    environment = {**plain_environment(), "BACKTRAIL_URL": url}
    environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{environment['PYTHONPATH']}"
    process = subprocess.Popen(
        [sys.executable, "-m", "backtrail", "pred-1002"],
        env=environment,
        stderr=subprocess.PIPE,
        preexec_fn=be_interruptible,
    )
    assert process.stderr is not None

    try:
        held = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=30)[1]
    finally:
        process.kill()

    assert held == b"held\n"
    assert process.returncode == 130
    assert rest == b"bt: interrupted\n"


# -- streams, colour, pages ---------------------------------------------------------------


@pytest.mark.usefixtures("processes")
def test_a_closed_pipe_ends_quietly(url: str) -> None:
    environment = {**plain_environment(), "BACKTRAIL_URL": url}
    command = f"{sys.executable} -m backtrail pred-1002 --full | true; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout == "0\n"
    assert done.stderr == ""


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_stdout_is_no_error_and_harms_no_database(bt: Bt, url: str, closed: str) -> None:
    environment = {**plain_environment(), "BACKTRAIL_URL": url}

    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m backtrail pred-1002 {closed}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert bt("db", "check").returncode == 0


def test_a_full_disk_behind_stdout_is_said(bt_process: Bt) -> None:
    with open("/dev/full", "w") as full:
        done = bt_process("pred-1002", capture_output=False, stdout=full, stderr=subprocess.PIPE)

    assert done.returncode == 74
    assert done.stderr == "bt: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize(
    ("args", "env", "colored"),
    [
        ((), {}, False),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_is_as_it_was_asked_for(bt: Bt, args: Any, env: Any, colored: bool) -> None:
    assert ("\x1b[" in bt("pred-1002", *args, env=env).stdout) is colored


@pytest.mark.parametrize("env", [{"LC_ALL": "C"}, {"LANG": "C"}, {"PYTHONIOENCODING": "latin-1"}])
def test_a_locale_that_is_not_utf8_gets_ascii(bt_process: Bt, env: dict[str, str]) -> None:
    done = bt_process("--wide", "@last", "--full", env=env)
    cut = bt_process("pred-1002", env={**env, "COLUMNS": "54"})

    assert done.stdout.isascii()
    assert cut.stdout.isascii()
    assert ".." in cut.stdout


def test_lines_are_as_wide_as_the_window_and_never_wider_than_100(bt: Bt) -> None:
    narrow, wide = bt("pred-1002", env={"COLUMNS": "80"}), bt("pred-1002", env={"COLUMNS": "200"})

    assert len(narrow.stdout.splitlines()[0]) == 80
    assert len(wide.stdout.splitlines()[0]) == 100


@pytest.mark.usefixtures("processes")
def test_a_terminal_gets_colour_and_a_pager_past_one_screen(url: str) -> None:
    pager = {"PAGER": "sed s/^/PAGED:/"}

    short = shown_in_terminal(url, "pred-1002", rows=50, **pager)
    long = shown_in_terminal(url, "pred-1002", "--full", rows=10, **pager)
    told_not_to = shown_in_terminal(url, "pred-1002", "--full", "--no-pager", rows=10, **pager)

    assert "\x1b[" in short
    assert "PAGED:" not in short
    assert long.startswith("PAGED:")
    assert "PAGED:" not in told_not_to


@pytest.mark.usefixtures("processes")
def test_a_dumb_terminal_gets_neither(url: str) -> None:
    shown = shown_in_terminal(url, "pred-1002", "--full", TERM="dumb", PAGER="sed s/^/PAGED:/")

    assert "\x1b[" not in shown
    assert "PAGED:" not in shown


# -- completion and start-up ---------------------------------------------------------------


@pytest.mark.parametrize("words", ["bt pred-10", "bt trace pred-10", "bt --json show pred-10"])
def test_ids_are_completed_with_and_without_a_verb(bt: Bt, words: str) -> None:
    place = str(words.count(" "))

    done = bt(env={"_BT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": place})

    assert sorted(done.stdout.splitlines()) == ["plain,pred-1001", "plain,pred-1002"]


def test_commands_and_components_are_completed(bt: Bt) -> None:
    how = {"_BT_COMPLETE": "bash_complete", "COMP_CWORD": "1", "COMP_WORDS": "bt comp"}
    verbs = bt(env=how)
    names = bt(env={**how, "COMP_WORDS": "bt history tr", "COMP_CWORD": "2"})

    assert verbs.stdout.splitlines() == ["plain,components", "plain,completion"]
    assert names.stdout.splitlines() == ["plain,train"]


def completed(bt: Bt, words: str, **env: str) -> list[str]:
    """What bash is offered for the last word."""
    place = str(words.count(" "))
    how = {"_BT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": place, **env}
    return bt(env=how).stdout.splitlines()


def test_the_words_for_the_newest_output_are_completed(bt: Bt) -> None:
    assert completed(bt, "bt @") == ["plain,@last", "plain,@last-good"]
    assert completed(bt, "bt who @last-") == ["plain,@last-good"]


def test_a_path_is_left_to_the_shell(bt: Bt) -> None:
    assert completed(bt, "bt who ./da") == ["file,./da"]


def test_without_a_beginning_the_newest_ids_are_offered(bt: Bt) -> None:
    offered = completed(bt, "bt show ")

    assert offered.index("plain,recent") < offered.index("plain,pred-1002")


@pytest.mark.usefixtures("processes")
def test_completion_loads_neither_questions_nor_the_journal(url: str) -> None:
    words = {"_BT_COMPLETE": "bash_complete", "COMP_WORDS": "bt pred", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "backtrail"],
        env={**plain_environment(), "BACKTRAIL_URL": url, **words},
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "plain,pred-1001" in done.stdout
    assert loaded.isdisjoint(
        {"backtrail.query.lookups", "backtrail.journal.drain", "backtrail.store.relational"}
    )


def test_completion_is_silent_when_the_store_is_away(bt: Bt, tmp_path: Path) -> None:
    (tmp_path / "no.db").write_text("no database " * 500)
    how = {"_BT_COMPLETE": "bash_complete", "COMP_WORDS": "bt pred", "COMP_CWORD": "1"}

    done = bt(env={**how, "BACKTRAIL_URL": "no.db"})

    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_a_question_makes_no_database(bt: Bt, tmp_path: Path) -> None:
    for args in (("recent",), ("pred-1",), ("doctor",)):
        bt(*args, env={"BACKTRAIL_URL": ""})
    how = {"_BT_COMPLETE": "bash_complete", "COMP_WORDS": "bt pred", "COMP_CWORD": "1"}
    bt(env={**how, "BACKTRAIL_URL": ""})

    assert list(tmp_path.iterdir()) == []


# For bash, click asks bash for its version.
@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_serves_both_names_of_the_program(bt: Bt, shell: str) -> None:
    script = bt("completion", shell).stdout

    assert "_BT_COMPLETE" in script
    assert "_bt_completion" in script
    assert "_backtrail_completion" in script


@pytest.mark.usefixtures("processes")
def test_bash_accepts_the_script_and_completes_with_it(url: str, tmp_path: Path) -> None:
    program = tmp_path / "bt"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m backtrail "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(bt completion bash)"; COMP_WORDS=(bt pred-10); COMP_CWORD=1;'
        ' _bt_completion bt pred-10 bt; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    environment = {**plain_environment(), "BACKTRAIL_URL": url}
    environment["PATH"] = f"{tmp_path}{os.pathsep}{environment['PATH']}"

    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, check=True
    )

    assert sorted(done.stdout.split()) == ["pred-1001", "pred-1002"]


@pytest.mark.usefixtures("processes")
def test_a_backtrace_loads_nothing_that_it_does_not_need(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "backtrail", "pred-1002"],
        env={**plain_environment(), "BACKTRAIL_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert loaded.isdisjoint({"rich", "pygments", "prompt_toolkit", "numpy", "pandas", "asyncio"})
