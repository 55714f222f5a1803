-- What people say of outputs and runs, the packages that processes ran with, and
-- the way downstream: who read what a run wrote.

-- Reads of an artifact lie by time, as its writes do, and by version beside: a
-- question about impact asks for what was read between one write and the next.
DROP INDEX IF EXISTS input_version;
ALTER TABLE input RENAME TO input_before;
CREATE TABLE input (
  artifact INTEGER NOT NULL,
  t        INTEGER NOT NULL,
  run      INTEGER NOT NULL,
  version  INTEGER NOT NULL,
  PRIMARY KEY (artifact, t, run, version)
) WITHOUT ROWID;
INSERT INTO input (artifact, t, run, version)
SELECT artifact, t, run, version FROM input_before ORDER BY artifact, t, run, version;
DROP TABLE input_before;
CREATE INDEX input_version ON input (version, artifact, t, run) WHERE version <> 0;

-- Reads that named the run which made what was read: explicitly, or as an object.
CREATE TABLE named_input (
  producer INTEGER NOT NULL,         -- a run, or -ref
  run      INTEGER NOT NULL,
  PRIMARY KEY (producer, run)
) WITHOUT ROWID;
INSERT OR IGNORE INTO named_input (producer, run)
SELECT json_extract(e.value, '$[4]'), r.run
  FROM run r CROSS JOIN json_each(r.ins) e
 WHERE json_extract(e.value, '$[3]') > 0;

-- Every mark that was ever made on an output; the latest counts.
CREATE TABLE flag (
  artifact INTEGER NOT NULL,
  t        INTEGER NOT NULL,
  state    TEXT    NOT NULL,         -- open, withdrawn
  note     TEXT    NOT NULL,
  author   TEXT    NOT NULL,
  PRIMARY KEY (artifact, t, state, note, author)
) WITHOUT ROWID;
ALTER TABLE artifact ADD COLUMN flagged INTEGER NOT NULL DEFAULT 0; -- 1: the latest mark is open
CREATE INDEX artifact_flagged ON artifact (artifact) WHERE flagged = 1;

CREATE TABLE note (
  run_id TEXT    NOT NULL,           -- public: the run itself may arrive later
  t      INTEGER NOT NULL,
  author TEXT    NOT NULL,
  text   TEXT    NOT NULL,
  PRIMARY KEY (run_id, t, author, text)
) WITHOUT ROWID;

CREATE TABLE environment (
  environment INTEGER PRIMARY KEY,
  digest      TEXT NOT NULL UNIQUE,
  packages    TEXT NOT NULL          -- JSON: name and version
);
ALTER TABLE writer ADD COLUMN environment INTEGER;
