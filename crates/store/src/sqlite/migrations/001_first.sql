-- Version 1: the first form.
--
-- Times are microseconds since 1970, money is millionths of a US dollar, states and kinds are positions in the `ALL`
-- arrays of the domain, hashes are blobs. There are no foreign keys: rows are only ever deleted with their whole job.
--
-- Rules that the statements rely on:
-- * Tasks are taken and paged in the order of `position`, which only the index (job, state, position) can deliver;
--   ordering by `id` would walk over every finished task.
-- * Nothing counts rows. Triggers keep job_count and job_failure in the transaction of the change.
-- * Rows that change with every call are small; what is large and seldom read (definitions, raw texts) lies apart.
-- * The newest event is never deleted, so `seq` never goes back.

CREATE TABLE job (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    state        INTEGER NOT NULL,
    reason       TEXT,
    priority     INTEGER NOT NULL,
    profile      TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    generation   INTEGER NOT NULL,           -- grows with each submission
    plan_length  INTEGER NOT NULL DEFAULT 0, -- tasks of this submission so far; the next position
    plan_added   INTEGER NOT NULL DEFAULT 0, -- of these, new ones
    budget       INTEGER,
    spent        INTEGER NOT NULL DEFAULT 0,
    reserved     INTEGER NOT NULL DEFAULT 0,
    pictures     INTEGER NOT NULL DEFAULT 0, -- assets that are not superseded
    created_us   INTEGER NOT NULL,
    finished_us  INTEGER
);

CREATE TABLE job_definition (
    job        INTEGER PRIMARY KEY,
    definition TEXT NOT NULL
);

CREATE TABLE job_count (
    job   INTEGER NOT NULL,
    state INTEGER NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (job, state)
) WITHOUT ROWID;

CREATE TABLE job_failure (
    job          INTEGER NOT NULL,
    failure_kind INTEGER NOT NULL,
    state        INTEGER NOT NULL,
    n            INTEGER NOT NULL,
    PRIMARY KEY (job, failure_kind, state)
) WITHOUT ROWID;

CREATE TABLE task (
    id            INTEGER PRIMARY KEY,
    job           INTEGER NOT NULL,
    key           BLOB    NOT NULL,
    position      INTEGER NOT NULL,
    state         INTEGER NOT NULL,
    attempt       INTEGER NOT NULL DEFAULT 0, -- part of the fencing token: never goes back
    tries         INTEGER NOT NULL DEFAULT 0, -- tries of this round that count
    round         INTEGER NOT NULL DEFAULT 0, -- part of the journal's key: grows when a person asks again
    generation    INTEGER NOT NULL,           -- the last submission that had it
    drop_old      INTEGER NOT NULL DEFAULT 0, -- 1: a result of this round hides those of earlier ones
    owner         INTEGER,                    -- set while running
    not_before_us INTEGER,                    -- set while waiting
    started_us    INTEGER,
    ended_us      INTEGER,
    failure_kind  INTEGER,
    failure       TEXT,
    spec          TEXT    NOT NULL
);

CREATE UNIQUE INDEX task_key ON task (job, key);
CREATE INDEX task_turn ON task (job, state, position);
CREATE INDEX task_owner ON task (owner) WHERE owner IS NOT NULL;
CREATE INDEX task_due ON task (not_before_us) WHERE not_before_us IS NOT NULL;
CREATE INDEX task_failure ON task (job, failure_kind, state, position) WHERE failure_kind IS NOT NULL;

CREATE TRIGGER task_added AFTER INSERT ON task BEGIN
    UPDATE job_count SET n = n + 1 WHERE job = NEW.job AND state = NEW.state;
END;

CREATE TRIGGER task_moved AFTER UPDATE OF state ON task WHEN OLD.state <> NEW.state BEGIN
    UPDATE job_count SET n = n - 1 WHERE job = OLD.job AND state = OLD.state;
    UPDATE job_count SET n = n + 1 WHERE job = NEW.job AND state = NEW.state;
END;

CREATE TRIGGER task_failed AFTER UPDATE OF state, failure_kind ON task
WHEN OLD.failure_kind IS NOT NULL OR NEW.failure_kind IS NOT NULL BEGIN
    UPDATE job_failure SET n = n - 1
    WHERE job = OLD.job AND failure_kind = OLD.failure_kind AND state = OLD.state;
    INSERT INTO job_failure (job, failure_kind, state, n)
    SELECT NEW.job, NEW.failure_kind, NEW.state, 1 WHERE NEW.failure_kind IS NOT NULL
    ON CONFLICT (job, failure_kind, state) DO UPDATE SET n = n + 1;
END;

CREATE TABLE call (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- names spool files, so it is never used twice
    task            INTEGER NOT NULL,
    job             INTEGER NOT NULL,
    attempt         INTEGER NOT NULL,
    round           INTEGER NOT NULL,
    state           INTEGER NOT NULL,
    ceiling         INTEGER,
    counted         INTEGER NOT NULL,  -- its part of job.reserved while open or unknown, of job.spent once ended
    cost            INTEGER,
    http_status     INTEGER,
    sent_us         INTEGER NOT NULL,
    ended_us        INTEGER,
    request_hash    BLOB    NOT NULL,
    step            TEXT    NOT NULL,
    profile         TEXT    NOT NULL,
    model           TEXT    NOT NULL,
    idempotency_key TEXT,
    remote_id       TEXT,
    usage           TEXT,
    failure         TEXT
);

CREATE INDEX call_task ON call (task);
CREATE INDEX call_unknown ON call (state) WHERE state = 6;

-- Raw texts, compressed (raw deflate).
CREATE TABLE call_request (
    call INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
CREATE TABLE call_response (
    call INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

CREATE TABLE asset (
    id         INTEGER PRIMARY KEY,
    task       INTEGER NOT NULL,
    call       INTEGER NOT NULL,
    picture    INTEGER NOT NULL, -- position among the task's pictures, from 1
    superseded INTEGER NOT NULL DEFAULT 0,
    format     INTEGER NOT NULL,
    width      INTEGER NOT NULL,
    height     INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    findings   INTEGER NOT NULL,
    delivery   INTEGER NOT NULL,
    phash      INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    blake3     BLOB    NOT NULL,
    sha256     BLOB    NOT NULL,
    parents    BLOB,             -- hashes of 32 bytes one after the other
    prepared   TEXT
);

CREATE INDEX asset_task ON asset (task);
CREATE INDEX asset_blake3 ON asset (blake3);

CREATE TABLE review (
    asset    INTEGER NOT NULL,
    reviewer TEXT    NOT NULL,
    verdict  INTEGER NOT NULL,
    rating   INTEGER NOT NULL,
    note     TEXT    NOT NULL,
    at_us    INTEGER NOT NULL,
    PRIMARY KEY (asset, reviewer)
) WITHOUT ROWID;

-- A task's change fills the columns (there is one for each finished task); any other event is JSON in `body`.
CREATE TABLE event (
    seq           INTEGER PRIMARY KEY,
    at_us         INTEGER NOT NULL,
    job           INTEGER,
    task          INTEGER,
    state         INTEGER,
    pictures      INTEGER,
    cost          INTEGER,
    failure_kind  INTEGER,
    not_before_us INTEGER,
    body          TEXT
);

CREATE TABLE owner (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    host     TEXT    NOT NULL,
    pid      INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL
);

CREATE TABLE profile_state (
    name     TEXT PRIMARY KEY,
    kind     INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    until_us INTEGER,
    since_us INTEGER NOT NULL
) WITHOUT ROWID;
