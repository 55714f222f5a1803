"""A real store's backtraces against LINEAGE.md as a naive program, and its named consequences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import reference
from direct import DirectClient
from hypothesis import strategies as st
from reference import Fact, Frame, Input, Read, RunFact, SourceFact, Write, reference_backtrace
from rules import rule
from strategies import BASE, SECOND, Batch, History, deliveries, histories, later_facts

import backtrail
from backtrail import Client, NotFoundError, Pointer

FreshStore = Callable[[], AbstractContextManager[str]]
OUTPUT_IDS = ("b", "out")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


# --- between the reference and a client --------------------------------------


def moment(us: int | None) -> datetime | None:
    return None if us is None else _EPOCH + timedelta(microseconds=us)


def kind_of(name: str) -> str | None:
    return "output" if name in OUTPUT_IDS else None


def record(client: Client, facts: Iterable[Fact]) -> None:
    for fact in facts:
        if isinstance(fact, SourceFact):
            client.source(fact.name)
        else:
            client.record_run(
                fact.component,
                started_at=moment(fact.started),
                ended_at=moment(fact.ended),
                inputs=[
                    Pointer(each.name, version=each.version, at=moment(each.at), run_id=each.run_id)
                    for each in fact.reads
                ],
                outputs=[
                    Pointer(
                        each.name, version=each.version, at=moment(each.at), kind=kind_of(each.name)
                    )
                    for each in fact.writes
                ],
                status=fact.status,
                run_id=fact.run_id,
                parent_run_id=fact.parent,
                host=fact.host,
            )


@contextmanager
def delivered(
    url: str, batches: Iterable[Batch], connect: Callable[[str], Client] = DirectClient
) -> Iterator[Client]:
    """A client of a store that took in the batches, each from its client, flushed after each."""
    clients: dict[int, Client] = {}
    try:
        for batch in batches:
            if batch.client not in clients:
                clients[batch.client] = connect(url)
            record(clients[batch.client], batch.facts)
            assert clients[batch.client].flush() == 0
        clients[-1] = connect(url)
        yield clients[-1]
    finally:
        for client in clients.values():
            client.close()


@contextmanager
def recorded(url: str, facts: Iterable[Fact]) -> Iterator[Client]:
    """A client of a store that took in the facts as they stand."""
    with delivered(url, [Batch(0, tuple(facts))]) as client:
        yield client


def answer(client: Client, name: str, at: int | None = None) -> reference.Backtrace | None:
    """Ask the real thing, and put what it says in the reference's form."""
    try:
        found = client.backtrace(name, at=moment(at))
    except NotFoundError:
        return None
    assert [frame.n for frame in found.frames] == list(range(len(found.frames)))
    return reference.Backtrace(
        written=found.output.written_us,
        other_writes=found.output.other_writes,
        frames=tuple(_frame(found, frame) for frame in found.frames),
        gaps=tuple(sorted((gap.n, gap.name) for gap in found.gaps)),
        coverage=round(found.coverage, 9),
    )


def _frame(found: backtrail.Backtrace, frame: backtrail.Frame) -> Frame:
    for each in frame.inputs:
        linked = None if each.producer is None else found.frames[each.producer].run.run_id
        assert each.producer_run_id == linked
    shown = [
        Input(
            reference.canonical(each.name),
            each.version,
            each.read_us,
            each.producer,
            each.evidence,
            tuple(sorted(each.warnings)),
        )
        for each in frame.inputs
    ]
    return Frame(
        run_id=frame.run.run_id,
        depth=frame.depth,
        inputs=tuple(sorted(shown, key=repr)),
        own_reads=tuple(sorted({reference.canonical(name) for name in frame.own_reads})),
        calls=tuple(sorted(frame.calls)),
        outputs=tuple(
            sorted(
                (
                    (reference.canonical(each.name), each.version, each.written_us)
                    for each in frame.outputs
                ),
                key=repr,
            )
        ),
    )


def run_of(answered: reference.Backtrace | None, name: str, n: int = 0) -> tuple[str | None, str]:
    """Give the run that frame ``n``'s input is linked to, and the evidence."""
    assert answered is not None
    (found,) = [each for each in answered.frames[n].inputs if each.name == name]
    producer = None if found.producer is None else answered.frames[found.producer].run_id
    return producer, " ".join((found.evidence, *found.warnings))


