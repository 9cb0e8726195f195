-- Version 2: what each profile spends and holds, by day (days since 1970, UTC), so that a profile can have a budget of its
-- own across all jobs. Money stays where it was spent when a job is deleted.

CREATE TABLE profile_spend (
    profile TEXT    NOT NULL,
    day     INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    PRIMARY KEY (profile, day)
) WITHOUT ROWID;

INSERT INTO profile_spend (profile, day, counted)
SELECT profile, sent_us / 86400000000, sum(counted) FROM call GROUP BY 1, 2;

CREATE TRIGGER call_opened AFTER INSERT ON call BEGIN
    INSERT INTO profile_spend (profile, day, counted) VALUES (NEW.profile, NEW.sent_us / 86400000000, NEW.counted)
    ON CONFLICT (profile, day) DO UPDATE SET counted = counted + NEW.counted;
END;

CREATE TRIGGER call_settled AFTER UPDATE OF counted ON call WHEN OLD.counted <> NEW.counted BEGIN
    UPDATE profile_spend SET counted = counted + NEW.counted - OLD.counted
    WHERE profile = OLD.profile AND day = OLD.sent_us / 86400000000;
END;
