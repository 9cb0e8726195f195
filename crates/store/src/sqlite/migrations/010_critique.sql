-- Critiques: what a task ended with in words, and the pictures of collections.
--
-- `document` is JSON; a task that is done again has the newest one only.
CREATE TABLE document (
    task       INTEGER PRIMARY KEY,
    body       TEXT    NOT NULL,
    created_us INTEGER NOT NULL
);

-- A picture of a collection, known by its bytes. Without a batch it waits. What becomes of it in its batch is told by the task
-- of the batch's job, never here; `accepted` is a row that came from elsewhere and needs no task.
CREATE TABLE collection_item (
    id         INTEGER PRIMARY KEY,        -- the order in which pictures were taken in
    collection TEXT    NOT NULL,
    picture    BLOB    NOT NULL,           -- BLAKE3
    path       TEXT    NOT NULL,           -- as it can be opened
    name       TEXT    NOT NULL,           -- as the collection's files name it
    columns    TEXT    NOT NULL,           -- what else its row said, JSON
    batch      INTEGER,
    accepted   TEXT,                       -- JSON
    merged     INTEGER NOT NULL DEFAULT 0  -- number of the merge that has it
);
CREATE UNIQUE INDEX collection_picture ON collection_item (collection, picture);
CREATE INDEX collection_waiting ON collection_item (collection, id) WHERE batch IS NULL AND accepted IS NULL;
CREATE INDEX collection_batch_items ON collection_item (collection, batch) WHERE batch IS NOT NULL;

-- A batch is a job. Numbers grow and are never given twice; without a job it was taken and not submitted yet.
CREATE TABLE collection_batch (
    collection TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    job        TEXT    NOT NULL,           -- the job's name
    created_us INTEGER NOT NULL,
    PRIMARY KEY (collection, number)
) WITHOUT ROWID;