def run_ids(answered: reference.Backtrace | None) -> list[str]:
    assert answered is not None
    return [frame.run_id for frame in answered.frames]


def a_run(
    run_id: str,
    start: int,
    end: int,
    reads: Iterable[str | Read] = (),
    writes: Iterable[str | Write] = (),
    *,
    host: str | None = None,
    parent: str | None = None,
) -> RunFact:
    """A run whose times are seconds of the first minutes of 2026, also those in its pointers."""

    def at(seconds: int | None) -> int | None:
        return None if seconds is None else BASE + seconds * SECOND

    return RunFact(
        run_id,
        BASE + start * SECOND,
        BASE + end * SECOND,
        tuple(
            Read(r) if isinstance(r, str) else Read(r.name, r.version, at(r.at), r.run_id)
            for r in reads
        ),
        tuple(
            Write(w) if isinstance(w, str) else Write(w.name, w.version, at(w.at)) for w in writes
        ),
        host=host,
        parent=parent,
    )


# --- on random histories -----------------------------------------------------


@rule(data=st.data())
def test_a_backtrace_is_what_the_reference_says(
    fresh_store: FreshStore, data: st.DataObject
) -> None:
    history = data.draw(histories())
    batches = data.draw(deliveries(history))
    ticks = data.draw(st.lists(st.integers(-1, 13), min_size=1, max_size=2))
    questions = [(name, None) for name in history.written]
    questions += [(name, BASE + tick * history.unit) for name in history.written for tick in ticks]

    with fresh_store() as url, delivered(url, batches) as client:
        answers = {question: answer(client, *question) for question in questions}

    for question, answered in answers.items():
        assert answered == reference_backtrace(history.facts, *question), question


@rule(data=st.data())
def test_a_run_s_own_backtrace_is_what_the_reference_says(
    fresh_store: FreshStore, data: st.DataObject
) -> None:
    history = data.draw(histories())
    run = data.draw(st.sampled_from(history.runs))

    with fresh_store() as url, recorded(url, history.facts) as client:
        answered = answer(client, run.run_id)

    expected = reference_backtrace(history.facts, run.run_id)
    assert answered is not None
    assert expected is not None
    # When a run as a whole was "written" is not said; nor does it matter.
    assert replace(answered, written=0) == replace(expected, written=0)


@rule(data=st.data())
def test_facts_that_are_newer_than_the_question_change_no_answer(
    fresh_store: FreshStore, data: st.DataObject
) -> None:
    history = data.draw(histories(max_runs=6))
    later = data.draw(later_facts(history))
    questions = [(name, at) for name in history.written for at in (history.newest, None)]
    overwritten = {reference.canonical(write.name) for run in later for write in run.writes}

    with fresh_store() as url, recorded(url, history.facts) as client:
        before = {question: answer(client, *question) for question in questions}
        record(client, later)
        after = {question: answer(client, *question) for question in questions}

    for (name, at), was in before.items():
        if at is None and name in overwritten:
            continue
        became = after[name, at]
        assert (was is None) == (became is None)
        if was is not None and became is not None:
            assert replace(became, other_writes=was.other_writes) == was, (name, at)


@rule(data=st.data())
def test_facts_that_contradict_each_other_are_answered_the_same_in_any_order(
    fresh_store: FreshStore, data: st.DataObject
) -> None:
    one = data.draw(histories(max_runs=4))
    other = data.draw(histories(max_runs=4))
    facts = (*one.facts, *other.facts)
    mixed = data.draw(deliveries(History(facts, one.unit)))
    names = History(facts, one.unit).written

    def seen(client: Client) -> list[object]:
        runs = [client.get_run(run.run_id) for run in History(facts, one.unit).runs]
        told = [
            (run.component, run.status, run.started_us, run.ended_us, run.host, run.parent_run_id)
            for run in runs
        ]
        return [*told, *(answer(client, name) for name in names)]

    with fresh_store() as url, recorded(url, facts) as client:
        straight = seen(client)
    with fresh_store() as url, delivered(url, mixed) as client:
        shuffled = seen(client)

    assert shuffled == straight


