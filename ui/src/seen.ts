import type { Center } from './api-types.ts';

/** Tells the service once that the viewer has seen the request: when it is on the screen, and not before. */
export interface SeenWatch {
  /** Looks at what is shown now. @param target what has to be visible; null while there is nothing to see */
  readonly watch: (center: Center | null, target: Element | null) => void;
  readonly stop: () => void;
}

/** Makes the watch of one element. @param onSeen called once for each dispute */
export function createSeenWatch(onSeen: (disputeId: string) => void): SeenWatch {
  let isInView = false;
  let watched: Element | null = null;
  let disputeId: string | null = null;
  const told = new Set<string>();

  const judge = () => {
    if (disputeId === null || !isInView || document.visibilityState !== 'visible' || told.has(disputeId)) return;
    told.add(disputeId);
    onSeen(disputeId);
  };
  const observer = new IntersectionObserver(
    (entries) => {
      isInView = entries.at(-1)?.isIntersecting === true;
      judge();
    },
    { threshold: 1 },
  );
  document.addEventListener('visibilitychange', judge);

  return {
    watch: (center, target) => {
      const dispute = center?.openDispute ?? null;
      const isMine = dispute !== null && dispute.respondent.role === center?.viewer.role;
      // A service that keeps no notices does not say so; one that knows already needs no telling.
      disputeId = isMine && dispute.notice?.seenAt === null ? dispute.id : null;
      if (target !== watched) {
        observer.disconnect();
        isInView = false;
        watched = target;
        if (target !== null) observer.observe(target);
      }
      judge();
    },
    stop: () => {
      observer.disconnect();
      document.removeEventListener('visibilitychange', judge);
    },
  };
}
