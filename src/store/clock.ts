import { type SQL, sql } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import type { Hold, Instant } from '../domain/state.ts';
import type { Database, Tx } from '../platform/postgres/database.ts';

/** The database's clock in whole milliseconds, rounded down, so that what is compared is what is stored and shown. */
export const CLOCK_AFTER_LOCK = sql<number>`floor(extract(epoch from clock_timestamp()) * 1000)::float8`;

/**
 * The database's clock where rows are compared with it: the time at which the statement came. It stays the same for all of
 * them, so that an index can be entered with it; clock_timestamp() would be asked again for each row, and so every row
 * would be looked at. Only for finding rows: what is decided, is decided by `CLOCK_AFTER_LOCK` once the rows are locked.
 */
export const STATEMENT_TIME = sql`statement_timestamp()`;

/** True in a query of disputes for those in real time. Those on a test clock become due when their clock is advanced. */
export const IN_REAL_TIME = sql`disputes.test_clock_id IS NULL`;

/** The time of a test clock, and the holds in it. */
export interface ClockTime {
  readonly now: Instant;
  readonly holds: readonly Hold[];
}

const epochMs = (instant: SQL): SQL => sql`(extract(epoch from ${instant}) * 1000)::bigint`;

/** The time of a test clock in a query of `c`, as a JSON object. */
export const CLOCK_TIME = sql<ClockTime>`jsonb_build_object('now', ${epochMs(sql`c.now`)}, 'holds', (
  SELECT coalesce(jsonb_agg(jsonb_build_object('id', h.id, 'type', h.type, 'orderIds', h.order_ids,
    'from', ${epochMs(sql`ch.started_at`)}, 'until', ${epochMs(sql`ch.ended_at`)}) ORDER BY ch.started_at), '[]')
  FROM test_clock_holds ch JOIN holds h ON h.id = ch.hold_id WHERE ch.test_clock_id = c.id AND (ch.ended_at IS NULL OR ch.ended_at > ch.started_at)))`;

/**
 * The time of a test clock, as an expression that looks nothing up where there is none: null then, and for a clock that is
 * being deleted.
 * @param id the column with the clock's id
 */
export const clockTimeOf = (
  id: SQL | PgColumn,
): SQL<ClockTime | null> => sql<ClockTime | null>`CASE WHEN ${id} IS NOT NULL
  THEN (SELECT ${CLOCK_TIME} FROM test_clocks c WHERE c.id = ${id} AND c.status <> 'deleting') END`;

/** An instant as a parameter of a query that is compared with columns. */
export const timestamptz = (value: Instant): SQL => sql`${new Date(value).toISOString()}::timestamptz`;

/** Asks the database what time it is. */
export async function readClock(tx: Pick<Tx, 'execute'>): Promise<Instant> {
  const { rows } = await tx.execute<{ now: number }>(sql`SELECT ${CLOCK_AFTER_LOCK} AS now`);
  if (rows[0] === undefined) throw new Error('the database did not tell the time');
  return rows[0].now;
}

/**
 * The instant of a decision, or of a look: never before the last change of anything that it is about, which keeps time
 * running forwards across a failover to a server whose clock is behind.
 * @throws if the database did not tell the time
 */
export function instantOf(clock: Instant | undefined, about: readonly { readonly updatedAt: Instant }[]): Instant {
  const now = Math.max(clock ?? Number.NaN, ...about.map(({ updatedAt }) => updatedAt));
  if (Number.isNaN(now)) throw new Error('the database did not tell the time');
  return now;
}

// No transaction of the service lasts so long: its statements and its pauses are bounded. One that does is an operator's.
const LONGEST_TRANSACTION = sql`interval '30 seconds'`;

/**
 * The instant before which every change is committed: no transaction will commit one with an earlier `updatedAt`. The clock of
 * a decision is read after its order was locked, and the lock gives the transaction its id. So a transaction that has no id
 * yet will read a later time than this statement's, and one that has an id read a time after its own beginning.
 * Rows that are to be compared with it have to be read after this has returned, by a statement with a newer snapshot.
 */
export async function committedBefore({ query }: Database): Promise<Instant> {
  const { rows } = await query.execute<{ before: number }>(sql`
    SELECT floor(extract(epoch FROM least(statement_timestamp(), min(xact_start))) * 1000)::float8 AS before
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_xid IS NOT NULL
      AND xact_start > statement_timestamp() - ${LONGEST_TRANSACTION}`);
  if (rows[0] === undefined) throw new Error('the database did not tell the time');
  return rows[0].before;
}
