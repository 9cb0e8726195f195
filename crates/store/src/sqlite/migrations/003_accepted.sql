-- Version 3: calls that wait for a provider's queue are found by themselves. There are as many as a profile allows at once.
CREATE INDEX call_accepted ON call (task) WHERE state = 1;
