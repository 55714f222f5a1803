-- Named statements that every database takes as they stand. A parameter is :name.

-- name: next_writes
-- Writes just after a read, for clocks that differ between machines.
SELECT t, run, version FROM output
 WHERE artifact = :artifact AND (t, run) > (:after_t, :after_run) AND t <= :until
 ORDER BY t, run LIMIT :limit;

-- name: writes_of_artifact
-- Newest first, paged by (t, run).
SELECT t, run, version FROM output
 WHERE artifact = :artifact AND (t, run) < (:before_t, :before_run)
 ORDER BY t DESC, run DESC LIMIT :limit;

-- name: writes_of_content
SELECT t, run, version FROM output
 WHERE version = :version AND version > 0 AND (t, run) < (:before_t, :before_run)
 ORDER BY t DESC, run DESC LIMIT :limit;

-- name: count_writes
SELECT count(*) FROM (SELECT 1 FROM output WHERE artifact = :artifact LIMIT :limit);

-- name: run_named
SELECT run FROM run WHERE run_id = :run_id;

-- name: has_calls
SELECT EXISTS (SELECT 1 FROM run WHERE parent IS NOT NULL);

-- name: named_runs_with_prefix
SELECT run_id, run FROM run WHERE run_id >= :low AND run_id < :high ORDER BY run_id LIMIT :limit;

-- name: runs_started_between
-- Those whose id is computed from their start.
SELECT run, started FROM run
 WHERE started >= :low AND started <= :high AND run_id IS NULL
 ORDER BY started, run LIMIT :limit;

-- name: recent_runs
SELECT run FROM run WHERE (started, run) < (:before_t, :before_run)
 ORDER BY started DESC, run DESC LIMIT :limit;

-- name: runs_of_component
SELECT run FROM run
 WHERE component = :component AND (started, run) < (:before_t, :before_run) AND started >= :since
 ORDER BY started DESC, run DESC LIMIT :limit;

-- name: writer
SELECT writer, short, host, pid FROM writer WHERE writer = :writer;

-- name: writers_of_short
SELECT writer FROM writer WHERE short = :short;

-- name: components
SELECT component, name, said FROM component;

-- name: component_named
SELECT component, name, said FROM component WHERE name = :name;

-- name: last_run_of_component
SELECT started FROM run WHERE component = :component ORDER BY started DESC LIMIT 1;

-- name: artifacts_with_prefix
SELECT artifact, name, kind, source, flagged FROM artifact
 WHERE name >= :low AND name < :high ORDER BY name LIMIT :limit;

-- name: artifacts_of_kind_with_prefix
SELECT artifact, name, kind, source, flagged FROM artifact
 WHERE name >= :low AND name < :high AND kind = :kind ORDER BY name LIMIT :limit;

-- name: artifacts_containing
SELECT artifact, name, kind, source, flagged FROM artifact
 WHERE name LIKE :pattern ESCAPE '\' ORDER BY artifact DESC LIMIT :limit;

-- name: artifacts_of_kind
-- The ones that appeared last.
SELECT artifact, name, kind, source, flagged FROM artifact
 WHERE kind = :kind ORDER BY artifact DESC LIMIT :limit;

-- name: version_of_word
SELECT version FROM version WHERE word = :word;

-- name: words_between
SELECT word FROM version WHERE word >= :low AND word <= :high ORDER BY word LIMIT :limit;

-- name: source_text
SELECT c.source FROM site s JOIN code c ON c.code = s.code WHERE s.site = :site;

-- name: has_named
SELECT EXISTS (SELECT 1 FROM named_input WHERE producer < 0);

-- name: sites_of
-- Sites by commit or by source digest; the two cannot be taken for one another.
SELECT site, component FROM site WHERE git >= :low AND git <= :high
 UNION
SELECT s.site, s.component FROM code c JOIN site s ON s.code = c.code
 WHERE c.digest >= :low AND c.digest <= :high;

-- name: flagged
SELECT artifact, name, kind, source, flagged FROM artifact
 WHERE flagged = 1 AND artifact > :after ORDER BY artifact LIMIT :limit;

-- name: any_notes
SELECT EXISTS (SELECT 1 FROM note);

-- name: packages
SELECT e.digest, e.packages FROM writer w JOIN environment e ON e.environment = w.environment
 WHERE w.writer = :writer;
