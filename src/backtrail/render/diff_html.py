"""A comparison of two backtraces as a fragment of HTML, for the output cell of a notebook."""

from __future__ import annotations

from html import escape

from ..model.diffs import FIELDS, DiffRow
from . import diff_words as say
from . import words
from .diff_words import Difference
from .fragment import Cell, items, table, text
from .narrative import FOLD_OVER, value_words

_CHANGES_SHOWN = 20


def backtrace_diff(found: Difference) -> str:
    """Give a table of the rows with the first divergence below it."""
    own = {each.row: each for each in found.divergences}
    first = found.divergences[0].row if found.divergences else None
    shown = [row for row in found.rows if row.verdict != "same" or len(found.rows) <= FOLD_OVER]
    shown = shown[:FOLD_OVER]
    parts = [
        f"<p><b>{side} {text(output.name)}</b> {text(value_words(output))}</p>"
        for side, output in (("A", found.a), ("B", found.b))
    ]
    parts.append(f"<p>{text(say.verdict(found))}</p>")
    rows = (_row(row, str(say.reason(found, row, own)), loud=row.n == first) for row in shown)
    parts.append(table(("run", "A", "B", *FIELDS, ""), rows))
    hidden = len(found.rows) - len(shown)
    if hidden:
        parts.append(f"<p>{words.count(hidden, 'more row')}: print it to see them</p>")
    parts.append(_below(found))
    return f"<div>{''.join(parts)}</div>"


def _row(row: DiffRow, reason: str, *, loud: bool) -> list[Cell]:
    numbers = ["" if frame is None else f"#{frame.n}" for frame in (row.a, row.b)]
    states = [say.cell(row, name, loud=loud) for name in FIELDS]
    texts = [row.component, *numbers, *states, reason]
    return [Cell(text, "strong" if loud else "") for text in texts]


def _below(found: Difference) -> str:
    short = say.names_in(found)
    sentences: list[str] = []
    source = ""
    if found.divergences:
        first = found.divergences[0]
        sentences += [say.meaning(first)]
        shown = say.changes_shown(found, first)[:_CHANGES_SHOWN]
        sentences += [say.change_line(change, short) for change in shown]
        sentences += [line for each in first.files for line in say.file_lines(each, short)]
        sentences += [f"{sign} {text}" for sign, text in say.others(found, short)]
        if first.source_diff:
            source = f"<pre>{escape(first.source_diff)}</pre>"
    sentences += [say.unknown_sentence(found), say.cut_sentence(found)]
    return source + items(sentences)
