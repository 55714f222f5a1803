"""How often the guilty run is ranked first, and how often a verdict is right.

The pipeline, its fault and its flags are simulated; tests/simulated.py says exactly how.
`suspicion` is what `review()` ranks by, on the numbers alone: every run is a suspect,
and the run or the group it cannot be told from must come first. Beside it, with the
same sets: `support` (most flagged outputs first, as plain counting does), `Ochiai`, and
`Tarantula`; where several groups tie for the first place, each is first for its share.
A day on which nobody flagged anything counts as a miss. `store` is the whole way: the
day is recorded, flagged and reviewed through a client, with code versions, parameters,
hosts and times as suspects beside the runs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from _common import describe, options, table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from simulated import FEW, MANY, Setting, Simulated, record, run_id, simulate

import backtrail
from backtrail.query.suspects import STRONG, Place, Ranking, ochiai, rank
from backtrail.query.traits import RUN, Trait, prior_among

SEEDS, STORE_SEEDS = range(500), range(100)
SETTINGS = {
    "300 outputs, 60% flagged, 2% false": MANY,
    "60 outputs, 50% flagged, 2% false": FEW,
    "300 outputs, 15% flagged, 2% false": Setting(300, 0.15, 0.02),
    "300 outputs, 30% flagged, 5% false": Setting(300, 0.3, 0.05),
}


def more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-store", action="store_true", help="on numbers only")


def ranking_of(day: Simulated, setting: Setting) -> Ranking[Trait]:
    """Rank the runs of a day by the numbers alone, as `review()` does."""
    places = [
        Place(day.flagged >> n & 1, 1 - (day.flagged >> n & 1)) for n in range(setting.outputs)
    ]
    suspects = [
        (Trait(RUN, list(day.read).index((run[0], 0)), run), bits) for run, bits in day.suspects
    ]
    return rank(suspects, places, prior_among(trait for trait, _ in suspects))


def first_by(day: Simulated, setting: Setting, measure: Callable[[int, int, int, int], float]):
    """Give how much of the first place the guilty run's group has, by another measure."""
    flagged = day.flagged.bit_count()
    others = setting.outputs - flagged
    scores = {}
    for bits in set(day.behind.values()):
        a = (bits & day.flagged).bit_count()
        scores[bits] = measure(a, bits.bit_count() - a, flagged, others)
    best = max(scores.values())
    firsts = [bits for bits, score in scores.items() if score == best]
    return (day.behind[day.guilty] in firsts) / len(firsts)


def tarantula(a: int, b: int, flagged: int, others: int) -> float:
    failed, passed = a / flagged, b / max(others, 1)
    return failed / (failed + passed) if failed else 0.0


MEASURES = {
    "support": lambda a, _b, _flagged, _others: a,
    "Ochiai": lambda a, b, flagged, _others: ochiai(a, b, flagged),
    "Tarantula": tarantula,
}


def on_numbers(setting: Setting, by: str) -> list[object]:
    firsts, verdicts, right = Counter(), Counter(), 0
    for seed in SEEDS:
        day = simulate(seed, setting, by=by)
        if not day.flagged:
            continue
        ranking = ranking_of(day, setting)
        found = bool(ranking.groups) and ranking.groups[0].bits == day.behind[day.guilty]
        firsts["suspicion"] += found
        verdicts[ranking.verdict] += 1
        right += found and ranking.verdict == STRONG
        for name, measure in MEASURES.items():
            firsts[name] += first_by(day, setting, measure)
    shares = [percent(firsts[name], len(SEEDS)) for name in ("suspicion", *MEASURES)]
    strong = verdicts[STRONG]
    return [*shares, percent(strong, len(SEEDS)), percent(right, strong)]


def falsely_strong(setting: Setting) -> str:
    strong = 0
    for seed in SEEDS:
        day = simulate(seed, setting, guilty=False)
        strong += bool(day.flagged) and ranking_of(day, setting).verdict == STRONG
    return percent(strong, len(SEEDS))


def through_a_store(setting: Setting, *, guilty: bool = True) -> tuple[int, int, float]:
    """Give how often the guilty run was first and a verdict strong, and CPU ms of a review."""
    first = strong = 0
    spent = 0.0
    for seed in STORE_SEEDS:
        day = simulate(seed, setting, guilty=guilty)
        with tempfile.TemporaryDirectory() as folder:
            client = backtrail.connect(f"sqlite:///{folder}/bt.db")
            record(client, day)
            client.flush()
            began = time.process_time()
            answer = client.review()
            spent += time.process_time() - began
            client.close()
        strong += answer.verdict == STRONG
        if day.guilty and answer.rows:
            members = answer.rows[0].members
            first += any(each.text == run_id(day.guilty) for each in members)
    return first, strong, 1000 * spent / len(STORE_SEEDS)


def percent(part: float, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "-"


def main() -> None:
    args = options(__doc__ or "", more=more)
    describe("suspects: the guilty run ranked first")
    for by, how in (("component", "a component, then one of its runs"), ("run", "any run")):
        print(f"\nThe guilty run: {how}. {len(SEEDS)} seeds.")
        heads = ["", "suspicion", *MEASURES, "strong", "of those right"]
        table(heads, [[name, *on_numbers(each, by)] for name, each in SETTINGS.items()])
    print(f"\nNo guilty run: how often the verdict is strong. {len(SEEDS)} seeds, at most 5%.")
    table(["", "strong"], [[name, falsely_strong(each)] for name, each in SETTINGS.items()])
    if args.no_store:
        return
    print(f"\nThrough a store and review(). {len(STORE_SEEDS)} seeds.")
    rows = []
    for name, setting in list(SETTINGS.items())[:2]:
        first, strong, spent = through_a_store(setting)
        _, false, _ = through_a_store(setting, guilty=False)
        share = [percent(each, len(STORE_SEEDS)) for each in (first, strong, false)]
        rows.append([name, *share, spent])
    table(["", "first", "strong", "strong, no guilty run", "CPU ms a review"], rows)


if __name__ == "__main__":
    main()
