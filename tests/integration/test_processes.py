"""Many processes, forks, threads, signals and exits: nothing lost, nothing stale, nothing hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from stepwise import IS_DRAINING
from tiers import Sized

import backtrail
from backtrail import Client, NotFoundError, connect
from backtrail.model.records import Run

pytestmark = pytest.mark.usefixtures("processes")

SOURCE = str(Path(backtrail.__file__).parents[1])
# A script that takes as long does not end at all, however busy the machine is.
HANGS_S = 120


def environment(**environ: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("BACKTRAIL_")}
    path = os.pathsep.join([SOURCE, inherited.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**inherited, "PYTHONPATH": path, "BACKTRAIL_STRICT": "1", **environ}


def begin(script: Path, *args: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(script), *args],
        cwd=script.parent,
        env=environment(**environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str], timeout: float = HANGS_S) -> tuple[str, str]:
    """Return what a process says until its end; one that hangs is killed with its children."""
    try:
        return process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError(f"the script hangs: {process.communicate()}") from None


@pytest.fixture
def run_script(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs a script to its end, quietly, and returns what it printed."""

    def run(body: str, *args: object, **environ: str) -> str:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(body))
        process = begin(script, *map(str, args), **environ)
        out, errors = end(process)
        assert (process.returncode, errors) == (0, ""), errors
        return out

    return run


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The default store of a script that runs in ``tmp_path``."""
    (tmp_path / ".backtrail").mkdir()
    return f"sqlite:///{tmp_path}/.backtrail/backtrail.db"


def runs_in(url: str, component: str) -> list[Run]:
    """Give the runs of a component, the oldest first."""
    with connect(url) as client:
        return history(client, component)


def history(client: Client, component: str) -> list[Run]:
    try:
        return client.history(component, limit=1_000_000)[::-1]
    except NotFoundError:
        return []


# -- many at once --------------------------------------------------------------------------


def test_many_processes_at_once_on_a_fresh_store_lose_nothing(
    tmp_path: Path, url: str, sized: Sized[int]
) -> None:
    count = sized(8, 64)
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            import backtrail as bt
            number = int(sys.argv[1])

            @bt.register("step", input_path="in.csv", output_path="out-{number}.csv")
            def step(number, i):
                return i

            sys.stdin.read()
            for i in range(200):
                assert step(number, i) == i
            """
        )
    )
    processes = [begin(script, str(number)) for number in range(count)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None

    ends = [end(process) for process in processes]

    assert Counter(process.returncode for process in processes) == {0: count}
    assert [errors for _, errors in ends if errors] == []
    with connect(url) as client:
        counted = Counter((r.params["number"], r.params["i"]) for r in history(client, "step"))
        assert counted == Counter((number, i) for number in range(count) for i in range(200))
        assert client.check() == []
        assert client.stats().lost == 0


# -- forks ---------------------------------------------------------------------------------


def test_a_forked_child_is_a_writer_of_its_own_and_its_runs_have_no_stale_parent(
    run_script: Callable[..., str], url: str
) -> None:
    run_script(
        """
        import os
        import backtrail as bt

        @bt.register("step")
        def step(who): return who

        step("before")
        with bt.run("outer"):
            pid = os.fork()
            if not pid:
                step("child")
                bt.log("from-child")
                os._exit(0)
            step("parent")
            assert os.waitpid(pid, 0)[1] == 0
        step("after")
        """
    )

    runs = {run.params["who"]: run for run in runs_in(url, "step")}
    (outer,) = runs_in(url, "outer")
    assert runs["parent"].parent_run_id == outer.run_id
    assert runs["child"].parent_run_id is None
    assert {run.status for run in (*runs.values(), outer)} == {"completed"}
    assert len({run.run_id for run in runs.values()}) == 4
    with connect(url) as client:
        (frame,) = client.backtrace("from-child").frames
        assert frame.run.run_id != outer.run_id
        assert client.stats().writers == 2


def test_a_run_that_a_fork_carried_into_a_child_is_ended_by_the_parent_alone(
    run_script: Callable[..., str], url: str
) -> None:
    run_script(
        """
        import os
        import backtrail as bt

        @bt.register("outer")
        def outer():
            pid = os.fork()
            if pid:
                assert os.waitpid(pid, 0)[1] == 0
            return pid

        @bt.register("generator")
        def generator():
            yield 1
            yield 2

        held = generator()
        next(held)
        with bt.run("block") as r:
            if not outer():
                # The child leaves all three, which are its parent's.
                r.log_output("by-the-child")
                r.log_input("by-the-child")
                list(held)
                os._exit(0)
        list(held)
        """
    )

    with connect(url) as client:
        seen = Counter((run.component, run.status) for run in client.recent(100))
    assert {k: n for k, n in seen.items() if k[0] in ("outer", "generator", "block")} == {
        ("outer", "completed"): 1,
        ("generator", "completed"): 1,
        ("block", "completed"): 1,
    }
    assert "killed" not in {status for _, status in seen}


def test_forks_at_any_moment_of_recording_and_draining_lose_nothing_and_block_nobody(
    run_script: Callable[..., str], url: str, sized: Sized[int]
) -> None:
    forks = sized(15, 60)
    run_script(
        """
        import os, sys, threading, time
        import backtrail as bt
        bt.configure(flush_interval_s=0.001)

        @bt.register("step", input_path="in-{i}.csv")
        def step(who, i): return i

        stop = threading.Event()
        def busy():
            i = 0
            while not stop.is_set():
                step("thread", i)
                i += 1
                if i % 50 == 0:
                    time.sleep(0.001)
            print(i)

        thread = threading.Thread(target=busy)
        thread.start()
        children = []
        parent_is_done, closed_by_parent = os.pipe()
        for number in range(int(sys.argv[1])):
            time.sleep(0.002)
            pid = os.fork()
            if not pid:
                os.close(closed_by_parent)
                for i in range(20):
                    step(f"child {number}", i)
                # Lives on, with whatever the fork left it, while the parent goes on.
                os.read(parent_is_done, 1)
                if number % 2:
                    assert bt.flush(60) == 0
                os._exit(0)
            children.append(pid)
        stop.set()
        thread.join()
        assert bt.flush(60) == 0
        os.close(closed_by_parent)
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        """,
        forks,
    )

    counted = Counter((run.params["who"], run.params["i"]) for run in runs_in(url, "step"))
    assert set(counted.values()) == {1}
    per_child = Counter(who for who, _ in counted if who != "thread")
    assert per_child == {f"child {number}": 20 for number in range(forks)}


def test_a_child_that_lives_on_after_a_fork_does_not_keep_the_journal_locked(
    run_script: Callable[..., str], url: str, sized: Sized[int]
) -> None:
    # A fork in the middle of a drain gives the child the open lock file as well.
    run_script(
        IS_DRAINING
        + textwrap.dedent(
            """
            import os, signal, sys
            import backtrail as bt
            bt.configure(flush_interval_s=0.001)

            @bt.register("step", input_path="in-{i}.csv")
            def step(i): return i

            def holds_lock(pid):
                folder = f"/proc/{pid}/fd"
                names = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
                return any("drain.lock" in name for name in names)

            children = []
            for attempt in range(int(sys.argv[1])):
                for i in range(500):
                    step(i)
                while not is_draining(".backtrail/backtrail.db.spool"):
                    step(-2)
                reader, writer = os.pipe()
                pid = os.fork()
                if not pid:
                    os.write(writer, b"x")
                    signal.pause()
                    os._exit(0)
                os.read(reader, 1)
                os.close(reader); os.close(writer)
                children.append(pid)
                if holds_lock(pid):
                    break
                os.kill(pid, signal.SIGKILL)
                os.waitpid(children.pop(), 0)
            # Once the drain of that moment is over, the next one needs the lock anew.
            bt.flush(20)
            step(-1)
            left = bt.flush(20)
            for pid in children:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            assert left == 0, left
            """
        ),
        sized(10, 50),
    )


def test_runs_of_a_forked_child_know_their_code(run_script: Callable[..., str], url: str) -> None:
    run_script(
        """
        import os
        import backtrail as bt

        @bt.register("step")
        def step(who): return who

        step("parent")
        assert bt.flush(60) == 0
        pid = os.fork()
        if not pid:
            step("child")
            assert bt.flush(60) == 0
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        """
    )

    with connect(url) as client:
        sources = {run.params["who"]: client.source_of(run) for run in history(client, "step")}
    assert sources["parent"] is not None
    assert sources["child"] == sources["parent"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_of_processes_record_and_belong_to_the_pipeline(
    run_script: Callable[..., str], url: str, method: str
) -> None:
    printed = run_script(
        """
        import multiprocessing, os, sys
        from concurrent.futures import ProcessPoolExecutor
        import backtrail as bt

        @bt.register("step")
        def step(i):
            return i * i

        @bt.register("outer")
        def outer(context):
            with context.Pool(2) as pool:
                assert pool.map(step, range(20), chunksize=2) == [i * i for i in range(20)]
                pool.close()
                pool.join()
            with ProcessPoolExecutor(2, mp_context=context) as pool:
                assert list(pool.map(step, range(20, 30))) == [i * i for i in range(20, 30)]
            process = context.Process(target=step, args=(30,))
            process.start()
            process.join()
            assert process.exitcode == 0

        if __name__ == "__main__":
            step(-1)
            with bt.pipeline("nightly") as pipeline_run_id:
                print(pipeline_run_id)
                outer(multiprocessing.get_context(sys.argv[1]))
            step(-2)
        """,
        method,
    )

    runs = {run.params["i"]: run for run in runs_in(url, "step")}
    assert sorted(runs) == list(range(-2, 31))
    inside = {run.pipeline_run_id for i, run in runs.items() if i >= 0}
    assert inside == {printed.strip()}
    assert runs[-1].pipeline_run_id is None
    assert runs[-2].pipeline_run_id is None
    assert {run.parent_run_id for run in runs.values()} == {None}
    assert {run.status for run in runs.values()} == {"completed"}


def test_a_pipeline_reaches_a_subprocess_and_its_subprocess(
    run_script: Callable[..., str], url: str
) -> None:
    printed = run_script(
        """
        import subprocess, sys
        import backtrail as bt

        if sys.argv[1] == "0":
            with bt.pipeline("nightly") as run_id:
                print(run_id, flush=True)
                subprocess.run([sys.executable, __file__, "1"], check=True)
            subprocess.run([sys.executable, __file__, "3"], check=True)
        else:
            with bt.run("step", params={"level": int(sys.argv[1])}):
                pass
            if sys.argv[1] == "1":
                subprocess.run([sys.executable, __file__, "2"], check=True)
        """,
        "0",
    )

    runs = {run.params["level"]: run.pipeline_run_id for run in runs_in(url, "step")}
    assert runs == {1: printed.strip(), 2: printed.strip(), 3: None}


def test_a_pool_made_before_a_pipeline_does_not_take_a_later_one_for_its_own(
    run_script: Callable[..., str], url: str
) -> None:
    # A worker forked inside one pipeline run and used inside the next may say no
    # pipeline, but not the wrong one... unless nobody told it: then it is the first.
    run_script(
        """
        import multiprocessing
        import backtrail as bt

        @bt.register("step")
        def step(i): return i

        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(1) as pool:
                pool.map(step, [1])
                with bt.pipeline("nightly"):
                    pool.map(step, [2])
                pool.close()
                pool.join()
        """
    )

    assert {run.pipeline_run_id for run in runs_in(url, "step")} == {None}


# -- threads -------------------------------------------------------------------------------


def test_eight_threads_record_while_another_flushes_and_asks(
    run_script: Callable[..., str], url: str, sized: Sized[int]
) -> None:
    rounds = sized(40, 150)
    run_script(
        """
        import threading, sys
        import backtrail as bt
        bt.configure(flush_interval_s=0.005)
        sys.setswitchinterval(1e-5)

        @bt.register("inner")
        def inner(t, i):
            bt.log(f"out-{t}-{i}", value=i)

        @bt.register("outer", input_path="in-{i}.csv", output_path="out-{t}.csv")
        def outer(t, i):
            inner(t, i)
            return [t, i]

        def work(t):
            for i in range(int(sys.argv[1])):
                assert outer(t, i) == [t, i]

        done = threading.Event()
        def ask():
            while not done.is_set():
                assert bt.flush(60) == 0
                bt.recent(5)
                for component in bt.components():
                    bt.history(component.name, limit=3)

        asker = threading.Thread(target=ask)
        threads = [threading.Thread(target=work, args=(t,)) for t in range(8)]
        for thread in (*threads, asker):
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        asker.join()
        """,
        rounds,
    )

    with connect(url) as client:
        outer = {(r.params["t"], r.params["i"]): r for r in history(client, "outer")}
        inner = {(r.params["t"], r.params["i"]): r for r in history(client, "inner")}
        assert len(outer) == len(inner) == 8 * rounds
        assert all(inner[key].parent_run_id == outer[key].run_id for key in outer)
        assert all(run.parent_run_id is None for run in outer.values())
        assert all(len(run.outputs) == 1 for run in inner.values())
        assert client.stats().runs == 2 * 8 * rounds
        assert client.check() == []


def test_threads_started_inside_a_pipeline_belong_to_it(
    run_script: Callable[..., str], url: str
) -> None:
    printed = run_script(
        """
        from concurrent.futures import ThreadPoolExecutor
        import backtrail as bt

        @bt.register("step")
        def step(i): return i

        with bt.pipeline("nightly") as run_id:
            print(run_id)
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(step, range(4)))
        """
    )

    assert {run.pipeline_run_id for run in runs_in(url, "step")} == {printed.strip()}


# -- signals -------------------------------------------------------------------------------


def test_a_signal_handler_records_in_the_middle_of_recording(
    run_script: Callable[..., str], url: str, sized: Sized[int]
) -> None:
    most = sized(150, 1500)
    printed = run_script(
        """
        import signal, sys
        import backtrail as bt
        bt.configure(flush_interval_s=0.01)

        @bt.register("handler", input_path="handled-{n}.csv")
        def handle(n):
            bt.log(f"signal-{n}")

        handled = 0
        def on_signal(number, frame):
            global handled
            handled += 1
            handle(handled)
            # The next only now: on a busy machine a handler may take longer than the
            # pause between two signals, and then each would be struck by the next.
            signal.setitimer(signal.ITIMER_REAL, 0.0005)

        @bt.register("step", input_path="in-{i}.csv")
        def step(i):
            bt.log(f"out-{i}")
            return [i]

        signal.signal(signal.SIGALRM, on_signal)
        signal.setitimer(signal.ITIMER_REAL, 0.0005)
        i = 0
        while handled < int(sys.argv[1]):
            i += 1
            assert step(i) == [i]
            if i % 500 == 0:
                assert bt.flush(60) == 0
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        print(i, handled)
        """,
        most,
    )

    steps, handled = map(int, printed.split())
    assert handled >= most
    assert Counter(r.params["i"] for r in runs_in(url, "step")) == Counter(range(1, steps + 1))
    handlers = runs_in(url, "handler")
    assert Counter(r.params["n"] for r in handlers) == Counter(range(1, handled + 1))
    with connect(url) as client:
        assert client.stats().lost == 0


# Interrupted many times, as by Ctrl-C in a notebook. The long path makes a new segment
# begin every hundred calls, so that this too is interrupted, and so is `flush`.
INTERRUPTED = """
import random, signal, sys
import backtrail as bt
from backtrail.capture.context import current_run
bt.configure(flush_interval_s=0.02)

@bt.register("step", input_path="in-{i}-" + "x" * 3000)
def step(i): return i

def interrupt(number, frame):
    raise KeyboardInterrupt

step(0)
assert bt.flush(60) == 0
signal.signal(signal.SIGALRM, interrupt)
chance = random.Random(1)
returned, stale, i = [0], 0, 0
for _ in range(int(sys.argv[1])):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.00005 + chance.random() * 0.002)
        while True:
            i += 1
            step(i)
            returned.append(i)
            if i % 40 == 0:
                bt.flush()
    except KeyboardInterrupt:
        stale += current_run.get() is not None
signal.signal(signal.SIGALRM, signal.SIG_IGN)
step(-1)
left = bt.flush(60)
print(left, stale, *returned, -1)
"""


@pytest.mark.parametrize("journal", ["mmap", "write"])
def test_a_handler_that_raises_anywhere_in_the_journal_loses_no_call_that_returned(
    run_script: Callable[..., str], url: str, journal: str, sized: Sized[int]
) -> None:
    times = sized(100, 500)
    printed = run_script(INTERRUPTED, times, BACKTRAIL_JOURNAL=journal, BACKTRAIL_STRICT="0")

    left, stale, *returned = map(int, printed.split())
    assert (left, stale) == (0, 0)
    counted = Counter(run.params["i"] for run in runs_in(url, "step") if run.params)
    assert [i for i in returned if counted[i] != 1] == []
    with connect(url) as client:
        assert client.stats().lost == 0
        assert client.check() == []


def test_sigterm_with_a_handler_that_exits_keeps_all(
    run_script: Callable[..., str], url: str
) -> None:
    run_script(
        """
        import os, signal, sys
        import backtrail as bt

        @bt.register("step")
        def step(i):
            if i == 50:
                os.kill(os.getpid(), signal.SIGTERM)

        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        for i in range(100):
            step(i)
        """
    )

    runs = runs_in(url, "step")
    assert [run.params["i"] for run in runs] == list(range(51))
    assert {run.status for run in runs} == {"completed"}


def test_draining_ends_though_another_process_records_all_the_time(
    tmp_path: Path, url: str
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import time
            import backtrail as bt

            @bt.register("step", input_path="in-{i}.csv", output_path="out-{i}.csv")
            def step(i): pass

            i = 0
            while True:
                step(i)
                i += 1
                if i == 100:
                    print("ready", flush=True)
                # Several runs for each round of a drain, and time for the drain itself.
                time.sleep(0.0005)
            """
        )
    )
    writers = [begin(script, BACKTRAIL_FLUSH_INTERVAL_S="60") for _ in range(2)]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        asker = (
            "import backtrail as bt\nbt.log('mine')\nassert bt.flush(60) == 0\nbt.backtrace('mine')"
        )
        (tmp_path / "asker.py").write_text(asker)
        # What was recorded before it asked may take it a while; what comes after may not.
        end(begin(tmp_path / "asker.py"))
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


# -- the end -------------------------------------------------------------------------------


def test_what_exit_handlers_record_is_kept(run_script: Callable[..., str], url: str) -> None:
    run_script(
        """
        import atexit
        @atexit.register
        def last():
            step("registered before backtrail, so called after it")

        import backtrail as bt

        @bt.register("step")
        def step(who): return who

        @atexit.register
        def first():
            step("registered after backtrail")

        step("main")
        """
    )

    runs = runs_in(url, "step")
    assert [run.params["who"][:17] for run in runs] == [
        "main",
        "registered after ",
        "registered before",
    ]
    assert {run.status for run in runs} == {"completed"}


def test_daemon_threads_that_record_until_the_end_neither_hang_nor_complain(
    run_script: Callable[..., str], url: str, sized: Sized[int]
) -> None:
    for _ in range(sized(2, 10)):
        run_script(
            """
            import threading, time
            import backtrail as bt

            @bt.register("step", input_path="in.csv")
            def step(t): return [t]

            calls = [0] * 4

            def work(t):
                while True:
                    step(t)
                    calls[t] += 1
                    time.sleep(0)

            for t in range(4):
                threading.Thread(target=work, args=(t,), daemon=True).start()
            while min(calls) < 50:
                time.sleep(0.001)
            """
        )

    with connect(url) as client:
        assert client.check() == []
        assert client.stats().runs > 100


def test_the_runs_of_a_daemon_thread_that_is_cut_off_are_killed(
    run_script: Callable[..., str], url: str
) -> None:
    run_script(
        """
        import threading
        import backtrail as bt

        has_logged = threading.Event()

        def work():
            with bt.run("endless"):
                bt.log("from-endless")
                has_logged.set()
                threading.Event().wait()

        threading.Thread(target=work, daemon=True).start()
        has_logged.wait()
        """
    )

    (run,) = runs_in(url, "endless")
    assert run.status == "killed"


def test_a_process_that_only_imports_or_asks_starts_no_thread_and_leaves_nothing(
    run_script: Callable[..., str], tmp_path: Path
) -> None:
    run_script(
        """
        import threading
        import backtrail as bt

        @bt.register("step")
        def step(i): return i

        assert bt.recent() == []
        assert threading.active_count() == 1
        """
    )

    assert not (tmp_path / ".backtrail").exists()


# Records, and says when it came to its end.
RECORDS_AND_ENDS = """
import time
import backtrail as bt

@bt.register("step")
def step(i): return i

for i in range(100):
    step(i)
"""
SAYS_WHEN = """
print(time.time(), flush=True)
"""


@pytest.mark.parametrize(
    ("body", "interval_s"),
    [
        pytest.param(RECORDS_AND_ENDS + SAYS_WHEN, "0.5", id="in-time"),
        pytest.param(
            f"""{IS_DRAINING}{RECORDS_AND_ENDS}
while not is_draining(".backtrail/backtrail.db.spool"):
    time.sleep(0.001)
{SAYS_WHEN}""",
            "0.01",
            id="in-the-middle-of-a-round",
        ),
    ],
)
def test_the_end_of_a_process_takes_under_two_seconds_while_the_database_is_locked(
    tmp_path: Path, url: str, body: str, interval_s: str
) -> None:
    with connect(url) as client:
        client.log("first")
        assert client.flush(60) == 0
    script = tmp_path / "script.py"
    script.write_text(body)
    took: list[float] = []

    with contextlib.closing(sqlite3.connect(client.settings.database)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        # One of them may fall into a moment when others have the machine.
        while len(took) < 5 and not any(each < 2 for each in took):
            process = begin(script, BACKTRAIL_STRICT="0", BACKTRAIL_FLUSH_INTERVAL_S=interval_s)
            out, _ = end(process)
            took.append(time.time() - float(out))
            assert process.returncode == 0
        holder.rollback()

    assert len(runs_in(url, "step")) == 100 * len(took)
    assert min(took) < 2


def test_a_client_that_was_closed_in_the_middle_of_a_run_keeps_the_run(
    run_script: Callable[..., str], url: str
) -> None:
    run_script(
        """
        import backtrail as bt

        @bt.register("outer", output_path="out.csv")
        def outer():
            bt.configure(flush_interval_s=0.1)
            inner()
            bt.log("after-the-change")

        @bt.register("inner")
        def inner(): pass

        outer()
        inner()
        """
    )

    assert [run.status for run in runs_in(url, "outer")] == ["completed"]
    assert [run.parent_run_id for run in runs_in(url, "inner")][1:] == [None]
