"""A set of keys that lie close together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backtrail.query.keyset import KeySet

KEYS = st.integers(0, 600) | st.integers(0, (1 << 63) - 1)


@given(st.lists(KEYS), st.lists(KEYS))
def test_a_key_set_is_a_set(added: list[int], others: list[int]) -> None:
    seen = KeySet()
    plain: set[int] = set()

    for key in added:
        assert seen.add(key) == (key not in plain)
        plain.add(key)

    assert {key for key in [*added, *others] if key in seen} == plain & {*added, *others}
