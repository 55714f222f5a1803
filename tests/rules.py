"""Properties: what must hold of every history, tried on as many as a store is quick enough for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy

Check = Callable[..., None]


def rule(*, one_in: int = 1, **drawn: SearchStrategy[Any]) -> Callable[[Check], Check]:
    """Make a test of a property, whose arguments are drawn by name; the others are fixtures.

    How many examples are drawn is for the fixture `examples` to say: it knows on which
    store the test runs, and whether by day or at night. Of a property whose examples cost
    as much as several of others, ``one_in`` so many is tried.
    """

    def decorate(check: Check) -> Check:
        @functools.wraps(check)
        def test(examples: int, **fixtures: Any) -> None:
            def holds(**values: Any) -> None:
                check(**fixtures, **values)

            # Failures are remembered by name, to be tried first the next time.
            holds.__name__, holds.__qualname__ = check.__name__, check.__qualname__
            settings(max_examples=max(examples // one_in, 1))(given(**drawn)(holds))()

        kept = list(inspect.signature(check).parameters.values())
        own = inspect.Parameter("examples", inspect.Parameter.KEYWORD_ONLY)
        fixtures = [each for each in kept if each.name not in drawn]
        test.__signature__ = inspect.Signature([*fixtures, own])  # type: ignore[attr-defined]
        return test

    return decorate
