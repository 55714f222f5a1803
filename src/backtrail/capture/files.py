"""Versions of files and folders, as cheap as one look at the file system when nothing changed.

A file is known by path, size, times and inode: while they stay the same, so does
its version. That is only trusted once the file has rested for a moment. The clock
of a file system ticks every few milliseconds, and a file that is overwritten by one
of the same size within the tick looks untouched (git calls this "racily clean").
The time of the last change of the inode counts beside that of the content, since
programs that copy or unpack files set the latter to whatever they like.

What a program writes through a memory map shows in the times only once the system
has written it back.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator

_OPEN = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_OPEN |= getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_CHUNK = 1 << 20
_stat = os.stat

# Longer than any tick of Linux; where times look like whole seconds, the clock may
# tick in seconds (two of them on FAT).
_REST_NS = 100_000_000
_COARSE_REST_NS = 2_100_000_000
_SECOND_NS = 1_000_000_000

_MOST_REMEMBERED = 10_000
# Every call has to look at every file of a folder.
_MOST_IN_FOLDER = 10_000
_FOLDER_LAYOUT = b"backtrail folder 1\n"

# Path within the folder, path to open, what stat said.
Member = tuple[str, str, os.stat_result]
# Size, time of the content, time of the inode, inode, and the version they stand for.
Known = tuple[int, int, int, int, str]


class FileVersions:
    """Tells the version of files, and remembers it while they do not change.

    Threads may share it: nobody waits for another's hashing, at worst two hash the
    same file.

    Args:
        limit_bytes: what is larger gets a version by size and time, ``stat:…``.
        remembered: how many files are remembered; the oldest is forgotten first.
    """

    def __init__(
        self,
        limit_bytes: int = 64 * 1024 * 1024,
        *,
        remembered: int = _MOST_REMEMBERED,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._limit = limit_bytes
        self._most = remembered
        self._now_ns = now_ns
        self._known: dict[str, Known] = {}

    def version_of(self, path: str) -> str | None:
        """Give the version of a file or folder; None for what is not there or cannot be read.

        Pipes, sockets and devices have none, and are never opened.
        """
        try:
            state = _stat(path)
        except (OSError, ValueError):
            return None
        known = self._known.get(path)
        if (
            known is not None
            and known[1] == state.st_mtime_ns
            and known[0] == state.st_size
            and known[2] == state.st_ctime_ns
            and known[3] == state.st_ino
        ):
            return known[4]
        try:
            if stat.S_ISREG(state.st_mode):
                if state.st_size == 0:
                    # All empty files have one content: it would link runs that
                    # have nothing to do with each other.
                    return weak_version(state)
                return self._file_version(path, state)
            return self._folder_version(path) if stat.S_ISDIR(state.st_mode) else None
        except (OSError, ValueError):
            return None

    def _file_version(self, path: str, state: os.stat_result) -> str:
        if state.st_size > self._limit:
            return weak_version(state)
        # Somebody may be writing it just now: one more try, and then the honest answer.
        for _ in range(2):
            began = self._now_ns()
            version = digest_file(path, state.st_size)
            after = os.stat(path)
            if version is not None and _key(after) == _key(state):
                if _has_rested(state, began):
                    self._remember(path, (*_key(state), version))
                return version
            state = after
            if state.st_size > self._limit or not stat.S_ISREG(state.st_mode):
                break
        return weak_version(state)

    def _folder_version(self, path: str) -> str | None:
        """Give the version of all files in a folder, a partitioned dataset for one."""
        members: list[Member] = []
        for member in _members(path):
            members.append(member)
            if len(members) > _MOST_IN_FOLDER:
                # A version that leaves files out would call different data the same.
                return None
        members.sort(key=lambda member: os.fsencode(member[0]))
        total = sum(state.st_size for _, _, state in members)
        if total <= self._limit:
            versions = [self._member_version(file, state) for _, file, state in members]
            if all(version.startswith("blake3:") for version in versions):
                return f"blake3:{_listing_digest(members, versions)}"
        versions = [weak_version(state) for _, _, state in members]
        return f"stat:{total}-{_listing_digest(members, versions)[:32]}"

    def _member_version(self, file: str, state: os.stat_result) -> str:
        known = self._known.get(file)
        if known is not None and known[:4] == _key(state):
            return known[4]
        try:
            return self._file_version(file, state)
        except OSError:
            return "unreadable"

    def _remember(self, path: str, known: Known) -> None:
        # No lock: a child that is forked while another thread holds one would wait
        # for it for ever. What two threads may do to each other here is harmless.
        self._known.pop(path, None)
        self._known[path] = known
        while len(self._known) > self._most:
            try:
                del self._known[next(iter(self._known))]
            except (KeyError, RuntimeError, StopIteration):
                break


def _key(state: os.stat_result) -> tuple[int, int, int, int]:
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino


def weak_version(state: os.stat_result) -> str:
    """Give the version of a file by its size and time alone."""
    return f"stat:{state.st_size}-{state.st_mtime_ns}"


def _has_rested(state: os.stat_result, began_ns: int) -> bool:
    """Tell whether any change since the hashing began must show in the file's times."""
    changed = max(state.st_mtime_ns, state.st_ctime_ns)
    is_coarse = state.st_ctime_ns % _SECOND_NS == 0 or state.st_mtime_ns % _SECOND_NS == 0
    return changed + (_COARSE_REST_NS if is_coarse else _REST_NS) <= began_ns


