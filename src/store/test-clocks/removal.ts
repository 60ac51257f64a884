import { sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres/database.ts';

/** Hides a clock from callers, with its orders: nothing is decided on them any more. It is locked. */
export async function hideTestClock(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`
    UPDATE test_clocks SET status = 'deleting', lease = NULL, leased_until = NULL WHERE id = ${id}`);
}

/** Hides up to `limit` clocks that were made more than `ageMs` ago in real time, whether or not they are advancing. */
export async function hideOldTestClocks(tx: Tx, ageMs: number, limit: number): Promise<void> {
  await tx.execute(sql`
    UPDATE test_clocks SET status = 'deleting', lease = NULL, leased_until = NULL
    WHERE id IN (SELECT id FROM test_clocks
      WHERE created_at < clock_timestamp() - ${ageMs}::float8 * interval '1 millisecond' AND status <> 'deleting'
      LIMIT ${limit} FOR UPDATE SKIP LOCKED)`);
}

/**
 * Locks a clock that waits to be deleted. The transaction has locked nothing yet, so it may wait for the clock.
 * @param id the clock; null for the one that waits longest of those that no other transaction uses
 * @returns its id; undefined if there is none
 */
export async function lockHiddenTestClock(tx: Tx, id: string | null): Promise<string | undefined> {
  const { rows } = await tx.execute<{ id: string }>(
    id === null
      ? sql`SELECT id FROM test_clocks WHERE status = 'deleting' ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED`
      : sql`SELECT id FROM test_clocks WHERE status = 'deleting' AND id = ${id} FOR UPDATE`,
  );
  return rows[0]?.id;
}

/**
 * Locks up to `limit` entries of a clock's orders, and passes over those that are being numbered just now.
 * @returns their ids
 */
export async function lockEntriesOfClock(tx: Tx, id: string, limit: number): Promise<readonly string[]> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    SELECT l.id FROM orders o JOIN log_entries l ON l.order_id = o.id
    WHERE o.test_clock_id = ${id} LIMIT ${limit} FOR UPDATE OF l SKIP LOCKED`);
  return rows.map((row) => row.id);
}

/** Whether a clock's orders have entries of the log. */
export async function hasEntries(tx: Tx, id: string): Promise<boolean> {
  const { rows } = await tx.execute(sql`
    SELECT FROM orders o JOIN log_entries l ON l.order_id = o.id WHERE o.test_clock_id = ${id} LIMIT 1`);
  return rows.length > 0;
}

/**
 * Deletes locked entries of a clock's orders. The log's end stays where it is: a position that a reader has passed is never
 * given to another entry.
 */
export async function deleteEntriesOfClock(tx: Tx, id: string, entryIds: readonly string[]): Promise<void> {
  if (entryIds.length === 0) return;
  await tx.execute(sql`
    UPDATE deployment SET log_end = greatest(log_end, d.last)
    FROM delete_log_of_test_clock(${id}, ${sql.param([...entryIds])}::uuid[]) AS d(last)`);
}

/** How far the deletion of a clock's orders has come: `locked` if other transactions have locked all that are left. */
export type OrdersLeft = 'none' | 'some' | 'locked';

/**
 * Deletes up to `limit` orders of a locked clock, with their disputes, what is noted about these, and the answers that are kept
 * for repeated keys. Their entries of the log are deleted before. Commands lock the order before the clock, so an order that is
 * locked is passed over: waiting for it would be a deadlock.
 */
export async function deleteOrdersOfClock(tx: Tx, id: string, limit: number): Promise<OrdersLeft> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    SELECT id FROM orders WHERE test_clock_id = ${id} LIMIT ${limit} FOR UPDATE SKIP LOCKED`);
  if (rows.length === 0) {
    const { rows: left } = await tx.execute(sql`SELECT FROM orders WHERE test_clock_id = ${id} LIMIT 1`);
    return left.length === 0 ? 'none' : 'locked';
  }
  const orderIds = sql`${sql.param(rows.map((row) => row.id))}::text[]`;
  const { rows: found } = await tx.execute<{ id: string }>(
    sql`SELECT id FROM disputes WHERE order_id = ANY (${orderIds})`,
  );
  const disputeIds = sql`${sql.param(found.map((row) => row.id))}::uuid[]`;
  const beginnings = found.map((row) => JSON.stringify({ id: row.id }).slice(0, -1));
  await tx.execute(sql`DELETE FROM deadline_failures WHERE dispute_id = ANY (${disputeIds})`);
  await tx.execute(sql`DELETE FROM timers WHERE dispute_id = ANY (${disputeIds})`);
  await tx.execute(sql`
    DELETE FROM idempotency_keys WHERE left(response_body, 44) = ANY (${sql.param(beginnings)}::text[])
      AND response_status IN (200, 201)`);
  await tx.execute(sql`SELECT delete_orders_of_test_clock(${id}, ${orderIds})`);
  return 'some';
}

/** Deletes a clock that has no orders any more. */
export async function deleteTestClock(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`DELETE FROM test_clocks WHERE id = ${id}`);
}
