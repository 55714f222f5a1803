"""Whatever becomes of the files of a spool, each record reaches the store, and counts once."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtrail.journal.drain import Drainer, count_waiting
from backtrail.journal.spool import Spool
from backtrail.model.facts import COMPLETED, RUNNING, SiteFact, WriterFact
from backtrail.model.identity import SEQ_MASK
from backtrail.store.sqlite import open_sqlite

STATUS = {0: "running", 1: "completed", 2: "failed", 3: "killed"}


@dataclass
class Run:
    """A run as capture hands it over."""

    seq: int
    site: int = 1
    started_us: int = 1_000_000
    parent_run: Any = None
    pipeline: str | None = None
    params: dict[str, Any] | None = None
    reads: list[Any] = field(default_factory=list)


class Place:
    """Two spool folders, a spool that writes there, and a store."""

    def __init__(self, root: Path, how: str = "mmap") -> None:
        self.root = root
        self.folders = [root / "one", root / "two"]
        self.warned: list[str] = []
        self.uid = os.urandom(16)
        self.spool = self.new_spool(how)
        self.store = open_sqlite(root / "bt.db")
        self.seq = 0

    def new_spool(self, how: str) -> Spool:
        writer = WriterFact(self.uid, "host", 1, 1, {})
        spool = Spool(self.folders, lambda: writer, self.warned.append, how=how)
        spool.add_site(SiteFact(1, "step"))
        return spool

    def record(self, count: int = 1, text: str = "") -> None:
        for _ in range(count):
            self.seq += 1
            run = Run(self.seq, params={"text": text} if text else None)
            self.spool.add_run(run, [], run.started_us + 1, COMPLETED)

    def begin(self, seq: int) -> None:
        self.spool.add_run(Run(seq), [], None, RUNNING)

    def end(self, seq: int) -> None:
        self.spool.add_run(Run(seq), [], 2_000_000, COMPLETED)

    def drain(self, *folders: int) -> None:
        for number in folders or (0, 1):
            drainer = Drainer(self.folders[number])
            assert drainer.drain(lambda: self.store).led
            drainer.close()

    def files(self, number: int = 0) -> list[Path]:
        return sorted(self.folders[number].glob("*.spool"))

    def hide(self, number: int = 0) -> None:
        """As a mount on top of the folder does: it is there, and cannot be reached."""
        self.folders[number].rename(self.root / f"hidden-{number}")
        self.folders[number].write_text("not a folder")

    def show(self, number: int = 0) -> None:
        self.folders[number].unlink()
        (self.root / f"hidden-{number}").rename(self.folders[number])

    def runs(self) -> dict[int, str]:
        with contextlib.closing(sqlite3.connect(self.root / "bt.db")) as raw:
            rows = raw.execute("SELECT run, status FROM run").fetchall()
        assert len({run & SEQ_MASK for run, _ in rows}) == len(rows)
        return {run & SEQ_MASK: STATUS[status] for run, status in rows}

    def completed(self) -> list[int]:
        runs = self.runs()
        assert set(runs.values()) <= {"completed"}
        return sorted(runs)


@pytest.fixture(params=["mmap", "write"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place to record in, once for each way to write a segment."""
    made = Place(tmp_path, request.param)
    yield made
    made.store.close()


def test_a_segment_that_is_hidden_and_comes_back_is_lost_in_neither_order(place: Place) -> None:
    place.record(10)
    place.hide()
    place.record(5)
    place.spool.settle()
    place.record(5)
    place.drain(1)
    place.show()

    place.drain(0)
    place.spool.close()
    place.drain()

    assert place.completed() == list(range(1, 21))
    assert place.files(0) == place.files(1) == []


def test_sealed_segments_that_were_hidden_are_taken_in_after_later_ones(place: Place) -> None:
    for _ in range(3):
        place.record(300, "x" * 2000)
    assert len(place.files()) > 1
    place.hide()
    place.spool.settle()
    place.record(5)
    place.drain(1)
    place.show()

    place.spool.close()
    place.drain()

    assert place.completed() == list(range(1, 906))
    assert place.files(0) == place.files(1) == []


def test_a_live_file_that_is_deleted_is_made_anew_with_all_it_held(place: Place) -> None:
    place.record(10)
    (file,) = place.files()
    file.unlink()
    place.record(10)

    place.spool.settle()
    place.drain()

    assert place.completed() == list(range(1, 21))


def test_a_file_deleted_before_its_segment_is_full_loses_nothing(place: Place) -> None:
    place.record(10)
    place.files()[0].unlink()
    for _ in range(3):
        place.record(300, "x" * 2000)

    place.spool.close()
    place.drain()

    assert place.completed() == list(range(1, 911))


def test_a_drainer_that_had_the_deleted_file_open_reads_the_new_one(place: Place) -> None:
    drainer = Drainer(place.folders[0])
    place.record(10)
    drainer.drain(lambda: place.store)
    place.files()[0].unlink()
    place.record(10)
    place.spool.settle()
    place.record(10)

    drainer.drain(lambda: place.store)
    place.record(10)
    drainer.drain(lambda: place.store)
    drainer.close()

    assert place.completed() == list(range(1, 41))


