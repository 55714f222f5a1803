-- Named statements in SQLite's words. A list is passed as a JSON array, probes as a list
-- of VALUES. CROSS JOIN pins the order of the tables.

-- name: newest_writes
-- For each probe [n, artifact, version, t, reader, read_version] the newest write of
-- the artifact at or before t, or all that tie for it. A run's own write counts for
-- its own read only if it came strictly before, and may be what it read.
WITH probe (n, artifact, version, t, reader, read_version) AS (:probes)
SELECT p.n, o.t, o.run, o.version
  FROM probe p
 CROSS JOIN output o
    ON o.artifact = p.artifact
   AND o.t = (SELECT i.t FROM output i
               WHERE i.artifact = p.artifact AND i.t <= p.t
                 AND (i.run <> p.reader
                      OR (i.t < p.t AND (p.read_version = 0 OR i.version IN (0, p.read_version))))
               ORDER BY i.t DESC, i.run DESC LIMIT 1)
   AND (o.run <> p.reader
        OR (o.t < p.t AND (p.read_version = 0 OR o.version IN (0, p.read_version))));

-- name: newest_writes_of_version
WITH probe (n, artifact, version, t, reader, read_version) AS (:probes)
SELECT p.n, o.t, o.run, o.version
  FROM probe p
 CROSS JOIN output o
    ON o.artifact = p.artifact AND o.version = p.version AND o.version <> 0
   AND o.t = (SELECT i.t FROM output i
               WHERE i.artifact = p.artifact AND i.version = p.version AND i.version <> 0 AND i.t <= p.t
                 AND (i.run <> p.reader OR i.t < p.t)
               ORDER BY i.t DESC, i.run DESC LIMIT 1)
   AND (o.run <> p.reader OR o.t < p.t);

-- name: newest_writes_of_content
WITH probe (n, artifact, version, t, reader, read_version) AS (:probes)
SELECT p.n, o.t, o.run, o.version
  FROM probe p
 CROSS JOIN output o
    ON o.version = p.version AND o.version > 0
   AND o.t = (SELECT i.t FROM output i
               WHERE i.version = p.version AND i.version > 0 AND i.t <= p.t
                 AND (i.run <> p.reader OR i.t < p.t)
               ORDER BY i.t DESC, i.run DESC LIMIT 1)
   AND (o.run <> p.reader OR o.t < p.t);

-- name: fresher_writes
-- For each probe [n, artifact, after, t, producer, reader] the newest write at or before t,
-- or all that tie for it, where that is not the producer's write at `after`: mostly none.
WITH probe (n, artifact, after, t, producer, reader) AS (:probes)
SELECT p.n, o.t, o.run, o.version
  FROM probe p
 CROSS JOIN output o
    ON o.artifact = p.artifact
   AND o.t = (SELECT i.t FROM output i
               WHERE i.artifact = p.artifact AND i.t BETWEEN p.after AND p.t
                 AND i.run <> p.reader AND (i.t > p.after OR i.run <> p.producer)
               ORDER BY i.t DESC LIMIT 1)
   AND o.run <> p.reader;

-- name: runs
SELECT r.run, r.component, r.site, r.pipeline, r.parent, r.started, r.ended, r.status,
       r.params, r.error, r.run_id, r.host, r.ins, r.outs, r.outs_more
  FROM json_each(:keys) k CROSS JOIN run r ON r.run = k.value;

-- name: run_ids
-- What a public id is made of, for runs that tie.
SELECT r.run, r.started, r.run_id
  FROM json_each(:keys) k CROSS JOIN run r ON r.run = k.value;

-- name: more_outputs
-- Pieces after one, in order: all, or with :artifact those that may hold a write of it.
SELECT part, outs FROM run_more
 WHERE run = :run AND part > :after
   AND (:artifact IS NULL OR instr(outs, '[' || :artifact || ',') > 0)
 ORDER BY part LIMIT :limit;

-- name: called
SELECT r.parent, r.run, r.started, r.ended
  FROM json_each(:parents) k CROSS JOIN run r ON r.parent = k.value;

-- name: run_refs
SELECT f.ref, f.run_id FROM json_each(:ids) k CROSS JOIN run_ref f ON f.run_id = k.value;

-- name: run_refs_by_key
SELECT f.ref, f.run_id FROM json_each(:keys) k CROSS JOIN run_ref f ON f.ref = k.value;

-- name: components_of
SELECT c.component, c.name, c.said
  FROM json_each(:keys) k CROSS JOIN component c ON c.component = k.value;

-- name: artifacts
SELECT a.artifact, a.name, a.kind, a.source, a.flagged
  FROM json_each(:keys) k CROSS JOIN artifact a ON a.artifact = k.value;

-- name: artifacts_named
SELECT a.artifact, a.name, a.kind, a.source, a.flagged
  FROM json_each(:names) k CROSS JOIN artifact a ON a.name = k.value;

