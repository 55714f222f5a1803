"""Random mutants: one small change of an operator, a number, a condition or a direction."""

from __future__ import annotations

import ast
import itertools
import random
import re
from collections.abc import Collection, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from .mutants import Mutant

_COMPARISONS = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
_SQL = {
    r"<=": "<",
    r"<(?![=>])": "<=",
    r">=": ">",
    r"(?<!<)>(?![=>])": ">=",
    r"<>": "=",
    r" DESC\b": "",
    r"\bAND\b": "OR",
    r"\bOR\b": "AND",
    r"\bWITH TIES\b": "ONLY",
    r"\bLIMIT 1\b": "LIMIT 2",
    r"\bmin\(": "max(",
    r"\bmax\(": "min(",
    r"\bLEFT JOIN\b": "JOIN",
    r"\bNOT EXISTS\b": "EXISTS",
    r"\b0\b": "1",
}


class Edit(NamedTuple):
    """``new`` instead of what stands from ``start`` to ``end``, in bytes of UTF-8."""

    start: int
    end: int
    new: str


def random_mutants(
    file: str, text: str, count: int, lines: Collection[int] | None, source: random.Random
) -> list[Mutant]:
    """Return up to ``count`` mutants of a file, on these lines or on any."""
    content = text.encode()
    edits = _sql_edits(text) if file.endswith(".sql") else _python_edits(text)
    possible = [
        edit
        for edit in sorted(set(edits))
        if lines is None or content.count(b"\n", 0, edit.start) + 1 in lines
    ]
    source.shuffle(possible)
    # Between two operands there may be a bracket or a comment that takes it for something else.
    fitting = (edit for edit in possible if file.endswith(".sql") or _parses(content, edit))
    return [_mutant(file, content, edit) for edit in itertools.islice(fitting, count)]


def _mutant(file: str, content: bytes, edit: Edit) -> Mutant:
    """Make an edit a mutant as they are listed: whole lines, as many as stand there only once."""
    line = content.count(b"\n", 0, edit.start) + 1
    begin = content.rfind(b"\n", 0, edit.start) + 1
    end = content.find(b"\n", edit.end) + 1 or len(content)
    while content.count(content[begin:end]) > 1:
        begin = content.rfind(b"\n", 0, max(begin - 1, 0)) + 1
        end = content.find(b"\n", end) + 1 or len(content)
    old = content[begin : edit.start], content[edit.start : edit.end], content[edit.end : end]
    was, becomes = " ".join(old[1].decode().split()), " ".join(edit.new.split())
    return Mutant(
        f"{PurePosixPath(file).name}-{line}-{edit.start}",
        file,
        f"line {line}: {was[:60] or 'nothing'!r} becomes {becomes[:60]!r}",
        b"".join(old).decode(),
        (old[0] + edit.new.encode() + old[2]).decode(),
    )


def _sql_edits(text: str) -> Iterator[Edit]:
    # Byte for byte as long, so that places stay what they are.
    code = re.sub(r"--.*", lambda comment: " " * len(comment[0]), text)
    for pattern, new in _SQL.items():
        for found in re.finditer(pattern, code):
            start, end = (len(text[:place].encode()) for place in found.span())
            yield Edit(start, end, new)


def _parses(content: bytes, edit: Edit) -> bool:
    try:
        ast.parse(content[: edit.start] + edit.new.encode() + content[edit.end :])
    except SyntaxError:
        return False
    return True


def _python_edits(text: str) -> Iterator[Edit]:
    content = text.encode()
    begins = [0, *(found.end() for found in re.finditer(rb"\n", content))]

    def span(node: ast.AST) -> tuple[int, int]:
        start = begins[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return start, begins[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def between(left: ast.AST, right: ast.AST, was: str, new: str) -> Iterator[Edit]:
        start, end = span(left)[1], span(right)[0]
        for found in re.finditer(re.escape(was.encode()), content[start:end]):
            yield Edit(start + found.start(), start + found.end(), new)
            return

    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for left, right, op in zip(sides, sides[1:], node.ops, strict=False):
                yield from between(left, right, *_COMPARISONS[type(op)])
        elif isinstance(node, ast.BoolOp):
            words = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in itertools.pairwise(node.values):
                yield from between(left, right, *words)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            signs = ("+", "-") if isinstance(node.op, ast.Add) else ("-", "+")
            yield from between(node.left, node.right, *signs)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield Edit(span(node)[0], span(node.operand)[0], "")
        elif isinstance(node, (ast.If, ast.While, ast.IfExp)):
            start, end = span(node.test)
            yield Edit(start, end, f"not ({content[start:end].decode()})")
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield Edit(*span(node), str(not node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, int):
            yield Edit(*span(node), str(node.value + 1))
        elif isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | None):
            yield Edit(*span(node.value), "None")
