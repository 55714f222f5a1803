"""How long the page of an output takes to open in Chromium, and how much of it is in the document.

`words` is when the summary can be read, `drawn` when the first box of the graph is there, both in
milliseconds from the click; `all` the same for each run by itself. `answer` is the server's own
part of `words`. Traces are chains with three inputs a run, in a SQLite file of their own.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from _common import describe, fresh_folder, options, percentile, table
from _served import serving
from playwright.sync_api import Page, sync_playwright

import backtrail
from backtrail import Client, Pointer

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")
START = datetime(2026, 7, 1, tzinfo=timezone.utc)
KINDS = 12


def main() -> None:
    """Open traces of several sizes, several times."""
    options(__doc__ or "")
    describe("opening the page of an output, milliseconds", "starlette", "playwright")
    folder = fresh_folder("page")
    url = f"sqlite:///{folder}/bt.db"
    sizes = (12, 200, 2_000, 10_000)
    with backtrail.connect(url) as client:
        for runs in sizes:
            _plant(client, runs)
        client.flush(120)
    rows: list[tuple[object, ...]] = []
    with serving(url) as base, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(base_url=base, viewport={"width": 1440, "height": 900})
        page.goto("/help")
        for runs in sizes:
            folded = [_opened(page, f"/o/made-of-{runs}") for _ in range(7)]
            whole = [_opened(page, f"/o/made-of-{runs}?by=run") for _ in range(3)]
            rows.append(
                (
                    f"{runs:,} runs",
                    *(percentile([each[n] for each in folded], 0.5) for n in range(3)),
                    int(folded[-1][3]),
                    percentile([each[2] for each in whole], 0.5),
                    int(whole[-1][3]),
                )
            )
        browser.close()
    table(("trace", "answer", "words", "drawn", "elements", "all: drawn", "elements"), rows)


def _opened(page: Page, path: str) -> tuple[float, float, float, float]:
    """Give milliseconds until the answer, the words and the graph; and the elements then."""
    begun = time.perf_counter()
    page.goto(path, wait_until="commit")
    answered = time.perf_counter()
    page.wait_for_selector(".said p")
    read = time.perf_counter()
    page.wait_for_selector(".graph g[role=button]")
    drawn = time.perf_counter()
    elements = page.evaluate("document.querySelectorAll('*').length")
    # What is put into words later must not slow the next one down.
    page.wait_for_selector("[data-later]", state="detached")
    return (answered - begun) * 1e3, (read - begun) * 1e3, (drawn - begun) * 1e3, elements


def _plant(client: Client, runs: int) -> None:
    for n in range(runs):
        at = START + timedelta(minutes=10 * n)
        client.record_run(
            f"step-{n % KINDS}",
            run_id=f"{runs}-{n}",
            started_at=at,
            ended_at=at + timedelta(minutes=3),
            inputs=[f"{runs}/v{n - back}" for back in (1, 7, 40) if n >= back],
            outputs=[
                Pointer(f"made-of-{runs}", kind="output") if n == runs - 1 else f"{runs}/v{n}"
            ],
        )


if __name__ == "__main__":
    main()
