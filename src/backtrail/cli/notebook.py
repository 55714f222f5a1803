"""`%bt` in IPython and Jupyter: the commands of `bt`, with answers that show themselves.

`%load_ext backtrail` loads this module; nothing else does.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from ..errors import BacktrailError
from .failures import PrintError, told
from .program import run
from .session import Session

if TYPE_CHECKING:
    from ..client import Client

# Options that say how a text is laid out: whoever gives one wants the text.
_OF_TEXT = frozenset(
    "-n --full --by --only --stage --wide --graph --list --outputs --json --jsonl --color -h"
    " --help".split()
)
_NEEDS_A_TERMINAL = ("shell",)


@dataclass
class NotebookSession(Session):
    """One `%bt`: it asks the client that the notebook records with, and keeps the answer."""

    wants_text: bool = False
    no_pager: bool = field(default=True)

    @cached_property
    def client(self) -> Client:
        """The configured client, which knows what `configure` was told; or that of ``--db``."""
        from ..client import connect, default

        # It stays open: an answer may still ask when it is looked at.
        return default if self.url is None else connect(self.url)

    def show(self, text: str) -> None:
        """Print the text, unless the answer shows itself."""
        if self.wants_text or not hasattr(self.answer, "_repr_html_"):
            super().show(text)


def bt(line: str) -> Any:
    """Ask backtrail, as `bt` on the command line does: %bt pred-1, %bt diff A B, %bt help.

    An answer that shows itself (a backtrace, a comparison, an impact, a review, a verdict) is
    given as an object: `trace = %bt pred-1`. Other commands, and options about the text
    (`--full`, `-n 5`), print what `bt` prints.
    """
    from IPython.core.error import UsageError

    try:
        arguments = shlex.split(line)
    except ValueError as error:
        raise UsageError(f"bt: {error} in: {line}") from None
    if arguments[:1] and arguments[0] in _NEEDS_A_TERMINAL:
        raise UsageError(f"bt: {arguments[0]} needs a terminal. Here: %bt ID, %bt show RUN")
    session = NotebookSession(wants_text=_wants_text(arguments))
    try:
        run(arguments, session)
    except (BacktrailError, click.ClickException, PrintError) as error:
        # Said in words, without a traceback; and the cell fails, as it should.
        raise UsageError(told(error)) from None
    shown = hasattr(session.answer, "_repr_html_") and not session.wants_text
    return session.answer if shown else None


def _wants_text(arguments: list[str]) -> bool:
    return any(word.partition("=")[0] in _OF_TEXT for word in arguments)


def load(ipython: Any) -> None:
    """Add `%bt` to a shell of IPython."""
    ipython.register_magic_function(bt, magic_kind="line", magic_name="bt")


def unload(ipython: Any) -> None:
    """Take `%bt` away again."""
    ipython.magics_manager.magics["line"].pop("bt", None)
