-- The orders, their disputes, the log of what happened to them, and what the timers need.

CREATE TABLE orders (
  id text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9._:-]{1,128}$'),
  client_id text NOT NULL CHECK (client_id ~ '^[A-Za-z0-9._:-]{1,128}$'),
  freelancer_id text NOT NULL CHECK (freelancer_id ~ '^[A-Za-z0-9._:-]{1,128}$'),
  status text NOT NULL CHECK (status IN ('pending_requirements', 'in_progress', 'late', 'in_revision', 'delivered',
    'completed', 'cancelled', 'in_dispute', 'mutually_cancelled')),
  reported_status text NOT NULL CHECK (reported_status IN ('pending_requirements', 'in_progress', 'late', 'in_revision',
    'delivered', 'completed', 'cancelled')),
  deliver_by timestamptz,
  reported_deliver_by timestamptz,
  extras jsonb NOT NULL DEFAULT '[]',
  price_amount bigint NOT NULL CHECK (price_amount >= 0),
  price_currency text NOT NULL CHECK (price_currency ~ '^[A-Z]{3}$'),
  title text,
  revision bigint NOT NULL CHECK (revision >= 0),
  version integer NOT NULL CHECK (version >= 0),
  cancelled_by_dispute_id uuid,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CHECK (client_id <> freelancer_id),
  CHECK ((status = 'mutually_cancelled') = (cancelled_by_dispute_id IS NOT NULL)),
  CHECK (status IN ('in_dispute', 'mutually_cancelled') OR status = reported_status)
) WITH (fillfactor = 85);

CREATE TABLE disputes (
  id uuid PRIMARY KEY,
  order_id text NOT NULL REFERENCES orders (id),
  client_id text NOT NULL,
  freelancer_id text NOT NULL,
  type text NOT NULL CHECK (type IN ('order_update', 'cancellation', 'order_change')),
  status text NOT NULL CHECK (status IN ('open', 'resolved')),
  opener_role text NOT NULL CHECK (opener_role IN ('client', 'freelancer')),
  reason text,
  comment text,
  change jsonb,
  opened_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  respond_by timestamptz NOT NULL,
  deadline_seq integer NOT NULL CHECK (deadline_seq >= 1),
  resolution text CHECK (resolution IN ('accepted', 'declined', 'answered', 'withdrawn', 'expired', 'superseded')),
  resolved_by_role text CHECK (resolved_by_role IN ('client', 'freelancer', 'system', 'order_service')),
  resolved_by_id text,
  resolved_at timestamptz,
  version integer NOT NULL CHECK (version >= 1),
  -- A dispute is open, or resolved with everything that says how; nothing in between.
  CHECK ((status = 'resolved') = (resolution IS NOT NULL)),
  CHECK ((status = 'resolved') = (resolved_by_role IS NOT NULL)),
  CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
  CHECK ((resolution = 'expired') = (resolved_by_role = 'system')),
  -- The half-open deadline: silence from respond_by on, an answer strictly before it.
  CHECK (resolution <> 'expired' OR resolved_at >= respond_by),
  CHECK (resolution = 'expired' OR resolved_at < respond_by),
  CHECK (respond_by > opened_at),
  CHECK ((type = 'order_change') = (change IS NOT NULL)),
  CHECK (type = 'cancellation' OR reason IS NULL),
  CHECK (type <> 'order_update' OR opener_role = 'client'),
  CHECK (type <> 'order_change' OR opener_role = 'freelancer')
) WITH (fillfactor = 85);

CREATE UNIQUE INDEX disputes_one_open_per_order ON disputes (order_id) WHERE status = 'open';
CREATE INDEX disputes_due ON disputes (respond_by) WHERE status = 'open';
CREATE INDEX disputes_by_order ON disputes (order_id, opened_at DESC, id DESC);

-- Append-only. The primary key is the last line against a double effect: two decisions cannot write the same version.
CREATE TABLE log_entries (
  order_id text NOT NULL REFERENCES orders (id),
  order_version integer NOT NULL CHECK (order_version >= 1),
  id uuid NOT NULL,
  type text NOT NULL,
  occurred_at timestamptz NOT NULL,
  dispute_id uuid REFERENCES disputes (id),
  actor_role text NOT NULL CHECK (actor_role IN ('client', 'freelancer', 'system', 'order_service')),
  actor_id text,
  cause text NOT NULL,
  comment text,
  -- How the order and the dispute stood afterwards, and what changed; never a comment.
  data jsonb NOT NULL,
  PRIMARY KEY (order_id, order_version)
);

-- What Redis should hold: one row for each wake-up. `due_at` null asks for the job to be taken away again.
CREATE TABLE timers (
  dispute_id uuid NOT NULL REFERENCES disputes (id),
  seq integer NOT NULL,
  due_at timestamptz,
  -- Until when the row counts as handed over; from then on the relay hands it over again.
  leased_until timestamptz NOT NULL,
  PRIMARY KEY (dispute_id, seq)
) WITH (fillfactor = 70);

CREATE INDEX timers_to_hand_over ON timers (leased_until);

-- Deadlines that could not take effect, and when to try again; empty while all is well.
CREATE TABLE deadline_failures (
  dispute_id uuid PRIMARY KEY REFERENCES disputes (id),
  attempts integer NOT NULL,
  retry_at timestamptz NOT NULL,
  last_error text NOT NULL
);

CREATE TABLE idempotency_keys (
  caller text NOT NULL,
  key text NOT NULL,
  fingerprint text NOT NULL,
  response_status smallint NOT NULL,
  response_headers jsonb NOT NULL,
  response_body text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (caller, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
