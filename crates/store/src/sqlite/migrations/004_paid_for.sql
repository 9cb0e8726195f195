-- Version 4: calls whose result is still elsewhere are found by themselves: with a provider's queue (accepted), or made and
-- waiting behind a link (produced). There are as many as a profile allows at once.
DROP INDEX call_accepted;
CREATE INDEX call_elsewhere ON call (task) WHERE state = 1 OR state = 2;
