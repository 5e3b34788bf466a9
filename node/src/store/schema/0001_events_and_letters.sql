-- What happened, in order; the only state of agreements, jobs and the audit. Never changed.
CREATE TABLE events (
    sequence BIGINT NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,           -- milliseconds since 1970 by this node's clock
    author   TEXT   NOT NULL,           -- the key or the person it comes from
    number   BIGINT,                    -- the author's own number, for signed events
    kind     TEXT   NOT NULL,
    subject  TEXT   NOT NULL,           -- what it is about, such as a job's id
    bytes    {bytes} NOT NULL,
    UNIQUE (author, number)
);
CREATE INDEX events_by_kind ON events (kind, sequence);
CREATE INDEX events_by_subject ON events (subject, sequence);

-- What partners have to be told, numbered from 1 for each.
CREATE TABLE letters_out (
    peer   TEXT   NOT NULL,
    number BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    bytes  {bytes} NOT NULL,
    state  TEXT   NOT NULL CHECK (state IN ('queued', 'acknowledged')),
    PRIMARY KEY (peer, number)
);

-- The last letter that was taken from each partner; its events stand in `events`.
CREATE TABLE letters_in (
    peer        TEXT   NOT NULL PRIMARY KEY,
    last_number BIGINT NOT NULL
);

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
