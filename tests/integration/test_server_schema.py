"""What the OpenAPI document promises, tried by schemathesis with thousands of odd requests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from served import record, serving
from tiers import Sized

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    "response_schema_conformance",
)


@pytest.mark.usefixtures("processes")
@pytest.mark.usefixtures("processes")
def test_every_answer_is_what_the_document_says(tmp_path: Path, sized: Sized[Any]) -> None:
    # What it works out from the document, in thousands of requests, is for the night.
    how = sized(
        ("--phases", "examples,fuzzing", "--max-examples", "5", "--generation-deterministic"),
        ("--max-examples", "50", "--generation-database", "none"),
    )
    with serving(f"sqlite:///{tmp_path}/bt.db", tmp_path) as served:
        record(served.client, tmp_path)
        tried = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("schemathesis")), "run"),
                f"{served.url}/api/v1/openapi.json",
                *how,
                *("--checks", ",".join(CHECKS), "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=400,
            check=False,
        )
        assert tried.returncode == 0, tried.stdout[-6000:] + tried.stderr[-2000:]
        assert served.ask("/readyz").status == 200