@rule(data=st.data())
def test_ties_between_computed_run_ids_go_to_the_greater_one(
    fresh_store: FreshStore, data: st.DataObject
) -> None:
    history = data.draw(histories(max_runs=6))
    senders = data.draw(st.lists(st.integers(0, 1), min_size=6, max_size=6))

    with fresh_store() as url:
        clients = [DirectClient(url), DirectClient(url)]
        named: list[Fact] = []
        for run, sender in zip(history.runs, senders, strict=False):
            started, ended = moment(run.started), moment(run.ended or run.started)
            run_id = clients[sender].record_run(
                run.component,
                started_at=started,
                ended_at=ended,
                inputs=[each.name for each in run.reads],
                outputs=[each.name for each in run.writes],
            )
            plain = replace(run, run_id=run_id, ended=run.ended or run.started, parent=None)
            named.append(
                replace(
                    plain,
                    reads=tuple(Read(each.name) for each in run.reads),
                    writes=tuple(Write(each.name) for each in run.writes),
                    host=None,
                )
            )
        clients[1].flush()
        answers = {name: answer(clients[0], name) for name in History(tuple(named), 1).written}
        for client in clients:
            client.close()

    for name, answered in answers.items():
        assert answered == reference_backtrace(named, name), name


# --- what LINEAGE.md names ---------------------------------------------------


def test_each_old_output_of_a_path_overwritten_100_times_names_its_own_producers(
    store_url: str,
) -> None:
    facts: list[Fact] = []
    for i in range(100):
        facts.append(a_run(f"load{i:03}", 3 * i, 3 * i, [], ["/w/table"]))
        facts.append(a_run(f"serve{i:03}", 3 * i + 1, 3 * i + 2, ["/w/table"], [f"pred{i}"]))

    with recorded(store_url, facts[::-1]) as client:
        answers = [answer(client, f"pred{i}") for i in range(100)]

    assert [run_ids(each) for each in answers] == [
        [f"serve{i:03}", f"load{i:03}"] for i in range(100)
    ]


def test_old_writes_of_one_path_are_found_by_the_time_asked_for(store_url: str) -> None:
    facts = [a_run(f"w{i:03}", i, i, [], ["/w/table"]) for i in range(100)]

    with recorded(store_url, facts) as client:
        answers = [answer(client, "/w/table", BASE + i * SECOND) for i in range(100)]

    assert [run_ids(each) for each in answers] == [[f"w{i:03}"] for i in range(100)]
    assert {each.other_writes for each in answers if each} == {99}


def test_a_backfill_fills_gaps_and_changes_nothing_else(store_url: str) -> None:
    serve = [
        a_run("load1", 10, 11, ["/raw/1"], ["/w/table"]),
        a_run("serve1", 12, 13, ["/w/table", "/w/rates"], ["pred1"]),
        a_run("load2", 20, 21, ["/raw/2"], ["/w/table"]),
        a_run("serve2", 22, 23, ["/w/table"], ["pred2"]),
    ]
    old = [
        a_run("ancient", 0, 1, ["/raw/0"], ["/w/table"]),
        a_run("rates", 2, 3, [], ["/w/rates"]),
    ]

    with recorded(store_url, serve) as client:
        before = answer(client, "pred1"), answer(client, "pred2")
        record(client, old)
        after = answer(client, "pred1"), answer(client, "pred2")

    assert run_of(before[0], "/w/rates") == (None, "gap")
    assert run_of(after[0], "/w/rates") == ("rates", "time")
    assert run_of(after[0], "/w/table") == ("load1", "time")
    assert after[1] == before[1]


def test_40_stacked_diamonds_are_121_frames(store_url: str) -> None:
    facts = [a_run("base", 0, 1, [], ["x0"])]
    for i in range(40):
        start = 10 * (i + 1)
        facts += [
            a_run(f"left{i:02}", start, start + 1, [f"x{i}"], [f"l{i}"]),
            a_run(f"right{i:02}", start, start + 1, [f"x{i}"], [f"r{i}"]),
            a_run(f"join{i:02}", start + 2, start + 3, [f"l{i}", f"r{i}"], [f"x{i + 1}"]),
        ]

    with recorded(store_url, facts) as client:
        answered = answer(client, "x40")

    assert answered is not None
    assert len(answered.frames) == 121
    assert run_ids(answered)[:4] == ["join39", "right39", "left39", "join38"]
    assert (answered.frames[-1].run_id, answered.frames[-1].depth) == ("base", 80)
    assert answered == reference_backtrace(facts, "x40")


