import { sql } from 'drizzle-orm';
import { type Dispute, loggedDispute, loggedOrder, type Order } from '../domain/state.ts';
import type { Entry } from '../domain/transition.ts';
import type { Tx } from '../platform/postgres/database.ts';
import { LostRaceError } from '../platform/postgres/retry.ts';
import { writtenColumns } from '../platform/postgres/written-columns.ts';
import { fromDispute, fromOrder } from './rows.ts';
import { disputes, logEntries, orders } from './schema.ts';
import { TIMERS_OF_DISPUTES } from './timers.ts';

/** A log entry with what only its writer knows. */
export interface IdentifiedEntry {
  readonly id: string;
  readonly cause: string;
  readonly entry: Entry;
  /** The trace of the request or of the transaction that wrote it, in the form of W3C Trace Context. */
  readonly traceParent: string | null;
}

/** Rows as they were when they were locked, and as they shall be; `before` is null for a new one. */
interface Changed<T> {
  readonly before: T | null;
  readonly after: T;
}

/** Everything that decisions on locked orders change. It is written in one statement, or not at all. */
export interface WriteSet {
  readonly orders: readonly Changed<Order>[];
  /** With the test clock of their orders, and the trace to which a timer of theirs belongs. */
  readonly disputes: readonly (Changed<Dispute> & {
    readonly testClockId: string | null;
    readonly traceParent: string | null;
  })[];
  readonly entries: readonly IdentifiedEntry[];
}

const ORDERS = writtenColumns(orders, { fixed: ['id', 'clientId', 'freelancerId', 'createdAt'] });
const DISPUTES = writtenColumns(disputes, {
  // The comment of an opening is erased by others; it is never written again.
  fixed: [
    'id',
    'orderId',
    'clientId',
    'freelancerId',
    'type',
    'openerRole',
    'reason',
    'comment',
    'change',
    'openedAt',
    'testClockId',
  ],
});
// Positions are assigned after the commit, and comments are erased later; the trace is found out by the statement.
const ENTRIES = writtenColumns(logEntries, { apart: ['seq', 'commentErasedAt', 'traceParent'] });

function orderRecord({ before, after }: Changed<Order>) {
  return {
    ...ORDERS.record(fromOrder(after)),
    write: before === null ? 'insert' : 'update',
    guard_version: before?.version ?? 0,
    guard_revision: before?.revision ?? 0,
  };
}

function disputeRecord({ before, after, testClockId, traceParent }: WriteSet['disputes'][number]) {
  const row = fromDispute(after, testClockId);
  return {
    ...DISPUTES.record(row),
    write: before === null ? 'insert' : 'update',
    guard_version: before?.version ?? 0,
    // A test clock is advanced by a caller: nothing has to wake for it.
    has_new_deadline: testClockId === null && before?.deadlineSeq !== after.deadlineSeq,
    wake_at: new Date(row.remindAt ?? row.respondBy).toISOString(),
    trace_parent: traceParent,
  };
}

const idOf = (actor: Entry['actor']): string | null => ('id' in actor ? actor.id : null);

function entryRecord({ id, cause, entry, traceParent }: IdentifiedEntry) {
  const record = ENTRIES.record({
    id,
    cause,
    orderId: entry.order.id,
    orderVersion: entry.orderVersion,
    type: entry.type,
    occurredAt: entry.at,
    disputeId: entry.dispute?.id ?? null,
    actorRole: entry.actor.role,
    actorId: idOf(entry.actor),
    comment: entry.comment,
    data: {
      order: loggedOrder(entry.order),
      dispute: entry.dispute === null ? null : loggedDispute(entry.dispute),
      previous: entry.previous,
      ...(entry.notification !== null && { notification: entry.notification }),
    },
  });
  return { ...record, current_trace: traceParent };
}

/*
 * One statement, since each round trip is paid with a lock held. Guards: an update hits its row only in the version in which
 * it was read; an insert collides with the row that must not be there. The counts tell whether every row was hit.
 * Its plan is made once for a connection, perhaps when there was nothing in the tables. So nothing invites it to read a whole
 * table: comparing `write` to a text, it expects one row; no condition is that of a partial index; and each join has its keys in
 * an array, too, since it may be planned the other way round, from every row of the table.
 */
