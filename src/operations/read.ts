import { openDisputeOf } from '../domain/state.ts';
import { isOverdue } from '../domain/transition.ts';
import type { Target } from '../store/locks.ts';
import { type Found, find, type LogRow, timelineOf } from '../store/reads.ts';
import { settleDisputes } from './settle.ts';
import type { WriteDeps } from './write.ts';

/**
 * Reads an order with the disputes that matter to it. An overdue one is settled first, by the path of every other
 * decision, so that no read ever shows an open dispute past its deadline.
 * @param partyId the user to whom the order must belong; null for a service that may see all
 * @returns undefined if there is no such order or dispute, or none that this user may see
 */
export async function readOrder(deps: WriteDeps, target: Target, partyId: string | null): Promise<Found | undefined> {
  const found = await find(deps.db, target, partyId);
  if (found === undefined) return undefined;
  const open = openDisputeOf(found);
  if (open === null || !isOverdue(open, found.now)) return found;
  await settleDisputes(deps, [open.id], { trigger: 'touch', busy: 'wait' });
  return await find(deps.db, target, partyId);
}

/** Everything that happened to a dispute, oldest first; undefined as for `readOrder`. */
export async function readTimeline(
  deps: WriteDeps,
  disputeId: string,
  partyId: string | null,
): Promise<readonly LogRow[] | undefined> {
  const found = await readOrder(deps, { disputeId }, partyId);
  return found === undefined ? undefined : await timelineOf(deps.db, { id: disputeId, orderId: found.order.id });
}
