-- The log in one sequence for its readers, and reminders before a deadline.

-- Given after the commit, by one sequencer at a time: a number given in the transaction itself would be seen in another
-- order than it was given, since transactions commit out of order.
ALTER TABLE log_entries ADD COLUMN seq bigint;
CREATE UNIQUE INDEX log_entries_in_sequence ON log_entries (seq) WHERE seq IS NOT NULL;
CREATE INDEX log_entries_to_be_sequenced ON log_entries (occurred_at, order_id, order_version) WHERE seq IS NULL;
CREATE SEQUENCE log_sequence;

ALTER TABLE disputes
  -- How long before the deadline reminders are still to be sent, in milliseconds, and when the next one is due.
  ADD COLUMN reminders_ms bigint[] NOT NULL DEFAULT '{}',
  ADD COLUMN remind_at timestamptz;

CREATE INDEX disputes_to_remind ON disputes (remind_at) WHERE status = 'open' AND remind_at IS NOT NULL;
