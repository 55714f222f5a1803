"""Which run produced this input? The rules of LINEAGE.md, for many inputs at once.

Links are derived when a question is asked, from nothing but facts: a late fact
simply appears. Each rule is one round of as-of probes over the inputs that no
earlier rule answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ..model.facts import BY_NAME, BY_RUN_ID
from ..store.protocol import MAX_KEY, PAGE, InRow, Probe, RunRow, Store, WriteRow


class Link(msgspec.Struct, gc=False):
    """From one input of ``reader`` to the run that produced it.

    ``producer`` is None for a gap or a declared source. ``own`` says that the
    reader reads back what it wrote itself. ``written_us`` is when the producer
    wrote it, None where no write of it is recorded. ``written_version`` is the
    version that write had, for a mismatch. ``elsewhere`` says that the content was
    written under another name only.
    """

    reader: RunRow
    read: InRow
    producer: int | None = None
    evidence: str = "gap"
    warnings: list[str] = []
    own: bool = False
    written_us: int | None = None
    written_version: int = 0
    elsewhere: bool = False


class Linker:
    """Links the inputs of runs, keeping what it loaded on the way."""

    def __init__(self, store: Store, tolerance_us: int) -> None:
        self._store = store
        self._tolerance_us = tolerance_us
        self._rows: dict[int, RunRow] = {}
        self._sources: dict[int, bool] = {}

    def runs(self, keys: Iterable[int]) -> dict[int, RunRow]:
        """Give the rows of runs, from memory where they were loaded before."""
        wanted = list(keys)
        missing = [key for key in wanted if key not in self._rows]
        if missing:
            self._rows.update(self._store.runs(missing))
        return {key: self._rows[key] for key in wanted if key in self._rows}

    def link(self, readers: Iterable[RunRow]) -> list[Link]:
        """Give a link for every input of the readers, in order."""
        links: list[Link] = []
        named: list[Link] = []
        left: list[Link] = []
        for reader in readers:
            for read in reader.ins:
                link = Link(reader, read)
                links.append(link)
                (left if read.how == BY_NAME else named).append(link)
        left = self._by_name_of_run(named) + left
        versioned = [link for link in left if link.read.version]
        if versioned:
            without = self._by_version(versioned)
            if without:
                without = self._by_content_elsewhere(without)
            left = [link for link in left if not link.read.version] + without
        if left:
            left = self._by_time(left)
            left = self._by_tolerance(left)
            self._mark_sources(left)
        return links

    # Each rule settles what it can and gives back the rest.

    def _by_name_of_run(self, links: list[Link]) -> list[Link]:
        """Rules 1 and 2: the reader named the run, or held the object that it returned."""
        if not links:
            return []
        named = {-link.read.producer for link in links if link.read.producer < 0}
        ids = self._store.run_refs(named) if named else {}
        keys: dict[int, int | None] = {}
        for link in links:
            producer = link.read.producer
            if producer not in keys:
                keys[producer] = (
                    producer if producer > 0 else self._store.key_of(ids.get(-producer, ""))
                )
        rows = self.runs({key for key in keys.values() if key is not None})
        rest = []
        for link in links:
            key = keys[link.read.producer]
            if key is None or key not in rows or not self._may_feed(rows[key], link):
                rest.append(link)
                continue
            evidence = "explicit" if link.read.how == BY_RUN_ID else "object"
            self._settle(link, evidence, WriteRow(self._written_us(rows[key], link.read), key, 0))
        return rest

    @staticmethod
    def _may_feed(row: RunRow, link: Link) -> bool:
        """Tell whether a named run can be the producer: itself only if it wrote before."""
        return row.run != link.reader.run or any(
            out.artifact == link.read.artifact and out.at_us < link.read.at_us for out in row.outs
        )

    @staticmethod
    def _written_us(row: RunRow, read: InRow) -> int:
        """Give when a named run wrote what was read: its end where no write tells."""
        wrote = [o for o in row.outs if o.artifact == read.artifact and o.at_us <= read.at_us]
        if wrote:
            same = [out.at_us for out in wrote if out.version == read.version]
            return max(same or [out.at_us for out in wrote])
        return read.at_us if row.ended is None else row.ended

    def _by_version(self, links: list[Link]) -> list[Link]:
        """Rules 3 and 4: a run wrote this name with the same version."""
        probes = [
            Probe(link.read.artifact, link.read.version, link.read.at_us, link.reader.run)
            for link in links
        ]
        return self._settle_found(
            links, probes, lambda link: "content" if link.read.version > 0 else "version"
        )

    def _by_content_elsewhere(self, links: list[Link]) -> list[Link]:
        """Rule 3, second half: the same content under another name."""
        digests = [link for link in links if link.read.version > 0]
        rest = [link for link in links if link.read.version < 0]
        probes = [Probe(0, link.read.version, link.read.at_us, link.reader.run) for link in digests]
        rest += self._settle_found(digests, probes, lambda _: "content")
        for link in digests:
            link.elsewhere = link.producer is not None
        return rest

    def _by_time(self, links: list[Link]) -> list[Link]:
        """Rule 5: the newest write of this name at or before the read."""
        probes = [
            Probe(link.read.artifact, 0, link.read.at_us, link.reader.run, link.read.version)
            for link in links
        ]
        return self._settle_found(links, probes, lambda _: "time")

    def _by_tolerance(self, links: list[Link]) -> list[Link]:
        """Rule 6: the nearest write just after the read, by another machine's clock."""
        if not self._tolerance_us:
            return links
        rest = []
        for link in links:
            nearest = self._next_elsewhere(link)
            if nearest:
                self._settle(link, "time", self._newest(nearest))
                link.warnings.append("clock-skew")
            else:
                rest.append(link)
        return rest

    def _next_elsewhere(self, link: Link) -> list[WriteRow]:
        """Give the first writes after a read, within the tolerance, by another known machine."""
        here = self._host_of(link.reader)
        after = (link.read.at_us, MAX_KEY)
        until = link.read.at_us + self._tolerance_us
        found: list[WriteRow] = []
        while here:
            page = self._store.next_writes(link.read.artifact, after, until)
            rows = self.runs({write.run for write in page})
            found += [w for w in page if self._host_of(rows[w.run]) not in ("", here)]
            # The rest of a tie may be on the next page.
            if len(page) < PAGE or (found and page[-1].at_us > found[0].at_us):
                break
            after = (page[-1].at_us, page[-1].run)
        return [write for write in found if write.at_us == found[0].at_us]

    def _mark_sources(self, links: list[Link]) -> None:
        """Rule 7: a gap, unless the artifact is declared to come from outside."""
        unknown = {link.read.artifact for link in links} - self._sources.keys()
        if unknown:
            rows = self._store.artifacts(unknown)
            self._sources.update((key, bool(row.source)) for key, row in rows.items())
        for link in links:
            if self._sources.get(link.read.artifact):
                link.evidence = "source"

    def _settle_found(
        self,
        links: list[Link],
        probes: Sequence[Probe],
        evidence: object,
    ) -> list[Link]:
        rest = []
        for link, writes in zip(links, self._store.newest_writes(probes), strict=True):
            if writes:
                write = writes[0] if len(writes) == 1 else self._newest(writes)
                self._settle(link, evidence(link), write)  # type: ignore[operator]
            else:
                rest.append(link)
        return rest

    def _settle(self, link: Link, evidence: str, write: WriteRow) -> None:
        link.evidence = evidence
        if write.run == link.reader.run:
            link.own = True
            return
        link.producer = write.run
        link.written_us = write.at_us
        link.written_version = write.version
        if evidence == "time" and link.read.version and write.version != link.read.version:
            link.warnings.append("version-mismatch")

    def _newest(self, writes: list[WriteRow]) -> WriteRow:
        """Of writes at one moment, the one with the greater public run id is the newer.

        Of several versions that one run wrote at once, the greater word.
        """
        ids = self._store.public_ids({write.run for write in writes})
        words = self._store.versions({write.version for write in writes})
        return max(writes, key=lambda write: (ids[write.run], words.get(write.version, "")))

    def _host_of(self, row: RunRow) -> str:
        """Give the machine of a run, or an empty text where it is not known."""
        return self._store.writer(row.run).host if row.host is None else row.host
