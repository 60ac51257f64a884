import type { Pool } from 'pg';

let herds = 0;

/**
 * Puts `count` open disputes into the database that all fall due in the same instant, with the entries and timers that
 * opening them would have left.
 * @param due how far from now they fall due, as PostgreSQL writes an interval
 * @returns their ids
 */
export async function insertHerd(admin: Pool, count: number, due = '4 seconds'): Promise<string[]> {
  herds += 1;
  const state = `jsonb_build_object('order', jsonb_build_object('id', o.id), 'dispute', NULL, 'previous', NULL)`;
  const { rows } = await admin.query<{ id: string }>(
    `WITH clock AS MATERIALIZED (SELECT date_trunc('milliseconds', clock_timestamp()) AS now),
     herd AS MATERIALIZED (SELECT $1 || n AS id, gen_random_uuid() AS dispute FROM generate_series(1, $2::integer) AS n),
     o AS (
       INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, price_amount, price_currency, revision,
         version, created_at, updated_at)
       SELECT id, 'user-7', 'user-9', 'in_dispute', 'in_progress', 15000, 'USD', 1, 2, now, now FROM herd, clock
       RETURNING id),
     d AS (
       INSERT INTO disputes (id, order_id, client_id, freelancer_id, type, status, opener_role, comment, opened_at,
         updated_at, respond_by, deadline_seq, version)
       SELECT dispute, id, 'user-7', 'user-9', 'cancellation', 'open', 'client', 'Late.', now, now,
         now + $3::interval, 1, 1 FROM herd, clock RETURNING id),
     t AS (
       INSERT INTO timers (dispute_id, seq, due_at, leased_until)
       SELECT dispute, 1, now + $3::interval, now FROM herd, clock)
     INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause, data)
     SELECT o.id, version, gen_random_uuid(), type, now, o.dispute, 'client', 'user-7', 'request:herd', ${state}
     FROM herd AS o, clock, (VALUES (1, 'dispute.opened'), (2, 'order.status_changed')) AS v(version, type)
     RETURNING dispute_id::text AS id`,
    [`herd-${process.pid}-${herds}-`, count, due],
  );
  return [...new Set(rows.map(({ id }) => id))];
}

/** Whether any dispute is still open. */
export const isAnyOpen = async (admin: Pool): Promise<boolean> =>
  (await admin.query("SELECT 1 FROM disputes WHERE status = 'open' LIMIT 1")).rows.length > 0;
