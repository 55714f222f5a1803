"""The journal of one store, whole: this process's spool, and the draining of everybody's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.facts import WriterFact
from .drain import Drainer, Intake, count_waiting, damaged_files, leave_to_parent
from .flusher import Flusher
from .outage import Outage
from .segment import SUFFIX
from .spool import Spool

if TYPE_CHECKING:
    from ..model.records import Finding

_POLL_S = 0.01


class Journal:
    """Keeps what was recorded until the store has it.

    Args:
        folders: where spools may lie, the preferred one first.
        open_store: gives the store to drain into; may raise StoreUnavailableError.
        describe_writer: gives the writer of this process.
        tend: work of the recorder that can wait, done before each drain.
        interval_s: how often the background thread drains.
        sync: each record waits until the disk has it.
        how: how the spool is written, see `Spool`.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        open_store: Callable[[], Intake],
        describe_writer: Callable[[], WriterFact],
        tend: Callable[[], None],
        *,
        interval_s: float,
        sync: bool,
        how: str = "auto",
    ) -> None:
        self.outage = Outage()
        self.spool = Spool(folders, describe_writer, self.outage.warn, sync=sync, how=how)
        self._folders = list(folders)
        self._open_store = open_store
        self._tend = tend
        self._interval_s = interval_s
        self._restart()

    def _restart(self) -> None:
        self._lock = threading.RLock()
        self._drainers: dict[Path, Drainer] = {}
        self._flusher: Flusher | None = None
        self._drained: tuple[int, int] = (0, 0)
        self._spool_paused = False

    def start_background(self) -> None:
        """Drain from a thread of our own from now on."""
        if self._flusher is None:
            self._flusher = Flusher(self._round, self._interval_s, self.note)
            self._flusher.start()

    def drain(self, wait_s: float) -> bool:
        """Drain every spool in the folders.

        Args:
            wait_s: how long to wait for another thread or process that is at it.

        Returns:
            False when it was not our turn in that time.

        Raises:
            StoreUnavailableError: from the store.
        """
        if not self._lock.acquire(timeout=max(wait_s, 0.001)):
            return False
        try:
            led = True
            for folder in self._folders:
                if folder.is_dir():
                    drainer = self._drainers.get(folder)
                    if drainer is None:
                        drainer = self._drainers[folder] = Drainer(folder)
                    led &= drainer.drain(self._open_store, wait_s=wait_s).led
            if led and not self.spool.in_memory:
                self.outage.end()
            return led
        finally:
            self._lock.release()

    def flush(self, timeout_s: float) -> int:
        """Block until all that this process appended is in the store.

        Args:
            timeout_s: how long to try.

        Returns:
            How many records still wait.
        """
        give_up = time.monotonic() + timeout_s
        self._settle()
        end = self.spool.end()
        while True:
            try:
                led = self.drain(max(0.0, min(1.0, give_up - time.monotonic())))
                # The second where the store was made anew after all had been drained.
                is_done = self._position() >= end or (led and not self.count_waiting())
                if is_done and not self.spool.in_memory:
                    return 0
            except Exception as error:  # noqa: BLE001 - tried again until the time is up
                self.note(error)
            if time.monotonic() >= give_up:
                return self.count_waiting()
            time.sleep(_POLL_S)

    def count_waiting(self) -> int:
        """Count the records of this process that no store has confirmed."""
        uid = self.spool.writer.uid
        in_files = sum(count_waiting(folder, uid, self._drained) for folder in self._folders)
        return in_files + self.spool.in_memory

    def close(self, timeout_s: float, let_go: Callable[[], None]) -> None:
        """Seal the spool and drain what can be drained in time; the rest waits.

        Args:
            timeout_s: how long to wait for it, in seconds.
            let_go: closes the store; called by a thread of ours, and later, where the store
                keeps that busy beyond this time.
        """
        flusher, self._flusher = self._flusher, None

        def finish() -> None:
            self._finish(timeout_s)
            let_go()

        if flusher is None:
            finish()
        elif not flusher.stop(finish, timeout_s):
            self.spool.close()
            return
        for drainer in self._drainers.values():
            drainer.close()
        self._drainers.clear()

    def _finish(self, timeout_s: float) -> None:
        try:
            self._tend()
            self.spool.close()
            self.drain(timeout_s)
        except Exception as error:  # noqa: BLE001 - at the end of a process nothing may raise
            self.note(error)

    def note(self, error: Exception) -> None:
        """Take note that the store could not be reached, and warn if that is new."""
        self.outage.warn(f"cannot reach the store: {error}")

    def pause(self, timeout_s: float) -> bool:
        """Let nothing of ours go on until `resume`; False if a drain did not end in time."""
        if not self._lock.acquire(timeout=timeout_s):
            return False
        self._spool_paused = self.spool.pause(timeout_s)
        return True

    def resume(self) -> None:
        """Let drains and records go on again."""
        paused, self._spool_paused = self._spool_paused, False
        if paused:
            self.spool.resume()
        self._lock.release()

    def restart_in_child(self) -> None:
        """Go on after a fork as a writer of our own, without the parent's thread."""
        leave_to_parent()
        for drainer in self._drainers.values():
            drainer.leave_to_parent()
        self._restart()
        self.spool.restart_in_child()

    def _round(self) -> None:
        # All of it under the lock that a fork waits for: a child that is forked in
        # the middle of an import inherits half a module.
        with self._lock:
            self._tend()
            self.spool.settle()
            self.drain(0.0)

    def _settle(self) -> None:
        try:
            self._tend()
            self.spool.settle()
        except Exception as error:  # noqa: BLE001 - what is in the spool can still be drained
            self.note(error)

    def _position(self) -> tuple[int, int]:
        uid = self.spool.writer.uid
        self._drained = self._open_store().positions([uid]).get(uid, (0, 0))
        return self._drained


