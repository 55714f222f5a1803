"""`%load_ext backtrail` and `%bt`, in a real IPython, and in a notebook that is executed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

import backtrail
from backtrail import client as client_module

PIPELINE = """
import backtrail as bt

@bt.register("clean", outputs=["return"])
def clean():
    bt.log_output("clean.csv", version="v1")

@bt.register("serve")
def serve(output_id):
    bt.log_input("clean.csv", version="v1")
    bt.log(output_id, value=0.83)

clean()
serve("pred-1")
serve("pred-2")
"""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An IPython with the extension, in which a pipeline was recorded."""
    from IPython.core import interactiveshell

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    before = client_module.default.settings
    backtrail.configure(url=f"sqlite:///{tmp_path}/notebook.db")
    interactiveshell.InteractiveShell.clear_instance()
    shell = interactiveshell.InteractiveShell.instance()
    shell.history_manager.enabled = False
    # What a cell fails with is told, not raised again.
    shell.run_cell(PIPELINE).raise_error()
    shell.run_line_magic("load_ext", "backtrail")
    yield shell
    interactiveshell.InteractiveShell.clear_instance()
    shell.history_manager.end_session()
    backtrail.configure(url=before.url)


def answer(shell: Any, cell: str) -> Any:
    done = shell.run_cell(cell)
    done.raise_error()
    return done.result


def test_an_id_gives_the_backtrace_of_what_the_notebook_recorded(shell: Any, capsys: Any) -> None:
    trace = answer(shell, "%bt pred-1")

    assert isinstance(trace, backtrail.Backtrace)
    assert [frame.run.component for frame in trace.frames] == ["serve", "clean"]
    assert "<table" in trace._repr_html_()


def test_an_answer_can_be_kept(shell: Any) -> None:
    shell.run_cell("trace = %bt trace pred-1").raise_error()

    assert answer(shell, "trace.coverage") == 1.0


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("diff pred-1 pred-2", "BacktraceDiff"),
        ("stale pred-1", "Staleness"),
        ("review", "Review"),
        ("impact clean.csv", "Impact"),
    ],
)
def test_other_answers_show_themselves(shell: Any, line: str, kind: str) -> None:
    shell.run_cell("%bt flag pred-1 -m wrong").raise_error()

    found = answer(shell, f"%bt {line}")

    assert type(found).__name__ == kind
    assert found._repr_html_().startswith("<")


@pytest.mark.parametrize("line", ["pred-1 --full", "pred-1 -n 1", "recent", "show pred-1", "help"])
def test_what_is_text_is_printed(shell: Any, capsys: Any, line: str) -> None:
    capsys.readouterr()

    assert answer(shell, f"%bt {line}") is None
    assert capsys.readouterr().out.count("\n") > 2


def test_an_error_is_said_in_words_and_fails_the_cell(shell: Any, capsys: Any) -> None:
    done = shell.run_cell("%bt pred-9")

    assert type(done.error_in_exec).__name__ == "UsageError"
    shown = capsys.readouterr()
    assert "Close matches:  pred-" in shown.err + shown.out
    assert "Traceback" not in shown.err + shown.out


def test_a_session_at_a_terminal_is_refused(shell: Any) -> None:
    assert "needs a terminal" in str(shell.run_cell("%bt shell pred-1").error_in_exec)


def test_quotes_that_do_not_close_are_wrong_use(shell: Any) -> None:
    assert "No closing quotation" in str(shell.run_cell("%bt find 'a").error_in_exec)


def test_another_store_can_be_asked(shell: Any, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    with backtrail.connect(other) as client, client.run("elsewhere"):
        client.log("pred-3")

    trace = answer(shell, f"%bt pred-3 --db {other}")

    assert trace.frames[0].run.component == "elsewhere"


def test_the_extension_can_be_taken_away(shell: Any) -> None:
    shell.run_line_magic("unload_ext", "backtrail")

    assert shell.find_line_magic("bt") is None


@pytest.mark.usefixtures("processes")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_notebook_shows_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKTRAIL_URL", f"sqlite:///{tmp_path}/notebook.db")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    new = nbformat.v4
    cells = [PIPELINE, "%load_ext backtrail", "%bt pred-1", "%bt stale pred-1"]
    notebook = new.new_notebook(cells=[new.new_code_cell(cell) for cell in cells])
    resources = {"metadata": {"path": tmp_path}}

    nbclient.NotebookClient(notebook, timeout=120, resources=resources).execute()

    shown = [output["data"] for cell in notebook.cells[2:] for output in cell.outputs]
    assert ["text/html" in data for data in shown] == [True, True]
    assert "made pred-1" in shown[0]["text/html"]
    # Where no HTML is shown, at a terminal for one, it is what bt prints.
    assert shown[0]["text/plain"].startswith("pred-1  = 0.83")