def digest_file(
    path: str, size: int, see: Callable[[memoryview], object] | None = None
) -> str | None:
    """Give the digest of a regular file, or None if it is not of this size.

    It is read, never mapped: a mapped file that somebody cuts short kills the
    process that looks at it. ``see`` is given the bytes, piece by piece, as they are hashed.
    """
    from blake3 import blake3  # only who digests something pays for loading it

    hasher = blake3()
    buffer = bytearray(min(size + 1, _CHUNK))
    view = memoryview(buffer)
    # Between looking and opening it may have become a pipe, which O_NONBLOCK does not wait for.
    descriptor = os.open(path, _OPEN)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        read = 0
        # A file that grows all the while, or one of /proc that says it is empty, ends here too.
        while read <= size:
            count = os.readv(descriptor, (buffer,))
            if count == 0:
                break
            hasher.update(view[:count])
            if see is not None:
                see(view[:count])
            read += count
    finally:
        os.close(descriptor)
    return f"blake3:{hasher.hexdigest()}" if read == size else None


def _members(folder: str) -> Iterator[Member]:
    """Walk the regular files below a folder; links are followed, each folder once."""
    seen: set[tuple[int, int]] = set()
    waiting = [(folder, "")]
    while waiting:
        path, prefix = waiting.pop()
        state = os.stat(path)
        if (state.st_dev, state.st_ino) in seen:
            continue
        seen.add((state.st_dev, state.st_ino))
        with os.scandir(path) as entries:
            for entry in entries:
                try:
                    # Not the entry's own: what a link points to, as version_of sees it.
                    state = os.stat(entry.path)
                except OSError:
                    continue  # gone again, or a link to nothing
                if stat.S_ISDIR(state.st_mode):
                    waiting.append((entry.path, f"{prefix}{entry.name}/"))
                elif stat.S_ISREG(state.st_mode):
                    yield f"{prefix}{entry.name}", entry.path, state


def _listing_digest(members: list[Member], versions: list[str]) -> str:
    from blake3 import blake3

    listing = bytearray(_FOLDER_LAYOUT)
    for (name, _, _), version in zip(members, versions, strict=True):
        for word in (os.fsencode(name), version.encode()):
            listing += len(word).to_bytes(8, "little") + word
    return str(blake3(listing).hexdigest())
