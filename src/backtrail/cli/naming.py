"""What a person types for an output, a run or a content -> the name to ask for."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from ..errors import AmbiguousIdError, NotFoundError
from ..render.words import quoted, second
from .failures import NothingFoundError, SeveralFoundError, command_near

if TYPE_CHECKING:
    from ..model.records import Run
    from .session import Session

T = TypeVar("T")

# As with run ids: fewer characters are more likely a slip than an abbreviation.
_SHORTEST_PREFIX = 4
_CANDIDATES = 5
# A digest as it is stored, or as it is printed: blake3 7a9c43..e5
_DIGEST = re.compile(r"(?:([a-z0-9]+)[: ])?([0-9a-f]{4,})(?:(?:\.\.|…)([0-9a-f]*))?")


def ask(session: Session, name: str, question: Callable[[str], T]) -> T:
    """Ask by the name as it was typed, else by what it is short for.

    Raises:
        NotFoundError: the name is short for nothing either; says what helps at a prompt.
        AmbiguousIdError: it is short for several.
    """
    known = exact(session, name)
    try:
        try:
            return question(known)
        except NotFoundError:
            whole = _in_full(session, known)
            if whole is None:
                raise
        return question(whole)
    except NotFoundError as error:
        raise _explained(session, known, error) from error
    except AmbiguousIdError as error:
        raise SeveralFoundError(error, lines=_described(session, error.candidates)) from error


def exact(session: Session, name: str) -> str:
    """Replace ``@last`` and ``@last-good`` by the output that each stands for.

    Raises:
        NotFoundError: when there is none yet.
    """
    if name not in ("@last", "@last-good"):
        return name
    good = name == "@last-good"
    found = session.asking.last_good_output() if good else session.asking.last_output()
    if found is not None:
        return found
    if session.is_empty():
        raise session.nothing_recorded()
    if session.asking.last_output() is None:
        raise NotFoundError(
            "no run has logged an output id yet",
            hint="Give a result one: log('pred-1'). Or ask by a file's path: bt PATH",
        )
    raise NotFoundError(
        "each of the newest outputs has a run behind it that did not complete",
        hint="The newest runs: bt recent",
    )


def _explained(session: Session, name: str, error: NotFoundError) -> NotFoundError:
    """Add what helps at a prompt: how to begin, a mistyped command, who wrote close matches."""
    if session.is_empty():
        return session.nothing_recorded()
    near = command_near(click.get_current_context())
    if near:
        return NothingFoundError(error, hint=f"Did you mean the command: bt {near}")
    if not error.closest:
        return error
    lines = _described(session, error.closest)
    return NothingFoundError(error, hint=f"Search by text: bt find {quoted(name)}", lines=lines)


def _described(session: Session, names: Sequence[str]) -> list[str]:
    """Give each name with the component that it comes from, and when, in columns."""
    about: list[tuple[str, str, str]] = []
    for name in names[:_CANDIDATES]:
        run = _run_behind(session, name)
        about.append((name, run.component, second(run.started_us)) if run else (name, "", ""))
    wide = [max((len(each[place]) for each in about), default=0) for place in range(2)]
    return [
        f"{name:{wide[0]}}  {component:{wide[1]}}  {time}".rstrip()
        for name, component, time in about
    ]


def _run_behind(session: Session, name: str) -> Run | None:
    """Give the run of this id, or the newest that wrote this name; some were only read."""
    # Ids of imported runs may begin with the name of what they made.
    with contextlib.suppress(NotFoundError, AmbiguousIdError):
        return session.asking.get_run(name)
    with contextlib.suppress(NotFoundError, AmbiguousIdError, IndexError):
        return session.asking.who(name, limit=1)[0]
    return None


def _in_full(session: Session, name: str) -> str | None:
    """Give what a name is short for: an output id, a file's content, or a digest; say which."""
    if len(name) >= _SHORTEST_PREFIX:
        found = session.asking.complete(name, limit=_CANDIDATES + 1)
        if found and name not in found:
            return _only(session, name, found, "output id")
    content = _content_of_file(session, name)
    if content is not None:
        session.say(f"bt: {name} is known by its content, {content[:17]}..")
        return content
    digests = _digests(session, name)
    return _only(session, name, digests, "digest") if digests else None


def _only(session: Session, name: str, found: Sequence[str], what: str) -> str:
    if len(found) == 1:
        session.say(f"bt: {name} is short for {found[0]}")
        return found[0]
    many = f"{len(found)}" if len(found) <= _CANDIDATES else f"more than {_CANDIDATES}"
    raise AmbiguousIdError(
        f"{name!r} is the beginning of {many} {what}s",
        candidates=list(found[:_CANDIDATES]),
        hint="Type more of it.",
    )


def _content_of_file(session: Session, name: str) -> str | None:
    """Give the digest of the file that lies there now, if some run knew that content."""
    if not os.path.exists(name):
        return None
    from ..capture.files import FileVersions
    from ..model.names import path_name

    files = FileVersions(session.client.settings.digest_limit_bytes)
    version = files.version_of(path_name(name))
    if version is None or version not in session.asking.digests(version, limit=1):
        return None
    return version


def _digests(session: Session, name: str) -> list[str]:
    matched = _DIGEST.fullmatch(name.lower())
    if matched is None:
        return []
    kind, begins, ends = matched.groups()
    prefix = f"{kind}:{begins}" if kind else begins
    found = session.asking.digests(prefix, limit=1000 if ends else _CANDIDATES + 1)
    return [word for word in found if word.endswith(ends or "")]
