-- Version 6: calls that go to their provider together. State: 0 gathering (nothing was sent), 1 creating (its creation was sent,
-- no answer yet), 2 open (the provider has it), 3 ended (every call of it ended).
CREATE TABLE batch (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    job         INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    items       INTEGER NOT NULL DEFAULT 0, -- as it was sent
    opened_us   INTEGER NOT NULL,
    sent_us     INTEGER,
    ended_us    INTEGER,
    next_ask_us INTEGER,
    key         TEXT    NOT NULL UNIQUE,    -- our name of it, by which it is found again
    profile     TEXT    NOT NULL,
    model       TEXT    NOT NULL,
    remote_id   TEXT,
    outcome     TEXT                        -- how it ended at the provider, in a word
);

CREATE INDEX batch_open ON batch (state) WHERE state < 3;
CREATE INDEX batch_job ON batch (job);

ALTER TABLE call ADD COLUMN batch INTEGER;

CREATE INDEX call_batch ON call (batch, id) WHERE batch IS NOT NULL AND state IN (0, 1);
CREATE INDEX call_joined ON call (task) WHERE state = 0 AND batch IS NOT NULL;

-- A batch ends with its last call.
CREATE TRIGGER batch_done AFTER UPDATE OF state ON call
WHEN NEW.batch IS NOT NULL AND NEW.state > 2 AND NOT EXISTS
    (SELECT 1 FROM call WHERE batch = NEW.batch AND batch IS NOT NULL AND state IN (0, 1)) BEGIN
    UPDATE batch SET state = 3, ended_us = NEW.ended_us, next_ask_us = NULL WHERE id = NEW.batch AND state = 2;
END;
