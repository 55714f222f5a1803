"""Compare what a person reads with a stored file that a reviewer can read.

`UPDATE_GOLDEN=1 scripts/test tests/unit/render` writes the files anew; read the
difference before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path


def same_as_golden(name: str, shown: str) -> bool:
    """Compare with tests/golden/NAME.txt, in which the escape character is written as ␛."""
    path = Path(__file__).with_name(f"{name}.txt")
    readable = shown.replace("\x1b", "␛").rstrip("\n") + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(readable, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == readable
    return True
