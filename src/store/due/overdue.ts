import { sql } from 'drizzle-orm';
import { loggable } from '../../platform/log.ts';
import type { Database, Tx } from '../../platform/postgres/database.ts';
import { IN_REAL_TIME, STATEMENT_TIME } from '../clock.ts';
import { NOT_HELD } from '../holds.ts';

/**
 * True in a query of disputes for the open ones in real time whose deadline has passed and that no hold keeps. The status is written out: a
 * plan that is made once cannot know that a parameter fits the index of open disputes.
 */
export const OVERDUE = sql`disputes.status = 'open' AND disputes.respond_by <= ${STATEMENT_TIME} AND ${IN_REAL_TIME}
  AND ${NOT_HELD}`;

/** False in a query of disputes for those that failed lately and are waiting for another try. */
export const MAY_BE_TRIED = sql`NOT EXISTS (
  SELECT 1 FROM deadline_failures f WHERE f.dispute_id = disputes.id AND f.retry_at > clock_timestamp())`;

/**
 * The open disputes whose deadline has passed, longest overdue first: the ids of at most `limit` of them, without those
 * that failed lately and are waiting for another try.
 * @param behind the id of a dispute: only those whose turn comes after its own
 */
export async function overdueDisputes(
  { query }: Database,
  limit: number,
  behind: string | null = null,
): Promise<string[]> {
  const place = sql`(SELECT b.respond_by, b.id FROM disputes b WHERE b.id = ${behind})`;
  const isBehind = behind === null ? sql`true` : sql`(disputes.respond_by, disputes.id) > ${place}`;
  const { rows } = await query.execute<{ id: string }>(sql`
    SELECT disputes.id FROM disputes
    WHERE ${OVERDUE} AND ${MAY_BE_TRIED} AND ${isBehind}
    ORDER BY disputes.respond_by, disputes.id LIMIT ${limit}`);
  return rows.map(({ id }) => id);
}

/** Open disputes of which a reminder is due: the ids of at most `limit` of them. */
export async function disputesToRemind({ query }: Database, limit: number): Promise<string[]> {
  const { rows } = await query.execute<{ id: string }>(sql`
    SELECT disputes.id FROM disputes
    WHERE disputes.status = 'open' AND disputes.remind_at <= ${STATEMENT_TIME} AND ${IN_REAL_TIME} AND ${NOT_HELD} AND ${MAY_BE_TRIED}
    ORDER BY disputes.remind_at LIMIT ${limit}`);
  return rows.map(({ id }) => id);
}

const MAX_ERROR_LENGTH = 1_000;

/**
 * Notes that a deadline could not take effect or be moved, and why; it is tried again after 2, 4, 8 … seconds, at most 5
 * minutes. Two who failed at the same time, one in each worker, count as one.
 * @returns how often it has failed
 */
export async function noteFailure(tx: Tx, disputeId: string, error: unknown): Promise<number> {
  const text = JSON.stringify(loggable(error)).slice(0, MAX_ERROR_LENGTH);
  const { rows } = await tx.execute<{ attempts: number }>(sql`
    INSERT INTO deadline_failures AS f (dispute_id, attempts, retry_at, last_error)
    VALUES (${disputeId}, 1, clock_timestamp() + interval '2 seconds', ${text})
    ON CONFLICT (dispute_id) DO UPDATE SET last_error = excluded.last_error,
      attempts = f.attempts + (f.retry_at <= clock_timestamp())::integer,
      retry_at = CASE WHEN f.retry_at > clock_timestamp() THEN f.retry_at
        ELSE clock_timestamp() + least(interval '5 minutes', interval '1 second' * 2 ^ least(f.attempts + 1, 10)) END
    RETURNING attempts`);
  return rows[0]?.attempts ?? 0;
}
