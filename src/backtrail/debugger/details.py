"""Commands that look closer at the selected run: `info`, `list`, `print`, `x`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..model.names import path_name
from ..render import data, detail, parts, source
from ..render.names import is_place
from . import datafile, language, paths
from .cursor import MoveError, names_of, one_named
from .language import CommandError
from .session import Debugging
from .source import Listing, read_listing

TOPICS = ("inputs", "outputs", "params", "env", "code", "checks", "frame")
_ROWS = 5
_MOST_ROWS = 1000
_COMPARED = 200


# -- info --------------------------------------------------------------------------------


def info(session: Debugging, given: list[str]) -> str:
    """Show one part of what is recorded of the selected run."""
    asked = given[0] if len(given) == 1 else ""
    found = [topic for topic in TOPICS if asked and topic.startswith(asked)]
    if len(found) != 1:
        known = f"{', '.join(TOPICS[:-1])} or {TOPICS[-1]}"
        raise CommandError(f"info takes one of {known}", hint="As in: info inputs")
    return _INFO[found[0]](session)


def _environment(session: Debugging) -> str:
    frame = session.frame
    packages = session.client.packages_of(frame.run.run_id)
    nearest = session.client.packages_of(session.trace.frames[0].run.run_id) if frame.n else None
    return parts.environment(session.screen, frame, packages, nearest)


_INFO: dict[str, Callable[[Debugging], str]] = {
    "inputs": lambda session: parts.inputs(session.screen, session.frame, session.lines.short),
    "outputs": lambda session: parts.outputs(
        session.screen, session.frame, session.output, session.lines.short
    ),
    "params": lambda session: parts.params(session.screen, session.frame),
    "env": _environment,
    "code": lambda session: parts.code(session.screen, session.frame),
    "checks": lambda session: parts.checks(session.screen, session.frame, session.lines.short),
    "frame": lambda session: detail.run(session.screen, session.frame.run),
}


# -- list --------------------------------------------------------------------------------


def list_(session: Debugging, given: list[str]) -> str:
    """Show the source that ran, a page at a time."""
    if len(given) > 1:
        raise CommandError("list takes a line number or -", hint="As in: list, list 40, list -")
    listing = session.listing
    is_new = listing is None or listing.run_id != session.frame.run.run_id
    if listing is None or is_new:
        listing = session.listing = read_listing(session.client, session.frame.run, session.folder)
    size = max(session.preferences.limit - 2, 5) if session.preferences.limit else 1 << 30
    word = given[0] if given else ""
    if word == "-":
        lines = listing.page_before(size)
    elif word:
        lines = listing.page_at(language.number(word, "a line"), size)
    else:
        lines = listing.page(size)
    if not lines:
        raise CommandError(_at_the_end(listing, forward=word != "-"))
    shown = source.listing(session.screen, lines)
    head = [session.screen.clean(listing.title)] if is_new else []
    left = len(listing.lines) - listing.shown[1]
    more = [f"({left} more lines: list goes on, list - goes back)"] if left else []
    return "\n".join([*head, shown, *more])


def _at_the_end(listing: Listing, *, forward: bool) -> str:
    where = "end" if forward else "beginning"
    back = "list - goes back" if forward else "list goes on"
    return f"that was the {where} of it ({listing.extent}); {back}"


# -- print -------------------------------------------------------------------------------


def print_(session: Debugging, given: list[str]) -> str:
    """Show a value by its path; of a parameter also since when it is so."""
    if not given:
        raise CommandError("print takes a path", hint="As in: print params, print params.eta")
    found = paths.value_at(session.frame, " ".join(given))
    remark = "" if found.parameter is None else _since(session, found.parameter)
    return parts.value(session.screen, found.value, remark)


def _since(session: Debugging, parameter: str) -> str:
    """Say for how many runs before this one a parameter had the same value."""
    run = session.frame.run
    value = run.params[parameter]
    before = session.client.history(run.component, limit=_COMPARED, until=run.started_at)
    for count, earlier in enumerate(before):
        if parameter not in earlier.params or earlier.params[parameter] != value:
            had = paths.shortly(earlier.params, parameter)
            return (
                f"was {had} in the run before" if not count else f"as in the {_runs(count)} before"
            )
    more = " or more" if len(before) == _COMPARED else ""
    return f"as in all {_runs(len(before))}{more} before" if before else "the first run on record"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


# -- x -----------------------------------------------------------------------------------


def examine(session: Debugging, given: list[str]) -> str:
    """Show the columns, the first rows or the figures of a data file."""
    if not given:
        raise CommandError("x takes a file", hint="As in: x raw.csv, x raw.csv head 3")
    name, *how = given
    what = how[0] if how else "schema"
    kinds = [kind for kind in ("schema", "head", "stats") if kind.startswith(what)]
    if len(kinds) != 1 or len(how) > (2 if kinds == ["head"] else 1):
        raise CommandError("x shows schema, head N or stats", hint=f"As in: x {name} stats")
    path, version = _file(session, name)
    screen, settings = session.screen, session.client.settings
    if kinds == ["head"]:
        count = language.number(how[1], "a number of rows") if len(how) > 1 else _ROWS
        rows = datafile.head(path, min(count, _MOST_ROWS), version, settings)
        return data.head(screen, rows.columns, rows.rows, rows.doubt)
    found = datafile.look(path, version, settings)
    if kinds == ["stats"]:
        return data.stats(screen, found.table.columns, found.doubt)
    return data.schema(screen, found.table.columns, found.table.rows, found.size, found.doubt)


def _file(session: Debugging, name: str) -> tuple[str, str | None]:
    """Find a file that the selected run knows, else another one of the trace."""
    frame = session.frame
    versions = {each.name: each.version for each in frame.inputs if is_place(each.name)}
    # A file that it read and wrote again is meant as it left it.
    versions |= {each.name: each.version for each in frame.outputs if is_place(each.name)}
    try:
        whole = one_named(name, versions, f"#{frame.n} read or wrote no file {name}")
    except MoveError as error:
        path = path_name(name, session.folder)
        if path in versions:
            return path, versions[path]
        elsewhere = _elsewhere(session, name)
        if elsewhere is None:
            raise
        hint = f"It is a file of #{elsewhere}: frame {elsewhere}"
        raise MoveError(error.message, hint=hint) from error
    return whole, versions[whole]


def _elsewhere(session: Debugging, name: str) -> int | None:
    for frame in session.trace.frames:
        if any(each.endswith(f"/{name}") for each in names_of(frame)):
            return frame.n
    return None


# -- what Tab offers ------------------------------------------------------------------------


def input_names(session: Debugging) -> Iterable[str]:
    """Give the inputs of the selected run, as the lines show them."""
    return [_shown(session, each.name) for each in session.frame.inputs]


def output_names(session: Debugging) -> Iterable[str]:
    """Give what the selected run wrote, as the lines show it."""
    return [_shown(session, each.name) for each in session.frame.outputs[:200]]


def file_words(session: Debugging) -> Iterable[str]:
    """Give the files of the selected run, and what `x` can show of them."""
    files = [_shown(session, name) for name in names_of(session.frame) if is_place(name)]
    return [*files, "schema", "head", "stats"]


def value_paths(session: Debugging) -> Iterable[str]:
    """Give paths that `print` knows."""
    return paths.names_in(session.frame)


def _shown(session: Debugging, name: str) -> str:
    return session.lines.short.get(name, name)
