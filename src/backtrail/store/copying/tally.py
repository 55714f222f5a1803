"""How many facts of each kind there are, and a digest of them, whatever their order.

The digest of a kind is the sum of the BLAKE3 digests of its facts, each in public words
as JSON, modulo 2**256. So the same facts have the same digest in every store.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from blake3 import blake3
from msgspec.structs import astuple

from ...model.facts import (
    Batch,
    CodeFact,
    ComponentFact,
    EnvironmentFact,
    FlagFact,
    NoteFact,
    PipelineFact,
    RunFact,
    SiteFact,
    SourceFact,
)
from .rounds import Round

#: What facts are counted as, in the order in which they are shown.
KINDS = (
    "runs",
    "outputs",
    "processes",
    "environments",
    "functions",
    "code",
    "texts",
    "components",
    "pipelines",
    "sources",
    "flags",
    "notes",
)
_KIND_OF: dict[type, str] = {
    SiteFact: "functions",
    CodeFact: "code",
    EnvironmentFact: "environments",
    ComponentFact: "components",
    PipelineFact: "pipelines",
    SourceFact: "sources",
    FlagFact: "flags",
    NoteFact: "notes",
}
# A character that not every database keeps in a text, and what stands there instead.
_NUL, _FOR_NUL = b"\\u0000", b"\\\\0"
_encode_lines = msgspec.json.Encoder().encode_lines


class Counts(dict[str, int]):
    """How many facts of each kind there are."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(KINDS, 0))

    def add(self, round_: Round) -> None:
        """Count the facts of a round."""
        for batch in round_.batches:
            self["processes"] += round_.ends
            for fact in batch.facts:
                if isinstance(fact, RunFact):
                    self["runs"] += not round_.more
                    self["outputs"] += len(fact.writes)
                else:
                    self[_KIND_OF[type(fact)]] += 1
                    if isinstance(fact, CodeFact):
                        self["texts"] += fact.source is not None

    @property
    def total(self) -> int:
        """How many there are of all kinds."""
        return sum(self.values())


class Tally:
    """Counts and digests of facts, by kind."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.sums = dict.fromkeys(KINDS, 0)

    def equals(self, other: Tally) -> bool:
        """Tell whether these are the same facts."""
        return self.counts == other.counts and self.sums == other.sums

    def add(self, round_: Round) -> None:
        """Add the facts of a round."""
        self.counts.add(round_)
        said: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        for batch in round_.batches:
            if round_.ends:
                uid, *known = astuple(batch.writer)
                stand = (uid.hex(), *known, batch.segment, batch.offset, batch.lost)
                said["processes"].append(stand)
            elif round_.more:
                _say_more(batch, said)
            else:
                _say(batch, said)
        for kind, each in said.items():
            if each:
                self.sums[kind] = _sum(self.sums[kind], each)

    def digest(self, kind: str | None = None) -> str:
        """Give the digest of a kind, or of all facts, in hexadecimal digits."""
        total = sum(self.sums.values()) if kind is None else self.sums[kind]
        return f"{total % _MODULUS:064x}"


_MODULUS = 1 << 256


def _sum(total: int, said: list[Any]) -> int:
    lines = _encode_lines(said)
    if _NUL in lines:
        lines = lines.replace(_NUL, _FOR_NUL)
    from_bytes = int.from_bytes
    return (
        sum([from_bytes(blake3(line).digest(), "big") for line in lines.split(b"\n")[:-1]], total)
        % _MODULUS
    )


def _say(batch: Batch, said: dict[str, list[Any]]) -> None:
    """Add what the facts of a batch say, in public words, by kind."""
    process = batch.writer.uid.hex()
    say_run, say_output = said["runs"].append, said["outputs"].append
    for fact in batch.facts:
        if isinstance(fact, RunFact):
            say_run((process, *_head(fact)))
            if fact.writes:
                run = _name(process, fact)
                for write in fact.writes:
                    say_output((run, write))
        elif isinstance(fact, CodeFact):
            said["code"].append((process, fact.n, fact.dirty, fact.digest))
            if fact.source is not None:
                said["texts"].append((fact.digest, fact.source))
        elif isinstance(fact, EnvironmentFact):
            said["environments"].append((process, fact.digest, sorted(fact.packages.items())))
        elif isinstance(fact, SiteFact):
            said["functions"].append((process, *astuple(fact)))
        else:
            said[_KIND_OF[type(fact)]].append(astuple(fact))


def _say_more(batch: Batch, said: dict[str, list[Any]]) -> None:
    """Add what is said of runs that were told of before: outputs, or whose code it was."""
    process = batch.writer.uid.hex()
    for fact in batch.facts:
        assert isinstance(fact, RunFact)
        run = _name(process, fact)
        said["outputs"] += [(run, write) for write in fact.writes]
        if not fact.writes:
            said["runs"].append((run, process, fact.site))


def _name(process: str, fact: RunFact) -> Any:
    return fact.run_id or (process, fact.seq)


def _head(fact: RunFact) -> tuple[Any, ...]:
    """Give all that a fact says of a run, but for what it wrote."""
    return (
        fact.seq,
        fact.site,
        fact.started_us,
        fact.ended_us,
        fact.status,
        fact.parent,
        fact.pipeline,
        fact.params,
        _in_order(fact.reads) if len(fact.reads) > 1 else fact.reads,
        fact.error,
        fact.run_id,
        fact.host,
    )


def _in_order(reads: Iterable[Any]) -> list[Any]:
    """Give reads in an order of their words; those of one moment came in that of keys."""
    try:
        return sorted(reads)
    except TypeError:  # of one name, some have a version and some have none
        return sorted(reads, key=lambda read: (read[0], read[1] or "", str(read[2:])))
