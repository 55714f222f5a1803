"""`bt find`, `bt components`: what is known by name."""

from __future__ import annotations

import click

from ..query.lookups import MOST_FOUND
from .session import Session, common, listed


@click.command("find")
@click.argument("words", metavar="TEXT", nargs=-1, required=True)
@listed
@common
@click.pass_obj
def find(session: Session, *, words: tuple[str, ...]) -> None:
    """Search outputs, artifacts and components for TEXT."""
    text = " ".join(words)
    found = [] if session.is_empty() else session.asking.find(text)
    from ..render.json import match_dict

    if session.show_list("matches/1", "matches", map(match_dict, found)):
        return
    if found:
        from ..render import listing

        session.show(listing.matches(session.screen, found))
        if len(found) == MOST_FOUND:
            session.say(f"bt: the {MOST_FOUND} newest that match; more of the text finds others")
    elif session.is_empty():
        session.say_empty()
    else:
        session.say(f"bt: nothing recorded has {text!r} in its name")


@click.command("components")
@click.option("--tag", help="Only those with this tag.")
@click.option("--owner", help="Only those of this owner.")
@listed
@common
@click.pass_obj
def components(session: Session, *, tag: str | None, owner: str | None) -> None:
    """List the components: name, kind, owner, last run, tags and description."""
    found = session.asking.components(tag=tag, owner=owner) if session.has_database() else []
    from ..render.json import component_dict

    if session.show_list("components/1", "components", map(component_dict, found)):
        return
    if found:
        from ..render import listing

        session.show(listing.components(session.screen, found))
    elif session.is_empty():
        session.say_empty()
    else:
        session.say("bt: no component is like that. All of them: bt components")
