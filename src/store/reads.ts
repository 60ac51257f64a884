import { and, asc, eq, like, or, type SQL, sql } from 'drizzle-orm';
import type { Dispute, Instant, Order, State } from '../domain/state.ts';
import { type Database, prepared } from '../platform/database.ts';
import { CLOCK } from './clock.ts';
import { holdsFor } from './holds.ts';
import { instantOf, type Target } from './locks.ts';
import { toDispute, toOrder } from './rows.ts';
import { disputes, logEntries, orders } from './schema.ts';

/** An order, some of its disputes, and the database's clock when they were read. */
export interface Found extends State {
  readonly now: Instant;
  readonly order: Order;
}

/** What a user may see: the orders in which it is a party. Null sees all of them. */
export function visibleTo(partyId: string | null): SQL | undefined {
  return partyId === null ? undefined : or(eq(orders.clientId, partyId), eq(orders.freelancerId, partyId));
}

const TARGET = sql.placeholder('target');
const PARTY = sql.placeholder('party');

const finder = (isTarget: SQL, isAddressed: SQL) => (db: Database['query']) => {
  const wanted = or(eq(disputes.status, 'open'), eq(disputes.id, orders.cancelledByDisputeId), isAddressed);
  const visible = sql`(${PARTY}::text IS NULL OR ${PARTY} IN (${orders.clientId}, ${orders.freelancerId}))`;
  return db
    .select({ now: CLOCK, holds: holdsFor(sql`ARRAY[${orders.id}]`), order: orders, dispute: disputes })
    .from(orders)
    .leftJoin(disputes, and(eq(disputes.orderId, orders.id), wanted))
    .where(and(isTarget, visible));
};

const isAddressed = sql`${disputes.id} = ${TARGET}::uuid`;
const owner = sql`(SELECT ${disputes.orderId} FROM ${disputes} WHERE ${isAddressed})`;
const FIND_ORDER = prepared('find_order', finder(sql`${orders.id} = ${TARGET}`, sql`false`));
const FIND_DISPUTE = prepared('find_dispute', finder(sql`${orders.id} = ${owner}`, isAddressed));

/**
 * Finds an order with its open dispute, the dispute that ended it, and the one that the target names.
 * Undefined if there is no such order, or none that this user may see.
 */
export async function find({ query }: Database, target: Target, partyId: string | null): Promise<Found | undefined> {
  const rows = await ('orderId' in target
    ? FIND_ORDER(query).execute({ target: target.orderId, party: partyId })
    : FIND_DISPUTE(query).execute({ target: target.disputeId, party: partyId }));
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
