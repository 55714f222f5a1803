-- Named statements in PostgreSQL's words. A list is an array, probes are six of them.
-- LATERAL and OFFSET 0 pin the order of the tables: one index probe for each row asked for.

-- name: newest_writes
-- For each probe [n, artifact, version, t, reader, read_version] the newest write of
-- the artifact at or before t, or all that tie for it. A run's own write counts for
-- its own read only if it came strictly before, and may be what it read.
SELECT p.n, o.t, o.run, o.version
  FROM :probes AS p (n, artifact, version, t, reader, read_version)
 CROSS JOIN LATERAL (
       SELECT i.t, i.run, i.version FROM output i
        WHERE i.artifact = p.artifact AND i.t <= p.t
          AND (i.run <> p.reader
               OR (i.t < p.t AND (p.read_version = 0 OR i.version IN (0, p.read_version))))
        ORDER BY i.t DESC FETCH FIRST 1 ROW WITH TIES) o;

-- name: newest_writes_of_version
SELECT p.n, o.t, o.run, o.version
  FROM :probes AS p (n, artifact, version, t, reader, read_version)
 CROSS JOIN LATERAL (
       SELECT i.t, i.run, i.version FROM output i
        WHERE i.artifact = p.artifact AND i.version = p.version AND i.version <> 0 AND i.t <= p.t
          AND (i.run <> p.reader OR i.t < p.t)
        ORDER BY i.t DESC FETCH FIRST 1 ROW WITH TIES) o;

-- name: newest_writes_of_content
SELECT p.n, o.t, o.run, o.version
  FROM :probes AS p (n, artifact, version, t, reader, read_version)
 CROSS JOIN LATERAL (
       SELECT i.t, i.run, i.version FROM output i
        WHERE i.version = p.version AND i.version > 0 AND i.t <= p.t
          AND (i.run <> p.reader OR i.t < p.t)
        ORDER BY i.t DESC FETCH FIRST 1 ROW WITH TIES) o;

-- name: fresher_writes
-- For each probe [n, artifact, after, t, producer, reader] the newest write at or before t,
-- or all that tie for it, where that is not the producer's write at `after`: mostly none.
SELECT p.n, o.t, o.run, o.version
  FROM :probes AS p (n, artifact, after, t, producer, reader)
 CROSS JOIN LATERAL (
       SELECT i.t FROM output i
        WHERE i.artifact = p.artifact AND i.t BETWEEN p.after AND p.t
          AND i.run <> p.reader AND (i.t > p.after OR i.run <> p.producer)
        ORDER BY i.t DESC LIMIT 1) newest
 CROSS JOIN LATERAL (
       SELECT i.t, i.run, i.version FROM output i
        WHERE i.artifact = p.artifact AND i.t = newest.t AND i.run <> p.reader OFFSET 0) o;

-- name: runs
SELECT r.run, r.component, r.site, r.pipeline, r.parent, r.started, r.ended, r.status,
       r.params, r.error, r.run_id, r.host, r.ins, r.outs, r.outs_more
  FROM unnest(:keys::bigint[]) AS k (run)
 CROSS JOIN LATERAL (SELECT * FROM run r WHERE r.run = k.run OFFSET 0) r;

-- name: run_named
SELECT run FROM named_run WHERE run_id = :run_id;

-- name: run_ids
-- What a public id is made of, for runs that tie.
SELECT r.run, r.started, r.run_id
  FROM unnest(:keys::bigint[]) AS k (run)
 CROSS JOIN LATERAL (SELECT * FROM run r WHERE r.run = k.run OFFSET 0) r;

-- name: more_outputs
-- Pieces after one, in order: all, or with :artifact those that may hold a write of it.
SELECT part, outs FROM run_more
 WHERE run = :run AND part > :after
   AND (:artifact::bigint IS NULL OR strpos(outs, '[' || :artifact::bigint::text || ',') > 0)
 ORDER BY part LIMIT :limit;

-- name: called
SELECT r.parent, r.run, r.started, r.ended
  FROM unnest(:parents::bigint[]) AS k (parent)
 CROSS JOIN LATERAL (SELECT * FROM run r WHERE r.parent = k.parent OFFSET 0) r;

