"""What is behind two artifacts: `query.overlap` against a naive closure over random traces."""

from __future__ import annotations

from golden.examples import ATrace, a_run, output, reads
from hypothesis import given
from hypothesis import strategies as st

from backtrail.model.records import Frame, Output
from backtrail.query.overlap import shared

FILES = 6


def digest(content: int) -> str:
    return f"sha256:{content:064d}"


@st.composite
def traces(draw: st.DrawFn) -> ATrace:
    """Runs that each write one file and read files of later frames, or of nobody."""
    count = draw(st.integers(2, 9))
    wrote = [(f"/d/{n}", draw(st.integers(0, count + 3))) for n in range(count)]
    frames = []
    for n in range(count):
        producers = (
            draw(st.sets(st.integers(n + 1, count - 1), max_size=3)) if n + 1 < count else ()
        )
        inputs = [reads(wrote[p][0], p, version=digest(wrote[p][1])) for p in sorted(producers)]
        outside = draw(st.sets(st.integers(0, FILES), max_size=2))
        inputs += [reads(f"/raw/{m}", None, "gap", version=digest(100 + m)) for m in outside]
        run = a_run("step", "2026-07-25 02:07", 1, reads=tuple(inputs), run_id=f"run-{n}")
        run.outputs = [Output(wrote[n][0], "data", digest(wrote[n][1]), 0)]
        frames.append(Frame(n, run, 0))
    return ATrace(output("pred"), frames)


def behind(trace: ATrace, n: int, allowed: frozenset[str] = frozenset()) -> set[str]:
    """The contents behind what frame n wrote, its own among them."""
    found = {str(trace.frames[n].outputs[0].version)}
    for given_ in trace.frames[n].inputs:
        if given_.name in allowed:
            continue
        found.add(str(given_.version))
        if given_.producer is not None:
            found |= behind(trace, given_.producer, allowed)
    return found


@given(traces(), st.data())
def test_what_two_artifacts_share_is_what_is_behind_both(
    trace: ATrace, data: st.DataObject
) -> None:
    ends = st.integers(0, len(trace.frames) - 1)
    one, other = data.draw(ends), data.draw(ends)

    found = shared((trace, f"/d/{one}"), (trace, f"/d/{other}"), lambda _: False)  # type: ignore[arg-type]

    assert {each.version for each in found} == behind(trace, one) & behind(trace, other)


@given(traces(), st.data())
def test_what_is_allowed_excuses_only_what_lies_behind_it_on_both_sides(
    trace: ATrace, data: st.DataObject
) -> None:
    ends = st.integers(0, len(trace.frames) - 1)
    one, other = data.draw(ends), data.draw(ends)
    names = [f"/d/{n}" for n in range(len(trace.frames)) if n not in (one, other)]
    allowed = frozenset(data.draw(st.sets(st.sampled_from(names)))) if names else frozenset()

    found = shared((trace, f"/d/{one}"), (trace, f"/d/{other}"), allowed.__contains__)  # type: ignore[arg-type]

    assert {each.version for each in found} == (
        behind(trace, one, allowed) & behind(trace, other)
    ) | (behind(trace, other, allowed) & behind(trace, one))
