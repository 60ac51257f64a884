import { and, asc, eq, sql } from 'drizzle-orm';
import type { EntryType } from '../../domain/commands.ts';
import type { Dispute, Hold, Instant } from '../../domain/state.ts';
import type { Database, Tx } from '../../platform/postgres/database.ts';
import { CLOCK_TIME, type ClockTime, timestamptz } from '../clock.ts';
import { toDispute } from '../rows.ts';
import { disputes, testClocks } from '../schema.ts';

export type TestClockRow = typeof testClocks.$inferSelect;

/** What a decision needs of a test clock. */
export interface ClockFacts extends ClockTime {
  readonly id: string;
  /** How many orders it has; null where no command puts another one on it. */
  readonly orders: number | null;
}

const COUNT = sql`(SELECT count(*)::integer FROM orders o WHERE o.test_clock_id = c.id)`;

/**
 * Locks test clocks until the end of the transaction, in the order of their ids, and reads their time: no step of an advance
 * comes between a decision and its commit. Orders are locked before clocks; a step of an advance waits for no order.
 * @param named those on which commands put orders: another transaction that does the same waits for this one
 * @returns those that exist and are not being deleted
 */
export async function lockTestClocks(
  tx: Tx,
  ids: readonly string[],
  named: readonly string[],
): Promise<ReadonlyMap<string, ClockFacts>> {
  const strength = named.length > 0 ? sql`NO KEY UPDATE` : sql`SHARE`;
  await tx.execute(sql`
    SELECT id FROM test_clocks WHERE id = ANY (${sql.param([...ids])}::uuid[]) ORDER BY id FOR ${strength}`);
  // A statement of its own: what is counted has to be what was committed before the lock was granted.
  const { rows } = await tx.execute<{ id: string; time: ClockTime; orders: number | null }>(sql`
    SELECT c.id, ${CLOCK_TIME} AS time,
      CASE WHEN c.id = ANY (${sql.param([...named])}::uuid[]) THEN ${COUNT} END AS orders
    FROM test_clocks c WHERE c.id = ANY (${sql.param([...ids])}::uuid[]) AND c.status <> 'deleting'`);
  return new Map(rows.map(({ id, time, orders }) => [id, { id, ...time, orders }]));
}

/** A test clock on which a command would put an order, without a lock; undefined if there is none. */
export async function readTestClock({ query }: Database, id: string): Promise<ClockFacts | undefined> {
  const { rows } = await query.execute<{ id: string; time: ClockTime; orders: number }>(sql`
    SELECT c.id, ${CLOCK_TIME} AS time, ${COUNT} AS orders FROM test_clocks c WHERE c.id = ${id} AND c.status <> 'deleting'`);
  return rows.map(({ time, orders }) => ({ id, ...time, orders }))[0];
}

// Any constant will do, as long as every process uses the same.
const CREATION_LOCK = 7_305_416_203;

/** Counts the clocks that callers see; another transaction that counts them to add one waits for this one. */
export async function countTestClocks(tx: Tx): Promise<number> {
  await tx.execute(sql`SELECT pg_advisory_xact_lock(${CREATION_LOCK})`);
  const { rows } = await tx.execute<{ count: number }>(
    sql`SELECT count(*)::integer AS count FROM test_clocks WHERE status <> 'deleting'`,
  );
  return rows[0]?.count ?? 0;
}

/** A new clock; without a time it begins with the real one. */
export type NewTestClock = Pick<TestClockRow, 'id' | 'name' | 'createdBy'> & { readonly now: Instant | null };

const REAL_NOW = sql`date_trunc('milliseconds', clock_timestamp())`;

export async function insertTestClock(tx: Tx, { now, ...clock }: NewTestClock): Promise<TestClockRow> {
  const [row] = await tx
    .insert(testClocks)
    .values({
      ...clock,
      now: (now === null ? REAL_NOW : timestamptz(now)) as unknown as Instant, // an expression is inserted as it stands
      status: 'ready',
      createdAt: REAL_NOW as unknown as Instant, // as above
    })
    .returning();
  if (row === undefined) throw new Error('a test clock was not inserted');
  return row;
}

const IS_SHOWN = sql`${testClocks.status} <> 'deleting'`;

/** A clock with what callers are told beside it. */
export interface TestClockFound {
  readonly clock: TestClockRow;
  readonly orders: number;
  /** Whether it is advancing and no living process does it. */
  readonly isInterrupted: boolean;
}

const FOUND = {
  clock: testClocks,
  orders: sql<number>`(SELECT count(*)::integer FROM orders o WHERE o.test_clock_id = test_clocks.id)`,
  isInterrupted: sql<boolean>`coalesce(${testClocks.leasedUntil} <= clock_timestamp(), false)`,
};

/** Finds a clock that callers see. */
export async function findTestClock({ query }: Database, id: string): Promise<TestClockFound | undefined> {
  const [row] = await query
    .select(FOUND)
    .from(testClocks)
    .where(and(eq(testClocks.id, id), IS_SHOWN));
  return row;
}

/** Where a page of clocks begins: behind this one. */
export interface TestClockPlace {
  readonly createdAt: Instant;
  readonly id: string;
}

/** Clocks that callers see, oldest first. */
export async function listTestClocks(
  { query }: Database,
  after: TestClockPlace | null,
  limit: number,
): Promise<TestClockFound[]> {
  const isBehind =
    after === null
      ? undefined
      : sql`(${testClocks.createdAt}, ${testClocks.id}) > (${timestamptz(after.createdAt)}, ${after.id}::uuid)`;
  return await query
    .select(FOUND)
    .from(testClocks)
    .where(and(IS_SHOWN, isBehind))
    .orderBy(asc(testClocks.createdAt), asc(testClocks.id))
    .limit(limit);
}

