"""Every fact of one store -> another one, checked afterwards.

A store counts each fact once, so a copy may be interrupted and begun again, or go into a
store that holds facts already. What is there is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...errors import SchemaVersionError, StoreUnavailableError
from ..protocol import Store
from .holdings import Holdings
from .rounds import AT_ONCE, Round, Rounds
from .tally import Counts, Tally

Watch = Callable[[int, int], bool]
_GO_ON = "What was copied stays; the same command again goes on from there."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a copy was found to be: facts of the source that the target lacks, by kind.

    ``is_equal`` says that the target holds nothing beside what the source does.
    """

    lacking: Counts
    is_equal: bool

    @property
    def is_whole(self) -> bool:
        """Whether the target holds every fact of the source."""
        return not self.lacking.total


class Copying:
    """A copy of one store into another; ``told`` counts the source's facts, ``added`` the new.

    Args:
        source: read as it is at one moment, see `Store.snapshot`.
        target: None where there is no database yet, and none shall be made.
        at_once: how many facts are read and taken in together.
    """

    def __init__(self, source: Store, target: Store | None, *, at_once: int = AT_ONCE) -> None:
        self._source = source
        self._target = target
        self._at_once = at_once
        self._runs = source.count_runs()
        self.told = Tally()
        self.added = Counts()

    @property
    def go_on(self) -> str:
        """How far the copy came, and how to bring it to its end."""
        runs = self.told.counts["runs"]
        return f"{runs:,} of {self._runs:,} runs were looked at. {_GO_ON}"

    def compare(self, watch: Watch) -> bool:
        """Count what `copy` would add; args and answer as there."""
        for round_ in self._lacking(self.told):
            self.added.add(round_)
            if not self._goes_on(self.told, watch):
                return False
        return True

    def copy(self, watch: Watch) -> bool:
        """Bring the target what it lacks; tell whether it has all.

        Args:
            watch: called with the numbers of runs that are copied and that wait; where it
                gives False, the copy ends early.

        Raises:
            StoreUnavailableError: of either store; what was copied until then stays.
        """
        assert self._target is not None
        try:
            for round_ in self._lacking(self.told):
                if round_.batches:
                    self._target.take_in(round_.batches)
                    self.added.add(round_)
                if not self._goes_on(self.told, watch):
                    return False
        except SchemaVersionError:
            raise
        except StoreUnavailableError as error:
            raise StoreUnavailableError(error.message, hint=self.go_on) from error
        return True

    def verify(self, watch: Watch) -> Verdict | None:
        """Read what is there, and say whether it is all; None where ``watch`` ended it."""
        assert self._target is not None
        if self._target.count_runs() == self._runs:
            held = Tally()
            for round_ in Rounds(self._target, self._at_once):
                held.add(round_)
                if not self._goes_on(held, watch):
                    return None
            if held.equals(self.told):
                return Verdict(Counts(), is_equal=True)
        lacking, again = Counts(), Tally()
        for round_ in self._lacking(again):
            lacking.add(round_)
            if not self._goes_on(again, watch):
                return None
        return Verdict(lacking, is_equal=False)

    def _lacking(self, told: Tally) -> Iterator[Round]:
        """Give of each round what the target lacks; all are counted in ``told``."""
        holdings = None if self._target is None else Holdings(self._target)
        for round_ in Rounds(self._source, self._at_once):
            told.add(round_)
            yield round_ if holdings is None else holdings.lacking(round_)

    def _goes_on(self, told: Tally, watch: Watch) -> bool:
        reached = told.counts["runs"]
        return watch(reached, max(0, self._runs - reached))
