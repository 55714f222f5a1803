"""The examples in README.md, docs/tutorial and docs/how-to run as they stand.

The python blocks of a page run in order, as one program in a fresh folder with
a store of its own. A console block that begins with ``$ bt`` runs in its turn,
in the same folder; each of its commands has to end with exit code 0, or with
the one that is shown as ``[exit 3]`` at the end of its output. A comment on the
line above a block changes that:

``<!-- no-run -->``
    the block is skipped;
``<!-- check -->``
    what the commands print is compared with what the page shows. ``...`` stands
    for any text; times, durations, hashes and spacing may differ.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNNER = Path(__file__).with_name("run_page.py")
PAGES = [
    page
    for pattern in ("README.md", "docs/tutorial/**/*.md", "docs/how-to/**/*.md")
    for page in sorted(ROOT.glob(pattern))
]

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<language>\S*)")
_COMMENT = re.compile(r"^\s*<!--\s*(?P<word>[\w-]+)\s*-->\s*$")
_RUNS_BT = re.compile(r"\$ (bt|backtrail)\b")


@dataclass(frozen=True)
class Block:
    """A fenced piece of a page; ``line`` is that of its first line of text."""

    language: str
    text: str
    line: int
    mark: str = ""

    @property
    def runs(self) -> bool:
        if self.mark == "no-run":
            return False
        is_session = self.language == "console" and bool(_RUNS_BT.match(self.text))
        return self.language == "python" or is_session


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page's text, in order."""
    blocks: list[Block] = []
    mark = ""
    lines = enumerate(page.splitlines(), start=1)
    for number, line in lines:
        opening = _FENCE.match(line)
        if opening is None:
            if comment := _COMMENT.match(line):
                mark = comment["word"]
            elif line.strip():
                mark = ""
            continue
        text = []
        for _, inner in lines:
            if inner.strip() == opening["fence"]:
                break
            text.append(inner)
        source = textwrap.dedent("\n".join(text))
        blocks.append(Block(opening["language"], source, number + 1, mark))
        mark = ""
    return blocks


def run_page(name: str, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page's examples in ``folder``, in a process of their own."""
    work, home = folder / "work", folder / "home"
    work.mkdir()
    home.mkdir()
    steps = folder / "steps.json"
    steps.write_text(
        json.dumps({"page": name, "blocks": [asdict(b) for b in blocks_of(text) if b.runs]})
    )
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith("BACKTRAIL_")
    }
    environ |= {
        "BACKTRAIL_URL": f"sqlite:///{folder / 'examples.db'}",
        "COLUMNS": "100",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TZ": "UTC",
    }
    return subprocess.run(
        [sys.executable, RUNNER, steps],
        cwd=work,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run_as_they_stand(page: Path, tmp_path: Path) -> None:
    done = run_page(str(page.relative_to(ROOT)), page.read_text("utf-8"), tmp_path)

    assert done.returncode == 0, done.stdout


def test_the_readme_holds_a_program_that_runs() -> None:
    blocks = blocks_of((ROOT / "README.md").read_text("utf-8"))

    assert [block for block in blocks if block.language == "python" and block.runs]


def test_the_readme_shows_what_the_tutorial_shows() -> None:
    # tests/acceptance/test_demo.py holds the tutorial to what is printed.
    readme, tutorial = (
        (ROOT / page).read_text("utf-8")
        for page in ("README.md", "docs/tutorial/find-the-bad-step.md")
    )

    shown = next(block.text for block in blocks_of(readme) if block.language == "console")

    assert shown.startswith("$ bt pred-MQ2963-12-31\n")
    assert shown in tutorial


@pytest.mark.usefixtures("processes")
def test_blocks_of_a_page_are_one_program(tmp_path: Path) -> None:
    page = "```python\nname = 'pred-1'\n```\ntext\n```python\nassert name == 'pred-1'\n```\n"

    done = run_page("page.md", page, tmp_path)

    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("processes")
def test_a_block_that_fails_names_its_line_in_the_page(tmp_path: Path) -> None:
    page = "# Title\n\n```python\nanswer = 42\nraise ValueError(answer)\n```\n"

    done = run_page("page.md", page, tmp_path)

    assert done.returncode != 0
    assert 'page.md", line 5' in done.stdout


@pytest.mark.usefixtures("processes")
def test_a_block_marked_no_run_is_skipped(tmp_path: Path) -> None:
    page = "<!-- no-run -->\n```python\nraise ValueError\n```\n"

    done = run_page("page.md", page, tmp_path)

    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(
    ("mark", "shown", "fails"),
    [
        ("", "anything at all", False),
        ("<!-- check -->", "Usage: ...", False),
        ("<!-- check -->", "anything at all", True),
        ("", "[exit 2]", True),
    ],
)
def test_a_command_is_held_to_what_the_page_says(
    mark: str, shown: str, fails: bool, tmp_path: Path
) -> None:
    page = f"{mark}\n```console\n$ bt --help\n{shown}\n```\n"

    done = run_page("page.md", page, tmp_path)

    assert (done.returncode != 0) is fails, done.stdout
