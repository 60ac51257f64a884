import { and, asc, eq, or, sql } from 'drizzle-orm';
import type { Dispute, Hold, Instant, Order, State } from '../domain/state.ts';
import { prepared, type Tx } from '../platform/postgres/database.ts';
import { mark } from '../platform/tracing.ts';
import { instantOf } from './clock.ts';
import { clockAndHolds } from './holds.ts';
import { toDispute, toOrder } from './rows.ts';
import { disputes, orders } from './schema.ts';
import { byTarget, IS_VISIBLE, isTarget, type Target, type TargetTerms, TERMS } from './target.ts';

const lock = (terms: TargetTerms) => (tx: Tx) =>
  tx
    .select()
    .from(orders)
    .where(and(isTarget(terms), IS_VISIBLE))
    .for('update');

/** The clock, the holds, and the disputes of an order: the open one, the one that ended it, and the one addressed. */
const read =
  ({ orderId, isAddressed }: TargetTerms) =>
  (tx: Tx) => {
    const clock = tx
      .select(clockAndHolds(sql`ARRAY[${orderId}]`))
      .from(sql`(select 1) as one`)
      .as('clock');
    const endedBy = sql`(SELECT ${orders.cancelledByDisputeId} FROM ${orders} WHERE ${orders.id} = ${orderId})`;
    const wanted = or(eq(disputes.status, 'open'), eq(disputes.id, endedBy), isAddressed);
    return tx
      .select({ now: clock.now, holds: clock.holds, dispute: disputes })
      .from(clock)
      .leftJoin(disputes, and(sql`${disputes.orderId} = ${orderId}`, wanted));
  };

const LOCK = {
  order: prepared('lock_order', lock(TERMS.order)),
  dispute: prepared('lock_order_of_dispute', lock(TERMS.dispute)),
};
const READ = {
  order: prepared('read_order', read(TERMS.order)),
  dispute: prepared('read_order_of_dispute', read(TERMS.dispute)),
};

/** Locks the order that a user is a party of, or any order for null. Null if there is none that this user may see. */
export async function lockOrder(tx: Tx, target: Target, partyId: string | null): Promise<Order | null> {
  const [kind, id] = byTarget(target);
  const [row] = await LOCK[kind](tx).execute({ target: id, party: partyId });
  mark('locked');
  return row === undefined ? null : toOrder(row);
}

/** What a decision needs of one order that is locked. */
export interface Facts {
  /** The database's clock. */
  readonly clock: Instant;
  readonly disputes: readonly Dispute[];
  readonly holds: readonly Hold[];
}

/**
 * Reads the clock and the disputes of the order that `lockOrder` locks: a statement of its own, so that the clock is read
 * after the lock was granted and never before. It may be sent before the lock is granted, if it is sent behind it: the
 * server runs one statement after the other.
 */
export async function readFacts(tx: Tx, target: Target): Promise<Facts> {
  const [kind, id] = byTarget(target);
  const rows = await READ[kind](tx).execute({ target: id });
  const loaded = rows.flatMap(({ dispute }) => (dispute === null ? [] : [toDispute(dispute)]));
  return { clock: rows[0]?.now ?? Number.NaN, disputes: loaded, holds: rows[0]?.holds ?? [] };
}

/**
 * Locks the orders that some disputes belong to, always in the same sequence, so that two batches cannot deadlock.
 * @param busy what to do about an order that somebody else has locked: `wait` for it or `skip` it
 */
export async function lockOrdersOf(tx: Tx, disputeIds: readonly string[], busy: 'wait' | 'skip'): Promise<Order[]> {
  const owners = tx
    .select({ id: disputes.orderId })
    .from(disputes)
    .where(sql`${disputes.id} = ANY (${sql.param(disputeIds)}::uuid[])`);
  const query = tx.select().from(orders).where(sql`${orders.id} IN ${owners}`).orderBy(asc(orders.id));
  const rows = await (busy === 'skip' ? query.for('update', { skipLocked: true }) : query.for('update'));
  mark('locked');
  return rows.map(toOrder);
}

/** What a decision needs of locked orders, and the one instant at which it is taken. */
export interface Snapshot {
  readonly now: Instant;
  readonly states: readonly State[];
}

/** The same for many orders that are locked already. */
export async function readLocked(tx: Tx, locked: readonly Order[]): Promise<Snapshot> {
  // Beside the open ones: those that ended their orders, which the orders show.
  const endedBy = locked.map((order) => order.cancelledByDisputeId).filter((id) => id !== null);
  const wanted = or(eq(disputes.status, 'open'), sql`${disputes.id} = ANY (${sql.param(endedBy)}::uuid[])`);
  const ids = locked.map(({ id }) => id);
  const clock = tx
    .select(clockAndHolds(sql`${sql.param(ids)}::text[]`))
    .from(sql`(select 1) as one`)
    .as('clock');
  const rows = await tx
    .select({ now: clock.now, holds: clock.holds, dispute: disputes })
    .from(clock)
    .leftJoin(disputes, and(sql`${disputes.orderId} = ANY (${sql.param(ids)}::text[])`, wanted));
  const byOrder = new Map<string, Dispute[]>(ids.map((id) => [id, []]));
  for (const { dispute } of rows) if (dispute !== null) byOrder.get(dispute.orderId)?.push(toDispute(dispute));
  const holds = rows[0]?.holds ?? [];
  const states = locked.map((order) => ({ order, disputes: byOrder.get(order.id) ?? [], holds }));
  return { now: instantOf(rows[0]?.now, locked), states };
}
