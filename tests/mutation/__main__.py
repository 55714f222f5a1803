"""Plant mistakes in copies of the tree, and see whether the tests find them.

Without a name: every listed mutant (tests/mutation/mutants.py) that some test is known to find.
Which tests run: those that cover what a mutant changes, after `scripts/mutants --map`; else all.
"""

from __future__ import annotations

import argparse
import random
import shlex
import signal
import sys
from pathlib import Path

from .covering import Map, durations
from .generate import random_mutants
from .mutants import MUTANTS, Mutant
from .trial import Trial, make_map

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run what the command line asks for; return 1 if a mutant survived that should not."""
    # So that the tests that run are ended, and the copies deleted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = _options()
    tree = options.tree.resolve()
    passed_on = [f"--tier={options.tier}"] if options.tier else []
    passed_on += ["-n", options.n] if options.n else []
    passed_on += shlex.split(options.pytest)
    only = options.tests or ["tests"]
    if options.map:
        return make_map(tree, options.coverage, options.junit, [*passed_on, *only])
    covering = Map(tree, options.coverage) if options.coverage.exists() else None
    mutants = _random(options, tree, covering) if options.random else _named(options.what)
    if options.list:
        mutants = mutants if options.what or options.random else list(MUTANTS)
        print("\n".join(f"{mutant.name}  {mutant.file}\n  {mutant.breaks}" for mutant in mutants))
        return 0
    if covering is None:
        print("no map says which tests to run: scripts/mutants --map makes one", flush=True)
    seconds = durations(options.junit) if options.junit.exists() else {}
    missed = 0
    with Trial(tree, covering, seconds, passed_on, options.minutes * 60, only) as trial:
        for mutant in mutants:
            outcome = trial.of(mutant)
            missed += not (outcome.is_killed or mutant.survives or options.random)
            print(f"{outcome.verdict:9} {mutant.name} ({outcome.seconds:.0f} s): {outcome.why}")
            if options.random and not outcome.is_killed:
                print(f"  {mutant.file}, {mutant.breaks}")
            sys.stdout.flush()
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    doc = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("scripts/mutants", description=__doc__, formatter_class=doc)
    parser.add_argument("what", nargs="*", help="names of mutants; with --random, files to change")
    parser.add_argument("--list", action="store_true", help="only print the mutants")
    parser.add_argument("--map", action="store_true", help="only note which tests run which lines")
    parser.add_argument("--random", type=int, metavar="N", help="N mutants made by chance")
    parser.add_argument("--seed", type=int, help="of --random; printed when it is not given")
    parser.add_argument("--tier", help="which tests: fast, day or nightly (see tests/tiers.py)")
    parser.add_argument("-n", help="how many processes run the tests of a mutant")
    parser.add_argument("--tests", action="append", metavar="PATH", help="only tests in there")
    parser.add_argument("--pytest", default="", metavar="ARGS", help="more for pytest: '-k sqlite'")
    parser.add_argument("--minutes", type=float, default=20, help="what hangs longer is killed")
    parser.add_argument("--coverage", type=Path, help="the file of --map (.mutants/coverage)")
    parser.add_argument("--junit", type=Path, help="how long tests take (.mutants/junit.xml)")
    parser.add_argument("--tree", type=Path, default=ROOT, help="another checkout, tests and all")
    options = parser.parse_args()
    notes = options.tree.resolve() / ".mutants"
    options.coverage = options.coverage or notes / "coverage"
    options.junit = options.junit or notes / "junit.xml"
    return options


def _named(names: list[str]) -> list[Mutant]:
    by_name = {mutant.name: mutant for mutant in MUTANTS}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        sys.exit(f"no mutant is named {', '.join(unknown)}; scripts/mutants --list shows them")
    if names:
        return [by_name[name] for name in names]
    return [mutant for mutant in MUTANTS if not mutant.survives]


def _random(options: argparse.Namespace, tree: Path, covering: Map | None) -> list[Mutant]:
    seed = random.randrange(10**6) if options.seed is None else options.seed
    print(f"--seed {seed}")
    source = random.Random(seed)
    possible: list[Mutant] = []
    for file in options.what or sorted({mutant.file for mutant in MUTANTS}):
        text = (tree / file).read_text()
        lines = covering.covered_lines(file) if covering else None
        possible += random_mutants(file, text, options.random, lines, source)
    return source.sample(possible, min(options.random, len(possible)))


if __name__ == "__main__":
    sys.exit(main())
