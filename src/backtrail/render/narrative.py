"""What a backtrace says, before any layout: the text and the notebook page share it."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..model.records import Frame, FrameWarning, Gap, Input, Run, TracedOutput
from . import words
from .names import is_place, short_names

FOLD_OVER = 60
_DIGEST = re.compile(r"\b(blake3|sha256|sha1|md5|xxh3):[0-9a-f]{16,}")
_NAMES_SHOWN = 3
_SUBJECTS_SHOWN = 3


class Trace(Protocol):
    """What a renderer needs of a backtrace (`query.backtrace.Backtrace`)."""

    @property
    def output(self) -> TracedOutput:
        """The output that was asked for."""

    @property
    def frames(self) -> Sequence[Frame]:
        """The runs behind it, nearest first."""

    @property
    def gaps(self) -> Sequence[Gap]:
        """Inputs without a known producer."""

    @property
    def coverage(self) -> float:
        """Share of the inputs that have a producer or are declared sources."""

    @property
    def truncated(self) -> bool:
        """Whether a limit cut the trace."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A state in a word, with its sign and tone: never colour alone."""

    sign: str
    word: str
    tone: str

    def __str__(self) -> str:
        return f"{self.sign} {self.word}" if self.sign else self.word


@dataclass(frozen=True, slots=True)
class Remark:
    """One sentence about one or several frames."""

    sign: str
    tone: str
    subject: str
    text: str


class Reason(NamedTuple):
    """Why a frame is there: words that must stay whole, and names that may be cut."""

    lead: str
    names: str

    def __str__(self) -> str:
        return self.lead + self.names


@dataclass(frozen=True, slots=True)
class OpenEnd:
    """An artifact where the trace ends: a declared source, or a gap."""

    name: str
    version: str | None
    readers: list[int]
    declared: bool


OK = Mark("", "ok", "good")
_STATES = {
    "completed": OK,
    "failed": Mark("x", "failed", "bad"),
    "killed": Mark("x", "killed", "bad"),
    "running": Mark("~", "running", "live"),
}
# Families of warning codes in the order in which one stands for a frame. The
# part before a dot is the family: `stale.newer-input` is `stale`.
_FAMILIES = {
    "failed": Mark("x", "failed", "bad"),
    "killed": Mark("x", "killed", "bad"),
    "check-failed": Mark("x", "check", "bad"),
    "failed-check": Mark("x", "check", "bad"),
    "stale": Mark("!", "stale", "warn"),
    "flagged": Mark("!", "flagged", "warn"),
    "version-mismatch": Mark("!", "mismatch", "warn"),
    "missing-output": Mark("!", "missing", "warn"),
    "clock-skew": Mark("!", "skew", "warn"),
    "gap": Mark("?", "gap", "unknown"),
    "running": Mark("~", "running", "live"),
    "dirty-code": Mark("*", "dirty", "warn"),
}
_RANKS = {family: rank for rank, family in enumerate(_FAMILIES)}
_SIGNS = "x!?~*"


def family_of(code: str) -> str:
    """Give the part of a warning code that stands before the dot."""
    return code.partition(".")[0]


def mark_of_warning(code: str) -> Mark:
    """Give sign, word and tone of a warning; codes not known here are worth a look."""
    family = family_of(code)
    return _FAMILIES.get(family) or Mark("!", family[:8], "warn")


def gravity(code: str) -> int:
    """Give the rank of a warning: the gravest is 0."""
    return _RANKS.get(family_of(code), 8)


def run_mark(run: Run) -> Mark:
    """Give the state of a run that stands by itself."""
    return mark_of_status(run.status)


def mark_of_status(status: str) -> Mark:
    """Give the state that a run's status says."""
    return _STATES.get(status) or Mark("?", status, "unknown")


def frame_mark(frame: Frame) -> Mark:
    """Give the state of a frame: how its run ended, else its gravest warning.

    Uncommitted changes have their star beside the code version instead.
    """
    mark = run_mark(frame.run)
    if mark is not OK:
        return mark
    codes = [w.code for w in frame.warnings if family_of(w.code) != "dirty-code"]
    if not codes:
        return OK
    return mark_of_warning(min(codes, key=gravity))


def headline(trace: Trace) -> str:
    """Give ``5 runs, 1 failed, 1 stale`` for the whole trace."""
    return ", ".join([words.count(len(trace.frames), "run"), *tally(trace.frames, trace.gaps)])


def tally(frames: Iterable[Frame], gaps: Sequence[Gap] = ()) -> list[str]:
    """Count what is not ok, gravest first: ``["1 failed", "2 stale"]``."""
    counts: Counter[str] = Counter()
    for frame in frames:
        found = {mark_of_warning(w.code).word for w in frame.warnings}
        if frame.run.status != "completed":
            found.add(run_mark(frame.run).word)
        counts.update(found - {"dirty"})
    ranked = {mark.word: rank for rank, mark in enumerate(_FAMILIES.values())}
    parts = [f"{counts[word]:,} {word}" for word in sorted(counts, key=lambda w: ranked.get(w, 8))]
    return [*parts, words.count(len(gaps), "gap")] if gaps else parts