def test_a_chain_of_5000_runs_is_listed_to_its_end(store_url: str) -> None:
    facts = [
        a_run(f"step{i:04}", i, i, [f"x{i}"], [f"x{i + 1}"])  #
        for i in range(5_000)
    ]

    with recorded(store_url, facts) as client:
        answered = answer(client, "x5000")

    assert answered is not None
    assert run_ids(answered) == [f"step{i:04}" for i in reversed(range(5_000))]
    assert [frame.depth for frame in answered.frames] == list(range(5_000))
    assert answered.gaps == ((4_999, "x0"),)


def test_a_run_that_updates_a_path_depends_on_the_previous_writer(store_url: str) -> None:
    facts = [
        a_run("first", 0, 1, ["/raw"], ["/w/state"]),
        a_run("second", 2, 3, ["/w/state"], ["/w/state"]),
        # It begins and ends at one moment, at which it reads and writes.
        a_run("third", 4, 4, ["/w/state"], ["/w/state"]),
        a_run("fourth", 5, 6, ["/w/state"], ["/w/state"]),
    ]

    with recorded(store_url, facts) as client:
        answered = answer(client, "/w/state")

    assert run_ids(answered) == ["fourth", "third", "second", "first"]


def test_a_zero_length_loop_alone_is_a_gap_and_not_its_own_producer(store_url: str) -> None:
    with recorded(store_url, [a_run("only", 4, 4, ["/w/state"], ["/w/state"])]) as client:
        answered = answer(client, "/w/state")

    assert run_ids(answered) == ["only"]
    assert run_of(answered, "/w/state") == (None, "gap")


def test_what_a_run_wrote_before_it_read_it_back_needs_no_link(store_url: str) -> None:
    facts = [
        a_run("before", 0, 1, [], ["/w/cache"]),
        a_run("own", 2, 9, [Read("/w/cache", at=5)], [Write("/w/cache", at=4), "out"]),
    ]

    with recorded(store_url, facts) as client:
        answered = answer(client, "out")

    assert answered is not None
    assert run_ids(answered) == ["own"]
    assert answered.frames[0].own_reads == ("/w/cache",)
    assert (answered.frames[0].inputs, answered.gaps, answered.coverage) == ((), (), 1.0)


def test_a_renamed_and_a_copied_file_are_found_by_their_content(store_url: str) -> None:
    digest = "blake3:" + "ab" * 32
    facts = [
        a_run("make", 0, 1, [], [Write("/w/a.csv", digest)]),
        a_run("copy", 2, 3, [], [Write("/w/copy.csv", digest)]),
        a_run("spoil", 4, 5, [], [Write("/w/a.csv", "blake3:" + "cd" * 32)]),
        a_run("use", 6, 7, [Read("/w/a.csv", digest), Read("/mnt/moved.csv", digest)], ["out"]),
    ]

    with recorded(store_url, facts) as client:
        answered = answer(client, "out")

    assert run_of(answered, "/w/a.csv") == ("make", "content")
    assert run_of(answered, "/mnt/moved.csv") == ("copy", "content")


def test_overlapping_runs_do_not_steal_inputs_that_versions_tell_apart(store_url: str) -> None:
    facts = [
        a_run("fit1", 0, 10, [], [Write("/w/model", "blake3:11")]),
        a_run("fit2", 1, 11, [], [Write("/w/model", "blake3:22")]),
        a_run("serve1", 11, 12, [Read("/w/model", "blake3:11")], ["pred1"]),
        a_run("serve2", 11, 12, [Read("/w/model", "blake3:22")], ["pred2"]),
        a_run("tag1", 11, 12, [], [Write("registry", "v1")]),
        a_run("tag2", 11, 12, [], [Write("registry", "v2")]),
        a_run("deploy", 13, 14, [Read("registry", "v1")], ["pred3"]),
    ]

    with recorded(store_url, facts) as client:
        assert run_of(answer(client, "pred1"), "/w/model") == ("fit1", "content")
        assert run_of(answer(client, "pred2"), "/w/model") == ("fit2", "content")
        assert run_of(answer(client, "pred3"), "registry") == ("tag1", "version")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("s3://bucket/key", "s3a://bucket/key"),
        ("s3n://bucket/key/", "S3://bucket/key"),
        ("s3://bucket/key/", "s3://bucket/key"),
        ("file:///data/x.csv", "/data/x.csv"),
        ("/data/x.csv", "FILE:///data/x.csv"),
        ("GS://bucket/key", "gs://bucket/key/"),
    ],
)
def test_names_that_mean_one_artifact_are_linked(store_url: str, written: str, read: str) -> None:
    facts = [a_run("w", 0, 1, [], [written]), a_run("r", 2, 3, [read], ["out"])]

    with recorded(store_url, facts) as client:
        assert run_ids(answer(client, "out")) == ["r", "w"]
        assert run_ids(answer(client, read)) == ["w"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("s3://bucket/key", "s3://Bucket/key"),
        ("s3://bucket/key", "s3://bucket/Key"),
        ("s3://bucket/key", "gs://bucket/key"),
        ("table", "Table"),
        ("table/", "table"),
        ("é", "e\u0301"),
    ],
)
def test_names_that_mean_two_artifacts_are_not_linked(
    store_url: str, written: str, read: str
) -> None:
    facts = [a_run("w", 0, 1, [], [written]), a_run("r", 2, 3, [read], ["out"])]

    with recorded(store_url, facts) as client:
        assert run_of(answer(client, "out"), reference.canonical(read)) == (None, "gap")


