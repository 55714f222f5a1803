"""What a person types -> the command that is meant, and its words."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Sequence

from ..errors import BacktrailError

_OFFERED = 5
# A debugger of programs has these; nothing is running here.
RUNNING_ONLY = frozenset(
    "attach b break c continue finish jump kill n next r run s step stepi tbreak until".split()
)


class CommandError(BacktrailError):
    """A line cannot be carried out as it was typed."""


def split(line: str) -> list[str]:
    """Take a line apart at spaces; quotes hold together. A lone quote is an apostrophe."""
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def meant(word: str, names: Sequence[str], letters: dict[str, str], topics: Iterable[str]) -> str:
    """Give the command that a word names, whole, as one letter, or as an unambiguous beginning.

    Args:
        word: what was typed.
        names: all commands and aliases.
        letters: what single letters stand for.
        topics: what `info` knows, to be offered.

    Raises:
        CommandError: no command or several are meant; says which are near.
    """
    if word in names:
        return word
    if word in letters:
        return letters[word]
    if word in RUNNING_ONLY:
        raise CommandError(f"{word}: nothing is running here", hint="See: help break")
    found = [name for name in names if name.startswith(word)]
    if len(found) == 1:
        return found[0]
    found = found[:_OFFERED]
    near = found or [f"info {topic}" for topic in topics if topic.startswith(word)]
    near = near or difflib.get_close_matches(word, names, n=3)
    raise CommandError(
        f"Ambiguous or unknown command: {word}",
        hint=f"Did you mean: {_either(near)}?" if near else "List them with: help",
    )


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def number(word: str, what: str) -> int:
    """Read a whole number from 1 on.

    Raises:
        CommandError: it is none.
    """
    if not word.isdecimal() or int(word) < 1:
        raise CommandError(f"{what} is a whole number from 1 on, not {word}")
    return int(word)
