import type { Pool } from 'pg';
import { DISPUTE_PREFIX } from './pgbench.ts';

export const CLIENT = 'user-7';
export const FREELANCER = 'user-9';

const PARTIES = `'${CLIENT}'::text AS client, '${FREELANCER}'::text AS freelancer`;

/** Which rows to make: the names of orders, with the id of the dispute that each has or will have, and its parties. */
export interface Rows {
  /** Gives `id`, `dispute`, `client` and `freelancer`; parameters by $1 and so on. */
  readonly query: string;
  readonly values: readonly unknown[];
}

/** The orders that pgbench's transactions are about, in one round. */
export const rowsOfPgbench = (round: number, clients: number, each: number): Rows => ({
  query: `SELECT format('bench-pg-%s-%s-%s', $1::bigint, c, n) AS id,
    ('${DISPUTE_PREFIX}' || (100000000000 + $1::bigint * 1000000000 + c * 10000000 + n))::uuid AS dispute, ${PARTIES}
    FROM generate_series(0, $2::bigint - 1) AS c, generate_series(1, $3::bigint) AS n`,
  values: [round, clients, each],
});

/** The one that is recorded. */
export const RECORDED_ROW: Rows = {
  query: `SELECT 'bench-pg-0-0-0' AS id, '${DISPUTE_PREFIX}100000000000'::uuid AS dispute, ${PARTIES}`,
  values: [],
};

/** Orders with names that begin alike, and numbers from 1 on; all of the same two parties, or of a thousand others. */
export const rowsNamed = (prefix: string, count: number, parties: 'two' | 'many' = 'two'): Rows => ({
  query: `SELECT $1 || n AS id, gen_random_uuid() AS dispute, n,
    ${parties === 'two' ? PARTIES : `'client-' || n % 1000 AS client, 'freelancer-' || n % 1000 AS freelancer`}
    FROM generate_series(1, $2::bigint) AS n`,
  values: [prefix, count],
});

/** Puts orders in progress into the database, as reports would have left them. */
export async function seedOrders(admin: Pool, { query, values }: Rows): Promise<void> {
  await admin.query(
    `INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, price_amount, price_currency, revision,
       version, created_at, updated_at)
     SELECT id, client, freelancer, 'in_progress', 'in_progress', 15000, 'USD', 1, 0, now, now
     FROM (${query}) AS o, (SELECT date_trunc('milliseconds', clock_timestamp()) AS now) AS c`,
    [...values],
  );
}

const LOGGED = `jsonb_build_object('order', jsonb_build_object('id', o.id, 'clientId', client, 'freelancerId',
  freelancer, 'status', 'in_dispute', 'price', jsonb_build_object('amount', 15000, 'currency', 'USD')), 'dispute',
  jsonb_build_object('id', o.dispute, 'type', 'cancellation', 'status', 'open', 'respondBy', due), 'previous', NULL)`;

/** The number of an entry of the log: none yet, as after a commit, or one, as soon after it. */
export const NUMBER = {
  none: 'NULL::bigint',
  next: '(SELECT coalesce(max(seq), 0) FROM log_entries) + row_number() OVER ()',
} as const;

/**
 * Puts orders with an open cancellation into the database, as opening them would have left them.
 * @param due when they fall due, as an expression of PostgreSQL
 */
export async function seedOpen(
  admin: Pool,
  { query, values }: Rows,
  due: string,
  number: string = NUMBER.none,
): Promise<void> {
  await admin.query(
    `WITH seeds AS MATERIALIZED (SELECT s.*, now, ${due} AS due FROM (${query}) AS s,
       (SELECT date_trunc('milliseconds', clock_timestamp()) AS now) AS c),
     o AS (
       INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, price_amount, price_currency, revision,
         version, created_at, updated_at)
       SELECT id, client, freelancer, 'in_dispute', 'in_progress', 15000, 'USD', 1, 2, now, now FROM seeds),
     d AS (
       INSERT INTO disputes (id, order_id, client_id, freelancer_id, type, status, opener_role, reason, comment, opened_at,
         updated_at, respond_by, deadline_seq, version)
       SELECT dispute, id, client, freelancer, 'cancellation', 'open', 'client', 'late_delivery', 'Two weeks late.',
         now, now, due, 1, 1 FROM seeds),
     t AS (
       INSERT INTO timers (dispute_id, seq, due_at, leased_until) SELECT dispute, 1, due, now FROM seeds)
     INSERT INTO log_entries (seq, order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause, data)
     SELECT ${number}, o.id, version, gen_random_uuid(), type, now, o.dispute, 'client', client, 'request:bench', ${LOGGED}
     FROM seeds AS o, (VALUES (1, 'dispute.opened'), (2, 'order.status_changed')) AS v(version, type)`,
    [...values],
  );
}

/** Puts orders with a resolved cancellation into the database, as declining them after an hour would have left them. */
export async function seedResolved(admin: Pool, { query, values }: Rows, number: string = NUMBER.none): Promise<void> {
  await admin.query(
    `WITH seeds AS MATERIALIZED (SELECT s.*, now, now - random() * interval '300 days' - interval '3 days' AS opened
       FROM (${query}) AS s, (SELECT date_trunc('milliseconds', clock_timestamp()) AS now) AS c),
     o AS (
       INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, price_amount, price_currency, revision,
         version, created_at, updated_at)
       SELECT id, client, freelancer, 'in_progress', 'in_progress', 15000, 'USD', 1, 4, opened, opened FROM seeds),
     d AS (
       INSERT INTO disputes (id, order_id, client_id, freelancer_id, type, status, opener_role, reason, comment, opened_at,
         updated_at, respond_by, deadline_seq, resolution, resolved_by_role, resolved_by_id, resolved_at, version)
       SELECT dispute, id, client, freelancer, 'cancellation', 'resolved', 'client', 'late_delivery', 'Two weeks late.',
         opened, opened + interval '1 hour', opened + interval '2 days', 1, 'declined', 'freelancer', freelancer,
         opened + interval '1 hour', 2 FROM seeds)
     INSERT INTO log_entries (seq, order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause, data)
     SELECT ${number}, o.id, version, gen_random_uuid(), type, opened + later, o.dispute, 'client', client, 'request:bench',
       jsonb_build_object('order', jsonb_build_object('id', o.id, 'clientId', client, 'freelancerId', freelancer, 'status',
         'in_progress'), 'dispute', jsonb_build_object('id', o.dispute, 'type', 'cancellation'), 'previous', NULL)
     FROM seeds AS o, (VALUES (1, 'dispute.opened', interval '0'), (2, 'order.status_changed', interval '0'),
       (3, 'dispute.declined', interval '1 hour'), (4, 'order.status_changed', interval '1 hour')) AS v(version, type, later)`,
    [...values],
  );
}

/** Brings what the planner knows up to date, and writes out what would be measured with what comes next. */
export async function settleDown(admin: Pool): Promise<void> {
  await admin.query('VACUUM ANALYZE');
  await admin.query('CHECKPOINT');
}
