-- Who may use a server over this database, and what was done through it.
CREATE TABLE token (
  id      TEXT PRIMARY KEY,                      -- the part of the token that is no secret
  name    TEXT NOT NULL,
  scope   TEXT NOT NULL,                         -- read, write or admin
  digest  BLOB NOT NULL,                         -- SHA-256 of the whole token
  created INTEGER NOT NULL,
  expires INTEGER,
  revoked INTEGER
) WITHOUT ROWID;

CREATE TABLE audit (
  at     INTEGER NOT NULL,
  who    TEXT NOT NULL,                          -- the name of the token, or of the user
  action TEXT NOT NULL,
  about  TEXT NOT NULL,
  PRIMARY KEY (at, who, action, about)
) WITHOUT ROWID;
