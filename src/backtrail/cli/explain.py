"""`bt explain`: an output in plain words."""

from __future__ import annotations

from datetime import datetime

import click

from . import naming
from .completion import complete_outputs
from .moments import moment
from .progress import Progress
from .session import Session, common


@click.command("explain")
@click.argument("name", metavar="ID", shell_complete=complete_outputs)
@click.option("--at", type=moment, metavar="TIME", help="As written at or before this time.")
@common
@click.pass_obj
def explain(session: Session, *, name: str, at: datetime | None) -> None:
    """Say in plain words what made the output ID, what is wrong behind it, what is not known."""
    asking = session.asking
    with Progress("Reading"):
        found = naming.ask(session, name, lambda known: asking.explain(known, at=at))
    if session.json:
        session.show_document(found.to_dict())
        return
    from ..render import explanation

    session.show(explanation.text(found, session.screen))
