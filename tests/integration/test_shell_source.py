"""The source that `list` shows: the saved snapshot against the commit, in a real repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from golden.examples import a_run

from backtrail.debugger.source import NoSourceError, read_listing
from backtrail.model.records import Code, Run

COMMITTED = """\
import csv


@register(output_path="clean.csv")
def clean(raw):
    df = read(raw)
    df = drop(df)
    write(df, "clean.csv")


def other():
    pass
"""
RAN = """\
@register(output_path="clean.csv")
def clean(raw):
    df = read(raw)
    df["amount"] = df["amount"].fillna(0)
    write(df, "clean.csv")
"""


class Saved:
    """Answers for the snapshot of any run."""

    def __init__(self, source: str | None) -> None:
        self.source = source

    def source_of(self, _run: object) -> str | None:
        return self.source


@pytest.fixture
def commit(tmp_path: Path) -> str:
    """A repository with one commit, in `tmp_path`."""

    def git(*words: str) -> str:
        environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        name = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
        done = subprocess.run(
            ["git", *name, *words],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / "clean.py").write_text(COMMITTED)
    git("add", "clean.py")
    git("commit", "-q", "-m", "clean")
    return git("rev-parse", "HEAD")


def run_at(commit: str | None, *, dirty: bool | None, line: int = 4, **more: object) -> Run:
    code = Code(commit, dirty, None, "clean.py", line, "clean")
    return a_run("clean", "2026-07-24 03:17", 91, code=code, **more)


def signs(listing: object) -> list[tuple[int | None, str, str]]:
    return [(line.number, line.sign, line.text.strip()) for line in listing.lines if line.sign]


def test_local_changes_are_marked_against_the_commit(tmp_path: Path, commit: str) -> None:
    listing = read_listing(Saved(RAN), run_at(commit, dirty=True), str(tmp_path))

    assert listing.title == f"clean.py at {commit[:7]} with the local changes saved by the run"
    assert signs(listing) == [
        (None, "-", "df = drop(df)"),
        (7, "+", 'df["amount"] = df["amount"].fillna(0)'),
    ]
    assert [line.number for line in listing.lines if line.number] == [4, 5, 6, 7, 8]


def test_what_ran_as_it_was_committed_has_no_marks(tmp_path: Path, commit: str) -> None:
    ran = "\n".join(COMMITTED.splitlines()[3:8]) + "\n"

    listing = read_listing(Saved(ran), run_at(commit, dirty=False), str(tmp_path))

    assert listing.title == f"clean.py at {commit[:7]}"
    assert signs(listing) == []


def test_without_a_snapshot_the_commit_answers(tmp_path: Path, commit: str) -> None:
    listing = read_listing(Saved(None), run_at(commit, dirty=False), str(tmp_path))

    assert listing.title == f"clean.py at {commit[:7]}, from the repository"
    assert [line.text for line in listing.lines][1] == "def clean(raw):"
    assert len(listing.lines) == 5


def test_the_line_that_failed_is_marked_even_if_it_is_not_in_the_commit(
    tmp_path: Path, commit: str
) -> None:
    source = RAN.replace("fillna(0)", "fillna(0)[day]") + '    raise ValueError("late")\n'
    run = run_at(commit, dirty=True, status="failed", error="ValueError: late")

    listing = read_listing(Saved(source), run, str(tmp_path))

    assert listing.lines[-1].sign == "x"
    assert listing.lines[-1].said == "ValueError raised here"


def test_a_function_that_is_not_in_the_commit_is_new_in_every_line(
    tmp_path: Path, commit: str
) -> None:
    run = run_at(commit, dirty=True)
    run.code.function = "brand_new"

    listing = read_listing(Saved("def brand_new():\n    pass\n"), run, str(tmp_path))

    assert [sign for _, sign, _ in signs(listing)] == ["+", "+"]


def test_changes_elsewhere_are_said_to_be_elsewhere(tmp_path: Path, commit: str) -> None:
    ran = "\n".join(COMMITTED.splitlines()[3:8]) + "\n"

    listing = read_listing(Saved(ran), run_at(commit, dirty=True), str(tmp_path))

    assert listing.title == f"clean.py at {commit[:7]}; the local changes of that run lie elsewhere"


@pytest.mark.parametrize(
    ("hash_", "dirty", "told"),
    [
        (None, None, "was not saved, and no commit is known"),
        ("9c1d2e4" + "0" * 33, False, "commit 9c1d2e4 does not give it here"),
        ("9c1d2e4" + "0" * 33, True, "which had local changes"),
    ],
)
def test_where_no_source_is_left_it_says_so(
    tmp_path: Path, commit: str, hash_: str | None, dirty: bool | None, told: str
) -> None:
    with pytest.raises(NoSourceError, match=told):
        read_listing(Saved(None), run_at(hash_, dirty=dirty), str(tmp_path))


def test_a_commit_that_is_not_at_hand_leaves_the_snapshot_without_marks(tmp_path: Path) -> None:
    listing = read_listing(Saved(RAN), run_at("9c1d2e4" + "0" * 33, dirty=True), str(tmp_path))

    assert "that commit is not at hand, so changes are not marked" in listing.title
    assert signs(listing) == []


def test_a_page_begins_around_the_mark_and_goes_on_and_back(tmp_path: Path) -> None:
    lines = [f"    x = {n}\n" for n in range(60)]
    lines[40] = '    raise ValueError("late")\n'
    run = run_at(None, dirty=None, line=1, status="failed", error="ValueError: late")
    listing = read_listing(Saved("def clean():\n" + "".join(lines)), run, str(tmp_path))

    seen = [
        [line.number for line in page][::9]
        for page in (listing.page(10), listing.page(10), listing.page(10), listing.page_before(10))
    ]

    assert seen == [[37, 46], [47, 56], [57], [47, 56]]
    assert listing.page_at(3, 10)[0].number == 1
