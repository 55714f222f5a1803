"""Find what a person means by a name: an output, a file, a run id or its prefix."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import chain

from ..errors import AmbiguousIdError, NotFoundError
from ..model.facts import KIND_CODES
from ..model.names import artifact_name, bounded, file_name, path_name
from ..model.redaction import redact_text
from ..render.words import day
from ..store.protocol import MAX_KEY, ArtifactRow, Probe, Store

SHORTEST_PREFIX = 4
_OUTPUT, _VALUE = KIND_CODES["output"], KIND_CODES["value"]
_NOBODY = 0  # no run has this key, so every write counts


@dataclass(frozen=True, slots=True)
class Selected:
    """A run to begin at, and the write of ``artifact`` at ``at_us`` that was asked for.

    ``artifact`` is None when the run itself was asked for.
    """

    run: int
    at_us: int
    artifact: ArtifactRow | None


def select(store: Store, name: str, at_us: int | None = None) -> Selected:
    """Find the newest write of a name or a content, at or before ``at_us``; or a run by its id.

    Raises:
        NotFoundError: nothing recorded answers to it; lists the closest names.
        AmbiguousIdError: several run ids start so.
    """
    artifact = find_artifact(store, name)
    if artifact is not None:
        at = MAX_KEY if at_us is None else at_us
        (writes,) = store.newest_writes([Probe(artifact.artifact, 0, at, _NOBODY)])
        if writes:
            ids = store.public_ids({write.run for write in writes})
            newest = max(writes, key=lambda write: ids[write.run])
            return Selected(newest.run, newest.at_us, artifact)
    key = find_run(store, name)
    if key is not None:
        row = store.runs([key])[key]
        return Selected(key, MAX_KEY if row.ended is None else row.ended, None)
    if artifact is None:
        selected = _of_content(store, name, at_us)
        if selected is None:
            raise unknown(store, name, "output")
        return selected
    if at_us is not None and store.count_writes(artifact.artifact, 1):
        raise NotFoundError(
            f"{artifact.name!r} was written only after that time, in {store.url}",
            hint="Leave out --at for its newest write.",
        )
    raise NotFoundError(
        f"no recorded run in {store.url} wrote {artifact.name!r}; it was only read",
        hint="Was it written outside a registered component?",
    )


def find_content(store: Store, word: str) -> int | None:
    """Find the key of a content digest, given with or without its kind."""
    for candidate in (word, f"blake3:{word}"):
        key = store.version_of_word(candidate)
        if key is not None and key > 0:
            return key
    return None


def _of_content(store: Store, word: str, at_us: int | None) -> Selected | None:
    """Find the newest write of a content digest, under whatever name."""
    version = find_content(store, word)
    if version is None:
        return None
    at = MAX_KEY if at_us is None else at_us
    (writes,) = store.newest_writes([Probe(0, version, at, _NOBODY)])
    if not writes:
        raise NotFoundError(
            f"no recorded run in {store.url} wrote the content {word!r}; it was only read",
            hint="Was it written outside a registered component?",
        )
    ids = store.public_ids({write.run for write in writes})
    newest = max(writes, key=lambda write: ids[write.run])
    row = store.runs([newest.run])[newest.run]
    for out in chain(row.outs, store.more_outputs(newest.run) if row.outs_more else ()):
        if out.version == version and out.at_us == newest.at_us:
            return Selected(newest.run, newest.at_us, store.artifacts([out.artifact])[out.artifact])
    return Selected(newest.run, newest.at_us, None)


def find_artifact(store: Store, name: str) -> ArtifactRow | None:
    """Find an artifact by its name, or by the path of a local file."""
    plain = os.fspath(name)
    for candidate in (artifact_name(plain), file_name(path_name(plain))):
        row = store.artifact_named(candidate)
        if row is not None:
            return row
    return None


def find_run(store: Store, run_id: str) -> int | None:
    """Find a run by its id or a unique prefix of four characters or more.

    Raises:
        AmbiguousIdError: several run ids start so.
    """
    key = store.key_of(bounded(run_id))
    if key is not None or len(run_id) < SHORTEST_PREFIX:
        return key
    found = store.keys_with_prefix(run_id, 6)
    if len(found) > 1:
        ids = sorted(each for each, _ in found)
        raise AmbiguousIdError(
            f"{len(found) if len(found) < 6 else 'several'} runs in {store.url} have an id that"
            f" starts with {run_id!r}",
            candidates=ids,
            hint=f"Give more of it, such as {ids[0]}",
        )
    return found[0][1] if found else None


def require_run(store: Store, run_id: str) -> int:
    """Find a run by its id or prefix.

    Raises:
        NotFoundError: there is none.
        AmbiguousIdError: there are several.
    """
    key = find_run(store, run_id)
    if key is None:
        near = _closest_run_ids(store, run_id)
        raise NotFoundError(
            f"no run in {store.url} has the id {run_id!r}",
            closest=near,
            hint=f"Close matches: {', '.join(near)}" if near else "List runs with: bt recent",
        )
    return key


def _closest_run_ids(store: Store, run_id: str, most: int = 5) -> list[str]:
    """Give run ids that begin as this one does, for as long as any does."""
    for length in range(len(run_id) - 1, SHORTEST_PREFIX - 1, -1):
        found = store.keys_with_prefix(run_id[:length], most)
        if found:
            return sorted(each for each, _ in found)
    return []


def unknown(store: Store, name: str, what: str) -> NotFoundError:
    """Make the error for a name that nothing recorded answers to."""
    near = closest_names(store, name)
    shown = f"no {what} {name!r} in {store.url}"
    for last in store.pruned()[-1:]:
        shown += (
            f"; on {day(last.at_us)} output ids from before {day(last.before_us)} that nothing"
            " was made from were pruned"
        )
    if near:
        return NotFoundError(shown, closest=near, hint=f"Close matches: {', '.join(near)}")
    return NotFoundError(shown, hint=f'Search by text: bt find "{name}"')


def closest_names(store: Store, name: str, most: int = 5) -> list[str]:
    """Give recorded names that look like this one, the closest first."""
    import difflib

    candidates: dict[str, None] = {}
    # A file is known by its whole path, and typed as it is seen from here.
    for form in dict.fromkeys((name, name.lower(), redact_text(path_name(name)))):
        few = len(candidates) + 50
        for length in range(len(form), 1, -1):
            for row in store.artifacts_with_prefix(form[:length], 200):
                candidates[row.name] = None
            if len(candidates) >= few:
                break
    for kind in sorted({*KIND_CODES.values()} - {_VALUE}):
        for row in store.artifacts_of_kind(kind, 1000 if kind == _OUTPUT else 200):
            candidates[row.name] = None
    sought = name.casefold()
    by_form = {each.casefold(): each for each in candidates}
    close = difflib.get_close_matches(sought, by_form, n=most, cutoff=0.6)
    if len(close) < most:
        # A file is often named by its last part.
        by_tail = {os.path.basename(form): form for form in by_form}
        tails = difflib.get_close_matches(os.path.basename(sought), by_tail, n=most, cutoff=0.7)
        close += [by_tail[tail] for tail in tails if by_tail[tail] not in close]
    return [by_form[form] for form in close[:most]]
