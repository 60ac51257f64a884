-- The leanest tables for disputes: no snapshots, no lists, five indexes. What the service is measured against.
CREATE TABLE orders (id text PRIMARY KEY, client_id text, freelancer_id text, lifecycle_status text, deliver_by timestamptz,
  price_amount bigint, currency text, revision bigint, version int, updated_at timestamptz);
CREATE TABLE disputes (id uuid PRIMARY KEY, order_id text REFERENCES orders, type text, status text, resolution text,
  opener_role text, reason text, comment text, respond_by timestamptz, opened_at timestamptz, resolved_at timestamptz,
  version int, scheduled_until timestamptz);
CREATE UNIQUE INDEX disputes_open ON disputes (order_id) WHERE status = 'open';
CREATE INDEX disputes_due ON disputes (respond_by) WHERE status = 'open';
CREATE TABLE events (dispute_id uuid, version int, at timestamptz, type text, actor jsonb, data jsonb,
  PRIMARY KEY (dispute_id, version));
CREATE TABLE idempotency_keys (caller text, key text, request_hash bytea, status int, response jsonb, created_at timestamptz,
  PRIMARY KEY (caller, key));
INSERT INTO orders SELECT 'ord_' || g, 'cli_' || (g % 50000), 'fre_' || (g % 20000), 'in_progress', now() + interval '7 days',
  10000 + g % 90000, 'EUR', 1, 1, now() FROM generate_series(0, 999999) AS g;
CREATE FUNCTION reset_all() RETURNS void LANGUAGE sql AS $$ TRUNCATE disputes, events, idempotency_keys $$;
CREATE FUNCTION fill_open(n int, due interval) RETURNS void LANGUAGE sql AS $$
  INSERT INTO disputes SELECT md5(g::text)::uuid, 'ord_' || ((g::bigint * 7368787) % 1000000), 'extension', 'open', null,
    'freelancer', 'need more time', 'please extend the deadline by three days', clock_timestamp() + due,
    now() - interval '3 days', null, 1, null FROM generate_series(0, n - 1) AS g;
  INSERT INTO events SELECT md5(g::text)::uuid, 1, now() - interval '3 days', 'opened',
    '{"role":"freelancer","id":"fre_1"}', '{"type":"extension","reason":"need more time"}' FROM generate_series(0, n - 1) AS g;
$$;
