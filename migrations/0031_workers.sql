-- A row for each process that does the work of a worker, with its last heartbeat. Processes that serve the API read from it whether
-- any worker lives. Times are of the database's clock. No index on seen_at: a heartbeat then updates its row in place, and there are
-- as many rows as there are workers.
CREATE TABLE workers (
  id uuid PRIMARY KEY,
  instance text NOT NULL,
  version text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
