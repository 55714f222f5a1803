"""The listed mutants: mistakes that somebody could make, which the tests must find."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A mistake to plant: ``old`` stands once in ``file``, and ``new`` takes its place.

    ``survives`` says that no test is known to find it, so that it is tried by its name only.
    """

    name: str
    file: str
    breaks: str
    old: str
    new: str
    survives: bool = False


class MisfitError(Exception):
    """The file has changed, so that the mutant cannot be planted."""


def plant(mutant: Mutant, text: str) -> str:
    """Return the text of the mutant's file with the mistake in it.

    Raises:
        MisfitError: the old text does not stand there exactly once.
    """
    count = text.count(mutant.old)
    if count != 1:
        raise MisfitError(
            f"{mutant.name} no longer fits: its old text stands {count} times in {mutant.file};"
            " change it in tests/mutation/mutants.py"
        )
    return text.replace(mutant.old, mutant.new)


_LINKS = "src/backtrail/query/links.py"
_SELECTOR = "src/backtrail/query/selector.py"
_ROWS = "src/backtrail/store/rows.py"
_DRAIN = "src/backtrail/journal/drain.py"
_RECORDER = "src/backtrail/capture/recorder.py"
_SQL = "src/backtrail/store/sql/queries.sql"
_SQLITE = "src/backtrail/store/sql/queries.sqlite.sql"
_POSTGRES = "src/backtrail/store/sql/queries.postgres.sql"

