import { inArray, sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres/database.ts';
import { webhookAttempts } from './schema.ts';

export type AttemptRow = typeof webhookAttempts.$inferSelect;

/** What came of one attempt. */
export interface MadeAttempt {
  readonly id: string;
  readonly deliveryId: string;
  /** The claim under which it was made. */
  readonly claim: string;
  /** When it began. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly response: string | null;
  /** Whether the message was made with comments in it. */
  readonly withComments: boolean;
  /** Whether it was one of the attempts of its series, and no early one. */
  readonly counted: boolean;
}

/**
 * How long before an attempt a comment may have been erased that its message still showed: the claim reads comments as they
 * are committed, and the transaction that erases them may commit later than this moment of it. The limits of a transaction
 * (src/platform/postgres/session.ts) end it long before.
 */
const ERASURE_COMMITTED_WITHIN = sql`interval '1 minute'`;

/**
 * Writes down attempts at deliveries of one endpoint, which is locked; repeating it is safe. What a receiver answered is
 * not kept if a comment of the order was erased since the attempt began, or shortly before: the answer may repeat it.
 */
export async function insertAttempts(tx: Tx, attempts: readonly MadeAttempt[]): Promise<void> {
  const input = attempts.map(({ startedAt, ...rest }) => ({ ...rest, startedAt: new Date(startedAt).toISOString() }));
  await tx.execute(sql`
    INSERT INTO webhook_attempts (id, delivery_id, at, duration_ms, status_code, error, response, with_comments, counted,
      order_id)
    SELECT v."id", d.id, v."startedAt", v."durationMs", v."statusCode", v."error",
      CASE WHEN v."withComments" AND EXISTS (
        SELECT 1 FROM log_entries l WHERE l.order_id = d.order_id
          AND l.comment_erased_at >= v."startedAt" - ${ERASURE_COMMITTED_WITHIN})
        THEN NULL ELSE v."response" END,
      v."withComments", v."counted", d.order_id
    FROM jsonb_to_recordset(${JSON.stringify(input)}::jsonb) AS v("id" uuid, "deliveryId" uuid, "startedAt" timestamptz,
      "durationMs" integer, "statusCode" smallint, "error" text, "response" text, "withComments" boolean,
      "counted" boolean)
    JOIN webhook_deliveries d ON d.id = v."deliveryId" ON CONFLICT (id) DO NOTHING`);
}

/** The last attempts at some deliveries, at most `perDelivery` of each, oldest first. */
export async function attemptsOf(query: Pick<Tx, 'select'>, deliveryIds: readonly string[], perDelivery: number) {
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
 * Erases up to `limit` texts that receivers answered and that may repeat a comment of some orders: to any message of these
 * orders, and to messages without an order. The lock on the endpoints has each attempt either recorded before, and so erased
 * here, or after, when the recording sees what was erased.
 * @returns how many were erased
 */
export async function eraseResponses(tx: Tx, orderIds: readonly string[], limit: number): Promise<number> {
  await tx.execute(sql`SELECT id FROM webhook_endpoints ORDER BY id FOR SHARE`);
  const { rowCount } = await tx.execute(sql`
    UPDATE webhook_attempts SET response = NULL WHERE id IN (
      SELECT id FROM webhook_attempts WHERE with_comments AND response IS NOT NULL
        AND (order_id = ANY (${sql.param(orderIds)}::text[]) OR order_id IS NULL) LIMIT ${limit})`);
  return rowCount ?? 0;
}
