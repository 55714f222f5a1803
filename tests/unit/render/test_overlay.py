"""How the steps of a trace compare with those of another, in signs and words."""

from __future__ import annotations

from golden.examples import five_runs, output

from backtrail.model.diffs import DiffRow
from backtrail.query.diff import BacktraceDiff
from backtrail.render.overlay import Overlay, details, overlay, summary

FRAMES = five_runs().frames
VERDICTS = ("diverges", "unknown", "same", "only-b")


def compared(*verdicts: str, only_there: int = 0, truncated: bool = False) -> Overlay:
    """Compare the first runs of the five with themselves, with these verdicts."""
    rows = [
        DiffRow(
            n, frame.run.component, None if said == "only-b" else frame, frame, "", verdict=said
        )
        for n, (frame, said) in enumerate(zip(FRAMES, verdicts, strict=False))
    ]
    alone = (list(FRAMES) * 12)[:only_there]
    rows += [DiffRow(9, f.run.component, f, None, "", verdict="only-a") for f in alone]
    found = BacktraceDiff(output("<other>"), output("this"), rows, [], truncated)
    return overlay(found)


def test_what_is_not_known_is_never_the_same() -> None:
    over = compared(*VERDICTS)

    said = [str(over.mark(frame)) for frame in FRAMES]

    # The last was recorded after they were compared.
    assert said == ["≠ changed", "? unknown", "= same", "+ only here", "? unknown"]


def test_a_group_counts_what_is_not_the_same() -> None:
    over = compared(*VERDICTS)

    assert str(over.mark_of(FRAMES)) == "≠ 1 changed, + 1 only here, ? 2 unknown"
    assert str(over.mark_of(FRAMES[2:3])) == "= all same"
    assert str(over.mark_of(FRAMES[3:4])) == "+ all only here"


def test_the_summary_counts_both_sides_and_lists_what_is_only_there() -> None:
    told = summary(compared(*VERDICTS, only_there=2, truncated=True), FRAMES)

    assert told["said"] == (
        "1 changed, 1 only here, 2 only there, 2 unknown, as far as the traces go: a limit cut one"
    )
    assert [each["said"] for each in told["there"]] == ["#0 predict", "#1 train"]
    assert summary(compared(*["same"] * 5), FRAMES)["said"] == "all 5 steps the same"


def test_of_very_many_only_there_some_are_listed() -> None:
    told = summary(compared(only_there=60), FRAMES)

    assert (len(told["there"]), told["there_total"]) == (50, 60)


def test_details_are_text() -> None:
    told = details(compared(*VERDICTS), FRAMES[0])

    assert "compared with #0 of &lt;other&gt;" in told
    assert "meanwhile" in details(compared(*VERDICTS), FRAMES[4])
