"""`bt export`: a backtrace in other forms, to standard output and into files."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from program import Bt, bt_on
from prov.model import ProvDocument

import backtrail
from backtrail.cli.export import _BY_SUFFIX, FORMS

BEGINNINGS = {
    "json": '{\n  "schema": "backtrail.backtrace/1"',
    "mermaid": "flowchart LR\n",
    "dot": "digraph backtrace {\n",
    "svg": "<svg xmlns=",
    "html": "<!doctype html>\n",
    "prov": '{\n "prefix": {',
    "md": "### `pred-1` = 0.83\n",
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store in which pred-1 was made from a file that another run made."""
    url = f"sqlite:///{tmp_path_factory.mktemp('export')}/bt.db"
    began = datetime(2026, 7, 24, 2, 0, tzinfo=timezone.utc)
    with backtrail.connect(url) as client:
        client.record_run(
            "clean", started_at=began, ended_at=began + timedelta(minutes=1), outputs=["clean.csv"]
        )

        @client.register("serve", inputs=["name"])
        def serve(name: str) -> None:
            client.log("pred-1", value=0.83)

        serve("clean.csv")
        assert client.flush() == 0
    return url


@pytest.fixture
def bt(url: str, tmp_path: Path) -> Bt:
    return bt_on(url, tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_printed(bt: Bt, form: str) -> None:
    done = bt("export", "pred-1", "--format", form)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(BEGINNINGS[form])


@pytest.mark.parametrize("suffix", _BY_SUFFIX)
def test_the_ending_of_a_file_says_its_form(bt: Bt, tmp_path: Path, suffix: str) -> None:
    done = bt("export", "pred-1", "-o", f"pred{suffix}")

    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.startswith(f"bt: wrote pred{suffix} (")
    text = (tmp_path / f"pred{suffix}").read_text("utf-8")
    assert text.startswith(BEGINNINGS[_BY_SUFFIX[suffix]])


def test_a_file_has_what_is_printed(bt: Bt, tmp_path: Path) -> None:
    bt("export", "pred-1", "-o", "pred.svg")

    assert bt("export", "pred-1", "--format", "svg").stdout == (tmp_path / "pred.svg").read_text()


def test_python_gives_the_same_texts(bt: Bt, url: str) -> None:
    with backtrail.connect(url) as client:
        trace = client.backtrace("pred-1")

    for form, text in {
        "svg": trace.to_svg(),
        "html": trace.to_html(),
        "prov": trace.to_prov(),
        "md": trace.to_markdown(),
        "dot": trace.to_dot(),
        "mermaid": trace.to_mermaid(),
    }.items():
        assert bt("export", "pred-1", "--format", form).stdout == text


def test_without_a_format_it_is_the_json_of_a_backtrace(bt: Bt) -> None:
    document = json.loads(bt("export", "pred-1").stdout)

    assert document == json.loads(bt("trace", "pred-1", "--json").stdout)


def test_a_program_gets_the_text_in_json(bt: Bt, tmp_path: Path) -> None:
    printed = json.loads(bt("export", "pred-1", "--format", "dot", "--json").stdout)
    written = json.loads(bt("export", "pred-1", "-o", "p.dot", "--json").stdout)

    assert printed["text"] == (tmp_path / "p.dot").read_text()
    assert (written["file"], written["text"]) == ("p.dot", None)


def test_by_component_folds_a_short_trace(bt: Bt) -> None:
    assert (
        'c0[["serve<br/>1 run"]]'
        in bt("export", "pred-1", "--format", "mermaid", "--by", "component").stdout
    )


def test_by_stage_folds_by_kind_of_component(bt: Bt) -> None:
    # Neither has a kind, so each is a stage of its own.
    done = bt("export", "pred-1", "--format", "dot", "--by", "stage")

    assert done.stdout.count("peripheries=2") == 2


def test_the_prov_package_reads_what_is_recorded(bt: Bt) -> None:
    document = ProvDocument.deserialize(
        content=bt("export", "pred-1", "--format", "prov").stdout, format="json"
    )

    assert "wasGeneratedBy" in document.get_provn()


def test_an_unknown_id_is_said_as_bt_says_it(bt: Bt) -> None:
    done = bt("export", "pred-2", "--format", "svg")

    assert done.returncode == 3
    assert done.stdout == ""
    assert "pred-1" in done.stderr


def test_a_place_that_cannot_be_written_to_is_wrong_use(bt: Bt, tmp_path: Path) -> None:
    done = bt("export", "pred-1", "-o", "no/such/folder/pred.svg")

    assert done.returncode == 2
    assert "cannot write no/such/folder/pred.svg: No such file or directory" in done.stderr
