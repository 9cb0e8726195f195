-- Version 8: calls under way are found by themselves, so that a full budget can tell whether waiting for them makes room.
-- There are as many as a profile allows at once.
CREATE INDEX call_under_way ON call (job) WHERE state IN (0, 1, 2) AND batch IS NULL;
