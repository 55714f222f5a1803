"""What a person reads of a comparison, compared whole with the files in tests/golden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from golden.compare import same_as_golden
from pipelines import PACKAGES, Step, World

from backtrail import BacktraceDiff, Client
from backtrail.render import diff as text
from backtrail.render.screen import cells

SCREENS: dict[str, dict[str, Any]] = {
    "100": {"width": 100},
    "80": {"width": 80},
    "colour": {"width": 100, "color": True},
    "ascii": {"width": 100, "ascii": True},
}
CLEAN = """@register(component="clean")
def clean(raw):
    df = read(raw)
    df = df.dropna(subset=["amount"])
    write(df, "clean.parquet")
"""
REFUNDS = [
    Step("ingest", (), f"blake3:{'a' * 64}", params={"limit": 1000}),
    Step("clean", (0,), source=CLEAN, params={"currency": "EUR"}),
    Step("featurize", (1,), params={}),
    Step("train", (), f"blake3:{'b' * 64}", params={"eta": 0.1, "day": "2026-07-18"}),
    Step("predict", (2, 3), params={"day": "2026-07-18"}),
]
FILLED = CLEAN.replace('df = df.dropna(subset=["amount"])', 'df["amount"] = df["amount"].fillna(0)')


def changed(n: int, **what: Any) -> list[Step]:
    return [replace(step, **what) if i == n else step for i, step in enumerate(REFUNDS)]


def compared(client: Client, before: list[Step], after: list[Step], **how: Any) -> BacktraceDiff:
    world = World(client.open_store())
    world.run(before, "pred_77c0d9", **how)
    world.run(after, "pred_8f3a21", **how)
    world.flush()
    return client.diff("pred_77c0d9", "pred_8f3a21")


def code(client: Client) -> BacktraceDiff:
    return compared(client, REFUNDS, changed(1, source=FILLED))


def dates(client: Client) -> BacktraceDiff:
    other_day = changed(4, params={"day": "2026-07-25"})
    return compared(client, REFUNDS, other_day)


def environment(client: Client) -> BacktraceDiff:
    newer = {**PACKAGES, "pandas": "3.0.0", "pyarrow": "21.0"}
    newer.pop("numpy")
    return compared(client, REFUNDS, changed(2, packages=newer))


def several(client: Client) -> BacktraceDiff:
    after = changed(0, raw=f"blake3:{'c' * 64}")
    after[3] = replace(after[3], params={"eta": 0.3, "day": "2026-07-25"})
    return compared(client, REFUNDS, after)


def chance(client: Client) -> BacktraceDiff:
    return compared(client, REFUNDS, changed(3, chance="seed"))


def another_step(client: Client) -> BacktraceDiff:
    after = [
        REFUNDS[0],
        REFUNDS[1],
        Step("dedupe", (1,)),
        replace(REFUNDS[2], reads=(2,)),
        REFUNDS[3],
        replace(REFUNDS[4], reads=(3, 4)),
    ]
    return compared(client, REFUNDS, after)


def unversioned(client: Client) -> BacktraceDiff:
    return compared(client, REFUNDS, changed(1, params={"currency": "USD"}), versioned=False)


def unchanged(client: Client) -> BacktraceDiff:
    return compared(client, REFUNDS, REFUNDS)


def large(client: Client) -> BacktraceDiff:
    """A hundred days are cleaned and joined; on one of them something was changed."""
    days = [Step("clean", (), f"blake3:{n:064x}") for n in range(100)]
    joined = [*days, Step("join", tuple(range(100))), Step("serve", (100,))]
    after = [replace(step, source=FILLED) if n == 37 else step for n, step in enumerate(joined)]
    return compared(client, joined, after)


def awkward(client: Client) -> BacktraceDiff:
    before = [
        Step("cle\x1b[31man\n", (), f"blake3:{'a' * 64}", params={"näme\t": "ночь\n" * 30}),
        Step("a_component_with_a_rather_long_name_indeed_" * 3, (0,), source=CLEAN),
        Step("🚀 serve", (1,)),
    ]
    after = [replace(before[0], params={"näme\t": "день\x1b[0m"}), *before[1:]]
    after[1] = replace(after[1], source=CLEAN + "    # \x1b]0;owned\x07\n")
    return compared(client, before, after)


CASES: dict[str, Callable[[Client], BacktraceDiff]] = {
    each.__name__.replace("_", "-"): each
    for each in (
        code,
        dates,
        environment,
        several,
        chance,
        another_step,
        unversioned,
        unchanged,
        large,
        awkward,
    )
}


@pytest.mark.parametrize("name", CASES)
def test_a_comparison_reads_as_its_golden_files(client: Client, name: str) -> None:
    found = CASES[name](client)

    for screen, how in SCREENS.items():
        if screen in ("100", "80") or name in ("code", "awkward"):
            assert same_as_golden(f"diff-{name}.{screen}", text.backtrace_diff(found, **how))


@pytest.mark.parametrize("name", CASES)
def test_nothing_of_a_pipeline_reaches_the_terminal_raw(client: Client, name: str) -> None:
    found = CASES[name](client)

    shown = text.backtrace_diff(found, full=True)
    page = found._repr_html_()

    assert all(char == "\n" or char.isprintable() for char in shown)
    assert "\x1b" not in page
    assert text.backtrace_diff(found, ascii=True).isascii()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140])
@pytest.mark.parametrize("name", CASES)
def test_no_row_is_wider_than_the_screen(client: Client, name: str, width: int) -> None:
    found = CASES[name](client)

    rows = [
        line
        for line in text.backtrace_diff(found, width=width).splitlines()
        if line.startswith((">>", "= ", ". ", "< ", "> "))
    ]

    assert [line for line in rows if cells(line) > width] == []


def test_a_notebook_shows_a_table_and_the_source(client: Client) -> None:
    page = code(client)._repr_html_()

    assert page.startswith("<div>")
    assert "<table>" in page
    assert "fillna(0)" in page
    assert "&quot;amount&quot;" in page


def test_a_notebook_shows_the_first_divergence_of_many_rows(client: Client) -> None:
    page = large(client)._repr_html_()

    assert "&lt;- first divergence" in page
    assert "99 more rows: print it to see them" in page
    assert page.count("<tr>") == 4
