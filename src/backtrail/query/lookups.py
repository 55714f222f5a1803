"""Lists: runs of a component, recent runs, who wrote a file, text search."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..errors import ConfigurationError, NotFoundError
from ..model.facts import COMPLETED, DIGEST_KINDS, KIND_CODES, KIND_NAMES
from ..model.names import bounded
from ..model.records import ComponentRecord, Match, Run, to_us
from ..store.protocol import MAX_KEY, PAGE, ArtifactRow, Probe, RunRow, Store
from .assemble import assemble_runs, component_record, public_id
from .marks import open_flags
from .selector import find_artifact, find_content, require_run, select, unknown

Moment = datetime | str
MOST_FOUND = 50
_NOBODY = 0
_OUTPUT = KIND_CODES["output"]
# How many backtraces `@last-good` may cost, how many pages of runs without an output it
# passes over, and how many outputs of one run it looks at.
_MOST_JUDGED = 50
_MOST_PAGES = 100
_MOST_OF_A_RUN = 20


def get_run(store: Store, run_id: str) -> Run:
    """Give one run by its id or a unique prefix."""
    return assemble_runs(store, [require_run(store, run_id)])[0]


def recent(store: Store, limit: int, before: Moment | None) -> list[Run]:
    """Give runs, newest first, that started before a run or a time."""
    return assemble_runs(store, store.recent_runs(_before(store, before), _checked(limit)))


def history(
    store: Store,
    component: str,
    limit: int,
    since: Moment | None,
    until: Moment | None,
) -> list[Run]:
    """Give the runs of a component, newest first, started in [since, until)."""
    return assemble_runs(store, keys_of_history(store, component, limit, since, until))


def keys_of_history(
    store: Store,
    component: str,
    limit: int,
    since: Moment | None = None,
    until: Moment | None = None,
) -> list[int]:
    """Give the keys of the runs of `history`."""
    row = store.component_named(bounded(component))
    if row is None:
        raise unknown_component(store, component)
    since_us = -MAX_KEY if since is None else moment_us(since)
    return store.runs_of_component(row.component, _before(store, until), since_us, _checked(limit))


def components(store: Store, tag: str | None, owner: str | None) -> list[ComponentRecord]:
    """Give components with this tag and owner, the one that ran last first."""
    records = [component_record(store, row) for row in store.components()]
    kept = [
        each
        for each in records
        if (tag is None or tag in each.tags) and (owner is None or each.owner == owner)
    ]
    by_name = sorted(kept, key=lambda each: each.name)
    return sorted(by_name, key=lambda each: each.last_run_us or 0, reverse=True)


def who(store: Store, name: str, digest: str | None, limit: int) -> list[Run]:
    """Give the runs that wrote this name, or content of this digest, newest first.

    Args:
        store: where to look.
        name: an artifact's name, a path, or a digest word.
        digest: of the file that lies at that path now, if one does.
        limit: the most runs to give.
    """
    newest = (MAX_KEY, MAX_KEY)
    artifact = find_artifact(store, name)
    known = artifact is not None
    writes = []
    if artifact is not None:
        writes += store.writes_of_artifact(artifact.artifact, newest, _checked(limit))
    for word in (digest, name):
        version = None if word is None else find_content(store, word)
        if version is not None:
            writes += store.writes_of_content(version, newest, limit)
            known = True
    if not known:
        raise unknown(store, name, "artifact")
    writes.sort(key=lambda write: (write.at_us, write.run), reverse=True)
    keys = list(dict.fromkeys(write.run for write in writes))
    return assemble_runs(store, keys[:limit])


def find(store: Store, text: str, limit: int = MOST_FOUND) -> list[Match]:
    """Give components and artifacts whose name or description contains the text.

    Outputs that are flagged now are also found by what is said to be wrong with them.
    """
    if not text:
        return []
    wanted = text.lower()
    matches = [
        Match("component", each.name, each.name, None, each.last_run_us)
        for each in components(store, None, None)
        if any(wanted in (said or "").lower() for said in (each.name, each.description, each.owner))
    ]
    said = open_flags(store)
    found = {row.artifact: row for row in store.artifacts_containing(text, limit)}
    found |= {k: each.artifact for k, each in said.items() if wanted in each.mark.note.lower()}
    notes = {key: said[key].mark.note for key in found if key in said}
    matches += _matches(store, list(found.values()), notes)
    matches.sort(key=lambda match: match.at_us or 0, reverse=True)
    return matches[:limit]


def complete(store: Store, prefix: str, limit: int) -> list[str]:
    """Give output ids that start so, for a shell to offer."""
    return [row.name for row in store.artifacts_with_prefix(prefix, limit, _OUTPUT)]


def last_output(store: Store) -> str | None:
    """Give the name of the output that was written last."""
    newest: tuple[int, str] | None = None
    # The ids that are newest, and those that the newest runs wrote again.
    rows = store.artifacts_of_kind(_OUTPUT, 200)
    runs = store.runs(store.recent_runs((MAX_KEY, MAX_KEY), 200)).values()
    again = {out.artifact for run in runs for out in run.outs[-200:]} - {r.artifact for r in rows}
    rows += [row for row in store.artifacts(again).values() if row.kind == _OUTPUT]
    probes = [Probe(row.artifact, 0, MAX_KEY, _NOBODY) for row in rows]
    for row, writes in zip(rows, store.newest_writes(probes), strict=True):
        if writes and (newest is None or writes[0].at_us > newest[0]):
            newest = (writes[0].at_us, row.name)
    return None if newest is None else newest[1]


def last_good_output(store: Store, tolerance_us: int) -> str | None:
    """Give the newest output that only completed runs are behind; None if none of the newest is."""
    from .backtrace import backtrace

    before = (MAX_KEY, MAX_KEY)
    for _ in range(_MOST_JUDGED):
        newest = _newest_output_before(store, before)
        if newest is None:
            return None
        name, row = newest
        before = (row.started, row.run)
        selected = select(store, name)
        # Written again since: what the name stands for now comes from another run.
        if selected.run == row.run and all(
            frame.run.status == "completed"
            for frame in backtrace(store, selected, tolerance_us=tolerance_us).frames
        ):
            return name
    return None


def _newest_output_before(store: Store, before: tuple[int, int]) -> tuple[str, RunRow] | None:
    """Give the newest completed run before a place in the list that made an output, and that."""
    for _ in range(_MOST_PAGES):
        keys = store.recent_runs(before, PAGE)
        rows = store.runs(keys)
        if not keys:
            break
        # A batch may have made thousands in one run; all have the same runs behind them.
        some = {out.artifact for row in rows.values() for out in row.outs[-_MOST_OF_A_RUN:]}
        artifacts = store.artifacts(some)
        for row in (rows[key] for key in keys):
            made = [artifacts[out.artifact] for out in row.outs[-_MOST_OF_A_RUN:]]
            outputs = [each.name for each in made if each.kind == _OUTPUT]
            if outputs and row.status == COMPLETED:
                return outputs[-1], row
        before = (row.started, row.run)
    return None


def digests_with_prefix(store: Store, prefix: str, limit: int) -> list[str]:
    """Give content digests that start so, with their kind or without it."""
    kind, colon, digits = prefix.partition(":")
    kinds = (kind,) if colon else DIGEST_KINDS
    digits = digits if colon else prefix
    if kind not in DIGEST_KINDS and colon:
        return []
    found = [word for each in kinds for word in store.words_with_prefix(f"{each}:{digits}", limit)]
    return found[:limit]


def source_of(store: Store, run_id: str) -> str | None:
    """Give the source text that a run's function had, without secrets."""
    key = require_run(store, run_id)
    return store.source_text(store.runs([key])[key].site)


