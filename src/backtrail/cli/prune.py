"""`bt db prune`: take away old outputs that nothing is built on, and payloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..errors import ConfigurationError
from ..model.records import to_iso
from ..render import words
from .failures import INTERRUPTED
from .progress import Progress
from .session import Session, common

if TYPE_CHECKING:
    from ..query.retention import Pruned


@click.command("prune")
@click.option("--keep", required=True, metavar="AGE", help="What ended since stays: 90d, 12h.")
@click.option("--dry-run", is_flag=True, help="Only count what would go.")
@common
@click.pass_obj
def prune(session: Session, *, keep: str, dry_run: bool) -> None:
    """Take away old outputs that nothing is built on, and the payloads of old runs.

    What was made within AGE keeps all the runs behind it, and so do flagged outputs and runs with
    notes. Runs that wrote files, tables or models stay. Of runs older than AGE parameters, values
    and the texts of errors go. Interrupted, the same command goes on.
    """
    with Progress("Counting" if dry_run else "Pruning") as progress:
        try:
            done = session.existing.prune(keep, dry_run=dry_run, watch=progress.watch)
        except ConfigurationError as error:
            raise click.BadParameter(f"{error}", param_hint="--keep") from error
    if session.json:
        session.show_json(
            "prune/1",
            before=to_iso(done.before_us),
            dry_run=dry_run,
            runs=done.runs,
            outputs=done.outputs,
            kept=done.kept,
            stripped=done.stripped,
            truncated=done.truncated,
        )
    else:
        from ..render import listing

        session.show(listing.facts(session.screen, _facts(done, dry_run=dry_run)))
    if done.truncated:
        session.say("bt: interrupted. What is gone is gone; the same command goes on from there.")
        raise click.exceptions.Exit(INTERRUPTED)


def _facts(done: Pruned, *, dry_run: bool) -> list[tuple[str, str]]:
    would = "would be " if dry_run else ""
    taken = f"{words.count(done.runs, 'run')} with {words.count(done.outputs, 'output')}"
    return [
        ("older than", words.second(done.before_us)),
        ("taken away", taken + " (dry run: nothing yet)" * dry_run),
        ("kept", f"{words.count(done.kept, 'run')} that others are, or may be, made from"),
        ("payloads", f"{would}gone from {done.stripped:,} of those"),
    ]
