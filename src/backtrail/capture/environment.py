"""Which process this is: host, user, interpreter, and since when it runs."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_OWN_STAT = "/proc/self/stat"
_STARTED_FIELD = 21  # counted from 0; proc(5) counts from 1


def describe_process() -> dict[str, Any]:
    """Describe this process; cheap, and never raises.

    ``host``, ``pid``, ``user``, ``python``, ``platform``, ``boot_id`` (empty where
    the system has none) and ``started_us``, the start of the process in
    microseconds since 1970. What cannot be found is empty.
    """
    return {
        "host": host_name(),
        "pid": os.getpid(),
        "user": user_name(),
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "platform": _platform(),
        "boot_id": _boot_id(),
        "started_us": _started_us(),
    }


def host_name() -> str:
    """Give the name of this machine, or ``""``."""
    # Not socket.gethostname(): recording must not load the network.
    if hasattr(os, "uname"):
        return _encodable(os.uname().nodename)
    return _encodable(os.environ.get("COMPUTERNAME", ""))


def user_name() -> str:
    """Give the name of the user whose process this is, or the number of one without."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if os.environ.get(variable):
            return _encodable(os.environ[variable])
    try:
        import pwd

        return _encodable(pwd.getpwuid(os.getuid()).pw_name)
    except (ImportError, KeyError, OSError):  # a container may run as a user without a name
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def _platform() -> str:
    # Not platform.platform(): it reads the interpreter's file to learn the libc.
    if hasattr(os, "uname"):
        system = os.uname()
        return f"{system.sysname}-{system.release}-{system.machine}"
    return sys.platform


def _boot_id() -> str:
    try:
        with open(_BOOT_ID, "rb") as file:
            return file.read().decode("ascii").strip()
    except (OSError, ValueError):
        return ""


def _started_us() -> int:
    """Give when this process started, or now where the system does not tell."""
    now_us = time.time_ns() // 1000
    try:
        with open(_OWN_STAT, "rb") as file:
            line = file.read()
        # The program's name, in parentheses, may hold spaces and parentheses.
        after_name = line.rpartition(b")")[2].split()
        ticks = int(after_name[_STARTED_FIELD - 2])
        up_us = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
        age_us = up_us - ticks * 1_000_000 // os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return now_us
    return now_us - age_us if 0 <= age_us < now_us else now_us


def _encodable(text: str) -> str:
    # Bytes of another encoding arrive as lone surrogates, which no record can hold.
    return text.encode("utf-8", "backslashreplace").decode()


def installed_packages() -> dict[str, str]:
    """Give name and version of every package that this process can import.

    Read from the names of the folders that installers leave beside a package, as
    the standard says they are (PyPA, Recording installed projects): a millisecond
    for a few hundred, where `importlib.metadata` opens a file for each.
    """
    found: dict[str, str] = {}
    for place in sys.path:
        try:
            names = os.listdir(place or ".")
        except OSError:  # a zip file, or gone
            continue
        for entry in names:
            stem, dot, ending = entry.rpartition(".")
            if not dot or ending not in ("dist-info", "egg-info"):
                continue
            name, dash, version = stem.partition("-")
            if dash and name:
                # The first on the path is the one that is imported.
                found.setdefault(name.lower().replace("_", "-"), version)
    return dict(sorted(found.items()))
