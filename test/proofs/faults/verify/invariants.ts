import type { Pool } from 'pg';
import { WINDOWS } from '../../../harness/stage/instances.ts';

export type BreachKind = 'lost' | 'double' | 'early' | 'undone' | 'inconsistent';

/** Something that is not as it must be. */
export interface Breach {
  readonly name: string;
  readonly kind: BreachKind;
  readonly ids: readonly string[];
}

/** What must never be: a statement that finds nothing. */
interface Invariant {
  readonly name: string;
  readonly kind: BreachKind;
  readonly sql: string;
}

const TERMINAL = `('dispute.accepted', 'dispute.declined', 'dispute.answered', 'dispute.withdrawn', 'dispute.expired',
  'dispute.superseded')`;

const WINDOW = `(CASE d.type ${Object.entries(WINDOWS)
  .map(([type, seconds]) => `WHEN '${type}' THEN interval '${seconds} seconds'`)
  .join(' ')} END)`;

const SHIFTS = `(SELECT dispute_id, sum((data->'dispute'->>'respondBy')::bigint - (data->'previous'->>'respondBy')::bigint)
  * interval '1 millisecond' AS by FROM log_entries WHERE type = 'dispute.deadline_shifted' GROUP BY dispute_id)`;

export const INVARIANTS: readonly Invariant[] = [
  {
    name: 'I1 no dispute is open past its deadline',
    kind: 'lost',
    sql: `SELECT id::text FROM disputes WHERE status = 'open' AND respond_by < clock_timestamp() - interval '5 seconds'`,
  },
  {
    name: 'I2 a resolved dispute has one end in the log, an open one none',
    kind: 'double',
    sql: `SELECT d.id::text FROM disputes d LEFT JOIN log_entries l ON l.dispute_id = d.id AND l.type IN ${TERMINAL}
      GROUP BY d.id HAVING count(l.id) <> (d.status = 'resolved')::integer`,
  },
  {
    name: "I3 the log of an order counts up without gaps, to the order's version",
    kind: 'inconsistent',
    sql: `SELECT o.id FROM orders o LEFT JOIN log_entries l ON l.order_id = o.id GROUP BY o.id, o.version
      HAVING count(l.id) <> o.version OR coalesce(max(l.order_version), 0) <> o.version`,
  },
  {
    name: 'I3 what the log tells of is there: the order, and the dispute if it is one',
    kind: 'inconsistent',
    sql: `SELECT l.id::text FROM log_entries l LEFT JOIN orders o ON o.id = l.order_id
        LEFT JOIN disputes d ON d.id = l.dispute_id AND d.order_id = l.order_id
      WHERE o.id IS NULL OR (l.dispute_id IS NOT NULL AND d.id IS NULL)`,
  },
  {
    name: 'I4 nothing expires before its deadline',
    kind: 'early',
    sql: `SELECT d.id::text FROM disputes d JOIN log_entries l ON l.dispute_id = d.id
      WHERE l.type = 'dispute.expired' AND (l.occurred_at < d.respond_by OR d.resolved_at <> l.occurred_at)`,
  },
  {
    name: 'I4 no answer counts at its deadline or later',
    kind: 'inconsistent',
    sql: `SELECT d.id::text FROM disputes d JOIN log_entries l ON l.dispute_id = d.id
      WHERE l.type IN ${TERMINAL} AND l.type <> 'dispute.expired' AND l.occurred_at >= d.respond_by`,
  },
  {
    name: 'I4 a deadline is its window and the time held, to the millisecond',
    kind: 'early',
    sql: `SELECT d.id::text FROM disputes d LEFT JOIN ${SHIFTS} AS s ON s.dispute_id = d.id
      WHERE d.respond_by <> d.opened_at + ${WINDOW} + coalesce(s.by, interval '0')`,
  },
  {
    name: 'I5 the answer kept with a key is what happened',
    kind: 'undone',
    sql: `SELECT k.key AS id FROM idempotency_keys k
      CROSS JOIN LATERAL (SELECT k.response_body::jsonb AS body) AS b LEFT JOIN disputes d ON d.id::text = b.body->>'id'
      WHERE k.response_status < 300 AND b.body ? 'respondBy' AND (d.id IS NULL OR b.body->>'resolution' <> d.resolution)`,
  },
  {
    name: 'I6 no timer is wanted for a resolved dispute, and each open one has its own',
    kind: 'inconsistent',
    sql: `SELECT d.id::text FROM disputes d LEFT JOIN timers t ON t.dispute_id = d.id AND t.due_at IS NOT NULL
      GROUP BY d.id HAVING count(t.seq) <> (d.status = 'open')::integer OR max(t.seq) <> d.deadline_seq`,
  },
  {
    name: 'I7 one request has one effect',
    kind: 'double',
    sql: `SELECT cause AS id FROM log_entries WHERE cause LIKE 'request:%' AND cause <> 'request:herd'
      AND type LIKE 'dispute.%' GROUP BY cause HAVING count(*) > 1`,
  },
  {
    name: 'I8 time runs forwards in the log of an order',
    kind: 'inconsistent',
    sql: `SELECT order_id AS id FROM (SELECT order_id, occurred_at,
        lag(occurred_at) OVER (PARTITION BY order_id ORDER BY order_version) AS before FROM log_entries) AS l
      WHERE occurred_at < before`,
  },
  {
    name: 'I9 a dispute keeps the parties of its order',
    kind: 'inconsistent',
    sql: `SELECT d.id::text FROM disputes d JOIN orders o ON o.id = d.order_id
      WHERE d.client_id <> o.client_id OR d.freelancer_id <> o.freelancer_id`,
  },
  {
    name: 'I10 a dispute is opened first and once, and nothing happens to it after its end',
    kind: 'inconsistent',
    sql: `SELECT dispute_id::text AS id FROM log_entries WHERE type LIKE 'dispute.%' GROUP BY dispute_id
      HAVING count(*) FILTER (WHERE type = 'dispute.opened') <> 1
        OR min(order_version) <> min(order_version) FILTER (WHERE type = 'dispute.opened')
        OR max(order_version) <> max(order_version) FILTER (WHERE type IN ${TERMINAL})`,
  },
  {
    name: 'I10 the end in the log is the end of the dispute',
    kind: 'inconsistent',
    sql: `SELECT d.id::text FROM disputes d JOIN log_entries l ON l.dispute_id = d.id
      WHERE l.type IN ${TERMINAL} AND l.type <> 'dispute.' || d.resolution`,
  },
  {
    name: 'I10 an order is cancelled if and only if its cancellation was accepted or met with silence',
    kind: 'inconsistent',
    sql: `SELECT o.id FROM orders o LEFT JOIN disputes d ON d.order_id = o.id AND d.type = 'cancellation'
        AND d.resolution IN ('accepted', 'expired')
      WHERE (o.status = 'mutually_cancelled') <> (d.id IS NOT NULL)`,
  },
  {
    name: 'I10 an order is in dispute if and only if a dispute is open',
    kind: 'inconsistent',
    sql: `SELECT o.id FROM orders o LEFT JOIN disputes d ON d.order_id = o.id AND d.status = 'open'
      WHERE (o.status = 'in_dispute') <> (d.id IS NOT NULL)`,
  },
  {
    name: 'I10 an order has the extras that were accepted, once',
    kind: 'double',
    sql: `SELECT o.id FROM orders o LEFT JOIN disputes d ON d.order_id = o.id AND d.type = 'order_change'
        AND d.resolution = 'accepted'
      GROUP BY o.id HAVING jsonb_array_length(o.extras) <> coalesce(sum(jsonb_array_length(d.change->'extras')), 0)`,
  },
  {
    name: 'I11 an accepted change fits its order as it was then: its date lies ahead, and its extras are in its currency',
    kind: 'inconsistent',
    sql: `SELECT d.id::text FROM disputes d JOIN log_entries l ON l.dispute_id = d.id AND l.type = 'dispute.accepted'
      WHERE d.type = 'order_change' AND ((d.change->>'deliverBy')::float8 <= extract(epoch FROM l.occurred_at) * 1000
        OR EXISTS (SELECT 1 FROM jsonb_array_elements(d.change->'extras') AS e
          WHERE e->'price'->>'currency' <> l.data->'order'->'price'->>'currency'))`,
  },
  {
    name: 'I11 an accepted change moves a date, and never to an earlier one',
    kind: 'inconsistent',
    sql: `SELECT d.id::text FROM disputes d JOIN log_entries l ON l.dispute_id = d.id AND l.type = 'dispute.accepted'
        LEFT JOIN log_entries m ON m.order_id = d.order_id AND m.type = 'order.delivery_date_changed' AND m.cause = l.cause
      WHERE d.type = 'order_change' AND d.change->>'deliverBy' IS NOT NULL
        AND (m.id IS NULL OR m.data->'order'->>'deliverBy' <> d.change->>'deliverBy'
          OR (m.data->'previous'->>'deliverBy')::float8 >= (d.change->>'deliverBy')::float8)`,
  },
  {
    name: 'I12 the last entry of an order shows it as it is: nothing changes without one',
    kind: 'inconsistent',
    sql: `SELECT o.id FROM orders o JOIN log_entries l ON l.order_id = o.id AND l.order_version = o.version
        CROSS JOIN LATERAL (SELECT l.data->'order' AS seen) AS e
      WHERE seen ? 'price' AND (seen->>'status' <> o.status OR seen->>'reportedStatus' <> o.reported_status
        OR seen->'price'->>'currency' <> o.price_currency OR (seen->'price'->>'amount')::bigint <> o.price_amount
        OR seen->>'title' IS DISTINCT FROM o.title OR (seen->>'extrasCount')::integer <> jsonb_array_length(o.extras)
        OR to_timestamp((seen->>'deliverBy')::float8 / 1000) IS DISTINCT FROM o.deliver_by)`,
  },
  {
    name: 'I13 an entry of the log repeats nothing that grows',
    kind: 'inconsistent',
    sql: `SELECT id::text FROM log_entries WHERE octet_length(data::text) > 10000 OR data->'order' ? 'extras'`,
  },
  {
    name: 'I10 a reminder comes once for each dispute, and before its end',
    kind: 'double',
    sql: `SELECT d.id::text FROM disputes d JOIN log_entries l ON l.dispute_id = d.id AND l.type = 'dispute.reminder_due'
      GROUP BY d.id HAVING count(*) > 1 OR max(l.occurred_at) >= d.respond_by`,
  },
  {
    // Each costs every transaction in it a second, and one of them its transaction. PostgreSQL forgets the count when it crashes.
    name: 'no two transactions waited for each other',
    kind: 'inconsistent',
    sql: 'SELECT deadlocks::text AS id FROM pg_stat_database WHERE datname = current_database() AND deadlocks > 0',
  },
];

const SHOWN = 5;

/** What is not as it must be in the database. */
export async function askDatabase(admin: Pool): Promise<Breach[]> {
  const breaches: Breach[] = [];
  // So much was written since the last ANALYZE that the planner would take a join of everything with everything.
  await admin.query('ANALYZE');
  for (const { name, kind, sql } of INVARIANTS) {
    const { rows } = await admin.query<{ id: string }>({ text: sql });
    const ids = rows.map(({ id }) => id);
    if (ids.length > 0) breaches.push({ name: `${name} (${ids.length})`, kind, ids: ids.slice(0, SHOWN) });
  }
  return breaches;
}
