"""A comparison of two backtraces as JSON: keys are only added under one schema number."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..model.diffs import FIELDS, Change, DiffRow, Divergence
from ..model.records import Frame, TracedOutput, to_iso
from .diff_words import Difference

DIFF_SCHEMA = "backtrail.diff/1"


def diff_dict(found: Difference) -> dict[str, Any]:
    """Give a comparison."""
    divergences = [_divergence(each) for each in found.divergences]
    return {
        "schema": DIFF_SCHEMA,
        "a": _output(found.a),
        "b": _output(found.b),
        "is_same": found.is_same,
        "first_divergence": divergences[0] if divergences else None,
        "divergences": divergences,
        "rows": [_row(row) for row in found.rows],
        "truncated": found.truncated,
    }


def _output(output: TracedOutput) -> dict[str, Any]:
    return {
        "name": output.name,
        "kind": output.kind,
        "version": output.version,
        "value": output.value,
        "written_at": to_iso(output.written_us),
    }


def _frame(frame: Frame | None) -> dict[str, Any] | None:
    if frame is None:
        return None
    return {"n": frame.n, "run_id": frame.run.run_id}


def _divergence(each: Divergence) -> dict[str, Any]:
    return {
        "row": each.row,
        "component": each.component,
        "what": each.what,
        "fields": list(each.fields),
        "weight": each.weight,
        "a": _frame(each.a),
        "b": _frame(each.b),
        "like": _frame(each.like),
        "changes": [_change(change) for change in each.changes],
        "source_diff": each.source_diff,
        "source_note": each.source_note,
        "files": [asdict(file) for file in each.files],
    }


def _row(row: DiffRow) -> dict[str, Any]:
    return {
        "n": row.n,
        "component": row.component,
        "a": _frame(row.a),
        "b": _frame(row.b),
        "role": row.role,
        **{name: row.state_of(name) for name in FIELDS},
        "verdict": row.verdict,
        "follows": list(row.follows),
        "changes": [_change(change) for change in row.changes],
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "field": change.field,
        "name": change.name,
        "other": change.other or None,
        "a": change.a,
        "b": change.b,
        "state": change.state,
    }
