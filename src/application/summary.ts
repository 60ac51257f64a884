import type { Instant } from '../domain/state.ts';
import { COUNTED_AT_MOST, readOpenDisputes } from '../store/lists/summary.ts';
import type { CoreDeps } from './write.ts';

export { COUNTED_AT_MOST } from '../store/lists/summary.ts';

/** What a badge shows of a user's open disputes. */
export interface Summary {
  /** How many the user has to answer, counted up to `COUNTED_AT_MOST`. */
  readonly actionRequired: number;
  /** How many the other party has to answer, counted up to `COUNTED_AT_MOST`. */
  readonly awaitingOtherParty: number;
  /** The earliest `respondBy` of those that the user has to answer, as lists show it; null where there is none. */
  readonly nextRespondBy: Instant | null;
}

/** Sums up a user's open disputes. One whose deadline has passed does not count, whether or not its expiry is written. */
export async function readSummary(deps: CoreDeps, userId: string): Promise<Summary> {
  const { deadlines, awaitingOther } = await readOpenDisputes(deps.db, userId);
  return {
    actionRequired: Math.min(deadlines.length, COUNTED_AT_MOST),
    awaitingOtherParty: Math.min(awaitingOther, COUNTED_AT_MOST),
    nextRespondBy: deadlines.length === 0 ? null : Math.min(...deadlines),
  };
}
