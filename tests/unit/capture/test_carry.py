"""The current run, taken along to threads and processes."""

from __future__ import annotations

import importlib
import multiprocessing
import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

import backtrail
from backtrail import Client, connect


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with connect(f"sqlite:///{tmp_path}/bt.db") as client:
        yield client


def component_of(client: Client, output: str) -> str:
    return client.backtrace(output).frames[0].run.component


def test_what_a_carried_function_logs_in_a_thread_belongs_to_the_run(client: Client) -> None:
    @client.register("serve")
    def serve() -> None:
        with ThreadPoolExecutor(4) as pool:
            carried = client.carry(client.log)
            list(pool.map(carried, [f"out-{i}" for i in range(20)]))
            pool.submit(client.log, "left behind").result()

    serve()

    assert {component_of(client, f"out-{i}") for i in range(20)} == {"serve"}
    assert component_of(client, "left behind") == "log"
    assert client.backtrace("out-3").frames[0].run.outputs_total == 20


def test_runs_in_a_carried_function_are_called_by_the_run(client: Client) -> None:
    @client.register("part")
    def part(n: int) -> int:
        return n

    @client.register("whole")
    def whole() -> None:
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(client.carry(part), range(3))) == [0, 1, 2]
        client.log("done")

    whole()

    (caller,) = client.history("whole")
    assert {run.parent_run_id for run in client.history("part")} == {caller.run_id}
    components = [frame.run.component for frame in client.backtrace("done").frames]
    assert components == ["whole", "part", "part", "part"]


def test_a_carried_function_outside_a_run_is_the_function(client: Client) -> None:
    carried = client.carry(len)

    assert carried("four") == 4
    assert carried.__call__.__doc__
    assert pickle.loads(pickle.dumps(carried))("four") == 4
    assert repr(carried) == "<carried <built-in function len>>"


def test_what_it_raises_is_raised(client: Client) -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(ZeroDivisionError):
        pool.submit(client.carry(divmod), 1, 0).result()


REMOTE = """
import backtrail

def work(output):
    backtrail.log(output, component="remote")
    backtrail.flush()
"""


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_what_is_recorded_in_another_process_is_called_by_the_run(
    tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/bt.db"
    (tmp_path / "elsewhere.py").write_text(REMOTE)
    monkeypatch.syspath_prepend(tmp_path)
    work = importlib.import_module("elsewhere").work
    monkeypatch.setenv("BACKTRAIL_URL", url)
    backtrail.configure(url)
    try:

        @backtrail.register("whole")
        def whole() -> None:
            context = multiprocessing.get_context(method)
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                pool.submit(backtrail.carry(work), "remote-1").result()
            backtrail.log("done")

        with backtrail.pipeline("nightly", run_id="night-1"):
            whole()

        (caller,) = backtrail.history("whole")
        remote = backtrail.backtrace("remote-1").frames[0].run
        frames = backtrail.backtrace("done").frames
    finally:
        backtrail.configure(mode="off")
        del sys.modules["elsewhere"]

    assert (remote.component, remote.parent_run_id) == ("remote", caller.run_id)
    assert remote.pipeline_run_id == "night-1"
    assert [frame.run.component for frame in frames] == ["whole", "remote"]
