-- The latest mark counts that does not only assign, in whatever order they come; of two at
-- once, `withdrawn`.
CREATE OR REPLACE FUNCTION set_flagged(its_key bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = backtrail, pg_temp AS $$
  UPDATE artifact
     SET flagged = CASE (SELECT f.state FROM flag f
                          WHERE f.artifact = its_key AND f.state <> 'assigned'
                          ORDER BY f.t DESC, f.state DESC LIMIT 1) WHEN 'open' THEN 1 ELSE 0 END
   WHERE artifact = its_key
$$;
