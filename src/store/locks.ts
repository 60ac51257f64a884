import { and, asc, eq, or, type SQL, sql } from 'drizzle-orm';
import type { Hold } from '../domain/holds.ts';
import type { Instant, Order, State } from '../domain/state.ts';
import type { Tx } from '../platform/database.ts';
import { mark } from '../platform/tracing.ts';
import { CLOCK } from './clock.ts';
import { holdsFor } from './holds.ts';
import { toDispute, toOrder } from './rows.ts';
import { disputes, orders } from './schema.ts';

/** Which order a command is about: its own id, or that of one of its disputes. */
export type Target = { readonly orderId: string } | { readonly disputeId: string };

function isTarget(tx: Tx, target: Target): SQL {
  if ('orderId' in target) return eq(orders.id, target.orderId);
  const owner = tx.select({ id: disputes.orderId }).from(disputes).where(eq(disputes.id, target.disputeId));
  return eq(orders.id, owner);
}

/** Locks the order that a user is a party of, or any order for null. Null if there is none that this user may see. */
export async function lockOrder(tx: Tx, target: Target, partyId: string | null): Promise<Order | null> {
  const visible = partyId === null ? undefined : or(eq(orders.clientId, partyId), eq(orders.freelancerId, partyId));
  const [row] = await tx
    .select()
    .from(orders)
    .where(and(isTarget(tx, target), visible))
    .for('update');
  mark('locked');
  return row === undefined ? null : toOrder(row);
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
  readonly holds: readonly Hold[];
}

/**
 * Reads the clock and the disputes of orders that are locked already: a statement of its own, so that the clock is read
 * after the lock was granted and never before. The instant never lies before the last change of any of the orders,
 * which keeps time running forwards across a failover to a server whose clock is behind.
 * @param addressedId a dispute to load also if it is resolved
 */
export async function readLocked(tx: Tx, locked: readonly Order[], addressedId: string | null): Promise<Snapshot> {
  // Beside the open ones: those that ended their orders, which the orders show.
  const resolvedIds = [...locked.map((order) => order.cancelledByDisputeId), addressedId].filter((id) => id !== null);
  const wanted = or(eq(disputes.status, 'open'), sql`${disputes.id} = ANY (${sql.param(resolvedIds)}::uuid[])`);
  const ids = locked.map(({ id }) => id);
  const clock = tx
    .select({ now: CLOCK.as('now'), holds: holdsFor(sql`${sql.param(ids)}::text[]`).as('holds') })
    .from(sql`(select 1) as one`)
    .as('clock');
  const rows = await tx
    .select({ now: clock.now, holds: clock.holds, dispute: disputes })
    .from(clock)
    .leftJoin(disputes, and(sql`${disputes.orderId} = ANY (${sql.param(ids)}::text[])`, wanted));
  const now = Math.max(rows[0]?.now ?? Number.NaN, ...locked.map(({ updatedAt }) => updatedAt));
  if (Number.isNaN(now)) throw new Error('the database did not tell the time');
  const loaded = rows.flatMap(({ dispute }) => (dispute === null ? [] : [toDispute(dispute)]));
  const holds = rows[0]?.holds ?? [];
  const states = locked.map((order) => ({
    order,
    disputes: loaded.filter(({ orderId }) => orderId === order.id),
    holds,
  }));
  return { now, states, holds };
}
