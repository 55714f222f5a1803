"""`bt export`: a backtrace in a form to keep, to send, or to read with another program."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..render import words
from . import naming, terminal
from .completion import complete_outputs
from .failures import INTERRUPTED
from .moments import moment
from .progress import Progress
from .session import Session, common

if TYPE_CHECKING:
    from ..query.backtrace import Backtrace

Form = Callable[["Backtrace", "str | None"], str]


def _json(found: Backtrace, _by: str | None) -> str:
    from ..render import json

    return json.dumps(json.backtrace_dict(found), pretty=True) + "\n"


def _mermaid(found: Backtrace, by: str | None) -> str:
    from ..render import graph

    return graph.mermaid(found, by=by)


def _dot(found: Backtrace, by: str | None) -> str:
    from ..render import graph

    return graph.dot(found, by=by)


def _svg(found: Backtrace, by: str | None) -> str:
    from ..render import svg

    return svg.svg(found, by=by)


def _html(found: Backtrace, by: str | None) -> str:
    from ..render import page

    return page.page(found, by=by)


def _prov(found: Backtrace, _by: str | None) -> str:
    return found.to_prov()


def _md(found: Backtrace, by: str | None) -> str:
    from ..render import markdown

    return markdown.markdown(found, by=by)


FORMS: dict[str, Form] = {
    "json": _json,
    "mermaid": _mermaid,
    "dot": _dot,
    "svg": _svg,
    "html": _html,
    "prov": _prov,
    "md": _md,
}
_BY_SUFFIX = {
    ".json": "json",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
    ".svg": "svg",
    ".html": "html",
    ".htm": "html",
    ".provjson": "prov",
    ".md": "md",
}


@click.command("export")
@click.argument("name", metavar="ID", shell_complete=complete_outputs)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMS)),
    help="Default: by the ending of FILE, else json.",
)
@click.option(
    "-o",
    "--output",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to this file, not to standard output.",
)
@click.option(
    "--by",
    type=click.Choice(["run", "component", "stage"]),
    help="What a box is. Default: a component over 60 runs, else a run.",
)
@click.option("--at", type=moment, metavar="TIME", help="As written at or before this time.")
@common
@click.pass_obj
def export(
    session: Session,
    *,
    name: str,
    form: str | None,
    file: Path | None,
    by: str | None,
    at: datetime | None,
) -> None:
    """Write the backtrace of the output ID in a form to keep, to send, or for a program.

    svg is a picture, html one page that works offline, md a table and a graph for a pull
    request, mermaid and dot graphs for other tools, prov W3C PROV-JSON, json all there is.
    ID is what bt trace takes.
    """
    form = form or _BY_SUFFIX.get(file.suffix.lower() if file else "", "json")
    asking = session.asking
    with Progress("Tracing") as progress:
        found = naming.ask(
            session, name, lambda known: asking.backtrace(known, at=at, watch=progress.watch)
        )
    text = FORMS[form](found, by)
    if file is not None:
        _write(file, text)
    if session.json and form != "json":
        session.show_json(
            "export/1",
            output=found.output.name,
            format=form,
            file=None if file is None else os.fspath(file),
            text=text if file is None else None,
        )
    elif file is None:
        terminal.write(text.removesuffix("\n"))
    else:
        session.say(f"bt: wrote {file} ({words.size(len(text.encode()))})")
    if progress.interrupted and found.truncated:
        session.say("bt: interrupted: this is only a part of the trace, what was known so far")
        raise click.exceptions.Exit(INTERRUPTED)


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise click.BadParameter(
            f"cannot write {file}: {error.strerror}", param_hint="-o"
        ) from error
