-- Times in which silence takes no effect, and how far each dispute's deadline has been moved for them.

CREATE TABLE holds (
  id uuid PRIMARY KEY,
  -- Both null: all disputes.
  type text CHECK (type IN ('order_update', 'cancellation', 'order_change')),
  order_ids text[] CHECK (cardinality(order_ids) BETWEEN 1 AND 1000),
  note text NOT NULL,
  created_by text NOT NULL,
  started_at timestamptz NOT NULL,
  released_by text,
  released_at timestamptz CHECK (released_at >= started_at),
  -- When the deadlines of all that it held had been moved; until then every decision looks at it.
  finished_at timestamptz CHECK (finished_at >= released_at),
  CHECK (type IS NULL OR order_ids IS NULL),
  CHECK ((released_at IS NULL) = (released_by IS NULL))
);

CREATE INDEX holds_unfinished ON holds (started_at) WHERE finished_at IS NULL;

ALTER TABLE disputes ADD COLUMN held_through timestamptz;
