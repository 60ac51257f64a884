import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { Instant } from '../domain/state.ts';
import type { Database, Tx } from '../platform/postgres/database.ts';
import { STATEMENT_TIME, timestamptz } from '../store/clock.ts';
import { erasures } from './schema.ts';

export type ErasureRow = typeof erasures.$inferSelect;

// No transaction lives so long.
const UNCOMMITTED = sql`interval '10 seconds'`;
const NOW = sql`date_trunc('milliseconds', clock_timestamp())`;

/** Asks for the erasure of everything that a user has written until now; asked again, it goes up to this later moment. */
export async function requestErasure(tx: Tx, userId: string, requestedBy: string): Promise<ErasureRow> {
  const asked = { requestedBy, requestedAt: NOW as unknown as Instant, finishedAt: null };
  const [row] = await tx
    .insert(erasures)
    .values({ userId, ...asked })
    .onConflictDoUpdate({ target: erasures.userId, set: asked })
    .returning();
  if (row === undefined) throw new Error('an erasure was not inserted');
  return row;
}

/** Whether an erasure, `erasures`, has a comment that can be erased now. */
const HAS_ERASABLE = sql`EXISTS (
  SELECT 1 FROM log_entries l JOIN disputes d ON d.id = l.dispute_id
  WHERE l.comment IS NOT NULL AND l.actor_id = erasures.user_id AND l.actor_role IN ('client', 'freelancer')
    AND l.occurred_at <= erasures.requested_at AND d.status = 'resolved')`;

/** Whether an erasure has a comment left, erasable now or waiting for its dispute. */
const HAS_ANY = sql`EXISTS (
  SELECT 1 FROM log_entries l WHERE l.comment IS NOT NULL AND l.actor_id = erasures.user_id
    AND l.actor_role IN ('client', 'freelancer') AND l.occurred_at <= erasures.requested_at)`;

/**
 * Up to `limit` unfinished erasures with something to do now: comments that can be erased, or none left at all. One that only
 * waits for open disputes takes no place from the others.
 */
export async function actionableErasures({ query }: Database, limit: number): Promise<ErasureRow[]> {
  return await query
    .select()
    .from(erasures)
    .where(
      sql`${erasures.finishedAt} IS NULL AND (${HAS_ERASABLE}
        OR (${erasures.requestedAt} < ${STATEMENT_TIME} - ${UNCOMMITTED} AND NOT ${HAS_ANY}))`,
    )
    .orderBy(erasures.requestedAt)
    .limit(limit);
}

/** Which comments are erased: those of one user by request, or all comments of disputes resolved so long ago. */
export type Erasable = Pick<ErasureRow, 'userId' | 'requestedAt'> | { readonly resolvedForMs: number };

/** Comments in the log, `l`, that are meant; each of the two has an index of its own. */
function isMeant(erasable: Erasable): SQL {
  if ('userId' in erasable) {
    return sql`l.actor_id = ${erasable.userId} AND l.actor_role IN ('client', 'freelancer')
      AND l.occurred_at <= ${timestamptz(erasable.requestedAt)}`;
  }
  const before = sql`${STATEMENT_TIME} - ${erasable.resolvedForMs}::float8 * interval '1 millisecond'`;
  // What is on a test clock goes with the clock, by real time.
  return sql`l.occurred_at < ${before} AND d.resolved_at < ${before} AND d.test_clock_id IS NULL`;
}

/**
 * Erases up to `limit` texts that may repeat comments of some orders and are not in the tables of the core, such as the answers
 * of webhook receivers, and says how many. It runs in the transaction that erases the comments.
 */
export type EraseCopies = (tx: Tx, orderIds: readonly string[], limit: number) => Promise<number>;

/** A comment in the log that is about to be erased; its row is locked. */
interface Meant {
  readonly orderId: string;
  readonly orderVersion: number;
  readonly disputeId: string;
  readonly isOpening: boolean;
}

/** Which comments a batch is made of. */
export interface Scope {
  readonly erasable: Erasable;
  /** Disputes whose comments cannot be erased now. */
  readonly except: readonly string[];
  /** Only these disputes; null for all. */
  readonly only: readonly string[] | null;
}

const isInScope = ({ erasable, except, only }: Scope) => sql`l.comment IS NOT NULL AND d.status = 'resolved'
  AND ${isMeant(erasable)} AND d.id <> ALL (${sql.param(except)}::uuid[])
  AND ${only === null ? sql`true` : sql`d.id = ANY (${sql.param(only)}::uuid[])`}`;

/** The disputes of the next `limit` comments. */
export async function disputesInScope({ query }: Database, scope: Scope, limit: number): Promise<string[]> {
  const { rows } = await query.execute<{ id: string }>(sql`
    SELECT DISTINCT id FROM (
      SELECT d.id FROM log_entries l JOIN disputes d ON d.id = l.dispute_id WHERE ${isInScope(scope)} LIMIT ${limit}) AS next`);
  return rows.map(({ id }) => id);
}

