"""What a process says of itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from backtrail.capture import environment
from backtrail.capture.environment import describe_process


def test_a_process_says_who_and_where_it_is() -> None:
    found = describe_process()

    assert found["pid"] == os.getpid()
    assert found["host"] == os.uname().nodename
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["user"]
    assert str(found["platform"]).startswith(os.uname().sysname)
    assert set(found) == {"host", "pid", "user", "python", "platform", "boot_id", "started_us"}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found)) == found


@pytest.mark.usefixtures("processes")
def test_the_start_is_that_of_the_process_and_not_of_the_question() -> None:
    before_us = time.time_ns() // 1000
    code = (
        "from backtrail.capture.environment import describe_process\n"
        "print('up', flush=True)\n"
        "input()\n"
        "print(describe_process()['started_us'])"
    )
    src = Path(environment.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(src)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        up_us = time.time_ns() // 1000
        # It is asked only now.
        answer, _ = process.communicate("\n", timeout=30)

    # The kernel counts starts in hundredths of a second; to be up takes longer than one.
    assert before_us - 20_000 <= int(answer) < up_us


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a boot id in /proc")
def test_the_boot_is_told() -> None:
    assert len(str(describe_process()["boot_id"])) == 36


def test_a_system_that_tells_nothing_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "_BOOT_ID", tmp_path / "none")
    monkeypatch.setattr(environment, "_OWN_STAT", tmp_path / "none")
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_294_000_000)
    before_us = time.time_ns() // 1000

    found = describe_process()

    assert found["boot_id"] == ""
    assert found["user"] == "4294000000"
    started_us = found["started_us"]
    assert isinstance(started_us, int)
    assert started_us >= before_us


def test_a_torn_stat_file_raises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "stat"
    stat.write_bytes(b"12 (a) b) S x")
    monkeypatch.setattr(environment, "_OWN_STAT", stat)

    assert describe_process()["started_us"]


def test_a_user_in_another_encoding_can_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", os.fsdecode(b"ren\xe9"))

    assert msgspec.msgpack.encode(describe_process()["user"])


def test_it_takes_less_than_a_millisecond() -> None:
    describe_process()
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        describe_process()
        times.append(time.perf_counter() - begin)

    assert min(times) < 0.001
