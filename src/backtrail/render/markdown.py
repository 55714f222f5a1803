"""A backtrace as Markdown, for a pull request or an issue: a table, sentences and a graph."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..model.records import Frame
from . import words
from .graph import mermaid
from .narrative import (
    FOLD_OVER,
    Reason,
    Trace,
    coverage_sentence,
    cut_sentence,
    frame_mark,
    gap_sentence,
    gave,
    headline,
    names_in,
    open_ends,
    remarks,
    source_sentence,
    value_words,
)
from .screen import safe

# Signs that Markdown reads, and words that GitHub and others make links or calls of.
_MARKS = re.compile(r"[\\`*_\[\]<>|~&$]|[@#]\w[\w/-]*")


def markdown(trace: Trace, *, by: str | None = None) -> str:
    """Give the table of the first 60 runs, what deserves a look, and a Mermaid graph."""
    short = names_in(trace)
    shown = trace.frames[:FOLD_OVER]
    value = value_words(trace.output)
    title = f"{_code(trace.output.name)} {_text(value)}".rstrip()
    parts = [
        f"### {title}",
        _text(headline(trace)),
        "\n".join(_table(shown, gave(trace, short))),
    ]
    hidden = len(trace.frames) - len(shown)
    if hidden:
        parts.append(f"{words.count(hidden, 'more run')} not listed.")
    parts.append("\n".join(f"- {line}" for line in _sentences(trace, shown, short)))
    parts.append(f"```mermaid\n{mermaid(trace, by=by)}```")
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(frames: Sequence[Frame], reasons: Sequence[Reason]) -> Iterator[str]:
    yield "| # | component | started (UTC) | took | status | code | why it is here |"
    yield "| --: | --- | --- | --: | --- | --- | --- |"
    times = words.moments([frame.run.started_us for frame in frames])
    for frame, time in zip(frames, times, strict=True):
        run = frame.run
        cells = [
            str(frame.n),
            _code(run.component),
            time,
            words.run_duration(run),
            _text(str(frame_mark(frame))),
            _code(words.commit(run.code)) if run.code.git_hash else "-",
            _text(str(reasons[frame.n])),
        ]
        yield f"| {' | '.join(cells)} |"


def _sentences(trace: Trace, shown: Sequence[Frame], short: dict[str, str]) -> Iterator[str]:
    for remark in remarks(shown, short):
        yield _text(f"{remark.sign} {remark.subject}: {remark.text}")
    for end in open_ends(shown):
        sentence = source_sentence(end, short) if end.declared else gap_sentence(end, short)
        yield _text(f"{'=' if end.declared else '?'} {sentence}")
    for sentence in (coverage_sentence(trace), cut_sentence(trace)):
        if sentence:
            yield _text(sentence)


def _code(text: str) -> str:
    """Give a name as code, with as many backticks around it as it takes."""
    shown = safe(text).replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _text(text: str) -> str:
    """Escape every sign that Markdown reads; #12 and @team become code, and so no links."""
    return _MARKS.sub(_escaped, safe(text))


def _escaped(found: re.Match[str]) -> str:
    return f"`{found[0]}`" if len(found[0]) > 1 else f"\\{found[0]}"
