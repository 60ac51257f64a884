import type { Client } from 'pg';

type Say = (text: string) => void;

/** Both parties of ordinary orders: some fifty disputes each. */
export const A_CLIENT = 'client-77';
/** A party of every twentieth order. */
export const BIG_CLIENT = 'client-big';
export const AN_ORDER = 'order-7001';
/** An order whose last dispute is open. */
export const OPEN_ORDER = 'order-1';
/** An endpoint with many deliveries that are over, and many that failed and are due again. */
export const AN_ENDPOINT = '70000000-0000-7000-8000-000000000000';

// Three years of orders. Each has two or three disputes, one after the other; every fifth of the last ones is open.
const statementsFor = (disputes: number, orders: number, users: number) => [
  // The rows are made consistent here; to check a million of them one by one would take minutes.
  'SET session_replication_role = replica',
  `CREATE TEMP TABLE n AS SELECT n, 'order-' || n % ${orders} AS order_id, n % ${orders} AS o,
     CASE WHEN n % ${orders} % 20 = 0 THEN '${BIG_CLIENT}' ELSE 'client-' || n % ${orders} % ${users} END AS client_id,
     'freelancer-' || n % ${orders} % (${users} - 1) AS freelancer_id, gen_random_uuid() AS id,
     n > ${disputes - orders} AND n % ${orders} % 5 = 1 AS open,
     (ARRAY['order_update', 'cancellation', 'order_change'])[n % 3 + 1] AS type
   FROM generate_series(1, ${disputes}) AS n`,
  'ALTER TABLE n ADD COLUMN at timestamptz, ADD COLUMN updated_at timestamptz, ADD COLUMN resolution text',
  `UPDATE n SET at = date_trunc('milliseconds', CASE WHEN open THEN clock_timestamp() - random() * interval '47 hours'
     ELSE clock_timestamp() - interval '5 days' - (1 - n / ${disputes}.0) * interval '3 years' END)`,
  `UPDATE n SET resolution = CASE WHEN NOT open THEN CASE n % 1000 WHEN 7 THEN 'superseded' ELSE
     (ARRAY['accepted', 'declined', 'answered', 'withdrawn', 'expired'])[n % 5 + 1] END END`,
  `UPDATE n SET updated_at = CASE WHEN open THEN at WHEN resolution = 'expired' THEN at + interval '48 hours'
     ELSE at + interval '1 hour' END`,
  `INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, price_amount, price_currency, revision,
     version, created_at, updated_at)
   SELECT DISTINCT ON (o) order_id, client_id, freelancer_id, CASE WHEN open THEN 'in_dispute' ELSE 'in_progress' END,
     'in_progress', 15000, 'USD', 1, 20, at, at FROM n ORDER BY o, n DESC`,
  `INSERT INTO disputes (id, order_id, client_id, freelancer_id, type, status, opener_role, reason, comment, change,
     opened_at, updated_at, respond_by, deadline_seq, resolution, resolved_by_role, resolved_at, version, reminders_ms,
     remind_at)
   SELECT id, order_id, client_id, freelancer_id, type, CASE WHEN open THEN 'open' ELSE 'resolved' END,
     CASE type WHEN 'order_change' THEN 'freelancer' WHEN 'order_update' THEN 'client'
       ELSE (ARRAY['client', 'freelancer'])[n / 3 % 2 + 1] END,
     NULL, CASE WHEN n % 4 = 0 THEN 'Two weeks late.' END,
     CASE type WHEN 'order_change' THEN '{"deliverBy": null, "extras": [{"title": "Source files", "price": 1500}]}'::jsonb END,
     at, updated_at, at + interval '48 hours', 1,
     resolution, CASE WHEN resolution = 'expired' THEN 'system' WHEN resolution = 'superseded' THEN 'order_service'
       WHEN resolution = 'withdrawn' THEN 'client' WHEN NOT open THEN 'freelancer' END,
     CASE WHEN NOT open THEN updated_at END, 2,
     CASE WHEN open THEN '{7200000}'::bigint[] ELSE '{}' END,
     CASE WHEN open THEN at + interval '46 hours' END FROM n ORDER BY n.n`,
  `INSERT INTO timers (dispute_id, seq, due_at, leased_until)
   SELECT id, 1, at + interval '46 hours', clock_timestamp() + interval '10 minutes' FROM n WHERE open`,
  // 200 deadlines and 200 reminders are due now, and 1,500 timers wait to be handed over.
  `UPDATE disputes SET respond_by = clock_timestamp() - random() * interval '1 minute', remind_at = NULL
   WHERE id IN (SELECT id FROM disputes WHERE status = 'open' ORDER BY opened_at LIMIT 200)`,
  `UPDATE disputes SET remind_at = clock_timestamp() - interval '1 second' WHERE id IN (
     SELECT id FROM disputes WHERE status = 'open' AND remind_at IS NOT NULL ORDER BY opened_at LIMIT 200)`,
  `UPDATE timers SET leased_until = clock_timestamp() - interval '1 second'
   WHERE dispute_id IN (SELECT dispute_id FROM timers LIMIT 1500)`,
  `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause,
     comment, data, seq)
   SELECT order_id, (n / ${orders}) * 4 + v, gen_random_uuid(),
     (ARRAY['dispute.opened', 'order.status_changed', 'dispute.declined', 'order.status_changed'])[v],
     at + v * interval '1 minute', id, 'client', client_id, 'request:seed',
     CASE WHEN v = 1 AND n % 4 = 0 THEN 'Two weeks late.' END, jsonb_build_object('order',
       jsonb_build_object('clientId', client_id, 'freelancerId', freelancer_id), 'dispute', '{}'::jsonb, 'previous', null),
     CASE WHEN n <= ${disputes} - 200 THEN row_number() OVER (ORDER BY n, v) END
   FROM n, generate_series(1, 4) AS v WHERE v <= 2 OR NOT open ORDER BY n, v`,
  'INSERT INTO idempotency_keys SELECT client_id, id::text, id::text, 200, $${}$$, $${}$$, at FROM n WHERE n % 10 = 0',
  `INSERT INTO webhook_endpoints (id, url, include_comments, active, active_since, secret, position, created_by, created_at,
     updated_at) VALUES ('${AN_ENDPOINT}', 'https://receiver.example/', false, true, clock_timestamp(), 'none', 0, 'ops',
     clock_timestamp(), clock_timestamp())`,
  // A month of them. Of a hundred, ten failed and are due again, one is due for the first time, and nine wait in line.
  `INSERT INTO webhook_deliveries (id, endpoint_id, message_id, type, order_id, order_version, seq, status, attempts,
     is_retry, queued_at, scheduled_at, next_attempt_at, last_attempt_at, created_at, finished_at)
   SELECT gen_random_uuid(), '${AN_ENDPOINT}', gen_random_uuid(), 'dispute.opened', order_id, 1, n,
     CASE WHEN n % 100 < 11 THEN 'pending' WHEN n % 100 < 20 THEN 'waiting' ELSE 'delivered' END,
     CASE WHEN n % 100 < 10 THEN 1 ELSE 0 END, n % 100 < 10, at,
     CASE WHEN n % 100 < 11 THEN at END, CASE WHEN n % 100 < 11 THEN at END, CASE WHEN n % 100 < 10 THEN at END, at,
     CASE WHEN n % 100 >= 20 THEN at + interval '1 second' END
   FROM (SELECT n, order_id, clock_timestamp() - (1 - n / ${disputes}.0) * interval '31 days' AS at FROM n) AS n`,
  'SET session_replication_role = DEFAULT',
  'DROP TABLE n',
];

/** Has rows put in while there are no secondary indexes; to make those anew afterwards is faster than to feed them. */
export async function withoutIndexes(client: Client, fill: () => Promise<void>, say: Say): Promise<void> {
  const { rows: indexes } = await client.query<{ name: string; def: string }>(
    `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS def FROM pg_index i
     JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'public'::regnamespace
       AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)`,
  );
  for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
  await fill();
  for (const { def } of indexes) await timed(client, def, say);
}

/** Fills a migrated database with so many disputes. */
export async function seed(client: Client, disputes: number, say: Say): Promise<void> {
  const fill = async () => {
    for (const one of statementsFor(disputes, (disputes * 2) / 5, disputes / 50)) await timed(client, one, say);
  };
  await withoutIndexes(client, fill, say);
  await timed(client, 'VACUUM ANALYZE', say);
}

/** Runs a statement, and says how long it took if that was long. */
export async function timed(client: Client, statement: string, say: Say): Promise<void> {
  const begun = performance.now();
  await client.query(statement);
  const seconds = (performance.now() - begun) / 1_000;
  if (seconds >= 1) say(`${seconds.toFixed(1).padStart(6)} s  ${statement.replaceAll(/\s+/g, ' ').slice(0, 70)}`);
}
