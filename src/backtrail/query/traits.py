"""What outputs can have in common: runs, inputs, code, parameters, hosts and times behind them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import sqrt
from typing import Any, NamedTuple

import msgspec

from ..store.protocol import RunRow, Store
from .ancestry import Ancestry

RUN, INPUT, CODE, PARAM, HOST, TIME = "run", "input", "code", "param", "host", "time"
# There are many things that several runs can share, and flags that fell by chance
# favour one or another: it takes clear counts to put one before a run. From 1/50 down
# no guilty run of the simulation (bench/suspects.py) was ranked below one any more.
SHARED_PRIOR = 0.02
_LONGEST_VALUE = 80
_MINUTE_US = 60_000_000
# From a minute to a week.
_WIDTHS_US = tuple(_MINUTE_US * each for each in (1, 10, 60, 360, 1440, 10080))

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Trait(NamedTuple):
    """Something behind outputs; keys of the store.

    ``what`` holds, by ``kind``: the run; artifact, version and producer of what runs of a
    component read; commit, dirty flag and digest of a component's code; name and value
    of a parameter of a component; the host; begin and end of a time in which runs of a
    component started.
    """

    kind: str
    component: int
    what: tuple[Any, ...]


def traits(store: Store, found: Ancestry) -> Iterator[tuple[Trait, int]]:
    """Give every trait with the starts that it is behind, as bits; the most telling first.

    A trait that all runs of its component share tells nothing beyond the component,
    one that a single run has nothing beyond that run: both are left out.
    """
    behind = {run: bits for run, bits in found.behind.items() if bits}
    rows = [found.rows[run] for run in behind]
    # The nearest first; of those that are as near, the one that ended last.
    rows.sort(key=lambda row: (found.depths[row.run], -_end(row), -row.run))
    for row in rows:
        yield Trait(RUN, row.component, (row.run,)), behind[row.run]
    yield from _inputs(found, behind)
    for each in (_code(store, rows), _params(rows), _hosts(store, rows), _times(rows)):
        yield from _shared(each, behind)


def prior_among(every: Iterable[Trait]) -> Callable[[Sequence[Trait]], float]:
    """Give the function that says how plausible a group is before any flag is looked at.

    The more runs of a component there are, the less plausible each one: not in
    proportion, which would hold if each component were as likely to have gone wrong
    as any other, but halfway to it.
    """
    counts = Counter((each.kind, each.component) for each in every if _stands_alone(each))

    def plausibility(trait: Trait) -> float:
        count = counts[trait.kind, trait.component]
        return 1 / sqrt(count) if _stands_alone(trait) else SHARED_PRIOR

    return lambda members: max(map(plausibility, members))


def _stands_alone(trait: Trait) -> bool:
    """Tell runs, and inputs that no recorded run wrote, from what several runs share."""
    return trait.kind == RUN or (trait.kind == INPUT and not trait.what[2])


def _inputs(found: Ancestry, behind: Mapping[int, int]) -> Iterator[tuple[Trait, int]]:
    """Give the versions of artifacts that runs of a component read, with who made them, if known.

    By who read it: of what was made from a file, only some may have gone wrong, that
    which one component did with it.
    """
    bits: dict[Trait, int] = defaultdict(int)
    for run, links in found.links.items():
        if run not in behind:
            continue
        for link in links:
            if not link.own:
                read = link.read
                what = (read.artifact, read.version, link.producer or 0)
                trait = Trait(INPUT, found.rows[run].component, what)
                bits[trait] |= behind[run]
    yield from bits.items()


# A value of something for a run: where it belongs (a component), and the trait.
_Having = Iterator[tuple[int, Trait]]


def _shared(having: _Having, behind: Mapping[int, int]) -> Iterator[tuple[Trait, int]]:
    bits: dict[Trait, int] = defaultdict(int)
    runs: Counter[Trait] = Counter()
    rivals: dict[tuple[Any, ...], set[Trait]] = defaultdict(set)
    for run, trait in having:
        bits[trait] |= behind[run]
        runs[trait] += 1
        rivals[_question(trait)].add(trait)
    for trait, starts in bits.items():
        if runs[trait] > 1 and len(rivals[_question(trait)]) > 1:
            yield trait, starts


def _question(trait: Trait) -> tuple[Any, ...]:
    """Give what other values of the same thing have in common with this one."""
    if trait.kind == PARAM:
        return (PARAM, trait.component, trait.what[0])
    if trait.kind == TIME:
        return (TIME, trait.component, trait.what[1] - trait.what[0])
    return (trait.kind, trait.component)


def _code(store: Store, rows: list[RunRow]) -> _Having:
    sites = store.sites({row.site for row in rows})
    for row in rows:
        site = sites.get(row.site)
        if site is not None and (site.git or site.digest):
            what = (site.git, site.dirty, site.digest)
            yield row.run, Trait(CODE, row.component, what)


def _params(rows: list[RunRow]) -> _Having:
    for row in rows:
        for name, value in (_decode(row.params) if row.params else {}).items():
            if value is None or isinstance(value, (str, int, float, bool)):
                # As text: 1, 1.0 and true are three values, and equal in Python.
                text = msgspec.json.encode(value).decode()
                if len(text) <= _LONGEST_VALUE:
                    yield row.run, Trait(PARAM, row.component, (name, text))


def _hosts(store: Store, rows: list[RunRow]) -> _Having:
    for row in rows:
        host = store.writer(row.run).host if row.host is None else row.host
        if host:
            yield row.run, Trait(HOST, 0, (host,))


def _times(rows: list[RunRow]) -> _Having:
    for row in rows:
        for width in _WIDTHS_US:
            begins = row.started // width * width
            yield row.run, Trait(TIME, row.component, (begins, begins + width))


def _end(row: RunRow) -> int:
    return row.started if row.ended is None else row.ended
