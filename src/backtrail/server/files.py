"""A data file as it lies on this machine now, held against what was recorded of it.

For `bt ui` alone, a page for the person whose files these are. What is shown of a content is
shown only where its digest was recorded. Any other content is not what a run read; and whoever
records the name of somebody's secret file cannot have it shown without knowing what is in it.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass

from ..capture.files import digest_file, weak_version
from ..query.tables import format_of
from ..query.uses import Use, Uses
from ..render import words
from ..render.fragment import table
from ..render.fragment import text as _text
from .sheet import described, scrolling

MOST_BYTES = 64 << 20
HEAD_BYTES = 256 << 10
MOST_ROWS = 20
MOST_COLUMNS = 30
MOST_IN_CELL = 80
MOST_IN_LINE = 300
_LAST_US = 253_402_300_799_000_000  # the end of the year 9999, beyond which there is no datetime
# Secrets, letters that are no UTF-8, and the ends of very long names are not recorded as they are.
_NOT_AS_IT_IS = re.compile(r"\[redacted\]|\\x[89a-f][0-9a-f]|\.\.\.[0-9a-f]{32}\Z")

_SEEN = {
    "gone": "The file is no longer where the run left it: it was deleted or moved.",
    "folder": "It is a folder. Only single files are looked into.",
    "special": "What lies there is no ordinary file but a pipe, a socket or a device. "
    "It was not opened.",
    "changing": "Somebody is writing to the file just now. Load the page again in a moment.",
}
_RENAMED = (
    "Whether the file is still there cannot be told: it was recorded under a name without its "
    "secrets or unusual letters, so it cannot be found by that name."
)
_NEVER = "There is no file at this place, and no content of one was recorded."
_SAME = "The file is there, just as it was last recorded."
_CHANGED = "The file is there, but has changed since it was last recorded."
_SAME_SIZE = (
    "The file is there, with the size and time that were last recorded. Its content was not "
    "compared: only size and time were recorded, as of all files that are empty or large."
)
_LARGE = f"The file is there. It is too large to compare here: over {words.size(MOST_BYTES)}."
_NOT_TOLD = "The file is there. Whether it is what was recorded cannot be told: "
_NO_MACHINE = "On which machine it was recorded is not known: this is what lies here."
_NOT_SHOWN = "What is in it is shown only where it is known to be what was recorded."


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at a path: ``state`` is ``read``, ``large``, ``unreadable`` or one of `_SEEN`.

    ``weak`` is its version by size and time, ``digest`` that of its content (None where it is
    empty), and ``head`` the first of the bytes that the digest was made of.
    """

    state: str
    size: int | None = None
    changed_us: int | None = None
    weak: str | None = None
    digest: str | None = None
    head: bytes = b""
    trouble: str = ""


def look(path: str) -> Found:
    """Look at what lies at a path. Opens nothing but regular files that are not too large."""
    try:
        state = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Found("gone")
    except (OSError, ValueError) as error:
        return Found("unreadable", trouble=_reason(error))
    if stat.S_ISDIR(state.st_mode):
        return Found("folder")
    if not stat.S_ISREG(state.st_mode):
        return Found("special")
    changed_us = state.st_mtime_ns // 1000
    known = (state.st_size, changed_us if 0 <= changed_us < _LAST_US else None, weak_version(state))
    if state.st_size > MOST_BYTES:
        return Found("large", *known)
    if state.st_size == 0:
        return Found("read", *known)
    head = bytearray()
    try:
        digest = digest_file(
            path, state.st_size, lambda piece: head.extend(piece[: HEAD_BYTES - len(head)])
        )
    except OSError as error:
        return Found("unreadable", *known, trouble=_reason(error))
    return Found("changing" if digest is None else "read", *known, digest, bytes(head))


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or "its name cannot be one of a file").lower()


def about_file(found: Uses, here: str) -> str:
    """Give what is to be said of an artifact's file on this machine, with its first lines.

    Args:
        found: the artifact, and what is known of it.
        here: the name of this machine.
    """
    if not found.name.startswith("/") or found.kind in ("output", "value") or not found.uses:
        return ""
    ours = [use for use in found.uses if use.run.host in (None, here)]
    if not ours:
        there, this = found.uses[0].run.host, here or "another"
        said = f"It was recorded on the machine {there}; this one is {this}. It was not looked at."
        return _part([said], _facts(found.uses))
    now = look(found.name)
    known = [use for use in ours if use.version]
    said, is_recorded = _told(now, known)
    if now.state == "gone" and _NOT_AS_IT_IS.search(found.name):
        said = _RENAMED
    told = [said]
    if all(use.run.host is None for use in ours):
        told.append(_NO_MACHINE)
    if now.digest is not None and not is_recorded:
        told.append(_NOT_SHOWN)
    shown = f"<h2>Preview</h2>{preview(found.name, now)}" if is_recorded else ""
    return _part(told, _facts(known, now)) + shown