def value_words(output: TracedOutput) -> str:
    """Give ``= 0.83``, or ``refund_risk = 0.83`` where the value names its parts."""
    if output.value is None:
        return ""
    if isinstance(output.value, dict):
        return ", ".join(words.assignments(output.value, equals=" = "))
    return f"= {words.value(output.value)}"


def names_in(trace: Trace) -> dict[str, str]:
    """Give the short name of every artifact that the trace may mention."""
    every: set[str] = set()
    for frame in trace.frames:
        every.update(given.name for given in frame.run.inputs)
        every.update(written.name for written in frame.run.outputs if written.kind != "output")
    return short_names(every)


def gave(trace: Trace, short: dict[str, str]) -> list[Reason]:
    """Give for each frame why it is here: ``made ID``, ``gave #0 FILE``, ``called by #0``."""
    gifts: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    callers: dict[int, list[int]] = defaultdict(list)
    for frame in trace.frames:
        for given in frame.run.inputs:
            if given.producer is not None:
                gift = _gift(trace.frames[given.producer], given, short)
                _add(gifts[given.producer][gift], frame.n)
        for called in frame.calls:
            _add(callers[called], frame.n)
    return [_gave(trace, frame, gifts[frame.n], callers[frame.n], short) for frame in trace.frames]


def made_output(trace: Trace, short: dict[str, str]) -> Reason:
    """Give why the first frame is here, as `gave` does for all."""
    return Reason("made ", _made(trace, trace.frames[0], short))


def _gift(producer: Frame, given: Input, short: dict[str, str]) -> str:
    """Give what was handed on, with both names where a copy was read under another one."""
    name = short.get(given.name, given.name)
    if given.evidence != "content":
        return name
    same = [written.name for written in producer.outputs if written.version == given.version]
    if not same or given.name in same:
        return name
    return f"{short.get(same[0], same[0])} as {name}"


def _add(readers: list[int], n: int) -> None:
    # A run that reads one artifact many times is named once. Frames come in
    # order, so only the last entry can be the same.
    if not readers or readers[-1] != n:
        readers.append(n)


def _gave(
    trace: Trace,
    frame: Frame,
    gifts: dict[str, list[int]],
    callers: list[int],
    short: dict[str, str],
) -> Reason:
    if frame.n == 0:
        return made_output(trace, short)
    if not gifts:
        return Reason("", f"called by {words.numbers(callers)}" if callers else "")
    by_readers: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for name, readers in gifts.items():
        by_readers[tuple(readers)].append(name)
    (first, names), *others = by_readers.items()
    more = [f"; {words.numbers(ns)} {list_some(given)}" for ns, given in others]
    return Reason(f"gave {words.numbers(first)} ", list_some(names) + "".join(more))


def _made(trace: Trace, frame: Frame, short: dict[str, str]) -> str:
    if trace.output.kind != "run":
        return short.get(trace.output.name, trace.output.name)
    return wrote(frame.run, short) or "nothing"


def wrote(run: Run, short: dict[str, str]) -> str:
    """Give the first names that a run wrote, and how many more."""
    names = list(dict.fromkeys(short.get(w.name, w.name) for w in run.outputs))
    unlisted = max(run.outputs_total - len(run.outputs), 0)
    return list_some(names, also=unlisted)


def list_some(names: Sequence[str], *, also: int = 0) -> str:
    """Give ``a, b, c +12``."""
    hidden = max(len(names) - _NAMES_SHOWN, 0) + also
    shown = ", ".join(names[:_NAMES_SHOWN])
    return f"{shown} +{hidden:,}" if hidden else shown


def remarks(frames: Sequence[Frame], short: dict[str, str]) -> list[Remark]:
    """Give one sentence for each warning, the gravest first; equal ones are joined."""
    groups: dict[tuple[str, str], list[Frame]] = defaultdict(list)
    for frame in frames:
        for warning in [*unsaid_warnings(frame), *frame.warnings]:
            groups[warning.code, _shortened(warning.text, frame.run, short)].append(frame)
    result = []
    for (code, text), about in groups.items():
        mark = mark_of_warning(code)
        result.append(Remark(mark.sign, mark.tone, _subject(about), text))
    # The sort is stable: within one sign, sentences keep the order of the frames.
    return sorted(result, key=lambda remark: _SIGNS.index(remark.sign))


def _shortened(text: str, run: Run, short: dict[str, str]) -> str:
    """Say names and digests as the lines above the sentence do."""
    names = {given.name for given in run.inputs} | {written.name for written in run.outputs}
    # Longest first: one path may be the beginning of another.
    for name in sorted(names, key=len, reverse=True):
        if is_place(name) and name in text:
            text = text.replace(name, short.get(name, name))
    return _DIGEST.sub(lambda found: words.short_version(found.group()), text)


