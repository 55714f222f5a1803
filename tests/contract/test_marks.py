"""Flags on outputs, notes on runs and the packages of processes, on every store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest

from backtrail import AmbiguousIdError, Client, ConfigurationError, NotFoundError
from backtrail.model.facts import (
    COMPLETED,
    Artifact,
    Batch,
    EnvironmentFact,
    FlagFact,
    RunFact,
    SiteFact,
    WriterFact,
)
from backtrail.model.records import Flagged


def names(client: Client) -> list[str]:
    return [each.name for each in client.flagged()]


def test_a_flag_is_shown_wherever_the_output_is(client: Client) -> None:
    client.log("pred-1", component="serve")

    client.flag("pred-1", "twice the usual", by="ada")

    (found,) = client.flagged()
    trace = client.backtrace("pred-1")
    assert (found.name, found.note, found.by) == ("pred-1", "twice the usual", "ada")
    assert trace.output.flagged
    assert trace.frames[0].outputs[0].flagged
    assert [warning.code for warning in trace.frames[0].warnings] == ["flagged"]
    assert trace.to_dict()["frames"][0]["outputs"][0]["flagged"] is True


def test_a_flag_that_is_taken_back_is_gone_and_may_be_set_again(client: Client) -> None:
    client.log_many(["a", "b", "c"], component="serve")
    for name in ("a", "b", "c"):
        client.flag(name)

    client.unflag("b")
    assert names(client) == ["c", "a"]

    client.flag("b", "still wrong")
    assert names(client) == ["b", "c", "a"]


def flags_in_every_order(client: Client, marks: Sequence[FlagFact]) -> Iterator[Flagged]:
    """Give the one flag there is after all marks on an output, in one order after the other."""
    client.log("pred")
    client.flush()
    for n, order in enumerate(itertools.permutations(marks)):
        uid = n.to_bytes(16, "big")
        for at, mark in enumerate(order):
            batch = Batch(WriterFact(uid, "h", 1, 1, {}), 0, at + 1, [mark])
            client.open_store().take_in([batch])
        (found,) = client.flagged()
        yield found


def test_the_latest_mark_counts_in_whatever_order_marks_arrive(
    another_client: Callable[[], Client],
) -> None:
    artifact = Artifact("pred", 4)
    marks = [
        FlagFact(artifact, 10, "open", "first", "ada"),
        FlagFact(artifact, 20, "withdrawn", "", "bob"),
        FlagFact(artifact, 30, "open", "last", "cy"),
        FlagFact(artifact, 30, "open", "last", "cy"),
    ]
    client = another_client()

    for found in flags_in_every_order(client, marks):
        assert (found.note, found.by, found.flagged_us) == ("last", "cy", 30)
    client.open_store().take_in(
        [
            Batch(
                WriterFact(b"x" * 16, "h", 1, 1, {}),
                0,
                1,
                [FlagFact(artifact, 40, "withdrawn", "", "ada")],
            )
        ]
    )
    assert client.flagged() == []


def test_only_what_a_run_wrote_can_be_flagged(client: Client) -> None:
    client.log("pred-17", component="serve")
    run_id = client.recent()[0].run_id

    with pytest.raises(NotFoundError) as missed:
        client.flag("pred-71")
    with pytest.raises(ConfigurationError, match="flags are put on outputs"):
        client.flag(run_id)

    assert missed.value.closest == ["pred-17"]
    assert client.flagged() == []


def test_notes_keep_their_history_and_no_secret(client: Client) -> None:
    client.log("pred-1", component="serve")
    run_id = client.recent()[0].run_id

    client.note(run_id, "looks odd", by="ada")
    client.note(run_id[:20], "rotated; password=hunter2", by="bob")

    notes = client.get_run(run_id).notes
    assert [(each["author"], each["text"]) for each in notes] == [
        ("ada", "looks odd"),
        ("bob", "rotated; password=[redacted]"),
    ]
    assert client.backtrace("pred-1").frames[0].run.notes == notes
    assert notes[0]["at"] <= notes[1]["at"]


def test_a_note_needs_a_run_and_a_text(client: Client) -> None:
    client.log_many(["a"], component="serve")
    client.log_many(["b"], component="serve")
    runs = client.recent()

    with pytest.raises(ConfigurationError, match="needs a text"):
        client.note(runs[0].run_id, "  ")
    with pytest.raises(NotFoundError):
        client.note("0" * 36, "hello")
    with pytest.raises(AmbiguousIdError):
        client.note(runs[0].run_id[:6], "hello")


def test_the_packages_of_a_process_are_kept_with_its_runs(client: Client) -> None:
    @client.register("step")
    def step() -> None:
        pass

    step()
    client.flush()

    store = client._ask()
    (key,) = store.recent_runs(((1 << 62), 0), 10)
    found = store.packages(key)
    assert found is not None
    digest, packages = found
    assert digest.startswith("blake3:")
    assert packages["pytest"] == pytest.__version__


def test_environments_are_told_for_many_runs_at_once(client: Client) -> None:
    first = WriterFact(b"a" * 16, "h", 1, 1, {"python": "3.11.7"})
    second = WriterFact(b"b" * 16, "h", 2, 1, {})
    packages = EnvironmentFact("blake3:e1", {"numpy": "2"})
    batches = [
        Batch(first, 0, 1, [packages, SiteFact(0, "step"), a_run(1), a_run(2)]),
        Batch(second, 0, 1, [SiteFact(0, "step"), a_run(1)]),
    ]
    store = client.open_store()
    store.take_in(batches)
    keys = store.recent_runs(((1 << 62), 0), 10)

    found = store.environments([*keys, 1 << 60])

    assert sorted(found) == sorted(keys)
    assert sorted((row.digest or "", row.python or "") for row in found.values()) == [
        ("", ""),
        ("blake3:e1", "3.11.7"),
        ("blake3:e1", "3.11.7"),
    ]
    assert store.environments([]) == {}


def a_run(seq: int) -> RunFact:
    return RunFact(seq, 0, 1, 2, COMPLETED, None, None, None, [], [])


@pytest.mark.parametrize("state", ["withdrawn", "explained", "fixed", "no-fault"])
def test_a_flag_is_closed_as_what_became_of_it(client: Client, state: str) -> None:
    client.register("serve")(lambda: client.log("pred-1"))()
    client.flag("pred-1", "too low", by="ann")
    client.unflag("pred-1", "the scale was wrong", by="ben", state=state)
    client.flush()

    assert client.flagged() == []
    assert [(mark.state, mark.note, mark.by) for mark in client.marks("pred-1")] == [
        (state, "the scale was wrong", "ben"),
        ("open", "too low", "ann"),
    ]
    client.flag("pred-1")
    client.flush()
    assert [each.name for each in client.flagged()] == ["pred-1"]


def test_a_flag_is_closed_in_no_other_way(client: Client) -> None:
    with pytest.raises(ConfigurationError, match="explained"):
        client.unflag("pred-1", state="open")


def assignees(client: Client) -> dict[str, str | None]:
    return {each.name: each.assignee for each in client.flagged()}


def test_a_flagged_output_is_assigned_until_its_flag_is_closed(client: Client) -> None:
    client.log_many(["a", "b"], component="serve")
    client.flag("a", "too high", by="ann")
    client.flag("b", by="ann")

    client.assign("a", " bob\n smith ", by="ann")
    assert assignees(client) == {"b": None, "a": "bob smith"}
    (flag,) = (each for each in client.flagged() if each.name == "a")
    assert (flag.note, flag.by) == ("too high", "ann")

    client.flag("a", "and again", by="cy")
    assert assignees(client) == {"a": "bob smith", "b": None}
    client.assign("a", "")
    assert assignees(client)["a"] is None
    client.assign("a", "dee")
    client.unflag("a")
    client.flag("a")
    assert assignees(client) == {"a": None, "b": None}
    states = [mark.state for mark in client.marks("a")]
    assert states == ["open", "withdrawn", "assigned", "assigned", "open", "assigned", "open"]


def test_who_is_not_named_assigns_to_themselves(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    client.log("a", component="serve")
    client.flag("a")

    client.assign("a")

    assert assignees(client) == {"a": client.flagged()[0].by}


@pytest.mark.parametrize("closed", [False, True])
def test_what_is_not_flagged_is_assigned_to_nobody(client: Client, *, closed: bool) -> None:
    client.log("a", component="serve")
    if closed:
        client.flag("a")
        client.unflag("a")

    with pytest.raises(ConfigurationError, match="a is not flagged") as caught:
        client.assign("a", "bob")
    with pytest.raises(NotFoundError):
        client.assign("nope", "bob")

    assert "bt flag a" in caught.value.hint
    assert "assigned" not in [mark.state for mark in client.marks("a")]


def test_an_assignment_counts_in_whatever_order_marks_arrive(
    another_client: Callable[[], Client],
) -> None:
    artifact = Artifact("pred", 4)
    marks = [
        FlagFact(artifact, 10, "assigned", "too early", "ada"),
        FlagFact(artifact, 20, "withdrawn", "", "bob"),
        FlagFact(artifact, 30, "open", "wrong", "cy"),
        FlagFact(artifact, 40, "assigned", "dee", "cy"),
    ]
    client = another_client()

    for found in flags_in_every_order(client, marks):
        assert (found.note, found.by, found.flagged_us) == ("wrong", "cy", 30)
        assert found.assignee == "dee"
        assert client.backtrace("pred").output.flagged


def test_an_assignment_changes_nothing_in_a_review(client: Client) -> None:
    for n in range(6):
        client.log(f"pred-{n}", component="serve")
    client.flag("pred-1")
    client.flush()
    before = client.review().to_dict()

    client.assign("pred-1", "bob")

    assert client.review().to_dict() == before
