import { sql } from 'drizzle-orm';
import type { Actor, Dispute, Order } from '../domain/state.ts';
import type { Entry } from '../domain/transition.ts';
import type { Tx } from '../platform/postgres/database.ts';
import { LostRaceError } from '../platform/postgres/retry.ts';
import { traceParent } from '../platform/tracing.ts';
import { fromDispute, fromOrder } from './rows.ts';

/** A log entry with what only its writer knows. */
export interface IdentifiedEntry {
  readonly id: string;
  readonly cause: string;
  readonly entry: Entry;
}

/** Rows as they were when they were locked, and as they shall be; `before` is null for a new one. */
interface Changed<T> {
  readonly before: T | null;
  readonly after: T;
}

/** Everything that decisions on locked orders change. It is written in one statement, or not at all. */
export interface WriteSet {
  readonly orders: readonly Changed<Order>[];
  readonly disputes: readonly Changed<Dispute>[];
  readonly entries: readonly IdentifiedEntry[];
}

const at = (instant: number | null): string | null => (instant === null ? null : new Date(instant).toISOString());

function orderRecord({ before, after }: Changed<Order>) {
  const row = fromOrder(after);
  return {
    ...row,
    write: before === null ? 'insert' : 'update',
    guardVersion: before?.version ?? 0,
    guardRevision: before?.revision ?? 0,
    deliverBy: at(row.deliverBy),
    reportedDeliverBy: at(row.reportedDeliverBy),
    createdAt: at(row.createdAt),
    updatedAt: at(row.updatedAt),
  };
}

function disputeRecord({ before, after }: Changed<Dispute>) {
  const row = fromDispute(after);
  return {
    ...row,
    write: before === null ? 'insert' : 'update',
    hasNewDeadline: before?.deadlineSeq !== after.deadlineSeq,
    guardVersion: before?.version ?? 0,
    openedAt: at(row.openedAt),
    updatedAt: at(row.updatedAt),
    respondBy: at(row.respondBy),
    resolvedAt: at(row.resolvedAt),
    heldThrough: at(row.heldThrough),
    remindAt: at(row.remindAt),
    // As Postgres writes an array: a JSON array has no place in a record that is spread into columns.
    remindersMs: `{${row.remindersMs.join(',')}}`,
    wakeAt: at(row.remindAt ?? row.respondBy),
  };
}

const idOf = (actor: Actor): string | null => ('id' in actor ? actor.id : null);

function entryRecord({ id, cause, entry }: IdentifiedEntry) {
  const { comment: _comment, ...dispute } = entry.dispute ?? { comment: null };
  return {
    id,
    cause,
    orderId: entry.order.id,
    orderVersion: entry.orderVersion,
    type: entry.type,
    occurredAt: at(entry.at),
    disputeId: entry.dispute?.id ?? null,
    actorRole: entry.actor.role,
    actorId: idOf(entry.actor),
    comment: entry.comment,
    data: { order: entry.order, dispute: entry.dispute === null ? null : dispute, previous: entry.previous },
  };
}

