import { and, asc, eq, sql } from 'drizzle-orm';
import type { Database, Tx } from '../../platform/postgres/database.ts';
import { STATEMENT_TIME } from '../../store/clock.ts';
import { LONGEST_ATTEMPT_MS, type UnderWay } from '../slots.ts';
import type { EndpointState } from '../states.ts';
import type { DeliveryRow } from './deliveries.ts';
import { webhookDeliveries } from './schema.ts';

// The rows of deliveries as src/webhooks/states.ts sees them. What a row becomes is decided there: here rows are only
// found, locked and written.

const OF_TESTS = sql`AND type = 'webhook_endpoint.test'`;

/**
 * Says in SQL that a delivery of one kind is due. An endpoint that is not active only gets messages to try it out. The kind is
 * written out, since the index of what is due begins with it.
 */
const isDue = (isActive: boolean, isRetry: boolean) =>
  sql`status = 'pending' AND is_retry = ${sql.raw(String(isRetry))} AND next_attempt_at <= ${STATEMENT_TIME}
    ${isActive ? sql`` : OF_TESTS}`;

/** The endpoints for which something is due. */
export async function endpointsWithDue({ query }: Database): Promise<string[]> {
  const has = (isActive: boolean, isRetry: boolean) =>
    sql`EXISTS (SELECT 1 FROM webhook_deliveries WHERE endpoint_id = e.id AND ${isDue(isActive, isRetry)})`;
  const { rows } = await query.execute<{ id: string }>(sql`
    SELECT e.id FROM webhook_endpoints e
    WHERE (e.active AND (${has(true, false)} OR ${has(true, true)})) OR ${has(false, false)} OR ${has(false, true)}`);
  return rows.map(({ id }) => id);
}

