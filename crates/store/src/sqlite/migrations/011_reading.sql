-- What becomes of critiques once they are written: people read and edit them, and a judge looks at some a second time.
--
-- A row is found by its collection and picture. `base` and `version` name the text that was meant, so that what was said of one text
-- never counts for another.

-- One person's change of one row; none is ever changed or removed.
CREATE TABLE critique_edit (
    id         INTEGER PRIMARY KEY,
    collection TEXT    NOT NULL,
    picture    BLOB    NOT NULL,           -- BLAKE3
    base       TEXT    NOT NULL,           -- the row as it was first written
    author     TEXT    NOT NULL,
    changes    TEXT    NOT NULL,           -- {member: {before, after}}, JSON
    note       TEXT    NOT NULL,
    at_us      INTEGER NOT NULL
);
CREATE INDEX critique_edit_picture ON critique_edit (collection, picture);

-- One person's reading of one row; the later one stands.
CREATE TABLE critique_reading (
    collection TEXT    NOT NULL,
    picture    BLOB    NOT NULL,
    reader     TEXT    NOT NULL,
    version    TEXT    NOT NULL,           -- the row as it was read
    approved   INTEGER,
    score      INTEGER,                    -- 1 to 5
    note       TEXT    NOT NULL,
    blind      INTEGER NOT NULL,
    at_us      INTEGER NOT NULL,
    PRIMARY KEY (collection, picture, reader)
) WITHOUT ROWID;

-- A second look is a job; what it found are the documents of its tasks. Numbers grow and are never given twice.
CREATE TABLE critique_look (
    collection TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    job        TEXT    NOT NULL,           -- the job's name
    created_us INTEGER NOT NULL,
    PRIMARY KEY (collection, number)
) WITHOUT ROWID;
