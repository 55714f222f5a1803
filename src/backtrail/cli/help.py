"""`bt help`: help on a command, and how to record."""

from __future__ import annotations

import click

from . import terminal
from .session import Session, common

_RECORD = """\
Put @register on the functions of a pipeline, and give results an id with log():

    from backtrail import log, register

    @register(input_path="path", output_path="clean.parquet")
    def clean(path):                  # input_path names the parameter
        ...

    @register(input_path="clean.parquet")
    def predict():
        log("pred-1", value=0.83)     # the id that a person quotes
        return 0.83

Run it as always, then ask: bt pred-1

Runs go to BACKTRAIL_URL, or to .backtrail/backtrail.db in the nearest parent
folder that has a .backtrail folder, or else in the working directory."""

_TOPICS = {"record": _RECORD}


@click.command("help")
@click.argument("words", metavar="[COMMAND|record]", nargs=-1)
@common
@click.pass_context
def help(context: click.Context, *, words: tuple[str, ...]) -> None:  # noqa: A001 - bt help
    """Show help on a command, or how to record: bt help record."""
    text = _TOPICS.get(" ".join(words)) or _help_on(context.find_root(), words)
    session = context.ensure_object(Session)
    if session.json:
        session.show_json("help/1", text=text)
    else:
        terminal.write(text)


def _help_on(root: click.Context, words: tuple[str, ...]) -> str:
    context = root
    for word in words:
        group = context.command
        command = group.get_command(context, word) if isinstance(group, click.Group) else None
        if command is None:
            raise click.UsageError(f"no command is called {' '.join(words)!r}", root)
        context = click.Context(command, info_name=word, parent=context)
    return context.get_help()
