import { type SQL, sql } from 'drizzle-orm';
import type { Instant } from '../domain/state.ts';
import type { Tx } from '../platform/postgres/database.ts';

/** One wake-up: a deadline of a dispute, by the count of the promise. `dueAt` null means that it is not wanted any more. */
export interface Timer {
  readonly disputeId: string;
  readonly seq: number;
  readonly dueAt: Instant | null;
  /** The trace of the request that set it, in the form of W3C Trace Context; where it is traced, and known. */
  readonly traceParent?: string | null;
}

/** Timers to hand over, and the database's clock when they were leased. */
export interface TimerBatch {
  readonly now: Instant;
  readonly timers: readonly Timer[];
}

export interface LeaseOptions {
  readonly limit: number;
  /** How far ahead of its deadline a timer is handed over, in milliseconds. */
  readonly horizonMs: number;
  /** How long a timer counts as handed over, in milliseconds: close to its deadline, and otherwise. */
  readonly nearLeaseMs: number;
  readonly farLeaseMs: number;
}

const NEAR_MS = 5 * 60_000;

/**
 * Leases the timers whose turn it is. What two relays do at once does no harm, but they pass over each other's rows.
 * A timer beyond the horizon is put off until the horizon reaches it.
 */
export async function leaseTimers(tx: Tx, options: LeaseOptions): Promise<TimerBatch> {
  const ms = (value: number) => sql`${value}::float8 * interval '1 millisecond'`;
  const { rows } = await tx.execute<{
    now: number;
    id: string;
    seq: number;
    due: number | null;
    wanted: boolean;
    parent: string | null;
  }>(sql`
    WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
    turn AS MATERIALIZED (
      SELECT ctid AS place FROM timers WHERE leased_until <= (SELECT now FROM clock)
      ORDER BY leased_until LIMIT ${options.limit} FOR UPDATE SKIP LOCKED)
    UPDATE timers t SET leased_until = CASE
        WHEN t.due_at - clock.now > ${ms(options.horizonMs)} THEN t.due_at - ${ms(options.horizonMs)}
        WHEN t.due_at - clock.now < ${ms(NEAR_MS)} THEN clock.now + ${ms(options.nearLeaseMs)}
        ELSE clock.now + ${ms(options.farLeaseMs)} END
    FROM clock WHERE t.ctid = ANY (ARRAY(SELECT place FROM turn))
    RETURNING floor(extract(epoch from clock.now) * 1000)::float8 AS now, t.dispute_id AS id, t.seq,
      (extract(epoch from t.due_at) * 1000)::float8 AS due,
      t.due_at IS NULL OR t.due_at - clock.now <= ${ms(options.horizonMs)} AS wanted, t.trace_parent AS parent`);
  const timers = rows
    .filter(({ wanted }) => wanted)
    .map(({ id, seq, due, parent }) => ({ disputeId: id, seq, dueAt: due, traceParent: parent }));
  return { now: rows[0]?.now ?? 0, timers };
}

/** The keys of timers, as a parameter from which `jsonb_to_recordset` makes rows of an `id` and a `seq`. */
export const keysOf = (timers: readonly Timer[]): string =>
  JSON.stringify(timers.map(({ disputeId, seq }) => ({ id: disputeId, seq })));

// Row by row from the keys, whatever is known about the table. After a backlog most of it is unwanted; a planner with statistics
// from before it would compare all of that with every key.
// And none is waited for: who has locked one may be waiting for another of them. Decisions write theirs in an order of their own.
const placesOf = (timers: readonly Timer[], condition: SQL) => sql`ARRAY(
  SELECT place FROM jsonb_to_recordset(${keysOf(timers)}::jsonb) AS k(id uuid, seq integer) CROSS JOIN LATERAL (
    SELECT ctid AS place FROM timers WHERE dispute_id = k.id AND timers.seq = k.seq AND ${condition}
    LIMIT 1 FOR UPDATE SKIP LOCKED) AS t)`;

/**
 * Gives leases back, so that the timers are handed over again at the next turn. One that a decision is changing at this moment
 * is left to it.
 */
export async function returnLeases(tx: Tx, timers: readonly Timer[]): Promise<void> {
  const places = placesOf(timers, sql`true`);
  await tx.execute(sql`UPDATE timers SET leased_until = clock_timestamp() WHERE ctid = ANY (${places})`);
}

/** Forgets unwanted timers whose jobs have been taken away; one that is locked at this moment comes again. */
export async function forgetTimers(tx: Tx, timers: readonly Timer[]): Promise<void> {
  const places = placesOf(timers, sql`due_at IS NULL`);
  await tx.execute(sql`DELETE FROM timers WHERE ctid = ANY (${places})`);
}

/**
 * The part of the write statement that keeps timers in step with disputes: CTEs over `d`, the records of the disputes
 * that are written, each with `write`, `has_new_deadline`, `wake_at` and the `trace_parent` of its request. `traces` says
 * for each dispute which trace the timers had that it loses.
 */
export const TIMERS_OF_DISPUTES = `
  -- A timer ahead that is not wanted any more stays, without a time, until the relay has taken its job away.
  dropped_timers AS (
    UPDATE timers SET due_at = NULL, leased_until = d.updated_at
    FROM d WHERE d.write = 'update' AND timers.dispute_id = d.id AND timers.dispute_id = ANY (ARRAY(SELECT id FROM d))
      AND timers.due_at > d.updated_at AND (d.status = 'resolved' OR timers.seq < d.deadline_seq)
    RETURNING timers.dispute_id, timers.trace_parent),
  -- A timer whose time has come goes at once: its job is due as well, and finds nothing to do.
  spent_timers AS (
    DELETE FROM timers USING d
    WHERE d.write = 'update' AND timers.dispute_id = d.id AND timers.dispute_id = ANY (ARRAY(SELECT id FROM d))
      AND timers.due_at <= d.updated_at AND (timers.seq < d.deadline_seq OR d.status = 'resolved')
    RETURNING timers.dispute_id, timers.trace_parent),
  -- What time does belongs to the trace of the request that set the deadline.
  traces AS (SELECT jsonb_object_agg(dispute_id, trace_parent) AS parents FROM (
    SELECT * FROM dropped_timers UNION ALL SELECT * FROM spent_timers) AS t),
  -- An open dispute with a new deadline gets a timer, leased to no relay yet.
  new_timers AS (
    INSERT INTO timers (dispute_id, seq, due_at, leased_until, trace_parent)
    SELECT id, deadline_seq, wake_at, updated_at, coalesce((SELECT parents FROM traces)->>id::text, trace_parent)
    FROM d WHERE status = 'open' AND has_new_deadline)`;
