"""The line that is shown while a question takes long."""

from __future__ import annotations

import pytest

from backtrail.cli.progress import Progress, line


@pytest.mark.parametrize(
    ("reached", "about", "seconds", "shown"),
    [
        (5210, 10_400, 3.1, "Tracing  5,210 of about 10,400 runs  [####----]  3s"),
        (10_399, 10_400, 12, "Tracing  10,399 runs  12s"),
        (1, 400, 0.6, "Tracing  1 of about 400 runs  [--------]  1s"),
        (0, 0, 0.6, "Tracing  1s"),
    ],
)
def test_the_line_says_how_far_it_is(reached: int, about: int, seconds: float, shown: str) -> None:
    assert line("Tracing", reached, about, seconds) == shown


def test_a_walk_goes_on_as_long_as_nobody_interrupts() -> None:
    with Progress("Tracing") as progress:
        goes_on = progress.watch(1, 5)

    assert goes_on
    assert not progress.interrupted