/** Has claims at one endpoint made one after the other until the transaction ends: each counts those before it. */
export async function lockClaims(tx: Tx, endpointId: string): Promise<void> {
  await tx.execute(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`webhook claims ${endpointId}`}, 0))`);
}

/** The attempts that are under way at an endpoint, of every process. */
export async function attemptsUnderWay(tx: Tx, endpointId: string): Promise<UnderWay[]> {
  const { rows } = await tx.execute<{ isRetry: boolean; forMs: number }>(sql`
    SELECT is_retry AS "isRetry", (extract(epoch FROM ${STATEMENT_TIME} - last_attempt_at) * 1000)::float8 AS "forMs"
    FROM webhook_deliveries WHERE endpoint_id = ${endpointId} AND claim IS NOT NULL
      AND last_attempt_at > ${STATEMENT_TIME} - ${LONGEST_ATTEMPT_MS}::float8 * interval '1 millisecond'`);
  return rows;
}

interface Wanted {
  readonly isRetry: boolean;
  readonly limit: number;
}

/** Locks up to `limit` deliveries of an endpoint that are due, those first that have been due for longest. */
export async function lockDue(
  tx: Tx,
  { id, active }: Pick<EndpointState, 'active'> & { readonly id: string },
  { isRetry, limit }: Wanted,
): Promise<DeliveryRow[]> {
  if (limit <= 0) return [];
  return await tx
    .select()
    .from(webhookDeliveries)
    .where(and(eq(webhookDeliveries.endpointId, id), isDue(active, isRetry)))
    .orderBy(asc(webhookDeliveries.nextAttemptAt), asc(webhookDeliveries.id))
    .limit(limit)
    .for('update', { skipLocked: true });
}

/** Locks deliveries by their ids. */
export async function lockDeliveries(tx: Tx, ids: readonly string[]): Promise<DeliveryRow[]> {
  if (ids.length === 0) return [];
  return await tx
    .select()
    .from(webhookDeliveries)
    .where(sql`${webhookDeliveries.id} = ANY (${sql.param(ids)}::uuid[])`)
    .for('update');
}

/** Locks the deliveries that an endpoint has of some messages. */
export async function lockByMessage(tx: Tx, endpointId: string, messageIds: readonly string[]): Promise<DeliveryRow[]> {
  if (messageIds.length === 0) return [];
  return await tx
    .select()
    .from(webhookDeliveries)
    .where(
      sql`${webhookDeliveries.endpointId} = ${endpointId}
        AND ${webhookDeliveries.messageId} = ANY (${sql.param(messageIds)}::uuid[])`,
    )
    .for('update');
}

/** Locks, of each order, the delivery that is pending and the earliest one that waits, if there are such. */
export async function lockHeads(tx: Tx, endpointId: string, orderIds: readonly string[]): Promise<DeliveryRow[]> {
  if (orderIds.length === 0) return [];
  const { rows } = await tx.execute<{ id: string }>(sql`
    SELECT head.id FROM unnest(${sql.param([...new Set(orderIds)])}::text[]) AS o(order_id) CROSS JOIN LATERAL (
      (SELECT id FROM webhook_deliveries d WHERE d.endpoint_id = ${endpointId} AND d.order_id = o.order_id
         AND d.status = 'pending' ORDER BY d.seq LIMIT 1)
      UNION ALL
      (SELECT id FROM webhook_deliveries d WHERE d.endpoint_id = ${endpointId} AND d.order_id = o.order_id
         AND d.status = 'waiting' ORDER BY d.seq LIMIT 1)) AS head`);
  return await lockDeliveries(
    tx,
    rows.map(({ id }) => id),
  );
}

/** Locks up to `limit` deliveries of an endpoint that are not over, behind one id, in the order of their ids. */
export async function lockUnfinished(
  tx: Tx,
  endpointId: string,
  afterId: string,
  limit: number,
): Promise<DeliveryRow[]> {
  // Each part is read along the index of deliveries by endpoint, status and id.
  const part = (status: string) => sql`
    (SELECT id FROM webhook_deliveries WHERE endpoint_id = ${endpointId} AND status = ${status} AND id > ${afterId}
     ORDER BY id LIMIT ${limit})`;
  const { rows } = await tx.execute<{ id: string }>(sql`
    SELECT id FROM (${part('waiting')} UNION ALL ${part('pending')}) AS parts ORDER BY id LIMIT ${limit}`);
  const ids = rows.map(({ id }) => id);
  return (await lockDeliveries(tx, ids)).sort((a, b) => (a.id < b.id ? -1 : 1));
}

const at = (instant: number | null): string | null => (instant === null ? null : new Date(instant).toISOString());

const record = (row: DeliveryRow) => ({
  ...row,
  queuedAt: at(row.queuedAt),
  scheduledAt: at(row.scheduledAt),
  askedUntil: at(row.askedUntil),
  nextAttemptAt: at(row.nextAttemptAt),
  lastAttemptAt: at(row.lastAttemptAt),
  createdAt: at(row.createdAt),
  finishedAt: at(row.finishedAt),
});

/** Writes deliveries as they are now: new ones, and those whose rows are locked. */
export async function saveDeliveries(tx: Tx, rows: readonly DeliveryRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.execute(sql`
    INSERT INTO webhook_deliveries (id, endpoint_id, message_id, type, order_id, order_version, seq, payload, created_at,
      status, attempts, is_retry, queued_at, scheduled_at, asked_until, next_attempt_at, last_attempt_at, claim,
      finished_at)
    SELECT "id", "endpointId", "messageId", "type", "orderId", "orderVersion", "seq", "payload", "createdAt",
      "status", "attempts", "isRetry", "queuedAt", "scheduledAt", "askedUntil", "nextAttemptAt", "lastAttemptAt",
      "claim", "finishedAt"
    FROM jsonb_to_recordset(${JSON.stringify(rows.map(record))}::jsonb) AS v("id" uuid, "endpointId" uuid,
      "messageId" uuid, "type" text, "orderId" text, "orderVersion" integer, "seq" bigint, "payload" jsonb,
      "createdAt" timestamptz, "status" text, "attempts" integer, "isRetry" boolean, "queuedAt" timestamptz,
      "scheduledAt" timestamptz, "askedUntil" timestamptz, "nextAttemptAt" timestamptz, "lastAttemptAt" timestamptz,
      "claim" uuid, "finishedAt" timestamptz)
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, attempts = excluded.attempts,
      is_retry = excluded.is_retry, queued_at = excluded.queued_at, scheduled_at = excluded.scheduled_at,
      asked_until = excluded.asked_until, next_attempt_at = excluded.next_attempt_at,
      last_attempt_at = excluded.last_attempt_at, claim = excluded.claim, finished_at = excluded.finished_at`);
}
