"""The commands of the shell, one function each: a session and words in, an answer out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..render import text
from ..render.fold import require_stage
from ..render.narrative import near_miss_sentences
from . import details, language, manual, verbs
from .language import CommandError
from .preferences import ABOUT, NAMES
from .session import Debugging, Leave, Verb

Answer = str | Verb | Leave
Carry = Callable[[Debugging, list[str]], Answer]
Words = Callable[[Debugging], Iterable[str]]


def _nothing(_session: Debugging) -> Iterable[str]:
    return ()


class Command(NamedTuple):
    """A command: what carries it out, how it is used, what it does, what Tab offers."""

    carry: Carry
    usage: str
    help: str
    offers: Words = _nothing


# -- moves ---------------------------------------------------------------------------


def frame(session: Debugging, given: list[str]) -> Answer:
    """Select a frame by its number, or the next run of a component; alone show the selected one."""
    if len(given) > 1:
        raise CommandError("frame takes one number or component", hint="As in: frame 3")
    if given:
        word = given[0].removeprefix("#")
        if word.isdecimal():
            session.cursor.select(int(word))
        else:
            session.cursor.select_component(given[0])
    return session.line()


def up(session: Debugging, given: list[str]) -> Answer:
    """Go towards the inputs, or to the run that made an input."""
    steps = _steps(given)
    if steps is None:
        session.cursor.follow_up(given[0])
    else:
        session.cursor.up(steps)
    return session.line()


def down(session: Debugging, given: list[str]) -> Answer:
    """Go towards the output, or to a run that read an output."""
    steps = _steps(given)
    if steps is None:
        session.cursor.follow_down(given[0])
    else:
        session.cursor.down(steps)
    return session.line()


def top(session: Debugging, given: list[str]) -> Answer:
    """Go to the last frame."""
    _none(given, "top")
    session.cursor.top()
    return session.line()


def bottom(session: Debugging, given: list[str]) -> Answer:
    """Go to #0."""
    _none(given, "bottom")
    session.cursor.bottom()
    return session.line()


def _steps(given: list[str]) -> int | None:
    """Give how many steps are meant, None where a file is named."""
    if not given:
        return 1
    if len(given) > 1:
        raise CommandError("up and down take one number or file", hint="As in: up 2, up raw.csv")
    return language.number(given[0], "a number of steps") if given[0].isdecimal() else None


def _none(given: list[str], name: str) -> None:
    if given:
        raise CommandError(f"{name} takes nothing more, it was given {' '.join(given)}")


# -- the whole -------------------------------------------------------------------------


def bt(session: Debugging, given: list[str]) -> Answer:
    """Show the backtrace, or a part of it."""
    limit: int | None = None
    full, by, only, stage = False, None, None, None
    waiting = list(given)
    while waiting:
        word = waiting.pop(0)
        if word == session.output:
            continue
        if word in ("full", "--full"):
            full = True
        elif word == "--by":
            by = _one_of(word, waiting, ("run", "component", "stage"))
        elif word == "--only":
            only = _one_of(word, waiting, ("warn",))
        elif word == "--stage":
            stage = _one_of(word, waiting, ())
            require_stage(session.trace.frames, stage)
        else:
            limit = _limit(waiting.pop(0) if word == "-n" and waiting else word)
    trace, screen = session.trace, session.screen
    near = session.client.near_misses(trace) if trace.gaps else {}
    return text.backtrace(
        trace,
        width=screen.width or 0,
        wide=screen.width is None,
        color=screen.color,
        ascii=screen.ascii,
        limit=limit,
        full=full,
        now=session.now(),
        by=by,
        only=only,
        stage=stage,
        hints=near_miss_sentences(near),
    )


def _limit(word: str) -> int:
    if not word.removeprefix("-").isdecimal() or int(word) == 0:
        raise CommandError(
            f"bt knows no {word}", hint="As in: bt 5, bt -5, bt full, bt --only warn"
        )
    return int(word)


def _one_of(option: str, waiting: list[str], choices: tuple[str, ...]) -> str:
    if not waiting or (choices and waiting[0] not in choices):
        takes = ", ".join(choices) or "the name of a stage or component"
        raise CommandError(f"{option} takes {takes}")
    return waiting.pop(0)


# -- settings and help ------------------------------------------------------------------


def set_(session: Debugging, given: list[str]) -> Answer:
    """Change a setting, and keep it for later sessions."""
    if len(given) != 2:
        raise CommandError("set takes a setting and its value", hint="As in: set time local")
    session.change(*given)
    return ""


def show(session: Debugging, given: list[str]) -> Answer:
    """Show one setting, or all."""
    from ..render import parts

    unknown = [name for name in given if name not in NAMES]
    if unknown:
        raise CommandError(
            f"no setting is called {unknown[0]}",
            hint=f"There are: {', '.join(NAMES)}. A run: info frame",
        )
    return parts.settings(
        session.screen,
        [(name, session.preferences.shown(name), ABOUT[name]) for name in given or NAMES],
    )


