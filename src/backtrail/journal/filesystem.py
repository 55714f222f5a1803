"""Which file system a folder lies on, and whether a mapped file can be trusted there.

Over a network, what a process wrote into a mapping may reach the server late, in
any order or, if the process dies, not at all; a lost connection is a SIGBUS.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")

# `fuse` has many faces (sshfs, s3fs, rclone, GlusterFS), 9p is how virtual machines
# and WSL share folders.
_UNTRUSTED = frozenset(
    "nfs nfs4 cifs smb2 smb3 smbfs 9p virtiofs vboxsf vmhgfs prl_fs afs coda ncpfs ceph"
    " glusterfs lustre gpfs beegfs orangefs pvfs2 ocfs2 gfs2 fuse fuseblk".split()
)


def can_map_files(folder: Path) -> bool:
    """Tell whether files in ``folder`` may be mapped; True where the system does not say."""
    name = file_system_of(folder)
    return name is None or name.partition(".")[0] not in _UNTRUSTED


def file_system_of(folder: Path, mounts: str | None = None) -> str | None:
    """Give the name of the file system that ``folder`` lies on, such as ``ext4`` or ``fuse.sshfs``.

    Args:
        folder: one that exists.
        mounts: the content of ``/proc/self/mountinfo``; read if absent.

    Returns:
        None where it cannot be found out.
    """
    try:
        place = os.path.realpath(folder)
        device = os.stat(place).st_dev
        if mounts is None:
            mounts = _MOUNTS.read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    number = f"{os.major(device)}:{os.minor(device)}"
    best: tuple[bool, int] = (False, -1)
    found = None
    for line in mounts.splitlines():
        about, _, kind = line.partition(" - ")
        fields = about.split(" ")
        if len(fields) < 5 or not kind:
            continue
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4]).rstrip("/")
        if place != point and not place.startswith(point + "/"):
            continue
        # The device tells for sure, but not every file system has one number only
        # (btrfs); then the longest path does, and of two mounts on it the later.
        rank = (fields[2] == number, len(point))
        if rank >= best:
            best, found = rank, kind.split(" ")[0]
    return found
