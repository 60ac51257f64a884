import type { Client } from 'pg';
import { timed, withoutIndexes } from '../proofs/explain/seed.ts';

const CLIENT_REASONS = `ARRAY['no_longer_needed', 'late_delivery', 'not_as_described', 'requirements_changed', NULL]`;
const FREELANCER_REASONS = `ARRAY['client_not_responding', 'unable_to_complete', 'out_of_scope_request', 'other', 'personal_emergency']`;

// Evenly over the days: two in ten by silence, one withdrawn, few superseded, all others answered within their window, most
// of them soon. Those of the last day are open.
const statementsFor = (disputes: number, days: number) => [
  'SET session_replication_role = replica',
  `CREATE TEMP TABLE n AS SELECT n, gen_random_uuid() AS id, (ARRAY['order_update', 'cancellation', 'order_change'])[n % 3 + 1] AS type,
     n / 3 % 3 = 0 AS by_freelancer, date_trunc('milliseconds', clock_timestamp() - interval '1 hour'
       - (1 - n / ${disputes}.0) * interval '${days} days') AS at, n > ${disputes} * (1 - 1.0 / ${days}) AS open,
     floor(172800000 * random() ^ 3) * interval '1 millisecond' AS took
   FROM generate_series(1, ${disputes}) AS n`,
  `ALTER TABLE n ADD COLUMN resolution text`,
  `UPDATE n SET resolution = CASE WHEN open THEN NULL WHEN n % 10 < 2 THEN 'expired' WHEN n % 10 = 2 THEN 'withdrawn'
     WHEN n % 100 = 3 THEN 'superseded' WHEN type = 'order_update' THEN 'answered'
     WHEN n / 30 % 2 = 0 THEN 'accepted' ELSE 'declined' END`,
  `INSERT INTO disputes (id, order_id, client_id, freelancer_id, type, status, opener_role, reason, change, opened_at,
     updated_at, respond_by, deadline_seq, resolution, resolved_by_role, resolved_at, version, reminders_ms)
   SELECT id, 'order-' || n, 'client-' || n % 1000, 'freelancer-' || n % 999, type,
     CASE WHEN open THEN 'open' ELSE 'resolved' END, opener, CASE WHEN type = 'cancellation' THEN
       CASE opener WHEN 'client' THEN (${CLIENT_REASONS})[n / 9 % 5 + 1] ELSE (${FREELANCER_REASONS})[n / 9 % 5 + 1] END END,
     CASE type WHEN 'order_change' THEN '{}'::jsonb END, at, at, at + interval '48 hours', 1, resolution,
     CASE WHEN open THEN NULL WHEN resolution = 'expired' THEN 'system' WHEN resolution = 'superseded' THEN 'order_service'
       ELSE 'freelancer' END,
     CASE WHEN open THEN NULL WHEN resolution = 'expired' THEN at + interval '48 hours' ELSE at + took END, 2, '{}'
   FROM n, LATERAL (SELECT CASE WHEN type = 'order_change' OR type = 'cancellation' AND by_freelancer
     THEN 'freelancer' ELSE 'client' END AS opener) AS o ORDER BY n`,
  `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, cause, data, seq)
   SELECT 'order-' || n, v, gen_random_uuid(), (ARRAY['dispute.opened', 'order.status_changed',
       'dispute.' || coalesce(resolution, ''), 'order.status_changed'])[v], at, id, 'client', 'request:seed',
     jsonb_build_object('order', repeat('x', 400), 'dispute', repeat('x', 400)), row_number() OVER (ORDER BY n, v)
   FROM n, generate_series(1, 4) AS v WHERE v <= 2 OR NOT open ORDER BY n, v`,
  'SET session_replication_role = DEFAULT',
  'DROP TABLE n',
];

/** Fills a migrated database with disputes of so many days, and with the log that belongs to them, all of it numbered. */
export async function seedHistory(client: Client, disputes: number, days: number, say: (text: string) => void) {
  const fill = async () => {
    for (const one of statementsFor(disputes, days)) await timed(client, one, say);
  };
  await withoutIndexes(client, fill, say);
  await timed(client, 'VACUUM ANALYZE', say);
}
