import { and, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { Instant } from '../domain/state.ts';
import type { Database, Tx } from '../platform/postgres/database.ts';
import { STATEMENT_TIME } from '../store/clock.ts';
import { idempotencyKeys } from '../store/schema.ts';
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

/** Up to `limit` erasures that still have something to do, those first that wait longest. */
export async function unfinishedErasures({ query }: Database, limit: number): Promise<ErasureRow[]> {
  return await query
    .select()
    .from(erasures)
    .where(sql`${erasures.finishedAt} IS NULL`)
    .orderBy(erasures.requestedAt)
    .limit(limit);
}

/** Whose comments are erased: those of one user by request, or everybody's in disputes resolved so long ago. */
export type Erasable = Pick<ErasureRow, 'userId' | 'requestedAt'> | { readonly resolvedForMs: number };

/** Comments in the log, `l`, that are meant; each of the two has an index of its own. */
function isMeant(erasable: Erasable): SQL {
  if ('userId' in erasable) {
    const until = new Date(erasable.requestedAt).toISOString();
    return sql`l.actor_id = ${erasable.userId} AND l.actor_role IN ('client', 'freelancer')
      AND l.occurred_at <= ${until}::timestamptz`;
  }
  const before = sql`${STATEMENT_TIME} - ${erasable.resolvedForMs}::float8 * interval '1 millisecond'`;
  return sql`l.occurred_at < ${before} AND d.resolved_at < ${before}`;
}

interface Touched {
  readonly disputeId: string;
  readonly clientId: string;
  readonly freelancerId: string;
}

type ErasedRow = { opened: boolean; order_id: string; dispute_id: string; client_id: string; freelancer_id: string };

/**
 * Erases what may repeat comments of some orders and is not in the tables of the core, such as the answers of webhook
 * receivers. It runs in the transaction that erases the comments.
 */
export type EraseCopies = (tx: Tx, orderIds: readonly string[]) => Promise<void>;

/**
 * Erases up to `limit` comments of resolved disputes: from the log, from the disputes that they opened, from the answers
 * that are kept for repeated keys, and from all copies. A resolved dispute never changes otherwise, so that no lock on its
 * order is needed.
 * @returns how many comments were erased
 */
export async function eraseComments(
  tx: Tx,
  erasable: Erasable,
  limit: number,
  eraseCopies: EraseCopies,
): Promise<number> {
  const { rows } = await tx.execute<ErasedRow>(sql`
    WITH meant AS MATERIALIZED (
      SELECT l.order_id, l.order_version FROM log_entries l JOIN disputes d ON d.id = l.dispute_id
      WHERE l.comment IS NOT NULL AND d.status = 'resolved' AND ${isMeant(erasable)}
      LIMIT ${limit} FOR UPDATE OF l SKIP LOCKED),
    gone AS (
      UPDATE log_entries l SET comment = NULL, comment_erased_at = ${NOW} FROM meant
      WHERE l.order_id = meant.order_id AND l.order_version = meant.order_version
      RETURNING l.order_id, l.dispute_id, l.type),
    opened AS (
      UPDATE disputes d SET comment = NULL FROM gone
      WHERE gone.type = 'dispute.opened' AND d.id = gone.dispute_id RETURNING d.id)
    SELECT gone.type = 'dispute.opened' AS opened, gone.order_id, gone.dispute_id, d.client_id, d.freelancer_id
    FROM gone JOIN disputes d ON d.id = gone.dispute_id`);
  const touched = rows.filter(({ opened }) => opened);
  await eraseAnswers(
    tx,
    touched.map((row) => ({ disputeId: row.dispute_id, clientId: row.client_id, freelancerId: row.freelancer_id })),
  );
  if (rows.length > 0) await eraseCopies(tx, [...new Set(rows.map((row) => row.order_id))]);
  return rows.length;
}

/** Takes the comments of disputes out of kept answers. The answers stay: without them a repetition would act anew. */
async function eraseAnswers(tx: Tx, disputes: readonly Touched[]): Promise<void> {
  if (disputes.length === 0) return;
  const callers = disputes.flatMap(({ clientId, freelancerId }) => [`user:${clientId}`, `user:${freelancerId}`]);
  const ids = new Set(disputes.map(({ disputeId }) => disputeId));
  const kept = await tx
    .select({ caller: idempotencyKeys.caller, key: idempotencyKeys.key, body: idempotencyKeys.responseBody })
    .from(idempotencyKeys)
    .where(
      and(inArray(idempotencyKeys.caller, [...new Set(callers)]), inArray(idempotencyKeys.responseStatus, [200, 201])),
    );
  for (const { caller, key, body } of kept) {
    const answer = JSON.parse(body) as { id?: string; comment?: string | null };
    if (!ids.has(answer.id ?? '') || typeof answer.comment !== 'string') continue;
    await tx
      .update(idempotencyKeys)
      .set({ responseBody: JSON.stringify({ ...answer, comment: null }) })
      .where(and(eq(idempotencyKeys.caller, caller), eq(idempotencyKeys.key, key)));
  }
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
