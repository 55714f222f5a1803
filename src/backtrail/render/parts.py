"""The parts of one run of a backtrace, one at a time: what `info` prints in the shell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..model.records import Frame
from . import words
from .listing import facts
from .narrative import link_words, remarks
from .screen import Screen
from .table import GAP, Cell, Column, align

_VERSION_CELLS = 40


def inputs(screen: Screen, frame: Frame, short: dict[str, str]) -> str:
    """Give what the run read: name, version, when, and where it comes from."""
    rows = [
        [
            Cell(short.get(given.name, given.name), "strong"),
            Cell(words.short_version(given.version)),
            Cell(time, "dim"),
            Cell(link_words(given)),
        ]
        for given, time in zip(
            frame.inputs, words.moments([given.read_us for given in frame.inputs]), strict=True
        )
    ]
    rows += [
        [
            Cell(short.get(name, name), "strong"),
            Cell(""),
            Cell(""),
            Cell("written by this run itself before"),
        ]
        for name in frame.own_reads
    ]
    return "\n".join(align(screen, _columns(screen), rows)) or "It read nothing."


def outputs(screen: Screen, frame: Frame, wanted: str, short: dict[str, str]) -> str:
    """Give what the run wrote, the output that was asked for first."""
    listed = sorted(frame.outputs, key=lambda each: each.name != wanted)
    times = words.moments([written.written_us for written in listed])
    rows = [
        [
            Cell(short.get(written.name, written.name), "strong"),
            Cell(words.short_version(written.version) if written.version else "-"),
            Cell(time, "dim"),
            Cell(
                GAP.join(
                    filter(
                        None,
                        (
                            "" if written.value is None else f"= {words.value(written.value)}",
                            "! flagged" if written.flagged else "",
                        ),
                    )
                )
            ),
        ]
        for written, time in zip(listed, times, strict=True)
    ]
    lines = align(screen, _columns(screen), rows)
    hidden = frame.run.outputs_total - len(listed)
    if hidden > 0:
        lines.append(f"and {words.count(hidden, 'more output')}")
    return "\n".join(lines) or "It wrote nothing."


def _columns(screen: Screen) -> list[Column]:
    room = max(((screen.width or 0) - 42) // 2, 12)
    return [Column(most=room), Column(most=_VERSION_CELLS), Column(), Column(prose=True)]


def params(screen: Screen, frame: Frame) -> str:
    """Give the parameters, a line each."""
    if not frame.run.params:
        return "It has no parameters on record."
    return facts(screen, [(name, words.value(given)) for name, given in frame.run.params.items()])


def code(screen: Screen, frame: Frame) -> str:
    """Give where the code is, its commit and its digest."""
    known = frame.run.code
    pairs = [
        ("code", words.code_place(known) or "not known"),
        ("version", words.code_state(known, whole=True)),
        ("source", known.digest or "not saved"),
    ]
    return facts(screen, pairs)


def environment(
    screen: Screen,
    frame: Frame,
    packages: Mapping[str, str] | None,
    nearest: Mapping[str, str] | None,
) -> str:
    """Give host and packages, and which of them differ from those of the run of #0."""
    pairs = [("host", frame.run.host or "not known")]
    if frame.run.pipeline_run_id:
        pairs.append(("pipeline", frame.run.pipeline_run_id))
    if packages is None:
        pairs.append(("packages", "not known of this run"))
        return facts(screen, pairs)
    pairs.append(("packages", f"{len(packages):,}"))
    if frame.n and nearest is not None:
        other = _differing(packages, nearest)
        pairs += [("differs", text) for text in other] or [("differs", "none from those of #0")]
    listed = "  ".join(f"{name} {version}" for name, version in packages.items())
    return "\n".join([facts(screen, pairs), "", *screen.wrap(screen.clean(listed))])


def _differing(packages: Mapping[str, str], nearest: Mapping[str, str]) -> list[str]:
    """Give ``numpy 1.26 (2.1 in #0)`` for each package that is not the same in both."""
    names = sorted({*packages, *nearest})
    return [
        f"{name} {packages.get(name, 'missing')} ({nearest.get(name, 'missing')} in #0)"
        for name in names
        if packages.get(name) != nearest.get(name)
    ]


def checks(screen: Screen, frame: Frame, short: dict[str, str]) -> str:
    """Give the remarks on the run, each with its code's sign; or that there are none."""
    lines: list[str] = []
    for remark in remarks([frame], short):
        first, *rest = screen.wrap(f"{remark.sign} {screen.clean(remark.text)}", indent="  ")
        lines += [screen.paint(remark.sign, remark.tone) + first[len(remark.sign) :], *rest]
    return "\n".join(lines) or "Nothing about this run deserves a look."


def value(screen: Screen, given: object, remark: str) -> str:
    """Give a value as JSON on one line if it fits, else on several; a remark stands beside it."""
    from .json import dumps

    plain = not isinstance(given, (dict, list))
    text = words.quoted(given) if isinstance(given, str) else words.value(given)
    shown = screen.clean(text)
    if plain or screen.width is None or len(shown) <= screen.width:
        return f"{shown}    {screen.clean(remark)}" if remark else shown
    return "\n".join(map(screen.clean, dumps(given, pretty=True).splitlines()))


def settings(screen: Screen, listed: Sequence[tuple[str, str, str]]) -> str:
    """Give settings: name, value, what it does."""
    rows = [
        [Cell(name, "strong"), Cell(given), Cell(about, "dim")] for name, given, about in listed
    ]
    return "\n".join(align(screen, [Column(), Column(), Column(prose=True)], rows))
