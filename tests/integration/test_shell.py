"""`bt shell`: its commands on a recorded pipeline, and the prompt around them."""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from program import Bt, bt_on, bt_process_on, plain_environment
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from terminal import Terminal, be_interruptible

import backtrail
from backtrail.cli.program import VERBS
from backtrail.debugger import commands, shell
from backtrail.debugger.completion import candidates
from backtrail.debugger.preferences import Preferences, preferences_file
from backtrail.debugger.session import Debugging, Leave, Verb
from backtrail.errors import BacktrailError
from backtrail.render.screen import Screen

PIPELINE = """\
import csv
from pathlib import Path
bt = recording_client

@bt.register("ingest", output_path="raw.csv")
def ingest(rows):
    with open("raw.csv", "w") as file:
        csv.writer(file).writerows([["order", "amount"], *([n, n / 2] for n in range(rows))])

@bt.register("clean", input_path="raw.csv", output_path="clean.csv")
def clean(fill=0, currency="EUR"):
    text = Path("raw.csv").read_text()
    Path("clean.csv").write_text(text)
    bt.log_output(Path("clean.csv"))
    if fill:
        raise ValueError(f"filled with {fill}")

@bt.register("serve", input_path="clean.csv")
def serve(day):
    bt.log(f"pred-{day}", value={"risk": 0.83})

for day, fill in [("20", 0), ("21", 7)]:
    ingest(5 + fill)
    try:
        clean(fill)
    except ValueError:
        pass
    serve(day)
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A store with the runs of a small pipeline, and the folder with its files."""
    folder = tmp_path_factory.mktemp("pipeline")
    url = f"sqlite:///{folder}/bt.db"
    (folder / "pipeline.py").write_text(PIPELINE)
    with pytest.MonkeyPatch.context() as patch, backtrail.connect(url) as client:
        patch.chdir(folder)
        runpy.run_path(str(folder / "pipeline.py"), {"recording_client": client})
    return url, folder


Session = Callable[..., Debugging]


@pytest.fixture
def opened(recorded: tuple[str, Path], tmp_path: Path) -> Iterator[Session]:
    """Give a function that opens a session on an output."""
    url, folder = recorded
    with backtrail.connect(url) as client:

        def open_(output: str = "pred-21") -> Debugging:
            return Debugging(
                client,
                client.backtrace(output),
                Preferences(),
                tmp_path / "shell.conf",
                lambda wanted: Screen(wanted.width or 100),
                VERBS,
                str(folder),
            )

        yield open_


def answers(session: Debugging, *lines: str) -> str:
    """Carry lines out; give the text that answers the last."""
    for line in lines:
        answer = commands.carry_out(session, line)
    assert isinstance(answer, str)
    return answer


def refused(session: Debugging, line: str) -> str:
    with pytest.raises(BacktrailError) as raised:
        commands.carry_out(session, line)
    return str(raised.value)


# -- commands, without a terminal --------------------------------------------------------


def test_moves_answer_with_the_line_of_the_run_that_is_selected_then(opened: Session) -> None:
    session = opened()

    shown = [answers(session, line) for line in ("up clean.csv", "up", "down", "frame 0", "top")]

    assert [" ".join(line.split()[:2]) for line in shown] == [
        "#1 clean",
        "#2 ingest",
        "#1 clean",
        "#0 serve",
        "#2 ingest",
    ]
    assert "x failed" in shown[0]
    assert shown[0].endswith("gave #0 clean.csv")


def test_bt_shows_what_bt_shows(opened: Session, recorded: tuple[str, Path]) -> None:
    session = opened()
    bt = bt_on(*recorded)

    for line, options in [
        ("bt", []),
        ("bt 2", ["-n", "2"]),
        ("where -1", ["-n", "-1"]),
        ("bt full", ["--full"]),
        ("bt --by stage", ["--by", "stage"]),
        ("bt --only warn", ["--only", "warn"]),
        ("bt --stage clean", ["--stage", "clean"]),
    ]:
        assert answers(session, line) == bt("pred-21", *options).stdout.rstrip("\n")


