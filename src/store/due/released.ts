import { and, isNotNull, isNull, type SQL, sql } from 'drizzle-orm';
import type { Database, Tx } from '../../platform/postgres/database.ts';
import { IN_REAL_TIME } from '../clock.ts';
import { NOT_HELD, UNCOUNTED } from '../holds.ts';
import { holds } from '../schema.ts';
import { MAY_BE_TRIED } from './overdue.ts';

/** How many open disputes one statement looks at. The time held of each is computed, which takes some ten microseconds. */
const LOOKED_AT = 5_000;

/** What one statement has found among the open disputes that it looked at. */
interface Look {
  /** The ids of those that meet the condition, in the order of their opening. */
  readonly ids: readonly string[];
  /** The id of the last one that was looked at; null if there was none. */
  readonly last: string | null;
  readonly looked: number;
}

/**
 * Looks at the next `lookedAt` open disputes in the order of their opening, and finds up to `limit` that meet a condition.
 * The condition is not part of the inner query: the planner expects few rows of it, and would sort all open disputes.
 */
async function look(
  { query }: Database,
  condition: SQL,
  limit: number,
  behind: string | null,
  lookedAt: number,
): Promise<Look> {
  const place = sql`(SELECT b.opened_at, b.id FROM disputes b WHERE b.id = ${behind})`;
  const isBehind = behind === null ? sql`true` : sql`(disputes.opened_at, disputes.id) > ${place}`;
  // The limit is part of the text: a plan that does not know it sorts all open disputes, too.
  const { rows } = await query.execute<Look & Record<string, unknown>>(sql`
    WITH looked AS MATERIALIZED (
      SELECT * FROM disputes WHERE disputes.status = 'open' AND ${IN_REAL_TIME} AND ${isBehind}
      ORDER BY disputes.opened_at, disputes.id LIMIT ${sql.raw(String(lookedAt))})
    SELECT ARRAY(
        SELECT disputes.id FROM looked AS disputes WHERE ${condition}
        ORDER BY disputes.opened_at, disputes.id LIMIT ${limit}) AS ids,
      (SELECT id FROM looked ORDER BY opened_at DESC, id DESC LIMIT 1) AS last,
      (SELECT count(*)::integer FROM looked) AS looked`);
  return rows[0] ?? { ids: [], last: null, looked: 0 };
}

/** Looks at all open disputes behind one, in bounded steps, until `limit` are found that meet a condition. */
async function findOpen(
  db: Database,
  condition: SQL,
  limit: number,
  behind: string | null,
  lookedAt: number,
): Promise<string[]> {
  const found: string[] = [];
  for (let place = behind; ; ) {
    const { ids, last, looked } = await look(db, condition, limit - found.length, place, lookedAt);
    found.push(...ids);
    if (found.length === limit || looked < lookedAt) return found;
    place = last;
  }
}

/**
 * Open disputes whose holds have ended and whose deadline has not been moved for it, in the order of their opening: at most
 * `limit` ids, without those that failed lately and are waiting for another try.
 * @param behind the id of a dispute: only those that were opened after it
 * @param lookedAt how many open disputes one statement looks at
 */
export async function releasedDisputes(
  db: Database,
  limit: number,
  behind: string | null = null,
  lookedAt = LOOKED_AT,
): Promise<string[]> {
  return await findOpen(db, sql`${UNCOUNTED} AND ${NOT_HELD} AND ${MAY_BE_TRIED}`, limit, behind, lookedAt);
}

/**
 * Whether a released hold has held any open dispute whose deadline has not been moved for it, also one that failed lately or
 * that another hold goes on holding.
 * @param lookedAt how many open disputes one statement looks at
 */
export async function anyUncounted(db: Database, lookedAt = LOOKED_AT): Promise<boolean> {
  return (await findOpen(db, UNCOUNTED, 1, null, lookedAt)).length > 0;
}

/** The ids of the holds that are released and not closed yet. */
export async function releasedHolds({ query }: Database): Promise<readonly string[]> {
  const rows = await query
    .select({ id: holds.id })
    .from(holds)
    .where(and(isNull(holds.finishedAt), isNotNull(holds.releasedAt)));
  return rows.map(({ id }) => id);
}

/**
 * Closes released holds of which nothing is left to move. As long as any other hold is not closed, none is: the time of one
 * that has ended still counts for a dispute that another one goes on holding.
 * @param holdIds all holds that were released and not closed when the search for what is left to move began
 */
export async function finishHolds(tx: Tx, holdIds: readonly string[]): Promise<void> {
  const ids = sql`${sql.param([...holdIds])}::uuid[]`;
  await tx.execute(sql`
    UPDATE holds h SET finished_at = greatest(date_trunc('milliseconds', clock_timestamp()), h.released_at)
    WHERE h.finished_at IS NULL AND h.id = ANY (${ids})
      AND NOT EXISTS (SELECT 1 FROM holds a WHERE a.finished_at IS NULL AND a.id <> ALL (${ids}))`);
}
