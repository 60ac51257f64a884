import type { Center, TimelineEntry } from '../api-types.ts';
import { unseenDispute } from './unseen.ts';

/** Tells the service once that the viewer has seen the request: when it is on the screen, and not before. */
export interface SeenWatch {
  /**
   * Looks at what is shown now.
   * @param timeline of the open request
   * @param target what has to be visible; null while there is nothing to see
   */
  readonly watch: (center: Center | null, timeline: readonly TimelineEntry[], target: Element | null) => void;
  readonly stop: () => void;
}

/** Makes the watch of one element. @param onSeen called for each dispute until it says that the service knows */
export function createSeenWatch(onSeen: (disputeId: string) => Promise<boolean>): SeenWatch {
  let isInView = false;
  let watched: Element | null = null;
  let disputeId: string | null = null;
  const told = new Set<string>();

  const judge = () => {
    if (disputeId === null || !isInView || document.visibilityState !== 'visible' || told.has(disputeId)) return;
    const id = disputeId;
    told.add(id);
    void onSeen(id).then((isKnown) => isKnown || told.delete(id));
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
    watch: (center, timeline, target) => {
      disputeId = unseenDispute(center, timeline);
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
