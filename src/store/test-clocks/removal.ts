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

/** The clock that waits longest to be deleted, locked; undefined if none does, but for those that others are deleting. */
export async function lockHiddenTestClock(tx: Tx, id: string | null): Promise<string | undefined> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    SELECT id FROM test_clocks WHERE status = 'deleting' AND (${id}::uuid IS NULL OR id = ${id}::uuid)
    ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED`);
  return rows[0]?.id;
}

/** Entries of the log that are about to be deleted. */
export interface DoomedEntries {
  /** The events' ids. */
  readonly ids: readonly string[];
  /** Whether these are all that the clock has. */
  readonly areAll: boolean;
}

/** Locks up to `limit` entries of a clock's orders. */
export async function lockEntriesOfClock(tx: Tx, id: string, limit: number): Promise<DoomedEntries> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    SELECT l.id FROM orders o JOIN log_entries l ON l.order_id = o.id
    WHERE o.test_clock_id = ${id} LIMIT ${limit} FOR UPDATE OF l`);
  return { ids: rows.map((row) => row.id), areAll: rows.length < limit };
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

/**
 * Deletes up to `limit` orders of a clock, with their disputes, what is noted about these, and the answers that are kept for
 * repeated keys. Their entries of the log are deleted before.
 * @returns whether these were all
 */
export async function deleteOrdersOfClock(tx: Tx, id: string, limit: number): Promise<boolean> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    SELECT id FROM orders WHERE test_clock_id = ${id} LIMIT ${limit} FOR UPDATE`);
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
  return rows.length < limit;
}

/** Deletes a clock that has no orders any more. */
export async function deleteTestClock(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`DELETE FROM test_clocks WHERE id = ${id}`);
}
