"""Simulated pipelines that run several times: what a run makes is a function of what goes in.

Facts go to the store as batches, as the journal's flusher hands them over, so code,
packages and machines can be what a test needs. Thousands of runs take a second.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from backtrail.model.facts import (
    COMPLETED,
    KIND_CODES,
    Artifact,
    Batch,
    CodeFact,
    EnvironmentFact,
    Fact,
    Read,
    RunFact,
    SiteFact,
    Write,
    WriterFact,
)
from backtrail.store.protocol import Store

DATA, OUTPUT = KIND_CODES["data"], KIND_CODES["output"]
SECOND = 1_000_000
PACKAGES = {"numpy": "2.1.0", "pandas": "2.2.3", "xgboost": "2.1.1"}


@dataclass(frozen=True)
class Step:
    """One step: its component, the steps it reads from, and all that its result depends on."""

    component: str
    reads: tuple[int, ...] = ()
    raw: str | None = None
    source: str = "def step(data):\n    return data\n"
    params: Mapping[str, Any] = field(default_factory=lambda: {"eta": 0.1})
    packages: Mapping[str, str] = field(default_factory=lambda: PACKAGES)
    chance: str = ""
    commit: str | None = None


@dataclass
class World:
    """A store, the time in it, and who records into it."""

    store: Store
    prefix: str = ""
    now_us: int = 1_780_000_000 * SECOND
    writers: int = 0
    batches: list[Batch] = field(default_factory=list)

    def run(
        self,
        steps: list[Step],
        output: str,
        *,
        host: str = "gpu-1",
        versioned: bool = True,
        names: str = "",
    ) -> list[str]:
        """Run every step once, in order; the last makes the output. Give the run ids."""
        versions: list[str] = []
        writers: dict[str, tuple[WriterFact, list[Fact]]] = {}
        ids = []
        for n, step in enumerate(steps):
            version = self._result(step, versions)
            versions.append(version)
            _, facts = self._writer(writers, step.packages, host)
            facts += self._code(n, step)
            self.now_us += SECOND
            ids.append(f"{output}/{n}")
            facts.append(
                RunFact(
                    seq=n + 1,
                    site=n,
                    started_us=self.now_us,
                    ended_us=self.now_us + SECOND // 2,
                    status=COMPLETED,
                    parent=None,
                    pipeline=None,
                    params=dict(step.params),
                    reads=self._reads(step, versions, names, versioned=versioned),
                    writes=self._writes(n, steps, output, version, names, versioned=versioned),
                    run_id=ids[-1],
                )
            )
        self.batches += [Batch(writer, 0, 1, facts) for writer, facts in writers.values()]
        return ids

    def flush(self) -> None:
        """Hand what was run to the store."""
        self.store.take_in(self.batches)
        self.batches = []

    @staticmethod
    def _result(step: Step, versions: list[str]) -> str:
        given = [versions[n] for n in step.reads]
        everything = (given, step.raw, step.source, dict(step.params), dict(step.packages))
        made_of = repr((*everything, step.chance))
        return f"blake3:{hashlib.sha256(made_of.encode()).hexdigest()}"

    def _writer(
        self,
        writers: dict[str, tuple[WriterFact, list[Fact]]],
        packages: Mapping[str, str],
        host: str,
    ) -> tuple[WriterFact, list[Fact]]:
        digest = f"blake3:{hashlib.sha256(repr(dict(packages)).encode()).hexdigest()}"
        if digest not in writers:
            self.writers += 1
            uid = hashlib.md5(f"{self.prefix}{self.writers}".encode()).digest()
            writer = WriterFact(uid, host, 100 + self.writers, self.now_us, {"python": "3.11.7"})
            writers[digest] = writer, [EnvironmentFact(digest, dict(packages))]
        return writers[digest]

    @staticmethod
    def _code(n: int, step: Step) -> list[Fact]:
        digest = f"blake3:{hashlib.sha256(step.source.encode()).hexdigest()}"
        file = f"{step.component}.py"
        return [
            SiteFact(n, step.component, file, 3, "step"),
            CodeFact(
                n, file, step.commit, None if step.commit is None else False, digest, step.source
            ),
        ]

    def _name(self, n: int, names: str) -> str:
        return f"/data/{self.prefix}{names}table-{n}.bin"

    def _reads(
        self, step: Step, versions: list[str], names: str, *, versioned: bool
    ) -> list[Read | tuple[Any, ...]]:
        reads: list[Read | tuple[Any, ...]] = [
            Read(
                Artifact(self._name(n, names), DATA),
                versions[n] if versioned else None,
                self.now_us,
            )
            for n in step.reads
        ]
        if step.raw is not None:
            raw = f"/raw/{self.prefix}{step.component}.csv"
            reads.append(Read(Artifact(raw, DATA), step.raw, self.now_us))
        return reads

    def _writes(
        self,
        n: int,
        steps: list[Step],
        output: str,
        version: str,
        names: str,
        *,
        versioned: bool,
    ) -> list[Write | tuple[Any, ...]]:
        ended = self.now_us + SECOND // 2
        if n == len(steps) - 1:
            return [Write(Artifact(output, OUTPUT), None, ended, version[7:15])]
        artifact = Artifact(self._name(n, names), DATA)
        return [Write(artifact, version if versioned else None, ended)]


def random_steps(chance: random.Random, count: int = 30, components: int = 30) -> list[Step]:
    """Give a random pipeline in which every step leads to the last."""
    steps: list[Step] = []
    read: set[int] = set()
    for n in range(count - 1):
        some = min(n, chance.choice((0, 1, 1, 2, 3)))
        reads = tuple(sorted(chance.sample(range(n), some)))
        read.update(reads)
        raw = None if reads and chance.random() < 0.8 else f"blake3:{n:064x}"
        steps.append(Step(f"step-{n % components}", reads, raw))
    last = tuple(n for n in range(count - 1) if n not in read)
    return [*steps, Step("serve", last)]


def plant(chance: random.Random, steps: list[Step], what: str) -> tuple[int, list[Step]]:
    """Change one thing at one random step; give its number and the new pipeline."""
    fitting = [n for n, step in enumerate(steps) if what != "inputs" or step.raw is not None]
    n = chance.choice(fitting)
    changed = {
        "code": {"source": "def step(data):\n    return data * 2\n"},
        "params": {"params": {**steps[n].params, "eta": 0.3}},
        "inputs": {"raw": f"blake3:{'f' * 64}"},
        "environment": {"packages": {**steps[n].packages, "pandas": "3.0.0"}},
        "output": {"chance": "another"},
    }[what]
    return n, [replace(step, **changed) if i == n else step for i, step in enumerate(steps)]
