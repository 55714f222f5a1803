"""A backtrace as one HTML page that works offline, to keep or to send to someone.

No script and no outside address: the page forbids itself both. Values from pipelines are
text, never HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..model.records import Frame, Input
from . import detail, words
from .fragment import text as _text
from .narrative import (
    Reason,
    Trace,
    coverage_sentence,
    cut_sentence,
    frame_mark,
    gap_sentence,
    gave,
    headline,
    link_words,
    names_in,
    open_ends,
    other_writes_sentence,
    remarks,
    source_sentence,
    value_words,
)
from .svg import STYLE, svg

MOST_LISTED = 2_000
_INPUTS_SHOWN = 50
_HEADINGS = ("#", "Component", "Started (UTC)", "Took", "Status", "Code", "Why it is here")
# Read in the details as well: a narrow screen leaves these columns out of the table.
_WIDE_ONLY = ("Took", "Code")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLE = """\
:root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--dim:#59636e;--rule:#d1d9e0;\
--link:#0550ae;--bad:#a40e26;--warn:#7d4e00;--live:#0550ae;--unknown:#5a32a3}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--dim:#9198a1;\
--rule:#3d444d;--link:#79c0ff;--bad:#ff8f87;--warn:#e3b341;--live:#79c0ff;--unknown:#d2a8ff}}
body{margin:0 auto;max-width:76rem;padding:1.5rem;background:var(--paper);color:var(--ink);\
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0 0 .25rem}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:0}
p{margin:.25rem 0}
a{color:var(--link)}
.dim{color:var(--dim)}
.bad{color:var(--bad);font-weight:600}
.warn{color:var(--warn);font-weight:600}
.live{color:var(--live);font-weight:600}
.unknown{color:var(--unknown);font-weight:600}
ul{margin:.25rem 0;padding-left:1.25rem}
ul.look{list-style:none;padding:0}
ul.look li{padding:.15rem 0 .15rem 1.5rem;text-indent:-1.5rem}
ul.look .sign{display:inline-block;width:1.5rem;text-indent:0}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;\
border-bottom:1px solid var(--rule)}
th{color:var(--dim);font-weight:600;overflow-wrap:normal}
td:first-child{white-space:nowrap}
code,td.code{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.9em}
/* Right to left, so that it opens with the output in view. */
.graph{direction:rtl;overflow-x:auto;border:1px solid var(--rule);border-radius:6px}
.graph svg{direction:ltr;display:block;margin:0 auto}
article{border-top:1px solid var(--rule);padding:.75rem 0;content-visibility:auto;\
contain-intrinsic-size:auto 16rem}
article:target{border-left:4px solid var(--link);padding-left:.75rem}
dl{display:grid;grid-template-columns:6.5rem 1fr;gap:.15rem .75rem;margin:.5rem 0 0}
dt{color:var(--dim)}
dd{margin:0;grid-column:2}
/* Too narrow for columns: a run is a few lines, and the roles say that it is a table still. */
@media (max-width:40rem){body{padding:1rem}.wide{display:none}dl{grid-template-columns:1fr}\
dd{padding-left:1rem;grid-column:1}table,tbody{display:block}\
tr{display:grid;grid-template-columns:3rem 1fr auto;\
border-bottom:1px solid var(--rule);padding:.4rem 0}td{border:0;padding:0}\
thead tr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}\
td.name{font-weight:600}td.when,td.why{grid-column:2/4;color:var(--dim)}\
td.state{grid-row:1;grid-column:3;padding-left:.75rem}}
@media print{.graph{overflow:visible;border:0}.graph svg{max-width:100%;height:auto}}
"""


def page(
    trace: Trace, *, by: str | None = None, said: Sequence[str] = (), flag_at: str = ""
) -> str:
    """Give the page: what it says, the runs, their graph, and all that is known of each.

    ``said`` are sentences that tell it in plain words; they stand first. ``flag_at`` is where
    the output can be flagged, if it can.
    """
    short = names_in(trace)
    listed = trace.frames[:MOST_LISTED]
    reasons = gave(trace, short)
    title = _text(f"Backtrace of {trace.output.name}")
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{title}</title>",
            f"<style>\n{_STYLE}{STYLE}</style>",
            "</head>",
            "<body>",
            "<header>",
            *_summary(trace),
            *([f'<p><a href="{_text(flag_at)}">Flag this output</a></p>'] if flag_at else []),
            "</header>",
            "<main>",
            *_section("In words", (f"<p>{_text(each)}</p>" for each in said)),
            *_section("What deserves a look", _look(trace, listed, short)),
            *_section("Runs, the nearest first", _table(listed, reasons)),
            *_unlisted(trace),
            *_section("Graph", _graph(trace, by)),
            *_section("Details", _details(listed, reasons)),
            "</main>",
            '<footer><p class="dim">Times are UTC. Made by backtrail.</p></footer>',
            "</body>",
            "</html>",
            "",
        ]
    )


def _summary(trace: Trace) -> Iterator[str]:
    output = trace.output
    value = value_words(output)
    yield f"<h1>{_text(output.name)} {_text(value)}</h1>"
    yield f"<p>{_text(headline(trace))}</p>"
    flagged = ', <span class="warn">! flagged</span>' if output.flagged else ""
    verb = "ended" if output.kind == "run" else "written"
    written = words.millisecond(output.written_us)
    yield f'<p class="dim">{_text(f"{output.kind}, {verb} {written}")}{flagged}</p>'


def _section(heading: str, content: Iterable[str]) -> Iterator[str]:
    lines = list(content)
    if lines:
        yield from ("<section>", f"<h2>{heading}</h2>", *lines, "</section>")


def _look(trace: Trace, listed: Sequence[Frame], short: dict[str, str]) -> Iterator[str]:
    items = [
        _sign_item(each.sign, each.tone, f"{each.subject}: {each.text}")
        for each in remarks(listed, short)
    ]
    ends = open_ends(listed)
    items += [
        _sign_item("?", "unknown", gap_sentence(end, short)) for end in ends if not end.declared
    ]
    items += [_sign_item("=", "dim", source_sentence(end, short)) for end in ends if end.declared]
    said = (coverage_sentence(trace), cut_sentence(trace), other_writes_sentence(trace.output))
    items += [_sign_item("", "dim", sentence) for sentence in said if sentence]
    if items:
        yield from ('<ul class="look">', *items, "</ul>")


def _sign_item(sign: str, tone: str, sentence: str) -> str:
    return f'<li><span class="sign {tone}">{_text(sign)}</span>{_text(sentence)}</li>'


def _table(frames: Sequence[Frame], reasons: Sequence[Reason]) -> Iterator[str]:
    heads = "".join(
        f'<th scope="col" role="columnheader"{_width_class(name)}>{_text(name)}</th>'
        for name in _HEADINGS
    )
    yield f'<table role="table"><thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
    yield '<tbody role="rowgroup">'
    times = words.moments([frame.run.started_us for frame in frames])
    for frame, time in zip(frames, times, strict=True):
        mark = frame_mark(frame)
        tone = "state" if mark.tone == "good" else f"state {mark.tone}"
        cells = (
            ("", _frame_link(frame.n)),
            ("name", _text(frame.run.component)),
            ("when", _text(time)),
            ("wide", _text(words.run_duration(frame.run))),
            (tone, _text(str(mark))),
            ("wide code", _text(words.commit(frame.run.code))),
            ("why", _text(str(reasons[frame.n]))),
        )
        row = "".join(
            f'<td role="cell" class="{kind}">{shown}</td>'
            if kind
            else f'<td role="cell">{shown}</td>'
            for kind, shown in cells
        )
        yield f'<tr role="row">{row}</tr>'
    yield "</tbody></table>"


def _width_class(heading: str) -> str:
    return ' class="wide"' if heading in _WIDE_ONLY else ""


def _unlisted(trace: Trace) -> Iterator[str]:
    hidden = len(trace.frames) - MOST_LISTED
    if hidden > 0:
        more = words.count(hidden, "more run")
        yield f"<p>{more}: <code>bt export ID --format json</code> has all.</p>"


def _graph(trace: Trace, by: str | None) -> Iterator[str]:
    yield '<div class="graph" tabindex="0" role="region" aria-label="Graph of the runs">'
    yield svg(trace, by=by, links="#frame-", linked=MOST_LISTED, inline=True).rstrip()
    yield "</div>"


def _details(frames: Sequence[Frame], reasons: Sequence[Reason]) -> Iterator[str]:
    for frame in frames:
        yield from step_article(frame, reasons[frame.n])


def step_article(frame: Frame, reason: Reason) -> Iterator[str]:
    """Give all that is known of a run and how it was reached, as an article."""
    mark = frame_mark(frame)
    state = f' <span class="{mark.tone}">{_text(str(mark))}</span>' if mark.sign else ""
    yield f'<article id="frame-{frame.n}">'
    yield f"<h3>#{frame.n} {_text(frame.run.component)}{state}</h3>"
    yield f'<p class="dim">{_text(str(reason))}</p>'
    yield f"<dl>{''.join(_facts(frame))}</dl>"
    yield "</article>"


def _facts(frame: Frame) -> Iterator[str]:
    for warning in frame.warnings:
        yield _fact("warning", _text(warning.text))
    parts = list(detail.run_parts(frame.run))
    for label, phrases in parts:
        if label in ("in", "out", "note"):
            continue
        yield _fact(label, _text(", ".join(phrases)))
    for given in frame.inputs[:_INPUTS_SHOWN]:
        yield _fact("in", _input(given))
    hidden = len(frame.inputs) - _INPUTS_SHOWN
    if hidden > 0:
        yield _fact("in", _text(f"and {words.count(hidden, 'more input')}"))
    for name in frame.own_reads:
        yield _fact("in", _text(f"{name}, written by this run itself before"))
    for label, phrases in parts:
        if label in ("out", "note"):
            yield _fact(label, _text(", ".join(phrases)))
    if frame.calls:
        yield _fact("calls", " ".join(_frame_link(n) for n in frame.calls))


def _fact(label: str, content: str) -> str:
    # What goes on with the last term has none of its own.
    term = f"<dt>{_text(label)}</dt>" if label else ""
    return f"{term}<dd>{content}</dd>"


def _input(given: Input) -> str:
    said = ", ".join([given.name, words.short_version(given.version), link_words(given)])
    if given.producer is None:
        return _text(said)
    place = f"from #{given.producer}"
    before, _, after = said.rpartition(place)
    return f"{_text(before)}from {_frame_link(given.producer)}{_text(after)}"


def _frame_link(n: int) -> str:
    return f'<a href="#frame-{n}">#{n}</a>' if n < MOST_LISTED else f"#{n}"
