import { sql } from 'drizzle-orm';
import type { Instant } from '../../domain/state.ts';
import type { Database, Tx } from '../../platform/postgres/database.ts';
import { entriesOfAdvance } from '../../store/test-clocks/test-clocks.ts';

/** What has become of the messages of some events. */
export interface MessageCounts {
  readonly delivered: number;
  readonly failed: number;
  readonly pending: number;
  /** Those of the pending that have not been sent once. */
  readonly unsent: number;
}

/**
 * Counts the messages of what time did to the orders of a test clock after an instant and up to another. An active endpoint
 * that has not been given its events yet has them pending.
 */
export async function countMessages(
  { query }: Database,
  testClockId: string,
  { from, to }: { readonly from: Instant; readonly to: Instant },
): Promise<MessageCounts> {
  const { rows } = await query.execute<{ [K in keyof MessageCounts]: number }>(sql`
    SELECT count(*) FILTER (WHERE status = 'delivered')::integer AS delivered,
      count(*) FILTER (WHERE status = 'failed')::integer AS failed,
      count(*) FILTER (WHERE status IN ('waiting', 'pending'))::integer AS pending,
      count(*) FILTER (WHERE status IN ('waiting', 'pending') AND is_unsent)::integer AS unsent
    FROM (
      SELECT coalesce(d.status, 'pending') AS status, e.active AND coalesce(d.attempts, 0) = 0 AS is_unsent
      FROM (SELECT l.id, l.type, l.seq FROM ${entriesOfAdvance(testClockId, from, to)}) AS l
      CROSS JOIN webhook_endpoints e
      LEFT JOIN webhook_deliveries d ON d.endpoint_id = e.id AND d.message_id = l.id
      WHERE d.id IS NOT NULL
        OR (e.active AND (e.types IS NULL OR l.type = ANY (e.types)) AND (l.seq IS NULL OR e.position < l.seq))) AS m`);
  return rows[0] ?? { delivered: 0, failed: 0, pending: 0, unsent: 0 };
}

/**
 * Deletes the deliveries of events that are about to be deleted. The lock on the endpoints has each fan-out either committed
 * before, and so deleted here, or begun after the events are gone.
 */
export async function forgetMessages(tx: Tx, eventIds: readonly string[]): Promise<void> {
  if (eventIds.length === 0) return;
  await tx.execute(sql`SELECT id FROM webhook_endpoints ORDER BY id FOR NO KEY UPDATE`);
  await tx.execute(sql`
    DELETE FROM webhook_deliveries d USING webhook_endpoints e
    WHERE d.endpoint_id = e.id AND d.message_id = ANY (${sql.param([...eventIds])}::uuid[])`);
}
