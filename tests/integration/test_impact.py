"""Impact where a random history does not lead: a million ids, long runs, calls, paths."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from tiers import Sized

from backtrail import AmbiguousIdError, Client, ConfigurationError, NotFoundError, Pointer

DAY = datetime(2026, 1, 1, tzinfo=timezone.utc)
BENCH = Path(__file__).resolve().parents[2] / "bench"

LISTING = """
import json, sys
from pathlib import Path
import backtrail

def peak_mib():
    # Not getrusage: what that gives begins with the peak of the process that started this.
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024

with backtrail.connect(sys.argv[1]) as client:
    client.impact("pred-000000001")
    before = peak_mib()
    found = client.impact("model.pkl")
    first = next(found.output_ids)
    last = None
    ids = 0
    for last in found.output_ids:
        ids += 1
    grown = peak_mib() - before
print(json.dumps([len(found.runs), found.outputs_total, ids, first, last, grown]))
"""


def at(second: float) -> datetime:
    return DAY + timedelta(seconds=second)


def put(client: Client, run_id: str, start: float, end: float | None = None, **what: object) -> str:
    ended = at(start if end is None else end)
    how = {"component": "step", **what}
    component = str(how.pop("component"))
    return client.record_run(
        component,
        started_at=at(start),
        ended_at=ended,
        run_id=run_id,
        **how,  # type: ignore[arg-type]
    )


def ids(runs: object) -> list[str]:
    return [run.run_id for run in runs]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("of_one_run", [False, True])
def test_a_million_output_ids_are_listed_in_the_memory_that_fewer_take(
    tmp_path: Path, sized: Sized[tuple[int, int, int]], of_one_run: bool
) -> None:
    runs, each, most = sized((300, 1_000, 80), (1_000, 1_000, 120))
    if of_one_run:
        runs, each = 1, 200_000
    path = tmp_path / "bt.db"
    write = "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; import _wide; "
    write += "_wide.write_wide(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))"
    subprocess.run(
        [sys.executable, "-c", write, str(BENCH), str(path), str(runs), str(each)], check=True
    )

    done = subprocess.run(
        [sys.executable, "-c", LISTING, f"sqlite:///{path}"],
        stdout=subprocess.PIPE,
        check=True,
    )

    found_runs, counted, listed, first, last, grown = json.loads(done.stdout)
    assert (found_runs, counted, listed) == (runs, runs * each, runs * each)
    assert (first, last) == ("pred-000000001", f"pred-{runs * each:09}")
    # A million names alone, in a list, would take 70 MiB, and their keys in a set 60 more;
    # of fewer, 21 and 18.
    assert grown < most


def test_a_caller_is_affected_from_the_end_of_the_call_on(client: Client) -> None:
    early, late = (
        Pointer("early", kind="output", at=at(4)),
        Pointer("late", kind="output", at=at(8)),
    )
    put(client, "flow", 0, 10, outputs=[early, late])
    put(client, "called", 5, 6, outputs=["table"], parent_run_id="flow")
    put(client, "reads-early", 20, inputs=["early"])
    put(client, "reads-late", 21, inputs=["late"])

    found = client.impact("called")

    assert ids(found.runs) == ["flow", "reads-late"]
    assert list(found.output_ids) == ["late"]
    assert [step.evidence for step in found.path_to("reads-late")] == ["", "call", "time"]


def test_a_reader_that_names_a_caller_is_affected_only_by_what_it_wrote_after_the_call(
    client: Client,
) -> None:
    early, late = Pointer("early", at=at(4)), Pointer("late", at=at(8))
    put(client, "flow", 0, 10, outputs=[early, late])
    put(client, "called", 5, 6, parent_run_id="flow")
    for name in ("early", "late"):
        put(client, f"reads-{name}", 20, inputs=[Pointer(name, run_id="flow")])

    assert ids(client.impact("called").runs) == ["flow", "reads-late"]


def test_a_run_that_did_not_last_around_a_call_did_not_make_it(client: Client) -> None:
    put(client, "ended-before", 0, 5, outputs=["t"])
    put(client, "began-after", 9, 12, outputs=["u"])
    put(client, "first", 6, 7, parent_run_id="ended-before")
    put(client, "second", 8, 10, parent_run_id="began-after")

    assert ids(client.impact("first").runs) == ids(client.impact("second").runs) == []


def test_a_caller_that_also_read_what_was_made_is_affected_whole(client: Client) -> None:
    early, late = (
        Pointer("early", kind="output", at=at(4)),
        Pointer("late", kind="output", at=at(8)),
    )
    put(client, "flow", 0, 10, inputs=[Pointer("sum", at=at(9))], outputs=[early, late])
    put(client, "called", 5, 6, outputs=["table"], parent_run_id="flow")
    put(client, "other", 7, 7, inputs=["table"], outputs=["sum"])
    put(client, "reads-early", 20, inputs=["early"])

    found = client.impact("called")

    assert ids(found.runs) == ["other", "flow", "reads-early"] or ids(found.runs) == [
        "flow",
        "other",
        "reads-early",
    ]
    assert sorted(found.output_ids) == ["early", "late"]
    assert ids(found.path_to("reads-early")) == ["called", "other", "flow", "reads-early"]


def test_an_artifact_that_only_was_read_has_an_impact(client: Client) -> None:
    put(client, "r", 0, inputs=["raw.csv"], outputs=[Pointer("p", kind="output")])

    found = client.impact("raw.csv")

    assert ids(found.runs) == ["r"]
    assert list(found.output_ids) == ["p"]
    assert list(found.roots) == []


def test_one_version_of_an_artifact_is_found_by_the_beginning_of_its_digest(client: Client) -> None:
    digests = ["blake3:" + pair * 32 for pair in ("aaa1", "aaa2")]
    digests = [digest[:71] for digest in digests]
    for n, digest in enumerate(digests):
        put(client, f"w{n}", 10 * n, outputs=[Pointer("t", version=digest)])
        put(client, f"r{n}", 10 * n + 1, inputs=[Pointer("t", version=digest)])

    first = client.impact("t", version="aaa1")

    assert ids(first.runs) == ["r0"]
    assert first.origin.version == digests[0]
    assert [(each.name, each.newer_run_id) for each in first.wrote] == [("t", "w1")]
    assert ids(client.impact(digests[1]).runs) == ["r1"]
    with pytest.raises(NotFoundError) as missed:
        client.impact("t", version="bbbb")
    assert missed.value.closest == digests[::-1]


def test_a_beginning_of_several_versions_is_said_to_be_so(client: Client) -> None:
    for n, word in enumerate(("v2026-01", "v2026-02")):
        put(client, f"w{n}", n, outputs=[Pointer("t", version=word)])

    with pytest.raises(AmbiguousIdError) as many:
        client.impact("t", version="v2026")

    assert many.value.candidates == ["v2026-01", "v2026-02"]


def test_runs_are_chosen_by_commit_by_component_and_by_source_digest(client: Client) -> None:
    old, new = "abc1" * 10, "fed9" * 10
    put(client, "c-old", 0, component="clean", git_hash=old, outputs=["a"])
    put(client, "c-new", 10, component="clean", git_hash=new, outputs=["a"])
    put(client, "t-new", 11, component="train", git_hash=new, inputs=["a"], outputs=["m"])
    put(client, "serve", 12, component="serve", inputs=["m"], outputs=["p"])

    @client.register("now")
    def now() -> None:
        client.log("q")

    now()
    digest = client.history("now")[0].code.digest

    assert set(ids(client.impact(commit="fed9fed9").roots)) == {"c-new", "t-new"}
    assert ids(client.impact(commit=new).runs) == ["serve"]
    assert ids(client.impact(component="clean", version=old[:8]).runs) == []
    assert ids(client.impact(component="clean", commit="fed9").runs) == ["t-new", "serve"]
    assert list(client.impact(component="now", version=digest).output_ids) == ["q"]
    with pytest.raises(NotFoundError, match="clean"):
        client.impact(component="clean", version="0000")
    with pytest.raises(NotFoundError) as missed:
        client.impact(component="clan")
    assert missed.value.closest == ["clean"]


def test_a_commit_named_in_full_is_that_one_however_short(client: Client) -> None:
    for n, commit in enumerate(("h1", "v1.1", "v1.10")):
        put(client, f"w{n}", 10 * n, git_hash=commit, outputs=[f"t{n}"])

    found = {commit: ids(client.impact(commit=commit).roots) for commit in ("h1", "v1.1", "v1.10")}

    assert found == {"h1": ["w0"], "v1.1": ["w1"], "v1.10": ["w2"]}


def test_what_newer_took_the_place_of_a_run_s_artifacts_is_told(client: Client) -> None:
    put(client, "w0", 0, outputs=["kept", "replaced"])
    put(client, "w1", 5, outputs=["replaced"])

    found = client.impact("w0")

    assert {each.name: each.newer_run_id for each in found.wrote} == {
        "kept": None,
        "replaced": "w1",
    }


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"what": "t", "component": "step"},
        {"what": "w0", "version": "1"},
        {"version": "abcd"},
        {"component": "step", "version": "abcd", "commit": "abcd"},
    ],
)
def test_a_question_that_says_too_little_or_too_much_is_refused(
    client: Client, question: dict[str, str]
) -> None:
    put(client, "w0", 0, outputs=["t"])

    with pytest.raises(ConfigurationError):
        client.impact(**question)  # type: ignore[arg-type]


def test_a_limit_cuts_the_walk_and_says_so(client: Client) -> None:
    for n in range(20):
        put(client, f"r{n:02}", n, inputs=[f"p{n}"], outputs=[f"p{n + 1}"])

    cut = client.impact("r00", limit=5)
    whole = client.impact("r00", limit=20)
    stopped = client.impact("r00", watch=lambda reached, waiting: reached < 7)

    assert (len(cut.roots), len(cut.runs), cut.truncated) == (1, 4, True)
    assert (len(whole.runs), whole.truncated) == (19, False)
    assert stopped.truncated
    assert len(stopped.runs) < 19


def test_what_is_not_downstream_has_no_path(client: Client) -> None:
    put(client, "w", 0, outputs=["t"])
    put(client, "r", 1, inputs=["t"], outputs=["u"])
    put(client, "elsewhere", 2, outputs=["x"])
    found = client.impact("w")

    with pytest.raises(NotFoundError, match="is not affected"):
        found.path_to("elsewhere")
    with pytest.raises(NotFoundError, match="is not affected"):
        found.path_to("x")
    with pytest.raises(NotFoundError, match="no output or run"):
        found.path_to("nonsense")
    assert ids(found.path_to("u")) == ["w", "r"]


def test_a_run_named_in_capitals_is_found_downstream(client: Client) -> None:
    client.log_many(["a"], component="first")
    run_id = client.recent()[0].run_id
    put(client, "r", 0, inputs=[Pointer("never-written", run_id=run_id.upper())])

    assert ids(client.impact(run_id).runs) == ["r"]
    assert [f.run.run_id for f in client.backtrace("r").frames] == ["r", run_id]


def test_runs_load_one_by_one_and_by_slices(client: Client) -> None:
    put(client, "w", 0, outputs=["t"])
    for n in range(7):
        put(client, f"r{n}", n + 1, inputs=["t"])

    found = client.impact("w")

    assert len(found.runs) == 7
    assert found.runs[-1].run_id == list(found.runs)[-1].run_id
    assert ids(found.runs[2:4]) == ids(found.runs)[2:4]
    assert repr(found.runs) == "<7 runs>"
    assert [found.depth_of(n) for n in range(7)] == [1] * 7


A, B = "blake3:aa", "blake3:bb"


def test_a_version_read_after_it_was_overwritten_is_downstream_of_its_writer(
    client: Client,
) -> None:
    put(client, "w0", 0, outputs=[Pointer("t", version=A)])
    put(client, "w1", 10, outputs=[Pointer("t", version=B)])
    put(client, "r", 20, inputs=[Pointer("t", version=A)])

    assert ids(client.impact("w0").runs) == ["r"]
    assert ids(client.impact("w1").runs) == []


def test_content_read_under_another_name_is_downstream_until_it_is_written_again(
    client: Client,
) -> None:
    put(client, "w0", 0, outputs=[Pointer("t", version=A)])
    put(client, "r0", 5, inputs=[Pointer("copy", version=A)])
    put(client, "w1", 10, outputs=[Pointer("u", version=A)])
    put(client, "r1", 20, inputs=[Pointer("copy", version=A)])

    assert ids(client.impact("w0").runs) == ["r0"]
    assert ids(client.impact("w1").runs) == ["r1"]
    assert ids(client.impact("t").runs) == ["r0"]
    assert ids(client.impact("t", version=A).runs) == ["r0"]
    assert ids(client.impact(A).runs) == ["r0", "r1"]


def test_a_run_passes_over_what_it_wrote_itself_in_another_version(client: Client) -> None:
    put(client, "w", 0, outputs=[Pointer("t", version=A)])
    own = Pointer("t", version=B, at=at(5))
    put(client, "r", 4, 9, inputs=[Pointer("t", version="etag:1", at=at(8))], outputs=[own])

    found = client.impact("w")

    assert ids(found.runs) == ["r"]
    assert found.path_to("r")[-1].warnings == ["version-mismatch"]


def test_a_write_just_after_is_looked_for_past_what_the_reader_wrote_itself(client: Client) -> None:
    put(client, "w", 10, outputs=["t"], host="h1")
    # Passes over its own earlier write, which is of another version than it read.
    own = Pointer("t", version=B, at=at(2))
    read = Pointer("t", version="etag:1", at=at(9))
    put(client, "wrote-before", 1, 9.5, inputs=[read], outputs=[own], host="h3")

    assert set(ids(client.impact("w").runs)) == {"wrote-before"}
    assert {frame.run.run_id for frame in client.backtrace("wrote-before").frames} == {
        "wrote-before",
        "w",
    }


def test_the_nearest_write_after_a_read_counts_where_there_was_none_before(
    client: Client,
) -> None:
    put(client, "w", 10, outputs=["t"], host="h1")
    put(client, "r", 9, inputs=["t"], host="h2")
    put(client, "same-machine", 9, inputs=["t"], host="h1")

    found = client.impact("w")

    assert ids(found.runs) == ["r"]
    assert found.path_to("r")[-1].warnings == ["clock-skew"]
