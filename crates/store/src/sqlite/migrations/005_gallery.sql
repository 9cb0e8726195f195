-- Version 5: the gallery asks for all pictures of a job in order at once, and for those that look alike. Both are answered by
-- this index without reading a row.
DROP INDEX asset_task;
CREATE INDEX asset_task ON asset (task, superseded, picture, findings, phash);
