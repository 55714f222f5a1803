"""`bt flag`, `unflag`, `assign`, `note`, `review`: what people say, and what follows from it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from ..capture.environment import user_name
from ..model.facts import CLOSED
from . import naming
from .completion import complete_outputs
from .failures import INTERRUPTED
from .moments import moment
from .progress import Progress
from .session import Session, common, listed

if TYPE_CHECKING:
    from ..client import Client

_said = click.option("-m", "--message", metavar="TEXT", default="", help="What is wrong with it.")


@click.command("flag")
@click.argument("names", metavar="ID...", nargs=-1, required=True, shell_complete=complete_outputs)
@_said
@common
@click.pass_obj
def flag(session: Session, *, names: tuple[str, ...], message: str) -> None:
    """Mark outputs as wrong; bt review ranks the runs behind them.

    ID is an output id or the beginning of one, the name or path of an artifact, or @last.
    """
    found = _known(session, names)
    for name in found:
        session.asking.flag(name, message)
    total = _kept(session.asking)
    if session.json:
        session.show_json("flags/1", flagged=found, total=total)
        return
    session.show(f"Flagged {_these(found)}; {total:,} {'is' if total == 1 else 'are'} flagged now.")
    session.say("Rank the runs behind them: bt review")


@click.command("unflag")
@click.argument("names", metavar="ID...", nargs=-1, shell_complete=complete_outputs)
@click.option("--all", "every", is_flag=True, help="All that are flagged.")
@click.option("-m", "--message", metavar="TEXT", default="", help="Why.")
@click.option(
    "--as",
    "state",
    type=click.Choice(CLOSED),
    default=CLOSED[0],
    show_default=True,
    help="What became of it.",
)
@common
@click.pass_obj
def unflag(
    session: Session, *, names: tuple[str, ...], every: bool, message: str, state: str
) -> None:
    """Take flags back, when what was wrong is explained or mended. The history is kept."""
    if bool(names) == every:
        raise click.UsageError("name the outputs to unflag, or all of them with --all")
    taken = _open_among(session, names)
    for name in taken:
        session.asking.unflag(name, message, state=state)
    total = _kept(session.asking)
    if session.json:
        session.show_json("flags/1", unflagged=taken, total=total)
    elif taken:
        session.show(
            f"Unflagged {_these(taken)}; {total:,} {'is' if total == 1 else 'are'} flagged now."
        )
    elif every:
        session.say("bt: no output is flagged")


@click.command("assign")
@click.argument("names", metavar="ID...", nargs=-1, shell_complete=complete_outputs)
@click.option("--all", "every", is_flag=True, help="All that are flagged.")
@click.option("--to", "person", metavar="PERSON", help="Who looks into it; you, if absent.")
@click.option("--nobody", is_flag=True, help="Nobody looks into it any more.")
@common
@click.pass_obj
def assign(
    session: Session, *, names: tuple[str, ...], every: bool, person: str | None, nobody: bool
) -> None:
    """Say who looks into flagged outputs, until their flags are closed.

    bt review --list tells it.
    """
    if bool(names) == every:
        raise click.UsageError("name the outputs to assign, or all that are flagged with --all")
    if nobody and person is not None:
        raise click.UsageError("--to and --nobody exclude each other")
    if person is not None and not person.strip():
        raise click.UsageError("--to has no name: for nobody, --nobody")
    to = "" if nobody else user_name() if person is None else person
    taken = _open_among(session, names)
    for name in taken:
        session.asking.assign(name, to)
    total = _kept(session.asking)
    if session.json:
        session.show_json("flags/1", assigned=taken, assignee=to or None, total=total)
    elif taken:
        many = _these(taken)
        session.show(f"{to} looks into {many}." if to else f"Nobody looks into {many} now.")
    elif every:
        session.say("bt: no output is flagged")


@click.command("note")
@click.argument("run", metavar="RUN", shell_complete=complete_outputs)
@click.argument("words", metavar="TEXT", nargs=-1, required=True)
@common
@click.pass_obj
def note(session: Session, *, run: str, words: tuple[str, ...]) -> None:
    """Say something about a run; it is shown with the run from then on.

    RUN is a run id or the beginning of one, as the lists print it.
    """
    text = " ".join(words)
    about = naming.ask(session, run, session.asking.get_run)
    session.asking.note(about.run_id, text)
    _kept(session.asking)
    if session.json:
        session.show_json("note/1", run_id=about.run_id, text=text)
    else:
        session.show(f"Noted on {about.component} run {about.run_id}.")


@click.command("review")
@click.option("--list", "as_list", is_flag=True, help="The flagged outputs, and what was said.")
@click.option("--since", type=moment, metavar="TIME", help="Outputs written at this time or later.")
@click.option("--until", type=moment, metavar="TIME", help="Outputs written before this time.")
@listed
@common
@click.pass_obj
def review(
    session: Session, *, as_list: bool, since: datetime | None, until: datetime | None
) -> None:
    """Rank the runs that could explain the flagged outputs.

    Flagged outputs are compared with outputs that are not, of the same components and
    about the same time.
    """
    if session.jsonl and not as_list:
        raise click.UsageError("--jsonl goes with --list: a review is one document, --json")
    if as_list:
        _list(session)
        return
    if session.is_empty() and not session.json:
        session.say_empty()
        return
    asking = session.asking
    with Progress("Reviewing") as progress:
        found = asking.review(since=since, until=until, watch=progress.watch)
    if session.json:
        session.show_document(found.to_dict())
    elif not found.flagged and not found.unwritten:
        from ..render.review import EMPTY, EMPTY_HINT

        when = "" if since is None and until is None else " that was written in that time"
        session.say(f"bt: {EMPTY}{when}")
        session.say(EMPTY_HINT)
    else:
        from ..render.review import text

        session.answer = found
        session.show(text(found, session.screen))
    if progress.interrupted and found.truncated:
        session.say("bt: interrupted: only the runs that were reached so far are ranked")
        raise click.exceptions.Exit(INTERRUPTED)


def _list(session: Session) -> None:
    from ..render.json import flagged_dict

    found = session.asking.flagged() if session.has_database() else []
    if session.show_list("flagged/1", "flagged", map(flagged_dict, found)):
        return
    from ..render.review import EMPTY, EMPTY_HINT, flagged_list

    if found:
        session.show(flagged_list(session.screen, found))
    elif session.is_empty():
        session.say_empty()
    else:
        session.say(f"bt: {EMPTY}")
        session.say(EMPTY_HINT)


def _known(session: Session, names: tuple[str, ...]) -> list[str]:
    """Give the outputs that names stand for, each once; all are looked up before any is marked."""
    found = [naming.ask(session, name, session.asking.output_named) for name in names]
    return list(dict.fromkeys(found))


def _open_among(session: Session, names: tuple[str, ...]) -> list[str]:
    """Give which of these outputs, or of all, are flagged; says of the others that they are not."""
    flagged = {each.name for each in session.asking.flagged()}
    if not names:
        return sorted(flagged)
    found = _known(session, names)
    for name in found:
        if name not in flagged:
            session.say(f"bt: {name} is not flagged")
    return [name for name in found if name in flagged]


def _these(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names):,} outputs"


def _kept(asking: Client) -> int:
    """Wait until what was said is kept, and count what is flagged now."""
    asking.flush()
    return len(asking.flagged())
