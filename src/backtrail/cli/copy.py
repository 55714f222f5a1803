"""`bt db copy`: every fact of one database into another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .failures import INTERRUPTED, WARNED
from .progress import Progress
from .session import Session, common

if TYPE_CHECKING:
    from ..client import Client
    from ..store.copying import Copying, Verdict

_DIGITS = 16


@click.command("copy")
@click.option(
    "--from",
    "origin",
    metavar="URL",
    help="The database to copy. Default: the one that is asked by other commands.",
)
@click.option("--to", "target", metavar="URL", required=True, help="Where it is copied to.")
@click.option("--dry-run", is_flag=True, help="Only count what would be copied.")
@common
@click.pass_obj
def copy(session: Session, *, origin: str | None, target: str, dry_run: bool) -> None:
    """Copy every fact into another database, and verify it.

    From and to any kind of database, new or not: what is there already is passed over. So
    after an interruption, or to bring a copy up to date, give the same command again. Exits
    with 1 if the copy lacks anything.
    """
    source = session.existing if origin is None else _client(origin)
    into = _client(target)
    verdict = None
    with source.copying(into, dry_run=dry_run) as work:
        with Progress("Comparing" if dry_run else "Copying") as progress:
            is_done = (work.compare if dry_run else work.copy)(progress.watch)
        if is_done and not dry_run:
            with Progress("Verifying") as progress:
                verdict = work.verify(progress.watch)
    if progress.interrupted:
        session.say(f"bt: interrupted. {work.go_on}")
        raise click.exceptions.Exit(INTERRUPTED)
    if session.json:
        session.show_json("copy/1", **_document(source.url, into.url, work, verdict))
    else:
        from ..render import listing

        rows = [("from", source.url), ("to", into.url), *_facts(work), _end(work, verdict)]
        session.show(listing.facts(session.screen, rows))
    if verdict is not None and not verdict.is_whole:
        raise click.exceptions.Exit(WARNED)


def _client(url: str) -> Client:
    from ..client import connect

    client = connect(url)
    click.get_current_context().call_on_close(client.close)
    return client


def _document(origin: str, target: str, work: Copying, verdict: Verdict | None) -> dict[str, Any]:
    kinds = [
        {
            "kind": kind,
            "count": count,
            "new": work.added[kind],
            "lacking": None if verdict is None else verdict.lacking[kind],
            "digest": work.told.digest(kind),
        }
        for kind, count in work.told.counts.items()
    ]
    return {
        "from": origin,
        "to": target,
        "facts": kinds,
        "count": work.told.counts.total,
        "digest": work.told.digest(),
        "verified": None if verdict is None else verdict.is_whole,
        "equal": None if verdict is None else verdict.is_equal,
    }


def _facts(work: Copying) -> list[tuple[str, str]]:
    return [
        (kind, f"{count:,}, {_new(work.added[kind], count)}")
        for kind, count in work.told.counts.items()
        if count
    ]


def _new(new: int, count: int) -> str:
    return "all new" if new == count else f"{new:,} new" if new else "all there already"


def _end(work: Copying, verdict: Verdict | None) -> tuple[str, str]:
    count = f"{work.told.counts.total:,}"
    if verdict is None:
        return "dry run", "nothing was copied"
    if not verdict.is_whole:
        missing = [f"{n:,} {kind}" for kind, n in verdict.lacking.items() if n]
        return "NOT WHOLE", f"lacking: {', '.join(missing)}"
    if verdict.is_equal:
        digest = work.told.digest()[:_DIGITS]
        return "verified", f"both hold the same {count} facts, digest {digest}"
    return "verified", f"each of the {count} facts is there, beside others"
