"""What every store promises, asked through the public client (API.md, section 2)."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from backtrail import (
    AmbiguousIdError,
    Client,
    ConfigurationError,
    NotFoundError,
    Pointer,
    connect,
)
from backtrail.model.times import to_us
from backtrail.store.protocol import FresherProbe

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def second(number: float) -> datetime:
    return START + timedelta(seconds=number)


def put(client: Client, run_id: str | None, start: float = 0, **known: Any) -> str:
    """Record a run of a second."""
    known.setdefault("component", "step")
    known.setdefault("started_at", second(start))
    known.setdefault("ended_at", second(start + 1))
    return client.record_run(known.pop("component"), run_id=run_id, **known)


def ids(runs: list[Any]) -> list[str]:
    return [run.run_id for run in runs]


# --- facts count once ---------------------------------------------------------


def test_a_run_that_is_said_twice_counts_once(
    client: Client, another_client: Callable[[], Client]
) -> None:
    for sender in (client, client, another_client(), another_client()):
        put(sender, "only-run", inputs=["x"], outputs=["y", Pointer("z", version="v1")])
        assert sender.flush() == 0

    found = client.get_run("only-run")

    assert ids(client.recent()) == ids(client.history("step")) == ids(client.who("y"))
    assert ids(client.recent()) == ["only-run"]
    assert ([each.name for each in found.inputs], found.outputs_total) == (["x"], 2)
    assert sorted(each.name for each in found.outputs) == ["y", "z"]
    assert client.backtrace("y").output.other_writes == 0


def test_what_is_told_of_a_run_in_parts_is_united(
    client: Client, another_client: Callable[[], Client]
) -> None:
    put(client, "in-parts", inputs=["x"], outputs=["a"])
    put(another_client(), "in-parts", inputs=["y"], outputs=["b"])

    found = another_client().get_run("in-parts")

    assert sorted(each.name for each in found.inputs) == ["x", "y"]
    assert sorted(each.name for each in found.outputs) == ["a", "b"]


@pytest.mark.parametrize("first", [1500, 2500])
def test_the_outputs_of_a_long_run_that_is_said_again_count_once(
    client: Client, another_client: Callable[[], Client], first: int
) -> None:
    names = [f"out-{n}" for n in range(2500)]
    for said in (names[:first], names, names):
        put(sender := another_client(), "long-run", outputs=said)
        assert sender.flush() == 0

    found = client.get_run("long-run")

    assert (found.outputs_total, len(found.outputs)) == (2500, 1000)
    for name in ("out-0", "out-2499"):
        assert client.backtrace(name).frames[0].run.run_id == "long-run"


def test_the_greatest_kind_that_was_said_of_a_name_counts(
    client: Client, another_client: Callable[[], Client]
) -> None:
    other = another_client()
    for sender, kind in ((client, "unknown"), (other, "model"), (client, "data")):
        put(sender, None, outputs=[Pointer("x", kind=kind)])
        assert sender.flush() == 0

    assert client.backtrace("x").output.kind == "model"


@pytest.mark.parametrize("end_first", [True, False])
def test_the_end_of_a_run_is_kept_whenever_its_start_is_told(
    client: Client, another_client: Callable[[], Client], end_first: bool
) -> None:
    def begin(sender: Client) -> None:
        put(sender, "the-run", inputs=["x"], ended_at=None, status="running")
        sender.flush()

    def end(sender: Client) -> None:
        put(sender, "the-run", outputs=["y"], status="failed", error="ValueError: no")
        sender.flush()

    for tell in (end, begin) if end_first else (begin, end):
        tell(another_client())

    found = client.get_run("the-run")
    assert (found.status, found.error) == ("failed", "ValueError: no")
    assert (found.started_at, found.ended_at) == (second(0), second(1))
    assert ([each.name for each in found.inputs], found.outputs_total) == (["x"], 1)


DETAILS: dict[str, tuple[Any, Any]] = {
    "host": ("gpu-1", "gpu-2"),
    "git_hash": ("a" * 40, "b" * 40),
    "params": ({"eta": 1}, {"eta": 2}),
    "parent_run_id": ("caller-1", "caller-2"),
    "pipeline_run_id": ("nightly-1", "nightly-2"),
    "error": ("ValueError: 1", "ValueError: 2"),
    "component": ("fit", "train"),
    "started_at": (second(0), second(0.5)),
    "ended_at": (second(1), second(2)),
    "status": ("failed", "killed"),
}


def told(client: Client, run_id: str) -> dict[str, Any]:
    """Give what a store says of a run, by the names in which `record_run` takes it."""
    run = client.get_run(run_id)
    said = {name: getattr(run, name) for name in DETAILS if name != "git_hash"}
    return {**said, "git_hash": run.code.git_hash}


@pytest.mark.parametrize("detail", ["host", "git_hash", "params", "parent_run_id", "error"])
@pytest.mark.parametrize("known_first", [True, False])
def test_what_one_record_of_a_run_leaves_open_another_fills_in(
    client: Client, another_client: Callable[[], Client], detail: str, known_first: bool
) -> None:
    known = {detail: DETAILS[detail][0]}

    for given in (known, {}) if known_first else ({}, known):
        sender = another_client()
        put(sender, "the-run", status="failed", **given)
        sender.flush()

    assert told(client, "the-run")[detail] == DETAILS[detail][0]


@pytest.mark.parametrize("detail", sorted(DETAILS))
def test_records_of_a_run_that_contradict_each_other_leave_the_same_in_either_order(
    fresh_store: Callable[[], AbstractContextManager[str]], detail: str
) -> None:
    seen = []
    for values in (DETAILS[detail], DETAILS[detail][::-1]):
        with fresh_store() as url:
            clients = [connect(url), connect(url)]
            for client, value in zip(clients, values, strict=True):
                put(client, "the-run", **{detail: value})
                client.flush()
            seen.append((told(clients[0], "the-run"), len(clients[1].recent())))
            for client in clients:
                client.close()

    assert seen[0] == seen[1]
    assert seen[0][0][detail] in DETAILS[detail]


def test_a_run_of_this_store_that_is_imported_again_under_its_id_counts_once(
    client: Client, another_client: Callable[[], Client]
) -> None:
    run_id = put(client, None, outputs=["x"])
    client.flush()

    put(another_client(), run_id, outputs=["x"])

    assert ids(another_client().recent()) == [run_id]
    assert ids(client.who("x")) == [run_id]


def test_an_input_that_is_given_twice_is_one(client: Client) -> None:
    put(client, "some-run", inputs=["x", "x", Pointer("y", at=second(0))], outputs=["out", "out"])

    found = client.backtrace("out")

    assert sorted(each.name for each in found.frames[0].inputs) == ["x", "y"]
    assert (found.frames[0].run.outputs_total, found.output.other_writes) == (1, 0)


def test_a_source_that_is_declared_twice_or_late_is_one(
    client: Client, another_client: Callable[[], Client]
) -> None:
    put(client, "reads-it", inputs=["/raw"], outputs=["out"])
    assert [gap.name for gap in client.backtrace("out").gaps] == ["/raw"]

    another_client().source("file:///raw")
    client.source(Pointer("/raw"))

    assert another_client().backtrace("out").gaps == []
    assert client.backtrace("out").frames[0].inputs[0].evidence == "source"


def test_a_component_is_one_in_every_client_and_none_leaves_what_is_known(
    client: Client, another_client: Callable[[], Client]
) -> None:
    client.create_or_retrieve_component("fit", kind="training", owner="@ada", tags=["a"])
    client.flush()
    other = another_client().create_or_retrieve_component("fit", description="fits", tags=["b"])
    other.set_owner("@bob")

    (found,) = another_client().components()

    assert (found.name, found.kind, found.owner, found.description) == (
        "fit",
        "training",
        "@bob",
        "fits",
    )
    assert "b" in found.tags


# --- what is visible when -----------------------------------------------------


def test_answers_hold_all_that_this_process_has_recorded(client: Client) -> None:
    for i in range(50):
        put(client, f"run-{i:02}", i, outputs=[f"out-{i}"])

        assert client.backtrace(f"out-{i}").frames[0].run.run_id == f"run-{i:02}"
        assert client.recent(limit=1)[0].run_id == f"run-{i:02}"


def test_a_flushed_run_is_seen_by_a_client_that_was_open_before(
    client: Client, another_client: Callable[[], Client]
) -> None:
    early = another_client()
    assert early.recent() == []

    put(client, "flushed-run", outputs=["out"])

    assert client.flush() == 0
    assert early.get_run("flushed-run").component == "step"
    assert early.backtrace("out").frames[0].run.run_id == "flushed-run"


def test_what_was_recorded_is_there_after_all_clients_closed(store_url: str) -> None:
    first = connect(store_url)
    put(first, "kept-run", inputs=["x"], outputs=["y"])
    first.source("x")
    first.close()

    second_client = connect(store_url)
    found = second_client.backtrace("y")
    second_client.close()

    assert [frame.run.run_id for frame in found.frames] == ["kept-run"]
    assert found.coverage == 1.0


def test_a_run_is_seen_whole_or_not_at_all(
    client: Client, another_client: Callable[[], Client]
) -> None:
    writer, rounds = another_client(), 12
    inputs = [f"in-{i}" for i in range(40)]
    outputs = [f"out-{i}" for i in range(3_000)]
    done = threading.Event()

    def write() -> None:
        for i in range(rounds):
            put(writer, f"whole-{i:02}", i, inputs=inputs, outputs=outputs)
            writer.flush()
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    sizes = set()
    while not done.is_set():
        for run in client.recent(limit=2):
            found = client.get_run(run.run_id)
            sizes.add((len(found.inputs), found.outputs_total))
    thread.join()

    sizes |= {(len(r.inputs), r.outputs_total) for r in client.recent(limit=rounds)}
    assert sizes == {(40, 3_000)}
    assert len(client.recent(limit=100)) == rounds


def test_clients_that_record_at_once_lose_nothing(another_client: Callable[[], Client]) -> None:
    clients = [another_client() for _ in range(6)]

    def write(number: int) -> None:
        for i in range(50):
            put(clients[number], f"c{number}-{i:03}", i, outputs=[f"shared-{i}"])
            if i % 10 == 0:
                clients[number].flush()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [client.flush() for client in clients] == [0] * 6
    seen = ids(another_client().recent(limit=1_000))
    assert (len(seen), len(set(seen))) == (300, 300)


def test_closing_twice_and_flushing_nothing_is_fine(store_url: str) -> None:
    client = connect(store_url)
    assert client.flush() == 0

    client.close()
    client.close()


# --- one run ------------------------------------------------------------------


def test_a_run_is_given_back_as_it_was_told(client: Client) -> None:
    put(client, "caller-run", 0, ended_at=second(9))
    put(
        client,
        "told-run",
        1.000001,
        ended_at=second(2.5),
        component="fit",
        inputs=[Pointer("/x", version="etag:7", at=second(1.25))],
        outputs=[Pointer("m", version="blake3:aa", kind="model", at=second(2))],
        params={"eta": 0.1, "names": ["ä", None, True]},
        status="failed",
        git_hash="0123456789abcdef0123456789abcdef01234567",
        pipeline_run_id="nightly-7",
        parent_run_id="caller-run",
        error="ValueError: no such column",
        host="gpu-3",
    )

    run = client.get_run("told-run")

    assert (run.run_id, run.component, run.status) == ("told-run", "fit", "failed")
    assert (run.started_at, run.ended_at) == (second(1.000001), second(2.5))
    assert run.params == {"eta": 0.1, "names": ["ä", None, True]}
    assert run.code.git_hash == "0123456789abcdef0123456789abcdef01234567"
    assert (run.pipeline_run_id, run.parent_run_id) == ("nightly-7", "caller-run")
    assert (run.error, run.host) == ("ValueError: no such column", "gpu-3")
    (read,), (written,) = run.inputs, run.outputs
    assert (read.name, read.kind, read.version, read.read_at) == (
        "/x",
        "data",
        "etag:7",
        second(1.25),
    )
    assert (written.name, written.kind, written.version) == ("m", "model", "blake3:aa")
    assert written.written_at == second(2)


def test_a_computed_run_id_is_found_whole_and_by_its_beginning(client: Client) -> None:
    run_id = put(client, None, 0)
    put(client, None, 3600)

    assert client.get_run(run_id).run_id == run_id
    assert client.get_run(run_id[:18]).run_id == run_id
    assert client.get_run(run_id[:13]).run_id == run_id


def test_a_given_run_id_is_found_by_a_beginning_of_four_characters_or_more(client: Client) -> None:
    put(client, "dbt_run.1")
    put(client, "7F1C-upper")
    put(client, "%percent")

    assert client.get_run("dbt_").run_id == "dbt_run.1"
    assert client.get_run("dbt_run.1").run_id == "dbt_run.1"
    assert client.get_run("7F1C-").run_id == "7F1C-upper"
    assert client.get_run("%perc").run_id == "%percent"
    for wrong in ("dbt_x", "dbtXrun", "_bt_", "%%%%", "____", "7f1c-lower", ""):
        with pytest.raises(NotFoundError):
            client.get_run(wrong)


def test_less_than_four_characters_are_no_beginning_of_a_run_id(client: Client) -> None:
    put(client, "abcdef")
    put(client, "xyz")

    assert client.get_run("xyz").run_id == "xyz"
    with pytest.raises(NotFoundError):
        client.get_run("abc")


def test_a_beginning_that_several_ids_share_is_ambiguous_and_names_them(client: Client) -> None:
    put(client, "same-1")
    put(client, "same-2")
    put(client, "same")

    assert client.get_run("same").run_id == "same"
    with pytest.raises(AmbiguousIdError) as caught:
        client.get_run("same-")
    assert set(caught.value.candidates) == {"same-1", "same-2"}


def test_computed_ids_that_begin_alike_are_ambiguous(client: Client) -> None:
    one, two = put(client, None, 0), put(client, None, 0)

    with pytest.raises(AmbiguousIdError) as caught:
        client.get_run(one[:8])
    assert set(caught.value.candidates) == {one, two}


def test_a_computed_id_is_found_by_its_beginning_among_runs_with_given_ids(client: Client) -> None:
    for number in range(20):
        put(client, f"given-{number}")
    run_id = put(client, None)

    assert client.get_run(run_id[:13]).run_id == run_id


def test_given_and_computed_ids_are_told_apart(client: Client) -> None:
    computed = put(client, None, 0, outputs=["computed"])
    given = ("0" if computed[-1] != "0" else "1").join((computed[:-1], ""))
    put(client, given, 5, outputs=["given"])

    assert client.get_run(computed).started_at == second(0)
    assert client.get_run(given).started_at == second(5)
    assert client.backtrace("given").frames[0].run.run_id == given
    with pytest.raises(AmbiguousIdError):
        client.get_run(computed[:-1])


def test_a_run_s_backtrace_is_asked_for_by_its_id_or_its_beginning(client: Client) -> None:
    put(client, "feeder-run", 0, outputs=["x"])
    put(client, "asked-run", 2, inputs=["x"])

    for asked in ("asked-run", "asked"):
        found = client.backtrace(asked)
        assert [frame.run.run_id for frame in found.frames] == ["asked-run", "feeder-run"]


# --- unknown names ------------------------------------------------------------


def test_an_unknown_output_is_answered_with_the_closest_names(client: Client) -> None:
    put(client, "some-run", outputs=["prediction-17", "prediction-18", "unrelated"])

    with pytest.raises(NotFoundError) as caught:
        client.backtrace("predicton-17")

    assert caught.value.closest[0] == "prediction-17"
    assert "unrelated" not in caught.value.closest
    assert "prediction-17" in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "meant"), [("PRED-17", "pred-17"), ("nodel", "model"), ("Ravv.csv", "raw.csv")]
)
def test_a_name_in_other_letters_or_with_a_wrong_first_one_is_close(
    client: Client, asked: str, meant: str
) -> None:
    put(client, "some-run", outputs=[Pointer("pred-17", kind="output"), "model", "raw.csv"])

    with pytest.raises(NotFoundError) as caught:
        client.backtrace(asked)

    assert caught.value.closest == [meant]


def test_an_unknown_run_id_is_answered_with_those_that_begin_alike(client: Client) -> None:
    put(client, "abcd-0001")
    put(client, "abcd-0002")
    put(client, "abff-0003")

    with pytest.raises(NotFoundError) as caught:
        client.get_run("abcd-0009")

    assert caught.value.closest == ["abcd-0001", "abcd-0002"]


def test_nothing_is_close_in_an_empty_store(client: Client) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.backtrace("prediction-17")

    assert caught.value.closest == []
    assert (client.recent(), client.components(), client.find("x")) == ([], [], [])


def test_an_output_that_was_only_written_later_is_not_found_at_an_earlier_time(
    client: Client,
) -> None:
    put(client, "late-run", 10, outputs=["out"])

    with pytest.raises(NotFoundError):
        client.backtrace("out", at=second(10))
    assert client.backtrace("out", at=second(11)).frames[0].run.run_id == "late-run"


def test_an_unknown_component_is_answered_with_the_closest_names(client: Client) -> None:
    put(client, "some-run", component="features")

    with pytest.raises(NotFoundError) as caught:
        client.history("feature")

    assert caught.value.closest == ["features"]


# --- lists --------------------------------------------------------------------


def test_history_lists_one_component_s_runs_newest_first(client: Client) -> None:
    for i in (3, 0, 2, 1):
        put(client, f"mine-{i}", i, component="mine")
        put(client, f"other-{i}", i, component="other")

    assert ids(client.history("mine")) == ["mine-3", "mine-2", "mine-1", "mine-0"]
    assert ids(client.history("mine", limit=2)) == ["mine-3", "mine-2"]
    assert ids(client.history("mine", since=second(1.5))) == ["mine-3", "mine-2"]
    assert ids(client.history("mine", until=second(1.5))) == ["mine-1", "mine-0"]
    assert ids(client.history("mine", since=second(0.5), until=second(2.5))) == ["mine-2", "mine-1"]
    assert len(client.history("mine", limit=1_000)) == 4


def test_history_gives_ten_runs_and_recent_twenty_unless_told(client: Client) -> None:
    for i in range(25):
        put(client, f"run-{i:02}", i)

    assert ids(client.history("step")) == [f"run-{i:02}" for i in range(24, 14, -1)]
    assert ids(client.recent()) == [f"run-{i:02}" for i in range(24, 4, -1)]


def test_recent_runs_are_paged_without_overlap_or_omission(client: Client) -> None:
    # Five runs to each moment: a page ends among runs of one moment.
    for i in range(40):
        put(client, None if i % 3 else f"run-{i:02}", i // 5)
    everything = client.recent(limit=100)

    pages: list[list[Any]] = []
    before = None
    while page := client.recent(limit=7, before=before):
        pages.append(page)
        before = page[-1].run_id

    assert [len(page) for page in pages] == [7, 7, 7, 7, 7, 5]
    assert [run for page in pages for run in ids(page)] == ids(everything)
    assert len(set(ids(everything))) == 40
    starts = [run.started_us for run in everything]
    assert starts == sorted(starts, reverse=True)


def test_a_page_goes_on_where_it_ended_when_newer_runs_came_between(client: Client) -> None:
    for i in range(6):
        put(client, f"run-{i}", i)
    first = client.recent(limit=3)
    put(client, "newer", 100)

    assert ids(client.recent(limit=3, before=first[-1].run_id)) == ["run-2", "run-1", "run-0"]


def test_components_are_chosen_by_tag_and_owner(client: Client) -> None:
    client.create_or_retrieve_component("a", owner="@ada", tags=["nightly", "gpu"])
    client.create_or_retrieve_component("b", owner="@ada", tags=["nightly-2"])
    client.create_or_retrieve_component("c", owner="@bob", tags=["nightly"])
    put(client, "some-run", component="d")

    def names(**chosen: str) -> list[str]:
        return sorted(each.name for each in client.components(**chosen))

    assert names() == ["a", "b", "c", "d"]
    assert names(tag="nightly") == ["a", "c"]
    assert names(owner="@ada") == ["a", "b"]
    assert names(tag="nightly", owner="@ada") == ["a"]
    assert names(tag="night") == []


def test_a_component_says_when_it_last_ran(client: Client) -> None:
    put(client, "run-2", 2)
    put(client, "run-1", 1)

    (found,) = client.components()

    assert found.last_run_at == second(2)


# --- find ---------------------------------------------------------------------


def test_find_looks_in_the_names_of_components_and_artifacts(client: Client) -> None:
    put(
        client,
        "flight-import-1",
        component="flight_delays",
        inputs=["/data/flights.csv"],
        outputs=["flight-17"],
    )
    put(client, "elsewhere", component="weather", outputs=["rain"])

    names = {match.name for match in client.find("flight")}

    assert names >= {"flight_delays", "/data/flights.csv", "flight-17"}
    assert not names & {"weather", "rain", "elsewhere"}
    assert client.find("train") == []


def test_a_flagged_output_is_found_by_what_is_wrong_with_it(client: Client) -> None:
    put(client, "some-run", outputs=["pred-1", "pred-2"])
    client.flag("pred-1", "Far too LOW", by="ann")
    client.flag("pred-2", "late", by="ann")
    client.flush()

    assert [(each.name, each.note) for each in client.find("too low")] == [
        ("pred-1", "Far too LOW")
    ]
    assert {each.name: each.note for each in client.find("pred-")}["pred-2"] == "late"

    client.unflag("pred-1", by="ann")
    client.flush()
    assert client.find("too low") == []
    assert [each.note for each in client.find("pred-1")] == [None]


@pytest.mark.parametrize(
    "text", ["%", "_", "100%", "a_c", "'", '"', "\\", "*", "[a]", "NEAR(", "-"]
)
def test_signs_that_mean_something_to_a_database_mean_themselves(client: Client, text: str) -> None:
    put(client, "some-run", outputs=["abc", "1000", f"has {text} in it"])

    assert [match.name for match in client.find(text)] == [f"has {text} in it"] or text == "-"
    assert f"has {text} in it" in [match.name for match in client.find(f"has {text}")]


# --- who ----------------------------------------------------------------------


def test_who_lists_the_writers_of_a_name_newest_first(client: Client) -> None:
    for i in (1, 3, 2):
        put(client, f"writer-{i}", i, outputs=["s3://bucket/table/"])
    put(client, "reader-run", 9, inputs=["s3://bucket/table"])

    for spelt in ("s3://bucket/table", "S3A://bucket/table/", "s3n://bucket/table"):
        assert ids(client.who(spelt)) == ["writer-3", "writer-2", "writer-1"]


def test_who_knows_a_file_by_its_content_wherever_it_lies_now(
    client: Client, tmp_path: Path
) -> None:
    made = tmp_path / "made.csv"

    def make(text: str) -> str:
        with client.run("make") as run:
            made.write_text(text)
            client.log_output(made)
        return str(run.run_id)

    first = make("a,b\n1,2\n")
    moved = made.rename(tmp_path / "moved.csv")
    second_run = make("a,b\n3,4\n")
    copied = Path(shutil.copy(made, tmp_path / "copied.csv"))

    assert ids(client.who(moved)) == ids(client.who(str(moved))) == [first]
    assert ids(client.who(copied)) == [second_run]
    assert ids(client.who(made)) == [second_run, first]
    copied.write_text("a,b\n5,6\n")
    with pytest.raises(NotFoundError):
        client.who(copied)


@pytest.mark.parametrize("kind", ["blake3", "sha256", "md5"])
@pytest.mark.parametrize("length", [4, 5, 20])
def test_a_digest_is_found_by_its_beginning_with_and_without_its_kind(
    client: Client, kind: str, length: int
) -> None:
    mine, other = ("ab12f" + "0c" * 29 + "1"), ("ab12e" + "0c" * 29 + "1")
    put(client, None, outputs=[Pointer("x", version=f"{kind}:{mine}")])
    put(client, None, outputs=[Pointer("y", version=f"{kind}:{other}")])
    put(client, None, outputs=[Pointer("z", version=f"etag:{mine}")])

    found = client.digests(f"{kind}:{mine[:length]}")

    expected = [f"{kind}:{mine}"] if length > 4 else [f"{kind}:{other}", f"{kind}:{mine}"]
    assert found == expected
    assert client.digests(mine[:length]) == expected
    assert client.digests(f"{kind}:{mine[:length]}", limit=1) == expected[:1]
    assert client.digests(f"etag:{mine[:length]}") == []


def test_a_backtrace_is_asked_for_by_the_digest_of_a_content(client: Client) -> None:
    digest = "sha256:" + "ab" * 32
    put(client, "older", 0, outputs=[Pointer("x", version=digest)])
    put(client, "newer", 10, outputs=[Pointer("y", version=digest)])

    newest = client.backtrace(digest)
    before = client.backtrace(digest, at=second(5))

    assert (newest.output.name, newest.frames[0].run.run_id) == ("y", "newer")
    assert (before.output.name, before.frames[0].run.run_id) == ("x", "older")


def test_content_that_a_run_wrote_under_two_names_is_shown_under_the_later(client: Client) -> None:
    digest = "sha256:" + "ab" * 32
    early, late = second(0.25), second(0.5)
    names = [Pointer("draft", version=digest, at=early), Pointer("final", version=digest, at=late)]
    put(client, "writer", 0, outputs=names)

    assert client.backtrace(digest).output.name == "final"
    assert client.backtrace(digest, at=early).output.name == "draft"


def test_the_newest_good_output_has_only_completed_runs_behind_it(client: Client) -> None:
    def made(name: str) -> Pointer:
        return Pointer(name, kind="output")

    put(client, "good", 0, outputs=["m1"])
    put(client, "bad", 10, outputs=["m2"], status="failed", error="no")
    put(client, None, 20, inputs=["m1"], outputs=[made("rewritten")])
    put(client, None, 30, inputs=["m1"], outputs=[made("fine")])
    put(client, None, 40, inputs=["m2"], outputs=[made("tainted"), made("rewritten")])

    assert client.last_good_output() == "fine"


def test_who_of_a_name_that_was_only_read_is_nobody(client: Client) -> None:
    put(client, "reader-run", inputs=["/raw/only-read.csv"])

    assert client.who("/raw/only-read.csv") == []


# --- amounts and odd words ----------------------------------------------------


def test_a_hundred_thousand_outputs_of_one_run_are_all_traceable(client: Client) -> None:
    put(client, "maker", 0, outputs=["/model"])
    names = [f"pred-{i:06}" for i in range(100_000)]
    with client.run("serve") as run:
        client.log_input("/model")
        given = client.log_many(names, values=[i / 7 for i in range(100_000)])

    assert given == names
    assert client.flush() == 0
    for i in (0, 1, 999, 1_000, 1_001, 54_321, 99_999):
        found = client.backtrace(f"pred-{i:06}")
        assert [frame.run.run_id for frame in found.frames] == [str(run.run_id), "maker"]
        assert (found.output.value, found.output.other_writes) == (i / 7, 0)
    frame = client.backtrace("pred-054321").frames[0]
    assert frame.run.outputs_total == 100_000
    # The first thousand, and the one that was asked for.
    assert 1_000 <= len(frame.outputs) <= 1_001
    assert "pred-054321" in {each.name for each in frame.outputs}
    assert len(client.recent()) == 2


def test_generated_output_ids_are_distinct(client: Client) -> None:
    with client.run("serve"):
        given = client.log_many([None] * 1_000)
    loose = [client.log() for _ in range(20)]

    assert len({*given, *loose}) == 1_020
    assert client.backtrace(given[500]).frames[0].run.component == "serve"


@pytest.mark.parametrize(
    "name",
    [
        "ключ/データ/🙂",
        "'; DROP TABLE run; --",
        'with "quotes" and \\ and\ttab\nline',
        "x" * 2_000,
        " leading and trailing ",
        "%s ? :name $1 {brace}",
        "1",
        "run",
        "NULL",
        "e\u0301",
    ],
)
def test_any_word_is_a_name(client: Client, name: str) -> None:
    put(client, "first-run", 0, component=name, outputs=[name])
    put(client, "second-run", 2, inputs=[name], outputs=["out"])

    found = client.backtrace("out")

    assert [frame.run.run_id for frame in found.frames] == ["second-run", "first-run"]
    assert (found.frames[1].run.component, found.frames[0].inputs[0].name) == (name, name)
    assert ids(client.who(name)) == ids(client.history(name)) == ["first-run"]


@pytest.mark.parametrize("year", [1960, 1970, 2038, 2500])
def test_times_far_away_are_kept(client: Client, year: int) -> None:
    start = datetime(year, 1, 1, 0, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=5)))
    end = start + timedelta(microseconds=1)
    run_id = client.record_run("old", started_at=start, ended_at=end, outputs=["out"])

    found = client.backtrace("out")

    assert found.frames[0].run.run_id == run_id
    assert (found.frames[0].run.started_at, found.output.written_at) == (start, end)
    assert client.get_run(run_id).started_at == start
    assert client.get_run(run_id).started_at.utcoffset() == timedelta(0)


def test_times_without_a_zone_are_refused(client: Client) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001

    with pytest.raises(ConfigurationError):
        client.record_run("step", started_at=naive, ended_at=second(1))
    with pytest.raises(ConfigurationError):
        client.record_run("step", started_at=second(0), ended_at=naive)
    with pytest.raises(ConfigurationError):
        Pointer("x", at=naive)
    put(client, "some-run", outputs=["out"])
    with pytest.raises(ConfigurationError):
        client.backtrace("out", at=naive)


def test_a_backtrace_counts_the_other_writes_of_its_output(client: Client) -> None:
    for i in range(4):
        put(client, f"run-{i}", i, outputs=["out"])
    put(
        client,
        "run-9",
        9,
        outputs=[Pointer("out", at=second(9.25)), Pointer("out", at=second(9.75))],
    )

    assert client.backtrace("out").output.other_writes == 5
    assert client.backtrace("out", at=second(2)).output.other_writes == 5
    assert client.backtrace("out").output.written_at == second(9.75)


# --- what was there and was not read ------------------------------------------


def test_a_fresher_write_is_the_newest_between_a_write_and_its_read(client: Client) -> None:
    for number in range(4):
        model = Pointer("model", version=f"v{number}")
        put(client, f"train-{number}", number - 1, component="train", outputs=[model])
    store = client._ask()
    artifact = store.artifact_named("model")
    keys = [store.key_of(f"train-{number}") or 0 for number in range(4)]
    assert artifact is not None

    def fresher(written: int, read: int, reader: int = 0) -> list[int]:
        times = (to_us(second(written)), to_us(second(read)))
        probe = FresherProbe(artifact.artifact, *times, keys[written], reader)
        return [write.run for write in store.fresher_writes([probe]).get(0, [])]

    assert fresher(0, 3) == [keys[3]]
    assert fresher(0, 2) == [keys[2]]
    assert fresher(0, 3, reader=keys[3]) == [keys[2]]
    assert fresher(3, 3) == []
    assert fresher(1, 1) == []


@pytest.mark.parametrize("first", [0, 1])
def test_several_versions_that_a_run_writes_at_one_moment_all_count(
    client: Client, another_client: Callable[[], Client], first: int
) -> None:
    versions = ["v1", "v2"]
    for version in (versions[first], versions[1 - first]):
        put(another_client(), "writer", outputs=[Pointer("x", version=version)])
    for version in versions:
        put(
            client, f"reads-{version}", 5, inputs=[Pointer("x", version=version)], outputs=[version]
        )
    put(client, "reads-v3", 5, inputs=[Pointer("x", version="v3")], outputs=["v3"])

    for version in versions:
        (read,) = client.backtrace(version).frames[0].inputs
        assert (read.producer, read.evidence, read.warnings) == (1, "version", [])
    frame = client.backtrace("v3").frames[0]
    assert (frame.inputs[0].evidence, frame.inputs[0].warnings) == ("time", ["version-mismatch"])
    assert "was v2" in frame.warnings[0].text


# --- names of any length --------------------------------------------------------

CUT = 1960


@pytest.mark.parametrize("end", ["", "\N{SNOWMAN}" * 2000])
def test_names_and_ids_of_any_length_are_kept_and_found_and_told_apart(
    client: Client, end: str
) -> None:
    # Without any order, as no index can make it small.
    noise = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(200))
    long, other = "long/" + noise + end + "1", "long/" + noise + end + "2"
    pipeline = "p" + noise
    run_id = put(client, noise, component=noise, outputs=[Pointer(long, version=noise)])
    put(client, "caller of", parent_run_id=noise, pipeline_run_id=pipeline, git_hash=noise)
    put(client, "other", 1, inputs=[Pointer(long, run_id=noise)], outputs=[other])
    put(client, "third", 2, inputs=[Pointer(long, version=noise)], outputs=["x"])
    client.flush()

    assert noise.startswith(run_id[:CUT])
    assert client.get_run(noise).run_id == client.get_run(run_id).run_id == run_id
    assert [ids(client.who(each)) for each in (long, other)] == [[run_id], ["other"]]
    assert ids(client.history(noise)) == [run_id]
    assert client.get_run("caller of").parent_run_id == run_id
    for name, evidence in ((other, "explicit"), ("x", "version")):
        (read,) = client.backtrace(name).frames[0].inputs
        assert (read.producer, read.evidence) == (1, evidence)
