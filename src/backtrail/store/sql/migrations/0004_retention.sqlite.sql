-- What was pruned, and when: nothing that is still needed is gone, but payloads are.
CREATE TABLE pruned (
  at     INTEGER PRIMARY KEY,
  before INTEGER NOT NULL,                       -- runs that ended before were looked at
  steps  INTEGER NOT NULL                        -- times that names were taken away: what is remembered of names is void
);
