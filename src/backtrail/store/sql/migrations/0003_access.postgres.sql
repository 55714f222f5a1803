-- Who may use a server over this database, and what was done through it.
CREATE TABLE token (
  id      text COLLATE "C" PRIMARY KEY,            -- the part of the token that is no secret
  name    text COLLATE "C" NOT NULL,
  scope   text COLLATE "C" NOT NULL,               -- read, write or admin
  digest  bytea NOT NULL,                          -- SHA-256 of the whole token
  created bigint NOT NULL,
  expires bigint,
  revoked bigint
);

CREATE TABLE audit (
  at     bigint NOT NULL,
  who    text COLLATE "C" NOT NULL,                -- the name of the token, or of the user
  action text COLLATE "C" NOT NULL,
  about  text COLLATE "C" NOT NULL,
  PRIMARY KEY (at, who, action, about)
);
