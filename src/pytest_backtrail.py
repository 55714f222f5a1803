"""The pytest plugin: gives tests `assert_lineage`.

It lies beside the package, since importing any part of that imports `backtrail`: a test
run that never asks for lineage shall not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from backtrail.testing import Lineage


@pytest.fixture(scope="session")
def assert_lineage() -> Callable[..., Lineage]:
    """Give `backtrail.testing.assert_lineage`: says what holds of the runs behind an output."""
    from backtrail.testing import assert_lineage

    return assert_lineage
