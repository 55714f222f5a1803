"""A comparison of two backtraces as a fragment of HTML, for the output cell of a notebook."""

from __future__ import annotations

from ..model.diffs import FIELDS, DiffRow
from . import diff_words as say
from . import words
from .diff_words import Difference
from .fragment import Cell, items, table, text
from .narrative import value_words

_CHANGES_SHOWN = 20
_LINES_SHOWN = 200


def backtrace_diff(found: Difference) -> str:
    """Give a table of the rows with the first divergence below it."""
    own = {each.row: each for each in found.divergences}
    first = found.divergences[0].row if found.divergences else None
    shown = say.rows_shown(found)
    parts = [
        f"<p><b>{side} {text(output.name)}</b> {text(value_words(output))}</p>"
        for side, output in (("A", found.a), ("B", found.b))
    ]
    parts.append(f"<p>{text(say.verdict(found))}</p>")
    rows = (_row(row, str(say.reason(found, row, own)), loud=row.n == first) for row in shown)
    parts.append(table(("run", "A", "B", *FIELDS, "why"), rows))
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
            source = f"<pre>{_source(first.source_diff)}</pre>"
    sentences += [say.unknown_sentence(found), say.cut_sentence(found)]
    return source + items(sentences)


def _source(unified: str) -> str:
    """Give a source diff as text, its first lines if it is long."""
    lines = unified.split("\n")
    hidden = len(lines) - _LINES_SHOWN
    more = [f"({words.count(hidden, 'more line')})"] if hidden > 0 else []
    return "\n".join(text(line) for line in (*lines[:_LINES_SHOWN], *more))
