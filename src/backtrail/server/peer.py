"""Whose process is at the other end of a connection on this machine, as Linux tells.

A port of the loopback address is open to every account of a machine. The kernel lists the
sockets with their owners, so a page for one person needs no password to be that person's.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable
from pathlib import Path

# A client may reach an address of version 4 with a socket of version 6.
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_MAPPED = "0000000000000000FFFF0000"


def user_of(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """Give the id of the user whose socket it is; None where that is not listed.

    Args:
        client: address, of version 4, and port of the socket that is asked about.
        server: those of the one that it is connected with.
    """
    for table in _TABLES:
        try:
            lines = table.read_text("ascii").splitlines()
        except OSError:
            continue
        found = owner_in(lines, client, server)
        if found is not None:
            return found
    return None


def owner_in(lines: Iterable[str], client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """Give the owner of a socket in lines of ``/proc/net/tcp`` (proc(5)), if it is there."""
    ends = [_ends(client), _ends(server)]
    for line in lines:
        fields = line.split()
        if len(fields) > 7 and [field.removeprefix(_MAPPED) for field in fields[1:3]] == ends:
            return int(fields[7])
    return None


def _ends(address: tuple[str, int]) -> str:
    # The kernel prints the four bytes as one number of the machine's own order.
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"
