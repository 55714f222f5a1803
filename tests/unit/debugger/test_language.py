"""What a person types, and what is meant."""

from __future__ import annotations

import pytest

from backtrail.debugger.language import CommandError, meant, number, split

NAMES = ["bt", "bottom", "frame", "flag", "find", "up", "unflag", "info", "note"]
LETTERS = {"f": "frame", "u": "up"}
TOPICS = ("inputs", "outputs", "frame")


def means(word: str) -> str:
    return meant(word, NAMES, LETTERS, TOPICS)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("frame", "frame"),
        ("fr", "frame"),
        ("f", "frame"),
        ("fl", "flag"),
        ("bo", "bottom"),
        ("fi", "find"),
        ("un", "unflag"),
        ("u", "up"),
    ],
)
def test_an_unambiguous_beginning_will_do(word: str, name: str) -> None:
    assert means(word) == name


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("inp", "Ambiguous or unknown command: inp. Did you mean: info inputs?"),
        ("frmae", "Ambiguous or unknown command: frmae. Did you mean: frame?"),
        ("xyzzy", "Ambiguous or unknown command: xyzzy. List them with: help"),
        ("break", "break: nothing is running here. See: help break"),
        ("n", "n: nothing is running here. See: help break"),
    ],
)
def test_what_is_not_clear_is_answered_with_what_is_near(word: str, told: str) -> None:
    with pytest.raises(CommandError) as raised:
        means(word)

    assert str(raised.value) == told


def test_several_commands_that_begin_so_are_listed() -> None:
    with pytest.raises(CommandError, match="Did you mean: bottom or bolt"):
        meant("bo", ["bottom", "bolt"], {}, ())


def test_quotes_hold_words_together_and_an_apostrophe_is_no_quote() -> None:
    assert split('note "two words" three') == ["note", "two words", "three"]
    assert split("note it's late") == ["note", "it's", "late"]


@pytest.mark.parametrize("word", ["0", "-1", "x", "1.5"])
def test_a_number_is_a_whole_number_from_one_on(word: str) -> None:
    with pytest.raises(CommandError, match="a line is a whole number from 1 on"):
        number(word, "a line")
