import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm';
import type { Database, Tx } from '../platform/database.ts';
import { THIS_MOMENT } from './clock.ts';
import type { FeedRow } from './feed.ts';
import { logEntries, webhookAttempts, webhookDeliveries } from './schema.ts';

export type DeliveryRow = typeof webhookDeliveries.$inferSelect;
export type AttemptRow = typeof webhookAttempts.$inferSelect;
export type DeliveryStatus = DeliveryRow['status'];

const NOW = sql`date_trunc('milliseconds', clock_timestamp())`;
const later = (ms: number) => sql`${NOW} + ${ms}::float8 * interval '1 millisecond'`;

/** The endpoints for which something is due; of one that is not active, only a test can be. */
export async function endpointsWithDue({ query }: Database): Promise<string[]> {
  const { rows } = await query.execute<{ id: string }>(sql`
    SELECT e.id FROM webhook_endpoints e WHERE (e.active AND EXISTS (
      SELECT 1 FROM webhook_deliveries d WHERE d.endpoint_id = e.id AND d.status = 'pending'
        AND d.next_attempt_at <= ${THIS_MOMENT}))
      OR e.id IN (SELECT d.endpoint_id FROM webhook_deliveries d WHERE d.status = 'pending'
        AND d.type = 'webhook_endpoint.test' AND d.next_attempt_at <= ${THIS_MOMENT})`);
  return rows.map(({ id }) => id);
}

export interface ClaimRequest {
  readonly endpointId: string;
  /** Marks what is claimed as this claim's. */
  readonly claim: string;
  /** How many are claimed at most; of an endpoint that fails, `probes`. */
  readonly limit: number;
  readonly probes: number;
  /** After this time they are anybody's again, in milliseconds. */
  readonly leaseMs: number;
}

/**
 * Claims deliveries that are due. Where an endpoint has come back, that is all that failed while it was away, however long
 * its next attempt would have been in coming.
 */
export async function claimDeliveries(tx: Tx, request: ClaimRequest): Promise<DeliveryRow[]> {
  const { endpointId, claim, limit, probes, leaseMs } = request;
  const { rows } = await tx.execute<{ id: string }>(sql`
    WITH e AS MATERIALIZED (
      SELECT active, recovered_at, failing_since,
        CASE WHEN failing_since IS NULL THEN ${limit}::integer ELSE least(${limit}::integer, ${probes}::integer) END AS most
      FROM webhook_endpoints WHERE id = ${endpointId}),
    due AS MATERIALIZED (
      SELECT d.id FROM webhook_deliveries d, e WHERE d.endpoint_id = ${endpointId} AND d.status = 'pending'
        AND (e.active OR d.type = 'webhook_endpoint.test')
        AND (d.next_attempt_at <= ${THIS_MOMENT} OR (e.failing_since IS NULL AND d.last_attempt_at < e.recovered_at
          AND d.attempts > 0 AND d.claim IS NULL))
      ORDER BY d.next_attempt_at LIMIT (SELECT most FROM e) FOR UPDATE OF d SKIP LOCKED)
    UPDATE webhook_deliveries d SET next_attempt_at = ${later(leaseMs)}, last_attempt_at = ${NOW}, claim = ${claim}
    FROM due WHERE d.id = due.id RETURNING d.id`);
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  return await tx
    .select()
    .from(webhookDeliveries)
    .where(sql`${webhookDeliveries.id} = ANY (${sql.param(ids)}::uuid[])`);
}

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

/** What came of one attempt, and what follows from it. */
export interface Finished {
  readonly attemptId: string;
  readonly deliveryId: string;
  readonly claim: string;
  readonly durationMs: number;
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly response: string | null;
  /** Whether the message was made with comments in it. */
  readonly withComments: boolean;
  readonly delivered: boolean;
  /** When to try again, in milliseconds from now; null if it is over. */
  readonly retryInMs: number | null;
}

