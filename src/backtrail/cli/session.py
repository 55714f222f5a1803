"""What one invocation of `bt` was told (options that every command takes), and its client."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import NotFoundError, StoreUnavailableError
from ..render.screen import Screen, first_lines, safe
from . import terminal
from .failures import STORE_AWAY
from .progress import Progress

if TYPE_CHECKING:
    from ..client import Client

F = TypeVar("F", bound=Callable[..., Any])

EMPTY = "the database is there but empty: nothing has been recorded yet"
MISSING = "nothing has been recorded yet: there is no database"
MISSING_HINT = (
    "Record a run: put @register on a function (bt help record). Another database: --db URL"
)
EMPTY_HINT = (
    "Record a run: put @register on a function (bt help record). Check the set-up: bt doctor"
)


@dataclass
class Session:
    """The options of one invocation; opens the store when it is first asked for."""

    json: bool = False
    jsonl: bool = False
    url: str | None = None
    color: str = "auto"
    no_pager: bool = False
    wide: bool = False
    debug: bool = False
    #: What was found, where it can show itself by other means than this text.
    answer: Any = None
    #: How many lines of a text are shown, inside the shell; 0: all.
    limit: int = 0

    @cached_property
    def client(self) -> Client:
        """A client of the store that was named, closed with the invocation."""
        from ..client import connect

        client = connect(self.url)
        click.get_current_context().find_root().call_on_close(lambda: _close(client))
        return client

    @cached_property
    def asking(self) -> Client:
        """The client, where there is something to ask.

        Raises:
            NotFoundError: there is no database, and a question shall not make one.
        """
        client = self.existing
        with Progress("Taking in what was recorded"):
            client.take_in()
        return client

    @property
    def existing(self) -> Client:
        """The client, where there is a database or what becomes one; takes nothing in.

        Raises:
            NotFoundError: there is none.
        """
        if not self.has_database():
            raise self.nothing_recorded()
        return self.client

    def has_database(self) -> bool:
        """Whether anything was ever recorded, be it that it still waits in the journal."""
        return self.client.has_records()

    @cached_property
    def screen(self) -> Screen:
        """What standard output can show."""
        return terminal.screen(color=self.color, wide=self.wide)

    def within(self, screen: Screen, limit: int) -> Session:
        """Give a session for a command inside this one: the same client, another screen."""
        inner = replace(self, no_pager=True, limit=limit)
        # What `cached_property` looks for: one client for all, closed with the outermost.
        vars(inner).update(client=self.client, screen=screen)
        return inner

    def show(self, text: str) -> None:
        """Print text for a person, through a pager if it is long."""
        terminal.show(first_lines(text, self.limit), pager=not self.no_pager)

    def show_json(self, schema: str, **content: Any) -> None:
        """Print JSON with its schema, ``NAME/NUMBER``."""
        self.show_document({"schema": f"backtrail.{schema}", **content})

    def show_document(self, document: dict[str, Any]) -> None:
        """Print the JSON of an answer, which names its schema itself."""
        from ..render.json import dumps

        terminal.write(dumps(document, pretty=terminal.is_watched()))

    def show_list(self, schema: str, key: str, found: Iterable[dict[str, Any]]) -> bool:
        """Print a list where a program asked for it, whole or a line each; say whether one did."""
        from ..render.json import dumps

        if self.jsonl:
            for each in found:
                terminal.write(dumps(each))
        elif self.json:
            self.show_json(schema, **{key: list(found)})
        return self.json or self.jsonl

    def say(self, text: str) -> None:
        """Tell something beside the data, on stderr; under --json nobody would read it."""
        if not (self.json or self.jsonl) and sys.stderr is not None:
            print(safe(text), file=sys.stderr)

    def say_empty(self) -> None:
        """Tell that nothing is recorded yet, and how to begin."""
        nothing = self.nothing_recorded()
        self.say(f"bt: {nothing.message}.")
        self.say(nothing.hint)

    def is_empty(self) -> bool:
        """Whether the store holds no run at all."""
        return not self.has_database() or not self.asking.recent(limit=1)

    def nothing_recorded(self) -> NotFoundError:
        """Give the error for a question to a store without runs."""
        if self.has_database():
            return NotFoundError(EMPTY, hint=EMPTY_HINT)
        return NotFoundError(f"{MISSING} at {self.client.url}", hint=MISSING_HINT)


def common(command: F) -> F:
    """Add the options that every command takes, before the verb or after it."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def listed(command: F) -> F:
    """Add the option of commands that give lists."""
    return _common_option("--jsonl", is_flag=True, help="Print JSON, an entry a line.")(command)


def _close(client: Client) -> None:
    error = sys.exc_info()[1]
    # A store that is away was just told of: looking for it again would only take time.
    if (
        not isinstance(error, StoreUnavailableError)
        and getattr(error, "exit_code", 0) != STORE_AWAY
    ):
        client.close()


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    session = context.ensure_object(Session)
    # Not given here must not undo what was given before the verb.
    if value:
        setattr(session, str(parameter.name), value)


def _common_option(*names: str, **how: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, callback=_remember, **how)


_OPTIONS = (
    _common_option("--json", is_flag=True, help="Print JSON, for programs."),
    _common_option(
        "--db", "url", metavar="URL", help="Ask this store. Default: BACKTRAIL_URL, or .backtrail."
    ),
    _common_option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        help="Colour. Default: on a terminal only.",
    ),
    _common_option("--wide", is_flag=True, help="Cut nothing to fit the screen."),
    _common_option("--no-pager", is_flag=True, help="Print long text straight."),
    _common_option("--debug", is_flag=True, help="Print the traceback of an error."),
)
