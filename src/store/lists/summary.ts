import { sql } from 'drizzle-orm';
import type { Role } from '../../domain/rules.ts';
import type { Instant } from '../../domain/state.ts';
import type { Database } from '../../platform/postgres/database.ts';
import { OVERDUE } from '../due/overdue.ts';

/** How many disputes are counted in each of the two roles at most. */
export const COUNTED_AT_MOST = 1_000;

/** The open disputes of a user on which silence is not due. */
export interface OpenDisputes {
  /** The deadlines of those that the user has to answer: in each role the first. */
  readonly deadlines: readonly Instant[];
  /** How many wait for the other party. */
  readonly awaitingOther: number;
}

/** Those of a user in one role, opened by the party in another one: one range of an index of open disputes. */
const openOf = (userId: string, role: Role, openerRole: Role) => sql`(
  SELECT disputes.respond_by FROM disputes
  WHERE disputes.status = 'open' AND disputes.${sql.raw(`${role}_id`)} = ${userId} AND disputes.opener_role = ${openerRole}
    AND NOT (${OVERDUE})
  ORDER BY disputes.respond_by LIMIT ${sql.raw(String(COUNTED_AT_MOST))})`;

/** Reads what the badge of a user is made from, whatever else the user has had. */
export async function readOpenDisputes({ query }: Database, userId: string): Promise<OpenDisputes> {
  const asked = sql`${openOf(userId, 'client', 'freelancer')} UNION ALL ${openOf(userId, 'freelancer', 'client')}`;
  const other = sql`${openOf(userId, 'client', 'client')} UNION ALL ${openOf(userId, 'freelancer', 'freelancer')}`;
  const { rows } = await query.execute<{ awaitingOther: number; respondBy: number | null }>(sql`
    SELECT other.count AS "awaitingOther", (extract(epoch FROM asked.respond_by) * 1000)::float8 AS "respondBy"
    FROM (SELECT count(*)::integer AS count FROM (${other}) AS o) AS other
    LEFT JOIN (${asked}) AS asked ON true`);
  return {
    awaitingOther: rows[0]?.awaitingOther ?? 0,
    deadlines: rows.flatMap(({ respondBy }) => respondBy ?? []),
  };
}
