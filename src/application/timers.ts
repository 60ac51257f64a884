import { type Database, withTx } from '../platform/postgres/database.ts';
import * as store from '../store/timers.ts';

export type { Timer, TimerBatch } from '../store/timers.ts';

/**
 * Leases the timers whose turn it is and hands them over. If that fails, the leases are given back, so that the timers are
 * handed over at the next turn.
 * @returns how many were leased
 * @throws what `handOver` or the database raises
 */
export async function handOverTimers(
  db: Database,
  options: store.LeaseOptions,
  handOver: (batch: store.TimerBatch) => Promise<void>,
): Promise<number> {
  const batch = await withTx(db, (tx) => store.leaseTimers(tx, options));
  if (batch.timers.length === 0) return 0;
  try {
    await handOver(batch);
  } catch (error) {
    await withTx(db, (tx) => store.returnLeases(tx, batch.timers));
    throw error;
  }
  return batch.timers.length;
}

/** Deletes timers that are no longer wanted and whose jobs were removed; one that is locked now comes again. */
export async function forgetTimers(db: Database, timers: readonly store.Timer[]): Promise<void> {
  if (timers.length > 0) await withTx(db, (tx) => store.forgetTimers(tx, timers));
}
