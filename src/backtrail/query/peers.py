"""The results that a component gave last, to hold one result's value against."""

from __future__ import annotations

import math
from typing import Any

from ..model.explanation import Peer
from ..model.facts import KIND_CODES
from ..store.protocol import RunRow, Store
from .assemble import public_id
from .selector import Selected

MOST_PEERS = 30
_PAGE = 30
_MOST_RUNS = 300
_OUTPUT = KIND_CODES["output"]


def peers_of(store: Store, selected: Selected, value: Any) -> list[Peer]:
    """Give the last numbers that the same component gave until then, under other names."""
    if selected.artifact is None or number_of(value, value) is None:
        return []
    row = store.runs([selected.run])[selected.run]
    before = (row.started, row.run + 1)
    peers: list[Peer] = []
    for _ in range(_MOST_RUNS // _PAGE):
        keys = store.runs_of_component(row.component, before, -(1 << 62), _PAGE)
        rows = store.runs(keys)
        for key in keys:
            peers += _peers_in(store, rows[key], selected, value)
            if len(peers) >= MOST_PEERS:
                return peers[:MOST_PEERS]
        if len(keys) < _PAGE:
            break
        before = (rows[keys[-1]].started, keys[-1])
    return peers


def _peers_in(store: Store, row: RunRow, selected: Selected, like: Any) -> list[Peer]:
    assert selected.artifact is not None
    found = [
        (out, number)
        for out in reversed(row.outs)
        if out.at_us <= selected.at_us and out.artifact != selected.artifact.artifact
        if (number := number_of(out.value, like)) is not None
    ][:MOST_PEERS]
    artifacts = store.artifacts({out.artifact for out, _ in found}) if found else {}
    run_id = public_id(store, row)
    return [
        Peer(artifacts[out.artifact].name, number, run_id)
        for out, number in found
        if artifacts[out.artifact].kind == _OUTPUT
    ]


def number_of(value: Any, like: Any) -> float | None:
    """Give the number that a value is, or has under the first name at which ``like`` has one."""
    if isinstance(like, dict) and isinstance(value, dict):
        name = next((name for name, each in like.items() if number_of(each, each) is not None), "")
        return number_of(value.get(name), None)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) else None
