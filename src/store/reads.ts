import { and, asc, eq, like, or, sql } from 'drizzle-orm';
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

/** Everything that happened to a dispute, oldest first. */
export function timelineOf({ query }: Database, dispute: Pick<Dispute, 'id' | 'orderId'>): Promise<LogRow[]> {
  return query
    .select()
    .from(logEntries)
    .where(
      and(
        eq(logEntries.orderId, dispute.orderId),
        eq(logEntries.disputeId, dispute.id),
        like(logEntries.type, 'dispute.%'),
      ),
    )
    .orderBy(asc(logEntries.orderVersion));
}
