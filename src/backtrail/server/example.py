"""The example that an empty page of one's own machine offers to load: `bt demo`, beside it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..render.fragment import text as _text

if TYPE_CHECKING:
    from ..client import Client

_MOST_SAID = 500


class Example:
    """`bt demo` as a process of its own, which records into the store of a client."""

    def __init__(self, client: Client) -> None:
        self._url = client.url
        self._running: subprocess.Popen[bytes] | None = None
        self._log = Path()

    def start(self) -> None:
        """Run it, unless it runs already."""
        if self._goes_on():
            return
        folder = Path(tempfile.mkdtemp(prefix="backtrail-demo-"))
        command = ["demo", "--db", self._url, "--dir", str(folder / "flights")]
        self._log = folder / "log"
        with self._log.open("wb") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", "backtrail", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def _goes_on(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def offer(self) -> str:
        """Give the button that starts it; or what became of it, while nothing is recorded."""
        if not self._url.startswith("sqlite:"):
            # The address of another store may need a password, which is not handed on.
            return "<p>Or run <code>bt demo</code>.</p>"
        if self._goes_on():
            return "<p>The example is running. It takes half a minute; this page follows it.</p>"
        failed = ""
        if self._running is not None and self._running.returncode:
            said = self._log.read_text("utf-8", "replace")[-_MOST_SAID:]
            failed = f'<p class="bad" role="alert">It did not run. {_text(said)}</p>'
        return (
            f'{failed}<form class="mark" method="post" action="/example" aria-label="Example">'
            "<button>Load the example</button></form>"
            "<p>It is a small real pipeline with a fault in it, recorded here.</p>"
        )
