import { and, desc, eq, lt, sql } from 'drizzle-orm';
import type { Database, Tx } from '../../platform/postgres/database.ts';
import { STATEMENT_TIME } from '../../store/clock.ts';
import type { FeedRow } from '../../store/feed.ts';
import { logEntries } from '../../store/schema.ts';
import { webhookDeliveries, webhookEndpoints } from './schema.ts';

export type DeliveryRow = typeof webhookDeliveries.$inferSelect;

/** The log entries of some events, as the feed has them. */
export async function entriesOf(tx: Tx, eventIds: readonly string[], orderIds: readonly string[]): Promise<FeedRow[]> {
  const rows = await tx
    .select()
    .from(logEntries)
    .where(
      sql`${logEntries.orderId} = ANY (${sql.param(orderIds)}::text[]) AND ${logEntries.id} = ANY (${sql.param(eventIds)}::uuid[])`,
    );
  return rows.flatMap(({ seq, ...entry }) => (seq === null ? [] : [{ ...entry, seq }]));
}

export interface DeliveriesRequest {
  readonly endpointId: string;
  readonly status: DeliveryRow['status'] | undefined;
  /** The delivery behind which to begin; null for the newest. */
  readonly beforeId: string | null;
  readonly limit: number;
}

/** Deliveries of an endpoint, newest first. */
export async function listDeliveries({ query }: Database, request: DeliveriesRequest): Promise<DeliveryRow[]> {
  const { endpointId, status, beforeId, limit } = request;
  return await query
    .select()
    .from(webhookDeliveries)
    .where(
      and(
        eq(webhookDeliveries.endpointId, endpointId),
        status === undefined ? undefined : eq(webhookDeliveries.status, status),
        beforeId === null ? undefined : lt(webhookDeliveries.id, beforeId),
      ),
    )
    .orderBy(desc(webhookDeliveries.id))
    .limit(limit);
}

/** A place in the deliveries of an order's events. */
export interface OrderPlace {
  readonly orderVersion: number;
  readonly endpointId: string;
}

/**
 * Deliveries of an order's events to all endpoints that exist, newest event first. They are looked up by endpoint and event: the
 * table has no index by order, which every delivery would have to pay for.
 * @param before the delivery behind which to begin; null for the newest event
 */
export async function listDeliveriesOfOrder(
  { query }: Database,
  orderId: string,
  before: OrderPlace | null,
  limit: number,
): Promise<DeliveryRow[]> {
  const place = sql`(${logEntries.orderVersion}, ${webhookEndpoints.id})`;
  const rows = await query
    .select({ delivery: webhookDeliveries })
    .from(logEntries)
    .innerJoin(webhookEndpoints, sql`true`)
    .innerJoin(
      webhookDeliveries,
      and(eq(webhookDeliveries.endpointId, webhookEndpoints.id), eq(webhookDeliveries.messageId, logEntries.id)),
    )
    .where(
      and(
        eq(logEntries.orderId, orderId),
        before === null ? undefined : sql`${place} < (${before.orderVersion}::integer, ${before.endpointId}::uuid)`,
      ),
    )
    .orderBy(desc(logEntries.orderVersion), desc(webhookEndpoints.id))
    .limit(limit);
  return rows.map(({ delivery }) => delivery);
}

/** Finds a delivery by its id. */
export async function findDelivery(query: Pick<Tx, 'select'>, id: string): Promise<DeliveryRow | undefined> {
  const [row] = await query.select().from(webhookDeliveries).where(eq(webhookDeliveries.id, id));
  return row;
}

/** Forgets up to `limit` deliveries that have been over for `retentionMs`, oldest first, with their attempts; says how many. */
export async function forgetDeliveries(tx: Tx, retentionMs: number, limit: number): Promise<number> {
  const { rowCount } = await tx.execute(sql`
    DELETE FROM webhook_deliveries WHERE id IN (
      SELECT id FROM webhook_deliveries WHERE finished_at IS NOT NULL
        AND finished_at < ${STATEMENT_TIME} - ${retentionMs}::float8 * interval '1 millisecond'
      ORDER BY finished_at LIMIT ${limit})`);
  return rowCount ?? 0;
}

/**
 * Deletes up to `limit` deliveries of an endpoint that was removed, with their attempts.
 * @returns whether there may be more of such
 */
export async function purgeRemoved(tx: Tx, limit: number): Promise<boolean> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    SELECT endpoint_id AS id FROM webhook_endpoints_removed ORDER BY removed_at LIMIT 1 FOR UPDATE SKIP LOCKED`);
  const [removed] = rows;
  if (removed === undefined) return false;
  const { rowCount } = await tx.execute(sql`
    DELETE FROM webhook_deliveries WHERE id IN (
      SELECT id FROM webhook_deliveries WHERE endpoint_id = ${removed.id} LIMIT ${limit})`);
  if ((rowCount ?? 0) < limit)
    await tx.execute(sql`DELETE FROM webhook_endpoints_removed WHERE endpoint_id = ${removed.id}`);
  return true;
}

/**
 * For how long the oldest message that is owed to an active endpoint has been owed, in seconds, and how many endpoints were
 * disabled. A message is owed from when it was last asked for, and no longer than its endpoint has been active.
 */
export async function backlog({ query }: Database): Promise<{ oldestAgeS: number; disabled: number }> {
  const { rows } = await query.execute<{ age: number | null; disabled: number }>(sql`
    SELECT (SELECT max(extract(epoch FROM ${STATEMENT_TIME} - greatest(oldest.queued_at, e.active_since)))::float8
        FROM webhook_endpoints e CROSS JOIN LATERAL (
          SELECT d.queued_at FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.status IN ('waiting', 'pending')
          ORDER BY d.queued_at LIMIT 1) AS oldest
        WHERE e.active) AS age,
      (SELECT count(*) FROM webhook_endpoints WHERE disabled_reason IS NOT NULL)::integer AS disabled`);
  return { oldestAgeS: Math.max(0, rows[0]?.age ?? 0), disabled: rows[0]?.disabled ?? 0 };
}
