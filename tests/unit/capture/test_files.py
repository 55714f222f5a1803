"""The version of a file is that of its content, and is remembered only while that is safe."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from backtrail.capture import files
from backtrail.capture.files import FileVersions
from backtrail.model.digest import digest_bytes


@pytest.fixture
def count_reads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count how often a file was really hashed."""
    calls: list[str] = []
    real = files.digest_file

    def digest_file(path: str, size: int) -> str | None:
        calls.append(path)
        return real(path, size)

    monkeypatch.setattr(files, "digest_file", digest_file)
    return lambda: len(calls)


def later(seconds: float = 5) -> Callable[[], int]:
    """A clock that is ahead, for which every file has rested."""
    return lambda: time.time_ns() + int(seconds * 1e9)


def test_an_empty_file_has_no_content_that_could_link_it_to_another(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    os.utime(tmp_path / "a", ns=(5, 5))

    assert FileVersions().version_of(str(tmp_path / "a")) == "stat:0-5"


@pytest.mark.parametrize("size", [1, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_the_version_is_the_digest_of_the_bytes(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "x").write_bytes(data)

    assert FileVersions().version_of(str(tmp_path / "x")) == digest_bytes(data)


def test_what_is_hashed_can_be_seen_as_it_is_read(tmp_path: Path) -> None:
    data = os.urandom((1 << 20) + 1)
    (tmp_path / "x").write_bytes(data)
    seen = bytearray()

    digest = files.digest_file(str(tmp_path / "x"), len(data), seen.extend)

    assert (digest, bytes(seen)) == (digest_bytes(data), data)


def test_a_large_file_is_known_by_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    os.utime(path, ns=(1, 17))

    assert FileVersions(4).version_of(str(path)) == "stat:5-17"
    assert FileVersions(5).version_of(str(path)) == digest_bytes(b"12345")


def test_what_cannot_be_read_has_no_version(tmp_path: Path) -> None:
    versions = FileVersions()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    (tmp_path / "file").write_text("x")

    for path in ("gone", "loop", "file/below", "nul\0", "x" * 5000):
        assert versions.version_of(str(tmp_path / path)) is None
    assert versions.version_of("") is None
    assert versions.version_of("s3://bucket/key") is None


@pytest.fixture
def unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a file that this process may not read: root, who may read all, is another meanwhile."""
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    path = Path("x")
    path.write_text("x")
    path.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    yield path
    if is_root:
        os.seteuid(0)


def test_a_file_one_may_not_read_has_no_version(unreadable: Path) -> None:
    with pytest.raises(PermissionError):
        unreadable.read_text()

    assert unreadable.stat().st_size == 1
    assert FileVersions().version_of(str(unreadable)) is None


def test_a_read_error_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str, size: int) -> str:
        raise PermissionError(path)

    (tmp_path / "x").write_text("x")
    monkeypatch.setattr(files, "digest_file", fail)

    assert FileVersions().version_of(str(tmp_path / "x")) is None


def test_special_files_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)
    monkeypatch.chdir(tmp_path)
    versions = FileVersions()

    for path in ("pipe", "socket", "/dev/null", "/dev/zero"):
        assert versions.version_of(path) is None
    assert versions.version_of(str(tmp_path)) == FileVersions().version_of(str(tmp_path))


def test_a_file_that_became_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert files.digest_file(str(tmp_path / "pipe"), 3) is None


def test_a_file_that_says_it_is_empty_and_is_not_ends(tmp_path: Path) -> None:
    version = FileVersions().version_of("/proc/self/status")

    assert version is None or version.startswith("stat:0-")


# -- remembering -----------------------------------------------------------------------


def test_an_unchanged_file_is_hashed_once(tmp_path: Path, count_reads: Callable[[], int]) -> None:
    path = tmp_path / "x"
    path.write_text("one")
    versions = FileVersions(now_ns=later())

    first = [versions.version_of(str(path)) for _ in range(5)]

    assert len(set(first)) == 1
    assert count_reads() == 1


def test_a_file_written_a_moment_ago_is_hashed_until_it_has_rested(
    tmp_path: Path, count_reads: Callable[[], int]
) -> None:
    path = tmp_path / "x"
    path.write_text("one")
    written = os.stat(path).st_ctime_ns
    now = [written + 20_000_000]
    versions = FileVersions(now_ns=lambda: now[0])

    for _ in range(3):
        versions.version_of(str(path))
    assert count_reads() == 3
    now[0] = written + 5_000_000_000
    for _ in range(3):
        versions.version_of(str(path))
    assert count_reads() == 4


def test_overwriting_with_the_same_size_is_seen_at_once(tmp_path: Path) -> None:
    path = tmp_path / "x"
    versions = FileVersions()

    for number in range(300):
        data = b"%03d" % number
        path.write_bytes(data)
        assert versions.version_of(str(path)) == digest_bytes(data)


def wait_for_a_tick_after(path: Path) -> None:
    """Return when the file system's clock, which goes in steps, gives a later time."""
    other = path.with_name("tick")
    other.touch()
    while other.stat().st_ctime_ns <= path.stat().st_ctime_ns:
        other.touch()


def test_the_same_size_and_time_of_content_do_not_hide_a_change(tmp_path: Path) -> None:
    path = tmp_path / "x"
    versions = FileVersions(now_ns=later())
    for data in (b"one", b"two"):
        path.write_bytes(data)
        os.utime(path, ns=(10**18, 10**18))
        assert versions.version_of(str(path)) == digest_bytes(data)
        wait_for_a_tick_after(path)


def test_a_file_put_in_the_place_of_another_is_seen(tmp_path: Path) -> None:
    path, other = tmp_path / "x", tmp_path / "y"
    versions = FileVersions(now_ns=later())
    path.write_bytes(b"one")
    other.write_bytes(b"two")
    for each in (path, other):
        os.utime(each, ns=(10**18, 10**18))

    assert versions.version_of(str(path)) == digest_bytes(b"one")
    other.replace(path)
    assert versions.version_of(str(path)) == digest_bytes(b"two")
    path.unlink()
    assert versions.version_of(str(path)) is None


def test_times_in_whole_seconds_have_to_rest_longer(
    tmp_path: Path, count_reads: Callable[[], int]
) -> None:
    path = tmp_path / "x"
    path.write_text("one")
    os.utime(path, ns=(10**18, 10**18))
    ahead = [0.5]
    versions = FileVersions(now_ns=lambda: time.time_ns() + int(ahead[0] * 1e9))

    versions.version_of(str(path))
    versions.version_of(str(path))
    assert count_reads() == 2
    ahead[0] = 10
    versions.version_of(str(path))
    versions.version_of(str(path))
    assert count_reads() == 3


def test_a_file_that_changes_while_it_is_hashed_gets_one_more_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"one")
    real, writes = files.digest_file, [b"second"]

    def digest_file(name: str, size: int) -> str | None:
        version = real(name, size)
        if writes:
            path.write_bytes(writes.pop())
        return version

    monkeypatch.setattr(files, "digest_file", digest_file)
    versions = FileVersions(now_ns=later())

    assert versions.version_of(str(path)) == digest_bytes(b"second")

    writes[:] = [b"fourth!!", b"third!"]
    path.write_bytes(b"again")
    version = versions.version_of(str(path))
    state = os.stat(path)
    assert version == f"stat:{state.st_size}-{state.st_mtime_ns}"
    assert versions.version_of(str(path)) == digest_bytes(b"fourth!!")


def test_a_file_that_is_written_all_the_time_is_never_called_what_it_was_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x"
    states = [bytes([65 + n]) * 200_000 for n in range(8)]
    allowed = {digest_bytes(state) for state in states}
    path.write_bytes(states[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for state in states:
                (tmp_path / "new").write_bytes(state)
                (tmp_path / "new").replace(path)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = [FileVersions().version_of(str(path)) for _ in range(50)]
    finally:
        stop.set()
        writer.join()

    assert all(version in allowed or str(version).startswith("stat:200000-") for version in seen)


def test_what_is_remembered_is_bounded(tmp_path: Path, count_reads: Callable[[], int]) -> None:
    versions = FileVersions(remembered=3, now_ns=later())
    paths = [tmp_path / str(n) for n in range(5)]
    for path in paths:
        path.write_text(path.name)
        versions.version_of(str(path))

    assert len(versions._known) == 3
    versions.version_of(str(paths[4]))
    assert count_reads() == 5
    versions.version_of(str(paths[0]))
    assert count_reads() == 6


def test_threads_may_share_it(tmp_path: Path) -> None:
    versions = FileVersions(remembered=5, now_ns=later())
    expected = {}
    for number in range(20):
        path = tmp_path / str(number)
        path.write_text(str(number))
        expected[str(path)] = digest_bytes(str(number).encode())
    wrong: list[Any] = []

    def look() -> None:
        for _ in range(40):
            for path, version in expected.items():
                found = versions.version_of(path)
                if found != version:
                    wrong.append((path, found))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert len(versions._known) <= 13  # each thread may be one ahead


# -- folders ---------------------------------------------------------------------------


def a_dataset(root: Path, parts: dict[str, bytes]) -> str:
    for name, data in parts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return str(root)


PARTS = {"day=1/a.parquet": b"one", "day=2/a.parquet": b"two", "_SUCCESS": b""}


def test_a_folder_has_one_version_wherever_it_lies(tmp_path: Path) -> None:
    one = a_dataset(tmp_path / "one", PARTS)
    other = a_dataset(tmp_path / "other", dict(reversed(PARTS.items())))

    version = FileVersions().version_of(one)
    assert version is not None
    assert version.startswith("blake3:")
    assert version == FileVersions().version_of(other) == FileVersions().version_of(f"{one}/")


@pytest.mark.parametrize(
    "parts",
    [
        {**PARTS, "day=1/a.parquet": b"eno"},
        {**PARTS, "day=3/a.parquet": b""},
        {"day=1/b.parquet": b"one", "day=2/a.parquet": b"two", "_SUCCESS": b""},
        {"day=1/a.parquet": b"two", "day=2/a.parquet": b"one", "_SUCCESS": b""},
        {"day=1/a.parquet": b"one", "day=2/a.parquet": b"two"},
    ],
)
def test_what_a_folder_holds_counts(tmp_path: Path, parts: dict[str, bytes]) -> None:
    versions = FileVersions()

    one = versions.version_of(a_dataset(tmp_path / "one", PARTS))
    assert one != versions.version_of(a_dataset(tmp_path / "other", parts))


def test_a_change_deep_in_a_folder_is_seen(tmp_path: Path, count_reads: Callable[[], int]) -> None:
    folder = a_dataset(tmp_path, PARTS)
    versions = FileVersions(now_ns=later())

    before = versions.version_of(folder)
    assert versions.version_of(folder) == before
    assert count_reads() == len(PARTS)  # its files are remembered
    (tmp_path / "day=2/a.parquet").write_bytes(b"TWO")
    assert versions.version_of(folder) != before


def test_a_large_folder_is_known_by_sizes_and_times(tmp_path: Path) -> None:
    folder = a_dataset(tmp_path, PARTS)
    versions = FileVersions(5)

    before = versions.version_of(folder)
    assert before is not None
    assert before.startswith("stat:6-")
    assert versions.version_of(folder) == before
    os.utime(tmp_path / "day=2/a.parquet", ns=(1, 1))
    assert versions.version_of(folder) != before


def test_odd_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_dataset(tmp_path / "x", PARTS)
    plain = FileVersions().version_of(folder)
    (tmp_path / "x/empty").mkdir()
    os.mkfifo(tmp_path / "x/pipe")
    (tmp_path / "x/dangling").symlink_to("nowhere")
    (tmp_path / "x/day=1/up").symlink_to("..")

    assert FileVersions().version_of(folder) == plain  # and the circle of links ended
    (tmp_path / "x" / os.fsdecode(b"\xff")).write_text("x")
    assert FileVersions().version_of(folder) not in (plain, None)
    assert FileVersions().version_of(str(tmp_path / "x/empty")) is not None
    monkeypatch.setattr(files, "_MOST_IN_FOLDER", 3)
    assert FileVersions().version_of(folder) is None
