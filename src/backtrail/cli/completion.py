"""`bt completion`, and what it completes: output ids and component names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem, get_completion_class

from ..render.screen import safe
from . import terminal
from .session import Session, common

if TYPE_CHECKING:
    from ..client import Client

_MOST = 50
# The \b keeps click from filling these lines up.
_INSTALL = """\b
bash  eval "$(bt completion bash)"     in ~/.bashrc
zsh   eval "$(bt completion zsh)"      in ~/.zshrc
fish  bt completion fish > ~/.config/fish/completions/bt.fish
"""


def output_ids(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Give the newest output ids that begin so; none when the store is away."""
    if incomplete.startswith("-"):
        return []
    return _asked(context, lambda client: client.complete(incomplete, limit=_MOST))


def complete_outputs(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete an argument that is an output id."""
    return output_ids(context, incomplete)


def complete_components(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete an argument that is the name of a component."""
    return _asked(
        context,
        lambda client: [
            known.name for known in client.components() if known.name.startswith(incomplete)
        ],
    )


def _asked(context: click.Context, ask: Callable[[Client], list[str]]) -> list[CompletionItem]:
    session = context.find_root().ensure_object(Session)
    # Whatever goes wrong, and whatever the store has to tell about it: text
    # between the prompt and the cursor is worse than nothing completed.
    logging.disable()
    try:
        from ..client import connect

        client = connect(session.url)
        try:
            names = ask(client) if client.has_records() else []
        finally:
            client.close()
    except Exception:  # noqa: BLE001 - see above
        return []
    # The shells split answers at white space, and print them as they are.
    return [CompletionItem(name) for name in names if name == safe(name) and " " not in name]


@click.command("completion", epilog=_INSTALL)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common
@click.pass_obj
def completion(session: Session, *, shell: str) -> None:
    """Print the script that completes commands, ids and components in a shell."""
    from .program import program

    kind = get_completion_class(shell)
    assert kind is not None  # click knows these three
    scripts = [kind(program, {}, name, "_BT_COMPLETE").source() for name in ("bt", "backtrail")]
    if session.json:
        session.show_json("completion/1", shell=shell, script="\n".join(scripts))
    else:
        terminal.write("\n".join(scripts))