def packages_of(store: Store, run_id: str) -> dict[str, str] | None:
    """Give the packages of the process that recorded a run; None where nobody looked."""
    known = store.packages(require_run(store, run_id))
    return None if known is None else known[1]


def moment_us(moment: Moment) -> int:
    """Give the microseconds of an aware datetime, or of its ISO 8601 text."""
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment.replace("Z", "+00:00"))
        except ValueError:
            raise ConfigurationError(
                f"{moment!r} is not a time", hint="Write it as 2026-11-20T12:00:00Z."
            ) from None
    if moment.tzinfo is None:
        raise ConfigurationError(
            f"{moment} has no time zone", hint=f"Write {moment.isoformat()}Z for UTC."
        )
    return to_us(moment)


def _matches(store: Store, found: list[ArtifactRow], notes: Mapping[int, str]) -> list[Match]:
    probes = [Probe(row.artifact, 0, MAX_KEY, _NOBODY) for row in found]
    newest = store.newest_writes(probes)
    runs = store.runs({writes[0].run for writes in newest if writes})
    names = {c.component: c.name for c in store.components({r.component for r in runs.values()})}
    matches = []
    for artifact, writes in zip(found, newest, strict=True):
        run = runs[writes[0].run] if writes else None
        matches.append(
            Match(
                KIND_NAMES[artifact.kind],
                artifact.name,
                None if run is None else names[run.component],
                None if run is None else public_id(store, run),
                writes[0].at_us if writes else None,
                notes.get(artifact.artifact),
            )
        )
    return matches


def _before(store: Store, before: Moment | None) -> tuple[int, int]:
    """Give the place in a list that a run id or a time names."""
    if before is None:
        return MAX_KEY, MAX_KEY
    if isinstance(before, str):
        try:
            return moment_us(before), -1
        except ConfigurationError:
            row = store.runs([key := require_run(store, before)])[key]
            return row.started, row.run
    return moment_us(before), -1


def _checked(limit: int) -> int:
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ConfigurationError(f"limit must be a whole number from 1 on, it is {limit!r}")
    return limit


def unknown_component(store: Store, name: str) -> NotFoundError:
    """Make the error for a component that is not known; lists the closest names."""
    import difflib

    names = {each.name.casefold(): each.name for each in store.components()}
    close = difflib.get_close_matches(name.casefold(), names, n=5, cutoff=0.5)
    near = [names[form] for form in close]
    return NotFoundError(
        f"no component {name!r} in {store.url}",
        closest=near,
        hint=f"Close matches: {', '.join(near)}" if near else "List them with: bt components",
    )
