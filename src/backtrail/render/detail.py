"""One run whole: what `bt show` prints, and the block under a frame of `--full`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..model.records import Frame, Input, Output, Run
from . import words
from .narrative import link_words, run_mark
from .screen import Screen, cells

_LISTED = 50
_FULL_LISTED = 10

# A label and the phrases beside it; a line is broken between phrases if it can be.
Part = tuple[str, list[str]]
_BETWEEN = "  "


def frame_block(screen: Screen, frame: Frame, wanted: str) -> list[str]:
    """Give the lines under a frame: code, inputs, outputs, parameters, host, error.

    The ``wanted`` output comes first: a batch may have made thousands beside it.
    """
    return _lines(screen, _frame_parts(frame, wanted), indent="    ", label_cells=8)


def _frame_parts(frame: Frame, wanted: str) -> Iterator[Part]:
    run = frame.run
    yield "run", [run.run_id]
    yield "start", [words.millisecond(run.started_us)]
    yield "code", _phrases(words.code_place(run.code), words.code_state(run.code))
    for given in run.inputs[:_FULL_LISTED]:
        version = words.short_version(given.version)
        yield "in", _phrases(given.name, version, link_words(given))
    yield from _more("in", len(run.inputs) - _FULL_LISTED, "input")
    for name in frame.own_reads:
        yield "in", _phrases(name, "written by this run itself before")
    yield from _outputs(run, _FULL_LISTED, whole=False, wanted=wanted)
    yield from _params(run.params)
    if run.host:
        yield "env", [f"host {run.host}"]
    if frame.calls:
        yield "calls", [words.numbers(frame.calls, 10)]
    if run.error:
        yield "error", [run.error]
    yield from _pruned(run)
    yield from _notes(run)


def run(screen: Screen, run: Run) -> str:
    """Give everything that is known of one run, a fact a line."""
    return "\n".join(_lines(screen, run_parts(run), indent="", label_cells=11))


def run_parts(run: Run) -> Iterator[Part]:
    """Give what is known of a run, as labels and phrases; an empty label goes on with the last."""
    kind = f" ({run.kind})" if run.kind else ""
    yield "run", [run.run_id]
    yield "component", _phrases(run.component + kind, f"owner {run.owner}" if run.owner else "")
    yield "status", _phrases(str(run_mark(run)), run.error or "")
    yield "started", [words.millisecond(run.started_us)]
    ended = run.ended_us
    if ended is not None:
        yield "ended", _phrases(words.millisecond(ended), f"after {words.run_duration(run)}")
    yield "code", [words.code_place(run.code) or "not known"]
    yield "", [words.code_state(run.code, whole=True)]
    if run.code.digest:
        yield "source", [run.code.digest]
    yield from _surroundings(run)
    yield from _params(run.params)
    yield from _pruned(run)
    for given in run.inputs[:_LISTED]:
        yield "in", _input(given)
    yield from _more("in", len(run.inputs) - _LISTED, "input")
    yield from _outputs(run, _LISTED, whole=True)
    yield from _notes(run)


def _surroundings(run: Run) -> Iterator[Part]:
    for label, known in (
        ("host", run.host),
        ("pipeline", run.pipeline_run_id),
        ("called by", run.parent_run_id),
    ):
        if known:
            yield label, [known]


def _input(given: Input) -> list[str]:
    version = words.whole_version(given.version)
    return _phrases(given.name, given.kind, version, f"read {words.millisecond(given.read_us)}")


def _outputs(run: Run, most: int, *, whole: bool, wanted: str = "") -> Iterator[Part]:
    version = words.whole_version if whole else words.short_version
    for written in sorted(run.outputs, key=lambda each: each.name != wanted)[:most]:
        yield "out", _output(written, version(written.version), whole=whole)
    hidden = max(run.outputs_total, len(run.outputs)) - min(most, len(run.outputs))
    yield from _more("out", hidden, "output")


def _output(written: Output, version: str, *, whole: bool) -> list[str]:
    # Most outputs are results with an id and no version: saying so adds nothing.
    shown = version if written.version or written.kind != "output" else ""
    moment = f"written {words.millisecond(written.written_us)}" if whole else ""
    result = "" if written.value is None else f"= {words.value(written.value)}"
    kind = written.kind if whole else ""
    return _phrases(written.name, result, kind, shown, moment, "! flagged" * written.flagged)


def _params(params: dict[str, Any]) -> Iterator[Part]:
    if params:
        yield "params", words.assignments(params)


def _pruned(run: Run) -> Iterator[Part]:
    if run.pruned_us is not None:
        day = words.day(run.pruned_us)
        yield "pruned", [f"parameters, values and the error's text, on {day}"]


def _notes(run: Run) -> Iterator[Part]:
    for note in run.notes:
        text = str(note.get("text", note))
        about = [str(note[key]) for key in ("author", "at") if note.get(key)]
        yield "note", _phrases(text, ", ".join(about))


def _more(label: str, hidden: int, noun: str) -> Iterator[Part]:
    if hidden > 0:
        yield label, [f"and {words.count(hidden, f'more {noun}')} (--json lists what is kept)"]


def _phrases(*parts: str) -> list[str]:
    return [part for part in parts if part]


def _lines(screen: Screen, parts: Iterator[Part], *, indent: str, label_cells: int) -> list[str]:
    """Give label and text in two columns; a label is not said twice in a row."""
    lines: list[str] = []
    last = None
    for label, phrases in parts:
        shown = "" if label == last else label
        last = label or last
        bad = label == "error" or (label == "status" and phrases[0].startswith("x"))
        lines += _part(screen, indent, f"{shown:{label_cells}}", phrases, "bad" if bad else "")
    return lines


def _part(screen: Screen, indent: str, label: str, phrases: list[str], tone: str) -> list[str]:
    hanging = " " * (len(indent) + len(label))
    room = None if screen.width is None else max(screen.width - len(hanging), 20)
    first, *rest = _fitted(Screen(room), [screen.clean(phrase) for phrase in phrases])
    name = label.rstrip()
    start = indent + screen.paint(name, "dim") + label[len(name) :]
    return [
        (start + screen.paint(first, tone)).rstrip(),
        *(hanging + screen.paint(line, tone) for line in rest),
    ]


def _fitted(column: Screen, phrases: list[str]) -> list[str]:
    lines: list[str] = []
    for phrase in phrases or [""]:
        longer = f"{lines[-1]}{_BETWEEN}{phrase}" if lines else ""
        if longer and (column.width is None or cells(longer) <= column.width):
            lines[-1] = longer
        else:
            # Lines that go on are set back, so that the next entry is seen.
            start = _BETWEEN if lines else ""
            lines += column.wrap(start + phrase, indent=_BETWEEN) or [""]
    return lines
