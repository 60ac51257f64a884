import { and, desc, eq, inArray, isNull, type SQL, sql } from 'drizzle-orm';
import type { DisputeType } from '../domain/rules.ts';
import type { Hold, Instant } from '../domain/state.ts';
import type { Database, Tx } from '../platform/postgres/database.ts';
import { CLOCK_AFTER_LOCK, IN_REAL_TIME, STATEMENT_TIME, timestamptz } from './clock.ts';
import { holds, orders } from './schema.ts';

export type HoldRow = typeof holds.$inferSelect;

/** What a new hold is for: all disputes if it names neither a type nor orders. */
export interface NewHold {
  readonly id: string;
  readonly type: DisputeType | null;
  readonly orderIds: readonly string[] | null;
  readonly note: string;
  readonly createdBy: string;
  readonly createdAt: Instant;
  /** From when on it counts; not after `createdAt`. */
  readonly since: Instant;
}

const NOW = sql`date_trunc('milliseconds', clock_timestamp())`;

/** From its commit on, every decision counts the hold. */
export async function insertHold(tx: Tx, hold: NewHold): Promise<HoldRow> {
  const orderIds = hold.orderIds === null ? null : [...hold.orderIds];
  const [row] = await tx
    .insert(holds)
    .values({ ...hold, orderIds })
    .returning();
  if (row === undefined) throw new Error('a hold was not inserted');
  return row;
}

/** Ends a hold that lasts; one that was released before stays as it is. Undefined if there is no such hold. */
export async function markReleased(tx: Tx, id: string, releasedBy: string): Promise<HoldRow | undefined> {
  await tx
    .update(holds)
    .set({ releasedBy, releasedAt: sql`greatest(${NOW}, ${holds.since})` })
    .where(sql`${holds.id} = ${id} AND ${holds.releasedAt} IS NULL`);
  const [row] = await tx.select().from(holds).where(eq(holds.id, id));
  return row;
}

/** The place of a hold in the list of all of them. */
export interface HoldPlace {
  readonly createdAt: Instant;
  readonly id: string;
}

/** Which holds are asked for. */
export interface HoldsRequest {
  /** The place behind which to begin; null for the newest hold. */
  readonly after: HoldPlace | null;
  readonly limit: number;
  /** Only holds that covered a dispute of this order while it was open; null for all. */
  readonly orderId: string | null;
  /** Whether only holds that last are asked for. */
  readonly onlyActive: boolean;
}

/** At most `limit` holds, newest first, with the database's clock. */
export async function listHolds(
  { query }: Database,
  { after, limit, orderId, onlyActive }: HoldsRequest,
): Promise<{ now: Instant; holds: HoldRow[] }> {
  const lasts = sql`${holds.finishedAt} IS NULL AND ${holds.releasedAt} IS NULL`;
  const isBehind =
    after === null
      ? sql`true`
      : sql`(${holds.createdAt}, ${holds.id}) < (${timestamptz(after.createdAt)}, ${after.id}::uuid)`;
  const rows = await query
    .select({ now: CLOCK_AFTER_LOCK, hold: holds })
    .from(sql`(SELECT 1) AS one`)
    .leftJoin(
      holds,
      and(isBehind, orderId === null ? undefined : coveredOrder(orderId), onlyActive ? lasts : undefined),
    )
    .orderBy(desc(holds.createdAt), desc(holds.id))
    .limit(limit);
  return { now: rows[0]?.now ?? 0, holds: rows.flatMap(({ hold }) => hold ?? []) };
}

/** A hold that lasts, by what it covers. */
export interface ActiveHold {
  readonly id: string;
  /** Null where it may cover any order. */
  readonly orderIds: readonly string[] | null;
}

/** All holds that last. */
export async function activeHolds({ query }: Database): Promise<readonly ActiveHold[]> {
  return await query
    .select({ id: holds.id, orderIds: holds.orderIds })
    .from(holds)
    .where(and(isNull(holds.finishedAt), isNull(holds.releasedAt)));
}

/** How many holds last, and the oldest of those for all disputes. */
export interface ActiveHolds {
  readonly count: number;
  /** Of the oldest hold for all disputes: from when on it counts; null if there is none, as the next one. */
  readonly ofAllSince: Instant | null;
  /** How long ago it was begun, in seconds. */
  readonly ofAllAgeSeconds: number | null;
}

/** Counts the holds that last. */
export async function countActiveHolds(reads: Pick<Tx, 'execute'>): Promise<ActiveHolds> {
  const { rows } = await reads.execute<ActiveHolds & Record<string, unknown>>(sql`
    SELECT count(*)::integer AS count, (extract(epoch FROM oldest.since) * 1000)::float8 AS "ofAllSince",
      extract(epoch FROM ${STATEMENT_TIME} - oldest.created_at)::float8 AS "ofAllAgeSeconds"
    FROM holds h LEFT JOIN LATERAL (SELECT since, created_at FROM holds WHERE finished_at IS NULL AND released_at IS NULL
      AND type IS NULL AND order_ids IS NULL ORDER BY created_at LIMIT 1) AS oldest ON true
    WHERE h.finished_at IS NULL AND h.released_at IS NULL GROUP BY oldest.since, oldest.created_at`);
  return rows[0] ?? { count: 0, ofAllSince: null, ofAllAgeSeconds: null };
}

