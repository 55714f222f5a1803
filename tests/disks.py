"""File systems for tests: small ones, and such as go away or may not be written to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def needs_mount(done: subprocess.CompletedProcess[str]) -> None:
    """Skip where mounting is not permitted; any other trouble with it is a failure."""
    forbidden = ("permission denied", "not permitted", "must be superuser", "there is no mount")
    if any(word in done.stderr.lower() for word in forbidden):
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


def mount(*options: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("mount") is None:
        return subprocess.CompletedProcess(options, 1, "", "there is no mount")
    return subprocess.run(["mount", *options], capture_output=True, text=True, timeout=20)


def unmount(place: Path) -> None:
    subprocess.run(["umount", "-l", str(place)], check=True, timeout=20)
