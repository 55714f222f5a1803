"""What leads from one to another of the runs that are built on something, on every store."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from backtrail import Client, Impact, Pointer

DAY = datetime(2026, 1, 1, tzinfo=timezone.utc)


def put(client: Client, run_id: str, second: float, component: str = "", **what: object) -> None:
    started = DAY + timedelta(seconds=second)
    ended = started + timedelta(seconds=float(str(what.pop("took", 0))))
    client.record_run(
        component or run_id.partition("-")[0],
        started_at=started,
        ended_at=ended,
        run_id=run_id,
        **what,  # type: ignore[arg-type]
    )


Said = set[tuple[str, str, str]]


def of_runs(found: Impact) -> Said:
    names = [run.run_id for run in (*found.roots, *found.runs)]
    return said(names, found.run_links())


def of_groups(found: Impact, most: int = 200) -> Said:
    names = [f"+{group.depth} {group.component}" for group in found.groups]
    return said(names, found.links(most))


def said(names: list[str], links: object) -> Said:
    return {
        (
            "asked" if link.start < 0 else names[link.start],
            names[link.end],
            "called" if link.called else ", ".join(sorted(link.read)),
        )
        for link in links  # type: ignore[attr-defined]
    }


def test_every_link_between_affected_runs_is_given_not_only_the_nearest(client: Client) -> None:
    put(client, "clean", 0, outputs=["table", "rejects"])
    put(client, "train", 1, inputs=["table", "outside"], outputs=["model"])
    put(client, "predict", 2, inputs=["table", "rejects", "model"])
    put(client, "elsewhere", 3, outputs=["other"])
    put(client, "reader", 4, inputs=["other", "model"])

    found = client.impact("clean")

    expected = {
        ("clean", "train", "table"),
        ("clean", "predict", "rejects, table"),
        ("train", "predict", "model"),
        ("train", "reader", "model"),
    }
    assert of_runs(found) == expected
    depths = {"clean": 0, "train": 1, "predict": 1, "reader": 2}
    assert of_groups(found) == {
        (f"+{depths[start]} {start}", f"+{depths[end]} {end}", read)
        for start, end, read in expected
    }


def test_what_read_an_artifact_that_is_asked_about_is_linked_to_it(client: Client) -> None:
    put(client, "make", 0, outputs=["raw"])
    put(client, "clean", 1, inputs=["raw"], outputs=["table"])
    put(client, "train", 2, inputs=["table", "raw"], outputs=["raw"])
    put(client, "again", 3, inputs=["raw"])

    assert of_runs(client.impact("raw")) == {
        ("asked", "clean", "raw"),
        ("asked", "train", "raw"),
        ("clean", "train", "table"),
        ("asked", "again", "raw"),
        ("train", "again", "raw"),
    }


def test_an_older_version_is_no_link(client: Client) -> None:
    put(client, "make-1", 0, outputs=[Pointer("t", version="v1")])
    put(client, "use-1", 1, inputs=[Pointer("t", version="v1")])
    put(client, "make-2", 2, inputs=[Pointer("t", version="v1")],
        outputs=[Pointer("t", version="v2")])  # fmt: skip
    put(client, "use-2", 3, inputs=[Pointer("t", version="v2")])

    assert of_runs(client.impact("make-1")) == {
        ("make-1", "use-1", "t"),
        ("make-1", "make-2", "t"),
        ("make-2", "use-2", "t"),
    }


def test_a_call_is_a_link_and_what_was_written_before_it_is_none(client: Client) -> None:
    early = Pointer("early", at=DAY + timedelta(seconds=1))
    late = Pointer("late", at=DAY + timedelta(seconds=8))
    put(client, "flow", 0, took=10, outputs=[early, late])
    put(client, "called", 5, took=1, parent_run_id="flow", outputs=["t"])
    put(client, "reader", 20, inputs=["early", "late"])

    assert of_runs(client.impact("called")) == {
        ("called", "flow", "called"),
        ("flow", "reader", "late"),
    }


def test_of_groups_only_the_nearest_are_linked_where_so_many_are_asked_for(client: Client) -> None:
    for n in range(4):
        put(client, f"step-{n}", n, inputs=[f"d{n - 1}"] if n else [], outputs=[f"d{n}"])

    assert of_groups(client.impact("step-0"), 2) == {("+0 step", "+1 step", "d0")}


def test_runs_of_a_group_beyond_the_first_are_not_looked_at(client: Client) -> None:
    put(client, "make", 0, outputs=["a"])
    put(client, "train", 1, inputs=["a"], outputs=["b"])
    for n in range(30):
        put(client, f"use-{n:02}", 10 + n, inputs=["a", "b"] if n == 3 else ["a"])

    found = client.impact("make")

    assert of_groups(found) == {
        ("+0 make", "+1 train", "a"),
        ("+0 make", "+1 use", "a"),
        ("+1 train", "+1 use", "b"),
    }
    assert len([link for link in found.run_links() if not link.start]) == 31
