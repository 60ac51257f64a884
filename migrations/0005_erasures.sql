-- Comments can be taken out of resolved disputes: for one user by request, and for all after a time. Facts remain.

ALTER TABLE log_entries ADD COLUMN comment_erased_at timestamptz CHECK (comment_erased_at IS NULL OR comment IS NULL);

CREATE INDEX log_entries_comments_by_actor ON log_entries (actor_id) WHERE comment IS NOT NULL;
CREATE INDEX log_entries_comments_by_age ON log_entries (occurred_at) WHERE comment IS NOT NULL;

-- What a user wrote until then is erased; what stands in open disputes, once they are resolved.
CREATE TABLE erasures (
  user_id text PRIMARY KEY,
  requested_at timestamptz NOT NULL,
  requested_by text NOT NULL,
  finished_at timestamptz CHECK (finished_at >= requested_at)
);

CREATE INDEX erasures_unfinished ON erasures (requested_at) WHERE finished_at IS NULL;