-- name: run_refs
SELECT ref, run_id FROM run_ref WHERE run_id = ANY (:ids::text[]);

-- name: run_refs_by_key
SELECT ref, run_id FROM run_ref WHERE ref = ANY (:keys::bigint[]);

-- name: named_runs_with_prefix
SELECT run_id, run FROM named_run
 WHERE run_id >= :low AND run_id < :high ORDER BY run_id LIMIT :limit;

-- name: components_of
SELECT component, name, said FROM component WHERE component = ANY (:keys::bigint[]);

-- name: artifacts
SELECT artifact, name, kind, source, flagged FROM artifact WHERE artifact = ANY (:keys::bigint[]);

-- name: artifacts_named
SELECT artifact, name, kind, source, flagged FROM artifact WHERE name = ANY (:names::text[]);

-- name: versions
SELECT version, word FROM version WHERE version = ANY (:keys::bigint[]);

-- name: sites
SELECT s.site, s.file, s.line, s.function, s.git, s.dirty, c.digest
  FROM unnest(:keys::bigint[]) AS k (site) JOIN site s ON s.site = k.site
  LEFT JOIN code c ON c.code = s.code;

-- name: pipelines
SELECT pipeline, run_id FROM pipeline WHERE pipeline = ANY (:keys::bigint[]);

-- name: aftermaths
-- For each write [n, artifact, version, t, since, -] of which there may be readers from
-- `since` on: the next write of the artifact (of several at one moment, a row each), when
-- its version and its content were written next, and who had written it before `since`. A
-- content that was read often is looked for under names to either side of its own: <>
-- would go through every read.
SELECT p.n, o.t, o.run, o.version,
       (SELECT i.t FROM output i
         WHERE i.artifact = p.artifact AND i.version = p.version AND i.version <> 0 AND i.t > p.t
         ORDER BY i.t LIMIT 1),
       (SELECT i.t FROM output i
         WHERE i.version = p.version AND i.version > 0 AND i.t > p.t
         ORDER BY i.t LIMIT 1),
       (SELECT i.run FROM output i
         WHERE i.artifact = p.artifact AND i.t <= p.since
         ORDER BY i.t DESC, i.run DESC LIMIT 1)
  FROM :probes AS p (n, artifact, version, t, since, unused)
  LEFT JOIN LATERAL (
       SELECT i.t, i.run, i.version FROM output i
        WHERE i.artifact = p.artifact AND i.t > p.t
        ORDER BY i.t FETCH FIRST 1 ROW WITH TIES) o ON true
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
  SELECT k.version, (SELECT i.artifact FROM input i
                      WHERE i.version = k.version AND i.version <> 0
                      ORDER BY i.artifact LIMIT 1)
    FROM unnest(:versions::bigint[]) AS k (version)
   UNION ALL
  SELECT n.version, (SELECT i.artifact FROM input i
                      WHERE i.version = n.version AND i.version <> 0 AND i.artifact > n.artifact
                      ORDER BY i.artifact LIMIT 1)
    FROM named n WHERE n.artifact IS NOT NULL
)
SELECT version, artifact FROM named WHERE artifact IS NOT NULL;

-- name: reads_in
-- Spans [n, artifact, version, after_t, after_run, until], one after the other: within one
-- the index gives the order, so the limit stops early.
SELECT p.n, i.t, i.run
  FROM (SELECT (value->>0)::bigint AS n, (value->>1)::bigint AS artifact,
               (value->>3)::bigint AS after_t, (value->>4)::bigint AS after_run,
               (value->>5)::bigint AS until
          FROM jsonb_array_elements(:spans::jsonb) OFFSET 0) p
 CROSS JOIN LATERAL (
       SELECT i.t, i.run FROM input i
        WHERE i.artifact = p.artifact AND (i.t, i.run) > (p.after_t, p.after_run)
          AND i.t BETWEEN p.after_t AND p.until
        ORDER BY i.t, i.run) i
 LIMIT :limit;

