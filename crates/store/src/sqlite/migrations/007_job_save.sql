-- Version 7: jobs whose pictures the server saves when they end, and what became of that. `of_end` says which end of the job
-- was saved last; `result` is JSON.
CREATE TABLE job_save (
    job    INTEGER PRIMARY KEY,
    of_end TEXT,
    result TEXT
);
