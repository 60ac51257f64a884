import { LIMITS } from '../../domain/rules.ts';
import { beginLastingHolds } from '../../store/test-clocks/holds.ts';
import {
  countTestClocks,
  findTestClock,
  insertTestClock,
  listTestClocks,
  type NewTestClock,
  type TestClockFound,
  type TestClockPlace,
} from '../../store/test-clocks/test-clocks.ts';
import { type IdempotencyKey, type Outcome, runOnce, type StoredResponse } from '../idempotent.ts';
import type { CoreDeps } from '../write.ts';

export type { TestClockFound, TestClockPlace } from '../../store/test-clocks/test-clocks.ts';

class TooManyClocks extends Error {}

/**
 * Makes a test clock, at most once for a key.
 * @param answer makes the answer that is kept for the key
 * @returns `limit_reached` if there are as many as there may be
 */
export async function createTestClock<R extends StoredResponse>(
  deps: CoreDeps,
  clock: Omit<NewTestClock, 'id'>,
  key: IdempotencyKey | null,
  answer: (found: TestClockFound) => R,
): Promise<Outcome<R> | { readonly outcome: 'limit_reached' }> {
  const id = deps.newId();
  try {
    return await runOnce(deps.db, key, async (tx) => {
      if ((await countTestClocks(tx)) >= LIMITS.testClocks) throw new TooManyClocks();
      const made = await insertTestClock(tx, { ...clock, id });
      await beginLastingHolds(tx, id);
      return answer({ clock: made, orders: 0, isInterrupted: false });
    });
  } catch (error) {
    if (error instanceof TooManyClocks) return { outcome: 'limit_reached' };
    throw error;
  }
}

/** A page of test clocks, oldest first. */
export async function readTestClocks(
  { db }: CoreDeps,
  after: TestClockPlace | null,
  limit: number,
): Promise<{ readonly clocks: readonly TestClockFound[]; readonly next: TestClockPlace | null }> {
  const found = await listTestClocks(db, after, limit + 1);
  const clocks = found.slice(0, limit);
  const last = clocks.at(-1);
  return { clocks, next: found.length > limit && last !== undefined ? last.clock : null };
}

/** A test clock; undefined if there is none with this id. */
export function readClock({ db }: CoreDeps, id: string): Promise<TestClockFound | undefined> {
  return findTestClock(db, id);
}