async function lockMeant(tx: Tx, scope: Scope, limit: number): Promise<Meant[]> {
  const { rows } = await tx.execute<Meant & Record<string, unknown>>(sql`
    SELECT l.order_id AS "orderId", l.order_version AS "orderVersion", l.dispute_id AS "disputeId",
      l.type = 'dispute.opened' AS "isOpening"
    FROM log_entries l JOIN disputes d ON d.id = l.dispute_id
    WHERE ${isInScope(scope)} LIMIT ${limit} FOR UPDATE OF l SKIP LOCKED`);
  return rows;
}

/** What one batch has done. */
export interface ErasedBatch {
  readonly comments: number;
  /** Whether there may be more to erase. */
  readonly isFull: boolean;
}

/**
 * Erases up to `limit` comments of resolved disputes: from the log, from the disputes that they opened, from the answers
 * that are kept for repeated keys, and from all copies. A resolved dispute never changes otherwise, so that no lock on its
 * order is needed. Where so many answers or copies repeat a comment that they fill a batch, the comments go with a later batch.
 * @param copiesAtOnce how many answers, and how many copies, a batch has at most
 */
export async function eraseComments(
  tx: Tx,
  scope: Scope,
  limit: number,
  eraseCopies: EraseCopies,
  copiesAtOnce = COPIES_AT_ONCE,
): Promise<ErasedBatch> {
  const meant = await lockMeant(tx, scope, limit);
  if (meant.length === 0) return { comments: 0, isFull: false };
  const openings = meant.filter(({ isOpening }) => isOpening).map(({ disputeId }) => disputeId);
  const orderIds = [...new Set(meant.map(({ orderId }) => orderId))];
  const isFull =
    (await eraseAnswers(tx, openings, copiesAtOnce)) === copiesAtOnce ||
    (await eraseCopies(tx, orderIds, copiesAtOnce)) === copiesAtOnce;
  if (isFull) return { comments: 0, isFull };
  await tx.execute(sql`
    UPDATE log_entries l SET comment = NULL, comment_erased_at = ${NOW}
    FROM jsonb_to_recordset(${JSON.stringify(meant)}::jsonb) AS m("orderId" text, "orderVersion" integer)
    WHERE l.order_id = m."orderId" AND l.order_version = m."orderVersion"`);
  await tx.execute(sql`UPDATE disputes SET comment = NULL WHERE id = ANY (${sql.param(openings)}::uuid[])`);
  return { comments: meant.length, isFull: meant.length === limit };
}

const COPIES_AT_ONCE = 200;

/**
 * Takes the comments of disputes out of kept answers, at most `limit`, and says out of how many. The answers stay:
 * without them a repetition would act anew. An answer begins with the id of its dispute, and an index leads to that
 * beginning, however many keys the parties have used.
 */
async function eraseAnswers(tx: Tx, disputeIds: readonly string[], limit: number): Promise<number> {
  if (disputeIds.length === 0) return 0;
  const beginnings = disputeIds.map((id) => JSON.stringify({ id }).slice(0, -1));
  const { rows } = await tx.execute<{ caller: string; key: string; body: string }>(sql`
    SELECT caller, key, response_body AS body FROM idempotency_keys
    WHERE left(response_body, 44) = ANY (${sql.param(beginnings)}::text[]) AND response_status IN (200, 201)
      AND jsonb_typeof(response_body::jsonb -> 'comment') = 'string' LIMIT ${limit}`);
  const erased = rows.map(({ body, ...key }) => ({
    ...key,
    body: JSON.stringify({ ...JSON.parse(body), comment: null }),
  }));
  await tx.execute(sql`
    UPDATE idempotency_keys k SET response_body = e.body
    FROM jsonb_to_recordset(${JSON.stringify(erased)}::jsonb) AS e(caller text, key text, body text)
    WHERE k.caller = e.caller AND k.key = e.key`);
  return rows.length;
}

/** How many comments of an erasure are still there: they stand in open disputes, or their turn has not come. */
export async function commentsLeft({ query }: Database, erasure: ErasureRow): Promise<number> {
  const { rows } = await query.execute<{ left: number }>(sql`
    SELECT count(*)::integer AS left FROM log_entries l WHERE l.comment IS NOT NULL AND ${isMeant(erasure)}`);
  return rows[0]?.left ?? 0;
}

/** Closes an erasure, unless it was asked for again, or so lately that what was written before may not be committed. */
export async function finishErasure(tx: Tx, { userId, requestedAt }: ErasureRow): Promise<void> {
  await tx
    .update(erasures)
    .set({ finishedAt: sql`greatest(${NOW}, ${erasures.requestedAt})` })
    .where(
      and(
        eq(erasures.userId, userId),
        eq(erasures.requestedAt, requestedAt),
        sql`${erasures.requestedAt} < ${NOW} - ${UNCOMMITTED}`,
      ),
    );
}