def _told(now: Found, known: Sequence[Use]) -> tuple[str, bool]:
    """Say how what lies there compares with what was recorded, and whether that very content was.

    ``known`` are the uses with a version, newest first.
    """
    last = known[0].version if known else None
    same = next((use for use in known if use.version == now.digest), None)
    if same is not None and now.digest == last:
        return _SAME, True
    if same is not None:
        when = words.day_and_minute(same.at_us)
        return f"The file is there, as it was on {when}. It was recorded otherwise since.", True
    return _otherwise(now, last), False


def _otherwise(now: Found, last: str | None) -> str:
    """Say what there is to say of a file whose content was not recorded, or is not known."""
    if now.state == "gone" and last is None:
        return _NEVER
    if now.state in _SEEN:
        return _SEEN[now.state]
    if now.state == "unreadable":
        return f"The file cannot be read here: {now.trouble}."
    if last is None:
        return f"{_NOT_TOLD}no version of it was recorded."
    if last.startswith("stat:"):
        return _SAME_SIZE if last == now.weak else _CHANGED
    if now.state == "large":
        return _LARGE
    if last.startswith("blake3:"):
        return _CHANGED
    return f"{_NOT_TOLD}it was recorded as {words.short_version(last)}, which is not compared here."


def _facts(known: Sequence[Use], now: Found | None = None) -> list[tuple[str, str]]:
    """Give what is known of the file now, and of when it was recorded last."""
    facts = []
    if now is not None and now.size is not None:
        facts.append(("size", words.size(now.size) if now.size else "it is empty"))
        facts.append(("last changed", f"{words.second(now.changed_us)} UTC"))
    last = next((use for use in known if use.version), None)
    if last is not None and last.version is not None:
        how = "made" if last.is_write else "read"
        by = f"{words.second(last.at_us)} UTC, {how} by {last.run.component}"
        facts.append(("last recorded", by))
        size = re.match(r"stat:(\d{1,18})-", last.version)
        if size is not None:
            facts.append(("size then", words.size(int(size[1]))))
        facts.append(("version then", words.whole_version(last.version)))
    return facts


def _part(told: Sequence[str], facts: Sequence[tuple[str, str]]) -> str:
    tone = {_SAME: "good", _CHANGED: "warn", _SEEN["gone"]: "warn"}.get(told[0], "")
    said = f'<span class="{tone}">{_text(told[0])}</span>' if tone else _text(told[0])
    more = "".join(f" {_text(sentence)}" for sentence in told[1:])
    listed = described(facts) if facts else ""
    return f"<h2>The file</h2><p>{said}{more}</p>{listed}"


# -- the first of its content ------------------------------------------------------------


def preview(name: str, now: Found) -> str:
    """Give the first rows or lines of a file of this name, as text that HTML shows as it is."""
    size = now.size or 0
    is_whole = len(now.head) >= size
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(now.head, final=is_whole)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return f"<p>It is binary, {words.size(size)}: it cannot be shown as text.</p>"
    kind = format_of(name)
    rows = _rows(text, kind, is_whole=is_whole) if kind in ("csv", "tsv") else []
    return _table(rows, is_whole=is_whole) if rows else _lines(text, is_whole=is_whole)


def _rows(text: str, kind: str, *, is_whole: bool) -> list[list[str]]:
    """Give the heads and one row more than is shown, or nothing where it is no table."""
    first = text.partition("\n")[0]
    comma = ";" if first.count(";") > first.count(",") else ","
    found: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, ""), delimiter="\t" if kind == "tsv" else comma):
            if row:
                found.append(row)
            if len(found) > MOST_ROWS + 1:
                return found
    except csv.Error:  # a quote that is never closed, for one
        return []
    # Where there is more, the last row may be a part of one.
    return found if is_whole else found[:-1]


def _table(rows: list[list[str]], *, is_whole: bool) -> str:
    heads, *body = rows[: MOST_ROWS + 1]
    width = max(map(len, (heads, *body)))
    cells = [[_cut(cell, MOST_IN_CELL) for cell in row[:MOST_COLUMNS]] for row in (heads, *body)]
    # Rows of one length, and no head without a word: a screen reader counts columns.
    wide = min(width, MOST_COLUMNS)
    cells = [row + [""] * (wide - len(row)) for row in cells]
    cells[0] = [head.strip() or "(no name)" for head in cells[0]]
    said = _how_many(len(body), "row", has_more=not is_whole or len(rows) > MOST_ROWS + 1)
    if width > MOST_COLUMNS:
        said += f", the first {MOST_COLUMNS} of {width:,} columns"
    return f'<p class="dim">{said}</p>{scrolling(table(cells[0], cells[1:]), "The first rows")}'


def _lines(text: str, *, is_whole: bool) -> str:
    every = text.removesuffix("\n").split("\n") if text else []
    shown = [
        _cut(line[: MOST_IN_LINE + 1].removesuffix("\r").expandtabs(4), MOST_IN_LINE)
        for line in every[:MOST_ROWS]
    ]
    said = _how_many(len(shown), "line", has_more=not is_whole or len(every) > MOST_ROWS)
    block = "\n".join(_text(line) for line in shown)
    return f'<p class="dim">{said}</p>{scrolling(f"<pre>{block}</pre>", "The first lines")}'


def _how_many(shown: int, noun: str, *, has_more: bool) -> str:
    many = words.count(shown, noun)
    return f"The first {many}" if has_more else f"{many} in all"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
