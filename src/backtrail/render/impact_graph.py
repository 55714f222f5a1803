"""An impact as an SVG picture: what was asked about at the left, what is built on it to the right.

A box is a run, or where they are many the runs of one component at one distance. An arrow
stands only where it is recorded that one read what the other wrote, or called it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from ..model.impact import LINKED_OF_EACH, ImpactGroup, ImpactLink, ImpactOrigin
from ..model.records import Run
from . import words
from .drawing import box_lines, handed_on, laid_out
from .impact import Affected, headline, tally
from .names import short_names
from .narrative import FOLD_OVER, run_mark
from .picture import STATES, Arrow, Box, Picture
from .screen import Screen, safe
from .svg import RULES, STYLE, drawn_svg

MOST_DRAWN = 200
_HEAD_CELLS = 100
# The key of the box of an artifact that was asked about.
_ARTIFACT = "b-1"

#: Gives the address of a ``run`` by its id, or of a ``component`` by its name.
Address = Callable[[str, str], str]


def svg(found: Affected, address: Address | None = None) -> str:
    """Give the picture, as a file that needs nothing else.

    With ``address`` it is for a page that has the heading and the colours, and each box
    leads to the page of what it shows.
    """
    by_run = _is_by_run(found)
    boxes, addresses = _runs(found, address) if by_run else _groups(found, address)
    links = found.run_links() if by_run else found.links(MOST_DRAWN)
    picture = _picture(found.origin, boxes, links)
    given = handed_on(picture)
    return drawn_svg(
        laid_out(
            picture,
            [box_lines(box, given.get(box.key, "")) for box in picture.boxes],
            from_left=True,
        ),
        f"What is built on {found.origin.name or 'these runs'}",
        headline(found).rstrip(":"),
        [_cut(line) for line in (headline(found), *notes(found))] if address is None else [],
        style=STYLE if address is None else RULES,
        link=lambda box: addresses.get(box.key, ""),
        at_left=True,
    )


def notes(found: Affected) -> list[str]:
    """Say what the picture does not show."""
    if _is_by_run(found):
        return []
    said = []
    hidden = len(found.groups) - MOST_DRAWN
    if hidden > 0:
        said.append(
            f"The {MOST_DRAWN} nearest boxes are drawn. {hidden:,} more are only in the table."
        )
    if any(group.runs > LINKED_OF_EACH for group in found.groups):
        said.append(
            f"The arrows to a box with many runs are those of its first {LINKED_OF_EACH} runs."
        )
    return said


def _cut(line: str) -> str:
    return Screen(_HEAD_CELLS).cut_end(safe(line), _HEAD_CELLS)


def _is_by_run(found: Affected) -> bool:
    return len(found.roots) + len(found.runs) <= FOLD_OVER


# -- boxes --------------------------------------------------------------------------------

_Boxes = tuple[list[Box], dict[str, str]]


def _runs(found: Affected, address: Address | None) -> _Boxes:
    """Give a box for each run, and where they lead to by their keys."""
    asked = len(found.roots)
    runs = [*found.roots, *found.runs]
    times = words.moments([run.started_us for run in runs])
    boxes = []
    for place, (run, time) in enumerate(zip(runs, times, strict=True)):
        depth = 0 if place < asked else found.depth_of(place - asked)
        mark = run_mark(run)
        lines = (*_name(depth, run.component), time, *_made(run), str(mark))
        boxes.append(Box(f"b{place}", lines, "run", STATES[mark.sign]))
    if address is None:
        return boxes, {}
    return boxes, {f"b{place}": address("run", run.run_id) for place, run in enumerate(runs)}


def _groups(found: Affected, address: Address | None) -> _Boxes:
    """Give a box for each of the nearest groups, and where they lead to by their keys."""
    groups = found.groups[:MOST_DRAWN]
    boxes = []
    addresses = {}
    for place, group in enumerate(groups):
        one = group.runs == 1
        lines = (*_name(group.depth, group.component), *_counts(group))
        boxes.append(Box(f"b{place}", lines, "run" if one else "component"))
        if address is not None:
            of = ("run", group.run_id) if one else ("component", group.component)
            addresses[f"b{place}"] = address(*of)
    return boxes, addresses


def _name(depth: int, component: str) -> Sequence[str]:
    name = f"+{depth} {component}"
    return (name,) if depth else (name, "asked about")


def _made(run: Run) -> Sequence[str]:
    """Say how many output ids a run made."""
    made = [written for written in run.outputs if written.kind == "output"]
    if not made:
        return ()
    said = tally(len(made), sum(written.flagged for written in made))
    return (f"at least {said}" if run.outputs_total > len(run.outputs) else said,)


def _counts(group: ImpactGroup) -> Sequence[str]:
    runs = words.count(group.runs, "run") if group.runs > 1 else words.minute(group.first_us)
    failed = f", {group.failed:,} failed" if group.runs > 1 else ", failed"
    lines = [f"{runs}{failed if group.failed else ''}"]
    return [*lines, tally(group.outputs, group.flagged)] if group.outputs else lines


# -- arrows -------------------------------------------------------------------------------


def _picture(origin: ImpactOrigin, boxes: list[Box], links: Sequence[ImpactLink]) -> Picture:
    """Join the boxes, and that of an artifact that was asked about, with what was recorded."""
    of_origin = [origin.name] if origin.kind == "artifact" else []
    short = short_names(chain(of_origin, *(link.read for link in links)))
    if origin.kind in ("artifact", "content"):
        name = short.get(origin.name) or words.short_version(origin.version)
        boxes = [Box(_ARTIFACT, (name, "asked about"), "source"), *boxes]
    arrows = [
        Arrow(
            f"b{link.start}",
            f"b{link.end}",
            tuple(dict.fromkeys(short[name] for name in link.read)) if link.start >= 0 else (),
            link.called,
        )
        for link in links
    ]
    return Picture(boxes, arrows, short)
