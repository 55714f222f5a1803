"""Commands that `bt` has as well: the shell fills in what is selected, and `bt` answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .cursor import MoveError, names_of, one_named
from .details import input_names, output_names
from .language import CommandError
from .session import Debugging, Verb

Words = Callable[[Debugging], Iterable[str]]


def diff(session: Debugging, given: list[str]) -> Verb:
    """Compare another output, which was right, with this one."""
    named = _named(given)
    if not named:
        raise CommandError(
            "diff takes an output that was right", hint="As in: diff @last-good, diff pred-1"
        )
    return Verb(("diff", *given) if len(named) > 1 else ("diff", *given, session.output))


def impact(session: Debugging, given: list[str]) -> Verb:
    """Show what was built on the selected run, or on a file of it."""
    if not _begins_with_name(given):
        return Verb(("impact", session.frame.run.run_id, *given))
    return Verb(("impact", _whole_name(session, given[0]), *given[1:]))


def history(session: Debugging, given: list[str]) -> Verb:
    """List the runs of the selected component, or of another."""
    names = [] if _begins_with_name(given) else [session.frame.run.component]
    return Verb(("history", *names, *given))


def who(session: Debugging, given: list[str]) -> Verb:
    """List the runs that wrote a file."""
    if not _begins_with_name(given):
        raise CommandError("who takes a file or a name", hint="As in: who model.pkl")
    return Verb(("who", _whole_name(session, given[0]), *given[1:]))


def note(session: Debugging, given: list[str]) -> Verb:
    """Say something about the selected run."""
    if not given:
        raise CommandError("note takes a text", hint='As in: note "seen by Kim"')
    # What follows two dashes is no option, also where a note begins with a dash.
    return Verb(("note", session.frame.run.run_id, "--", *given), changes=True)


def flag(session: Debugging, given: list[str]) -> Verb:
    """Mark this output, or others, as wrong."""
    words = _about_this(session, given)
    return Verb(("flag", *words), question=f"Flag {_which(words)}?", changes=True)


def unflag(session: Debugging, given: list[str]) -> Verb:
    """Take a flag back."""
    words = given if "--all" in given else _about_this(session, given)
    which = "all outputs" if "--all" in words else _which(words)
    return Verb(("unflag", *words), question=f"Unflag {which}?", changes=True)


def about_this(verb: str) -> Callable[[Debugging, list[str]], Verb]:
    """Give a command that is about this output, if no other is named."""

    def carry(session: Debugging, given: list[str]) -> Verb:
        return Verb((verb, *_about_this(session, given)))

    return carry


def as_typed(verb: str) -> Callable[[Debugging, list[str]], Verb]:
    """Give a command that `bt` takes as it is."""
    return lambda _session, given: Verb((verb, *given))


def _about_this(session: Debugging, given: list[str]) -> list[str]:
    return given if _begins_with_name(given) else [*given, "--", session.output]


def _begins_with_name(given: list[str]) -> bool:
    return bool(given) and not given[0].startswith("-")


def _named(given: list[str]) -> list[str]:
    return [word for word in given if not word.startswith("-")]


def _which(words: list[str]) -> str:
    if "--" in words:
        return words[-1]
    names = []
    for word in words:
        if word.startswith("-"):
            break
        names.append(word)
    return ", ".join(names)


def _whole_name(session: Debugging, name: str) -> str:
    """Give the whole name of a file of the selected run; another name as it is."""
    try:
        return one_named(name, names_of(session.frame), "")
    except MoveError:
        return name


def _files(session: Debugging) -> Iterable[str]:
    return [*input_names(session), *output_names(session)]


def _components(session: Debugging) -> Iterable[str]:
    return session.components


def _nothing(_session: Debugging) -> Iterable[str]:
    return ()


CARRY: dict[str, Callable[[Debugging, list[str]], Verb]] = {
    "diff": diff,
    "impact": impact,
    "history": history,
    "who": who,
    "stale": about_this("stale"),
    "explain": about_this("explain"),
    "note": note,
    "flag": flag,
    "unflag": unflag,
    "review": as_typed("review"),
    "recent": as_typed("recent"),
    "find": as_typed("find"),
    "components": as_typed("components"),
    "export": about_this("export"),
}
DESCRIBED: tuple[tuple[str, str, str, Words], ...] = (
    (
        "diff",
        "diff ID",
        "the first run that differs from those behind ID, which was right",
        _nothing,
    ),
    ("impact", "impact [FILE]", "what was built on the selected run, or on a file", _files),
    ("history", "history [COMPONENT]", "the runs of this component, newest first", _components),
    ("who", "who FILE", "the runs that wrote a file", _files),
    ("stale", "stale", "whether this output is out of date, and why; also: why", _nothing),
    ("explain", "explain", "what happened, in plain words", _nothing),
    ("note", "note TEXT", "say something about the selected run; kept", _nothing),
    ("flag", "flag [-m TEXT]", "mark this output as wrong; kept", _nothing),
    ("unflag", "unflag [-m TEXT]", "take that back", _nothing),
    ("review", "review", "the runs that could explain the flagged outputs", _nothing),
    ("recent", "recent", "the newest runs", _nothing),
    ("find", "find TEXT", "search by text", _nothing),
    ("components", "components", "known components", _nothing),
    ("export", "export [--format NAME]", "this backtrace for others", _nothing),
)
