import { sql } from 'drizzle-orm';
import type { DisputeType } from '../domain/rules.ts';
import type { Instant } from '../domain/state.ts';
import type { Database } from '../platform/postgres/database.ts';
import { IN_REAL_TIME, STATEMENT_TIME, timestamptz } from './clock.ts';
import { OVERDUE } from './due/overdue.ts';
import { keysOf, type Timer } from './timers.ts';

/** A deadline as operators look at it. */
export interface Deadline {
  readonly disputeId: string;
  readonly orderId: string | null;
  readonly type: DisputeType | null;
  readonly seq: number;
  readonly dueAt: Instant;
  /** When its job is due, if that is known: a reminder comes before the deadline. */
  readonly wakeAt?: Instant;
}

/** Behind which deadline a page begins. */
export interface DeadlinePosition {
  readonly dueAt: Instant;
  readonly disputeId: string;
}

export interface DeadlineCounts {
  readonly now: Instant;
  readonly pending: number;
  readonly overdue: number;
}

const CONDITIONS = {
  pending: sql`disputes.status = 'open' AND disputes.respond_by > ${STATEMENT_TIME} AND ${IN_REAL_TIME}`,
  overdue: OVERDUE,
} as const;

/** Counts open deadlines that lie ahead and those that have passed, each up to `cap`: a count costs what it counts. */
export async function countDeadlines({ query }: Database, cap: number): Promise<DeadlineCounts> {
  const count = (condition: (typeof CONDITIONS)['pending']) => sql`(SELECT count(*)::integer FROM (
    SELECT 1 FROM disputes WHERE ${condition} LIMIT ${cap}) AS counted)`;
  const { rows } = await query.execute<{ now: number; pending: number; overdue: number }>(sql`
    SELECT floor(extract(epoch from clock_timestamp()) * 1000)::float8 AS now,
      ${count(CONDITIONS.pending)} AS pending, ${count(CONDITIONS.overdue)} AS overdue`);
  if (rows[0] === undefined) throw new Error('a count came back empty');
  return rows[0];
}

type DeadlineRow = { id: string; orderId: string; type: DisputeType; seq: number; due: number };

/** Open deadlines that lie ahead or have passed, earliest first. */
export async function listDeadlines(
  { query }: Database,
  state: keyof typeof CONDITIONS,
  after: DeadlinePosition | null,
  limit: number,
): Promise<Deadline[]> {
  const behind =
    after === null
      ? sql``
      : sql` AND (disputes.respond_by, disputes.id) > (${timestamptz(after.dueAt)}, ${after.disputeId}::uuid)`;
  const { rows } = await query.execute<DeadlineRow>(sql`
    SELECT id, order_id AS "orderId", type, deadline_seq AS seq, (extract(epoch from respond_by) * 1000)::float8 AS due
    FROM disputes WHERE ${CONDITIONS[state]}${behind}
    ORDER BY respond_by, id LIMIT ${limit}`);
  return rows.map(({ id, due, ...row }) => ({ disputeId: id, dueAt: due, ...row }));
}

/** Deadlines ahead that count as handed over to the queue, earliest first: those whose job should be there. */
export async function handedOver(
  { query }: Database,
  after: DeadlinePosition | null,
  limit: number,
  horizonMs: number,
): Promise<Deadline[]> {
  // The LIMIT of the inner query keeps the outer one on its index, from which it takes no more than a page.
  const behind =
    after === null ? sql`` : sql` AND (d.respond_by, d.id) > (${timestamptz(after.dueAt)}, ${after.disputeId}::uuid)`;
  const { rows } = await query.execute<DeadlineRow & { wake: number }>(sql`
    SELECT d.id, d.order_id AS "orderId", d.type, d.deadline_seq AS seq,
      (extract(epoch from d.respond_by) * 1000)::float8 AS due,
      (extract(epoch from t.due_at) * 1000)::float8 AS wake
    FROM disputes d CROSS JOIN LATERAL (
      SELECT due_at FROM timers WHERE dispute_id = d.id AND seq = d.deadline_seq
        AND due_at < ${STATEMENT_TIME} + ${horizonMs}::float8 * interval '1 millisecond'
        AND leased_until > ${STATEMENT_TIME} AND due_at > ${STATEMENT_TIME} + interval '1 second' LIMIT 1) AS t
    WHERE d.status = 'open' AND d.respond_by > ${STATEMENT_TIME} + interval '1 second'${behind}
    ORDER BY d.respond_by, d.id LIMIT ${limit}`);
  return rows.map(({ id, due, wake, ...row }) => ({ disputeId: id, dueAt: due, wakeAt: wake, ...row }));
}

/** Those of some timers that are wanted: their dispute is open, and this is its current deadline. */
export async function wantedAmong({ query }: Database, timers: readonly Timer[]): Promise<Set<string>> {
  const { rows } = await query.execute<{ id: string; seq: number }>(sql`
    SELECT d.id, d.deadline_seq AS seq FROM jsonb_to_recordset(${keysOf(timers)}::jsonb) AS k(id uuid, seq integer)
    JOIN disputes d ON d.id = k.id AND d.deadline_seq = k.seq AND d.status = 'open'`);
  return new Set(rows.map(({ id, seq }) => `${id} ${seq}`));
}
