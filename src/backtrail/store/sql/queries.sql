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
SELECT count(*) FROM (SELECT 1 FROM output WHERE artifact = :artifact LIMIT :limit) AS counted;

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

-- All there is, in pages, for a copy.

-- name: count_runs
SELECT count(*) FROM run;

-- name: run_sizes
SELECT run, length(ins) + length(outs) FROM run WHERE run > :after ORDER BY run LIMIT :limit;

-- name: processes
SELECT w.writer, w.uid, w.host, w.pid, w.started, w.info, w.segment, w."offset", w.lost, e.digest
  FROM writer w LEFT JOIN environment e ON e.environment = w.environment
 WHERE w.writer > :after ORDER BY w.writer LIMIT :limit;

-- name: process
SELECT w.writer, w.uid, w.host, w.pid, w.started, w.info, w.segment, w."offset", w.lost, e.digest
  FROM writer w LEFT JOIN environment e ON e.environment = w.environment
 WHERE w.uid = :uid;

-- name: pipeline_runs
SELECT pipeline, run_id, name, started FROM pipeline
 WHERE pipeline > :after ORDER BY pipeline LIMIT :limit;

-- name: sources
SELECT artifact, name, kind, source, flagged FROM artifact
 WHERE artifact > :after AND source = 1 ORDER BY artifact LIMIT :limit;

-- name: marked
SELECT DISTINCT artifact FROM flag WHERE artifact > :after ORDER BY artifact LIMIT :limit;

-- name: noted
SELECT DISTINCT run_id FROM note WHERE run_id > :after ORDER BY run_id LIMIT :limit;

-- Taking in: what the tables get that are not filled in bulk.

-- name: add_component
INSERT INTO component (name) VALUES (:name) ON CONFLICT DO NOTHING;

-- name: key_of_component
SELECT component FROM component WHERE name = :name;

-- name: said_of_component
SELECT said FROM component WHERE component = :component;

-- name: describe_component
UPDATE component SET said = :said WHERE component = :component;

-- name: add_pipeline
INSERT INTO pipeline (run_id) VALUES (:name) ON CONFLICT DO NOTHING;

-- name: key_of_pipeline
SELECT pipeline FROM pipeline WHERE run_id = :name;

-- name: name_pipeline
UPDATE pipeline SET name = :name, started = CASE WHEN started < :at THEN started ELSE :at END
 WHERE pipeline = :pipeline;

-- name: id_of_pipeline
SELECT run_id FROM pipeline WHERE pipeline = :pipeline;

-- name: add_run_ref
INSERT INTO run_ref (run_id) VALUES (:name) ON CONFLICT DO NOTHING;

-- name: key_of_run_ref
SELECT ref FROM run_ref WHERE run_id = :name;

-- name: id_of_run_ref
SELECT run_id FROM run_ref WHERE ref = :ref;

-- name: add_site
-- It may stand there without its name: a damaged record said it first.
INSERT INTO site (writer, n, component, file, line, function, git)
VALUES (:writer, :n, :component, :file, :line, :function, :git)
    ON CONFLICT (writer, n) DO UPDATE
   SET component = excluded.component, file = coalesce(site.file, excluded.file),
       line = coalesce(site.line, excluded.line),
       function = coalesce(site.function, excluded.function),
       git = coalesce(site.git, excluded.git);

-- name: add_unknown_site
INSERT INTO site (writer, n, component) VALUES (:writer, :n, :component);

-- name: site_of
SELECT site, component FROM site WHERE writer = :writer AND n = :n;

-- name: said_of_site
SELECT s.git, c.name FROM site s JOIN component c ON c.component = s.component
 WHERE s.site = :site;

-- name: learn_code
UPDATE site SET file = coalesce(:file, file), git = coalesce(:git, git), dirty = :dirty,
       code = :code
 WHERE site = :site;

-- name: add_code
INSERT INTO code (digest, source) VALUES (:digest, :source) ON CONFLICT DO NOTHING;

-- name: key_of_code
SELECT code FROM code WHERE digest = :digest;

-- name: declare_source
UPDATE artifact SET source = 1 WHERE artifact = :artifact;

