import { type Database, type Tx, withTx } from '../../platform/postgres/database.ts';
import { withRetry } from '../../platform/postgres/retry.ts';
import {
  deleteEntriesOfClock,
  deleteOrdersOfClock,
  deleteTestClock,
  hideOldTestClocks,
  hideTestClock,
  lockEntriesOfClock,
  lockHiddenTestClock,
} from '../../store/test-clocks/removal.ts';
import { lockTestClock } from '../../store/test-clocks/test-clocks.ts';

/** For how long a clock stays after it was made, in real time. */
export const CLOCK_LIFETIME_MS = 30 * 24 * 60 * 60 * 1_000;

/** How many entries of the log, and how many orders, one transaction deletes at most. */
const ENTRIES = 1_000;
const ORDERS = 100;
const OLD_CLOCKS = 10;
/** How long a request waits for the deletion; housekeeping does the rest. */
const PATIENCE_MS = 10_000;

/** Deletes what is kept about some events outside of the tables of the core, in the transaction that deletes the events. */
export type ForgetEvents = (tx: Tx, eventIds: readonly string[]) => Promise<void>;

export interface RemovalDeps {
  readonly db: Database;
  readonly forgetEvents: ForgetEvents;
}

/** Deletes a part of a hidden clock. */
async function deletePart(tx: Tx, forgetEvents: ForgetEvents, wanted: string | null): Promise<'more' | 'done'> {
  const id = await lockHiddenTestClock(tx, wanted);
  if (id === undefined) return 'done';
  const entries = await lockEntriesOfClock(tx, id, ENTRIES);
  await forgetEvents(tx, entries.ids);
  await deleteEntriesOfClock(tx, id, entries.ids);
  if (entries.areAll && (await deleteOrdersOfClock(tx, id, ORDERS))) await deleteTestClock(tx, id);
  return 'more';
}

/**
 * Deletes a part of a hidden clock, in a transaction of its own.
 * @param id the clock; null for the one that waits longest
 * @returns whether there may be more to delete
 */
const deleteNext = ({ db, forgetEvents }: RemovalDeps, id: string | null) =>
  withRetry(() => withTx(db, (tx) => deletePart(tx, forgetEvents, id)), { idempotent: true });

/**
 * Deletes a clock with its orders, their disputes, and all that is known of them. From the first commit on no caller sees any of
 * it; what takes longer than a request can wait for is deleted by housekeeping.
 */
export async function removeTestClock(deps: RemovalDeps, id: string): Promise<'removed' | 'not_found' | 'busy'> {
  const hide = async (tx: Tx) => {
    const locked = await lockTestClock(tx, id);
    if (locked === undefined) return 'not_found';
    if (locked.isBusy) return 'busy';
    await hideTestClock(tx, id);
    return 'removed';
  };
  const outcome = await withRetry(() => withTx(deps.db, hide), { idempotent: false });
  const until = performance.now() + PATIENCE_MS;
  while (outcome === 'removed' && performance.now() < until && (await deleteNext(deps, id)) === 'more');
  return outcome;
}

/** Deletes a part of the clocks that are past their lifetime, or whose deletion was begun; says whether there may be more. */
export async function removeOldTestClocks(deps: RemovalDeps): Promise<'more' | 'done'> {
  await withTx(deps.db, (tx) => hideOldTestClocks(tx, CLOCK_LIFETIME_MS, OLD_CLOCKS));
  return await deleteNext(deps, null);
}
