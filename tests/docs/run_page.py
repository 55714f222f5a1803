"""Runs the examples of one page, in order; `test_examples.py` starts it as a process."""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

# What differs from one run to the next and is not what an example shows.
VARYING = (
    (re.compile(r"\b\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?Z?)?"), "<time>"),
    (re.compile(r"\b\d{1,2}\s+[A-Z][a-z]+\s+20\d\d(\s+at\s+\d\d:\d\d)?"), "<time>"),
    (re.compile(r"\b(\d+h)?(\d+m)?\d+(\.\d+)?(m?s|us|m|h)\b"), "<duration>"),
    (re.compile(r"\b[0-9a-f]{7,}(-[0-9a-f]+)*\b"), "<hash>"),
)
EXIT = re.compile(r"\s*\[exit (\d+)\]\s*\Z")


class ExampleError(Exception):
    """A command did not do what the page says."""


def main(steps: Path) -> None:
    given = json.loads(steps.read_text())
    # Examples define functions in `__main__`, as the program of a reader would.
    program = types.ModuleType("__main__")
    sys.modules["__main__"] = program
    for block in given["blocks"]:
        if block["language"] == "python":
            run_program(block, given["page"], steps.parent, program)
        else:
            run_session(block, given["page"])


def run_program(block: dict[str, Any], page: str, folder: Path, program: types.ModuleType) -> None:
    # A real file, so that the source of a function can be read; with as many lines
    # before it as the page has, so that a traceback gives the page's line.
    path = folder / f"{block['line']}-{page.replace('/', '-')}"
    path.write_text("\n" * (block["line"] - 1) + block["text"] + "\n", "utf-8")
    program.__file__ = str(path)
    exec(compile(path.read_text("utf-8"), path, "exec"), program.__dict__)


def run_session(block: dict[str, Any], page: str) -> None:
    for command, shown in commands_of(block["text"]):
        exit_code = EXIT.search(shown)
        done = subprocess.run(
            ["bash", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(f"$ {command}\n{done.stdout}", flush=True)
        if done.returncode != (int(exit_code[1]) if exit_code else 0):
            raise ExampleError(f"{page}:{block['line']}: {command} ended with {done.returncode}")
        if block["mark"] == "check":
            compare(EXIT.sub("", shown), done.stdout, f"{page}:{block['line']}: {command}")


def commands_of(session: str) -> list[tuple[str, str]]:
    """Each command of a session with the output that the page shows for it."""
    first, *rest = re.split(r"^\$ ", session, flags=re.MULTILINE)
    assert not first.strip(), "a session begins with a command"
    found = []
    for part in rest:
        command, shown = part.partition("\n")[::2]
        while command.endswith("\\"):
            more, shown = shown.partition("\n")[::2]
            command += "\n" + more
        found.append((command, shown))
    return found


def compare(shown: str, printed: str, where: str) -> None:
    want, got = masked(shown), masked(printed)
    how = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    if not doctest.OutputChecker().check_output(want, got, how):
        raise ExampleError(f"{where} printed\n\n{printed}\nbut the page shows\n\n{shown}")


def masked(text: str) -> str:
    for pattern, stands_for in VARYING:
        text = pattern.sub(stands_for, text)
    return " ".join(text.split())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
