"""Where captured facts go: what capture asks of the journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..model.facts import Fact, Part, SiteFact, WriterFact


class Sink(Protocol):
    """Takes facts and keeps them; appending is quick and does not block."""

    @property
    def writer(self) -> WriterFact:
        """The writer of this process."""
        ...

    def add_site(self, site: SiteFact) -> None:
        """Make a registered function known, so that runs can name it by number."""
        ...

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
        """Append a run as it stands, with these writes; ``ended_us`` None is a part of one."""
        ...

    def add(self, fact: Fact) -> None:
        """Append any other fact."""
        ...