const WRITE = `
  WITH input AS MATERIALIZED (SELECT $1::jsonb AS j),
  -- The records of the orders and of the disputes.
  o AS (SELECT v.* FROM input, jsonb_to_recordset(j->'orders') AS v(${ORDERS.definitions},
    write text, guard_version integer, guard_revision bigint)),
  d AS (SELECT v.* FROM input, jsonb_to_recordset(j->'disputes') AS v(${DISPUTES.definitions},
    write text, guard_version integer, has_new_deadline boolean, wake_at timestamptz, trace_parent text)),
  -- Orders that are reported for the first time.
  new_orders AS (
    INSERT INTO orders (${ORDERS.names}) SELECT ${ORDERS.names}
    FROM o WHERE write = 'insert' ON CONFLICT (id) DO NOTHING RETURNING 1),
  -- Orders that are still as they were read.
  changed_orders AS (
    UPDATE orders SET ${ORDERS.changesFrom('o')}
    FROM o WHERE o.write = 'update' AND orders.id = o.id AND orders.id = ANY (ARRAY(SELECT id FROM o))
      AND orders.version = o.guard_version AND orders.revision = o.guard_revision RETURNING 1),
  -- Disputes that are opened.
  new_disputes AS (
    INSERT INTO disputes (${DISPUTES.names}) SELECT ${DISPUTES.names} FROM d WHERE write = 'insert' RETURNING 1),
  -- Open disputes that are still as they were read.
  changed_disputes AS (
    UPDATE disputes SET ${DISPUTES.changesFrom('d')}
    FROM d WHERE d.write = 'update' AND disputes.id = d.id AND disputes.id = ANY (ARRAY(SELECT id FROM d))
      AND disputes.version = d.guard_version AND disputes.resolution IS NULL RETURNING 1),
  ${TIMERS_OF_DISPUTES},
  -- A deadline that failed before and has taken effect now.
  recovered AS (
    DELETE FROM deadline_failures USING d
    WHERE dispute_id = d.id AND dispute_id = ANY (ARRAY(SELECT id FROM d)) AND d.status = 'resolved'),
  -- The log, each entry in the trace of its request, or in that of the deadline that took effect.
  entries AS (
    INSERT INTO log_entries (${ENTRIES.names}, trace_parent)
    SELECT ${ENTRIES.names}, coalesce(
      CASE WHEN cause NOT LIKE 'request:%' THEN (SELECT parents FROM traces)->>dispute_id::text END, current_trace)
    FROM input, jsonb_to_recordset(j->'entries') AS v(${ENTRIES.definitions}, current_trace text) RETURNING 1)
  SELECT (SELECT count(*) FROM new_orders)::integer + (SELECT count(*) FROM changed_orders)::integer AS orders,
    (SELECT count(*) FROM new_disputes)::integer + (SELECT count(*) FROM changed_disputes)::integer AS disputes,
    (SELECT count(*) FROM entries)::integer AS entries`;

const [HEAD, TAIL] = WRITE.split('$1') as [string, string];
const writing = (input: string) => sql`${sql.raw(HEAD)}${input}${sql.raw(TAIL)}`;

type Counts = { orders: number; disputes: number; entries: number };

/**
 * Writes what decisions changed, with its log entries and timers. It is sent before this returns.
 * @throws LostRaceError if any row was no longer as it was read; the transaction must not commit then
 */
export async function write(tx: Tx, set: WriteSet): Promise<void> {
  const input = JSON.stringify({
    orders: set.orders.map(orderRecord),
    disputes: set.disputes.map(disputeRecord),
    entries: set.entries.map(entryRecord),
  });
  const { rows } = await tx.execute<Counts>(writing(input)).execute();
  const hit = rows[0];
  const complete =
    hit?.orders === set.orders.length && hit.disputes === set.disputes.length && hit.entries === set.entries.length;
  if (!complete) throw new LostRaceError('a row was not as it was read');
}
