-- The first schema. Times are microseconds since 1970, UTC. Names become dense
-- integers when they are taken in, so that rows near in time are near on disk.

-- One row for each process that records. `segment` and `offset` are how far its
-- spool was drained; they move in the transaction that keeps the facts.
CREATE TABLE writer (
  writer  INTEGER PRIMARY KEY,
  uid     BLOB    NOT NULL UNIQUE,   -- 16 random bytes
  short   INTEGER NOT NULL,          -- the 30 bits of it that run ids carry
  host    TEXT    NOT NULL,
  pid     INTEGER NOT NULL,
  started INTEGER NOT NULL,
  info    TEXT    NOT NULL,          -- JSON: user, Python, platform
  segment INTEGER NOT NULL DEFAULT 0,
  offset  INTEGER NOT NULL DEFAULT 0,
  lost    INTEGER NOT NULL DEFAULT 0 -- damaged records that were passed over
);
CREATE INDEX writer_short ON writer (short);

-- `said` is JSON: for each field, when it was said and what; the latest counts.
CREATE TABLE component (
  component INTEGER PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,
  said      TEXT NOT NULL DEFAULT '{}'
);

CREATE TABLE artifact (
  artifact INTEGER PRIMARY KEY,
  name     TEXT    NOT NULL UNIQUE,  -- canonical, see docs/explanation/lineage.md
  kind     INTEGER NOT NULL,         -- facts.KIND_NAMES; the greater of what was said
  source   INTEGER NOT NULL DEFAULT 0
);

-- Content digests have positive keys, all other version words negative ones,
-- so that an index can tell them apart. 0 stands for "no version known".
CREATE TABLE version (
  version INTEGER PRIMARY KEY,
  word    BLOB NOT NULL UNIQUE       -- the text, or a tag byte and the raw digest
);

CREATE TABLE pipeline (
  pipeline INTEGER PRIMARY KEY,
  run_id   TEXT NOT NULL UNIQUE,
  name     TEXT,
  started  INTEGER
);

-- A registered function as one process loaded it: its component version.
CREATE TABLE site (
  site      INTEGER PRIMARY KEY,
  writer    INTEGER NOT NULL,
  n         INTEGER NOT NULL,        -- its number in that process
  component INTEGER NOT NULL,
  file      TEXT,
  line      INTEGER,
  function  TEXT,
  git       TEXT,
  dirty     INTEGER,
  code      INTEGER,
  UNIQUE (writer, n)
);

CREATE TABLE code (
  code   INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  source TEXT                        -- without secrets; the digest is of the original
);

-- Public ids of runs that were named before, or without, being recorded here.
CREATE TABLE run_ref (
  ref    INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL UNIQUE
);

CREATE TABLE run (
  run       INTEGER PRIMARY KEY,     -- writer << 34 | number in the writer
  component INTEGER NOT NULL,
  site      INTEGER NOT NULL,
  pipeline  INTEGER,
  parent    INTEGER,                 -- a run, or -ref
  started   INTEGER NOT NULL,
  ended     INTEGER,
  status    INTEGER NOT NULL,        -- facts.STATUS_NAMES
  params    TEXT,
  error     TEXT,
  run_id    TEXT,                    -- only of imported runs; others compute theirs
  host      TEXT,                    -- only where it is not the writer's; '' where not known
  ins       TEXT NOT NULL,           -- [[artifact, version, at - started(, how, producer)], ...]
  outs      TEXT NOT NULL,           -- [[artifact, version, at - started(, value)], ...], the first 1,000
  outs_more INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX run_started   ON run (started, run);
CREATE INDEX run_component ON run (component, started, run);
CREATE INDEX run_parent    ON run (parent, run) WHERE parent IS NOT NULL;
CREATE UNIQUE INDEX run_named ON run (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX run_open      ON run (run) WHERE status = 0;

-- Outputs beyond the first 1,000 of a run, in pieces.
CREATE TABLE run_more (
  run  INTEGER NOT NULL,
  part INTEGER NOT NULL,
  outs TEXT    NOT NULL,
  PRIMARY KEY (run, part)
) WITHOUT ROWID;

-- The as-of index is the table.
CREATE TABLE output (
  artifact INTEGER NOT NULL,
  t        INTEGER NOT NULL,
  run      INTEGER NOT NULL,
  version  INTEGER NOT NULL,
  PRIMARY KEY (artifact, t, run)
) WITHOUT ROWID;
CREATE INDEX output_version ON output (artifact, version, t, run) WHERE version <> 0;
CREATE INDEX output_content ON output (version, t, run) WHERE version > 0;

CREATE TABLE input (
  artifact INTEGER NOT NULL,
  version  INTEGER NOT NULL,
  t        INTEGER NOT NULL,
  run      INTEGER NOT NULL,
  PRIMARY KEY (artifact, version, t, run)
) WITHOUT ROWID;
