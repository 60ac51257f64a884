import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, type Tx, withTx } from '../../platform/postgres/database.ts';
import { withRetry } from '../../platform/postgres/retry.ts';
import {
  deleteEntriesOfClock,
  deleteOrdersOfClock,
  deleteTestClock,
  hasEntries,
  hideOldTestClocks,
  hideTestClock,
  lockEntriesOfClock,
  lockHiddenTestClock,
} from '../../store/test-clocks/removal.ts';
import { lockTestClock } from '../../store/test-clocks/test-clocks.ts';

/** For how long a clock stays after it was made, in real time. */
export const CLOCK_LIFETIME_MS = 30 * 24 * 60 * 60 * 1_000;

/** How much one transaction deletes at most. */
export interface RemovalStep {
  readonly entries: number;
  readonly orders: number;
}
const STEP: RemovalStep = { entries: 1_000, orders: 100 };
const OLD_CLOCKS = 10;
/** How long a request waits for the deletion; housekeeping does the rest. */
const PATIENCE_MS = 10_000;
/** How long a request pauses when the orders that are left are locked by commands, which are about to find the clock gone. */
const LOCKED_PAUSE_MS = 20;

/** Deletes what is kept about some events outside of the tables of the core, in the transaction that deletes the events. */
export type ForgetEvents = (tx: Tx, eventIds: readonly string[]) => Promise<void>;

export interface RemovalDeps {
  readonly db: Database;
  readonly forgetEvents: ForgetEvents;
  /** Default: 1,000 entries of the log and 100 orders. */
  readonly step?: RemovalStep;
}

type Part = 'more' | 'locked' | 'done';

/** Deletes a part of a hidden clock. */
async function deletePart(tx: Tx, { forgetEvents, step = STEP }: RemovalDeps, wanted: string | null): Promise<Part> {
  const id = await lockHiddenTestClock(tx, wanted);
  if (id === undefined) return 'done';
  const entries = await lockEntriesOfClock(tx, id, step.entries);
  await forgetEvents(tx, entries);
  await deleteEntriesOfClock(tx, id, entries);
  if (await hasEntries(tx, id)) return entries.length > 0 ? 'more' : 'locked';
  const left = await deleteOrdersOfClock(tx, id, step.orders);
  if (left === 'none') await deleteTestClock(tx, id);
  return left === 'locked' ? 'locked' : 'more';
}

/**
 * Deletes a part of a hidden clock, in a transaction of its own.
 * @param id the clock; null for the one that waits longest
 * @returns whether there may be more to delete
 */
const deleteNext = (deps: RemovalDeps, id: string | null) =>
  withRetry(() => withTx(deps.db, (tx) => deletePart(tx, deps, id)), { idempotent: true });

/** Deletes a hidden clock, or as much of it as can be deleted in the time that a request has. */
async function deleteHidden(deps: RemovalDeps, id: string): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    const part = await deleteNext(deps, id);
    if (part === 'done') return;
    if (part === 'locked') await sleep(LOCKED_PAUSE_MS);
  }
}

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
  if (outcome === 'removed') await deleteHidden(deps, id);
  return outcome;
}

/** Deletes a part of the clocks that are past their lifetime, or whose deletion was begun; says whether there may be more. */
export async function removeOldTestClocks(deps: RemovalDeps): Promise<'more' | 'done'> {
  await withTx(deps.db, (tx) => hideOldTestClocks(tx, CLOCK_LIFETIME_MS, OLD_CLOCKS));
  return (await deleteNext(deps, null)) === 'more' ? 'more' : 'done'; // locked orders are left to the next round
}