def test_a_path_object_and_its_absolute_name_mean_one_file(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with recorded(store_url, [a_run("r", 2, 3, [str(tmp_path / "x.csv")], ["out"])]) as client:
        client.record_run(
            "load",
            started_at=moment(BASE),
            ended_at=moment(BASE),
            outputs=[Path("x.csv")],
            run_id="w",
        )
        assert run_ids(answer(client, "out")) == ["r", "w"]


def test_a_named_run_goes_before_all_else_and_an_unknown_one_answers_nothing(
    store_url: str,
) -> None:
    facts = [
        a_run("silent", 0, 1),
        a_run("newest", 2, 3, [], [Write("x", "blake3:aa")]),
        a_run("r", 4, 5, [Read("x", "blake3:aa", run_id="silent")], ["out"]),
        a_run("s", 4, 5, [Read("x", run_id="nobody")], ["other"]),
    ]

    with recorded(store_url, facts) as client:
        assert run_of(answer(client, "out"), "x") == ("silent", "explicit")
        assert run_of(answer(client, "other"), "x") == ("newest", "time")
        # Recorded at last, the named run is what the reader said it was.
        record(client, [a_run("nobody", 0, 1)])
        assert run_of(answer(client, "other"), "x") == ("nobody", "explicit")


@pytest.mark.parametrize("written", ["etag:2", "blake3:bb", None])
@pytest.mark.parametrize("read", ["etag:1", "blake3:aa", "stat:1-2"])
def test_a_link_by_time_says_that_versions_differ(
    store_url: str, written: str | None, read: str
) -> None:
    facts = [
        a_run("w", 0, 1, [], [Write("x", written)]),
        a_run("r", 2, 3, [Read("x", read)], ["out"]),
    ]

    with recorded(store_url, facts) as client:
        assert run_of(answer(client, "out"), "x") == ("w", "time version-mismatch")
        frame = client.backtrace("out").frames[0]
    assert "version-mismatch" in {warning.code for warning in frame.warnings}


@pytest.mark.parametrize(
    ("writer", "reader", "seconds", "evidence"),
    [
        ("h1", "h2", 1, "time clock-skew"),
        ("h1", "h2", 2, "time clock-skew"),
        ("h1", "h2", 3, "gap"),
        ("h1", "h1", 1, "gap"),
        (None, "h1", 1, "gap"),
        ("h1", None, 1, "gap"),
        (None, None, 1, "gap"),
        ("h1", "h1", 0, "time"),
    ],
)
def test_clocks_may_differ_between_two_known_machines_only(
    store_url: str, writer: str | None, reader: str | None, seconds: int, evidence: str
) -> None:
    facts = [
        a_run("w", 0, 10 + seconds, [], ["x"], host=writer),
        a_run("r", 10, 20, ["x"], ["out"], host=reader),
    ]

    with recorded(store_url, facts) as client:
        assert run_of(answer(client, "out"), "x")[1] == evidence


def test_the_clock_tolerance_takes_the_nearest_write_and_none_where_an_older_one_is(
    store_url: str,
) -> None:
    facts = [
        a_run("far", 0, 12, [], ["x"], host="h1"),
        a_run("near", 0, 11, [], ["x"], host="h1"),
        a_run("r", 10, 20, ["x"], ["out"], host="h2"),
        a_run("older", 0, 1, [], ["y"], host="h1"),
        a_run("skewed", 0, 11, [], ["y"], host="h1"),
        a_run("s", 10, 20, ["y"], ["other"], host="h2"),
    ]

    with recorded(store_url, facts) as client:
        assert run_of(answer(client, "out"), "x") == ("near", "time clock-skew")
        assert run_of(answer(client, "other"), "y") == ("older", "time")


def test_a_crowd_of_writes_on_the_reader_s_machine_does_not_hide_another_machine_s(
    store_url: str,
) -> None:
    crowd = [
        RunFact(f"own{i}", BASE, BASE + SECOND + i, (), (Write("x"),), host="h2")
        for i in range(1, 301)
    ]
    facts = [
        *crowd,
        RunFact("far", BASE, BASE + SECOND + 301, (), (Write("x"),), host="h1"),
        a_run("r", 1, 9, ["x"], ["out"], host="h2"),
    ]

    with recorded(store_url, facts) as client:
        assert run_of(answer(client, "out"), "x") == ("far", "time clock-skew")


def test_of_many_writes_just_after_a_read_the_greatest_run_id_s_counts(store_url: str) -> None:
    # More than come back at once.
    facts = [a_run(f"w{i:03}", 0, 11, [], ["x"], host="h1") for i in range(150)]
    facts.append(a_run("r", 10, 20, ["x"], ["out"], host="h2"))

    with recorded(store_url, facts) as client:
        assert run_of(answer(client, "out"), "x") == ("w149", "time clock-skew")


def test_of_a_thousand_writes_of_one_moment_the_greatest_run_id_s_counts(store_url: str) -> None:
    facts = [a_run(f"w{i}", 0, 1, [], [Write("x", f"v{i % 2}")]) for i in range(1_000)]
    facts += [
        a_run("r", 1, 2, ["x"], ["out"]),
        a_run("w9990", 1, 2, ["x", Read("x", "v0")], [Write("x", at=1), "other"]),
    ]

    with recorded(store_url, facts) as client:
        # The reader's own write is of the same moment and does not count for itself.
        assert run_of(answer(client, "out"), "x") == ("w9990", "time")
        assert answer(client, "other") == reference_backtrace(facts, "other")


def test_two_machines_whose_clocks_contradict_each_other_end_in_no_endless_walk(
    store_url: str,
) -> None:
    facts = [
        a_run("a", 10, 11, ["y"], ["x"], host="h1"),
        a_run("b", 10, 11, ["x"], ["y"], host="h2"),
    ]

    with recorded(store_url, facts) as client:
        assert run_ids(answer(client, "x")) == ["a", "b"]
        assert run_ids(answer(client, "y")) == ["b", "a"]
        assert answer(client, "x") == reference_backtrace(facts, "x")


def test_nested_calls_are_behind_what_their_caller_wrote_afterwards(store_url: str) -> None:
    facts = [
        a_run("outer", 0, 20, [], [Write("early", at=5), Write("out", at=15)]),
        a_run("fetch", 1, 4, ["/raw"], [], parent="outer"),
        a_run("retry", 2, 3, ["/raw2"], [], parent="fetch"),
        a_run("make", 6, 8, [], ["part"], parent="outer"),
        a_run("join", 9, 12, ["part"], [], parent="outer"),
        a_run("after", 14, 16, [], [], parent="outer"),
    ]

    with recorded(store_url, facts) as client:
        assert run_ids(answer(client, "early")) == ["outer", "fetch", "retry"]
        answered = answer(client, "out")

    assert answered is not None
    assert run_ids(answered) == ["outer", "join", "make", "fetch", "retry"]
    assert [frame.calls for frame in answered.frames] == [(1, 3), (), (), (4,), ()]
    assert answered.gaps == ((3, "/raw"), (4, "/raw2"))


def test_a_called_run_that_only_its_own_product_leads_to_is_drawn_as_a_call(
    store_url: str,
) -> None:
    facts = [
        a_run("outer", 0, 10, [], ["out"]),
        # It writes, has that worked on, and reads the result before it ends.
        a_run("inner", 1, 9, [Read("y", at=6)], [Write("x", at=2)], parent="outer"),
        a_run("worker", 3, 4, ["x"], ["y"]),
    ]

    with recorded(store_url, facts) as client:
        answered = answer(client, "out")

    assert answered is not None
    assert run_ids(answered) == ["outer", "inner", "worker"]
    assert [frame.depth for frame in answered.frames] == [0, 1, 2]
    assert [frame.calls for frame in answered.frames] == [(1,), (), ()]


def test_a_called_run_that_outlived_its_caller_is_not_behind_it(store_url: str) -> None:
    facts = [
        a_run("outer", 0, 10, [], [Write("out", at=12)]),
        a_run("detached", 1, 11, [], [], parent="outer"),
    ]

    with recorded(store_url, facts) as client:
        assert run_ids(answer(client, "out")) == ["outer"]


def test_a_run_that_names_itself_as_producer_hides_no_gap(store_url: str) -> None:
    facts = [
        a_run("before", 0, 1, [], ["x"]),
        a_run("r", 2, 3, [Read("x", run_id="r"), Read("y", run_id="r")], ["out"]),
        a_run("s", 2, 9, [Read("z", at=5, run_id="s")], [Write("z", at=4), "own"]),
    ]

    with recorded(store_url, facts) as client:
        answered = answer(client, "out")
        assert run_of(answered, "x") == ("before", "time")
        assert run_of(answered, "y") == (None, "gap")
        assert answer(client, "own") == reference_backtrace(facts, "own")


def test_a_run_that_names_itself_reads_back_only_what_it_wrote_before(store_url: str) -> None:
    facts = [
        a_run("before", 0, 1, [], ["x"]),
        # It writes and reads at one moment, so what it read is not what it wrote.
        a_run("r", 4, 4, [Read("x", run_id="r")], ["x", "out"]),
    ]

    with recorded(store_url, facts) as client:
        assert run_of(answer(client, "out"), "x") == ("before", "time")


@pytest.mark.parametrize("ended", [None, BASE + SECOND])
def test_a_killed_run_is_shown_as_killed_and_its_logged_writes_count(
    store_url: str, ended: int | None
) -> None:
    facts = [
        RunFact("dead", BASE, ended, (), (Write("x", at=BASE + 1),), status="killed"),
        a_run("r", 2, 3, ["x"], ["out"]),
    ]

    with recorded(store_url, facts) as client:
        frame = client.backtrace("out").frames[1]

    assert (frame.run.run_id, frame.run.status) == ("dead", "killed")
    assert "killed" in {warning.code for warning in frame.warnings}


def test_runs_inside_a_live_run_are_behind_what_it_logs_afterwards(client: Client) -> None:
    with client.run("outer"):
        with client.run("inner"):
            client.log_input("/raw")
        client.log("between")
        with client.run("unrelated"):
            pass

    found = client.backtrace("between")

    assert [frame.run.component for frame in found.frames] == ["outer", "inner"]
    assert found.frames[0].calls == [1]
    assert [(gap.n, gap.name) for gap in found.gaps] == [(1, "/raw")]


def test_a_write_logged_before_a_failure_happened_and_a_declared_one_did_not(
    client: Client, tmp_path: Path
) -> None:
    def fail() -> None:
        with client.run("train", output_path=str(tmp_path / "model")):
            client.log_output("checkpoint")
            client.log("pred-1")
            raise ValueError("the disk is full")

    with pytest.raises(ValueError, match="the disk is full"):
        fail()

    (frame,) = client.backtrace("pred-1").frames
    assert frame.run.status == "failed"
    assert sorted(each.name for each in frame.outputs) == ["checkpoint", "pred-1"]
    with pytest.raises(NotFoundError):
        client.backtrace(str(tmp_path / "model"))


def test_objects_link_runs_of_one_process_whatever_else_was_written(client: Client) -> None:
    load = client.register("load", inputs=(), outputs=["return"])(lambda: {"rows": [1, 2, 3]})

    def use(rows: object) -> str:
        return client.log()

    use = client.register("use", inputs=["rows"])(use)
    first, second = load(), load()

    by_first, by_second = use(first), use(second)

    links = [client.backtrace(output).frames[0].inputs[0] for output in (by_first, by_second)]
    assert [link.evidence for link in links] == ["object", "object"]
    assert links[0].producer_run_id != links[1].producer_run_id
    newest, older = (run.run_id for run in client.history("load"))
    assert [link.producer_run_id for link in links] == [older, newest]