/**
 * Writes down attempts at deliveries of one endpoint, which is locked. What is over lets the next event of its order go.
 * An attempt whose claim has passed to somebody else is written down, too, and changes nothing. What a receiver answered is
 * not kept if a comment of the order was erased while the attempt was under way: the answer may repeat it.
 */
export async function recordAttempts(tx: Tx, endpointId: string, attempts: readonly Finished[]): Promise<void> {
  const input = JSON.stringify(attempts);
  await tx.execute(sql`
    WITH v AS MATERIALIZED (
      SELECT * FROM jsonb_to_recordset(${input}::jsonb) AS v("attemptId" uuid, "deliveryId" uuid, "claim" uuid,
        "durationMs" integer, "statusCode" smallint, "error" text, "response" text, "withComments" boolean,
        "delivered" boolean,
        "retryInMs" float8)),
    noted AS (
      INSERT INTO webhook_attempts (id, delivery_id, at, duration_ms, status_code, error, response, with_comments, order_id)
      SELECT "attemptId", d.id, ${NOW} - "durationMs" * interval '1 millisecond', "durationMs", "statusCode", "error",
        CASE WHEN "withComments" AND (d.claim IS DISTINCT FROM v."claim" OR EXISTS (
          SELECT 1 FROM log_entries l WHERE l.order_id = d.order_id AND l.comment_erased_at >= d.last_attempt_at))
          THEN NULL ELSE "response" END,
        "withComments", d.order_id
      FROM v JOIN webhook_deliveries d ON d.id = v."deliveryId" ON CONFLICT (id) DO NOTHING),
    moved AS (
      UPDATE webhook_deliveries d SET attempts = d.attempts + 1, claim = NULL,
        status = CASE WHEN "delivered" THEN 'delivered' WHEN "retryInMs" IS NULL THEN 'failed' ELSE 'pending' END,
        next_attempt_at = CASE WHEN NOT "delivered" THEN ${NOW} + "retryInMs" * interval '1 millisecond' END,
        finished_at = CASE WHEN "delivered" OR "retryInMs" IS NULL THEN ${NOW} END
      FROM v WHERE d.id = v."deliveryId" AND d.claim = v."claim"
      RETURNING d.order_id, d.seq, d.status)
    UPDATE webhook_deliveries n SET status = 'pending', next_attempt_at = ${NOW}
    FROM moved WHERE moved.status <> 'pending' AND n.endpoint_id = ${endpointId} AND n.order_id = moved.order_id
      AND n.status = 'waiting' AND n.seq = (
        SELECT min(w.seq) FROM webhook_deliveries w WHERE w.endpoint_id = ${endpointId} AND w.order_id = moved.order_id
          AND w.status = 'waiting')`);
}

/** A message that is no event of the log. */
export interface Message {
  readonly deliveryId: string;
  readonly messageId: string;
  readonly type: string;
  readonly payload: Record<string, unknown>;
}

const newDelivery = ({ deliveryId, messageId, type, payload }: Message, endpointId: string) => ({
  id: deliveryId,
  endpointId,
  messageId,
  type,
  payload,
  status: 'pending' as const,
  attempts: 0,
  nextAttemptAt: NOW as unknown as number,
  createdAt: NOW as unknown as number,
});

/** Sends one message to one endpoint. */
export async function addMessage(tx: Tx, endpointId: string, message: Message): Promise<DeliveryRow> {
  const [row] = await tx.insert(webhookDeliveries).values(newDelivery(message, endpointId)).returning();
  if (row === undefined) throw new Error('a delivery was not inserted');
  return row;
}