def inspect_spools(
    folders: Sequence[Path], is_writable: Callable[[Path], bool], *, is_waiting: bool = False
) -> list[Finding]:
    """Say in what state the spools in these folders are.

    Args:
        folders: where spools may lie.
        is_writable: tells whether a folder can be written to.
        is_waiting: the store cannot take in what is in them.
    """
    from ..model.records import Finding  # not for a first recorded call

    findings: list[Finding] = []
    for folder in folders:
        if not folder.is_dir():
            continue
        spools = [path for path in folder.iterdir() if path.suffix == SUFFIX]
        if not is_writable(folder):
            what = f"the journal in {folder} cannot be written to"
            findings.append(Finding("problem", what, "Check its rights."))
        elif spools:
            findings.append(_waiting(folder, spools) if is_waiting else _open(folder, spools))
        else:
            findings.append(Finding("ok", f"the journal in {folder} is drained"))
        findings += [
            Finding(
                "problem",
                f"{path} could not be read and was set aside",
                "Its records are missing. Keep the file for a report, or delete it.",
            )
            for path in damaged_files(folder)
        ]
    return findings


def _open(folder: Path, spools: list[Path]) -> Finding:
    from ..model.records import Finding

    size = sum(path.stat().st_size for path in spools)
    files = "1 open journal file" if len(spools) == 1 else f"{len(spools)} open journal files"
    return Finding("ok", f"{files} ({size:,} bytes) in {folder}")


def _waiting(folder: Path, spools: list[Path]) -> Finding:
    """Say how much has not come to the store, and since when."""
    from ..model.records import Finding
    from ..model.times import to_iso

    states = [path.stat() for path in spools]
    size = sum(state.st_size for state in states)
    since = min(state.st_mtime_ns for state in states) // 1000
    files = "1 journal file waits" if len(spools) == 1 else f"{len(spools)} journal files wait"
    hint = f"The oldest was last written to at {to_iso(since)}. Nothing of it is lost."
    return Finding("note", f"{files} ({size:,} bytes) in {folder}", hint)
