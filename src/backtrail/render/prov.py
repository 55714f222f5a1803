"""A backtrace as W3C PROV-JSON (https://www.w3.org/submissions/prov-json/).

A write is an entity, a run is an activity that used and generated entities. What was read
is the entity that was written where the backtrace is sure of that; else it is an entity of
its own. That a run read A and wrote B does not make B derived from A: `wasDerivedFrom` is
said only of a file that was read under another name than it was written, with the same
content.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from typing import Any
from urllib.parse import quote

from ..model.records import Frame, Input, Output, Run, to_iso
from .json import dumps
from .narrative import Trace

NAMESPACE = "urn:backtrail:"

Record = dict[str, Any]


def prov(trace: Trace) -> str:
    """Give the text of a PROV-JSON document."""
    return json.dumps(prov_dict(trace), indent=1, allow_nan=False) + "\n"


def prov_dict(trace: Trace) -> dict[str, Any]:
    """Give a PROV-JSON document as a dict."""
    document = _Document(trace)
    for frame in trace.frames:
        document.add_run(frame)
    for frame in trace.frames:
        document.add_reads(frame)
    return {"prefix": {"bt": NAMESPACE}, **document.records}


class _Document:
    """The records by their kind, each with an id of its own."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        # A batch may have written a thousand things, and each may have many readers.
        self.written: dict[tuple[str, str], list[int]] = defaultdict(list)
        for frame in trace.frames:
            for place, written in enumerate(frame.outputs):
                self.written[frame.run.run_id, f"name {written.name}"].append(place)
                self.written[frame.run.run_id, f"version {written.version}"].append(place)
        self.records: dict[str, dict[str, Any]] = defaultdict(dict)

    def add_run(self, frame: Frame) -> None:
        """Add the run, who answers for it, and what it wrote."""
        run = frame.run
        activity = run_id(run.run_id)
        self.records["activity"][activity] = _activity(frame)
        self._add_agents(run, activity)
        for place, written in enumerate(run.outputs):
            entity = _written_id(run, place)
            self.records["entity"][entity] = self._entity(written, place, frame)
            self._relate(
                "wasGeneratedBy",
                entity=entity,
                activity=activity,
                time=to_iso(written.written_us),
            )

    def _entity(self, written: Output, place: int, frame: Frame) -> Record:
        entity = _artifact(written.name, written.kind, written.version)
        if written.value is not None:
            entity["prov:value"] = _plain(written.value)
        if written.flagged:
            entity["bt:flagged"] = True
        traced = self.trace.output
        if frame.n == 0 and (written.name, written.written_us) == (traced.name, traced.written_us):
            entity["bt:traced"] = True
        return entity

    def _add_agents(self, run: Run, activity: str) -> None:
        """Add the code that ran, as a software agent, and the owner that it acted for."""
        code = run.code
        words = [run.component, code.git_hash or "", code.digest or "", "dirty" * bool(code.dirty)]
        software = _id("code", *words)
        agent: Record = {"prov:label": run.component, "prov:type": _qualified("prov:SoftwareAgent")}
        for key, known in (("git_hash", code.git_hash), ("digest", code.digest)):
            if known:
                agent[f"bt:{key}"] = known
        if code.dirty is not None:
            agent["bt:dirty"] = code.dirty
        is_new = software not in self.records["agent"]
        self.records["agent"][software] = agent
        self._relate("wasAssociatedWith", activity=activity, agent=software)
        if run.owner and is_new:
            owner = _id("owner", run.owner)
            self.records["agent"][owner] = {"prov:label": run.owner}
            self._relate("actedOnBehalfOf", delegate=software, responsible=owner)

    def add_reads(self, frame: Frame) -> None:
        """Add what the run used, and the runs that it called."""
        activity = run_id(frame.run.run_id)
        for given in frame.run.inputs:
            more = {"bt:evidence": given.evidence}
            if given.warnings:
                more["bt:warnings"] = " ".join(given.warnings)
            self._relate(
                "used",
                activity=activity,
                entity=self._used(given),
                time=to_iso(given.read_us),
                more=more,
            )
        for called in frame.calls:
            self._relate(
                "wasInformedBy",
                informed=activity,
                informant=run_id(self.trace.frames[called].run.run_id),
            )

    def _used(self, given: Input) -> str:
        """Give the entity that was read: the one written, if that is known to be the same."""
        made = None if given.producer is None else self.trace.frames[given.producer].run
        if made is not None:
            for place in self._newest_first(made, given, f"name {given.name}"):
                version = made.outputs[place].version
                if given.version == version or None in (given.version, version):
                    return _written_id(made, place)
        entity = _id("artifact", given.name, given.version or "")
        if entity not in self.records["entity"]:
            self.records["entity"][entity] = {
                **_artifact(given.name, given.kind, given.version),
                "bt:known": given.evidence if made is None else "as read",
            }
            if made is not None:
                self._derive(entity, given, made)
        return entity

    def _derive(self, entity: str, given: Input, made: Run) -> None:
        """Say of a file under another name which one it has the content of."""
        if given.evidence != "content" or given.version is None:
            return
        for place in self._newest_first(made, given, f"version {given.version}")[:1]:
            self._relate(
                "wasDerivedFrom",
                generatedEntity=entity,
                usedEntity=_written_id(made, place),
                more={"bt:evidence": "same content under another name"},
            )

    def _newest_first(self, made: Run, given: Input, what: str) -> list[int]:
        """Give the writes of a run by the moment of the reading, the newest first."""
        outputs = made.outputs
        places = self.written.get((made.run_id, what), [])
        before = [n for n in places if outputs[n].written_us <= given.read_us]
        return sorted(before or places, key=lambda n: outputs[n].written_us, reverse=True)

    def _relate(self, kind: str, *, more: Record | None = None, **ends: str | None) -> None:
        known = {f"prov:{key}": value for key, value in ends.items() if value is not None}
        records = self.records[kind]
        records[f"_:{kind}{len(records)}"] = {**known, **(more or {})}


def run_id(word: str) -> str:
    """Give the identifier of a run in a document."""
    return _id("run", word)


def _id(*words: str) -> str:
    """Give a qualified name: any word may stand in it, since signs are written as %XX."""
    return "bt:" + "/".join(quote(word, safe="@") for word in words)


def _written_id(run: Run, place: int) -> str:
    return _id("run", run.run_id, "wrote", str(place))


def _activity(frame: Frame) -> Record:
    run = frame.run
    activity: Record = {
        "prov:startTime": to_iso(run.started_us),
        "prov:label": run.component,
        "bt:status": run.status,
        "bt:frame": frame.n,
    }
    if run.ended_us is not None:
        activity["prov:endTime"] = to_iso(run.ended_us)
    for key in ("kind", "error", "host", "pipeline_run_id"):
        if getattr(run, key):
            activity[f"bt:{key}"] = getattr(run, key)
    if run.params:
        activity["bt:params"] = dumps(run.params)
    if frame.warnings:
        activity["bt:warnings"] = " ".join(warning.code for warning in frame.warnings)
    return activity


def _artifact(name: str, kind: str, version: str | None) -> Record:
    artifact: Record = {"prov:label": name, "bt:name": name, "bt:kind": kind}
    if version:
        artifact["bt:version"] = version
    return artifact


def _plain(value: Any) -> Any:
    """Give a value that PROV-JSON can hold; what is no scalar becomes its JSON."""
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return dumps(value)


def _qualified(name: str) -> Record:
    return {"$": name, "type": "prov:QUALIFIED_NAME"}
