"""A review of flagged outputs as text: suspects in order, and what that is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from ..model.records import Flagged, Run
from . import words
from .listing import short_ids
from .narrative import run_mark
from .screen import Screen
from .table import Cell, Column, align

_ROWS_SHOWN = 10
# Rows of a smaller suspicion are shown only to fill up the first few.
_LEAST_SUSPICION = 0.01
_FEWEST_ROWS = 3
_HEADS = ("rank", "suspect", "", "started", "flagged", "others", "score", "why it stands out")
MEMBERS_SHOWN = 5
_NAMES_SHOWN = 3
_MANY_ALIKE = 0.25
_SMALL = 0.05

EMPTY = "no output is flagged"
EMPTY_HINT = "Flag one that is wrong: bt flag ID -m 'what is wrong with it'"


class Member(Protocol):
    """What a renderer needs of a suspect (`query.review.Suspect`)."""

    @property
    def kind(self) -> str:
        """What it is: a run, or what several runs have in common."""

    @property
    def text(self) -> str:
        """Which one it is."""

    @property
    def component(self) -> str | None:
        """The component it belongs to."""

    @property
    def run(self) -> Run | None:
        """The run itself, or the one that wrote the input."""


class Row(Protocol):
    """What a renderer needs of a group (`query.review.ReviewRow`)."""

    @property
    def rank(self) -> int:
        """Its place, from 1 on."""

    @property
    def members(self) -> Sequence[Member]:
        """The suspects that nothing tells apart."""

    @property
    def members_total(self) -> int:
        """How many there are."""

    @property
    def support(self) -> int:
        """How many flagged outputs they are behind."""

    @property
    def others(self) -> int:
        """How many other outputs they are behind."""

    @property
    def suspicion(self) -> float:
        """Its share of the suspicion, 0 to 1."""

    @property
    def ochiai(self) -> float:
        """The Ochiai coefficient."""

    @property
    def p_value(self) -> float:
        """How often chance alone would do as much."""

    @property
    def interval(self) -> tuple[float, float]:
        """A range for the share of its outputs that is flagged."""

    @property
    def beyond(self) -> int:
        """Flagged outputs that rank 1 is not behind."""

    @property
    def outputs(self) -> Sequence[str]:
        """The flagged outputs that they are behind, the first ones."""

    @property
    def good(self) -> str | None:
        """An output like those, with none of them behind, that is not flagged."""

    @property
    def relation(self) -> str:
        """How it stands to rank 1: feeds, fed-by, or nothing."""

    @property
    def run(self) -> Run | None:
        """The run to look at first."""


class Reviewed(Protocol):
    """What a renderer needs of a review (`query.review.Review`)."""

    @property
    def rows(self) -> Sequence[Row]:
        """The groups, the most suspicious first."""

    @property
    def rows_total(self) -> int:
        """How many groups there are."""

    @property
    def verdict(self) -> str:
        """What the order is worth: strong, unsure or nothing."""

    @property
    def reason(self) -> str:
        """Why it is not strong."""

    @property
    def flagged(self) -> int:
        """How many flagged outputs were compared."""

    @property
    def others(self) -> int:
        """How many other outputs were compared."""

    @property
    def first_us(self) -> int | None:
        """When the first flagged output was written."""

    @property
    def last_us(self) -> int | None:
        """When the last one was."""

    @property
    def from_us(self) -> int | None:
        """When the first of the others was written."""

    @property
    def until_us(self) -> int | None:
        """When the last of them was."""

    @property
    def unwritten(self) -> Sequence[str]:
        """What is flagged, and was never written by a recorded run."""

    @property
    def runs(self) -> int:
        """How many runs were looked at."""

    @property
    def sampled(self) -> bool:
        """Whether there are more outputs than were compared."""

    @property
    def truncated(self) -> bool:
        """Whether there are more runs upstream than were looked at."""


def text(review: Reviewed, screen: Screen | None = None) -> str:
    """Give the table of suspects, with what it is worth below it."""
    screen = screen or Screen()
    lines = screen.wrap(screen.clean(headline(review)))
    if review.rows:
        lines += [*_table(screen, review), ""]
    for sentence in sentences(review):
        lines += screen.wrap(screen.clean(sentence), "  ")
    return "\n".join(lines)


def headline(review: Reviewed) -> str:
    """Say what was compared with what."""
    if not review.flagged:
        return f"{EMPTY[0].upper()}{EMPTY[1:]}."
    flagged = words.count(review.flagged, "flagged output")
    span = words.span(review.first_us, review.last_us)
    against = words.count(review.others, "output")
    are = "is" if review.others == 1 else "are"
    return f"{flagged}, {span}, against {against} that {are} not flagged"


def _table(screen: Screen, review: Reviewed) -> list[str]:
    shown = shown_rows(review)
    members = [each for row in shown for each in row.members[:MEMBERS_SHOWN]]
    runs = [each.run for each in members if each.kind == "run" and each.run]
    ids = [run.run_id for run in runs]
    short = dict(zip(ids, short_ids(ids), strict=True))
    times = dict(zip(ids, _starts(runs), strict=True))
    columns = [
        Column(right=True),
        Column(most=20),
        Column(most=14 if screen.is_narrow else 16),
        Column(),
        Column(right=True),
        Column(right=True),
        Column(right=True),
        Column(prose=True),
    ]
    # On a narrow screen the counts and the reason are worth more than these.
    left = [n for n in range(len(columns)) if not (screen.is_narrow and n in (3, 6))]
    rows = [[Cell(head, "dim") for head in _HEADS]]
    for row in shown:
        rows += _group(review, row, short, times)
    return align(screen, [columns[n] for n in left], [[row[n] for n in left] for row in rows])


def _starts(runs: Sequence[Run]) -> list[str]:
    """Give when runs started, without the year where it is the same for all."""
    times = [words.minute(run.started_us) for run in runs]
    return [time[5:] for time in times] if len({time[:5] for time in times}) == 1 else times


def shown_rows(review: Reviewed) -> list[Row]:
    """Give the rows worth a line."""
    most = _FEWEST_ROWS if review.verdict == "nothing" else _ROWS_SHOWN
    return [
        row
        for row in review.rows[:most]
        if row.suspicion >= _LEAST_SUSPICION or row.rank <= _FEWEST_ROWS
    ]


def _group(
    review: Reviewed, row: Row, short: dict[str, str], times: dict[str, str]
) -> Iterator[list[Cell]]:
    for place, member in enumerate(row.members[:MEMBERS_SHOWN]):
        first, run = place == 0, member.run if member.kind == "run" else None
        mark = run_mark(run) if run is not None else None
        yield [
            Cell(f"{row.rank}" if first else "="),
            Cell(short[run.run_id] if run else member.kind, "strong" if first else ""),
            Cell(member.component or ""),
            Cell(times[run.run_id] if run else "", "dim"),
            Cell(f"{row.support:,}/{review.flagged:,}" if first else ""),
            Cell(f"{row.others:,}/{review.others:,}" if first else ""),
            Cell(suspicion(row.suspicion) if first else ""),
            Cell(why(row, member, first=first), mark.tone if mark and mark.sign else ""),
        ]
    hidden = row.members_total - min(len(row.members), MEMBERS_SHOWN)
    if hidden > 0:
        blank = Cell("")
        yield [Cell("="), Cell(f"and {hidden:,} more"), *[blank] * 6]


def suspicion(share: float) -> str:
    """Give a suspicion in a few characters; never 1.00 where there is a rival."""
    if 0.995 <= share < 1:
        return ">0.99"
    return "<0.01" if 0 < share < 0.005 else f"{share:.2f}"


def why(row: Row, member: Member, *, first: bool) -> str:
    """Say in a few words what else there is to a suspect."""
    parts = [] if member.kind == "run" else [member.text]
    if member.run is not None:
        mark = run_mark(member.run)
        if mark.sign:
            parts.append(f"{mark}, used" if mark.word in ("failed", "killed") else str(mark))
    if first and row.relation:
        parts.append("fed by rank 1" if row.relation == "fed-by" else "feeds rank 1")
    if first and row.beyond:
        parts.append(f"{row.beyond:,} flagged without rank 1")
    return ", ".join(parts)


def sentences(review: Reviewed, *, commands: bool = True) -> Iterator[str]:
    """Say what the order is worth, what was compared, and what to do next, by which command."""
    if not review.flagged:
        if commands:
            yield EMPTY_HINT
        yield from _left_out(review)
        return
    yield _verdict_sentence(review, "bt flag ID" if commands else "")
    yield from _leader_sentence(review)
    shown = shown_rows(review)
    if any(len(row.members) > 1 for row in shown):
        yield "= is behind the same outputs as the line above: no flag can tell these apart."
    yield from _rest_sentence(review)
    yield from _left_out(review)
    if not commands:
        return
    if review.rows and review.verdict != "nothing" and review.rows[0].run is not None:
        yield f"Start with rank 1: bt impact {short_ids([review.rows[0].run.run_id])[0]}"
    every = "It" if review.flagged == 1 else f"All {review.flagged:,}"
    yield f"{every}: bt review --list  |  done: bt unflag --all"


def _verdict_sentence(review: Reviewed, command: str) -> str:
    """Say how much the order is worth; nothing here ever says what made the outputs wrong."""
    if not review.rows:
        return "Nothing stands out: no run behind the flagged outputs is known."
    first = review.rows[0]
    rate = _rate(review, first)
    said = {
        "no-others": "Unsure: there is no output to compare with that is not flagged.",
        "too-few": f"Unsure: {_flags(review)} too few to tell anything from chance. Flag more"
        f" that are wrong{f': {command}' if command else '.'}",
        "everywhere": "Unsure: rank 1 is behind every output compared, flagged or not, so there is"
        " nothing to compare it with.",
        "chance": f"Unsure: {rate}. Chance alone would do as much {_odds(first.p_value)}.",
        "rivals": f"Unsure which: {_rivals(review)} explain the flags about as well. Rank 1:"
        f" {rate}.",
    }
    if review.verdict == "nothing":
        every = " What is behind every output, as rank 1 is, can have no contrast."
        tail = every if review.reason == "everywhere" else ""
        return f"Nothing stands out: the flags fall on the outputs of all runs alike.{tail}"
    if review.verdict == "strong":
        return f"Rank 1 stands out: {rate}. By chance that would be {_odds(first.p_value)}."
    return said[review.reason]


def _leader_sentence(review: Reviewed) -> Iterator[str]:
    """Say whole what rank 1 is, where it is no run and the table may have cut it."""
    if review.verdict == "nothing" or not review.rows or not review.rows[0].members:
        return
    leader = review.rows[0].members[0]
    said = {
        "input": f"runs of {leader.component} that {leader.text}",
        "code": f"{leader.component} at {leader.text}",
        "param": f"runs of {leader.component} with {leader.text}",
        "host": f"runs on the host {leader.text}",
        "time": f"runs of {leader.component} that started {leader.text}",
    }
    if leader.kind in said:
        yield f"Rank 1 is: {said[leader.kind]}."


def _flags(review: Reviewed) -> str:
    one = review.flagged == 1
    return "1 flagged output is" if one else f"{review.flagged:,} flagged outputs are"


def _rate(review: Reviewed, row: Row) -> str:
    total = row.support + row.others
    low, high = row.interval
    beyond = review.flagged + review.others - total
    return (
        f"{row.support:,} of its {words.count(total, 'output')} {_are(row.support)} flagged"
        f" ({_percent(low)} to {_percent(high)}), {review.flagged - row.support:,} of the"
        f" {beyond:,} others"
    )


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _percent(share: float) -> str:
    percent = 100 * share
    if 0 < percent < 10 and round(percent, 1) != round(percent):
        return f"{percent:.1f}%"
    return f"{percent:.0f}%"


def _odds(p_value: float) -> str:
    if p_value > 0.5:
        return "more often than not"
    if p_value < 0.001:
        return "less than once in 1,000"
    return f"about once in {round(1 / p_value):,}"


def _rivals(review: Reviewed) -> str:
    least = review.rows[0].suspicion * _MANY_ALIKE
    ranks = [row.rank for row in review.rows if row.suspicion >= least] or [1]
    if len(ranks) == 1:
        ranks = [1, 2]
    return f"ranks 1 and {ranks[1]}" if len(ranks) == 2 else f"ranks 1 to {ranks[-1]}"


def _rest_sentence(review: Reviewed) -> Iterator[str]:
    left = review.flagged - review.rows[0].support if review.rows else 0
    if not left or review.verdict == "nothing":
        return
    also = next((row for row in shown_rows(review)[1:] if _stands_apart(row)), None)
    tail = ""
    if also is not None:
        tail = f"; rank {also.rank}, which stands out too, is behind {also.beyond:,} of those"
    do = "does" if left == 1 else "do"
    yield f"{words.count(left, 'flagged output')} {do} not have rank 1 behind them{tail}."


def _stands_apart(row: Row) -> bool:
    """Tell whether a suspect explains flags that rank 1 does not, by more than chance."""
    return row.beyond > 1 and not row.relation and row.p_value <= _SMALL


def _left_out(review: Reviewed) -> Iterator[str]:
    """Say what the answer does not rest on."""
    if review.sampled:
        yield (
            "Compared with outputs of the same components,"
            f" {words.span(review.from_us, review.until_us)}: there are more, and the same share"
            " of every time was taken."
        )
    if review.truncated:
        yield (
            f"! Only the nearest {words.count(review.runs, 'run')} were looked at: what lies"
            " further upstream is not ranked, and the counts of others may be too low."
        )
    if review.unwritten:
        names = ", ".join(islice(review.unwritten, _NAMES_SHOWN))
        more = len(review.unwritten) - _NAMES_SHOWN
        tail = f" and {more:,} more" if more > 0 else ""
        yield f"? Flagged, but not written by a recorded run: {names}{tail}"


def looks_into(assignee: str | None) -> str:
    """Say who looks into a flagged output, if anybody does."""
    return f"{assignee} looks into it" if assignee else ""


def flagged_list(screen: Screen, found: Sequence[Flagged]) -> str:
    """Give one line a flagged output: its name, when, by whom and why; and who looks into it."""
    columns = [Column(most=40), Column(), Column(most=16), Column(), Column()]
    times = words.moments([each.flagged_us for each in found], narrow=screen.is_narrow)
    rows = [
        [
            *(Cell(each.name, "strong"), Cell(time, "dim"), Cell(each.by or "-")),
            *(Cell(each.note), Cell(looks_into(each.assignee), "dim")),
        ]
        for each, time in zip(found, times, strict=True)
    ]
    return "\n".join(align(screen, columns, rows))
