import { sql } from 'drizzle-orm';
import type { Instant } from '../domain/state.ts';
import type { Tx } from '../platform/database.ts';

/** The database's clock in whole milliseconds, rounded down, so that what is compared is what is stored and shown. */
export const CLOCK = sql<number>`floor(extract(epoch from clock_timestamp()) * 1000)::float8`;

/** Asks the database what time it is. */
export async function readClock(tx: Pick<Tx, 'execute'>): Promise<Instant> {
  const { rows } = await tx.execute<{ now: number }>(sql`SELECT ${CLOCK} AS now`);
  if (rows[0] === undefined) throw new Error('the database did not tell the time');
  return rows[0].now;
}