-- name: reads_in_of_versions
SELECT p.n, i.t, i.run
  FROM (SELECT (value->>0)::bigint AS n, (value->>1)::bigint AS artifact,
               (value->>2)::bigint AS version, (value->>3)::bigint AS after_t,
               (value->>4)::bigint AS after_run, (value->>5)::bigint AS until
          FROM jsonb_array_elements(:spans::jsonb) OFFSET 0) p
 CROSS JOIN LATERAL (
       SELECT i.t, i.run FROM input i
        WHERE i.version = p.version AND i.version <> 0 AND i.artifact = p.artifact
          AND (i.t, i.run) > (p.after_t, p.after_run) AND i.t BETWEEN p.after_t AND p.until
        ORDER BY i.t, i.run) i
 LIMIT :limit;

-- name: readers_naming
-- Producers [n, producer, after]: readers of each with a greater key, in order.
SELECT p.n, i.run
  FROM (SELECT (value->>0)::bigint AS n, (value->>1)::bigint AS producer,
               (value->>2)::bigint AS after
          FROM jsonb_array_elements(:producers::jsonb) OFFSET 0) p
 CROSS JOIN LATERAL (
       SELECT i.run FROM named_input i
        WHERE i.producer = p.producer AND i.run > p.after ORDER BY i.run) i
 LIMIT :limit;

-- name: runs_at_sites
SELECT started, run FROM run
 WHERE component = :component AND (started, run) < (:before_t, :before_run) AND started >= :since
   AND site = ANY (:sites::bigint[])
 ORDER BY started DESC, run DESC LIMIT :limit;

-- name: flags
SELECT artifact, t, state, note, author FROM flag
 WHERE artifact = ANY (:artifacts::bigint[])
 ORDER BY t DESC, state DESC, note DESC, author DESC;

-- name: notes
SELECT run_id, t, author, text FROM note
 WHERE run_id = ANY (:run_ids::text[])
 ORDER BY t, author, text;

-- name: environments
SELECT w.writer, e.digest, w.info::json->>'python'
  FROM unnest(:writers::bigint[]) AS k (writer) JOIN writer w ON w.writer = k.writer
  LEFT JOIN environment e ON e.environment = w.environment;

-- name: writes_by
-- Of those asked for, [[artifact, t], ...], the writes that a run is known to have made.
SELECT o.artifact, o.version, o.t
  FROM (SELECT (value->>0)::bigint AS artifact, (value->>1)::bigint AS t
          FROM jsonb_array_elements(:writes::jsonb) OFFSET 0) k
 CROSS JOIN LATERAL (
       SELECT * FROM output o
        WHERE o.artifact = k.artifact AND o.t = k.t AND o.run = :run OFFSET 0) o;

-- name: functions
SELECT s.site, s.writer, s.n, c.name, s.file, s.line, s.function, s.git, s.dirty, t.digest
  FROM unnest(:keys::bigint[]) AS k (site) JOIN site s ON s.site = k.site
  JOIN component c ON c.component = s.component LEFT JOIN code t ON t.code = s.code;

-- name: functions_of
SELECT s.site, s.writer, s.n, c.name, s.file, s.line, s.function, s.git, s.dirty, t.digest
  FROM unnest(:writers::bigint[]) AS k (writer) JOIN site s ON s.writer = k.writer
  JOIN component c ON c.component = s.component LEFT JOIN code t ON t.code = s.code
 ORDER BY s.writer, s.n;

-- name: pipelines_named
SELECT pipeline, run_id, name, started FROM pipeline WHERE run_id = ANY (:ids::text[]);

-- What changes a row is a function of the owner's: see the first migration.

-- name: said_of_component
SELECT said_of_component(:component);

-- name: describe_component
SELECT describe_component(:component, :said);

-- name: name_pipeline
SELECT name_pipeline(:pipeline, :name, :at);

-- name: add_site
WITH added AS (
  INSERT INTO site (writer, n, component, file, line, function, git)
  VALUES (:writer, :n, :component, :file, :line, :function, :git)
      ON CONFLICT DO NOTHING RETURNING site
)
SELECT complete_site(:writer, :n, :component, :file, :line, :function, :git)
 WHERE NOT EXISTS (SELECT 1 FROM added);

-- name: learn_code
SELECT learn_code(:site, :file, :git, :dirty, :code);

-- name: declare_source
SELECT declare_source(:artifact);

-- name: set_environment
SELECT set_environment(:writer, :digest);

