import { and, asc, desc, eq, gt, like, or, sql } from 'drizzle-orm';
import type { Dispute, Instant, Order, State } from '../domain/state.ts';
import { type Database, prepared } from '../platform/postgres/database.ts';
import { CLOCK_AFTER_LOCK, clockTimeOf, instantOf } from './clock.ts';
import { holdsFor } from './holds.ts';
import { toDispute, toOrder } from './rows.ts';
import { disputes, logEntries, orders } from './schema.ts';
import { isVisible, ORDER_ID, parametersOf, WANTED, type Wanted } from './target.ts';

/** An order, some of its disputes, and the order's time when they were read: the database's clock, or its test clock's. */
export interface Found extends State {
  readonly now: Instant;
  readonly order: Order;
}

// Comparisons with an array of one are none that could be hashed: whatever the planner knows of the tables, the rows are
// looked up one by one, and not by hashing a table that was small when the plan was made.
const FIND = prepared('find_orders', (db: Database['query']) => {
  const matters = or(
    eq(disputes.status, 'open'),
    eq(disputes.id, orders.cancelledByDisputeId),
    sql`${disputes.id} = t.dispute_id`,
  );
  return db
    .select({
      index: sql<number>`t.index::integer`,
      now: CLOCK_AFTER_LOCK,
      clock: clockTimeOf(orders.testClockId),
      holds: holdsFor(sql`ARRAY[${orders.id}]`),
      order: orders,
      dispute: disputes,
    })
    .from(WANTED)
    .innerJoin(orders, sql`${orders.id} = ANY (ARRAY[${ORDER_ID}]) AND ${isVisible(sql`t.party_id`)}`)
    .leftJoin(disputes, and(sql`${disputes.orderId} = ANY (ARRAY[${orders.id}])`, matters));
});

type FoundRow = Awaited<ReturnType<ReturnType<typeof FIND>['execute']>>[number];

function foundIn(rows: readonly FoundRow[]): Found | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const order = toOrder(first.order);
  // Its test clock is being deleted, and the order with it.
  if (order.testClockId !== null && first.clock === null) return undefined;
  const { now, holds } = first.clock ?? first;
  return {
    now: instantOf(now, [order]),
    order,
    holds,
    disputes: rows.flatMap(({ dispute }) => (dispute === null ? [] : [toDispute(dispute)])),
  };
}

/** What one of those who asked gets: undefined for no such order, or none that this user may see. Throws for a damaged row. */
export type Finding = () => Found | undefined;

/**
 * Finds orders, each with its open dispute, the dispute that ended it, and the one that the target names.
 * @returns one for each that is wanted, in their order
 */
export async function find({ query }: Database, wanted: readonly Wanted[]): Promise<readonly Finding[]> {
  const rows = await FIND(query).execute(parametersOf(wanted));
  const groups: FoundRow[][] = wanted.map(() => []);
  for (const row of rows) groups[row.index - 1]?.push(row);
  return groups.map((group) => () => foundIn(group));
}

export type LogRow = typeof logEntries.$inferSelect;

/** A place in the timeline of a dispute: behind an entry of the order's log, so many entries from the beginning. */
export interface TimelinePlace {
  readonly orderVersion: number;
  readonly index: number;
}

/** A page of a timeline. */
export interface TimelinePage {
  readonly rows: readonly LogRow[];
  /** How many entries come before the page. */
  readonly begin: number;
  /** Where the next page begins; null after the last one. */
  readonly next: TimelinePlace | null;
}

/** What happened to a dispute, oldest first: at most `limit` entries behind a place, or from the beginning for null. */
export async function timelineOf(
  { query }: Database,
  dispute: Pick<Dispute, 'id' | 'orderId'>,
  after: TimelinePlace | null,
  limit: number,
): Promise<TimelinePage> {
  const found = await query
    .select()
    .from(logEntries)
    .where(
      and(
        eq(logEntries.orderId, dispute.orderId),
        eq(logEntries.disputeId, dispute.id),
        like(logEntries.type, 'dispute.%'),
        after === null ? undefined : gt(logEntries.orderVersion, after.orderVersion),
      ),
    )
    .orderBy(asc(logEntries.orderVersion))
    .limit(limit + 1);
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  const begin = after?.index ?? 0;
  const hasNext = found.length > limit && last !== undefined;
  return { rows, begin, next: hasNext ? { orderVersion: last.orderVersion, index: begin + rows.length } : null };
}

/** The dispute of an order that was resolved last, or undefined. An order has one open dispute at a time. */
export async function lastResolved({ query }: Database, orderId: string): Promise<Dispute | undefined> {
  const [row] = await query
    .select()
    .from(disputes)
    .where(and(eq(disputes.orderId, orderId), eq(disputes.status, 'resolved')))
    .orderBy(desc(disputes.openedAt), desc(disputes.id))
    .limit(1);
  return row === undefined ? undefined : toDispute(row);
}
