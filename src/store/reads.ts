import { and, asc, desc, eq, gt, like, or, sql } from 'drizzle-orm';
import type { Dispute, Instant, Order, State } from '../domain/state.ts';
import { type Database, prepared } from '../platform/postgres/database.ts';
import { CLOCK_AFTER_LOCK, instantOf } from './clock.ts';
import { holdsFor } from './holds.ts';
import { toDispute, toOrder } from './rows.ts';
import { disputes, logEntries, orders } from './schema.ts';
import { byTarget, IS_VISIBLE, isTarget, type Target, type TargetTerms, TERMS } from './target.ts';

/** An order, some of its disputes, and the database's clock when they were read. */
export interface Found extends State {
  readonly now: Instant;
  readonly order: Order;
}

const finder = (terms: TargetTerms) => (db: Database['query']) => {
  const wanted = or(eq(disputes.status, 'open'), eq(disputes.id, orders.cancelledByDisputeId), terms.isAddressed);
  return db
    .select({ now: CLOCK_AFTER_LOCK, holds: holdsFor(sql`ARRAY[${orders.id}]`), order: orders, dispute: disputes })
    .from(orders)
    .leftJoin(disputes, and(eq(disputes.orderId, orders.id), wanted))
    .where(and(isTarget(terms), IS_VISIBLE));
};

const FIND = {
  order: prepared('find_order', finder(TERMS.order)),
  dispute: prepared('find_dispute', finder(TERMS.dispute)),
};

/**
 * Finds an order with its open dispute, the dispute that ended it, and the one that the target names.
 * Undefined if there is no such order, or none that this user may see.
 */
export async function find({ query }: Database, target: Target, partyId: string | null): Promise<Found | undefined> {
  const [kind, id] = byTarget(target);
  const rows = await FIND[kind](query).execute({ target: id, party: partyId });
  const first = rows[0];
  if (first === undefined) return undefined;
  const order = toOrder(first.order);
  return {
    now: instantOf(first.now, [order]),
    order,
    holds: first.holds,
    disputes: rows.flatMap(({ dispute }) => (dispute === null ? [] : [toDispute(dispute)])),
  };
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