-- name: set_flagged
SELECT set_flagged(:artifact);

-- name: add_loss
SELECT move_position(:writer, 0, 0, :lost);

-- name: move_position
SELECT move_position(:writer, :segment, :offset, 0);

-- name: end_killed
SELECT end_killed(:low, :high, :killed);

-- name: needed_writes
-- Of old writes [run, artifact, t, version] the runs of those that stay: of everything that
-- is neither an output id nor a value in memory (that it was written is never forgotten), of
-- what is flagged or was read since, and the newest of a value.
SELECT DISTINCT k.run
  FROM (SELECT (value->>0)::bigint AS run, (value->>1)::bigint AS artifact,
               (value->>2)::bigint AS t, (value->>3)::bigint AS version
          FROM jsonb_array_elements(:writes::jsonb) OFFSET 0) k
  JOIN artifact a ON a.artifact = k.artifact
 WHERE a.flagged = 1 OR a.kind NOT IN (1, 4)
    OR EXISTS (SELECT 1 FROM input i WHERE i.artifact = k.artifact AND i.t >= :before)
    OR (a.kind = 1
        AND NOT EXISTS (SELECT 1 FROM output n WHERE n.artifact = k.artifact AND n.t > k.t))
    OR (k.version <> 0
        AND EXISTS (SELECT 1 FROM input i
                     WHERE i.version = k.version AND i.version <> 0 AND i.t >= :before
                       AND (k.version > 0 OR i.artifact = k.artifact)));

-- name: drop_outputs
DELETE FROM output o
 USING (SELECT (value->>0)::bigint AS artifact, (value->>1)::bigint AS t,
               (value->>2)::bigint AS run, (value->>3)::bigint AS version
          FROM jsonb_array_elements(:rows::jsonb) OFFSET 0) k
 WHERE o.artifact = k.artifact AND o.t = k.t AND o.run = k.run AND o.version = k.version;

-- name: drop_inputs
DELETE FROM input i
 USING (SELECT (value->>0)::bigint AS artifact, (value->>1)::bigint AS t,
               (value->>2)::bigint AS run, (value->>3)::bigint AS version
          FROM jsonb_array_elements(:rows::jsonb) OFFSET 0) k
 WHERE i.artifact = k.artifact AND i.t = k.t AND i.run = k.run AND i.version = k.version;

-- name: drop_named_inputs
DELETE FROM named_input n
 USING (SELECT (value->>0)::bigint AS producer, (value->>1)::bigint AS run
          FROM jsonb_array_elements(:rows::jsonb) OFFSET 0) k
 WHERE n.producer = k.producer AND n.run = k.run;

-- name: drop_pieces
DELETE FROM run_more WHERE run = ANY (:keys::bigint[]);

-- name: drop_runs
WITH named AS (
  DELETE FROM named_run n USING run r
   WHERE r.run = ANY (:keys::bigint[]) AND r.run_id IS NOT NULL AND n.run_id = r.run_id
)
DELETE FROM run WHERE run = ANY (:keys::bigint[]);

-- name: called_by_dropped
SELECT DISTINCT r.parent
  FROM unnest(:keys::bigint[]) AS k (run)
 CROSS JOIN LATERAL (SELECT parent FROM run r WHERE r.parent = k.run OFFSET 0) r;

-- name: drop_artifacts
DELETE FROM artifact a
 WHERE a.artifact = ANY (:keys::bigint[]) AND a.source = 0
   AND NOT EXISTS (SELECT 1 FROM output o WHERE o.artifact = a.artifact)
   AND NOT EXISTS (SELECT 1 FROM input i WHERE i.artifact = a.artifact)
   AND NOT EXISTS (SELECT 1 FROM flag f WHERE f.artifact = a.artifact);

-- name: drop_versions
DELETE FROM version v
 WHERE v.version = ANY (:keys::bigint[]) AND v.version > 0
   AND NOT EXISTS (SELECT 1 FROM output o WHERE o.version = v.version AND o.version > 0)
   AND NOT EXISTS (SELECT 1 FROM input i WHERE i.version = v.version AND i.version <> 0);

-- name: tidy
SELECT drop_empty_partitions(:before);
