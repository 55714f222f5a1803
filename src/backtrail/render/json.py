"""Results -> the JSON of API.md section 4: keys are only added under one schema number."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..model.records import Code, ComponentRecord, Flagged, Frame, Input, Match, Output, Run, to_iso
from .narrative import Trace

if TYPE_CHECKING:
    from ..model.impact import ImpactCount, ImpactGroup, ImpactOutput, ImpactStep
    from .impact import Affected
    from .review import Reviewed, Row

BACKTRACE_SCHEMA = "backtrail.backtrace/1"
IMPACT_SCHEMA = "backtrail.impact/1"
REVIEW_SCHEMA = "backtrail.review/1"


def dumps(value: Any, *, pretty: bool = False) -> str:
    """Give JSON text, ASCII only: no name in it can steer a terminal."""
    try:
        return json.dumps(value, allow_nan=False, indent=2 if pretty else None)
    except (TypeError, ValueError):
        return json.dumps(_plain(value), allow_nan=False, indent=2 if pretty else None)


def _plain(value: Any) -> Any:
    """Give what JSON can hold; numbers that it cannot, NaN among them, become words."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(entry) for entry in value]
    if isinstance(value, (bytes, bytearray)):
        import base64

        return base64.b64encode(value).decode("ascii")
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def backtrace_dict(trace: Trace) -> dict[str, Any]:
    """Give a backtrace."""
    output = trace.output
    return {
        "schema": BACKTRACE_SCHEMA,
        "output": {
            "name": output.name,
            "kind": output.kind,
            "version": output.version,
            "value": output.value,
            "written_at": to_iso(output.written_us),
            "flagged": output.flagged,
            "other_writes": output.other_writes,
        },
        "frames": [frame_dict(frame) for frame in trace.frames],
        "gaps": [{"n": gap.n, "name": gap.name} for gap in trace.gaps],
        "coverage": trace.coverage,
        "truncated": trace.truncated,
    }


def frame_dict(frame: Frame) -> dict[str, Any]:
    """Give one frame of a backtrace."""
    warnings = [{"code": warning.code, "text": warning.text} for warning in frame.warnings]
    return {
        "n": frame.n,
        "depth": frame.depth,
        **_facts(frame.run),
        "inputs": [_linked_dict(given) for given in frame.run.inputs],
        "calls": list(frame.calls),
        "outputs": [_output_dict(written) for written in frame.run.outputs],
        "outputs_total": frame.run.outputs_total,
        "warnings": warnings,
        "notes": frame.run.notes,
    }


def run_dict(run: Run) -> dict[str, Any]:
    """Give a run by itself: a frame without its place, its links and their warnings."""
    return {
        **_facts(run),
        "inputs": [_input_dict(given) for given in run.inputs],
        "outputs": [_output_dict(written) for written in run.outputs],
        "outputs_total": run.outputs_total,
        "notes": run.notes,
    }


def _facts(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "component": run.component,
        "kind": run.kind,
        "owner": run.owner,
        "status": run.status,
        "error": run.error,
        "started_at": to_iso(run.started_us),
        "ended_at": to_iso(run.ended_us),
        "duration_ms": run.duration_ms,
        "code": _code_dict(run.code),
        "params": run.params,
        "host": run.host,
        "pipeline_run_id": run.pipeline_run_id,
        "parent_run_id": run.parent_run_id,
        "pruned_at": to_iso(run.pruned_us),
    }


def _code_dict(code: Code) -> dict[str, Any]:
    return {
        "git_hash": code.git_hash,
        "dirty": code.dirty,
        "digest": code.digest,
        "file": code.file,
        "line": code.line,
        "function": code.function,
    }


def _input_dict(given: Input) -> dict[str, Any]:
    return {
        "name": given.name,
        "kind": given.kind,
        "version": given.version,
        "read_at": to_iso(given.read_us),
    }


def _linked_dict(given: Input) -> dict[str, Any]:
    return {
        **_input_dict(given),
        "producer": given.producer,
        "producer_run_id": given.producer_run_id,
        "evidence": given.evidence,
        "warnings": list(given.warnings),
    }


def _output_dict(written: Output) -> dict[str, Any]:
    return {
        "name": written.name,
        "kind": written.kind,
        "version": written.version,
        "written_at": to_iso(written.written_us),
        "flagged": written.flagged,
        "value": written.value,
    }


def component_dict(component: ComponentRecord) -> dict[str, Any]:
    """Give a component as the store knows it."""
    return {
        "name": component.name,
        "kind": component.kind,
        "description": component.description,
        "owner": component.owner,
        "tags": list(component.tags),
        "max_age_s": component.max_age_s,
        "fields": component.fields,
        "upstream": list(component.upstream),
        "downstream": list(component.downstream),
        "last_run_at": to_iso(component.last_run_us),
    }


