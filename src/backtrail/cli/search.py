"""`bt find`, `bt components`: what is known by name."""

from __future__ import annotations

import click

from .session import Session, common


@click.command("find")
@click.argument("words", metavar="TEXT", nargs=-1, required=True)
@common
@click.pass_obj
def find(session: Session, *, words: tuple[str, ...]) -> None:
    """Search outputs, artifacts and components for TEXT."""
    text = " ".join(words)
    found = [] if session.is_empty() else session.asking.find(text)
    if session.json:
        from ..render.json import match_dict

        session.show_json("matches/1", matches=[match_dict(match) for match in found])
    elif found:
        from ..render import listing

        session.show(listing.matches(session.screen, found))
    elif session.is_empty():
        session.say_empty()
    else:
        session.say(f"bt: nothing recorded has {text!r} in its name")


@click.command("components")
@click.option("--tag", help="Only those with this tag.")
@click.option("--owner", help="Only those of this owner.")
@common
@click.pass_obj
def components(session: Session, *, tag: str | None, owner: str | None) -> None:
    """List the components: name, kind, owner, last run, tags and description."""
    found = session.asking.components(tag=tag, owner=owner) if session.has_database() else []
    if session.json:
        from ..render.json import component_dict

        session.show_json("components/1", components=[component_dict(one) for one in found])
    elif found:
        from ..render import listing

        session.show(listing.components(session.screen, found))
    elif session.is_empty():
        session.say_empty()
    else:
        session.say("bt: no component is like that. All of them: bt components")