def unsaid_warnings(frame: Frame) -> list[FrameWarning]:
    """Say what a status says, where no warning of the frame does."""
    run = frame.run
    if run.status == "completed" or any(w.code == run.status for w in frame.warnings):
        return []
    text = {
        "failed": f"failed with {run.error}" if run.error else "failed",
        "killed": "was killed before it ended",
        "running": "had not ended when this was asked",
    }.get(run.status, f"has the status {run.status!r}")
    return [FrameWarning(run.status, text)]


def _subject(frames: Sequence[Frame]) -> str:
    if len(frames) > _SUBJECTS_SHOWN:
        return words.numbers([frame.n for frame in frames], 5)
    return ", ".join(f"#{frame.n} {frame.run.component}" for frame in frames)


def open_ends(frames: Sequence[Frame]) -> list[OpenEnd]:
    """Give the artifacts where these frames end, gaps first, each version once."""
    ends: dict[tuple[str, str | None, bool], list[int]] = defaultdict(list)
    for frame in frames:
        for given in frame.run.inputs:
            if given.evidence in ("gap", "source"):
                _add(ends[given.name, given.version, given.evidence == "source"], frame.n)
    found = [
        OpenEnd(name, version, readers, declared)
        for (name, version, declared), readers in ends.items()
    ]
    return sorted(found, key=lambda end: end.declared)


def gap_hint(ends: Sequence[OpenEnd], hinted: Container[str] = ()) -> str:
    """Say what to do about a gap that is no fault, where there is one not said to be."""
    for end in ends:
        if not end.declared and is_place(end.name) and end.name not in hinted:
            return (
                f"If it comes from outside, declare it: backtrail.source({words.quoted(end.name)})"
            )
    return ""


class Miss(Protocol):
    """What was written under nearly the name of a gap (`query.near_misses.NearMiss`)."""

    @property
    def component(self) -> str:
        """Who wrote it."""

    @property
    def written(self) -> str:
        """The name it was written under."""


def near_miss_sentences(near: Mapping[str, Miss]) -> dict[str, str]:
    """Say of each gap what was written under nearly its name."""
    return {
        name: near_miss_sentence(name, miss.component, miss.written) for name, miss in near.items()
    }


def near_miss_sentence(name: str, component: str, written: str) -> str:
    """Say what a run wrote under nearly the name of a gap, and how the two would meet."""
    plain = [each for each in (name, written) if not is_place(each)]
    if plain == [written]:
        return (
            f"But {component} wrote {words.quoted(written)}, a plain name and no path."
            f" With log_output(Path({words.quoted(written)})) in {component} the two would meet."
        )
    if plain == [name]:
        return (
            f"But {component} wrote the file {written}, and {words.quoted(name)} is a plain name"
            f" and no path. With log_input(Path({words.quoted(name)})) the two would meet."
        )
    return (
        f"But {component} wrote {written}. If that is the same, let both use one name;"
        " if it was copied or moved, register the step that did."
    )


def gap_sentence(end: OpenEnd, short: dict[str, str]) -> str:
    """Say that the producer of an artifact is not known."""
    version = f" ({words.short_version(end.version)})" if end.version else ""
    name = short.get(end.name, end.name)
    return f"{name}{version} was not written by a recorded run. The trace stops there."


def source_sentence(end: OpenEnd, short: dict[str, str]) -> str:
    """Say that an artifact comes from outside, as declared."""
    version = f" ({words.short_version(end.version)})" if end.version else ""
    name = short.get(end.name, end.name)
    return f"{name}{version}, read by {words.numbers(end.readers)}, is a declared source."


def coverage_sentence(trace: Trace) -> str:
    """Say how much of the trace is known, where that is not all."""
    if trace.coverage >= 1:
        return ""
    # Rounded down: 99.9 % must not read as everything.
    percent = math.floor(trace.coverage * 100 + 1e-9)
    gaps = len(trace.gaps)
    verb = "has" if gaps == 1 else "have"
    return f"Coverage {percent}%: {words.count(gaps, 'input')} {verb} no known producer."


def cut_sentence(trace: Trace) -> str:
    """Say that a limit cut the trace."""
    if not trace.truncated:
        return ""
    return "The trace was cut here: more runs lie upstream, how many is not known."


def other_writes_sentence(output: TracedOutput) -> str:
    """Say that the name was written at other times too."""
    if not output.other_writes:
        return ""
    times = words.count(output.other_writes, "other time")
    moment = words.millisecond(output.written_us)
    return f"Written {moment}, and {times}: --at TIME shows what was newest then."


def link_words(given: Input) -> str:
    """Say where an input comes from, and how sure that is."""
    evidence = words.EVIDENCE.get(given.evidence, given.evidence)
    if given.producer is None:
        return evidence
    doubts = "".join(f", {mark_of_warning(code).sign} {code}" for code in given.warnings)
    return f"from #{given.producer}, {evidence}{doubts}"
