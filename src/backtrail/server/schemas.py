"""What requests may say: read by the routes to check them, and by the OpenAPI document to tell."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

MOST_LISTED = 1000

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
Text = Annotated[str, msgspec.Meta(max_length=20_000)]
Person = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Moment = Annotated[
    str, msgspec.Meta(max_length=100, description="An ISO 8601 time with its zone, or a run id.")
]
Count = Annotated[int, msgspec.Meta(ge=1, le=MOST_LISTED)]


class Query(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing: the route takes no parameters."""


class BacktraceQuery(Query):
    """Which output to trace back, and as of when."""

    output: Name
    at: Moment | None = None


class OutputQuery(Query):
    """Which output."""

    output: Name


class ImpactQuery(Query):
    """What to look downstream from: a run, or an artifact in every version or in one."""

    run: Name | None = None
    artifact: Name | None = None
    version: Name | None = None


class DiffQuery(Query):
    """Two outputs; the one that was right first."""

    a: Name
    b: Name


class RunsQuery(Query):
    """Runs of a component or of all, before a run or a time."""

    component: Name | None = None
    before: Moment | None = None
    limit: Count = 20


class FindQuery(Query):
    """A part of a name."""

    q: Name


class FlagBody(msgspec.Struct, forbid_unknown_fields=True):
    """An output that is wrong, what is wrong with it, and who says so."""

    output: Name
    note: Text = ""
    by: Person | None = None


class UnflagQuery(OutputQuery):
    """An output whose flag is closed: what became of it, why, and who says so."""

    state: Literal["withdrawn", "explained", "fixed", "no-fault"] = "withdrawn"
    note: Text = ""
    by: Person | None = None


class AssignBody(msgspec.Struct, forbid_unknown_fields=True):
    """A flagged output, who looks into it (empty: nobody), and who says so."""

    output: Name
    assignee: Annotated[str, msgspec.Meta(max_length=200)]
    by: Person | None = None


class NoteBody(msgspec.Struct, forbid_unknown_fields=True):
    """Something to say about a run, and who says it."""

    run_id: Name
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=20_000)]
    by: Person | None = None
