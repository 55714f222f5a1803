"""`bt` itself: finds the verb, loads only what it needs, and runs it."""

from __future__ import annotations

import os
from importlib import import_module
from typing import NamedTuple

import click
from click.shell_completion import CompletionItem

from .. import __version__
from . import terminal
from .failures import FIRST_WORD
from .session import Session, common

_COMPLETE = "_BT_COMPLETE"


class Verb(NamedTuple):
    """Where a command lives, and what the short help says of it."""

    module: str
    help: str


# The short help is written here, so that `bt` alone need not import every verb.
VERBS = {
    "trace": Verb("trace", "The runs behind an output, nearest first. bt ID is short for it."),
    "shell": Verb("shell", "Walk through the runs behind an output."),
    "show": Verb("show", "One run: inputs, outputs, parameters, code, error."),
    "explain": Verb("explain", "An output in plain words."),
    "stale": Verb("stale", "Whether an output is out of date, why, and what to make again."),
    "diff": Verb("diff", "Compare two outputs: the first run that differs by itself."),
    "impact": Verb("impact", "What was built on a run or an artifact: runs and output ids."),
    "who": Verb("runs", "Runs that wrote a name, or a file's content."),
    "history": Verb("runs", "Runs of a component, newest first."),
    "recent": Verb("runs", "The newest runs."),
    "find": Verb("search", "Search outputs, artifacts, components and runs by text."),
    "components": Verb("search", "Known components."),
    "export": Verb("export", "Write a backtrace as SVG, HTML, Mermaid, PROV and more."),
    "flag": Verb("review", "Mark outputs as wrong: bt flag ID -m 'what is wrong'."),
    "unflag": Verb("review", "Take flags back."),
    "assign": Verb("review", "Say who looks into flagged outputs: bt assign ID --to PERSON."),
    "review": Verb("review", "Rank the runs that could explain the flagged outputs."),
    "note": Verb("review", "Say something about a run."),
    "doctor": Verb("doctor", "Check the set-up."),
    "db": Verb("db", "Look after the database: stats, check, upgrade, copy, prune."),
    "server": Verb("server", "Serve the store over HTTP: pages for a browser, and JSON."),
    "ui": Verb("server", "Open an output, or the first page, in a browser."),
    "demo": Verb("demo", "Run a small real pipeline with a fault in it, and trace it."),
    "completion": Verb("completion", "Print the completion script for a shell."),
    "help": Verb("help", "Help on a command, or on recording: bt help record."),
}
ALIASES = {"backtrace": "trace", "where": "trace", "inspect": "show", "why": "stale"}


class Program(click.Group):
    """Commands by name, loaded when they are used; any other first word is an id to trace."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the verbs in the order of the help."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a verb by its name or an alias."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name not in VERBS:
            return None
        module = import_module(f".{VERBS[name].module}", __package__)
        command: click.Command = getattr(module, name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.help) for name, verb in VERBS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `trace` where no verb is given."""
        place = self._place_of_verb(ctx, args)
        if place is not None:
            ctx.meta[FIRST_WORD] = args[place]
            before, rest = args[:place], args[place:]
            if rest[0] == "--" and len(rest) > 2:
                # `bt -- ID --json`: one id is all that trace takes, so these are its options.
                rest = [*rest[2:], *rest[:2]]
            args = [*before, "trace", *rest]
        return super().parse_args(ctx, args)

    def _place_of_verb(self, ctx: click.Context, args: list[str]) -> int | None:
        """Give where `trace` is missing; None where the arguments name a verb or ask for help."""
        own = {name: option for option in self.get_params(ctx) for name in option.opts}
        place = 0
        while place < len(args):
            word, equals, _ = args[place].partition("=")
            if word in ALIASES or word in VERBS:
                return None
            option = own.get(word)
            if option is None:
                return place
            if word in ("--help", "-h", "--version"):
                return None
            takes_next = isinstance(option, click.Option) and not option.is_flag and not equals
            place += 2 if takes_next else 1
        return None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete verbs, and ids where the verb is left out."""
        from .completion import output_ids

        return [*super().shell_complete(ctx, incomplete), *output_ids(ctx, incomplete)]


def _print_version(context: click.Context, _parameter: click.Parameter, value: object) -> None:
    if not value or context.resilient_parsing:
        return
    terminal.write(f"bt {__version__}")
    context.exit()


@click.group(
    "bt",
    cls=Program,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    options_metavar="",
    subcommand_metavar="ID | COMMAND [OPTIONS]",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version.",
)
@common
@click.pass_context
def program(context: click.Context) -> None:
    """Trace an output of a pipeline back to the runs that made it.

    bt ID shows them, the nearest first; @last is the newest output. An id that
    equals a command: bt -- ID.
    """
    if context.invoked_subcommand is None:
        terminal.write(context.get_help())


def run(arguments: list[str], session: Session | None = None) -> int:
    """Run one command line to its end; give its exit code. Errors are for the caller.

    ``session`` takes the options in and the answer, where the caller wants to have that.
    """
    instruction = os.environ.get(_COMPLETE)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(program, {}, "bt", _COMPLETE, instruction)
    try:
        with program.make_context("bt", list(arguments), obj=session) as context:
            program.invoke(context)
    except click.exceptions.Exit as ended:
        terminal.flush()
        return ended.exit_code
    terminal.flush()
    return 0
