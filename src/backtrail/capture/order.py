"""The order that was declared between components: a graph without cycles."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import CycleError


class DeclaredOrder:
    """Which components were declared to come right before and right after which, by name."""

    def __init__(self) -> None:
        self._upstream: dict[str, dict[str, None]] = {}
        self._downstream: dict[str, dict[str, None]] = {}

    def upstream_of(self, name: str) -> tuple[str, ...]:
        """Names declared to come right before this one, in the order they were declared."""
        return tuple(self._upstream.get(name, ()))

    def downstream_of(self, name: str) -> tuple[str, ...]:
        """Names declared to come right after this one, in the order they were declared."""
        return tuple(self._downstream.get(name, ()))

    def draw(self, name: str, before: Iterable[str], after: Iterable[str]) -> None:
        """Note what comes right before and right after a component."""
        for up, down in [*((each, name) for each in before), *((name, each) for each in after)]:
            self._downstream.setdefault(up, {})[down] = None
            self._upstream.setdefault(down, {})[up] = None

    def refuse_cycle(self, up: str, down: str) -> None:
        """Refuse ``up`` before ``down`` where that would lead back to itself."""
        path = self._path(down, up)
        if path is not None:
            raise CycleError(
                f"components would depend on themselves: {' -> '.join((*path, down))}",
                hint=f"Leave out {up!r} before {down!r}, or one of the others.",
            )

    def _path(self, start: str, end: str) -> list[str] | None:
        """Give the shortest way downstream from one name to another."""
        came_from: dict[str, str | None] = {start: None}
        frontier = [start]
        while frontier and end not in came_from:
            reached = []
            for name in frontier:
                for after in self._downstream.get(name, ()):
                    if after not in came_from:
                        came_from[after] = name
                        reached.append(after)
            frontier = reached
        if end not in came_from:
            return None
        path: list[str] = []
        step: str | None = end
        while step is not None:
            path.append(step)
            step = came_from[step]
        return path[::-1]
