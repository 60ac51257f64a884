-- One row: what the processes that share this database have in common. Its id names their keys in Redis, so that two
-- deployments on one Redis do not take each other's jobs.
CREATE TABLE deployment (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO deployment DEFAULT VALUES;
