"""A client whose facts go straight into the store: no journal, no spool, no thread.

What a journal does with facts on their way is proved elsewhere. Rules about answers need
thousands of small histories, and the way through files costs ten times the rest.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from backtrail import Client
from backtrail.capture.files import FileVersions
from backtrail.capture.recorder import Recorder
from backtrail.model.facts import Batch, Fact, Part, RunFact, SiteFact, WriterFact
from backtrail.settings import load_settings
from backtrail.store.protocol import Store

_STARTED_US = 1_767_225_600_000_000


class _Waiting:
    """Facts as the recorder hands them over, in order; a `Sink`."""

    def __init__(self) -> None:
        self.writer = WriterFact(os.urandom(16), "here", 1, _STARTED_US, {"python": "3.11.7"})
        self.facts: list[Fact] = []

    def add_site(self, site: SiteFact) -> None:
        self.facts.append(site)

    def add_run(
        self,
        run: Part,
        writes: Sequence[Any],
        ended_us: int | None,
        status: int,
        error: str | None = None,
        run_id: str | None = None,
        host: str | None = None,
    ) -> None:
        reads: list[Any] = [
            (artifact, version, run.started_us if at_us is None else at_us, how, producer)
            for artifact, version, at_us, how, producer in run.reads
        ]
        self.facts.append(
            RunFact(
                run.seq,
                run.site,
                run.started_us,
                ended_us,
                status,
                run.parent_run,
                run.pipeline,
                run.params,
                reads,
                list(writes),
                error,
                run_id,
                host,
            )
        )

    def add(self, fact: Fact) -> None:
        self.facts.append(fact)


class DirectClient(Client):
    """A client of a store that takes in what was recorded when it is asked or flushed."""

    def __init__(self, url: str) -> None:
        super().__init__(load_settings(url))
        self._waiting = _Waiting()
        self._taken = 0
        self.recorder = Recorder(self._waiting, FileVersions(0), lambda: None)

    def flush(self, timeout: float = 10.0) -> int:
        facts, self._waiting.facts = self._waiting.facts, []
        if facts:
            self._taken += len(facts)
            # As a drain does: the position moves with the facts that it stands for.
            batch = Batch(self._waiting.writer, 1, self._taken, facts)
            self.open_store().take_in([batch])
        return 0

    def _ask(self) -> Store:
        self.flush()
        return self.open_store()
