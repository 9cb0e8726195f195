-- Merges of collections: when, how many rows, and for those into a Lance table the versions before and behind it.
CREATE TABLE collection_merge (
    collection TEXT NOT NULL,
    number INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    -- Address of the table; empty for merges into files alone.
    lake TEXT NOT NULL DEFAULT '',
    -- 0: there was no table.
    version_before INTEGER NOT NULL DEFAULT 0,
    -- NULL until the table has the rows.
    version_after INTEGER,
    undone_us INTEGER,
    PRIMARY KEY (collection, number)
) WITHOUT ROWID;
