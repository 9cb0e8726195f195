-- Calls of a job that ended and cost nobody knows what: `spent` is all of it only where there are none.
ALTER TABLE job ADD COLUMN unpriced INTEGER NOT NULL DEFAULT 0;

-- What certainly was not billed cost nothing, with or without a price.
UPDATE call SET cost = 0
WHERE state IN (4, 5) AND cost IS NULL AND json_extract(failure, '$.billing') = 'not_billed';

UPDATE job SET unpriced = (SELECT count(*) FROM call
    WHERE call.job = job.id AND call.state IN (3, 4, 5) AND call.cost IS NULL AND call.ceiling IS NULL)
WHERE id IN (SELECT job FROM call WHERE state IN (3, 4, 5) AND cost IS NULL AND ceiling IS NULL);
