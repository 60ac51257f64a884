import type { Dispute, Hold, Instant } from './state.ts';

/** How long before it is begun a hold may start to count, in milliseconds: seven days. */
export const LONGEST_BACK_MS = 7 * 24 * 60 * 60 * 1_000;

/** Why a hold that is begun now cannot count from an instant, or null if it can. */
export function sinceFault(since: Instant, now: Instant): 'too_early' | 'in_the_future' | null {
  if (since > now) return 'in_the_future';
  return now - since > LONGEST_BACK_MS ? 'too_early' : null;
}

/** Whether a dispute is among those that a hold is for. */
export function covers(hold: Hold, dispute: Pick<Dispute, 'type' | 'orderId'>): boolean {
  return (hold.type ?? dispute.type) === dispute.type && (hold.orderIds?.includes(dispute.orderId) ?? true);
}

/** The hold that keeps silence from taking effect on a dispute now, or undefined. */
export function activeHold(holds: readonly Hold[], dispute: Dispute): Hold | undefined {
  return holds.find((hold) => hold.until === null && covers(hold, dispute));
}

/** Time in which a dispute was held and that its deadline does not include yet. */
export interface Uncounted {
  /** In milliseconds. */
  readonly ms: number;
  /** From this instant on no time has passed for the dispute: `respondBy` less this instant is what is left of its window. */
  readonly since: Instant;
}

/**
 * The time in which a dispute has been held and that its deadline does not include yet, or null if there is none. A deadline
 * is the one that was promised at first, moved by all the time in which any hold covered the dispute: time in which several
 * overlap counts once. Time before the dispute was opened does not count, nor does a hold that starts when the deadline has
 * passed. The result depends on the holds alone, and not on the order in which they were begun, released or counted.
 * @param holds all holds that have covered the dispute; none at all if the time of each of them has been counted
 */
export function uncountedHold(dispute: Dispute, holds: readonly Hold[], now: Instant): Uncounted | null {
  const promised = dispute.respondBy - dispute.heldMs;
  const periods = holds.filter((hold) => covers(hold, dispute)).toSorted((a, b) => a.from - b.from);
  let counted = dispute.openedAt;
  let total = 0;
  let isHeld = false;
  for (const { from, until } of periods) {
    const start = Math.max(from, counted);
    if (start >= promised + total) break;
    const end = Math.min(until ?? now, now);
    if (end < start) continue;
    isHeld = isHeld || until === null;
    total += end - start;
    counted = end;
  }
  const ms = Math.max(0, total - dispute.heldMs);
  return ms > 0 || isHeld ? { ms, since: counted - ms } : null;
}
