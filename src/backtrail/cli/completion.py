"""`bt completion`, and what it completes: output ids and component names."""

from __future__ import annotations

import os
from collections.abc import Callable

import click
from click.shell_completion import CompletionItem, get_completion_class

from ..addresses import resolve_url
from ..render.screen import safe
from . import terminal
from .session import Session, common

_MOST = 50
_WORDS = ("@last", "@last-good")
# The \b keeps click from filling these lines up.
_INSTALL = """\b
bash  eval "$(bt completion bash)"     in ~/.bashrc
zsh   eval "$(bt completion zsh)"      in ~/.zshrc
fish  bt completion fish > ~/.config/fish/completions/bt.fish
"""


def output_ids(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Give output ids that begin so, and the words for the newest; none when the store is away."""
    if incomplete.startswith("-"):
        return []
    if "/" in incomplete or incomplete.startswith("."):
        return [CompletionItem(incomplete, type="file")]
    special = [
        CompletionItem(word) for word in _WORDS if incomplete and word.startswith(incomplete)
    ]
    return special + _read(context, lambda url: _ids(url, incomplete))


def complete_outputs(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete an argument that is an output id."""
    return output_ids(context, incomplete)


def complete_components(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete an argument that is the name of a component."""
    from ..store import peek

    return _read(context, lambda url: peek.component_names(url, incomplete))


def _ids(url: str, incomplete: str) -> list[str]:
    from ..store import peek

    return peek.output_ids(url, incomplete, _MOST)


def _read(context: click.Context, read: Callable[[str], list[str]]) -> list[CompletionItem]:
    session = context.find_root().ensure_object(Session)
    try:
        names = read(resolve_url(session.url, os.environ))
    except Exception:  # noqa: BLE001 - text between the prompt and the cursor is worse than nothing
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