-- name: add_environment
INSERT INTO environment (digest, packages) VALUES (:digest, :packages) ON CONFLICT DO NOTHING;

-- name: set_environment
UPDATE writer SET environment = (SELECT environment FROM environment WHERE digest = :digest)
 WHERE writer = :writer;

-- name: add_flag
INSERT INTO flag (artifact, t, state, note, author) VALUES (:artifact, :at, :state, :note, :by)
    ON CONFLICT DO NOTHING;

-- name: set_flagged
-- The latest mark counts that does not only assign, in whatever order they come; of two at
-- once, `withdrawn`.
UPDATE artifact
   SET flagged = CASE (SELECT state FROM flag WHERE artifact = :artifact AND state <> 'assigned'
                        ORDER BY t DESC, state DESC LIMIT 1) WHEN 'open' THEN 1 ELSE 0 END
 WHERE artifact = :artifact;

-- name: add_note
INSERT INTO note (run_id, t, author, text) VALUES (:run_id, :at, :by, :text)
    ON CONFLICT DO NOTHING;

-- name: next_part
SELECT coalesce(max(part), -1) + 1 FROM run_more WHERE run = :run;

-- name: add_piece
INSERT INTO run_more (run, part, outs) VALUES (:run, :part, :outs);

-- name: add_loss
UPDATE writer SET lost = lost + :lost WHERE writer = :writer;

-- name: move_position
-- Never back: of two folders with files of one writer, two leaders drain at once.
UPDATE writer SET segment = :segment, "offset" = :offset
 WHERE writer = :writer AND (segment, "offset") < (:segment, :offset);

-- name: end_killed
UPDATE run SET status = :killed
 WHERE status = 0 AND run BETWEEN :low AND :high AND run_id IS NULL;

-- Pruning.

-- name: pruned
SELECT at, before FROM pruned ORDER BY at;

-- name: pruned_steps
SELECT CAST(coalesce(sum(steps), 0) AS bigint) FROM pruned;

-- name: begin_pruning
INSERT INTO pruned (at, before, steps) VALUES (:at, :before, 0);

-- name: count_step
UPDATE pruned SET steps = steps + 1 WHERE at = :at;

-- name: old_runs
SELECT run FROM run
 WHERE run > :after AND started < :before AND status <> 0 AND coalesce(ended, started) < :before
 ORDER BY run LIMIT :limit;

-- name: runs_across
-- Of runs that are not old: those that may have done something before.
SELECT run FROM run WHERE started < :before AND (status = 0 OR ended >= :before);

-- name: early_runs
-- An imported run may say that it read or wrote something before it started.
SELECT i.run FROM input i JOIN run r ON r.run = i.run
 WHERE i.t < :before AND r.started >= :before
 UNION
SELECT o.run FROM output o JOIN run r ON r.run = o.run
 WHERE o.t < :before AND r.started >= :before;

-- name: named_by_others
-- What runs that are not old say themselves of who made what they read.
SELECT DISTINCT n.producer FROM named_input n JOIN run r ON r.run = n.run
 WHERE r.status = 0 OR r.started >= :before OR r.ended >= :before;

-- name: strip_run
UPDATE run SET params = NULL, error = :error, outs = :outs WHERE run = :run;

-- name: strip_piece
UPDATE run_more SET outs = :outs WHERE run = :run AND part = :part;

-- name: adopt
UPDATE run SET parent = -CAST(:ref AS bigint) WHERE parent = :parent;

-- name: tokens
SELECT id, name, scope, digest, created, expires, revoked FROM token ORDER BY created, id;

-- name: add_token
INSERT INTO token (id, name, scope, digest, created, expires, revoked)
VALUES (:id, :name, :scope, :digest, :created, :expires, :revoked);

-- name: revoke_token
UPDATE token SET revoked = :at WHERE id = :id AND revoked IS NULL;

-- name: add_audit
INSERT INTO audit (at, who, action, about) VALUES (:at, :who, :action, :about)
ON CONFLICT DO NOTHING;

-- name: audit
SELECT at, who, action, about FROM audit ORDER BY at DESC, who, action, about LIMIT :limit;