def test_info_shows_the_parts_of_a_run(opened: Session) -> None:
    session = opened()
    answers(session, "frame clean")

    shown = {
        topic: answers(session, f"info {topic}")
        for topic in ("inputs", "outputs", "params", "env", "code", "checks", "frame")
    }

    assert "from #2, same content" in shown["inputs"]
    assert shown["outputs"].startswith("clean.csv")
    assert shown["params"].split() == ["fill", "7", "currency", "EUR"]
    assert "none from those of #0" in shown["env"]
    assert "msgspec" in shown["env"]
    assert "pipeline.py:10 clean()" in shown["code"]
    assert shown["checks"].startswith(
        "x ended with ValueError: filled with 7 after writing clean.csv"
    )
    assert shown["frame"].startswith("run ")


def test_list_marks_the_line_that_failed_and_goes_on(opened: Session) -> None:
    session = opened()
    answers(session, "frame clean")

    shown = answers(session, "list")

    assert shown.splitlines()[0] == "pipeline.py as it ran: saved with the run, no commit known"
    assert '16 x          raise ValueError(f"filled with {fill}")   ValueError raised here' in shown
    assert "that was the end of it (lines 10 to 16)" in refused(session, "list")


def test_list_pages_by_the_limit(opened: Session) -> None:
    session = opened()
    answers(session, "set limit 7", "frame clean")

    first = answers(session, "list 10")
    following = answers(session, "list")
    before = answers(session, "list -")

    assert "(2 more lines: list goes on, list - goes back)" in first
    assert following.startswith("15 ")
    assert before.startswith("10 ")


def test_print_gives_values_and_since_when_a_parameter_has_its_own(opened: Session) -> None:
    session = opened()

    value = answers(session, "print outputs.pred-21.value.risk")
    answers(session, "frame clean")

    assert value == "0.83"
    assert answers(session, "p params.currency") == '"EUR"    as in all 1 run before'
    assert answers(session, "p fill") == "7    was 0 in the run before"
    assert "params has no etta" in refused(session, "print params.etta")


def test_x_looks_into_a_data_file(opened: Session) -> None:
    session = opened()

    schema, head, stats = (
        answers(session, f"x clean.csv {what}") for what in ("schema", "head 2", "stats")
    )

    assert schema.split("     ")[0] == "order int64 | amount double"
    assert "12 rows" in schema
    assert [line.split() for line in head.splitlines()] == [
        ["order", "amount"],
        ["0", "0"],
        ["1", "0.5"],
    ]
    assert [line.split()[0] for line in stats.splitlines()] == ["column", "order", "amount"]


def test_x_says_that_a_file_was_overwritten_since(opened: Session) -> None:
    shown = answers(opened("pred-20"), "x clean.csv")

    assert "! not what the run left: it was blake3" in shown


def test_x_says_that_a_file_is_gone(opened: Session, recorded: tuple[str, Path]) -> None:
    session = opened()
    file = recorded[1] / "clean.csv"
    kept = file.read_bytes()
    file.unlink()
    try:
        said = refused(session, "x clean.csv")
    finally:
        file.write_bytes(kept)

    assert "is no longer where the run left it: deleted or moved (its content was blake3" in said


def test_x_names_the_frame_that_knows_a_file(opened: Session) -> None:
    assert refused(opened(), "x raw.csv") == (
        "#0 read or wrote no file raw.csv. It is a file of #1: frame 1"
    )


def test_x_refuses_what_is_no_table(opened: Session, recorded: tuple[str, Path]) -> None:
    assert "#0 read or wrote no file pred-21" in refused(opened(), "x pred-21")


