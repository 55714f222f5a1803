"""What `bt` takes for an id: names, beginnings, digests, files, and the words for the newest."""

from __future__ import annotations

from pathlib import Path

import pytest
from program import Bt, bt_on

import backtrail


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a pipeline wrote two files and made three outputs, the last one badly."""
    folder = tmp_path_factory.mktemp("naming")
    client = backtrail.connect(f"sqlite:///{folder}/bt.db")

    @client.register("clean", output_path="path")
    def clean(path: Path, text: str, *, fail: bool = False) -> None:
        path.write_text(text)
        if fail:
            client.log_output(path)
            raise ValueError("half of it is missing")

    @client.register("predict", input_path="path")
    def predict(path: Path, output_id: str) -> None:
        client.log(output_id)

    clean(folder / "one.csv", "1")
    predict(folder / "one.csv", "pred-early")
    clean(folder / "two.csv", "2")
    predict(folder / "two.csv", "pred-good")
    with pytest.raises(ValueError, match="half"):
        clean(folder / "two.csv", "3", fail=True)
    predict(folder / "two.csv", "pred-bad")
    (folder / "copy.csv").write_text("1")
    client.close()
    return folder


@pytest.fixture
def bt(folder: Path) -> Bt:
    return bt_on(f"sqlite:///{folder}/bt.db", folder)


@pytest.fixture(scope="module")
def digest(folder: Path) -> str:
    """The content digest of one.csv, which only its first write has."""
    with backtrail.connect(f"sqlite:///{folder}/bt.db") as client:
        version = client.backtrace(folder / "one.csv").output.version
    assert version is not None
    return version


def test_last_is_the_newest_and_last_good_the_newest_without_a_failure_behind_it(bt: Bt) -> None:
    last, good = bt("@last"), bt("@last-good")

    assert last.stdout.startswith("pred-bad ")
    assert "x failed" in last.stdout
    assert good.stdout.startswith("pred-good ")
    assert "x failed" not in good.stdout


def test_without_an_output_the_newest_is_not_known(bt: Bt, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    with backtrail.connect(url) as client, client.run("clean"):
        pass

    done = bt("@last-good", "--db", url)

    assert done.returncode == 3
    assert done.stderr.startswith("bt: no run has logged an output id yet\nGive a result one:")


def test_where_every_output_has_a_failure_behind_it_none_is_good(bt: Bt, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    with backtrail.connect(url) as client:

        @client.register
        def predict() -> None:
            client.log("pred-1")
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            predict()

    done = bt("@last-good", "--db", url)

    assert done.returncode == 3
    assert "did not complete\nThe newest runs: bt recent" in done.stderr


@pytest.mark.parametrize("form", ["whole", "bare", "beginning", "printed", "bare beginning"])
@pytest.mark.parametrize("verb", ["trace", "who", "show"])
def test_a_digest_in_any_form_names_the_run_that_wrote_that_content(
    bt: Bt, digest: str, verb: str, form: str
) -> None:
    digits = digest.removeprefix("blake3:")
    typed = {
        "whole": digest,
        "bare": digits,
        "beginning": digest[:16],
        "printed": f"blake3 {digits[:6]}..{digits[-2:]}",
        "bare beginning": digits[:9],
    }[form]

    done = bt(verb, typed)

    assert done.returncode == 0, done.stderr
    assert "clean" in done.stdout
    assert "one.csv" in done.stdout
    assert ("is short for" in done.stderr) is (form not in ("whole", "bare"))


def test_a_digest_that_nothing_has_is_unknown(bt: Bt) -> None:
    done = bt("blake3:" + "0" * 64)

    assert done.returncode == 3


def test_a_digest_that_was_only_read_is_said_to_be_so(bt: Bt, tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text("from outside")
    url = f"sqlite:///{tmp_path}/bt.db"
    with backtrail.connect(url) as client, client.run("clean", input_path=raw) as run:
        run_id = run.run_id
    with backtrail.connect(url) as client:
        version = client.get_run(run_id).inputs[0].version
    assert version is not None

    done = bt(version, "--db", url)

    assert done.returncode == 3
    assert "it was only read" in done.stderr


def test_a_file_is_named_as_it_is_seen_from_here(bt: Bt, folder: Path) -> None:
    done = bt("./one.csv")

    assert done.stdout.startswith(f"{folder}/one.csv")
    assert "made one.csv" in done.stdout


def test_a_copy_of_a_file_is_known_by_its_content(bt: Bt) -> None:
    done = bt("copy.csv")

    assert done.returncode == 0
    assert done.stderr.startswith("bt: copy.csv is known by its content, blake3:")
    assert "made one.csv" in done.stdout


def test_a_mistyped_path_is_answered_with_the_files_beside_it(bt: Bt, folder: Path) -> None:
    done = bt("who", "tow.csv")

    assert done.returncode == 3
    assert f"{folder}/two.csv" in done.stderr


def test_the_beginning_of_several_runs_is_refused_with_what_each_was(bt: Bt, folder: Path) -> None:
    with backtrail.connect(f"sqlite:///{folder}/bt.db") as client:
        run_id = client.history("clean", limit=3)[-1].run_id

    done = bt("show", run_id[:4])

    assert done.returncode == 3
    assert f"{run_id}  clean  " in done.stderr
