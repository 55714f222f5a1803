-- What was pruned, and when: nothing that is still needed is gone, but payloads are.
CREATE TABLE pruned (
  at     bigint PRIMARY KEY,
  before bigint NOT NULL,                          -- runs that ended before were looked at
  steps  bigint NOT NULL                           -- times that names were taken away: what is remembered of names is void
);

-- Takes partitions away that lie before a moment and hold nothing any more; gives how many.
CREATE FUNCTION drop_empty_partitions(moment bigint) RETURNS integer
LANGUAGE plpgsql SET search_path = backtrail, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
  child record;
  is_empty boolean;
  dropped integer := 0;
BEGIN
  -- As whoever adds one does: none is made meanwhile.
  PERFORM pg_advisory_xact_lock(hashtext('backtrail'), 2);
  FOR child IN
    SELECT c.oid::regclass AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent IN ('input'::regclass, 'output'::regclass)
       AND c.relname ~ '_\d{4}_\d\d$'
       AND in_us(to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') <= moment
  LOOP
    EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM %s)', child.name) INTO is_empty;
    CONTINUE WHEN NOT is_empty;
    BEGIN
      EXECUTE format('DROP TABLE %s', child.name);
      dropped := dropped + 1;
    EXCEPTION WHEN lock_not_available THEN
      -- Somebody reads at length: those who come after are not to wait for it. Next time.
    END;
  END LOOP;
  RETURN dropped;
END $$;

REVOKE EXECUTE ON FUNCTION drop_empty_partitions(bigint) FROM PUBLIC;
