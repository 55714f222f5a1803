-- A run may write several versions of one artifact at one moment: each is a fact.

ALTER TABLE output RENAME TO output_before;
DROP INDEX output_version;
DROP INDEX output_content;
CREATE TABLE output (
  artifact INTEGER NOT NULL,
  t        INTEGER NOT NULL,
  run      INTEGER NOT NULL,
  version  INTEGER NOT NULL,
  PRIMARY KEY (artifact, t, run, version)
) WITHOUT ROWID;
INSERT INTO output (artifact, t, run, version)
SELECT artifact, t, run, version FROM output_before ORDER BY artifact, t, run;
DROP TABLE output_before;
CREATE INDEX output_version ON output (artifact, version, t, run) WHERE version <> 0;
CREATE INDEX output_content ON output (version, t, run) WHERE version > 0;
