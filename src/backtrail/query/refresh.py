"""The cheapest order to refresh: what must be made again so that an output is fresh."""

from __future__ import annotations

from collections.abc import Callable

from .survey import Survey


def refresh_order(survey: Survey, root: int, has_cause: Callable[[int], bool]) -> list[int]:
    """Give the runs to make again, each after those that feed it.

    A run must be made again if it has a cause of its own, or reads (by what is newest
    now) from one that must. Nothing else is made again. Runs that another one calls
    are made again by that one.
    """
    _reach_all_current(survey, root)
    order: list[int] = []
    must: dict[int, bool] = {}
    entered = {root}
    stack = [(root, iter(list(survey.feeders(root))))]
    while stack:
        key, feeders = stack[-1]
        feeder = next((each for each in feeders if each not in entered), None)
        if feeder is not None:
            entered.add(feeder)
            stack.append((feeder, iter(list(survey.feeders(feeder)))))
            continue
        stack.pop()
        # One that is still entered, but not left, stands in a circle with this one.
        must[key] = has_cause(key) or any(must.get(each, False) for each in survey.feeders(key))
        if must[key]:
            order.append(key)
    return _without_called(survey, order)


def _reach_all_current(survey: Survey, root: int) -> None:
    """Reach the runs that made what would be read now, and what they would read, and so on."""
    while True:
        missing: dict[int, int] = {}
        seen = {root}
        level = [root]
        for key in level:
            for held in survey.held[key]:
                write = held.newest
                if write is not None and write.run not in survey.walk.rows:
                    missing[write.run] = max(write.at_us, missing.get(write.run, -1))
            for feeder in survey.feeders(key):
                if feeder not in seen and feeder in survey.walk.rows:
                    seen.add(feeder)
                    level.append(feeder)
        if not missing:
            return
        survey.add(missing)


def _without_called(survey: Survey, order: list[int]) -> list[int]:
    """Leave out runs that one of the others calls, where only that one and its calls read them."""
    calls = {key: set(called) for key in order if (called := survey.walk.calls.get(key))}
    if not calls:
        return order
    callers: dict[int, list[int]] = {}
    for caller, called_by_it in calls.items():
        for key in called_by_it:
            callers.setdefault(key, []).append(caller)
    readers: dict[int, set[int]] = {}
    for key in order:
        for held in survey.held[key]:
            if held.current is not None:
                readers.setdefault(held.current, set()).add(key)
    left_out: set[int] = set()
    for key in order:
        # Of runs that call one another, which only faulty facts say, one stays.
        if any(
            readers.get(key, set()) <= calls[caller] | {caller}
            for caller in callers.get(key, ())
            if caller != key and caller not in left_out
        ):
            left_out.add(key)
    return [key for key in order if key not in left_out]