/** Sends one message to all active endpoints that hear of its type, but for one; at most `limit` of them. */
export async function broadcast(
  tx: Tx,
  message: Omit<Message, 'deliveryId'>,
  exceptId: string,
  { limit, idOf }: { readonly limit: number; readonly idOf: () => string },
): Promise<void> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    SELECT id FROM webhook_endpoints WHERE active AND id <> ${exceptId}
      AND (types IS NULL OR ${message.type} = ANY (types)) ORDER BY id LIMIT ${limit}`);
  for (const { id } of rows) await addMessage(tx, id, { ...message, deliveryId: idOf() });
}

/**
 * Has a delivery sent now, with a new series of attempts; one that waits for an earlier event of its order goes on waiting.
 * @returns the delivery as it is then; undefined if there is none
 */
export async function renewDelivery(tx: Tx, id: string): Promise<DeliveryRow | undefined> {
  await tx
    .update(webhookDeliveries)
    .set({ status: 'pending', attempts: 0, nextAttemptAt: NOW as unknown as number, finishedAt: null, claim: null })
    .where(sql`${webhookDeliveries.id} = ${id} AND ${webhookDeliveries.status} <> 'waiting'`);
  return await findDelivery(tx, id);
}

export interface DeliveriesRequest {
  readonly endpointId: string;
  readonly status: DeliveryStatus | undefined;
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

/** Finds a delivery by its id. */
export async function findDelivery(query: Pick<Tx, 'select'>, id: string): Promise<DeliveryRow | undefined> {
  const [row] = await query.select().from(webhookDeliveries).where(eq(webhookDeliveries.id, id));
  return row;
}

/** The last attempts at some deliveries, at most `perDelivery` of each, oldest first. */
export async function attemptsOf({ query }: Database, deliveryIds: readonly string[], perDelivery: number) {
  if (deliveryIds.length === 0) return [];
  const ranked = query
    .select({
      id: webhookAttempts.id,
      rank: sql<number>`row_number() OVER (PARTITION BY delivery_id ORDER BY id DESC)`.as('rank'),
    })
    .from(webhookAttempts)
    .where(inArray(webhookAttempts.deliveryId, [...deliveryIds]))
    .as('ranked');
  const latest = query.select({ id: ranked.id }).from(ranked).where(sql`${ranked.rank} <= ${perDelivery}`);
  return await query
    .select()
    .from(webhookAttempts)
    .where(inArray(webhookAttempts.id, latest))
    .orderBy(webhookAttempts.id);
}

/**
 * Erases what receivers answered that may repeat a comment of some orders: to any message of these orders, and to messages
 * without an order. The lock on the endpoints has each attempt either recorded before, and so erased here, or after, when
 * the recording sees what was erased.
 */
export async function eraseResponses(tx: Tx, orderIds: readonly string[]): Promise<void> {
  await tx.execute(sql`SELECT id FROM webhook_endpoints ORDER BY id FOR SHARE`);
  await tx.execute(sql`
    UPDATE webhook_attempts SET response = NULL WHERE with_comments AND response IS NOT NULL
      AND (order_id = ANY (${sql.param(orderIds)}::text[]) OR order_id IS NULL)`);
}

/** Forgets up to `limit` deliveries that have been over for `retentionMs`, with their attempts; says how many. */
export async function forgetDeliveries(tx: Tx, retentionMs: number, limit: number): Promise<number> {
  const { rowCount } = await tx.execute(sql`
    DELETE FROM webhook_deliveries WHERE id IN (
      SELECT id FROM webhook_deliveries WHERE finished_at IS NOT NULL
        AND finished_at < ${THIS_MOMENT} - ${retentionMs}::float8 * interval '1 millisecond' LIMIT ${limit})`);
  return rowCount ?? 0;
}

/** How long the oldest delivery that is not over has been waiting, in seconds, and how many endpoints were disabled. */
export async function backlog({ query }: Database): Promise<{ oldestAgeS: number; disabled: number }> {
  const { rows } = await query.execute<{ age: number | null; disabled: number }>(sql`
    SELECT extract(epoch FROM ${THIS_MOMENT} - (
        SELECT d.created_at FROM webhook_deliveries d WHERE d.status IN ('waiting', 'pending')
        ORDER BY d.created_at LIMIT 1))::float8 AS age,
      (SELECT count(*) FROM webhook_endpoints WHERE disabled_reason IS NOT NULL)::integer AS disabled`);
  return { oldestAgeS: rows[0]?.age ?? 0, disabled: rows[0]?.disabled ?? 0 };
}
