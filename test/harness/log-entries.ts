import type { TestDatabase } from './database.ts';

/** Appends copies of an order's first entry to the log, in one transaction, so that a reader meets them all at once. */
export async function appendEntries(database: TestDatabase, orderId: string, count: number): Promise<void> {
  await database.query(
    `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause, data)
     SELECT first.order_id, last.version + n, gen_random_uuid(), 'dispute.comment_added', clock_timestamp(), first.dispute_id,
       first.actor_role, first.actor_id, first.cause, first.data
     FROM log_entries first, generate_series(1, $2::integer) n,
       (SELECT max(order_version) AS version FROM log_entries WHERE order_id = $1) last
     WHERE first.order_id = $1 AND first.order_version = 1`,
    [orderId, count],
  );
}