/** Locks a clock that callers see against every other use of it, and says whether a living process is advancing it. */
export async function lockTestClock(
  tx: Tx,
  id: string,
): Promise<{ readonly clock: TestClockRow; readonly holds: readonly Hold[]; readonly isBusy: boolean } | undefined> {
  await tx.execute(sql`SELECT id FROM test_clocks WHERE id = ${id} FOR UPDATE`);
  const [row] = await tx
    .select({
      clock: testClocks,
      isBusy: sql<boolean>`coalesce(${testClocks.leasedUntil} > clock_timestamp(), false)`,
      time: sql<ClockTime>`(SELECT ${CLOCK_TIME} FROM test_clocks c WHERE c.id = test_clocks.id)`,
    })
    .from(testClocks)
    .where(and(eq(testClocks.id, id), IS_SHOWN));
  return row && { clock: row.clock, holds: row.time.holds, isBusy: row.isBusy };
}

/** What an advance writes about itself: who does it, for which request, from where to where. */
export interface AdvanceBegun {
  readonly lease: string;
  /** What tells the request from others; null for one without a key. */
  readonly request: string | null;
  readonly from: Instant;
  readonly to: Instant;
}

const leaseEnd = (ms: number) => sql`clock_timestamp() + ${ms}::float8 * interval '1 millisecond'`;

/** Writes down that a clock is advancing. It is locked. */
export async function beginAdvance(tx: Tx, id: string, { lease, request, from, to }: AdvanceBegun, leaseMs: number) {
  await tx.execute(sql`
    UPDATE test_clocks SET status = 'advancing', advanced_from = ${timestamptz(from)}, advance_to = ${timestamptz(to)},
      lease = ${lease}, leased_until = ${leaseEnd(leaseMs)}, advance_request = ${request}
    WHERE id = ${id}`);
}

/** Moves a locked clock, and renews its lease. */
export async function moveTestClock(tx: Tx, id: string, now: Instant, leaseMs: number): Promise<void> {
  await tx.execute(sql`
    UPDATE test_clocks SET now = ${timestamptz(now)}, leased_until = ${leaseEnd(leaseMs)} WHERE id = ${id}`);
}

/** Writes down that a locked clock has arrived. */
export async function endAdvance(tx: Tx, id: string): Promise<void> {
  await tx.execute(sql`
    UPDATE test_clocks SET now = advance_to, status = 'ready', lease = NULL, leased_until = NULL WHERE id = ${id}`);
}

/** Lets another process take up an advance at once. */
export async function giveUpAdvance(tx: Tx, id: string, lease: string): Promise<void> {
  await tx.execute(sql`UPDATE test_clocks SET leased_until = clock_timestamp() WHERE id = ${id} AND lease = ${lease}`);
}

/**
 * Open disputes of a clock by when their deadline or reminder is due, earliest first.
 * @param except ids that are left out
 */
export async function openOnTestClock(
  tx: Tx,
  id: string,
  { except, limit }: { readonly except: readonly string[]; readonly limit: number },
): Promise<Dispute[]> {
  const due = sql`least(${disputes.respondBy}, ${disputes.remindAt})`;
  const rows = await tx
    .select()
    .from(disputes)
    .where(
      and(
        eq(disputes.testClockId, id),
        sql`${disputes.testClockId} IS NOT NULL AND ${disputes.status} = 'open'`,
        sql`${disputes.id} <> ALL (${sql.param([...except])}::uuid[])`,
      ),
    )
    .orderBy(asc(due), asc(disputes.id))
    .limit(limit);
  return rows.map(toDispute);
}

/** Something that an advance brought about. */
export interface ClockTransition {
  readonly at: Instant;
  readonly type: EntryType;
  readonly orderId: string;
  readonly disputeId: string | null;
}

/** What time did to the orders of a clock after an instant and up to another, and how much of that there is. */
export interface ClockTransitions {
  readonly count: number;
  /** The first of them, in the order of their instants. */
  readonly first: readonly ClockTransition[];
}

/** What no request did: the log entries of a clock between two instants, as FROM and WHERE of a query. */
export const entriesOfAdvance = (id: string, from: Instant, to: Instant) => sql`
  orders o JOIN log_entries l ON l.order_id = o.id
  WHERE o.test_clock_id = ${id} AND l.occurred_at > ${timestamptz(from)} AND l.occurred_at <= ${timestamptz(to)}
    AND l.cause NOT LIKE 'request:%'`;

/** Reads what an advance has brought about. */
export async function readTransitions(
  { query }: Database,
  id: string,
  { from, to, limit }: { readonly from: Instant; readonly to: Instant; readonly limit: number },
): Promise<ClockTransitions> {
  const { rows } = await query.execute<ClockTransition & { count: number } & Record<string, unknown>>(sql`
    SELECT count(*) OVER ()::integer AS count, (extract(epoch from l.occurred_at) * 1000)::float8 AS at, l.type,
      l.order_id AS "orderId", l.dispute_id AS "disputeId"
    FROM ${entriesOfAdvance(id, from, to)}
    ORDER BY l.occurred_at, l.order_id, l.order_version LIMIT ${limit}`);
  const first = rows.map(({ count: _, ...transition }) => transition);
  return { count: rows[0]?.count ?? 0, first };
}