def match_dict(match: Match) -> dict[str, Any]:
    """Give one answer of a search."""
    return {
        "what": match.what,
        "name": match.name,
        "component": match.component,
        "run_id": match.run_id,
        "at": to_iso(match.at_us),
        "note": match.note,
    }


def review_dict(review: Reviewed) -> dict[str, Any]:
    """Give a review of the flagged outputs."""
    return {
        "schema": REVIEW_SCHEMA,
        "verdict": review.verdict,
        "reason": review.reason or None,
        "flagged": review.flagged,
        "others": review.others,
        "first_at": to_iso(review.first_us),
        "last_at": to_iso(review.last_us),
        "compared_from": to_iso(review.from_us),
        "compared_until": to_iso(review.until_us),
        "runs": review.runs,
        "rows": [_suspect_dict(row) for row in review.rows],
        "rows_total": review.rows_total,
        "unwritten": list(review.unwritten),
        "sampled": review.sampled,
        "truncated": review.truncated,
    }


def _suspect_dict(row: Row) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "run_id": None if row.run is None else row.run.run_id,
        "support": row.support,
        "others": row.others,
        "suspicion": row.suspicion,
        "ochiai": row.ochiai,
        "p_value": row.p_value,
        "share_low": row.interval[0],
        "share_high": row.interval[1],
        "beyond": row.beyond,
        "relation": row.relation or None,
        "outputs": list(row.outputs),
        "good": row.good,
        "members": [
            {
                "kind": member.kind,
                "text": member.text,
                "component": member.component,
                "run_id": None if member.run is None else member.run.run_id,
                "started_at": None if member.run is None else to_iso(member.run.started_us),
                "status": None if member.run is None else member.run.status,
            }
            for member in row.members
        ],
        "members_total": row.members_total,
    }


def flagged_dict(found: Flagged) -> dict[str, Any]:
    """Give one flagged output."""
    return {
        "name": found.name,
        "note": found.note,
        "by": found.by,
        "flagged_at": to_iso(found.flagged_us),
        "assignee": found.assignee,
    }


def impact_dict(found: Affected, runs: int) -> dict[str, Any]:
    """Give an impact, with so many of its runs."""
    origin = found.origin
    return {
        "schema": IMPACT_SCHEMA,
        "origin": {
            "kind": origin.kind,
            "name": origin.name,
            "version": origin.version,
            "component": origin.component,
            "commit": origin.commit,
            "since": to_iso(origin.since_us),
            "until": to_iso(origin.until_us),
        },
        "roots_total": len(found.roots),
        "runs_total": len(found.runs),
        "outputs_total": found.outputs_total,
        "flagged_total": found.flagged_total,
        "groups": [_group_dict(group) for group in found.groups],
        "by_component": [_count_dict(count) for count in found.by_component],
        "by_owner": [_count_dict(count) for count in found.by_owner],
        "wrote": [
            {
                "name": each.name,
                "newer_run_id": each.newer_run_id,
                "newer_at": to_iso(each.newer_us),
            }
            for each in found.wrote
        ],
        "roots": [affected_run_dict(run, 0) for run in found.roots[:runs]],
        "runs": [
            affected_run_dict(run, found.depth_of(place))
            for place, run in enumerate(found.runs[:runs])
        ],
        "truncated": found.truncated,
    }


def affected_run_dict(run: Run, depth: int) -> dict[str, Any]:
    """Give a run of an impact: without what it read and wrote, and with its distance."""
    return {"depth": depth, **_facts(run), "outputs_total": run.outputs_total}


def affected_output_dict(output: ImpactOutput) -> dict[str, Any]:
    """Give an output id of an impact."""
    return {
        "name": output.name,
        "run_id": output.run_id,
        "component": output.component,
        "written_at": to_iso(output.written_us),
        "flagged": output.flagged,
    }


def step_dict(step: ImpactStep) -> dict[str, Any]:
    """Give a run on the way from what was asked about to one that is affected."""
    return {
        "run_id": step.run_id,
        "component": step.component,
        "started_at": to_iso(step.started_us),
        "status": step.status,
        "evidence": step.evidence,
        "read": step.read,
        "warnings": list(step.warnings),
    }


def _group_dict(group: ImpactGroup) -> dict[str, Any]:
    return {
        "depth": group.depth,
        "component": group.component,
        "kind": group.kind,
        "owner": group.owner,
        "run_id": group.run_id,
        "runs": group.runs,
        "first_started_at": to_iso(group.first_us),
        "last_started_at": to_iso(group.last_us),
        "failed": group.failed,
        "read": list(group.read),
        "called": group.called,
        "outputs": group.outputs,
        "flagged": group.flagged,
    }


def _count_dict(count: ImpactCount) -> dict[str, Any]:
    return {
        "name": count.name,
        "runs": count.runs,
        "outputs": count.outputs,
        "flagged": count.flagged,
    }