def test_commands_that_bt_has_get_what_is_selected(opened: Session) -> None:
    session = opened()
    answers(session, "frame clean")
    run_id = session.frame.run.run_id
    [raw] = [each.name for each in session.frame.inputs]

    given = {
        line: commands.carry_out(session, line)
        for line in ("history", "history serve -n 2", "who raw.csv", "find pred", "recent")
    }

    assert given == {
        "history": Verb(("history", "clean")),
        "history serve -n 2": Verb(("history", "serve", "-n", "2")),
        "who raw.csv": Verb(("who", raw)),
        "find pred": Verb(("find", "pred")),
        "recent": Verb(("recent",)),
    }
    assert commands.carry_out(session, "impact") == Verb(("impact", run_id))
    assert commands.carry_out(session, "impact raw.csv") == Verb(("impact", raw))
    assert commands.carry_out(session, "note it's late") == Verb(
        ("note", run_id, "--", "it's", "late"), changes=True
    )
    assert commands.carry_out(session, "stale") == Verb(("stale", "--", "pred-21"))
    assert commands.carry_out(session, "diff pred-20") == Verb(("diff", "pred-20", "pred-21"))
    assert isinstance(commands.carry_out(session, "quit"), Leave)


def test_every_command_of_bt_that_is_named_is_one_or_is_not_offered(opened: Session) -> None:
    session = opened()

    for name in commands.COMMANDS:
        offered = name in commands.names(session)
        assert offered == (name not in commands.verbs.CARRY or name in VERBS)


def test_settings_are_shown_changed_and_kept(opened: Session, tmp_path: Path) -> None:
    session = opened()

    answers(session, "set width 60")

    assert max(map(len, answers(session, "bt").splitlines())) <= 60
    assert answers(session, "show width").split()[:2] == ["width", "60"]
    assert "width = 60" in (tmp_path / "shell.conf").read_text()
    assert "time cannot be mars" in refused(session, "set time mars")


def test_help_names_every_command_and_explains_each(opened: Session) -> None:
    session = opened()

    overview = answers(session, "help")

    for name in commands.names(session):
        assert name in overview or name in commands.ALIASES
        assert answers(session, f"help {name}")
    assert "Nothing is running here" in answers(session, "help break")
    assert max(map(len, overview.splitlines())) <= 100


@pytest.mark.parametrize(
    ("line", "repeated"),
    [
        ("up", "up"),
        ("u 2", "u 2"),
        ("up clean.csv", "up"),
        ("bt 3", "bt 3"),
        ("list 40", "list"),
        ("list -", "list -"),
        ("frame 2", "frame 2"),
        ("note seen", ""),
        ("history", ""),
        ("print eta", ""),
        ("nonsense", ""),
        ("set limit 3", ""),
    ],
)
def test_enter_repeats_moves_lists_and_backtraces_only(
    opened: Session, line: str, repeated: str
) -> None:
    assert commands.again(opened(), line) == repeated


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("fr", ["frame"]),
        ("frame cl", ["clean"]),
        ("frame ", ["0", "1", "2", "serve", "clean", "ingest"]),
        ("up ", ["clean.csv"]),
        ("info ", ["inputs", "outputs", "params", "env", "code", "checks", "frame"]),
        ("print params.", ["params.day"]),
        ("x clean.csv s", ["schema", "stats"]),
        ("set ti", ["time"]),
        ("set time l", ["local"]),
        ("nonsense ", []),
    ],
)
def test_tab_offers_what_can_follow(opened: Session, typed: str, offered: list[str]) -> None:
    assert candidates(opened(), typed)[0] == offered


WORDS = st.sampled_from(
    [
        *commands.COMMANDS,
        *commands.ALIASES,
        *commands.LETTERS,
        *("1", "-1", "0", "full", "clean", "clean.csv", "head", "params.fill", "--by", "--stage"),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(WORDS | st.text(max_size=5), min_size=1, max_size=4), max_size=6))
def test_no_line_whatever_does_more_than_answer_or_refuse(
    opened: Session, lines: list[list[str]]
) -> None:
    session = opened()

    for words in lines:
        line = " ".join(words).strip()
        if not line:
            continue
        with contextlib.suppress(BacktrailError):
            assert isinstance(commands.carry_out(session, line), (str, Verb, Leave))
        assert isinstance(commands.again(session, line), str)
        assert 0 <= session.cursor.n < len(session.trace.frames)


# -- the prompt ----------------------------------------------------------------------------