// One statement, since each round trip is paid with a lock held. Guards: an update hits its row only in the version in
// which it was read; an insert collides with the row that should not be there. The counts tell which of them did.
// Its plan is made once for a connection, perhaps when there was next to nothing in the tables. So nothing invites it to read
// something whole: comparing "write" to a text, it expects one row, and no condition is that of a partial index.
// A timer whose time has come goes at once: its job is due as well, and finds nothing to do. One that lies ahead stays, without
// a time, until the relay has taken its job away.
// What silence does belongs to the trace of the request that set its deadline, which the timer knows.
const WRITE = (input: string) => sql`
  WITH input AS MATERIALIZED (SELECT ${input}::jsonb AS j),
  o AS (SELECT v.* FROM input, jsonb_to_recordset(j->'orders') AS v("id" text, "write" text, "guardVersion" integer,
    "guardRevision" bigint, "clientId" text, "freelancerId" text, "status" text, "reportedStatus" text,
    "deliverBy" timestamptz, "reportedDeliverBy" timestamptz, "extras" jsonb, "priceAmount" bigint, "priceCurrency" text,
    "title" text, "revision" bigint, "version" integer, "cancelledByDisputeId" uuid, "createdAt" timestamptz,
    "updatedAt" timestamptz)),
  d AS (SELECT v.* FROM input, jsonb_to_recordset(j->'disputes') AS v("id" uuid, "write" text,
    "hasNewDeadline" boolean, "guardVersion" integer, "orderId" text, "clientId" text, "freelancerId" text, "type" text,
    "status" text, "openerRole" text, "reason" text, "comment" text, "change" jsonb, "openedAt" timestamptz,
    "updatedAt" timestamptz, "respondBy" timestamptz, "deadlineSeq" integer, "resolution" text, "resolvedByRole" text,
    "resolvedById" text, "resolvedAt" timestamptz, "version" integer, "heldThrough" timestamptz,
    "remindersMs" bigint[], "remindAt" timestamptz, "wakeAt" timestamptz)),
  new_orders AS (
    INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, deliver_by, reported_deliver_by, extras,
      price_amount, price_currency, title, revision, version, cancelled_by_dispute_id, created_at, updated_at)
    SELECT "id", "clientId", "freelancerId", "status", "reportedStatus", "deliverBy", "reportedDeliverBy", "extras",
      "priceAmount", "priceCurrency", "title", "revision", "version", "cancelledByDisputeId", "createdAt", "updatedAt"
    FROM o WHERE "write" = 'insert' ON CONFLICT (id) DO NOTHING RETURNING 1),
  changed_orders AS (
    UPDATE orders SET status = o."status", reported_status = o."reportedStatus", deliver_by = o."deliverBy",
      reported_deliver_by = o."reportedDeliverBy", extras = o."extras", price_amount = o."priceAmount",
      price_currency = o."priceCurrency", title = o."title", revision = o."revision", version = o."version",
      cancelled_by_dispute_id = o."cancelledByDisputeId", updated_at = o."updatedAt"
    FROM o WHERE o."write" = 'update' AND orders.id = o."id" AND orders.version = o."guardVersion"
      AND orders.revision = o."guardRevision" RETURNING 1),
  new_disputes AS (
    INSERT INTO disputes (id, order_id, client_id, freelancer_id, type, status, opener_role, reason, comment, change,
      opened_at, updated_at, respond_by, deadline_seq, version, reminders_ms, remind_at)
    SELECT "id", "orderId", "clientId", "freelancerId", "type", "status", "openerRole", "reason", "comment", "change",
      "openedAt", "updatedAt", "respondBy", "deadlineSeq", "version", "remindersMs", "remindAt"
    FROM d WHERE "write" = 'insert' RETURNING 1),
  changed_disputes AS (
    UPDATE disputes SET status = d."status", updated_at = d."updatedAt", respond_by = d."respondBy",
      deadline_seq = d."deadlineSeq", resolution = d."resolution", resolved_by_role = d."resolvedByRole",
      resolved_by_id = d."resolvedById", resolved_at = d."resolvedAt", version = d."version",
      held_through = d."heldThrough", reminders_ms = d."remindersMs", remind_at = d."remindAt"
    FROM d WHERE d."write" = 'update' AND disputes.id = d."id" AND disputes.version = d."guardVersion"
      AND disputes.resolution IS NULL RETURNING 1),
  dropped_timers AS (
    UPDATE timers SET due_at = NULL, leased_until = d."updatedAt"
    FROM d WHERE d."write" = 'update' AND timers.dispute_id = d."id" AND timers.due_at > d."updatedAt"
      AND (d."status" = 'resolved' OR timers.seq < d."deadlineSeq")
    RETURNING timers.dispute_id, timers.trace_parent),
  spent_timers AS (
    DELETE FROM timers USING d WHERE d."write" = 'update' AND timers.dispute_id = d."id" AND timers.due_at <= d."updatedAt"
      AND (timers.seq < d."deadlineSeq" OR d."status" = 'resolved')
    RETURNING timers.dispute_id, timers.trace_parent),
  traces AS (SELECT jsonb_object_agg(dispute_id, trace_parent) AS parents FROM (
    SELECT * FROM dropped_timers UNION ALL SELECT * FROM spent_timers) AS t),
  new_timers AS (
    INSERT INTO timers (dispute_id, seq, due_at, leased_until, trace_parent)
    SELECT "id", "deadlineSeq", "wakeAt", "updatedAt",
      coalesce((SELECT parents FROM traces)->>"id"::text, (SELECT j->>'traceParent' FROM input))
    FROM d WHERE "status" = 'open' AND "hasNewDeadline"),
  recovered AS (
    DELETE FROM deadline_failures USING d WHERE dispute_id = d."id" AND d."status" = 'resolved'),
  entries AS (
    INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause,
      comment, data, trace_parent)
    SELECT "orderId", "orderVersion", "id", "type", "occurredAt", "disputeId", "actorRole", "actorId", "cause",
      "comment", "data", coalesce(
        CASE WHEN "cause" NOT LIKE 'request:%' THEN (SELECT parents FROM traces)->>"disputeId"::text END,
        (SELECT j->>'traceParent' FROM input))
    FROM input, jsonb_to_recordset(j->'entries') AS v("orderId" text, "orderVersion" integer, "id" uuid, "type" text,
      "occurredAt" timestamptz, "disputeId" uuid, "actorRole" text, "actorId" text, "cause" text, "comment" text,
      "data" jsonb) RETURNING 1)
  SELECT (SELECT count(*) FROM new_orders)::integer + (SELECT count(*) FROM changed_orders)::integer AS orders,
    (SELECT count(*) FROM new_disputes)::integer + (SELECT count(*) FROM changed_disputes)::integer AS disputes,
    (SELECT count(*) FROM entries)::integer AS entries`;

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
    traceParent: traceParent(),
  });
  const { rows } = await tx.execute<Counts>(WRITE(input)).execute();
  const hit = rows[0];
  const complete =
    hit?.orders === set.orders.length && hit.disputes === set.disputes.length && hit.entries === set.entries.length;
  if (!complete) throw new LostRaceError('a row was not as it was read');
}
