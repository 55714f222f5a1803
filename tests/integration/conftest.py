"""What several of these tests need: pipelines in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from stepwise import Pipeline, Start


@pytest.fixture
def start() -> Iterator[Start]:
    """Give `Pipeline`; what still runs at the end is killed."""
    started: list[Pipeline] = []

    def begin(body: str, folder: Path, **environ: str) -> Pipeline:
        started.append(Pipeline(body, folder, **environ))
        return started[-1]

    yield begin
    for pipeline in started:
        if pipeline.process.poll() is None:
            pipeline.process.kill()
            pipeline.process.communicate()
