"""Answers from named SQL: what all stores that speak SQL share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from ..model.identity import SEQ_BITS, SEQ_MASK, parse_run_id, run_id_of, started_between
from .access import Access
from .downstream import Downstream
from .listing import Listing
from .lists import END, Lists
from .marks import Marks
from .protocol import (
    PAGE,
    ArtifactRow,
    ComponentRow,
    FresherProbe,
    OutRow,
    Probe,
    RunRow,
    SiteRow,
    WriteRow,
    WriterRow,
)
from .retention import Retention
from .rows import from_json, ins_of, outs_of, pack_word, unpack_word, words_from

_MOST_REMEMBERED = 20_000
_new: Any = tuple.__new__
# Of a run that made a million outputs, so many thousand are in memory at once.
_PIECES = 4


class RelationalStore(Lists, Listing, Retention, Downstream, Marks, Access):
    """The part of `protocol.Store` that answers; see there for the promises.

    A store of one database adds the connection, the way in, and operating.
    """

    def __init__(self) -> None:
        self._writer_rows: dict[int, WriterRow] = {}

    def _listed(self, values: Iterable[Any]) -> Any:
        """Give values as this database takes a list for a parameter."""
        raise NotImplementedError

    # -- probes ------------------------------------------------------------------

    def newest_writes(self, probes: Sequence[Probe]) -> list[list[WriteRow]]:
        """Give for each probe the newest write, or all that tie for it; empty for none."""
        answers: list[list[WriteRow]] = [[] for _ in probes]
        asked: dict[str, list[int]] = {}
        for n, (artifact, version, at_us, reader, read_version) in enumerate(probes):
            if not version:
                name = "newest_writes"
            else:
                name = "newest_writes_of_version" if artifact else "newest_writes_of_content"
            flat = asked.setdefault(name, [])
            flat += n, artifact, version, at_us, reader, read_version
        for n, at_us, run, version in self._probe_each(asked):
            answers[n].append(_new(WriteRow, (at_us, run, version)))
        return answers

    def _probe_each(self, asked: Mapping[str, list[int]]) -> Iterable[tuple[Any, ...]]:
        """Give all rows of several such statements."""
        return chain.from_iterable(self._probe(name, flat) for name, flat in asked.items())

    def _probe(self, name: str, flat: list[int]) -> Iterable[tuple[Any, ...]]:
        """Give all rows of a statement about probes, of six numbers each."""
        raise NotImplementedError

    def fresher_writes(self, probes: Sequence[FresherProbe]) -> dict[int, list[WriteRow]]:
        """Give by place of the probe the newest such write, or all that tie for it; others lack."""
        flat: list[int] = []
        for n, probe in enumerate(probes):
            flat += n, *probe
        answers: dict[int, list[WriteRow]] = {}
        for n, at_us, run, version in self._probe("fresher_writes", flat):
            answers.setdefault(n, []).append(WriteRow(at_us, run, version))
        return answers

    def next_writes(self, artifact: int, after: tuple[int, int], until_us: int) -> list[WriteRow]:
        """Give the writes of an artifact after (time, key), oldest first, a page at most."""
        found = self._all(
            "next_writes",
            artifact=artifact,
            after_t=after[0],
            after_run=after[1],
            until=until_us,
            limit=PAGE,
        )
        return [WriteRow(*row) for row in found]

    def runs(self, keys: Iterable[int]) -> dict[int, RunRow]:
        """Give the runs of these keys; unknown keys are left out."""
        found = self._all("runs", keys=self._listed(keys))
        ins = from_json(f"[{','.join([row[12] for row in found])}]")
        outs = from_json(f"[{','.join([row[13] for row in found])}]")
        return {
            row[0]: _new(
                RunRow, (*row[:12], ins_of(reads, row[5]), outs_of(writes, row[5]), row[14])
            )
            for row, reads, writes in zip(found, ins, outs, strict=True)
        }

    def more_outputs(self, run: int, artifact: int | None = None) -> Iterable[OutRow]:
        """Give the outputs of a run beyond those in its row; all, or only those of an artifact."""
        part = -1
        while pieces := self._all(
            "more_outputs", run=run, artifact=artifact, after=part, limit=_PIECES
        ):
            for _, piece in pieces:
                for out in outs_of(from_json(piece), 0):
                    if artifact is None or out.artifact == artifact:
                        yield out
            part = pieces[-1][0]

    def public_ids(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the public ids of runs."""
        found = self._all("run_ids", keys=self._listed(keys))
        return {
            run: run_id or run_id_of(started, self.writer(run).short, run & SEQ_MASK)
            for run, started, run_id in found
        }

    def has_calls(self) -> bool:
        """Tell whether any run here was called by another."""
        return bool(self._all("has_calls")[0][0])

    def called_by(self, keys: Mapping[int, str]) -> dict[int, list[tuple[int, int, int | None]]]:
        """Give for each run (key: public id) the runs it called: key, started, ended."""
        if not keys:
            return {}
        refs = {
            -ref: run_id for ref, run_id in self._all("run_refs", ids=self._listed(keys.values()))
        }
        by_id = {run_id: key for key, run_id in keys.items()}
        called: dict[int, list[tuple[int, int, int | None]]] = {}
        parents = self._listed([*keys, *refs])
        for parent, run, started, ended in self._all("called", parents=parents):
            caller = parent if parent >= 0 else by_id[refs[parent]]
            called.setdefault(caller, []).append((run, started, ended))
        return called

    # -- names -------------------------------------------------------------------

    def key_of(self, run_id: str) -> int | None:
        """Give the key of the run with exactly this public id."""
        named = self._all("run_named", run_id=run_id)
        if named:
            return int(named[0][0])
        parts = parse_run_id(run_id)
        if parts is None:
            return None
        writers = self._all("writers_of_short", short=parts.writer)
        keys = [writer << SEQ_BITS | parts.seq for (writer,) in writers]
        for key, started, kept in self._all("run_ids", keys=self._listed(keys)):
            if kept is None and run_id_of(started, parts.writer, parts.seq) == run_id.lower():
                return int(key)
        return None

    def keys_with_prefix(self, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Give public id and key of runs whose id starts so."""
        found: list[tuple[str, int]] = [
            (run_id, run)
            for run_id, run in self._all(
                "named_runs_with_prefix", low=prefix, high=prefix + END, limit=limit
            )
        ]
        span = started_between(prefix)
        if span is not None:
            # Ids of one millisecond are few; of a shorter prefix, any will do.
            most = limit if len(prefix) <= 13 else 10_000
            started = self._all("runs_started_between", low=span[0], high=span[1], limit=most)
            wanted = prefix.lower()
            for run, started_us in started:
                public = run_id_of(started_us, self.writer(run).short, run & SEQ_MASK)
                if public.startswith(wanted):
                    found.append((public, run))
        return found[:limit]

    def run_refs(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the public ids that reads and parents named, by their key (positive)."""
        return dict(self._all("run_refs_by_key", keys=self._listed(keys)))

    def artifact_named(self, name: str) -> ArtifactRow | None:
        """Give the artifact of exactly this canonical name."""
        found = self._all("artifacts_named", names=self._listed([name]))
        return ArtifactRow(*found[0]) if found else None

    def artifacts(self, keys: Iterable[int]) -> dict[int, ArtifactRow]:
        """Give the artifacts of these keys."""
        found = self._all("artifacts", keys=self._listed(keys))
        return {row[0]: _new(ArtifactRow, row) for row in found}

    def versions(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the version words of these keys."""
        found = self._all("versions", keys=self._listed(keys))
        return {key: unpack_word(word) for key, word in found}

    def version_of_word(self, word: str) -> int | None:
        """Give the key of a version word; positive for content digests."""
        found = self._all("version_of_word", word=pack_word(word))
        return found[0][0] if found else None

    def words_with_prefix(self, prefix: str, limit: int) -> list[str]:
        """Give version words that start so, in their order."""
        low, high = words_from(prefix)
        found = self._all("words_between", low=low, high=high, limit=limit)
        return [unpack_word(word) for (word,) in found]

    def sites(self, keys: Iterable[int]) -> dict[int, SiteRow]:
        """Give the sites of these keys."""
        found = self._all("sites", keys=self._listed(keys))
        return {row[0]: SiteRow(*row[1:]) for row in found}

    def source_text(self, site: int) -> str | None:
        """Give the saved source text of a site."""
        found = self._all("source_text", site=site)
        return found[0][0] if found else None

    def pipelines(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the public ids of pipeline runs."""
        return dict(self._all("pipelines", keys=self._listed(keys)))

    def writer(self, key: int) -> WriterRow:
        """Give the process that recorded the run of this key."""
        number = key >> SEQ_BITS
        row = self._writer_rows.get(number)
        if row is None:
            found = self._all("writer", writer=number)
            if len(self._writer_rows) > _MOST_REMEMBERED:
                self._writer_rows.clear()
            row = self._writer_rows[number] = WriterRow(*found[0])
        return row

    def components(self, keys: Iterable[int] | None = None) -> list[ComponentRow]:
        """Give the components of these keys, or all."""
        if keys is None:
            found = self._all("components")
        else:
            found = self._all("components_of", keys=self._listed(keys))
        return [ComponentRow(key, name, from_json(said)) for key, name, said in found]

    def component_named(self, name: str) -> ComponentRow | None:
        """Give the component of this name."""
        found = self._all("component_named", name=name)
        return ComponentRow(found[0][0], found[0][1], from_json(found[0][2])) if found else None
