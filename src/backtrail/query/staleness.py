"""Would an output differ, or is it older than allowed, if it were made again now?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..model.staleness import Cause, Compared, NotKnown, Refresh, RunName, StaleReason
from ..store.protocol import MAX_KEY, Probe, RunRow, Store, WriteRow
from .assemble import last_said
from .code_changes import CodeChange, code_changes
from .freshness import fresher_writes, is_value
from .links import Linker
from .refresh import refresh_order
from .selector import Selected
from .survey import Held, Survey

_NOBODY = 0

# Gives the version that the file of a name has now; None where there is no such file here.
FileVersion = Callable[[str], str | None]


@dataclass(slots=True)
class Staleness:
    """Whether an output is stale, and why; or fresh, and the proof.

    ``verdict`` is ``stale``, ``fresh``, or ``unknown`` where no reason was found and
    something is not known. ``refresh`` is what to make again, in this order, so that
    the output is fresh: no shorter list does.
    """

    output: str
    verdict: str
    reasons: list[StaleReason]
    compared: list[Compared]
    not_known: list[NotKnown]
    refresh: list[Refresh]
    runs: int
    judged_us: int

    @property
    def is_stale(self) -> bool:
        """Whether there is a reason."""
        return self.verdict == "stale"

    @property
    def codes(self) -> list[str]:
        """The reason codes of the output, each once."""
        return list(dict.fromkeys(reason.code for reason in self.reasons))

    def __str__(self) -> str:
        from ..render import staleness

        return staleness.text(self)

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON form, schema ``backtrail.staleness/1``, as a dict."""
        from ..render import staleness

        return staleness.staleness_dict(self)

    def _repr_pretty_(self, printer: Any, _cycle: object) -> None:
        printer.text(str(self))

    def _repr_html_(self) -> str:
        from ..render import staleness_html

        return staleness_html.staleness(self)


def staleness(
    store: Store,
    selected: Selected,
    *,
    tolerance_us: int,
    now_us: int,
    max_age_s: float | None = None,
    file_version: FileVersion | None = None,
) -> Staleness:
    """Judge the run that wrote what was selected, by all that is recorded now.

    Args:
        store: where to look.
        selected: the write to judge.
        tolerance_us: how far the clocks of two machines may differ.
        now_us: the moment from which ages count.
        max_age_s: a limit for all runs; a component's own limit counts beside it.
        file_version: given, inputs that no run wrote are held against the files themselves.
    """
    survey = Survey(store, Linker(store, tolerance_us))
    judge = _Judge(store, survey, now_us, max_age_s, file_version)
    survey.add({selected.run: selected.at_us})
    came_from = judge.standing(selected.run)
    stale = [key for key in came_from if judge.causes(key)]
    name = survey.id_of(selected.run) if selected.artifact is None else selected.artifact.name
    not_known = judge.not_known(came_from)
    reasons = [
        StaleReason(
            cause.code if key == selected.run else "upstream-stale",
            judge.chain(key, came_from),
            cause,
        )
        for key in stale
        for cause in judge.causes(key)
    ]
    return Staleness(
        name,
        "stale" if reasons else "unknown" if not_known else "fresh",
        reasons,
        judge.compared(came_from),
        not_known,
        judge.refresh(selected.run) if reasons else [],
        len(came_from),
        now_us,
    )


