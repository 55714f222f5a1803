"""What was acknowledged survives `kill -9`, and what was damaged costs only itself."""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from patience import until
from tiers import Sized

import backtrail
from backtrail import Client, NotFoundError, connect
from backtrail.model.records import Run

pytestmark = pytest.mark.usefixtures("processes")

SOURCE = str(Path(backtrail.__file__).parents[1])
# A process that takes as long does not end at all, however busy the machine is.
HANGS_S = 120
# Each example takes in a journal: a fifth of what is usual, so that it is some seconds.
EXAMPLES = max(10, settings.default.max_examples // 5)  # type: ignore[union-attr]
HEADER_BYTES = 1024


def environment(**environ: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("BACKTRAIL_")}
    path = os.pathsep.join([SOURCE, inherited.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**inherited, "PYTHONPATH": path, "BACKTRAIL_STRICT": "1", **environ}


def python(body: str, *args: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(body), *args],
        env=environment(**environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def running(body: str, *args: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has said ``ready``; it is killed at the end if it still lives."""
    process = python(body, *args, **environ)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line == "ready\n", (line, process.communicate()[1])
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def url_in(folder: Path) -> str:
    return f"sqlite:///{folder}/bt.db"


def history(client: Client, component: str) -> list[Run]:
    try:
        return client.history(component, limit=1_000_000)
    except NotFoundError:
        return []


# -- kill -9 ---------------------------------------------------------------------------

# Forks a recorder, kills it at a random moment, and begins again. The recorder writes
# the number of each call to shared memory once the call has returned.
KILLED_AGAIN_AND_AGAIN = """
import mmap, os, random, signal, struct, sys, threading, time
import backtrail as bt

url, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)
seen = mmap.mmap(-1, 8)

def record(name, interval, shape):
    client = bt.connect(url, flush_interval_s=interval)

    @client.register(name, output_path="made/{i}.txt" if shape else None)
    def call(i, text):
        if shape == 2:
            client.log(f"{name}-{i}", value=i)
        return i

    if shape == 1:
        threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()
    i = 0
    while True:
        i += 1
        call(i, "x" * (i % 97))
        seen[:] = struct.pack("q", i)

for number in range(rounds):
    seen[:] = bytes(8)
    shape = chance.randrange(3)
    pid = os.fork()
    if not pid:
        try:
            record(f"{seed}-{number}", chance.choice([0.0, 0.02, 0.5]), shape)
        finally:
            os._exit(1)
    while seen[:] == bytes(8):
        time.sleep(0.0005)
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    time.sleep(chance.choice([0, chance.random() * 0.004, chance.random() * 0.03]))
    os.kill(pid, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    print(f"{seed}-{number}", shape, *struct.unpack("q", seen[:]), flush=True)
"""


@pytest.mark.parametrize("journal", ["mmap", "write"])
def test_kills_at_random_moments_lose_no_call_that_had_returned(
    tmp_path: Path, journal: str, sized: Sized[int]
) -> None:
    url, kills = url_in(tmp_path), sized(8, 50)
    seeds = random.sample(range(10_000), 2)
    killers = [
        python(KILLED_AGAIN_AND_AGAIN, url, str(kills), str(seed), BACKTRAIL_JOURNAL=journal)
        for seed in seeds
    ]
    reports = [killer.communicate(timeout=HANGS_S) for killer in killers]
    assert [killer.returncode for killer in killers] == [0, 0], reports

    acknowledged = [line.split() for out, _ in reports for line in out.splitlines()]
    assert len(acknowledged) == 2 * kills
    with connect(url) as client:
        for name, shape, last in acknowledged:
            runs = history(client, name)
            counted = Counter(run.params["i"] for run in runs)
            returned = set(range(1, int(last) + 1))
            assert returned - set(counted) == set(), f"{name} lost calls"
            assert all(count == 1 for count in counted.values()), f"{name} doubled calls"
            # At most the call that was in progress, and one not yet acknowledged.
            assert set(counted) <= returned | {int(last) + 1, int(last) + 2}
            done = [run for run in runs if run.params["i"] in returned]
            assert {run.status for run in done} == {"completed"}
            assert all(len(run.outputs) == int(shape) for run in done)
            assert {run.status for run in runs} <= {"completed", "killed"}
        assert client.check() == []
        # What was torn is what a process was writing when it died: no call that had returned.
        assert client.stats().lost <= 2 * kills


def test_an_output_that_was_logged_by_a_run_that_is_killed_is_found_with_its_inputs(
    tmp_path: Path,
) -> None:
    body = """
    import os, sys, time
    import backtrail as bt

    @bt.register("predict", input_path="features.parquet")
    def predict():
        bt.log_input(bt.Pointer("model://fare", version="7"))
        bt.log("pred-1", value=0.83)
        print("ready", flush=True)
        time.sleep(60)

    predict()
    """
    with running(body, BACKTRAIL_URL=url_in(tmp_path)) as process:
        with connect(url_in(tmp_path)) as client:
            assert client.backtrace("pred-1").frames[0].run.status == "running"
        kill(process)

    with connect(url_in(tmp_path)) as client:
        trace = client.backtrace("pred-1")

    run = trace.frames[0].run
    assert run.status == "killed"
    assert run.ended_at is None
    assert run.outputs[0].value == 0.83
    names = {read.name: read.version for read in run.inputs}
    assert set(map(os.path.basename, names)) == {"features.parquet", "fare"}
    assert "7" in names.values()


def test_a_run_older_than_a_second_is_seen_while_it_lives_and_as_killed_afterwards(
    tmp_path: Path,
) -> None:
    body = """
    import time
    import backtrail as bt

    @bt.register("train", input_path="features.parquet")
    def train(depth):
        print("ready", flush=True)
        with bt.run("inner"):
            time.sleep(60)

    train(3)
    """
    environ = {"BACKTRAIL_URL": url_in(tmp_path), "BACKTRAIL_FLUSH_INTERVAL_S": "0.1"}
    with running(body, **environ) as process, connect(url_in(tmp_path)) as client:
        until(lambda: history(client, "inner"), "the run", every_s=0.1)
        living = [*history(client, "train"), *history(client, "inner")]
        kill(process)
        dead = [*history(client, "train"), *history(client, "inner")]

    assert [run.status for run in living] == ["running", "running"]
    assert [run.status for run in dead] == ["killed", "killed"]
    assert [run.run_id for run in dead] == [run.run_id for run in living]
    assert dead[0].params == {"depth": 3}
    assert [os.path.basename(read.name) for read in dead[0].inputs] == ["features.parquet"]
    assert dead[1].parent_run_id == dead[0].run_id


def test_a_writer_killed_after_a_long_run_ended_shows_the_run_as_completed(
    tmp_path: Path,
) -> None:
    body = """
    import time
    import backtrail as bt

    @bt.register("train")
    def train():
        # What takes a second is shown while it lives.
        while not bt.recent(1):
            time.sleep(0.05)

    train()
    print("ready", flush=True)
    time.sleep(60)
    """
    environ = {"BACKTRAIL_URL": url_in(tmp_path), "BACKTRAIL_FLUSH_INTERVAL_S": "0.05"}
    with running(body, **environ) as process:
        kill(process)

    with connect(url_in(tmp_path)) as client:
        (run,) = history(client, "train")
        assert run.status == "completed"


def test_a_process_killed_while_it_sleeps_between_calls_leaves_no_killed_run(
    tmp_path: Path,
) -> None:
    body = """
    import os, signal
    import backtrail as bt

    @bt.register("step")
    def step(i): return i

    for i in range(10):
        step(i)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    process = python(body, BACKTRAIL_URL=url_in(tmp_path))
    process.communicate(timeout=HANGS_S)

    with connect(url_in(tmp_path)) as client:
        assert Counter(run.status for run in history(client, "step")) == {"completed": 10}


# -- damage ----------------------------------------------------------------------------

ORPHAN = """
import os, signal
import backtrail as bt

@bt.register("step")
def step(i, text):
    if i % 10 == 3:
        bt.log(f"out-{i}")
    return i

for i in range(400):
    step(i, "x" * (i * 7 % 120))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def orphan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spool file of a killed process that made 400 calls; nothing was drained."""
    folder = tmp_path_factory.mktemp("orphan")
    process = python(
        ORPHAN,
        BACKTRAIL_URL=url_in(folder),
        BACKTRAIL_FLUSH_INTERVAL_S="60",
        BACKTRAIL_STRICT="0",
    )
    _, errors = process.communicate(timeout=HANGS_S)
    assert process.returncode == -signal.SIGKILL, errors
    (path,) = (folder / "bt.db.spool").glob("*.spool")
    return path


@contextlib.contextmanager
def a_store_with(spool: Path, content: bytes, place: Path) -> Iterator[Client]:
    """A client of a fresh store beside whose database lies this spool file."""
    folder = place / "store"
    (folder / "bt.db.spool").mkdir(parents=True)
    (folder / "bt.db.spool" / spool.name).write_bytes(content)
    client = connect(url_in(folder))
    try:
        yield client
    finally:
        client.close()
        shutil.rmtree(folder)


def records_of(content: bytes) -> list[tuple[int, int]]:
    """Give where each record begins and ends."""
    records, at = [], HEADER_BYTES
    while True:
        _, length = struct.unpack_from("=II", content, at)
        if not length:
            return records
        records.append((at, at + 8 + length))
        at += 8 + length


def calls_in(client: Client) -> Counter[int]:
    """Count the runs by the number of their call, whatever component they say."""
    return Counter(run.params["i"] for run in client.recent(10_000) if run.params)


def test_an_orphan_is_read_whole(orphan: Path, tmp_path: Path) -> None:
    with a_store_with(orphan, orphan.read_bytes(), tmp_path) as client:
        assert calls_in(client) == Counter(range(400))
        assert client.stats().lost == 0
        assert client.diagnose().is_sound


Damage = tuple[int, bytes]
damages = st.lists(
    st.tuples(
        st.integers(0, 1 << 30),
        st.one_of(
            st.binary(min_size=1, max_size=40),
            st.builds(lambda n: b"\0" * n, st.integers(1, 300)),
            st.builds(lambda n: b"\xff" * n, st.integers(1, 300)),
            # Lengths that point anywhere, a seal in the wrong place.
            st.builds(lambda n: struct.pack("=I", n) * 4, st.integers(0, 0xFFFFFFFF)),
        ),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=EXAMPLES)
@given(damage=damages)
# A seal where the next sound record is looked for, with records behind it.
@example(damage=[(0, bytes(8) + b"\xfe\xff\xff\xff")])
@example(damage=[(0, bytes(4) + b"\xff" * 4)])
def test_damage_costs_only_the_records_it_hits(
    orphan: Path, tmp_path_factory: pytest.TempPathFactory, damage: list[Damage]
) -> None:
    content = bytearray(orphan.read_bytes())
    records = records_of(bytes(content))
    end = records[-1][1]
    for where, what in damage:
        at = HEADER_BYTES + where % (end - HEADER_BYTES)
        what = what[: end - at]
        content[at : at + len(what)] = what
    before = orphan.read_bytes()
    hit = [r for r in records if content[r[0] : r[1]] != before[r[0] : r[1]]]

    with a_store_with(orphan, bytes(content), tmp_path_factory.mktemp("damage")) as client:
        found = calls_in(client)
        stats = client.stats()
        diagnosis = client.diagnose()
        assert client.check() == []

    assert all(count == 1 for count in found.values())
    # A call whose outputs were logged is two records: the second alone has no parameters.
    assert len(found) >= 400 - len(hit)
    assert bool(stats.lost) == bool(hit)
    told = any("damaged" in finding.what for finding in diagnosis.findings)
    assert told == bool(hit)


@settings(max_examples=EXAMPLES)
@given(cut=st.integers(0, 1 << 30))
def test_a_truncated_orphan_costs_only_what_was_cut_off(
    orphan: Path, tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    content = orphan.read_bytes()
    records = records_of(content)
    size = cut % (records[-1][1] + 1)
    whole = sum(end <= size for _, end in records)
    # Of less than eight bytes nobody can tell that they were to be a record.
    is_torn = any(start + 8 <= size < end for start, end in records)

    with a_store_with(orphan, content[:size], tmp_path_factory.mktemp("cut")) as client:
        found = client.stats().runs
        lost = client.stats().lost
        findings = [finding.what for finding in client.diagnose().findings]

    if size < HEADER_BYTES:
        assert found == 0
        assert any("could not be read" in what for what in findings)
    else:
        everything = len(records) - whole
        assert found >= 400 - everything
        assert lost == is_torn


@settings(max_examples=EXAMPLES)
@given(at=st.integers(0, HEADER_BYTES - 1), what=st.binary(min_size=1, max_size=64))
def test_a_damaged_header_never_crashes_and_is_told(
    orphan: Path, tmp_path_factory: pytest.TempPathFactory, at: int, what: bytes
) -> None:
    content = bytearray(orphan.read_bytes())
    what = what[: HEADER_BYTES - at]
    content[at : at + len(what)] = what

    with a_store_with(orphan, bytes(content), tmp_path_factory.mktemp("header")) as client:
        found = client.stats().runs
        findings = [finding.what for finding in client.diagnose().findings]

    # Damage that reaches beyond the header costs the first record as well.
    reaches = at + len(what) > 1024
    assert found == 400 or reaches or any("could not be read" in each for each in findings)


def test_damage_to_what_was_drained_already_does_no_harm(tmp_path: Path, sized: Sized[int]) -> None:
    # A process whose first half was drained when it died, and whose file was then damaged.
    body = """
    import sys, time
    import backtrail as bt

    @bt.register("step", input_path="in.csv")
    def step(i): return i

    for i in range(200):
        step(i)
    assert bt.flush(60) == 0
    for i in range(200, 400):
        step(i)
    print("ready", flush=True)
    time.sleep(60)
    """
    environ = {"BACKTRAIL_URL": url_in(tmp_path), "BACKTRAIL_FLUSH_INTERVAL_S": "60"}
    with running(body, **environ) as process:
        kill(process)
    (spool,) = (tmp_path / "bt.db.spool").glob("*.spool")
    content = spool.read_bytes()
    records = records_of(content)
    early = [r for r in records if r[0] < records[len(records) // 3][0]]
    chance = random.Random(7)
    shutil.copytree(tmp_path, tmp_path / "kept")

    for _ in range(sized(5, 25)):
        damaged = bytearray(content)
        for _ in range(3):
            start, _ = chance.choice(early[3:])
            what = chance.choice([b"\1\0\0\0" * 2, b"\0" * 8, b"\xff" * 8, chance.randbytes(9)])
            damaged[start : start + len(what)] = what
        folder = tmp_path / "again"
        shutil.copytree(tmp_path / "kept", folder)
        (folder / "bt.db.spool" / spool.name).write_bytes(bytes(damaged))
        with connect(url_in(folder)) as client:
            found = Counter(run.params["i"] for run in history(client, "step"))
        assert found == Counter(range(400))
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "name", ["notes.txt", f"{'z' * 32}-00000000.spool", f"{'ab' * 16}-00000000.spool", "x.new"]
)
@pytest.mark.parametrize("is_folder", [False, True])
def test_a_foreign_file_among_the_spools_stops_nobody(
    orphan: Path, tmp_path: Path, name: str, is_folder: bool
) -> None:
    with a_store_with(orphan, orphan.read_bytes(), tmp_path) as client:
        foreign = client.settings.spool_folders[0] / name
        if is_folder:
            foreign.mkdir()
        else:
            foreign.write_text("nothing of ours")
        os.utime(foreign, (0, 0))

        assert calls_in(client) == Counter(range(400))


# -- the drainer dies --------------------------------------------------------------------

BACKLOG = """
import os, signal, sys
import backtrail as bt

@bt.register("backlog", input_path="in-{i}.csv")
def step(i):
    return i

first = int(sys.argv[1])
for i in range(first, first + int(sys.argv[2])):
    step(i)
os.kill(os.getpid(), signal.SIGKILL)
"""

DRAINED_AGAIN_AND_AGAIN = """
import os, random, signal, sys, time
import backtrail as bt
import backtrail.store.sqlite, backtrail.query.lookups

url = sys.argv[1]
chance = random.Random(int(sys.argv[2]))
killed = 0
for _ in range(int(sys.argv[3])):
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writer, b"x")
        bt.connect(url).recent(1)
        os._exit(0)
    os.read(reader, 1)
    os.close(reader), os.close(writer)
    time.sleep(chance.random() * chance.choice([0.02, 0.1]))
    os.kill(pid, signal.SIGKILL)
    killed += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
print(killed)
"""


def test_a_drainer_killed_again_and_again_neither_doubles_nor_loses(
    tmp_path: Path, sized: Sized[int]
) -> None:
    url, count, kills = url_in(tmp_path), sized(1500, 3000), sized(15, 60)
    backlog = [
        python(BACKLOG, str(first), str(count), BACKTRAIL_URL=url, BACKTRAIL_FLUSH_INTERVAL_S="60")
        for first in (0, count, 2 * count)
    ]
    for process in backlog:
        process.communicate(timeout=HANGS_S)
        assert process.returncode == -signal.SIGKILL

    drainers = python(DRAINED_AGAIN_AND_AGAIN, url, "11", str(kills))
    out, errors = drainers.communicate(timeout=HANGS_S)
    assert drainers.returncode == 0, errors

    assert int(out) > 0
    with connect(url) as client:
        found = Counter(run.params["i"] for run in history(client, "backlog"))
        assert found == Counter(range(3 * count))
        assert client.check() == []
        assert client.stats().runs == 3 * count


def test_a_drainer_that_dies_before_its_commit_leaves_all_to_the_next(
    orphan: Path, tmp_path: Path
) -> None:
    body = """
    import os, signal, sys
    import backtrail as bt

    client = bt.connect(sys.argv[1])
    store = type(client.open_store())
    store.take_in = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    client.recent(1)
    """
    with a_store_with(orphan, orphan.read_bytes(), tmp_path) as client:
        process = python(body, client.url)
        _, errors = process.communicate(timeout=HANGS_S)

        assert process.returncode == -signal.SIGKILL, errors
        assert calls_in(client) == Counter(range(400))


def test_a_spool_that_outlives_the_commit_of_its_records_is_not_taken_in_twice(
    orphan: Path, tmp_path: Path
) -> None:
    # As after a crash between the commit and the deletion of the file.
    with a_store_with(orphan, orphan.read_bytes(), tmp_path) as client:
        assert client.stats().runs == 400
        folder = client.settings.spool_folders[0]
        assert list(folder.glob("*.spool")) == []

        for _ in range(3):
            shutil.copy(orphan, folder / orphan.name)
            assert client.stats().runs == 400

        assert list(folder.glob("*.spool")) == []


def test_a_spool_that_only_another_user_may_read_does_not_stop_ours(
    orphan: Path, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can act as two users")
    body = """
    import os, sys
    import backtrail as bt

    def trace(url):
        with bt.connect(url) as client:
            client.log("ours")
            left = client.flush(60)
            return left, len(client.backtrace("ours").frames)

    trace(sys.argv[1] + "/warm.db")  # all is imported while we may read it
    os.setgid(65534); os.setuid(65534)
    print(*trace(sys.argv[1] + "/bt.db"))
    """
    # Not below `tmp_path`, whose parents are closed to other users.
    with tempfile.TemporaryDirectory(prefix="backtrail-two-users-") as place:
        spools = Path(place, "bt.db.spool")
        spools.mkdir()
        for folder in (Path(place), spools):
            folder.chmod(0o777)
        theirs = shutil.copy(orphan, spools / orphan.name)
        os.chmod(theirs, 0o600)

        process = python(body, place, BACKTRAIL_STRICT="0", XDG_STATE_HOME=f"{place}/state")
        out, errors = process.communicate(timeout=HANGS_S)

    assert process.returncode == 0, errors
    assert out == "0 1\n"


def test_an_orphan_is_taken_up_by_the_next_process_that_records(tmp_path: Path) -> None:
    url = url_in(tmp_path)
    first = python(BACKLOG, "0", "500", BACKTRAIL_URL=url, BACKTRAIL_FLUSH_INTERVAL_S="60")
    first.communicate(timeout=HANGS_S)

    body = "import backtrail as bt\nbt.log('another')\nassert bt.flush(60) == 0"
    second = python(body, BACKTRAIL_URL=url)
    _, errors = second.communicate(timeout=HANGS_S)

    assert (second.returncode, errors) == (0, "")
    assert list((tmp_path / "bt.db.spool").glob("*.spool")) == []
    with connect(url) as client:
        assert client.stats().runs == 501


def test_shared_memory_is_what_the_parent_reads() -> None:
    # The rounds above lean on it: what a child wrote is seen after its death.
    seen = mmap.mmap(-1, 8)
    pid = os.fork()
    if not pid:
        seen[:] = b"written!"
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert seen[:] == b"written!"
