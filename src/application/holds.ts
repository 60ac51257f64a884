import type { Instant } from '../domain/state.ts';
import { withTx } from '../platform/postgres/database.ts';
import { isolate } from '../platform/postgres/isolate.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import {
  anyReleased,
  findHold,
  finishHolds,
  type HoldRow,
  insertHold,
  listHolds,
  markReleased,
  type NewHold,
} from '../store/holds.ts';
import { releasedDisputes } from '../store/overdue.ts';
import { beginOnTestClocks, endOnTestClocks, heldOnTestClocks } from '../store/test-clocks/holds.ts';
import { applyDueDeadlines } from './apply-due.ts';
import { noteDeadlineFailure } from './due.ts';
import { type IdempotencyKey, type Outcome, runOnce, type StoredResponse } from './idempotent.ts';
import type { CoreDeps } from './write.ts';

export type { HoldRow } from '../store/holds.ts';

/**
 * Begins a hold, at most once for a key: from its commit on, no deadline takes effect on the disputes that it covers.
 * @param answer makes the answer that is kept for the key
 */
export async function beginHold<R extends StoredResponse>(
  deps: CoreDeps,
  hold: Omit<NewHold, 'id'>,
  key: IdempotencyKey | null,
  answer: (row: HoldRow) => R,
): Promise<Outcome<R>> {
  const id = deps.newId();
  return await runOnce(deps.db, key, async (tx) => {
    const row = await insertHold(tx, { ...hold, id });
    await beginOnTestClocks(tx, id);
    return answer(row);
  });
}

/** How many holds `recentHolds` returns at most. */
export const LISTED_AT_MOST = 100;

/** The last holds, newest first, with the database's clock. */
export function recentHolds(deps: CoreDeps): Promise<{ readonly now: Instant; readonly holds: readonly HoldRow[] }> {
  return listHolds(deps.db, LISTED_AT_MOST);
}

const BATCH = 500;

async function applyReleased(deps: CoreDeps, disputeIds: readonly string[]): Promise<number> {
  // An order that another transaction has locked is left to the next round, so that the others' deadlines move now.
  const settled = await applyDueDeadlines(deps, disputeIds, { trigger: 'sweep', busy: 'skip' });
  return [...settled.values()].filter(({ outcome }) => outcome === 'settled').length;
}

/** Moves the deadlines of a batch. A dispute that cannot be written is noted, and tried again as an overdue one is. */
async function applyBatch(deps: CoreDeps, disputeIds: readonly string[]) {
  let failed = 0;
  const moved = await isolate([disputeIds], {
    work: (ids) => applyReleased(deps, ids),
    setAside: async (disputeId, error) => {
      await noteDeadlineFailure(deps.db, disputeId, error);
      failed += 1;
    },
  });
  return { moved: moved.reduce((sum, count) => sum + count, 0), failed };
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
      await withRetry(() => withTx(deps.db, finishHolds), { idempotent: true });
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

/** A released hold, and how far its deadlines have been moved. */
export interface Release {
  readonly hold: HoldRow;
  /** Deadlines that were moved now. */
  readonly moved: number;
  /** Whether all are moved. */
  readonly complete: boolean;
}

/**
 * Moves the deadlines of disputes on test clocks that a hold has covered. What this leaves undone is done by the next read of
 * the dispute, or by the next advance of its clock.
 */
async function moveOnTestClocks(deps: CoreDeps, holdId: string): Promise<void> {
  let behind: string | null = null;
  for (let batch = 0; batch < RELEASE_BATCHES; batch += 1) {
    const disputeIds: readonly string[] = await heldOnTestClocks(deps.db, holdId, behind, BATCH);
    await applyBatch(deps, disputeIds);
    if (disputeIds.length < BATCH) return;
    behind = disputeIds.at(-1) ?? null;
  }
}

/** As many as a request can wait for; the workers move the rest. */
const RELEASE_BATCHES = 10;

/**
 * Releases a hold; undefined if there is none with this id. From its commit on every decision counts the time held, so
 * that no dispute can expire before its deadline has been moved. Then it moves the deadlines, as many as a request can
 * wait for.
 */
export async function releaseHold(deps: CoreDeps, id: string, releasedBy: string): Promise<Release | undefined> {
  const release = () =>
    withTx(deps.db, async (tx) => {
      const row = await markReleased(tx, id, releasedBy);
      if (row !== undefined) await endOnTestClocks(tx, id);
      return row;
    });
  const released = await withRetry(release, { idempotent: true });
  if (released === undefined) return undefined;
  const { moved, complete } = await moveReleased(deps, RELEASE_BATCHES);
  await moveOnTestClocks(deps, id);
  return { hold: (await findHold(deps.db, id)) ?? released, moved, complete };
}