def help_(session: Debugging, given: list[str]) -> Answer:
    """Show what commands there are, or one of them."""
    if not given:
        return manual.overview(session.screen, _described(session))
    word = given[0]
    if word in language.RUNNING_ONLY:
        return manual.NOTHING_RUNS
    name = resolve(session, word)
    command = COMMANDS[name]
    return manual.one(session.screen, command.usage, command.help, _letters_of(name))


def _described(session: Debugging) -> list[tuple[str, str]]:
    names = [name for name in COMMANDS if _is_there(session, name) and name not in ALIASES]
    return [(COMMANDS[name].usage, COMMANDS[name].help) for name in names]


def quit_(_session: Debugging, given: list[str]) -> Answer:
    """Leave."""
    _none(given, "quit")
    return Leave()


# -- which there are ---------------------------------------------------------------------


def _names_of_frames(session: Debugging) -> Iterable[str]:
    return [*(str(frame.n) for frame in session.trace.frames), *session.components]


def _setting_names(_session: Debugging) -> Iterable[str]:
    return NAMES


def _every_name(session: Debugging) -> Iterable[str]:
    return names(session)


def _bt_words(_session: Debugging) -> Iterable[str]:
    return ["full", "--by", "--only", "--stage", "run", "component", "stage", "warn"]


COMMANDS: dict[str, Command] = {
    "bt": Command(
        bt,
        "bt [N|-N|full] [--by run|component|stage] [--only warn] [--stage NAME]",
        "the backtrace; the first N runs, the last N, or all of each",
        _bt_words,
    ),
    "frame": Command(
        frame,
        "frame [N|COMPONENT]",
        "select run N, or the next run of a component",
        _names_of_frames,
    ),
    "up": Command(
        up,
        "up [N|FILE]",
        "go towards the inputs; to the run that made the input FILE",
        details.input_names,
    ),
    "down": Command(
        down,
        "down [N|FILE]",
        "go towards the output; to a run that read FILE from here",
        details.output_names,
    ),
    "top": Command(top, "top", "go to the last run, where up ends"),
    "bottom": Command(bottom, "bottom", "go to #0, which made the output"),
    "info": Command(
        details.info,
        "info PART",
        f"of the selected run: {', '.join(details.TOPICS[:-1])} or {details.TOPICS[-1]}",
        lambda _session: details.TOPICS,
    ),
    "list": Command(
        details.list_,
        "list [N|-]",
        "the source that ran, the failing line marked; list - goes back",
    ),
    "print": Command(
        details.print_,
        "print PATH",
        "a value: params.eta, outputs.pred-1.value, error; no Python",
        details.value_paths,
    ),
    "x": Command(
        details.examine,
        "x FILE [schema|head N|stats]",
        "look into a data file as it is now; read only",
        details.file_words,
    ),
    **{
        name: Command(verbs.CARRY[name], usage, about, offers)
        for name, usage, about, offers in verbs.DESCRIBED
    },
    "set": Command(set_, "set NAME VALUE", "change a setting; kept", _setting_names),
    "show": Command(show, "show [NAME]", "show settings", lambda _session: NAMES),
    "help": Command(help_, "help [COMMAND]", "what commands there are", _every_name),
    "quit": Command(quit_, "quit", "leave; so does Ctrl-D"),
}
ALIASES = {"where": "bt", "backtrace": "bt", "why": "stale", "exit": "quit"}
LETTERS = {
    "f": "frame",
    "u": "up",
    "d": "down",
    "i": "info",
    "l": "list",
    "p": "print",
    "h": "help",
    "?": "help",
    "q": "quit",
}
_REPEATED = ("bt", "frame", "up", "down", "top", "bottom")


def _is_there(session: Debugging, name: str) -> bool:
    return name not in verbs.CARRY or name in session.verbs


def names(session: Debugging) -> list[str]:
    """Give every name that a command of this session can be called by."""
    there = [name for name in COMMANDS if _is_there(session, name)]
    return there + [alias for alias, name in ALIASES.items() if name in there]


def resolve(session: Debugging, word: str) -> str:
    """Give the command that a word means.

    Raises:
        CommandError: it means none, or several.
    """
    found = language.meant(word, names(session), LETTERS, details.TOPICS)
    return ALIASES.get(found, found)


def _letters_of(name: str) -> list[str]:
    every = {**LETTERS, **ALIASES}
    return [short for short, whole in every.items() if whole == name]


def carry_out(session: Debugging, line: str) -> Answer:
    """Carry a line out; give the text that answers it, or what else is to be done.

    Raises:
        BacktrailError: it cannot be; says why and what to type.
    """
    word, *given = language.split(line)
    return COMMANDS[resolve(session, word)].carry(session, given)


def again(session: Debugging, line: str) -> str:
    """Give the line that Enter repeats after this one; an empty one for none."""
    word, *given = language.split(line) or [""]
    try:
        name = resolve(session, word)
    except CommandError:
        return ""
    if name == "list":
        return "list -" if given == ["-"] else "list"
    if name in ("up", "down") and given and not given[0].isdecimal():
        # The file was followed; from there the next step is one run.
        return name
    return line if name in _REPEATED else ""
