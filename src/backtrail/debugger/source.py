"""The source that a run executed: from the snapshot saved with it, or from its commit."""

from __future__ import annotations

import ast
import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..capture.code import source_at
from ..errors import BacktrailError
from ..model.records import Code, Run
from ..render import words
from ..render.source import Line
from .failing_line import failing_line

if TYPE_CHECKING:
    from ..asking import Asking

# difflib takes time that grows with the square of the lines.
_MOST_COMPARED = 4000


class NoSourceError(BacktrailError):
    """The source of a run is not known any more; the message says why."""


@dataclass(slots=True)
class Listing:
    """A run's source with its marks, what to say above it, and where `list` goes on."""

    run_id: str
    title: str
    lines: list[Line]
    shown: tuple[int, int] = (0, 0)

    def page(self, size: int) -> list[Line]:
        """Give the lines after those that were shown last; at first those around the mark."""
        if self.shown == (0, 0):
            marked = next((n for n, line in enumerate(self.lines) if line.sign == "x"), 0)
            fits = len(self.lines) <= size
            return self._from(0 if fits else max(marked - size // 2, 0), size)
        end = self.shown[1]
        return self._from(end, size) if end < len(self.lines) else []

    def page_before(self, size: int) -> list[Line]:
        """Give the lines before those that were shown last."""
        end = self.shown[0]
        return self._from(max(end - size, 0), min(size, end)) if end else []

    def page_at(self, number: int, size: int) -> list[Line]:
        """Give the lines around a line number."""
        place = next((n for n, each in enumerate(self.lines) if each.number == number), None)
        if place is None:
            raise NoSourceError(f"line {number} is not in it", hint=f"It has {self.extent}.")
        return self._from(max(place - size // 2, 0), size)

    @property
    def extent(self) -> str:
        """Which line numbers there are."""
        numbers = [line.number for line in self.lines if line.number]
        return f"lines {numbers[0]} to {numbers[-1]}" if numbers else "no lines"

    def _from(self, start: int, size: int) -> list[Line]:
        self.shown = (start, min(start + size, len(self.lines)))
        return self.lines[slice(*self.shown)]


def read_listing(asking: Asking, run: Run, folder: str) -> Listing:
    """Find the source of a run, and mark in it what differs from the commit, and what failed.

    Args:
        asking: answers for the saved snapshot.
        run: the run.
        folder: where to look for the repository of its commit.

    Raises:
        NoSourceError: there is no snapshot, and the commit is not at hand.
    """
    code = run.code
    first = code.line or 1
    saved = asking.source_of(run)
    committed = _committed(code, folder)
    if saved is None and (not committed or code.dirty):
        raise NoSourceError(_missing(run), hint="Where it was: info code")
    text = saved if saved is not None else committed or ""
    lines = text.expandtabs(4).splitlines()
    marks = dict.fromkeys(range(len(lines)), "")
    gone: dict[int, list[str]] = {}
    if saved is not None and committed is not None:
        marks, gone = _changes(committed.expandtabs(4).splitlines(), lines)
    failed = failing_line(text, run.error) if run.status == "failed" else None
    shown: list[Line] = []
    for place, line in enumerate(lines):
        shown += _only_in_commit(gone.get(place))
        mark, said = marks[place], "not in the commit" if marks[place] else ""
        if failed is not None and failed.line == place + 1:
            mark, said = "x", failed.text
        shown.append(Line(first + place, mark, line, said))
    shown += _only_in_commit(gone.get(len(lines)))
    changed = None if committed is None else bool(gone) or any(marks.values())
    return Listing(run.run_id, _title(run, is_saved=saved is not None, changed=changed), shown)


def _only_in_commit(lines: list[str] | None) -> list[Line]:
    return [Line(None, "-", line, "only in the commit") for line in lines or ()]


def _committed(code: Code, folder: str) -> str | None:
    """Give the function as it stands in its commit, empty if it is new; None if not at hand."""
    if not code.git_hash or not code.file:
        return None
    whole = source_at(folder, code.git_hash, code.file)
    return None if whole is None else _function_in(whole, code)


def _function_in(whole: str, code: Code) -> str | None:
    """Cut a function out of a file by its qualified name."""
    try:
        body: list[ast.stmt] = ast.parse(whole).body
    except (SyntaxError, ValueError):
        return None
    found: ast.stmt | None = None
    for name in (code.function or "").replace(".<locals>", "").split("."):
        found = next((each for each in body if getattr(each, "name", None) == name), None)
        if found is None:
            return "" if name else None
        body = getattr(found, "body", [])
    if found is None:
        return None
    decorators = [each.lineno for each in getattr(found, "decorator_list", [])]
    first = min([found.lineno, *decorators])
    lines = whole.splitlines()[first - 1 : found.end_lineno]
    return "\n".join(lines) + "\n"


def _changes(committed: list[str], ran: list[str]) -> tuple[dict[int, str], dict[int, list[str]]]:
    """Give a mark for each line that ran, and the lines of the commit that stood before it."""
    marks = dict.fromkeys(range(len(ran)), "")
    gone: dict[int, list[str]] = {}
    if len(committed) + len(ran) > _MOST_COMPARED:
        return marks, gone
    matcher = difflib.SequenceMatcher(None, committed, ran, autojunk=False)
    for what, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if what == "equal":
            continue
        marks.update(dict.fromkeys(range(new_from, new_to), "+"))
        if old_to > old_from:
            gone[new_from] = committed[old_from:old_to]
    return marks, gone


def _title(run: Run, *, is_saved: bool, changed: bool | None) -> str:
    """Say which version this is; ``changed`` from its commit, None where that cannot be told."""
    code = run.code
    place = code.file or run.component
    if not code.git_hash:
        return f"{place} as it ran: saved with the run, no commit known"
    at = f"{place} at {words.commit(Code(code.git_hash))}"
    if not is_saved:
        return f"{at}, from the repository"
    if changed:
        return f"{at} with the local changes saved by the run"
    if changed is None and code.dirty is not False:
        return f"{at}, as saved by the run; that commit is not at hand, so changes are not marked"
    return f"{at}; the local changes of that run lie elsewhere" if code.dirty else at


def _missing(run: Run) -> str:
    code = run.code
    if not code.file and not code.git_hash:
        return f"no code is known of {run.component}: it was recorded from elsewhere"
    if not code.git_hash:
        return f"the source of {run.component} was not saved, and no commit is known"
    changed = ", which had local changes," if code.dirty else ""
    return (
        f"the source of {run.component} was not saved, and commit"
        f" {words.commit(Code(code.git_hash))}{changed} does not give it here"
    )
