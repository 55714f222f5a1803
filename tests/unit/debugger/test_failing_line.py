"""Which line raised the error of a run."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtrail.debugger.failing_line import failing_line

SOURCE = textwrap.dedent(
    """\
    @register(output_path="clean.csv")
    def clean(path, day):
        import polarbears
        raw = read("raw.csv")
        amount = raw["amount_eur"] / len(raw)
        assert amount.mean() > 0, "no amount"
        if raw.empty:
            raise ValueError(f"no rows on {day}, {len(raw)} in all")
        if day is None:
            raise TypeError("which day?")
        if raw.broken:
            raise ValueError("broken")
        check(raw.columns)
        raise RuntimeError(explain(raw))
    """
)


@pytest.mark.parametrize(
    ("error", "line", "said"),
    [
        ("ValueError: no rows on 2013-12-31, 0 in all", 8, "ValueError raised here"),
        ("ValueError: broken", 12, "ValueError raised here"),
        ("ValueError('broken')", 12, "ValueError raised here"),
        ("TypeError: which day?", 10, "TypeError raised here"),
        ("AssertionError: no amount", 6, "AssertionError raised here"),
        ("KeyError: 'amount_eur'", 5, "KeyError, most likely here"),
        ("KeyError('amount_eur')", 5, "KeyError, most likely here"),
        ("ZeroDivisionError: division by zero", 5, "ZeroDivisionError, most likely here"),
        (
            "FileNotFoundError: [Errno 2] No such file or directory: 'raw.csv'",
            4,
            "FileNotFoundError, most likely here",
        ),
        (
            "AttributeError: 'DataFrame' object has no attribute 'broken'",
            11,
            "AttributeError, most likely here",
        ),
        ("NameError: name 'check' is not defined", 13, "NameError, most likely here"),
        (
            "ModuleNotFoundError: No module named 'polarbears'",
            3,
            "ModuleNotFoundError, most likely here",
        ),
        ("RuntimeError: anything at all", 14, "RuntimeError, most likely here"),
    ],
)
def test_the_line_is_found_that_can_raise_it(error: str, line: int, said: str) -> None:
    assert failing_line(SOURCE, error) == (line, said)


@pytest.mark.parametrize(
    "error",
    [
        None,
        "",
        "KeyError: 'other'",
        "ValueError: something else",
        "NameError: name 'raw' is not defined",  # it stands in several lines
        "the disk was full",
        "OSError",
    ],
)
def test_where_none_or_several_could_none_is_named(error: str | None) -> None:
    assert failing_line(SOURCE, error) is None


def test_the_same_text_in_two_lines_is_not_decided() -> None:
    source = "def f(x):\n    if x:\n        raise ValueError('a')\n    raise ValueError('a')\n"

    assert failing_line(source, "ValueError: a") is None


def test_a_method_is_read_as_it_is_indented() -> None:
    source = "    def f(self):\n        raise ValueError('a')\n"

    assert failing_line(source, "ValueError: a") == (2, "ValueError raised here")


@given(source=st.text(max_size=60), error=st.text(max_size=60))
def test_no_text_whatever_makes_it_fail(source: str, error: str) -> None:
    found = failing_line(source, error)

    assert found is None or found.line >= 1


@given(st.lists(st.text(alphabet="ab {}'", max_size=5), min_size=1, max_size=4), st.data())
def test_an_error_agrees_with_the_text_that_made_it(parts: list[str], data: st.DataObject) -> None:
    fields = [data.draw(st.text(alphabet="ab '", max_size=4)) for _ in parts[1:]]
    shown = parts[0] + "".join(f + p for f, p in zip(fields, parts[1:], strict=True))
    template = "{x}".join(part.replace("{", "{{").replace("}", "}}") for part in parts)
    source = f"def f(x):\n    raise ValueError(f{template!r})\n"

    found = failing_line(source, f"ValueError: {shown}")

    assert found is not None
    assert found.line == 2
