import type { TestDatabase } from '../../harness/database.ts';

/** A time in which respondents could not answer, in milliseconds since 1970. */
export interface Outage {
  readonly from: number;
  readonly until: number;
}

/** An order that silence has cancelled. */
export interface Cancelled {
  readonly orderId: string;
  /** How long its respondent could have answered, in seconds. */
  readonly reachableSeconds: number;
  readonly lateMs: number;
}

/** Every order that silence has cancelled, with the time in which its respondent had a service that answers. */
export async function cancelledBySilence(
  { query }: Pick<TestDatabase, 'query'>,
  outages: readonly Outage[],
): Promise<Cancelled[]> {
  const rows = await query<{ order_id: string; opened: number; due: number; resolved: number }>(
    `SELECT order_id, extract(epoch FROM opened_at)::float8 * 1000 AS opened, extract(epoch FROM respond_by)::float8 * 1000 AS due,
       extract(epoch FROM resolved_at)::float8 * 1000 AS resolved
     FROM disputes WHERE type = 'cancellation' AND resolution = 'expired'`,
  );
  return rows.map(({ order_id: orderId, opened, due, resolved }) => {
    const lostMs = outages.reduce(
      (sum, { from, until }) => sum + Math.max(0, Math.min(until, due) - Math.max(from, opened)),
      0,
    );
    return { orderId, reachableSeconds: (due - opened - lostMs) / 1_000, lateMs: resolved - due };
  });
}