-- name: versions
SELECT v.version, v.word FROM json_each(:keys) k CROSS JOIN version v ON v.version = k.value;

-- name: sites
SELECT s.site, s.file, s.line, s.function, s.git, s.dirty, c.digest
  FROM json_each(:keys) k CROSS JOIN site s ON s.site = k.value
  LEFT JOIN code c ON c.code = s.code;

-- name: pipelines
SELECT p.pipeline, p.run_id FROM json_each(:keys) k CROSS JOIN pipeline p ON p.pipeline = k.value;

-- name: aftermaths
-- For each write [n, artifact, version, t, since, -] of which there may be readers from
-- `since` on: the next write of the artifact (of several at one moment, a row each), when
-- its version and its content were written next, and who had written it before `since`. A
-- content that was read often is looked for under names to either side of its own: <>
-- would go through every read.
WITH probe (n, artifact, version, t, since, unused) AS (:probes)
SELECT p.n, o.t, o.run, o.version,
       (SELECT min(i.t) FROM output i
         WHERE i.artifact = p.artifact AND i.version = p.version AND i.version <> 0 AND i.t > p.t),
       (SELECT min(i.t) FROM output i
         WHERE i.version = p.version AND i.version > 0 AND i.t > p.t),
       (SELECT i.run FROM output i
         WHERE i.artifact = p.artifact AND i.t <= p.since
         ORDER BY i.t DESC, i.run DESC LIMIT 1)
  FROM probe p
  LEFT JOIN output o
    ON o.artifact = p.artifact
   AND o.t = (SELECT min(i.t) FROM output i WHERE i.artifact = p.artifact AND i.t > p.t)
 WHERE EXISTS (SELECT 1 FROM input i
                WHERE i.artifact = p.artifact AND i.t >= p.since)
    OR (p.version > 0
        AND (EXISTS (SELECT 1 FROM input i
                      WHERE i.version = p.version AND i.version <> 0 AND i.artifact < p.artifact)
             OR EXISTS (SELECT 1 FROM input i
                         WHERE i.version = p.version AND i.version <> 0
                           AND i.artifact > p.artifact)));

-- name: names_read
-- From one name to the next, so that a content that was read often costs no more.
WITH RECURSIVE named (version, artifact) AS (
  SELECT k.value, (SELECT min(i.artifact) FROM input i
                    WHERE i.version = k.value AND i.version <> 0)
    FROM json_each(:versions) k
   UNION ALL
  SELECT n.version, (SELECT min(i.artifact) FROM input i
                      WHERE i.version = n.version AND i.version <> 0 AND i.artifact > n.artifact)
    FROM named n WHERE n.artifact IS NOT NULL
)
SELECT version, artifact FROM named WHERE artifact IS NOT NULL;

-- name: reads_in
-- Spans [n, artifact, version, after_t, after_run, until], one after the other: CROSS JOIN
-- pins their order, and within one the index gives it, so the limit stops early.
SELECT p.n, i.t, i.run
  FROM (SELECT json_extract(value, '$[0]') AS n, json_extract(value, '$[1]') AS artifact,
               json_extract(value, '$[3]') AS after_t, json_extract(value, '$[4]') AS after_run,
               json_extract(value, '$[5]') AS until
          FROM json_each(:spans) LIMIT -1) p
 CROSS JOIN input i
    ON i.artifact = p.artifact AND (i.t, i.run) > (p.after_t, p.after_run) AND i.t <= p.until
 LIMIT :limit;

-- name: reads_in_of_versions
SELECT p.n, i.t, i.run
  FROM (SELECT json_extract(value, '$[0]') AS n, json_extract(value, '$[1]') AS artifact,
               json_extract(value, '$[2]') AS version, json_extract(value, '$[3]') AS after_t,
               json_extract(value, '$[4]') AS after_run, json_extract(value, '$[5]') AS until
          FROM json_each(:spans) LIMIT -1) p
 CROSS JOIN input i
    ON i.version = p.version AND i.version <> 0 AND i.artifact = p.artifact
   AND (i.t, i.run) > (p.after_t, p.after_run) AND i.t <= p.until
 LIMIT :limit;

-- name: readers_naming
-- Producers [n, producer, after]: readers of each with a greater key, in order.
SELECT p.n, i.run
  FROM (SELECT json_extract(value, '$[0]') AS n, json_extract(value, '$[1]') AS producer,
               json_extract(value, '$[2]') AS after
          FROM json_each(:producers) LIMIT -1) p
 CROSS JOIN named_input i ON i.producer = p.producer AND i.run > p.after
 LIMIT :limit;

-- name: runs_at_sites
SELECT started, run FROM run
 WHERE component = :component AND (started, run) < (:before_t, :before_run) AND started >= :since
   AND site IN (SELECT value FROM json_each(:sites))
 ORDER BY started DESC, run DESC LIMIT :limit;

