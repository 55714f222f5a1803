"""Explain an output in plain words: gather the facts, and have them said from templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.explanation import Mark, Sentence
from ..render import explanation
from ..store.protocol import Store
from .assemble import component_record
from .backtrace import Backtrace, backtrace
from .marks import standing
from .peers import peers_of
from .selector import Selected
from .staleness import staleness


@dataclass(slots=True)
class Explanation:
    """Sentences about one output, each with the runs and artifacts that it rests on.

    ``backtrace`` is what they were written from.
    """

    output: str
    sentences: list[Sentence]
    backtrace: Backtrace = field(repr=False)

    @property
    def warnings(self) -> Sequence[Sentence]:
        """The warnings among the sentences, the gravest first."""
        return [each for each in self.sentences if each.topic == "warning"]

    def __str__(self) -> str:
        return explanation.text(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON form, schema ``backtrail.explanation/1``, as a dict."""
        return explanation.explanation_dict(self)

    def _repr_html_(self) -> str:
        return explanation.html(self)


def explain(
    store: Store,
    selected: Selected,
    *,
    tolerance_us: int,
    now_us: int,
    trace: Backtrace | None = None,
) -> Explanation:
    """Say in plain words what made an output, what is wrong behind it, and what is not known.

    ``trace`` is its backtrace, where that was asked for already.
    """
    if trace is None:
        trace = backtrace(store, selected, tolerance_us=tolerance_us)
    verdict = staleness(store, selected, tolerance_us=tolerance_us, now_us=now_us)
    component = store.component_named(trace.frames[0].run.component)
    facts = explanation.Facts(
        trace,
        verdict,
        peers_of(store, selected, trace.output.value),
        None if component is None else component_record(store, component),
        _mark_on(store, selected) if trace.output.flagged else None,
    )
    return Explanation(trace.output.name, explanation.sentences(facts), trace)


def _mark_on(store: Store, selected: Selected) -> Mark | None:
    if selected.artifact is None:
        return None
    mark, _ = standing(store.flags([selected.artifact.artifact]))
    return None if mark is None else Mark(mark.note, mark.by, mark.at_us)
