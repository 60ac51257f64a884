import { sql } from 'drizzle-orm';
import type { Instant } from '../domain/state.ts';
import type { Tx } from '../platform/postgres/database.ts';
import { STATEMENT_TIME } from './clock.ts';
import { OVERDUE } from './due/overdue.ts';

/** How far the timers are behind, by the database's clock. */
export interface Lag {
  /** With its fraction of a millisecond: hosts' clocks are compared with it. */
  readonly now: Instant;
  /** Open disputes past their deadline and not held, up to a cap. */
  readonly overdue: number;
  /** How long ago the oldest of them should have taken effect; 0 if there is none. */
  readonly oldestOverdueSeconds: number;
  /** How long ago the lease ran out of the timer that waits longest to be handed over; 0 if none waits. */
  readonly relayLagSeconds: number;
}

const secondsSince = (instant: ReturnType<typeof sql>) =>
  sql`extract(epoch from ${STATEMENT_TIME} - ${instant})::float8`;

/** Has each further statement of a transaction end after `timeoutMs`. */
export async function limitStatements(tx: Tx, timeoutMs: number): Promise<void> {
  await tx.execute(sql`SELECT set_config('statement_timeout', ${String(timeoutMs)}, true)`);
}

/** Measures the lag, for at most `timeoutMs`; it enters each index at its end and counts no further than `cap`. */
export async function readLag(tx: Tx, cap: number, timeoutMs: number): Promise<Lag> {
  await limitStatements(tx, timeoutMs);
  const { rows } = await tx.execute<Lag & Record<string, unknown>>(sql`
    SELECT (extract(epoch from clock_timestamp()) * 1000)::float8 AS now,
      (SELECT count(*)::integer FROM (SELECT 1 FROM disputes WHERE ${OVERDUE} LIMIT ${cap}) AS counted) AS overdue,
      coalesce((SELECT ${secondsSince(sql`disputes.respond_by`)} FROM disputes WHERE ${OVERDUE}
        ORDER BY disputes.respond_by LIMIT 1), 0) AS "oldestOverdueSeconds",
      coalesce((SELECT ${secondsSince(sql`timers.leased_until`)} FROM timers WHERE timers.leased_until <= ${STATEMENT_TIME}
        ORDER BY timers.leased_until LIMIT 1), 0) AS "relayLagSeconds"`);
  if (rows[0] === undefined) throw new Error('the lag came back empty');
  return rows[0];
}
