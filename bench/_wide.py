"""Stores in which one model was read by very many runs, written straight into the schema."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from _common import bench_folder

from backtrail.model.facts import KIND_CODES
from backtrail.model.identity import SEQ_BITS, short_writer
from backtrail.store.migrations import migrations
from backtrail.store.protocol import MOST_OUTPUTS
from backtrail.store.sqlite import open_sqlite

START_US = 1_700_000_000_000_000
_LAYOUT = 1  # raise it when what this module writes changes
MODEL = 1


def wide_store(runs: int, each: int) -> Path:
    """Give the database of a model and so many runs that read it; made if it is not there."""
    schema = "".join(migrations("sqlite").values())
    mark = hashlib.sha256(f"{_LAYOUT}{schema}".encode()).hexdigest()[:10]
    path = bench_folder() / f"wide-{runs}-{each}-{mark}.db"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        write_wide(fresh, runs, each)
        fresh.rename(path)
    return path


def write_wide(path: Path, runs: int, each: int) -> None:
    """Write a run `train` that made model.pkl, and runs `predict` that read it and made ids."""
    store = open_sqlite(path)
    with store._database.session(writes=True):
        pass
    store.close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = off")
    db.execute("PRAGMA synchronous = off")
    db.execute("BEGIN")
    uid = hashlib.md5(b"wide").digest()
    db.execute(
        "INSERT INTO writer (writer, uid, short, host, pid, started, info)"
        " VALUES (1,?,?,'bench',1,?,'{}')",
        (uid, short_writer(uid), START_US),
    )
    for key, name in enumerate(("train", "predict"), 1):
        db.execute("INSERT INTO component (component, name) VALUES (?,?)", (key, name))
        db.execute(
            "INSERT INTO site (site, writer, n, component) VALUES (?,1,?,?)", (key, key, key)
        )
    db.execute("INSERT INTO version VALUES (1,?)", (b"\x01" + hashlib.sha256(b"m").digest(),))
    db.execute(
        "INSERT INTO artifact (artifact, name, kind) VALUES (?,'model.pkl',?)",
        (MODEL, KIND_CODES["model"]),
    )
    db.executemany(
        "INSERT INTO artifact (artifact, name, kind) VALUES (?,?,?)",
        ((MODEL + n, f"pred-{n:09d}", KIND_CODES["output"]) for n in range(1, runs * each + 1)),
    )
    db.execute("INSERT INTO output VALUES (?,?,?,1)", (MODEL, START_US, 1 << SEQ_BITS))
    insert = (
        "INSERT INTO run (run, component, site, started, ended, status, ins, outs, outs_more)"
        " VALUES (?,?,?,?,?,1,?,?,?)"
    )
    db.execute(insert, (1 << SEQ_BITS, 1, 1, START_US, START_US, "[]", f"[[{MODEL},1,0]]", 0))
    for n in range(1, runs + 1):
        key, at = 1 << SEQ_BITS | n, START_US + 1_000 * n
        ids = range(MODEL + 1 + (n - 1) * each, MODEL + 1 + n * each)
        outs, rest = ids[:MOST_OUTPUTS], ids[MOST_OUTPUTS:]
        wire = f"[{','.join(f'[{a},0,5]' for a in outs)}]"
        db.execute(insert, (key, 2, 2, at, at + 9, f"[[{MODEL},1,0]]", wire, len(rest)))
        for part, piece in enumerate(_pieces(rest)):
            wire = f"[{','.join(f'[{a},0,{at + 5}]' for a in piece)}]"
            db.execute("INSERT INTO run_more VALUES (?,?,?)", (key, part, wire))
        db.execute("INSERT INTO input VALUES (?,?,?,1)", (MODEL, at, key))
        db.executemany("INSERT INTO output VALUES (?,?,?,0)", ((a, at + 5, key) for a in ids))
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode = wal")
    db.close()


def _pieces(ids: range) -> Iterator[list[int]]:
    left = iter(ids)
    while piece := list(islice(left, MOST_OUTPUTS)):
        yield piece
