import { asc, getTableColumns, or, sql } from 'drizzle-orm';
import type { Dispute, Hold, Instant, Order } from '../domain/state.ts';
import { prepared, type Tx } from '../platform/postgres/database.ts';
import { mark } from '../platform/tracing.ts';
import { clockAndHolds } from './holds.ts';
import { toDispute, toOrder } from './rows.ts';
import { disputes, orders } from './schema.ts';
import { DISPUTE_IDS, isVisible, ORDER_ID, parametersOf, WANTED, WANTED_ORDER_IDS, type Wanted } from './target.ts';

/** Whether an order that another transaction has locked is waited for or passed over. */
export type Busy = 'wait' | 'skip';

// The condition on the array keeps the join from being planned the other way round, which reads every order.
const lock = (busy: Busy) => (tx: Tx) => {
  const wanted = sql`(SELECT ${ORDER_ID} AS order_id, t.party_id FROM ${WANTED}) AS wanted`;
  return tx
    .select(getTableColumns(orders))
    .from(orders)
    .innerJoin(wanted, sql`${orders.id} = wanted.order_id AND ${isVisible(sql`wanted.party_id`)}`)
    .where(sql`${orders.id} = ANY (${WANTED_ORDER_IDS})`)
    .orderBy(asc(orders.id))
    .for('update', busy === 'skip' ? { of: orders, skipLocked: true } : { of: orders });
};

const LOCK = { wait: prepared('lock_orders', lock('wait')), skip: prepared('lock_free_orders', lock('skip')) };

/**
 * Locks orders, always in the order of their ids, so that two transactions cannot wait for each other.
 * @returns those that exist, that their users may see and, with `skip`, that no other transaction has locked
 */
export async function lockOrders(tx: Tx, wanted: readonly Wanted[], busy: Busy): Promise<ReadonlyMap<string, Order>> {
  const rows = await LOCK[busy](tx).execute(parametersOf(wanted));
  mark('locked');
  return new Map(rows.map((row) => [row.id, toOrder(row)]));
}

/** What decisions need of orders that are locked. */
export interface Facts {
  /** The database's clock. */
  readonly clock: Instant;
  /** Of each order: the open dispute, the one that ended the order, and those that were addressed. */
  readonly disputes: readonly Dispute[];
  readonly holds: readonly Hold[];
}

const READ = prepared('read_facts', (tx: Tx) => {
  const clock = tx.select(clockAndHolds(WANTED_ORDER_IDS)).from(sql`(SELECT 1) AS one`).as('clock');
  const endedBy = sql`(SELECT o.cancelled_by_dispute_id FROM orders o WHERE o.id = ${disputes.orderId})`;
  const matters = or(
    sql`${disputes.status} = 'open'`,
    sql`${disputes.id} = ANY (${DISPUTE_IDS})`,
    sql`${disputes.id} = ${endedBy}`,
  );
  return tx
    .select({ now: clock.now, holds: clock.holds, dispute: disputes })
    .from(clock)
    .leftJoin(disputes, sql`${disputes.orderId} = ANY (${WANTED_ORDER_IDS}) AND ${matters}`);
});

/**
 * Reads the clock, the holds and the disputes of the orders that `lockOrders` locks: a statement of its own, so that the
 * clock is read after the locks were granted and never before. It may be sent before they are granted, if it is sent behind
 * `lockOrders`: the server runs one statement after the other.
 */
export async function readFacts(tx: Tx, wanted: readonly Wanted[]): Promise<Facts> {
  const { orderIds, disputeIds } = parametersOf(wanted);
  const rows = await READ(tx).execute({ orderIds, disputeIds });
  const found = rows.flatMap(({ dispute }) => (dispute === null ? [] : [toDispute(dispute)]));
  return { clock: rows[0]?.now ?? Number.NaN, disputes: found, holds: rows[0]?.holds ?? [] };
}
