"""Which line of a run's source raised its error, as far as the two tell."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import NamedTuple

_ERROR = re.compile(r"(?P<type>[A-Za-z_][\w.]*)(?:: (?P<text>.*)|\((?P<args>.*)\))?\Z", re.DOTALL)


class FailingLine(NamedTuple):
    """A line, counted from 1 within the source, and what to say beside it."""

    line: int
    text: str


def failing_line(source: str, error: str | None) -> FailingLine | None:
    """Give the line that raised ``error``; None where several could have, or none is known.

    A ``raise`` with that very text raised it. Elsewhere the one line that can raise
    such an error did so most likely: a callee could have, too.
    """
    matched = _ERROR.match(error or "")
    if matched is None:
        return None
    kind = matched["type"].rpartition(".")[2]
    text = matched["text"] or matched["args"] or ""
    try:
        tree = ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError):
        return None
    sure, possible = _raised(tree, kind, text)
    if len(sure) == 1:
        return FailingLine(sure.pop(), f"{kind} raised here")
    if sure:
        return None
    likely = possible or set(_likely(tree, kind, text))
    return FailingLine(likely.pop(), f"{kind}, most likely here") if len(likely) == 1 else None


def _raised(tree: ast.AST, kind: str, text: str) -> tuple[set[int], set[int]]:
    """Give the lines that raise this text, and those that raise this kind with a text unknown."""
    sure: set[int] = set()
    possible: set[int] = set()
    for node, message in _raises(tree, kind):
        parts = _fixed_parts(message)
        if parts is None:
            possible.add(node.lineno)
        elif _agrees(parts, text):
            sure.add(node.lineno)
    return sure, possible


def _raises(tree: ast.AST, kind: str) -> Iterator[tuple[ast.stmt, ast.expr | None]]:
    """Give the statements that raise an error of a kind, with what they say in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and kind == "AssertionError":
            yield node, node.msg
        elif isinstance(node, ast.Raise) and node.exc is not None:
            raised = node.exc
            called = raised.func if isinstance(raised, ast.Call) else raised
            name = getattr(called, "attr", None) or getattr(called, "id", None)
            if name == kind:
                arguments = raised.args if isinstance(raised, ast.Call) else []
                yield node, arguments[0] if arguments else ast.Constant("")


def _fixed_parts(message: ast.expr | None) -> list[str] | None:
    """Give the parts of a text that do not vary, in order; None where an expression tells none.

    Anything may stand between two parts; an empty one at an end means that nothing is fixed there.
    """
    if message is None:
        return [""]
    if isinstance(message, ast.Constant):
        return [str(message.value)]
    if not isinstance(message, ast.JoinedStr):
        return None
    parts = [""]
    for part in message.values:
        if isinstance(part, ast.Constant):
            parts[-1] += str(part.value)
        else:
            parts.append("")
    return parts if any(parts) else None


def _agrees(parts: list[str], text: str) -> bool:
    # An error with one argument that is a text may be printed with quotes around it.
    return _is_made_of(parts, text) or _is_made_of(parts, text[1:-1])


def _is_made_of(parts: list[str], text: str) -> bool:
    first, *rest = parts
    if not rest:
        return text == first
    last = rest.pop()
    place = len(first)
    for part in rest:
        found = text.find(part, place)
        if found < 0:
            return False
        place = found + len(part)
    return text.startswith(first) and text.endswith(last) and len(text) - len(last) >= place


# What can raise an error of this kind with this text, where no `raise` does.
_Test = Callable[[ast.AST, str], bool]


def _likely(tree: ast.AST, kind: str, text: str) -> Iterator[int]:
    test = _TESTS.get(kind)
    for node in ast.walk(tree) if test else ():
        if test is not None and test(node, text) and isinstance(node, (ast.expr, ast.stmt)):
            yield node.lineno


def _reads_key(node: ast.AST, text: str) -> bool:
    key = node.slice if isinstance(node, ast.Subscript) else None
    return isinstance(key, ast.Constant) and text in (repr(key.value), str(key.value))


def _reads_name(node: ast.AST, text: str) -> bool:
    return isinstance(node, ast.Name) and f"'{node.id}'" in text


def _reads_attribute(node: ast.AST, text: str) -> bool:
    return isinstance(node, ast.Attribute) and text.endswith(f"'{node.attr}'")


def _divides(node: ast.AST, _text: str) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Mod))


def _names_file(node: ast.AST, text: str) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and bool(node.value)
        and text.endswith(f"'{node.value}'")
    )


def _imports(node: ast.AST, text: str) -> bool:
    if isinstance(node, ast.ImportFrom):
        return f"'{node.module}'" in text
    return isinstance(node, ast.Import) and any(f"'{each.name}'" in text for each in node.names)


_TESTS: dict[str, _Test] = {
    "KeyError": _reads_key,
    "NameError": _reads_name,
    "UnboundLocalError": _reads_name,
    "AttributeError": _reads_attribute,
    "ZeroDivisionError": _divides,
    "FileNotFoundError": _names_file,
    "ModuleNotFoundError": _imports,
    "ImportError": _imports,
}