/** Whether a hold lasts that covers an order, or an order of a party. */
export async function isHeldNow(
  { query }: Database,
  topic: { readonly orderId: string } | { readonly partyId: string },
): Promise<boolean> {
  const isCovered =
    'orderId' in topic
      ? sql`${topic.orderId} = ANY (h.order_ids)`
      : sql`EXISTS (SELECT 1 FROM orders o WHERE o.id = ANY (h.order_ids) AND ${topic.partyId} IN (o.client_id, o.freelancer_id))`;
  const { rows } = await query.execute<{ held: boolean }>(sql`
    SELECT EXISTS (SELECT 1 FROM holds h WHERE h.finished_at IS NULL AND h.released_at IS NULL
      AND (h.order_ids IS NULL OR ${isCovered})) AS held`);
  return rows[0]?.held ?? false;
}

/** The parties of some orders. */
export async function partiesOf({ query }: Database, orderIds: readonly string[]): Promise<readonly string[]> {
  const rows = await query
    .select({ clientId: orders.clientId, freelancerId: orders.freelancerId })
    .from(orders)
    .where(inArray(orders.id, [...orderIds]));
  return [...new Set(rows.flatMap(({ clientId, freelancerId }) => [clientId, freelancerId]))];
}

/** Finds a hold by its id. */
export async function findHold({ query }: Database, id: string): Promise<HoldRow | undefined> {
  const [row] = await query.select().from(holds).where(eq(holds.id, id));
  return row;
}

/** True while any hold lasts, or has ended and has not been counted for all disputes yet. */
const ANY_UNFINISHED = sql`EXISTS (SELECT 1 FROM holds u WHERE u.finished_at IS NULL)`;

/**
 * The holds that count for some orders, as a JSON array in one column, earliest first; empty where the time of each hold has
 * been counted for every dispute. Else it has all that ended after the oldest open dispute was opened: what is counted of
 * one depends on those that it overlaps.
 * @param orderIds an SQL array; null for all orders
 */
export function holdsFor(orderIds: SQL | null): SQL<Hold[]> {
  const concerned = orderIds === null ? sql`` : sql` AND (h.order_ids IS NULL OR h.order_ids && ${orderIds})`;
  return sql<Hold[]>`(CASE WHEN ${ANY_UNFINISHED} THEN (
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', h.id, 'type', h.type, 'orderIds', h.order_ids,
      'from', (extract(epoch from h.since) * 1000)::bigint,
      'until', (extract(epoch from h.released_at) * 1000)::bigint) ORDER BY h.since), '[]')
    FROM holds h WHERE (h.released_at IS NULL
      OR h.released_at > (SELECT min(d.opened_at) FROM disputes d WHERE d.status = 'open'))${concerned})
    ELSE '[]' END)`;
}

/** The clock and the holds that still count for some orders: what any look at their disputes needs, as fields of one row. */
export const clockAndHolds = (orderIds: SQL | null) => ({
  now: CLOCK_AFTER_LOCK.as('now'),
  holds: holdsFor(orderIds).as('holds'),
});

/** Whether a hold is for a dispute. */
const covers = (hold: SQL) => sql`(${hold}.type IS NULL OR ${hold}.type = disputes.type)
  AND (${hold}.order_ids IS NULL OR disputes.order_id = ANY (${hold}.order_ids))`;

/** True in a query of holds for those that covered a dispute of an order while it was open: one that was begun after its end moved nothing. */
const coveredOrder = (orderId: string) => sql`EXISTS (SELECT 1 FROM disputes
  WHERE disputes.order_id = ${orderId} AND ${IN_REAL_TIME} AND ${covers(sql.raw('holds'))}
    AND disputes.opened_at < coalesce(holds.released_at, 'infinity')
    AND coalesce(disputes.resolved_at, 'infinity') > holds.created_at)`;

const H = sql.raw('h');
const R = sql.raw('r');

/** The milliseconds in which released holds covered a dispute; time in which they overlap counts once. */
const heldMs = (condition: SQL) => sql`(SELECT coalesce(sum(extract(epoch FROM upper(p) - lower(p))), 0) * 1000
  FROM unnest((SELECT range_agg(tstzrange(greatest(r.since, disputes.opened_at), r.released_at)) FROM holds r
    WHERE r.released_at > greatest(r.since, disputes.opened_at) AND ${covers(R)} AND ${condition})) AS p)`;

/** True in a query of disputes for open ones that a hold, now released, has held without their deadlines having been moved. */
export const UNCOUNTED = sql`disputes.status = 'open' AND ${IN_REAL_TIME} AND EXISTS (
    SELECT 1 FROM holds h WHERE h.finished_at IS NULL AND h.released_at > greatest(h.since, disputes.opened_at)
      AND ${covers(H)})
  AND ${heldMs(sql`true`)} > disputes.held_ms`;

// A hold keeps what was not due when it starts. Where earlier ones have still to be counted, that is later than the stored
// deadline says.
const DUE = sql`disputes.respond_by
  + interval '1 millisecond' * greatest(0, ${heldMs(sql`r.since < disputes.respond_by`)} - disputes.held_ms)::float8`;

/** True in a query of disputes for those that no hold keeps from expiring; cheap where one keeps all of them. */
export const NOT_HELD = sql`disputes.respond_by <= (
    SELECT coalesce(min(h.since), 'infinity') FROM holds h
    WHERE h.released_at IS NULL AND h.type IS NULL AND h.order_ids IS NULL)
  AND NOT EXISTS (
    SELECT 1 FROM holds h WHERE h.released_at IS NULL AND ${covers(H)}
      AND (h.since < disputes.respond_by OR h.since < ${DUE}))`;
