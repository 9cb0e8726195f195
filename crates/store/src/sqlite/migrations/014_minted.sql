-- When a row of a picture was merged first: its published ids are minted from it, and stay the same whatever becomes of that merge.
ALTER TABLE collection_item ADD COLUMN minted_us INTEGER;
UPDATE collection_item SET minted_us = (SELECT created_us FROM collection_merge
    WHERE collection_merge.collection = collection_item.collection AND number = merged) WHERE merged > 0;

-- Grows with every change of a collection's rows, so that whoever holds them need not read them to know that they are the same.
CREATE TABLE collection_revision (
    collection TEXT    PRIMARY KEY,
    revision   INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO collection_revision SELECT DISTINCT collection, 1 FROM collection_item;

-- Whose rows a job's documents are.
CREATE INDEX collection_batch_job ON collection_batch (job) WHERE job <> '';
CREATE INDEX critique_look_job ON critique_look (job);
