"""How often chance alone would put as many flags on the outputs of a group, exactly.

If flags fell regardless of what is behind an output, the flags among the outputs of a
group would be hypergeometric: that gives each group an exact p-value. Outputs of
different components may be flagged at different rates: then it is a sum of such counts.

Many groups are looked at, so what counts is the chance that any of them would come as
low. It is at most the sum, over all groups, of the greatest chance that each can attain
at or below it. Counting what can be attained keeps groups that are too small to ever
stand out from costing anything (Tarone, "A Modified Bonferroni Method for Discrete
Data", Biometrics 1990). In simulation a permutation test, which knows how groups
overlap, found one to two in a hundred more, and its answer changes from time to time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma

# Chances below this are not told apart: they would decide nothing.
SMALLEST = 1e-30
# Sums in another order differ in the last digits.
_ROUNDING = 1 + 1e-9


@dataclass(frozen=True, slots=True)
class _Spread:
    """The chance of each number of flags from ``least`` on; of others it is next to none."""

    least: int
    chances: list[float]


class Chances:
    """What chance does to groups of given sizes.

    Args:
        flagged: how many outputs are flagged in each stratum.
        others: how many are not.
        sizes: how many groups have so many outputs in each stratum.
    """

    def __init__(
        self, flagged: Sequence[int], others: Sequence[int], sizes: Mapping[tuple[int, ...], int]
    ) -> None:
        self._groups = sizes
        self._most: dict[tuple[int, ...], int] = {}
        # For each size the chance of k flags or more, from the most flags down.
        self._tails: dict[tuple[int, ...], list[float]] = {}
        for size in sizes:
            spread = _sum_of(
                _hypergeometric(*each) for each in zip(size, flagged, others, strict=True)
            )
            self._most[size] = spread.least + len(spread.chances) - 1
            self._tails[size] = _tails(spread)

    def corrected(self, size: tuple[int, ...], flagged: int) -> float:
        """Give the chance that any group would come as low as one with so many flags."""
        tails = self._tails[size]
        place = self._most[size] - flagged
        p_value = SMALLEST if place < 0 else tails[place] if place < len(tails) else 1.0
        return min(self._any_at_or_below(p_value), 1.0)

    def lowest_possible(self) -> float:
        """Give the lowest corrected chance that any flags could have come to."""
        return self._any_at_or_below(min((t[0] for t in self._tails.values()), default=1.0))

    def _any_at_or_below(self, p_value: float) -> float:
        total = 0.0
        for size, groups in self._groups.items():
            tails = self._tails[size]
            attained = bisect_right(tails, p_value * _ROUNDING)
            total += groups * (tails[attained - 1] if attained else 0.0)
        return max(total, p_value)


def _tails(spread: _Spread) -> list[float]:
    tails, total = [], 0.0
    for each in reversed(spread.chances):
        total += each
        tails.append(min(total, 1.0))
    return tails


def _hypergeometric(size: int, flagged: int, others: int) -> _Spread:
    """Give the chances of numbers of flags among ``size`` outputs drawn from all."""
    least, most = max(0, size - others), min(size, flagged)
    middle = min(max((size + 1) * (flagged + 1) // (flagged + others + 2), least), most)
    at_middle = exp(
        _log_choose(flagged, middle)
        + _log_choose(others, size - middle)
        - _log_choose(flagged + others, size)
    )
    above, below = [at_middle], []
    # Outwards from the most likely number, each from the one before.
    for k in range(middle, most):
        rise = (size - k) * (flagged - k) / ((k + 1) * (others - size + k + 1))
        above.append(above[-1] * rise)
        if above[-1] < SMALLEST:
            break
    last = at_middle
    for k in range(middle, least, -1):
        last *= k * (others - size + k) / ((size - k + 1) * (flagged - k + 1))
        below.append(last)
        if last < SMALLEST:
            break
    return _Spread(middle - len(below), [*reversed(below), *above])


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _sum_of(spreads: Iterable[_Spread]) -> _Spread:
    """Give the spread of a sum of independent numbers."""
    total = _Spread(0, [1.0])
    for spread in spreads:
        united = [0.0] * (len(total.chances) + len(spread.chances) - 1)
        for n, p in enumerate(total.chances):
            for m, q in enumerate(spread.chances, n):
                united[m] += p * q
        total = _Spread(total.least + spread.least, united)
    return total
