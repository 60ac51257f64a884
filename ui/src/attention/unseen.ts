import type { Center, TimelineEntry } from '../api-types.ts';

/** The open request that the service does not know its viewer to have seen, by its id; null where there is none. */
export function unseenDispute(center: Center | null, timeline: readonly TimelineEntry[]): string | null {
  const dispute = center?.openDispute ?? null;
  if (center === null || dispute === null) return null;
  const viewer = center.viewer.role;
  const isKnown =
    dispute.respondent.role === viewer
      ? (dispute.notice?.seenAt ?? null) !== null
      : timeline.some(({ action, actor }) => action === 'seen' && actor.role === viewer);
  return isKnown ? null : dispute.id;
}
