import { heldMs } from '../domain/holds.ts';
import type { Instant } from '../domain/state.ts';
import { COUNTED_AT_MOST, type Pending, readOpenDisputes } from '../store/lists/summary.ts';
import type { CoreDeps } from './write.ts';

export { COUNTED_AT_MOST } from '../store/lists/summary.ts';

/** What a badge shows of a user's open disputes. */
export interface Summary {
  /** How many the user has to answer, counted up to `COUNTED_AT_MOST`. */
  readonly actionRequired: number;
  /** How many the other party has to answer, counted up to `COUNTED_AT_MOST`. */
  readonly awaitingOtherParty: number;
  /** The earliest deadline by which the user has to answer; null where there is none. */
  readonly nextRespondBy: Instant | null;
}

/** Sums up a user's open disputes. One whose deadline has passed does not count, whether or not its expiry is written. */
export async function readSummary(deps: CoreDeps, userId: string): Promise<Summary> {
  const { now, holds, asked, awaitingOther } = await readOpenDisputes(deps.db, userId);
  const heldFor = (dispute: Pending) => {
    const time = dispute.clock ?? { now, holds };
    return heldMs(dispute, time.holds, time.now);
  };
  const deadlines = asked.map((dispute) => dispute.respondBy + heldFor(dispute));
  return {
    actionRequired: Math.min(asked.length, COUNTED_AT_MOST),
    awaitingOtherParty: Math.min(awaitingOther, COUNTED_AT_MOST),
    nextRespondBy: deadlines.length === 0 ? null : Math.min(...deadlines),
  };
}
