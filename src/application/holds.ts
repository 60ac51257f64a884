import { sinceFault } from '../domain/holds.ts';
import type { Instant } from '../domain/state.ts';
import { type Database, type Tx, withTx } from '../platform/postgres/database.ts';
import { isolate } from '../platform/postgres/isolate.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import { readClock } from '../store/clock.ts';
import { anyUncounted, finishHolds, releasedDisputes, releasedHolds } from '../store/due/released.ts';
import {
  activeHolds,
  findHold,
  type HoldPlace,
  type HoldRow,
  type HoldsRequest,
  insertHold,
  listHolds,
  markReleased,
  type NewHold,
} from '../store/holds.ts';
import { beginOnTestClocks, endOnTestClocks, heldOnTestClocks } from '../store/test-clocks/holds.ts';
import { applyDueDeadlines } from './apply-due.ts';
import { noteDeadlineFailure } from './due.ts';
import { type IdempotencyKey, type Outcome, runOnce, type StoredResponse } from './idempotent.ts';
import type { CoreDeps, WriteDeps } from './write.ts';

export type { HoldPlace, HoldRow } from '../store/holds.ts';

/** A hold to be begun. */
export interface HoldRequest extends Omit<NewHold, 'id' | 'createdAt' | 'since'> {
  /** From when on it counts: at most seven days ago; null for now. */
  readonly since: Instant | null;
}

/** A hold cannot count from the instant that was asked for, by the database's clock. */
export interface SinceRefused {
  readonly sinceFault: NonNullable<ReturnType<typeof sinceFault>>;
  readonly now: Instant;
}

/** Begins a hold in a transaction: from its commit on, no deadline takes effect on the disputes that it covers. */
export async function beginHoldIn(
  tx: Tx,
  id: string,
  { since, ...hold }: HoldRequest,
): Promise<HoldRow | SinceRefused> {
  const now = await readClock(tx);
  const fault = since === null ? null : sinceFault(since, now);
  if (fault !== null) return { sinceFault: fault, now };
  const row = await insertHold(tx, { ...hold, id, createdAt: now, since: since ?? now });
  await beginOnTestClocks(tx, row);
  return row;
}

/**
 * Begins a hold, at most once for a key. What is open then is held, also where its deadline passed after `since` and has not
 * taken effect yet; what is resolved stays resolved.
 * @param answer makes the answer that is kept for the key; it throws where there is none to keep
 */
export async function beginHold<R extends StoredResponse>(
  deps: CoreDeps,
  hold: HoldRequest,
  key: IdempotencyKey | null,
  answer: (begun: HoldRow | SinceRefused) => R,
): Promise<Outcome<R>> {
  const id = deps.newId();
  return await runOnce(deps.db, key, async (tx) => answer(await beginHoldIn(tx, id, hold)));
}

/** A page of holds, newest first, with the database's clock. */
export interface HoldPage {
  readonly now: Instant;
  readonly holds: readonly HoldRow[];
  /** Where the next page begins; null after the last one. */
  readonly next: HoldPlace | null;
}

/** A page of the holds that are asked for, and where the next one begins. */
export async function readHolds(db: Database, request: HoldsRequest): Promise<HoldPage> {
  const { limit } = request;
  const { now, holds } = await listHolds(db, { ...request, limit: limit + 1 });
  const page = holds.slice(0, limit);
  const last = page.at(-1);
  return { now, holds: page, next: holds.length > limit && last !== undefined ? last : null };
}

const BATCH = 500;

async function applyReleased(deps: WriteDeps, disputeIds: readonly string[]): Promise<number> {
  // An order that another transaction has locked is left to the next round, so that the others' deadlines move now.
  const settled = await applyDueDeadlines(deps, disputeIds, { trigger: 'sweep', busy: 'skip' });
  return [...settled.values()].filter(({ outcome }) => outcome === 'settled').length;
}

/** Moves the deadlines of a batch. A dispute that cannot be written is noted, and tried again as an overdue one is. */
async function applyBatch(deps: WriteDeps, disputeIds: readonly string[]) {
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

/** Closes the released holds, unless another one lasts or something is left to move. */
async function finish({ db }: WriteDeps, released: readonly string[]): Promise<void> {
  if ((await activeHolds(db)).length > 0 || (await anyUncounted(db))) return;
  await withRetry(() => withTx(db, (tx) => finishHolds(tx, released)), { idempotent: true });
}

/**
 * Moves the deadlines of disputes whose holds have ended, by exactly the time held: at most `batches` times `batchSize` of
 * them. Repeating it is safe; what one process leaves undone, another one goes on with.
 * @returns how many were moved, and whether that was all
 */
export async function moveReleased(
  deps: WriteDeps,
  batches: number,
  batchSize = BATCH,
): Promise<{ moved: number; complete: boolean }> {
  let moved = 0;
  let left = 0;
  let behind: string | null = null;
  const released = await releasedHolds(deps.db);
  if (released.length === 0) return { moved, complete: true };
  for (let batch = 0; batch < batches; batch += 1) {
    const disputeIds: readonly string[] = await releasedDisputes(deps.db, batchSize, behind);
    if (disputeIds.length === 0) {
      await finish(deps, released);
      return { moved, complete: left === 0 };
    }
    const done = await applyBatch(deps, disputeIds);
    moved += done.moved;
    // Those that other transactions have locked, or that cannot be written, are left to a later round.
    left += disputeIds.length - done.moved;
    behind = disputeIds.at(-1) ?? null;
    // Nothing moves where something should: the database's clock was set back, say. A later round will do.
    if (done.moved === 0 && done.failed === 0) return { moved, complete: false };
  }
  return { moved, complete: false };
}

/** Whether a hold is released and not closed yet. */
export async function isReleasing({ db }: WriteDeps): Promise<boolean> {
  return (await releasedHolds(db)).length > 0;
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
async function moveOnTestClocks(deps: WriteDeps, holdId: string): Promise<void> {
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
export async function releaseHold(deps: WriteDeps, id: string, releasedBy: string): Promise<Release | undefined> {
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