def test_a_stale_copy_of_a_living_segment_moves_nothing_and_kills_nothing_for_good(
    place: Place,
) -> None:
    place.begin(1)
    place.seq = 1
    place.record(10)
    place.folders[1].mkdir()
    (live,) = place.files()
    shutil.copy(live, place.folders[1])
    place.record(10)

    place.drain(1)
    place.drain(0)
    place.record(10)
    place.end(1)
    place.drain(1)
    place.drain(0)

    assert place.completed() == list(range(1, 32))


def test_a_late_segment_tells_of_no_run_that_goes_on_after_its_writer_has_ended(
    place: Place,
) -> None:
    place.begin(1)
    place.hide()
    place.spool.settle()
    place.spool.close()
    place.drain(1)
    place.show()

    place.drain(0)

    assert place.runs() == {1: "killed"}


def test_a_run_that_goes_on_in_another_folder_is_not_killed_by_the_file_it_left(
    place: Place,
) -> None:
    place.begin(1)
    place.drain(0)
    place.hide()
    place.spool.settle()
    place.show()

    place.drain()

    assert place.runs() == {1: "running"}
    place.end(1)
    place.drain()
    assert place.runs() == {1: "completed"}


def test_a_store_that_fails_in_the_middle_is_given_a_late_file_again(place: Place) -> None:
    class FailingError(Exception):
        pass

    class Failing:
        def __init__(self, place: Place) -> None:
            self.positions = place.store.positions

        def take_in(self, batches: Any) -> None:
            raise FailingError

    place.record(10)
    place.hide()
    place.spool.settle()
    place.record(10)
    place.drain(1)
    place.show()
    drainer = Drainer(place.folders[0])

    with pytest.raises(FailingError):
        drainer.drain(lambda: Failing(place))
    drainer.drain(lambda: place.store)
    drainer.close()

    place.drain()
    assert place.completed() == list(range(1, 21))


def test_a_file_that_cannot_be_deleted_is_not_taken_in_again_and_again(place: Place) -> None:
    place.record(10)
    place.spool.close()
    drainer = Drainer(place.folders[0])
    (file,) = place.files()
    copy = file.read_bytes()
    drainer._delete = lambda path, identity: Drainer._delete(drainer, path, (0, 0))  # type: ignore[method-assign]

    counts = [drainer.drain(lambda: place.store).facts for _ in range(3)]

    drainer.close()
    assert counts[0] >= 10
    assert file.read_bytes() == copy
    assert counts[1:] == [0, 0]


def test_what_waits_in_a_late_file_is_counted(place: Place) -> None:
    place.record(10)

    assert count_waiting(place.folders[0], place.uid, (5, 0)) == 10


# -- anything at any time ---------------------------------------------------------------

STEPS = ["record", "many", "long", "hide", "show", "delete", "settle", "drain 0", "drain 1"]


@pytest.mark.parametrize("how", ["mmap", "write"])
@settings(max_examples=80)
@given(steps=st.lists(st.sampled_from([*STEPS, "begin", "end", "copy"]), max_size=25))
def test_whatever_happens_to_the_folders_each_record_counts_once(
    how: str, steps: list[str]
) -> None:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as root:
        place = Place(Path(root), how)
        act(place, steps)
        place.store.close()


def act(place: Place, steps: list[str]) -> None:
    """Do the steps that can be done, bring all back, and compare."""
    place.record()
    hidden = False
    begun: set[int] = set()
    ended: set[int] = set()
    actions: dict[str, Callable[[], None]] = {
        "record": place.record,
        "many": lambda: place.record(200, "x" * 500),
        "long": lambda: place.record(1, "y" * 300_000),
        "settle": place.spool.settle,
    }
    for step in steps:
        if step in actions:
            actions[step]()
        elif step == "hide" and not hidden and place.folders[0].is_dir():
            place.hide()
            hidden = True
        elif step == "show" and hidden:
            place.show()
            hidden = False
        elif step.startswith("drain"):
            if place.folders[int(step[-1])].is_dir():
                place.drain(int(step[-1]))
        elif step == "begin":
            place.seq += 1
            begun.add(place.seq)
            place.begin(place.seq)
        elif step == "end" and begun - ended:
            seq = min(begun - ended)
            ended.add(seq)
            place.end(seq)
        else:
            meddle(place, step)
    if hidden:
        place.show()
    place.spool.close()
    for folder in place.folders:
        folder.mkdir(exist_ok=True)
    place.drain(1, 0)
    place.drain(0, 1)

    expected = {
        seq: "killed" if seq in begun - ended else "completed" for seq in range(1, place.seq + 1)
    }
    assert place.runs() == expected
    assert place.spool.dropped == 0
    assert place.files(0) == place.files(1) == []


def meddle(place: Place, step: str) -> None:
    """Delete the file that is written to, or copy a file to the other folder."""
    segment = place.spool._segment
    if segment is None or segment.path is None or not segment.is_in_place():
        return
    if step == "delete":
        segment.path.unlink()
    elif step == "copy":
        other = place.folders[1] if segment.path.parent == place.folders[0] else place.folders[0]
        with contextlib.suppress(OSError):
            other.mkdir(exist_ok=True)
            shutil.copy(segment.path, other)
