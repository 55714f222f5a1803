"""What each route answers: a checked request in, a JSON document out, as `bt --json` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import NotFoundError
from ..render.json import component_dict, flagged_dict, match_dict, run_dict
from .access import caller_name, keep_audit
from .problems import RefusedError
from .schemas import (
    AssignBody,
    BacktraceQuery,
    DiffQuery,
    FindQuery,
    FlagBody,
    ImpactQuery,
    NoteBody,
    OutputQuery,
    Query,
    RunsQuery,
    UnflagQuery,
)

if TYPE_CHECKING:
    from ..client import Client

Document = dict[str, Any]


def asked(client: Client) -> Client:
    """Give the client, where there is something to ask: a question shall make no database.

    Raises:
        NotFoundError: nothing was recorded yet.
    """
    if not client.has_records():
        raise NotFoundError(
            f"nothing has been recorded yet at {client.url}", hint="Put @register on a function."
        )
    return client


def backtrace(client: Client, query: BacktraceQuery) -> Document:
    """The runs behind an output, nearest first."""
    return asked(client).backtrace(query.output, at=query.at).to_dict()


def explain(client: Client, query: BacktraceQuery) -> Document:
    """An output in plain words."""
    return asked(client).explain(query.output, at=query.at).to_dict()


def impact(client: Client, query: ImpactQuery) -> Document:
    """What was built on a run or an artifact."""
    if (query.run is None) == (query.artifact is None):
        raise RefusedError(400, "give run or artifact, one of the two")
    if query.run is not None and query.version is not None:
        raise RefusedError(400, "a version goes with artifact, not with run")
    what = query.artifact if query.run is None else query.run
    return asked(client).impact(what, version=query.version).to_dict()


def diff(client: Client, query: DiffQuery) -> Document:
    """The first run that differs by itself behind two outputs."""
    # Whoever may record can name any file: a server looks at none of its own machine.
    return asked(client).diff(query.a, query.b, files=False).to_dict()


def runs(client: Client, query: RunsQuery) -> Document:
    """Runs, newest first; ``next`` is what to give as ``before`` for older ones."""
    found = []
    if query.component is not None:
        found = asked(client).history(query.component, limit=query.limit, until=query.before)
    elif client.has_records():
        found = client.recent(query.limit, query.before)
    after = found[-1].run_id if len(found) == query.limit else None
    return {"schema": "backtrail.runs/1", "runs": [run_dict(run) for run in found], "next": after}


def run(client: Client, run_id: str) -> Document:
    """One run."""
    return {"schema": "backtrail.run/1", "run": run_dict(asked(client).get_run(run_id))}


def components(client: Client, _query: Query) -> Document:
    """The components, the one that ran last first."""
    found = client.components() if client.has_records() else []
    return {"schema": "backtrail.components/1", "components": [component_dict(c) for c in found]}


def find(client: Client, query: FindQuery) -> Document:
    """Outputs, artifacts and components with a text in their name."""
    found = client.find(query.q) if client.has_records() else []
    return {"schema": "backtrail.matches/1", "matches": [match_dict(match) for match in found]}


def review(client: Client, _query: Query) -> Document:
    """What could explain the flagged outputs, ranked."""
    return asked(client).review().to_dict()


def stale(client: Client, query: OutputQuery) -> Document:
    """Whether an output is out of date, and why."""
    return asked(client).stale(query.output).to_dict()


def flagged(client: Client, _query: Query) -> Document:
    """The outputs that are flagged now."""
    found = client.flagged() if client.has_records() else []
    return {"schema": "backtrail.flagged/1", "flagged": [flagged_dict(each) for each in found]}


def flag(client: Client, body: FlagBody) -> Document:
    """Mark an output as wrong."""
    asked(client).flag(body.output, body.note, by=body.by or caller_name())
    return _marked(client, "flag", body.output)


def unflag(client: Client, query: UnflagQuery) -> Document:
    """Close a flag; what was said stays in the history."""
    who = query.by or caller_name()
    asked(client).unflag(query.output, query.note, by=who, state=query.state)
    return _marked(client, "unflag", query.output)


def assign(client: Client, body: AssignBody) -> Document:
    """Say who looks into a flagged output."""
    asked(client).assign(body.output, body.assignee, by=body.by or caller_name())
    return {**_marked(client, "assign", body.output), "assignee": body.assignee or None}


_DONE = {"flag": "flagged", "unflag": "unflagged", "assign": "assigned"}


def _marked(client: Client, action: str, output: str) -> Document:
    name = client.output_named(output)
    _keep(client, action, name)
    total = len(client.flagged())
    return {"schema": "backtrail.flags/1", _DONE[action]: [name], "total": total}


def note(client: Client, body: NoteBody) -> Document:
    """Say something about a run."""
    about = asked(client).get_run(body.run_id)
    client.note(about.run_id, body.text, by=body.by or caller_name())
    _keep(client, "note", about.run_id)
    return {"schema": "backtrail.note/1", "run_id": about.run_id, "text": body.text}


def _keep(client: Client, action: str, about: str) -> None:
    keep_audit(client, action, about)
    # It is safe in the journal in any case; but whoever is answered expects to see it.
    if client.flush():
        raise RefusedError(
            503, "the store is out of reach", "What was said is kept, and goes in later."
        )
