-- Events pushed to endpoints: where to, what is on its way, and what came of each attempt.

CREATE TABLE webhook_endpoints (
  id uuid PRIMARY KEY,
  url text NOT NULL,
  description text,
  -- Null for all types.
  types text[],
  include_comments boolean NOT NULL,
  active boolean NOT NULL,
  disabled_reason text CHECK (disabled_reason IN ('gone', 'failing')),
  disabled_at timestamptz,
  -- Encrypted by the service; the previous one signs, too, until its time is over.
  secret text NOT NULL,
  previous_secret text,
  previous_secret_until timestamptz,
  -- The events up to here have their deliveries.
  position bigint NOT NULL CHECK (position >= 0),
  -- The first failure since the last success, and the first success after one; null where there was none.
  failing_since timestamptz,
  recovered_at timestamptz,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CHECK (disabled_reason IS NULL OR NOT active),
  CHECK ((disabled_reason IS NULL) = (disabled_at IS NULL)),
  CHECK ((previous_secret IS NULL) = (previous_secret_until IS NULL))
);

CREATE TABLE webhook_deliveries (
  id uuid PRIMARY KEY,
  endpoint_id uuid NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
  -- What receivers know it by: of an event, its id in the feed.
  message_id uuid NOT NULL,
  type text NOT NULL,
  order_id text,
  order_version integer,
  seq bigint,
  -- Of a message that is no event of the log.
  payload jsonb,
  -- waiting: for an earlier event of the same order.
  status text NOT NULL CHECK (status IN ('waiting', 'pending', 'delivered', 'failed')),
  -- Since it was last asked for.
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  last_attempt_at timestamptz,
  -- Who is sending it, so that a sender that was taken for dead cannot answer for its successor.
  claim uuid,
  created_at timestamptz NOT NULL,
  finished_at timestamptz,
  UNIQUE (endpoint_id, message_id),
  CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
  CHECK ((status IN ('delivered', 'failed')) = (finished_at IS NOT NULL)),
  CHECK ((payload IS NULL) = (order_id IS NOT NULL)),
  CHECK ((order_id IS NULL) = (order_version IS NULL) AND (order_id IS NULL) = (seq IS NULL))
) WITH (fillfactor = 80);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at) WHERE status = 'pending';
-- Whether or not the endpoint is active.
CREATE INDEX webhook_deliveries_tests ON webhook_deliveries (endpoint_id, next_attempt_at)
  WHERE status = 'pending' AND type = 'webhook_endpoint.test';
CREATE INDEX webhook_deliveries_unfinished ON webhook_deliveries (endpoint_id, order_id, seq)
  WHERE status IN ('waiting', 'pending');
CREATE INDEX webhook_deliveries_listed ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_listed_by_status ON webhook_deliveries (endpoint_id, status, id);
CREATE INDEX webhook_deliveries_undelivered ON webhook_deliveries (created_at) WHERE status IN ('waiting', 'pending');
CREATE INDEX webhook_deliveries_finished ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE webhook_attempts (
  id uuid PRIMARY KEY,
  delivery_id uuid NOT NULL REFERENCES webhook_deliveries ON DELETE CASCADE,
  at timestamptz NOT NULL,
  duration_ms integer NOT NULL,
  status_code smallint,
  error text,
  -- The beginning of what the receiver answered.
  response text,
  CHECK (status_code IS NOT NULL OR error IS NOT NULL)
);

CREATE INDEX webhook_attempts_of_delivery ON webhook_attempts (delivery_id, id);
