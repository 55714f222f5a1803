"""Rank what could explain a set of bad outputs: counts in, order and verdict out.

Outputs are compared in places, one a bit: so many flagged and so many not. What a
suspect is behind is a set of places. Suspects behind the same places cannot be told
apart by any flag: they are one group.

Order. For a group behind ``a`` flagged and ``b`` other outputs of ``F`` and ``U``, with
``c = F - a`` and ``d = U - b`` beyond it, the score is the logarithm of

    B(a + 1, b + 1) * B(c + 1, d + s) / B(1, s),    s = 5 (F + U) / F

B being the beta function. It is the likelihood of these flags if outputs of the group
are flagged at one rate, of which nothing is known, and all others at another, which is
at most about a fifth of what is usual here: people flag few outputs that are right, and
not all that are wrong. It is the single-fault case of Bayesian spectrum-based fault
localisation (Abreu, Zoeteweij and van Gemund, "Spectrum-Based Multiple Fault
Localization", ASE 2009), with both rates integrated out (beta-binomial). The suspicion
of a group is its share in the sum over all groups, 0 to 1. The Ochiai coefficient
a / sqrt(F (a + b)) (Abreu et al., "On the Accuracy of Spectrum-based Fault
Localization", 2007) is given beside it: it ranks about as well where most bad outputs
are flagged, but where few are it puts the run of any single flagged output first.

Verdict. How often chance alone would do as much is counted exactly, over all groups
together (`chances`). Where some group stands out beyond chance, one that does not loses
log(p / 0.05) of its score: a few flagged outputs among thousands would otherwise let
the run of any single one keep up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import exp, lgamma, log, sqrt
from typing import Generic, NamedTuple, TypeVar

from .chances import Chances

T = TypeVar("T")

STRONG, UNSURE, NOTHING = "strong", "unsure", "nothing"
# The chance of a false "strong", over all groups together.
ALPHA = 0.05
# Below this suspicion another group explains the flags nearly as well.
CLEAR = 0.8
# More often than this, chance alone would do as much: then nothing stands out.
LIKELY = 0.5
# How much less often right outputs are flagged than the usual of all.
_SPARING = 5
_LAST = 1e9
_Z = 1.959964


class Place(NamedTuple):
    """Outputs that have the same behind them: how many are flagged, how many are not.

    ``stratum`` parts outputs that may be flagged at different rates for reasons of
    their own: those of different components.
    """

    flagged: int
    others: int
    stratum: int = 0


@dataclass(slots=True)
class Group(Generic[T]):
    """Suspects that are behind the same outputs; ``bits`` are the places of those."""

    members: list[T]
    bits: int
    flagged: int
    others: int
    suspicion: float = 0.0
    ochiai: float = 0.0
    p_value: float = 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """The share of its outputs that is flagged, as a range (Wilson, 95%)."""
        return wilson(self.flagged, self.flagged + self.others)


@dataclass(slots=True)
class Ranking(Generic[T]):
    """Groups behind any flagged output, the most suspicious first, and what that is worth.

    ``reason`` says why a verdict is not strong: ``no-others``, ``too-few``, ``everywhere``
    (behind all that was compared), ``chance`` or ``rivals``.
    """

    groups: list[Group[T]] = field(default_factory=list)
    verdict: str = NOTHING
    reason: str = ""
    flagged: int = 0
    others: int = 0


def rank(
    suspects: Iterable[tuple[T, int]],
    places: Sequence[Place],
    prior: Callable[[Sequence[T]], float] = lambda _: 1.0,
) -> Ranking[T]:
    """Rank suspects, each with the set of places that it is behind.

    Args:
        suspects: a suspect may be anything; members of a group keep this order.
        places: what each bit of a set stands for.
        prior: how plausible a group is before any flag is looked at, against others.
    """
    merged: dict[int, list[T]] = {}
    for member, bits in suspects:
        if bits:
            merged.setdefault(bits, []).append(member)
    counted = _Counts(places)
    ranking: Ranking[T] = Ranking(flagged=counted.flagged, others=counted.others)
    if not counted.flagged:
        return ranking
    sizes: dict[int, tuple[int, ...]] = {}
    for bits, members in merged.items():
        flagged, sizes[bits] = counted.of(bits)
        if flagged:
            group = Group(members, bits, flagged, sum(sizes[bits]) - flagged)
            ranking.groups.append(group)
    chances = Chances(counted.flagged_of, counted.others_of, Counter(sizes.values()))
    _judge(ranking, [sizes[group.bits] for group in ranking.groups], chances, prior)
    _give_verdict(ranking, chances)
    return ranking


def _judge(
    ranking: Ranking[T],
    sizes: Sequence[tuple[int, ...]],
    chances: Chances,
    prior: Callable[[Sequence[T]], float],
) -> None:
    flagged, others = ranking.flagged, ranking.others
    for group, size in zip(ranking.groups, sizes, strict=True):
        group.ochiai = ochiai(group.flagged, group.others, flagged)
        group.p_value = chances.corrected(size, group.flagged)
    lowest = min((group.p_value for group in ranking.groups), default=1.0)
    scores: dict[int, float] = {}
    for group in ranking.groups:
        found = score(group.flagged, group.others, flagged, others)
        if lowest <= ALPHA < group.p_value:
            found -= log(group.p_value / ALPHA)
        scores[group.bits] = found + log(prior(group.members))
    best = max(scores.values(), default=0.0)
    total = sum(exp(each - best) for each in scores.values())
    for group in ranking.groups:
        group.suspicion = exp(scores[group.bits] - best) / total
    # Of two that explain the flags equally well, the more specific one.
    ranking.groups.sort(key=lambda group: (-scores[group.bits], group.others, group.bits))


def _give_verdict(ranking: Ranking[T], chances: Chances) -> None:
    first = ranking.groups[0] if ranking.groups else None
    lowest = min((group.p_value for group in ranking.groups), default=1.0)
    ranking.verdict = UNSURE
    if first is None:
        ranking.verdict = NOTHING
    elif not ranking.others:
        ranking.reason = "no-others"
    elif chances.lowest_possible() > ALPHA:
        ranking.reason = "too-few"
    elif lowest > LIKELY:
        ranking.verdict = NOTHING
        ranking.reason = "everywhere" if first.others == ranking.others else "chance"
    elif first.others == ranking.others:
        ranking.reason = "everywhere"
    elif first.p_value > ALPHA:
        ranking.reason = "chance"
    elif first.suspicion < CLEAR:
        ranking.reason = "rivals"
    else:
        ranking.verdict = STRONG


def score(a: int, b: int, flagged: int, others: int) -> float:
    """Give the logarithm of the likelihood of the flags, as the module describes it.

    A group of which less is flagged than of the rest explains flags only by keeping
    them away: it comes after all others.
    """
    sparing = _SPARING * (flagged + others) / flagged
    c, d = flagged - a, others - b
    found = _log_beta(a + 1, b + 1) + _log_beta(c + 1, d + sparing) - _log_beta(1, sparing)
    return found if a * (c + d) >= c * (a + b) else found - _LAST


def ochiai(a: int, b: int, flagged: int) -> float:
    """Give the Ochiai coefficient, 0 to 1."""
    return a / sqrt(flagged * (a + b)) if a else 0.0


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Give the 95% interval of a share (Wilson, "Probable Inference", JASA 1927)."""
    if not total:
        return 0.0, 1.0
    share, z2 = hits / total, _Z * _Z
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z * sqrt(share * (1 - share) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _log_beta(x: float, y: float) -> float:
    return lgamma(x) + lgamma(y) - lgamma(x + y)


class _Counts:
    """How many outputs a set of places holds: weights are kept as planes of bits."""

    def __init__(self, places: Sequence[Place]) -> None:
        strata = sorted({place.stratum for place in places})
        self._flagged = [
            _planes(place.flagged if place.stratum == stratum else 0 for place in places)
            for stratum in strata
        ]
        self._others = [
            _planes(place.others if place.stratum == stratum else 0 for place in places)
            for stratum in strata
        ]
        self.flagged_of = [sum(p.flagged for p in places if p.stratum == s) for s in strata]
        self.others_of = [sum(p.others for p in places if p.stratum == s) for s in strata]
        self.flagged, self.others = sum(self.flagged_of), sum(self.others_of)

    def of(self, bits: int) -> tuple[int, tuple[int, ...]]:
        """Give how many are flagged, and how many there are in each stratum."""
        flagged = [_weighed(bits, planes) for planes in self._flagged]
        others = [_weighed(bits, planes) for planes in self._others]
        return sum(flagged), tuple(f + o for f, o in zip(flagged, others, strict=True))


def _planes(weights: Iterable[int]) -> list[int]:
    weights = list(weights)
    most = max(weights, default=0).bit_length()
    width = (len(weights) + 7) // 8
    planes = []
    for bit in range(most):
        packed = bytearray(width)
        for n, weight in enumerate(weights):
            if weight >> bit & 1:
                packed[n >> 3] |= 1 << (n & 7)
        planes.append(int.from_bytes(packed, "little"))
    return planes


def _weighed(bits: int, planes: Sequence[int]) -> int:
    return sum((bits & plane).bit_count() << n for n, plane in enumerate(planes))
