"""The place in a backtrace: which run is selected, and moves from it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from ..errors import BacktrailError
from ..model.records import Frame
from ..render.names import short_names

_LISTED = 5


class MoveError(BacktrailError):
    """There is nowhere to go; the message says why and what there is."""


class Cursor:
    """A selected frame among the frames of a backtrace; begins at #0.

    Up leads to the inputs, to greater numbers, as in a debugger: #0 is the bottom.
    """

    def __init__(self, frames: Sequence[Frame]) -> None:
        self._frames = frames
        self.n = 0

    @property
    def frame(self) -> Frame:
        """The selected frame."""
        return self._frames[self.n]

    def select(self, n: int) -> None:
        """Go to frame ``n``."""
        if not 0 <= n < len(self._frames):
            raise MoveError(f"there is no frame {n}", hint=f"{self._extent()} List them: bt")
        self.n = n

    def select_component(self, name: str) -> None:
        """Go to the next run of a component, from the first again after the last."""
        numbers = [frame.n for frame in self._frames if frame.run.component == name]
        if not numbers:
            raise MoveError(f"no run of {name} is among these", hint="List them: bt")
        self.n = next((n for n in numbers if n > self.n), numbers[0])

    def up(self, steps: int = 1) -> None:
        """Go so many runs towards the inputs, or as far as there are some."""
        last = len(self._frames) - 1
        if self.n == last:
            raise MoveError(f"#{last} is the top: no recorded run lies further up")
        self.n = min(self.n + steps, last)

    def down(self, steps: int = 1) -> None:
        """Go so many runs towards the output, or as far as there are some."""
        if self.n == 0:
            raise MoveError("#0 is the bottom: it made what was asked for")
        self.n = max(self.n - steps, 0)

    def top(self) -> None:
        """Go to the last frame, furthest from the output."""
        self.n = len(self._frames) - 1

    def bottom(self) -> None:
        """Go to #0, which made the output."""
        self.n = 0

    def follow_up(self, name: str) -> None:
        """Go to the run that made an input of the selected one."""
        frame = self.frame
        names = [given.name for given in frame.inputs]
        whole = one_named(name, names, f"#{frame.n} read no {name}")
        [given, *_] = [each for each in frame.inputs if each.name == whole]
        if given.producer is None:
            raise MoveError(_no_producer(whole, given.evidence))
        self.n = given.producer

    def follow_down(self, name: str) -> None:
        """Go to the run nearest to the output that read what the selected one made."""
        readers: dict[str, int] = {}
        for frame in self._frames:
            for given in frame.inputs:
                if given.producer == self.n:
                    readers.setdefault(given.name, frame.n)
        self.n = readers[one_named(name, readers, f"#{self.n} made no {name} that another read")]

    def _extent(self) -> str:
        last = len(self._frames) - 1
        return f"There are #0 to #{last}." if last else "There is only #0."


def _no_producer(name: str, evidence: str) -> str:
    name = name.rpartition("/")[2] or name
    if evidence == "source":
        return f"{name} is a declared source: it comes from outside"
    if evidence == "gap":
        return f"{name} was not written by a recorded run: the trace stops there"
    return f"the run that made {name} is not part of this trace, which was cut"


def names_of(frame: Frame) -> list[str]:
    """Give the names of what a run wrote and read."""
    return [written.name for written in frame.outputs] + [given.name for given in frame.inputs]


def one_named(name: str, names: Iterable[str], missing: str) -> str:
    """Give the one artifact that a person means: by its whole name, or by the end of its path.

    Raises:
        MoveError: none is, which ``missing`` says, or several are; lists them.
    """
    every = list(dict.fromkeys(names))
    if name in every:
        return name
    tail = "/" + os.path.normpath(name).lstrip("./")
    found = [each for each in every if each.endswith(tail)] or [
        each for each in every if name in each.rpartition("/")[2]
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise MoveError(f"{name} could be: {_some(found)}")
    raise MoveError(missing, hint=f"There is: {_some(every)}" if every else "There is none.")


def _some(names: Sequence[str]) -> str:
    short = short_names(names)
    names = [short[name] for name in names]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
