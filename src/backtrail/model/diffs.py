"""What a comparison of two backtraces is made of: rows, what differs in each, and where it began.

Plain values without input or output. A state is a word, one of the constants
below; `unknown` is never `same`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .records import Frame

SAME, DIFFERS, UNKNOWN, MINOR, NONE = "same", "differs", "unknown", "minor", "none"
STATES = (SAME, DIFFERS, UNKNOWN, MINOR, NONE)

RUN, INPUTS, CODE, PARAMS, ENVIRONMENT, OUTPUT = (
    "run",
    "inputs",
    "code",
    "params",
    "environment",
    "output",
)
FIELDS = (INPUTS, CODE, PARAMS, ENVIRONMENT, OUTPUT)

# How much a divergence weighs: what can be behind the difference comes first.
EFFECTIVE, ROUTINE, WITHOUT_EFFECT = "effective", "routine", "without-effect"
WEIGHTS = (EFFECTIVE, ROUTINE, WITHOUT_EFFECT)


@dataclass(slots=True)
class Change:
    """One thing that differs between two runs: a file, a parameter, a package, the status.

    ``state`` is ``differs``, ``minor`` or ``unknown``; ``a`` and ``b`` are what each
    side has, None where it has none: versions of files, values of parameters. ``other``
    is the name that it has in B, where that is another one.
    """

    field: str
    name: str
    a: Any
    b: Any
    state: str = DIFFERS
    other: str = ""


@dataclass(slots=True)
class ColumnDiff:
    """One column of two tables: its type and figures on each side, None where it has no such."""

    name: str
    a: dict[str, Any] | None
    b: dict[str, Any] | None


@dataclass(slots=True)
class FileDiff:
    """What differs between two states of a data file, or why that cannot be said.

    ``gone_a`` and ``gone_b`` say why a side was not looked into; empty where it was.
    ``columns`` holds those that differ.
    """

    name: str
    rows_a: int | None = None
    rows_b: int | None = None
    columns: list[ColumnDiff] = field(default_factory=list)
    gone_a: str = ""
    gone_b: str = ""


@dataclass(slots=True)
class DiffRow:
    """Two runs that stand for each other, or one that has no counterpart.

    Each of ``inputs``, ``code``, ``params``, ``environment`` and ``output`` is a state:
    ``same``, ``differs``, ``unknown``, ``minor`` (differs only in what says little: dates
    in parameters, the commit around the same source, the host) or ``none`` (nothing to
    compare). ``role`` says why the two were aligned. ``verdict`` is ``same``, ``unknown``
    (nothing is known to differ, and not all is known), ``diverges``, ``follows``,
    ``only-a`` or ``only-b``; ``follows`` lists the rows that its difference comes from.
    """

    n: int
    component: str
    a: Frame | None
    b: Frame | None
    role: str
    inputs: str = NONE
    code: str = NONE
    params: str = NONE
    environment: str = NONE
    output: str = NONE
    verdict: str = SAME
    follows: list[int] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def is_same_run(self) -> bool:
        """Tell whether both backtraces hold this very run."""
        return self.a is not None and self.b is not None and self.a.run.run_id == self.b.run.run_id

    def state_of(self, name: str) -> str:
        """Give the state of a field by its name."""
        return str(getattr(self, name))


@dataclass(slots=True)
class Divergence:
    """A run that differs by itself, not because of what it was given.

    ``what`` is the first of ``fields``: ``run`` (it is in one backtrace only), ``inputs``
    (a file that no run made), ``code``, ``params``, ``environment`` or ``output``.
    ``weight`` is ``effective``, ``routine`` (only dates differ, or there are more runs of
    the same component) or ``without-effect`` (what it handed on is the same).
    ``like`` is, for a run in one backtrace only, the run of the other that it was compared
    with. ``source_diff`` is a unified diff, None where there is none to show.
    """

    row: int
    component: str
    what: str
    fields: tuple[str, ...]
    weight: str
    a: Frame | None
    b: Frame | None
    changes: list[Change]
    like: Frame | None = None
    source_diff: str | None = None
    source_note: str = ""
    files: list[FileDiff] = field(default_factory=list)