class Printed:
    """Stands for the program around the session: keeps what is printed."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.said: list[str] = []
        self.verbs: list[tuple[str, ...]] = []

    def write(self, text: str) -> None:
        self.answers.append(text)

    def say(self, text: str) -> None:
        self.said.append(text)

    def run(self, verb: tuple[str, ...]) -> None:
        self.verbs.append(verb)

    def report(self, error: Exception) -> None:
        raise error


def typed(session: Debugging, keys: str, history: Path) -> Printed:
    """Type keys at the prompt, until Ctrl-D."""
    printed = Printed()
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys + "\x04")
        shell.run(session, printed, shell.EditedLines(session, history))
    return printed


def test_lines_are_answered_and_enter_repeats(opened: Session, tmp_path: Path) -> None:
    session = opened()

    printed = typed(session, "up\r\r\rfoo\r", tmp_path / "history")

    assert [line[:2] for line in printed.answers[1:]] == ["#1", "#2"]
    assert session.cursor.n == 2
    assert printed.said == [
        "#2 is the top: no recorded run lies further up",
        "Ambiguous or unknown command: foo. List them with: help",
    ]


def test_tab_completes_and_ctrl_c_drops_the_line(opened: Session, tmp_path: Path) -> None:
    session = opened()

    typed(session, "bot\x03up cl\t\r", tmp_path / "history")

    assert session.cursor.frame.run.component == "clean"


def test_history_is_for_its_owner_only(opened: Session, tmp_path: Path) -> None:
    file = tmp_path / "state" / "history"
    file.parent.mkdir()
    file.write_text("")
    file.chmod(0o644)

    typed(opened(), "up\r", file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "+up" in file.read_text()


def test_where_history_cannot_be_kept_the_session_goes_on(opened: Session, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    session = opened()

    typed(session, "up\r", tmp_path / "file" / "history")

    assert session.cursor.n == 1


def test_flagging_is_asked_about_first(opened: Session, tmp_path: Path) -> None:
    session = opened()

    no = typed(session, "flag -m late\rn\r", tmp_path / "history")
    left = typed(session, "flag -m late\r\x04", tmp_path / "history")
    yes = typed(session, "flag -m late\ry\r", tmp_path / "history")

    assert (no.verbs, no.said) == ([], ["Nothing was changed."])
    assert (left.verbs, left.said) == ([], ["Nothing was changed."])
    assert yes.verbs == [("flag", "-m", "late", "--", "pred-21")]


# -- as a program -----------------------------------------------------------------------------


@pytest.fixture
def bt(recorded: tuple[str, Path], tmp_path: Path) -> Bt:
    url, folder = recorded
    run = bt_on(url, folder)
    own = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return lambda *words, **how: run(*words, env={**own, **how.pop("env", {})}, **how)


def scripted(bt: Bt, script: str, *words: str, **how: object) -> subprocess.CompletedProcess[str]:
    return bt("shell", *words, typed=script, **how)


def test_a_script_can_be_piped_in(bt: Bt) -> None:
    done = scripted(bt, "# from a file\nup\n\nhistory -n 1\n", "pred-21")

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0].startswith("pred-21: 3 runs. help lists commands")
    assert [line[:2] for line in lines[1:3]] == ["#0", "#1"]
    assert "clean" in lines[3]
    assert len(lines) == 4


def test_without_an_id_the_newest_output_is_meant(bt: Bt) -> None:
    assert scripted(bt, "").stdout.startswith("pred-21: 3 runs.")


def test_an_unknown_command_is_told_and_the_script_goes_on(bt: Bt) -> None:
    done = scripted(bt, "inp\nhistory --since mars\nup\n", "pred-21")

    assert done.returncode == 0
    assert "Ambiguous or unknown command: inp. Did you mean: info inputs?" in done.stderr
    assert "'mars' is no time in ISO 8601" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1].startswith("#1")


@pytest.mark.usefixtures("processes")
def test_a_closed_pipe_ends_it_quietly(recorded: tuple[str, Path]) -> None:
    bt_process = bt_process_on(*recorded)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = bt_process(
            "shell",
            "pred-21",
            typed="bt\n" * 1000,
            capture_output=False,
            stdout=writing,
            stderr=subprocess.PIPE,
        )
    finally:
        os.close(writing)

    assert (done.returncode, done.stderr) == (0, "")


def test_bt_show_lists_the_source_as_the_shell_does(bt: Bt, opened: Session) -> None:
    session = opened()
    answers(session, "frame clean")

    shown = bt("show", session.frame.run.run_id, "--source")

    assert shown.stdout.rstrip("\n") == answers(session, "list")
    assert "ValueError raised here" in shown.stdout


def test_bt_show_says_that_there_is_no_source(bt: Bt, recorded: tuple[str, Path]) -> None:
    with backtrail.connect(recorded[0]) as client:
        now = datetime.now(timezone.utc)
        run_id = client.record_run("elsewhere", started_at=now, ended_at=now)
        client.flush()

    done = bt("show", run_id, "--source")

    assert done.returncode == 0
    assert done.stderr == "bt: no code is known of elsewhere: it was recorded from elsewhere\n"


def test_json_is_refused_with_what_to_ask_instead(bt: Bt) -> None:
    done = bt("shell", "pred-21", "--json")

    assert done.returncode == 2
    assert "bt trace ID --json" in done.stderr


def test_an_unknown_id_ends_as_everywhere(bt: Bt) -> None:
    done = bt("shell", "pred-99")

    assert done.returncode == 3
    assert "Close matches:" in done.stderr


def test_time_can_be_shown_as_how_long_ago(bt: Bt) -> None:
    done = scripted(bt, "set time ago\nbt 1\nset time local\nbt 1\n", "pred-21", env={"TZ": "UTC"})

    shown = [line for line in done.stdout.splitlines() if line.startswith("#0")]
    assert " ago " in shown[1]
    assert " ago " not in shown[2]


def test_long_answers_are_cut_and_say_so(bt: Bt) -> None:
    done = scripted(bt, "set limit 3\nbt\nset limit 0\nbt\ncomponents\n", "pred-21")

    assert done.stdout.count("more lines: set limit 0 shows all") == 1
    assert "components" not in done.stderr


def in_terminal(recorded: tuple[str, Path], tmp_path: Path, **more: str) -> Terminal:
    url, folder = recorded
    environ = {
        **plain_environment(),
        "BACKTRAIL_URL": url,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        **more,
    }
    command = [sys.executable, "-m", "backtrail", "shell", "pred-21"]
    return Terminal(command, env=environ, cwd=folder)


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("kind", ["xterm", "dumb"])
def test_a_person_types_and_leaves(recorded: tuple[str, Path], tmp_path: Path, kind: str) -> None:
    terminal = in_terminal(recorded, tmp_path, TERM=kind)
    try:
        terminal.wait("(bt 0)")
        terminal.type("up\r", until="(bt 1)")
        repeated = terminal.type("\r", until="(bt 2)")
        dropped = terminal.type("nonsens\x03", until="(bt 2)")
        code = terminal.end("\x04")
    finally:
        terminal.close()

    assert "#2  ingest" in repeated
    assert code == 0
    assert "Traceback" not in dropped + terminal.shown


@pytest.mark.usefixtures("processes")
def test_a_signal_ends_a_script_as_an_interruption(recorded: tuple[str, Path]) -> None:
    url, folder = recorded
    process = subprocess.Popen(
        [sys.executable, "-m", "backtrail", "shell", "pred-21"],
        env={**plain_environment(), "BACKTRAIL_URL": url},
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=be_interruptible,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write("up\n")
        process.stdin.flush()
        # It has answered, so it is past its beginning and reads the next line.
        while not process.stdout.readline().startswith("#1"):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()

    assert process.returncode == 130
    assert said == "bt: interrupted\n"


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("words", [["-c", "import backtrail"], ["-m", "backtrail", "pred-21"]])
def test_nothing_else_loads_the_line_editor(words: list[str], recorded: tuple[str, Path]) -> None:
    url, folder = recorded

    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words],
        env={**plain_environment(), "BACKTRAIL_URL": url},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "backtrail" in done.stderr
    assert "prompt_toolkit" not in done.stderr
    assert "backtrail.debugger" not in done.stderr


def test_settings_lie_where_the_user_keeps_settings() -> None:
    assert preferences_file({"XDG_CONFIG_HOME": "/c"}) == Path("/c/backtrail/shell.conf")