MUTANTS = (
    Mutant(
        "own-write-at-the-moment-of-the-read",
        _LINKS,
        "A run that names itself as producer reads back what it wrote at that same moment.",
        "out.artifact == link.read.artifact and out.at_us < link.read.at_us",
        "out.artifact == link.read.artifact and out.at_us <= link.read.at_us",
    ),
    Mutant(
        "tie-cut-at-the-page",
        _LINKS,
        "Of writes that tie just after a read, those on the next page are not seen.",
        "if len(page) < PAGE or (found and page[-1].at_us > found[0].at_us):",
        "if len(page) < PAGE or found:",
    ),
    Mutant(
        "unversioned-write-never-mismatches",
        _LINKS,
        "No version-mismatch where the version of the read is known and that of the write is not.",
        'evidence == "time" and link.read.version and write.version != link.read.version',
        'evidence == "time" and link.read.version and write.version not in (0, link.read.version)',
    ),
    Mutant(
        "unknown-machine-is-another",
        _LINKS,
        "The clock tolerance holds for a write by a machine that is not known.",
        'if self._host_of(rows[w.run]) not in ("", here)',
        "if self._host_of(rows[w.run]) != here",
    ),
    Mutant(
        "status-before-the-later-end",
        _ROWS,
        "Of two ends that contradict each other, the greater status wins, not the later end.",
        "row.status != RUNNING, row.ended or 0, row.status, row.error",
        "row.status != RUNNING, row.status, row.ended or 0, row.error",
    ),
    Mutant(
        "value-that-came-later-is-lost",
        _ROWS,
        "An output that was first told of without its value stays without it.",
        "if known is None or (value is not None and _is_greater(value, known[3])):",
        "if known is None:",
    ),
    Mutant(
        "first-host-wins",
        _ROWS,
        "Of two hosts that are named for one run, the one that arrived first is kept.",
        "        return max(a, b)\n    return a or b",
        "        return a\n    return a or b",
    ),
    Mutant(
        "start-by-arrival",
        _ROWS,
        "Of two starts that are told of one run, the one that arrived first counts.",
        "min(a.started, b.started)",
        "a.started",
    ),
    Mutant(
        "component-by-arrival",
        _ROWS,
        "Of two components that are told of one run, the one that arrived last counts.",
        "said.site(a.site) >= said.site(b.site)",
        "a.site >= b.site",
    ),
    Mutant(
        "orphan-deleted-after-one-piece",
        _DRAIN,
        "The spool of a dead process is deleted when its first piece was read.",
        "is_over = reading.sealed or (gone and is_at_end)",
        "is_over = reading.sealed or gone",
    ),
    Mutant(
        "late-file-ends-its-writer",
        _DRAIN,
        "A file that turns up late says that its process has ended, which goes on elsewhere.",
        "has_ended |= number >= position[0]",
        "has_ended = True",
        survives=True,
    ),
    Mutant(
        "end-forgets-the-parameters",
        _DRAIN,
        "A run that logged an output is left without its parameters, since its end has none.",
        "part.params = part.params if more.params is None else more.params",
        "part.params = more.params",
    ),
    Mutant(
        "part-after-the-end-reopens",
        _DRAIN,
        "What another thread tells of a run after its end makes the run one that goes on.",
        "                if fact.ended_us is not None:\n"
        "                    del parts[fact.seq]\n"
        "                continue",
        "                continue",
        survives=True,
    ),
    Mutant(
        "end-of-the-process-forgotten",
        _DRAIN,
        "A run that only a late file tells of goes on for ever, though its process has ended.",
        "number + 1, AFTER_END if has_ended else 0",
        "number + 1, 0",
    ),
    Mutant(
        "torn-tail-is-no-end",
        _DRAIN,
        "The spool of a process that died in the middle of a record is never done with.",
        "is_at_end = not reading.more or reader.offset == before",
        "is_at_end = not reading.more",
    ),
    Mutant(
        "output-tie-by-arrival",
        _SELECTOR,
        "Of two runs that wrote an output at one moment, the one that arrived last is shown.",
        "            newest = max(writes, key=lambda write: ids[write.run])\n"
        "            return Selected(newest.run, newest.at_us, artifact)",
        "            newest = max(writes, key=lambda write: write.run)\n"
        "            return Selected(newest.run, newest.at_us, artifact)",
    ),
    Mutant(
        "prefix-of-two-runs",
        _SELECTOR,
        "A prefix that two run ids share selects one of them and says nothing.",
        "if len(found) > 1:",
        "if len(found) > 2:",
    ),
    Mutant(
        "content-under-its-first-name",
        _SELECTOR,
        "Content that a run wrote under two names is shown under the earlier one.",
        "if out.version == version and out.at_us == newest.at_us:",
        "if out.version == version:",
    ),
    Mutant(
        "own-write-hides-the-older-one",
        _SQLITE,
        "SQLite: what a run writes at the moment of its read hides the write that it read.",
        "OR (i.t < p.t AND (p.read_version = 0 OR i.version IN (0, p.read_version))))\n"
        "               ORDER BY",
        "OR (i.t <= p.t AND (p.read_version = 0 OR i.version IN (0, p.read_version))))\n"
        "               ORDER BY",
    ),
    Mutant(
        "postgres-tie-lost",
        _POSTGRES,
        "PostgreSQL: of writes that tie, one comes back, and not the one that counts.",
        "i.version IN (0, p.read_version))))\n"
        "        ORDER BY i.t DESC FETCH FIRST 1 ROW WITH TIES) o;",
        "i.version IN (0, p.read_version))))\n        ORDER BY i.t DESC FETCH FIRST 1 ROW ONLY) o;",
    ),
    Mutant(
        "tolerance-without-its-end",
        _SQL,
        "A write that is later than the read by the whole clock tolerance does not count.",
        "AND (t, run) > (:after_t, :after_run) AND t <= :until",
        "AND (t, run) > (:after_t, :after_run) AND t < :until",
    ),
    Mutant(
        "assigning-ends-a-flag",
        _SQL,
        "An output that is flagged is no longer flagged once somebody looks into it.",
        " AND state <> 'assigned'",
        "",
    ),
    Mutant(
        "run-ends-twice",
        _RECORDER,
        "A run that was closed already is recorded again.",
        "            return  # ended already\n",
        "            pass\n",
    ),
    Mutant(
        "read-of-another-thread-dropped",
        _RECORDER,
        "A read that another thread adds while a part is written is not recorded.",
        "        if run.reads is reads:  # another thread may have added to it\n"
        "            run.reads = NOTHING\n",
        "        run.reads = NOTHING\n",
        survives=True,
    ),
    Mutant(
        "caller-of-another-store",
        _RECORDER,
        "A run inside one that is recorded to another store has a caller that is not there.",
        "if parent is not None and parent.recorder is not self:",
        "if parent is not None and parent.recorder is None:",
    ),
    Mutant(
        "imported-run-ran-here",
        _RECORDER,
        "A run that is recorded from elsewhere, without its host, counts as one of this machine.",
        'host or "",',
        "host,",
    ),
    Mutant(
        "empty-values-are-equal-content",
        _RECORDER,
        "Runs that hand over an empty list are linked to any other that made an empty list.",
        " and not value:\n        return None",
        " and value is None:\n        return None",
    ),
    Mutant(
        "exit-with-an-error-completes",
        _RECORDER,
        "A run that leaves by sys.exit(1) counts as completed.",
        'isinstance(error, (SystemExit, GeneratorExit)) and not getattr(error, "code", None)',
        "isinstance(error, (SystemExit, GeneratorExit))",
    ),
)
