import { isTransient, type Tx, withTx } from '../platform/postgres/database.ts';
import {
  anyReleased,
  finishHolds,
  type HoldRow,
  insertHold,
  markReleased,
  type NewHold,
  releasedDisputes,
} from '../store/holds.ts';
import { noteFailure } from '../store/overdue.ts';
import { applyDueDeadlines } from './apply-due.ts';
import type { CoreDeps } from './write.ts';

/** Begins a hold: from its commit on, silence takes no effect on what it is for. */
export function beginHold(tx: Tx, hold: NewHold): Promise<HoldRow> {
  return insertHold(tx, hold);
}

/**
 * Releases a hold; undefined if there is none with this id. From its commit on every decision counts the time held, so
 * that nothing can expire before its deadline has been moved; `moveReleased` then moves them.
 */
export function releaseHold(tx: Tx, id: string, releasedBy: string): Promise<HoldRow | undefined> {
  return markReleased(tx, id, releasedBy);
}

const BATCH = 500;

async function applyReleased(deps: CoreDeps, disputeIds: readonly string[]): Promise<number> {
  // An order that somebody holds is left to the next round, so that the others' deadlines move now.
  const settled = await applyDueDeadlines(deps, disputeIds, { trigger: 'sweep', busy: 'skip' });
  return [...settled.values()].filter(({ outcome }) => outcome === 'settled').length;
}

/** One row that cannot be written must not keep the others; it waits for its next try as an overdue one does. */
async function applyOneByOne(deps: CoreDeps, disputeIds: readonly string[]) {
  let moved = 0;
  let failed = 0;
  for (const disputeId of disputeIds) {
    try {
      moved += await applyReleased(deps, [disputeId]);
    } catch (error) {
      if (isTransient(error)) throw error;
      await withTx(deps.db, (tx) => noteFailure(tx, disputeId, error));
      failed += 1;
    }
  }
  return { moved, failed };
}

async function applyBatch(deps: CoreDeps, disputeIds: readonly string[]) {
  try {
    return { moved: await applyReleased(deps, disputeIds), failed: 0 };
  } catch (error) {
    if (isTransient(error)) throw error;
    return await applyOneByOne(deps, disputeIds);
  }
}

/**
 * Moves the deadlines of disputes whose holds have ended, by exactly the time held: at most `batches` times 500 of them.
 * Repeating it is safe; what one process leaves undone, another one goes on with.
 * @returns how many were moved, and whether that was all
 */
export async function moveReleased(deps: CoreDeps, batches: number): Promise<{ moved: number; complete: boolean }> {
  let moved = 0;
  let failed = 0;
  if (!(await anyReleased(deps.db))) return { moved, complete: true };
  for (let batch = 0; batch < batches; batch += 1) {
    const disputeIds = await releasedDisputes(deps.db, BATCH);
    if (disputeIds.length === 0) {
      await withTx(deps.db, finishHolds);
      return { moved, complete: failed === 0 };
    }
    const done = await applyBatch(deps, disputeIds);
    moved += done.moved;
    failed += done.failed;
    // Nothing moves where something should: the database's clock was set back, say. A later round will do.
    if (done.moved === 0 && done.failed === 0) return { moved, complete: false };
  }
  return { moved, complete: false };
}
