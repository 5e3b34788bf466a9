CREATE TABLE people (
    id              TEXT   NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL UNIQUE,
    roles           TEXT   NOT NULL,    -- words with blanks between them
    password        TEXT   NOT NULL,    -- Argon2id
    password_until  BIGINT,             -- a one-time password ends then; no end for one's own
    is_active       BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);

CREATE TABLE tokens (
    id          TEXT   NOT NULL PRIMARY KEY,
    person      TEXT   NOT NULL REFERENCES people (id),
    name        TEXT   NOT NULL,
    secret_hash TEXT   NOT NULL UNIQUE,
    roles       TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    revoked_at  BIGINT
);

CREATE TABLE sessions (
    secret_hash TEXT   NOT NULL PRIMARY KEY,
    person      TEXT   NOT NULL REFERENCES people (id),
    csrf        TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    seen_at     BIGINT NOT NULL
);
CREATE INDEX sessions_by_person ON sessions (person);