-- name: flags
SELECT f.artifact, f.t, f.state, f.note, f.author
  FROM json_each(:artifacts) k CROSS JOIN flag f ON f.artifact = k.value
 ORDER BY f.t DESC, f.state DESC, f.note DESC, f.author DESC;

-- name: notes
SELECT n.run_id, n.t, n.author, n.text
  FROM json_each(:run_ids) k CROSS JOIN note n ON n.run_id = k.value
 ORDER BY n.t, n.author, n.text;

-- name: environments
SELECT w.writer, e.digest, json_extract(w.info, '$.python')
  FROM json_each(:writers) k CROSS JOIN writer w ON w.writer = k.value
  LEFT JOIN environment e ON e.environment = w.environment;

-- name: writes_by
-- Of those asked for, [[artifact, t], ...], the writes that a run is known to have made.
SELECT o.artifact, o.version, o.t
  FROM json_each(:writes) k CROSS JOIN output o
    ON o.artifact = json_extract(k.value, '$[0]') AND o.t = json_extract(k.value, '$[1]')
   AND o.run = :run;

-- name: functions
SELECT s.site, s.writer, s.n, c.name, s.file, s.line, s.function, s.git, s.dirty, t.digest
  FROM json_each(:keys) k CROSS JOIN site s ON s.site = k.value
  JOIN component c ON c.component = s.component LEFT JOIN code t ON t.code = s.code;

-- name: functions_of
SELECT s.site, s.writer, s.n, c.name, s.file, s.line, s.function, s.git, s.dirty, t.digest
  FROM json_each(:writers) k CROSS JOIN site s ON s.writer = k.value
  JOIN component c ON c.component = s.component LEFT JOIN code t ON t.code = s.code
 ORDER BY s.writer, s.n;

-- name: pipelines_named
SELECT p.pipeline, p.run_id, p.name, p.started
  FROM json_each(:ids) k CROSS JOIN pipeline p ON p.run_id = k.value;

-- name: needed_writes
-- Of old writes [run, artifact, t, version] the runs of those that stay: of everything that
-- is neither an output id nor a value in memory (that it was written is never forgotten), of
-- what is flagged or was read since, and the newest of a value.
SELECT DISTINCT k.run
  FROM (SELECT json_extract(value, '$[0]') AS run, json_extract(value, '$[1]') AS artifact,
               json_extract(value, '$[2]') AS t, json_extract(value, '$[3]') AS version
          FROM json_each(:writes)) k
  CROSS JOIN artifact a ON a.artifact = k.artifact
 WHERE a.flagged = 1 OR a.kind NOT IN (1, 4)
    OR EXISTS (SELECT 1 FROM input i WHERE i.artifact = k.artifact AND i.t >= :before)
    OR (a.kind = 1
        AND NOT EXISTS (SELECT 1 FROM output n WHERE n.artifact = k.artifact AND n.t > k.t))
    OR (k.version <> 0
        AND EXISTS (SELECT 1 FROM input i
                     WHERE i.version = k.version AND i.version <> 0 AND i.t >= :before
                       AND (k.version > 0 OR i.artifact = k.artifact)));

-- name: drop_outputs
DELETE FROM output WHERE (artifact, t, run, version) IN (
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
         json_extract(value, '$[3]') FROM json_each(:rows));

-- name: drop_inputs
DELETE FROM input WHERE (artifact, t, run, version) IN (
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
         json_extract(value, '$[3]') FROM json_each(:rows));

-- name: drop_named_inputs
DELETE FROM named_input WHERE (producer, run) IN (
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:rows));

-- name: drop_pieces
DELETE FROM run_more WHERE run IN (SELECT value FROM json_each(:keys));

-- name: drop_runs
DELETE FROM run WHERE run IN (SELECT value FROM json_each(:keys));

-- name: called_by_dropped
SELECT DISTINCT r.parent FROM json_each(:keys) k CROSS JOIN run r ON r.parent = k.value;

-- name: drop_artifacts
DELETE FROM artifact
 WHERE artifact IN (SELECT value FROM json_each(:keys)) AND source = 0
   AND NOT EXISTS (SELECT 1 FROM output o WHERE o.artifact = artifact.artifact)
   AND NOT EXISTS (SELECT 1 FROM input i WHERE i.artifact = artifact.artifact)
   AND NOT EXISTS (SELECT 1 FROM flag f WHERE f.artifact = artifact.artifact);

-- name: drop_versions
DELETE FROM version
 WHERE version IN (SELECT value FROM json_each(:keys)) AND version > 0
   AND NOT EXISTS (SELECT 1 FROM output o WHERE o.version = version.version AND o.version > 0)
   AND NOT EXISTS (SELECT 1 FROM input i WHERE i.version = version.version AND i.version <> 0);

-- name: tidy
SELECT 0;
