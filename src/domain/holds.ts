import type { Dispute, Hold, Instant } from './state.ts';

/** Whether a dispute is among those that a hold is for. */
export function covers(hold: Hold, dispute: Pick<Dispute, 'type' | 'orderId'>): boolean {
  return (hold.type ?? dispute.type) === dispute.type && (hold.orderIds?.includes(dispute.orderId) ?? true);
}

/** The hold that keeps silence from taking effect on a dispute now, or undefined. */
export function activeHold(holds: readonly Hold[], dispute: Dispute): Hold | undefined {
  return holds.find((hold) => hold.until === null && covers(hold, dispute));
}

/** What the time of a hold depends on. */
type Holdable = Pick<Dispute, 'type' | 'orderId' | 'openedAt' | 'respondBy' | 'heldThrough'>;

/**
 * For how long a dispute has been held without its deadline having been moved for it, in milliseconds. Time in which
 * several holds overlap counts once; time before the dispute was opened does not count, nor does a hold that began when
 * the deadline had passed already.
 */
export function heldMs(dispute: Holdable, holds: readonly Hold[], now: Instant): number {
  let counted = Math.max(dispute.openedAt, dispute.heldThrough ?? dispute.openedAt);
  let sum = 0;
  const periods = holds.filter((hold) => covers(hold, dispute)).toSorted((a, b) => a.from - b.from);
  for (const { from, until } of periods) {
    const start = Math.max(from, counted);
    const end = Math.min(until ?? now, now);
    if (start >= dispute.respondBy + sum) break;
    if (end <= start) continue;
    sum += end - start;
    counted = end;
  }
  return sum;
}
