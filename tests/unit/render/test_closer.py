"""What the shell shows of one run, compared whole with the files in tests/golden."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from golden.compare import same_as_golden
from golden.examples import awkward_names, five_runs

from backtrail.debugger import commands, manual
from backtrail.render import data, parts, source
from backtrail.render.narrative import names_in
from backtrail.render.screen import Screen, cells
from backtrail.render.source import Line

SCREENS = {
    "100": Screen(100),
    "80": Screen(80),
    "colour": Screen(100, color=True),
    "ascii": Screen(100, ascii=True),
}
LINES = [
    Line(11, "", "def clean(raw):"),
    Line(12, "", '    """Lies\n and \x1b[31mred."""'),
    Line(None, "-", '    df = df.dropna(subset=["amount"])', "only in the commit"),
    Line(13, "+", '    df["amount"] = df["amount"].fillna(0)', "not in the commit"),
    Line(14, "", '    write(df, "clean.parquet")'),
    Line(15, "x", '    return df["amount_eur"].sum()', "KeyError, most likely here"),
    Line(
        116,
        "x",
        "    raise ValueError(" + '"too long to fit beside " ' * 3 + ")",
        "ValueError raised here",
    ),
]
COLUMNS: list[Any] = [
    SimpleNamespace(name="order_id", type="int64", figures={"nulls": 0, "mean": 6.5, "max": 12}),
    SimpleNamespace(
        name="amount é", type="double", figures={"nulls": 3, "mean": 41.238, "max": 1e9}
    ),
    SimpleNamespace(name="cur\x1b[31m", type="string", figures={"nulls": 0}),
]
WIDE: list[Any] = [
    SimpleNamespace(name=f"column_{n}", type="timestamp[us, tz=UTC]", figures={}) for n in range(5)
]
DOUBT = "not what the run left: it was blake3 b9fe43..73, it is blake3 a6c9f2..8c now"


def infos(screen: Screen) -> str:
    trace = five_runs()
    frame, short = trace.frames[3], names_in(trace)
    odd = awkward_names()
    frame.run.params = {"eta": 0.1, "note": "two\nlines", "deep": {"a": [1, 2]}}
    given = [
        parts.inputs(screen, frame, short),
        parts.inputs(screen, odd.frames[0], names_in(odd)),
        parts.outputs(screen, frame, "pred_8f3a21", short),
        parts.outputs(screen, odd.frames[0], odd.output.name, names_in(odd)),
        parts.params(screen, frame),
        parts.code(screen, frame),
        parts.environment(screen, frame, {"numpy": "1.26", "xgboost": "2.1.1"}, {"numpy": "2.1"}),
        parts.environment(screen, frame, None, None),
        parts.checks(screen, frame, short),
        parts.checks(screen, trace.frames[0], short),
        parts.value(screen, "EUR", "as in the 41 runs before"),
        parts.value(screen, {"a": [1, "\x1b[31m"]}, ""),
        parts.value(screen, {f"key_{n}": "value" for n in range(8)}, ""),
    ]
    return "\n\n".join(given)


def tables(screen: Screen) -> str:
    rows = [[1, 2.5, None], [2, 10.357019999999999, "EUR \x1b[31m" + "x" * 40]]
    names = [each.name for each in COLUMNS]
    return "\n\n".join(
        [
            data.schema(screen, COLUMNS, 131_887, 18_000_000, ""),
            data.schema(screen, WIDE, 1, 512, DOUBT),
            data.stats(screen, COLUMNS, DOUBT),
            data.head(screen, names, rows, ""),
            data.head(screen, [each.name for each in WIDE] * 3, [["2026-01-01"] * 15], DOUBT),
        ]
    )


def help_(screen: Screen) -> str:
    described = [(each.usage, each.help) for each in commands.COMMANDS.values()]
    first = commands.COMMANDS["bt"]
    return "\n\n".join(
        [manual.overview(screen, described), manual.one(screen, first.usage, first.help, ["where"])]
    )


COLOURED = ("shell-list", "colour")
TEXTS: dict[str, Callable[[Screen], str]] = {
    "shell-list": lambda screen: source.listing(screen, LINES),
    "shell-info": infos,
    "shell-x": tables,
    "shell-help": help_,
}


# How source is coloured is a matter of rich's version.
READ = [(name, screen) for name in TEXTS for screen in SCREENS if (name, screen) != COLOURED]


@pytest.mark.parametrize(("name", "screen"), READ)
def test_it_reads_as_its_golden_file(name: str, screen: str) -> None:
    assert same_as_golden(f"{name}.{screen}", TEXTS[name](SCREENS[screen]))


def test_colour_changes_no_text_of_a_listing() -> None:
    plain, coloured = (source.listing(Screen(80, color=color), LINES) for color in (False, True))

    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


@pytest.mark.parametrize("name", TEXTS)
def test_no_line_is_wider_than_the_screen(name: str) -> None:
    for width in (80, 100):
        shown = TEXTS[name](Screen(width))

        assert [line for line in shown.splitlines() if cells(line) > width] == []


@pytest.mark.parametrize("name", TEXTS)
def test_no_name_or_source_reaches_the_terminal_raw(name: str) -> None:
    shown = TEXTS[name](Screen(100))

    assert all(char == "\n" or char.isprintable() or char in "\u200d\ufe0f" for char in shown)
