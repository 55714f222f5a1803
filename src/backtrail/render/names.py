"""Artifact names, cut to the shortest tail that still tells them apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable


def is_place(name: str) -> bool:
    """Say whether a name is a path or an address, so that its tail identifies it.

    An opaque name may hold slashes too (``team/model``); that one stays whole.
    """
    return name.startswith("/") or "://" in name or name[1:3] in (":\\", ":/")


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Give each name its shortest tail that no other of the names ends in too."""
    every = set(names)
    result = {name: name for name in every if not is_place(name)}
    taken = set(result)
    waiting = [(name, 1) for name in every if is_place(name)]
    while waiting:
        tails: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for name, parts in waiting:
            tails[_tail(name, parts)].append((name, parts))
        waiting = []
        for tail, sharing in tails.items():
            if len(sharing) == 1 and tail not in taken:
                result[sharing[0][0]] = tail
            else:
                waiting += _lengthened(sharing, tail, result)
    return result


def _lengthened(
    sharing: list[tuple[str, int]], tail: str, result: dict[str, str]
) -> list[tuple[str, int]]:
    """Settle the names that cannot grow, give the others one more part."""
    longer: list[tuple[str, int]] = []
    for name, parts in sharing:
        if tail == name:
            result[name] = name
        else:
            longer.append((name, parts + 1))
    return longer


def _tail(name: str, parts: int) -> str:
    separator = "\\" if name[1:3] == ":\\" else "/"
    stem = name.rstrip(separator) or name
    tail = separator.join(stem.split(separator)[-parts:])
    return name if tail in (stem, "") else tail + name[len(stem) :]
