"""The facts behind an output -> sentences that anybody can read, from fixed templates.

A run is a "step" here, stale is "out of date", and nothing is said that is not
recorded: what is missing is said to be missing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

from ..model.explanation import Mark, Peer, Sentence
from ..model.records import ComponentRecord, Frame, FrameWarning, Input, Run
from ..model.staleness import Cause
from . import words
from .names import is_place
from .narrative import Trace, family_of, gravity, names_in, unsaid_warnings
from .screen import Screen
from .staleness import Verdict, names_in_verdict

_INPUTS_NAMED = 4
_STEPS_NAMED = 6
_WARNINGS_SHOWN = 8
_MOST_PEERS = 30
_FRAME = re.compile(r"#(\d+)")
_ERROR_KIND = re.compile(r"[\w.]+")


class Told(Protocol):
    """What a renderer needs of an explanation (`query.explain.Explanation`)."""

    @property
    def output(self) -> str:
        """The output that was asked for."""

    @property
    def sentences(self) -> Sequence[Sentence]:
        """What is said of it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the sentences are written from."""

    trace: Trace
    verdict: Verdict
    peers: Sequence[Peer]
    component: ComponentRecord | None
    mark: Mark | None


def sentences(facts: Facts) -> list[Sentence]:
    """Say what made it and from what, what is wrong, and what is not known."""
    short = names_in_verdict(facts.verdict) | names_in(facts.trace)
    return [
        _made(facts),
        *_used(facts.trace, short),
        *_compared(facts),
        *_warnings(facts, short),
        *_said(facts),
        _up_to_date(facts, short),
        *_not_known(facts, short),
        *_behind(facts.trace, short),
    ]


# -- what it is ------------------------------------------------------------------------


def _made(facts: Facts) -> Sentence:
    output, run = facts.trace.output, facts.trace.frames[0].run
    known = facts.component
    about = [known.description] if known and known.description else []
    about += [f"owner {run.owner}"] if run.owner else []
    by = f"by the step {run.component}" + (f" ({'; '.join(about)})" if about else "")
    moment = words.day_and_minute(output.written_us)
    if output.kind == "run":
        text = f"This is the step {run.component}, run on {words.day_and_minute(run.started_us)}."
        return Sentence("made", text, [run.run_id])
    what = _noun(run) if output.kind == "output" else output.kind
    if what in ("data", "unknown"):
        what = "file" if is_place(output.name) else "result"
    value = (
        ", ".join(words.assignments(output.value, equals=" ")) if _is_named(output.value) else ""
    )
    value = value or ("" if output.value is None else words.value(output.value))
    this = f"This {what}, {value}," if value else f"This {what}"
    return Sentence("made", f"{this} was made on {moment} {by}.", [run.run_id], [output.name])


def _is_named(value: Any) -> bool:
    return isinstance(value, dict)


def _noun(run: Run) -> str:
    return "prediction" if run.kind in ("serving", "inference") else "result"


def _used(trace: Trace, short: dict[str, str]) -> Iterator[Sentence]:
    root = trace.frames[0]
    # The same file read twice is one to the reader.
    inputs = list({given.name: given for given in root.inputs}.values())
    if not inputs and not root.calls:
        text = "What it was made from was not recorded."
        yield Sentence("unknown", text, [root.run.run_id])
    if inputs:
        shown = [_with_origin(trace, given, short) for given in inputs[:_INPUTS_NAMED]]
        if len(inputs) > _INPUTS_NAMED:
            shown.append(f"{len(inputs) - _INPUTS_NAMED:,} more")
        producers = [given.producer_run_id for given in inputs if given.producer_run_id]
        names = [given.name for given in inputs]
        yield Sentence("used", f"It used {_joined(shown)}.", [root.run.run_id, *producers], names)
    if root.calls:
        called = [trace.frames[n].run for n in root.calls]
        shown = [f"the step {run.component}" for run in called[:_INPUTS_NAMED]]
        if len(called) > _INPUTS_NAMED:
            shown.append(f"{len(called) - _INPUTS_NAMED:,} more")
        ids = [root.run.run_id, *(run.run_id for run in called)]
        yield Sentence("used", f"It called {_joined(shown)}.", ids)


def _with_origin(trace: Trace, given: Input, short: dict[str, str]) -> str:
    name = short.get(given.name, given.name)
    if given.producer is None:
        if given.evidence == "source":
            return f"{name}, which comes from outside"
        return f"{name}, whose maker is not known"
    run = trace.frames[given.producer].run
    verb = "trained" if run.kind == "training" else "made"
    return f"{name}, {verb} on {words.day(run.ended_us or run.started_us)} by {run.component}"


def _compared(facts: Facts) -> Iterator[Sentence]:
    value = _number(facts.trace.output.value)
    if value is None or facts.trace.output.kind != "output":
        return
    noun = _noun(facts.trace.frames[0].run)
    if not facts.peers:
        text = f"There is no earlier {noun} of this kind to compare it with."
        yield Sentence("unknown", text, [facts.trace.frames[0].run.run_id])
        return
    numbers = [peer.value for peer in facts.peers]
    low, high = (words.value(each) for each in (min(numbers), max(numbers)))
    if len(numbers) == 1:
        text = f"The one other {noun} of this kind until then was {low}."
    else:
        which = (
            f"The last {_MOST_PEERS}"
            if len(numbers) == _MOST_PEERS
            else f"The {len(numbers)} other"
        )
        until = "" if len(numbers) == _MOST_PEERS else " until then"
        lay = f"were all {low}" if low == high else f"lay between {low} and {high}"
        text = f"{which} {noun}s of this kind{until} {lay}."
    if value > max(numbers):
        text += f" This one is higher{' than all of them' if len(numbers) > 1 else ''}."
    elif value < min(numbers):
        text += f" This one is lower{' than all of them' if len(numbers) > 1 else ''}."
    ids = list(dict.fromkeys(peer.run_id for peer in facts.peers))
    yield Sentence("compared", text, ids, [peer.name for peer in facts.peers])


def _number(value: Any) -> float | None:
    if isinstance(value, dict):
        found = (_number(each) for each in value.values() if not isinstance(each, dict))
        return next((each for each in found if each is not None), None)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


# -- what is wrong ----------------------------------------------------------------------


def _warnings(facts: Facts, short: dict[str, str]) -> Iterator[Sentence]:
    trace = facts.trace
    found = [
        (warning, frame)
        for frame in trace.frames
        for warning in [*unsaid_warnings(frame), *frame.warnings]
        if warning.code != "flagged" or frame.n
    ]
    found.sort(key=lambda each: gravity(each[0].code))
    dirty = [frame.run for warning, frame in found if family_of(warning.code) == "dirty-code"]
    for warning, frame in found:
        if warning.code in ("failed", "killed"):
            yield _broken(trace, frame, short)
        elif family_of(warning.code) != "dirty-code":
            names = [n for n in _names_of(frame.run) if n in warning.text]
            text = _warning(trace, frame, warning, short)
            yield Sentence("warning", text, [frame.run.run_id], names)
    if dirty:
        yield Sentence("warning", _changed_code(dirty), [run.run_id for run in dirty])
    if not found:
        text = "Every step behind it finished"
        text += "." if trace.gaps else ", and used the newest inputs that there were."
        yield Sentence("fine", text, [frame.run.run_id for frame in trace.frames])


def _names_of(run: Run) -> list[str]:
    every = [*(given.name for given in run.inputs), *(written.name for written in run.outputs)]
    return list(dict.fromkeys(every))


def _warning(trace: Trace, frame: Frame, warning: FrameWarning, short: dict[str, str]) -> str:
    run = frame.run
    step = f"The step {run.component} of {words.day(run.started_us)}"
    if warning.code == "running":
        return f"{step} had not ended when this was asked."
    names = [short.get(n, n) for n in _names_of(run) if n in warning.text]
    name = names[0] if names else "something"
    if warning.code == "version-mismatch":
        return (
            f"{step} used a state of {name} that no recorded step wrote:"
            " something changed it without a record."
        )
    if warning.code == "missing-output":
        return f"{step} should have written {name}, but it was not there when the step ended."
    if warning.code == "clock-skew":
        return f"{step} used {name} before it was written, as the clocks of two machines say."
    return f"{step} {_plain(trace, warning.text, run, short)}."


def _broken(trace: Trace, frame: Frame, short: dict[str, str]) -> Sentence:
    run = frame.run
    text = f"The step {run.component} of {words.day(run.started_us)}"
    text += " was stopped from outside before it ended" if run.status == "killed" else _error(run)
    users = [
        (given.name, reader.run)
        for reader in trace.frames
        for given in reader.inputs
        if given.producer == frame.n
    ]
    if not users:
        return Sentence("warning", f"{text}.", [run.run_id])
    name, user = users[0]
    text += f", but {short.get(name, name)}, which it had written by then, was used anyway by"
    ids = [run.run_id, *(each.run_id for _, each in users)]
    names = [each for each, _ in users]
    return Sentence("warning", f"{text} {user.component}.", ids, names)


def _error(run: Run) -> str:
    """Say the message of an error without the name that Python gives to its kind."""
    kind, colon, message = (run.error or "").partition(": ")
    if colon and _ERROR_KIND.fullmatch(kind) and " " in message:
        return f" stopped with an error ({words.quoted(message)})"
    return " stopped with an error" + (f" ({run.error})" if run.error else "")


def _plain(trace: Trace, text: str, run: Run, short: dict[str, str]) -> str:
    """Give the text of a warning with steps for frame numbers, and short names."""
    for name in sorted(_names_of(run), key=len, reverse=True):
        text = text.replace(name, short.get(name, name))
    return _FRAME.sub(lambda n: trace.frames[int(n[1])].run.component, text)


def _changed_code(runs: Sequence[Run]) -> str:
    names = list(dict.fromkeys(run.component for run in runs))
    shown = names[:_STEPS_NAMED]
    if len(names) > _STEPS_NAMED:
        shown.append(f"{len(names) - _STEPS_NAMED:,} more")
    which = f"The step {shown[0]}" if len(names) == 1 else f"The steps {_joined(shown)}"
    return f"{which} ran with changes to the code that were not committed."


def _said(facts: Facts) -> Iterator[Sentence]:
    mark, root = facts.mark, facts.trace.frames[0].run
    if mark is not None:
        why = f": {words.quoted(mark.note)}" if mark.note else "."
        text = f"{mark.by or 'Somebody'} marked it as wrong on {words.day(mark.at_us)}{why}"
        yield Sentence("said", text, [root.run_id], [facts.trace.output.name])
    for frame in facts.trace.frames:
        for note in frame.run.notes:
            by, said = note.get("author") or "Somebody", words.quoted(str(note.get("text", "")))
            about = f"{by} wrote about the step {frame.run.component}: {said}"
            yield Sentence("said", about, [frame.run.run_id])


def _up_to_date(facts: Facts, short: dict[str, str]) -> Sentence:
    verdict, root = facts.verdict, facts.trace.frames[0].run.run_id
    if verdict.verdict == "fresh":
        ids = list(dict.fromkeys([root, *(each.run_id for each in verdict.compared)]))
        names = list(dict.fromkeys(each.name for each in verdict.compared))
        text = "It is up to date: nothing that it was made from has changed since."
        return Sentence("date", text, ids, names)
    if verdict.verdict == "unknown":
        text = "Nothing that is recorded says that it is out of date."
        ids = list(dict.fromkeys([root, *(each.run_id for each in verdict.not_known)]))
        return Sentence("date", text, ids)
    first = verdict.reasons[0].root
    text = f"It is out of date by now: {_cause(first, short)}"
    if len(verdict.reasons) > 1:
        more = len(verdict.reasons) - 1
        text += f", and there {'is' if more == 1 else 'are'} {words.count(more, 'more reason')}"
    components = list(dict.fromkeys(each.component for each in verdict.refresh))
    steps = components[:_STEPS_NAMED]
    if len(components) > _STEPS_NAMED:
        steps.append(f"{len(components) - _STEPS_NAMED:,} more")
    again = f"run {_joined(steps)} again" + (", in this order" if len(steps) > 1 else "")
    ids = [each.run_id for each in verdict.reasons[0].chain]
    return Sentence(
        "date",
        f"{text}. To bring it up to date, {again}.",
        ids + ([first.newer_run.run_id] if first.newer_run else []),
        [first.name] if first.name else [],
    )


def _cause(cause: Cause, short: dict[str, str]) -> str:
    name = short.get(cause.name or "", cause.name or "")
    if cause.code == "code-changed":
        return f"the code of the step {cause.component} has changed since"
    if cause.code == "too-old":
        age, limit = words.age(cause.age_s or 0), words.age(cause.max_age_s or 0)
        return f"the step {cause.component} ran {age} ago, and the limit is {limit}"
    if cause.newer_run is None:
        return f"{name}, which the step {cause.component} used, has changed since"
    maker = cause.newer_run.component
    return f"{name}, which the step {cause.component} used, has been made anew since by {maker}"


def _not_known(facts: Facts, short: dict[str, str]) -> Iterator[Sentence]:
    trace, output = facts.trace, facts.trace.output
    root = trace.frames[0].run
    readers: dict[str, list[Run]] = {}
    for gap in trace.gaps:
        readers.setdefault(gap.name, []).append(trace.frames[gap.n].run)
    for place, (name, runs) in enumerate(readers.items()):
        if place == _INPUTS_NAMED:
            more = words.count(len(readers) - place, "more input")
            ids = [run.run_id for each in list(readers.values())[place:] for run in each]
            yield Sentence("unknown", f"The same is not known of {more}.", ids)
            break
        text = (
            f"It is not known who made {short.get(name, name)}, which the step"
            f" {runs[0].component} used: no recorded step wrote it."
        )
        yield Sentence("unknown", text, [run.run_id for run in runs], [name])
    if output.kind == "output" and output.value is None:
        text = "Its value was not recorded, only that it was made."
        yield Sentence("unknown", text, [root.run_id], [output.name])
    if not root.owner:
        text = f"Nobody is named as the owner of the step {root.component}."
        yield Sentence("unknown", text, [root.run_id])
    if trace.truncated:
        yield Sentence("unknown", "There is more behind it than was looked at.", [root.run_id])


def _behind(trace: Trace, short: dict[str, str]) -> Iterator[Sentence]:
    runs = [frame.run for frame in trace.frames]
    sources = list(
        dict.fromkeys(
            given.name
            for frame in trace.frames
            for given in frame.inputs
            if given.evidence == "source"
        )
    )
    first = min(run.started_us for run in runs)
    kinds = len({run.component for run in runs})
    if len(runs) > 1:
        text = f"In all, {words.count(len(runs), 'step')}"
        text += f" of {kinds} kinds" if kinds < len(runs) else ""
        text += f" led to it, the first on {words.day_and_minute(first)}"
    elif sources:
        text = "This one step led to it"
    else:
        return
    if sources:
        shown = [short.get(name, name) for name in sources[:_INPUTS_NAMED]]
        if len(sources) > _INPUTS_NAMED:
            shown.append(f"{len(sources) - _INPUTS_NAMED:,} more")
        text += f". What came from outside: {_joined(shown)}"
    yield Sentence("behind", f"{text}.", [run.run_id for run in runs], sources)


def _joined(parts: Sequence[str]) -> str:
    """Give ``a, b and c``; a comma before the last, too, where the parts have commas."""
    if len(parts) < 2:
        return "".join(parts)
    comma = "," if any("," in part for part in parts) else ""
    return f"{', '.join(parts[:-1])}{comma} and {parts[-1]}"


# -- how it is shown ---------------------------------------------------------------------


def text(told: Told, screen: Screen | None = None) -> str:
    """Give the sentences, warnings in a list of their own."""
    screen = screen or Screen()
    warnings = [each for each in told.sentences if each.topic == "warning"]
    topics = [("made", "used", "compared"), ("fine", "said", "date"), ("unknown", "behind")]
    lines = [screen.paint(screen.clean(told.output), "strong"), ""]
    lines += _paragraph(screen, told, topics[0])
    if warnings:
        lines += ["", screen.paint(f"{words.count(len(warnings), 'warning')}.", "warn")]
        for number, each in enumerate(warnings[:_WARNINGS_SHOWN], 1):
            lines += screen.wrap(screen.clean(f"{number}. {each.text}"), indent="   ")
        if len(warnings) > _WARNINGS_SHOWN:
            lines += [f"   and {len(warnings) - _WARNINGS_SHOWN:,} more"]
    for each_topics in topics[1:]:
        paragraph = _paragraph(screen, told, each_topics)
        lines += ["", *paragraph] if paragraph else []
    name = shlex.quote(told.output)
    return "\n".join([*lines, "", *screen.wrap(screen.clean(f"Step by step: bt {name}"))])


def _paragraph(screen: Screen, told: Told, topics: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for each in told.sentences:
        if each.topic in topics:
            lines += screen.wrap(screen.clean(each.text))
    return lines


def explanation_dict(told: Told) -> dict[str, Any]:
    """Give the JSON form."""
    return {
        "schema": "backtrail.explanation/1",
        "output": told.output,
        "sentences": [
            {
                "topic": each.topic,
                "text": each.text,
                "run_ids": list(dict.fromkeys(each.run_ids)),
                "artifacts": list(dict.fromkeys(each.artifacts)),
            }
            for each in told.sentences
        ],
    }


def html(told: Told) -> str:
    """Give the sentences as a fragment of HTML, for a notebook."""
    lines = "".join(
        f"<li>{escape(each.text)}</li>"
        if each.topic == "warning"
        else f"<p>{escape(each.text)}</p>"
        for each in told.sentences
    )
    return f"<p><b>{escape(told.output)}</b></p>{lines}"
