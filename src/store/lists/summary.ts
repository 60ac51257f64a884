import { sql } from 'drizzle-orm';
import type { DisputeType, Role } from '../../domain/rules.ts';
import type { Dispute, Hold, Instant } from '../../domain/state.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { CLOCK_AFTER_LOCK, type ClockTime, clockTimeOf } from '../clock.ts';
import { holdsFor } from '../holds.ts';
import { OVERDUE } from '../overdue.ts';

/** How many disputes are counted in each of the two roles at most. */
export const COUNTED_AT_MOST = 1_000;

/** What the time that is left depends on. */
export type Pending = Pick<Dispute, 'type' | 'orderId' | 'openedAt' | 'respondBy' | 'heldThrough'> & {
  /** The time of its test clock; null for a dispute in real time. */
  readonly clock: ClockTime | null;
};

/** The open disputes of a user whose deadline has not passed. */
export interface OpenDisputes {
  readonly now: Instant;
  readonly holds: readonly Hold[];
  /** Those that the user has to answer: in each role the first by their stored deadlines. */
  readonly asked: readonly Pending[];
  /** How many wait for the other party. */
  readonly awaitingOther: number;
}

/** Those of a user in one role, opened by the party in another one: one range of an index of open disputes. */
const openOf = (userId: string, role: Role, openerRole: Role) => sql`(
  SELECT disputes.type, disputes.order_id, disputes.opened_at, disputes.respond_by, disputes.held_through, disputes.test_clock_id
  FROM disputes
  WHERE disputes.status = 'open' AND disputes.${sql.raw(`${role}_id`)} = ${userId} AND disputes.opener_role = ${openerRole}
    AND NOT (${OVERDUE})
  ORDER BY disputes.respond_by LIMIT ${sql.raw(String(COUNTED_AT_MOST))})`;

const epoch = (name: string) => sql.raw(`(extract(epoch FROM asked.${name}) * 1000)::float8`);

type Row = {
  now: number;
  holds: Hold[];
  awaitingOther: number;
  type: DisputeType | null;
  orderId: string | null;
  openedAt: number | null;
  respondBy: number | null;
  heldThrough: number | null;
  clock: ClockTime | null;
};

/** Reads what the badge of a user is made from, whatever else the user has had. */
export async function readOpenDisputes({ query }: Database, userId: string): Promise<OpenDisputes> {
  const asked = sql`${openOf(userId, 'client', 'freelancer')} UNION ALL ${openOf(userId, 'freelancer', 'client')}`;
  const other = sql`${openOf(userId, 'client', 'client')} UNION ALL ${openOf(userId, 'freelancer', 'freelancer')}`;
  const { rows } = await query.execute<Row>(sql`
    SELECT clock.now, clock.holds, other.count AS "awaitingOther", asked.type, asked.order_id AS "orderId",
      ${epoch('opened_at')} AS "openedAt", ${epoch('respond_by')} AS "respondBy", ${epoch('held_through')} AS "heldThrough",
      ${clockTimeOf(sql.raw('asked.test_clock_id'))} AS clock
    FROM (SELECT ${CLOCK_AFTER_LOCK} AS now, ${holdsFor(null)} AS holds) AS clock
    CROSS JOIN (SELECT count(*)::integer AS count FROM (${other}) AS o) AS other
    LEFT JOIN (${asked}) AS asked ON true`);
  const [first] = rows;
  if (first === undefined) throw new Error('the database did not tell the time');
  const { now, holds, awaitingOther } = first;
  return {
    now,
    holds,
    awaitingOther,
    asked: rows.flatMap(({ type, orderId, openedAt, respondBy, heldThrough, clock }) =>
      type === null || orderId === null || openedAt === null || respondBy === null
        ? []
        : [{ type, orderId, openedAt, respondBy, heldThrough, clock }],
    ),
  };
}