class _Judge:
    """Finds the causes of runs of a survey, and loads what they are told with in batches."""

    def __init__(
        self,
        store: Store,
        survey: Survey,
        now_us: int,
        max_age_s: float | None,
        file_version: FileVersion | None,
    ) -> None:
        self._store = store
        self._survey = survey
        self._now_us = now_us
        self._max_age_s = max_age_s
        self._file_version = file_version
        self._causes: dict[int, list[Cause]] = {}
        self._components: dict[int, tuple[str, float | None]] = {}
        self._names: dict[int, RunName] = {}
        self._words: dict[int, str] = {}
        self._files: dict[str, str | None] = {}
        self._others: dict[int, RunRow] = {}

    def standing(self, root: int) -> dict[int, int | None]:
        """Give the runs that the output stands on, the nearest first, each with its reader.

        What was replaced by a newer version is not stood on any more; what was written
        again with the same content stands on the newer write.
        """
        while True:
            came_from: dict[int, int | None] = {root: None}
            missing: dict[int, int] = {}
            for key in (level := [root]):
                for held in self._survey.held[key]:
                    current = None if held.is_newer else held.current
                    if current is None or current in came_from:
                        continue
                    if current not in self._survey.walk.rows:
                        assert held.newest is not None
                        missing[current] = max(held.newest.at_us, missing.get(current, -1))
                        continue
                    came_from[current] = key
                    level.append(current)
                for called in self._survey.walk.calls.get(key, ()):
                    if called not in came_from:
                        came_from[called] = key
                        level.append(called)
            if not missing:
                return came_from
            self._survey.add(missing)

    def chain(self, key: int, came_from: Mapping[int, int | None]) -> list[RunName]:
        """Give the runs from the output's to this one."""
        keys = []
        at: int | None = key
        while at is not None:
            keys.append(at)
            at = came_from[at]
        return [self._name(each) for each in reversed(keys)]

    def refresh(self, root: int) -> list[Refresh]:
        """Give what to make again, in order."""
        order = refresh_order(self._survey, root, lambda key: bool(self.causes(key)))
        return [
            Refresh(
                self._survey.id_of(key),
                self._component(self._survey.walk.rows[key])[0],
                list(dict.fromkeys(cause.code for cause in self.causes(key))),
            )
            for key in order
        ]

    # -- causes

    def causes(self, key: int) -> list[Cause]:
        """Give the causes of one run; those of all that were reached are found together."""
        if key not in self._causes:
            self._find_causes([k for k in self._survey.walk.rows if k not in self._causes])
        return self._causes[key]

    def _find_causes(self, keys: list[int]) -> None:
        rows = self._survey.walk.rows
        changes = code_changes(self._store, [rows[key] for key in keys])
        newer = [held for key in keys for held in self._survey.held[key] if held.is_newer]
        fresher = fresher_writes(
            self._store,
            [held.link for held in newer],
            self._survey.artifacts,
            self._survey.id_of,
        )
        self._load(keys, changes, fresher.values())
        for key in keys:
            causes = []
            for held in self._survey.held[key]:
                if held.is_newer and held.newest is not None:
                    causes.append(self._newer_cause("newer-input", key, held, held.newest))
                    if id(held.link) in fresher:
                        then = fresher[id(held.link)]
                        causes.append(self._newer_cause("fresher-run", key, held, then))
            causes += self._file_causes(key)
            if key in changes:
                causes.append(self._code_cause(key, changes[key]))
            causes += self._age_causes(key)
            self._causes[key] = causes

    def _load(
        self,
        keys: Iterable[int],
        changes: Mapping[int, CodeChange],
        fresher: Iterable[WriteRow],
    ) -> None:
        """Load the names that causes and proof are told with."""
        rows = self._survey.walk.rows
        others = {change.newest_run for change in changes.values()}
        others |= {write.run for write in fresher}
        words = {write.version for write in fresher}
        for key in keys:
            for held in self._survey.held[key]:
                words |= {held.link.read.version, held.link.written_version}
                if held.newest is not None:
                    others.add(held.newest.run)
                    words.add(held.newest.version)
        words -= self._words.keys() | {0}
        if words:
            self._words.update(self._store.versions(words))
        if missing := others - rows.keys() - self._others.keys():
            self._others.update(self._store.runs(missing))
        wanted = {row.component for row in (*rows.values(), *self._others.values())}
        for each in self._store.components(wanted - self._components.keys()):
            self._components[each.component] = (each.name, last_said(each, "max_age_s"))

    def _newer_cause(self, code: str, key: int, held: Held, newer: WriteRow) -> Cause:
        read = self._words.get(held.link.read.version or held.link.written_version)
        wrote = self._words.get(newer.version)
        return Cause(
            code,
            *self._id_and_component(key),
            self._survey.artifacts[held.link.read.artifact].name,
            read,
            wrote,
            self._name(newer.run),
            newer.at_us,
            "version" if read and wrote and _kind(read) == _kind(wrote) else "clock",
        )

    def _code_cause(self, key: int, change: CodeChange) -> Cause:
        run = self._name(change.newest_run)
        row = self._row(change.newest_run)
        return Cause(
            "code-changed",
            *self._id_and_component(key),
            newer_run=run,
            newer_us=row.started,
            had_code=change.had,
            newest_code=change.newest,
        )

    def _age_causes(self, key: int) -> Iterable[Cause]:
        row = self._survey.walk.rows[key]
        own = self._component(row)[1]
        limits = [each for each in (own, self._max_age_s) if each is not None]
        made_us = row.started if row.ended is None else row.ended
        age_s = (self._now_us - made_us) / 1e6
        if limits and age_s > min(limits):
            yield Cause("too-old", *self._id_and_component(key), age_s=age_s, max_age_s=min(limits))

    def _file_causes(self, key: int) -> Iterable[Cause]:
        for held in self._survey.held[key]:
            if held.current is not None or self._file_version is None:
                continue
            name = self._survey.artifacts[held.link.read.artifact].name
            now, read = self._file_now(name), self._words.get(held.link.read.version)
            if now and read and _kind(now) == _kind(read) and now != read:
                yield Cause(
                    "newer-input",
                    *self._id_and_component(key),
                    name,
                    read,
                    now,
                    by="file",
                )

    def _file_now(self, name: str) -> str | None:
        if self._file_version is None or not name.startswith("/"):
            return None
        if name not in self._files:
            self._files[name] = self._file_version(name)
        return self._files[name]

    # -- proof

    def compared(self, keys: Iterable[int]) -> list[Compared]:
        """Give each input that came out the same, and how."""
        found = []
        for key in keys:
            run_id, component = self._id_and_component(key)
            for held in self._survey.held[key]:
                if not held.is_newer:
                    artifact = self._survey.artifacts[held.link.read.artifact]
                    read = held.link.read.version or held.link.written_version
                    version = self._words.get(read)
                    how = self._how_same(held, artifact.name, version)
                    newest = held.current
                    found.append(
                        Compared(
                            run_id,
                            component,
                            artifact.name,
                            version,
                            how,
                            None if newest is None else self._survey.id_of(newest),
                        )
                    )
        return found

    def _how_same(self, held: Held, name: str, version: str | None) -> str:
        if held.current is None:
            is_same = version is not None and self._file_now(name) == version
            return "file" if is_same else held.link.evidence
        if is_value(held.link, self._survey.artifacts):
            return "value"
        return "version" if version else "clock"

    def not_known(self, keys: Iterable[int]) -> list[NotKnown]:
        """Give what stands in the way of "fresh"."""
        found = []
        copies = self._copies_of_what_is_newer(keys)
        for key in keys:
            for held in self._survey.held[key]:
                if held.is_newer:
                    continue
                name = self._survey.artifacts[held.link.read.artifact].name
                version = self._words.get(held.link.read.version)
                code = None
                if held.current is None:
                    code = "gap" if self._how_same(held, name, version) == "gap" else None
                elif held.newest is None and "version-mismatch" in held.link.warnings:
                    code = "version-mismatch"
                elif id(held) in copies:
                    code = "copied"
                if code is not None:
                    found.append(NotKnown(code, *self._id_and_component(key), name))
        return found

    def _copies_of_what_is_newer(self, keys: Iterable[int]) -> set[int]:
        """Give the inputs (by their `id`) whose content was written elsewhere, and replaced."""
        probes: list[Probe] = []
        asked: list[tuple[Held, int, int]] = []
        for key in keys:
            for held in self._survey.held[key]:
                link = held.link
                if link.elsewhere and held.newest is None and link.producer is not None:
                    version, at_us = link.read.version, link.written_us or 0
                    for out in self._survey.walk.rows[link.producer].outs:
                        if out.version == version and out.at_us == at_us:
                            probes.append(Probe(out.artifact, 0, MAX_KEY, _NOBODY))
                            asked.append((held, version, at_us))
        found = self._store.newest_writes(probes) if probes else []
        return {
            id(held)
            for (held, version, at_us), writes in zip(asked, found, strict=True)
            if all(write.at_us > at_us and write.version != version for write in writes)
        }

    # -- names

    def _row(self, key: int) -> RunRow:
        return self._survey.walk.rows.get(key) or self._others[key]

    def _component(self, row: RunRow) -> tuple[str, float | None]:
        return self._components[row.component]

    def _id_and_component(self, key: int) -> tuple[str, str]:
        return self._survey.id_of(key), self._component(self._row(key))[0]

    def _name(self, key: int) -> RunName:
        known = self._names.get(key)
        if known is None:
            known = self._names[key] = RunName(*self._id_and_component(key))
        return known


def _kind(version: str) -> str:
    kind, colon, _ = version.partition(":")
    return kind if colon else ""
