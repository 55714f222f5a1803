"""What Tab offers: a line as far as it is typed -> words that can follow."""

from __future__ import annotations

import shlex

from .commands import COMMANDS, names, resolve
from .language import CommandError
from .preferences import values_of
from .session import Debugging


def candidates(session: Debugging, typed: str) -> tuple[list[str], str]:
    """Give the words that can stand where the line ends, and the part of them that is typed."""
    start, space, word = typed.lstrip().rpartition(" ")
    offered = _words(session, start) if space else names(session)
    unique = dict.fromkeys(each for each in offered if each.startswith(word))
    return [shlex.quote(each) for each in unique], word


def _words(session: Debugging, start: str) -> list[str]:
    first, *others = start.split()
    try:
        name = resolve(session, first)
    except CommandError:
        return []
    if name == "set" and others:
        return list(values_of(others[0]))
    return [each for each in COMMANDS[name].offers(session) if each not in others]
