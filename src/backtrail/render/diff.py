"""A comparison of two backtraces as text: a row for each two runs, then the first divergence."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence

from ..model.diffs import CODE, DIFFERS, FIELDS, OUTPUT, RUN, DiffRow, Divergence
from ..model.records import Frame, TracedOutput
from . import diff_words as say
from . import words
from .diff_words import Difference
from .narrative import value_words
from .screen import Screen
from .table import Cell, Column, align

_NARROWEST = 40
_SOURCE_LINES = 40
_CHANGES_SHOWN = 12
_GROUPS_SHOWN = 15
_VERDICTS = {
    "same": "nothing differs",
    "unknown": "nothing is known to differ",
    "diverges": "differ by themselves",
    "follows": "differ, and follow from others",
    "only-a": "in A only",
    "only-b": "in B only",
}
_HEADS = ("", "run", "A", "B", "inputs", "code", "params", "env", "output", "")
_TONES = {"!": "warn", ">>": "bad", "<": "warn", ">": "warn", "?": "unknown", "=": "dim"}


def backtrace_diff(
    found: Difference,
    *,
    width: int = 100,
    color: bool = False,
    ascii: bool = False,  # noqa: A002 - the word that a user knows for it
    wide: bool = False,
    full: bool = False,
) -> str:
    """Give the text of a comparison.

    Args:
        found: the comparison.
        width: columns of the screen; no row is longer.
        color: paint signs and states.
        ascii: for a terminal that shows nothing else.
        wide: cut nothing, whatever the width.
        full: a row for every run, and all of the first divergence.
    """
    screen = Screen(None if wide else max(width, _NARROWEST), color, ascii)
    short = say.names_in(found)
    lines = [*_header(screen, found)]
    if found.divergences:
        lines += ["", *_table(screen, found, full=full)]
        lines += ["", *_first(screen, found, short, full=full)]
        rest = say.others(found, short)
        lines += ["", *_marked(screen, rest)] if rest else []
    else:
        lines += [_sentence_line(screen, say.verdict(found))]
    below = [*say.alignment(found, short)] if found.divergences or full else []
    if below:
        lines += ["", "How runs were matched, where a component has several:"]
        lines += _listed(screen, below, most=None if full else _CHANGES_SHOWN)
    for sentence in (say.unknown_sentence(found), say.cut_sentence(found)):
        lines += screen.wrap(screen.clean(sentence)) if sentence else []
    return "\n".join(line.rstrip() for line in lines)


def _header(screen: Screen, found: Difference) -> list[str]:
    rows = [_output_cells(side, output) for side, output in (("A", found.a), ("B", found.b))]
    most = None if screen.width is None else max(screen.width - 40, 12)
    return align(screen, [Column(), Column(most=most), Column(most=24), Column()], rows)


def _output_cells(side: str, output: TracedOutput) -> list[Cell]:
    value = value_words(output)
    moment = words.second(output.written_us)
    return [Cell(side, "strong"), Cell(output.name, "strong"), Cell(value), Cell(moment, "dim")]


def _sentence_line(screen: Screen, text: str) -> str:
    return "\n".join(screen.wrap(screen.clean(text)))


# -- the rows ------------------------------------------------------------------------------


def _table(screen: Screen, found: Difference, *, full: bool) -> list[str]:
    own = {each.row: each for each in found.divergences}
    shown = found.rows if full else say.rows_shown(found)
    rows = [[Cell(head, "dim") for head in _HEADS]]
    rows += [_row(screen, found, row, own) for row in shown]
    columns = [Column(least=2), Column(most=_name_width(screen))]
    columns += [Column(), Column(), *(Column(least=len(head)) for head in _HEADS[4:9]), Column()]
    return [*align(screen, columns, rows), *_folded(screen, found, {row.n for row in shown})]


def _name_width(screen: Screen) -> int | None:
    return None if screen.width is None else max((screen.width - 56) // 2, 10)


def _row(screen: Screen, found: Difference, row: DiffRow, own: dict[int, Divergence]) -> list[Cell]:
    first = found.divergences[0].row == row.n
    sign = ">>" if first else say.SIGNS[row.verdict]
    loud = {*own[row.n].fields, OUTPUT} if row.verdict == "diverges" else set()
    reason = say.reason(found, row, own, narrow=screen.is_narrow)
    return [
        Cell(sign, _TONES.get(sign, "")),
        Cell(row.component, "strong" if first else ""),
        Cell(_number(row.a)),
        Cell(_number(row.b)),
        *(_state(row, name, loud=name in loud) for name in FIELDS),
        Cell(reason.names, "" if first else "dim", reason.lead),
    ]


def _number(frame: Frame | None) -> str:
    return "" if frame is None else f"#{frame.n}"


def _state(row: DiffRow, name: str, *, loud: bool) -> Cell:
    word = say.cell(row, name, loud=loud)
    tone = "unknown" if word == "?" else "dim" if word in ("same", "-") else ""
    return Cell(word, "bad" if loud and row.state_of(name) == DIFFERS else tone)


def _folded(screen: Screen, found: Difference, shown: set[int]) -> list[str]:
    """Count the rows that are not shown, by verdict and component."""
    groups: dict[tuple[str, str], int] = defaultdict(int)
    for row in found.rows:
        if row.n not in shown:
            groups[row.verdict, "" if row.verdict == "same" else row.component] += 1
    if not groups:
        return []
    told = sorted(groups.items(), key=lambda item: (item[0][0] == "same", -item[1], item[0]))
    lines = []
    for (verdict, component), count in [*told[:_GROUPS_SHOWN], *told[_GROUPS_SHOWN:][-1:]]:
        of = f" of {component}" if component else ""
        sign = screen.paint(say.SIGNS[verdict], _TONES.get(say.SIGNS[verdict], ""))
        text = f"{words.count(count, 'run')}{of}: {_VERDICTS[verdict]}"
        lines.append(f"{sign}   {screen.clip(screen.clean(text))}")
    return [*lines, "(a row for every run: --full)"]


# -- the first divergence --------------------------------------------------------------------


def _first(screen: Screen, found: Difference, short: dict[str, str], *, full: bool) -> list[str]:
    first = found.divergences[0]
    lines = screen.wrap(screen.clean(_title(first)))
    if meaning := say.meaning(first):
        lines += screen.wrap(screen.clean(meaning))
    changes = say.changes_shown(found, first)
    lines += _listed(
        screen,
        [say.change_line(change, short) for change in changes],
        most=None if full else _CHANGES_SHOWN,
    )
    if first.source_note:
        lines += _listed(screen, [f"source: {first.source_note}"], most=None)
    if first.source_diff:
        lines += _source(screen, first.source_diff, full=full)
    files = [line for each in first.files for line in say.file_lines(each, short)]
    lines += [screen.clip(screen.clean(line)) for line in files]
    return [*lines, *_next_steps(screen, first)]


def _title(first: Divergence) -> str:
    frame = first.a or first.b
    assert frame is not None
    where = words.code_place(frame.run.code) if CODE in first.fields else ""
    only = "in A only" if first.b is None else "in B only"
    what = ", ".join(only if name == RUN else name for name in first.fields)
    return f"{first.component}{say.place(first)}: {what}" + (f"  {where}" if where else "")


def _source(screen: Screen, text: str, *, full: bool) -> list[str]:
    lines = text.expandtabs(4).split("\n")
    shown = lines if full else lines[:_SOURCE_LINES]
    tones = {"+": "good", "-": "bad", "@": "dim"}
    painted = [
        screen.paint(screen.clip(screen.clean(line)), tones.get(line[:1], "")) for line in shown
    ]
    hidden = len(lines) - len(shown)
    return painted + ([f"({words.count(hidden, 'more line')}: --full)"] if hidden else [])


def _next_steps(screen: Screen, first: Divergence) -> list[str]:
    frames = [(side, each) for side, each in (("A", first.a), ("B", first.b)) if each is not None]
    ids = [frame.run.run_id for _, frame in frames]
    told = [
        f"  {side}: bt show {shlex.quote(run_id)}"
        for (side, _), run_id in zip(frames, ids, strict=True)
    ]
    if len(set(ids)) < len(ids):
        told = [f"  bt show {shlex.quote(ids[0])}"]
    return ["Look closer:", *(screen.clip(screen.clean(line)) for line in told)]


def _marked(screen: Screen, lines: Iterable[tuple[str, str]]) -> list[str]:
    wrapped: list[str] = []
    for sign, line in lines:
        wrapped += screen.wrap(f"{sign} {screen.clean(line)}", indent="  ")
    return wrapped


def _listed(screen: Screen, lines: Sequence[str], *, most: int | None) -> list[str]:
    shown = lines if most is None else lines[:most]
    result: list[str] = []
    for line in shown:
        result += screen.wrap("  " + screen.clean(line), indent="    ")
    hidden = len(lines) - len(shown)
    return result + ([f"  and {hidden:,} more: --full shows all"] if hidden else [])
