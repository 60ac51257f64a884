import { problemError } from '../problems/problems.ts';

const RETRY_AFTER_S = '10';

/** How many streams one process has open at a time. */
export interface StreamNumbers {
  readonly perCaller: number;
  readonly perProcess: number;
}

/** The places for streams of one process. */
export interface StreamPlaces {
  /**
   * Takes a place for a stream of a caller. If the caller has no place left, its oldest stream is ended: it may belong to
   * a connection that is dead without the service knowing, and a refusal would lock the caller out until that is known.
   * @param evict ends the stream whose place another stream of the caller takes
   * @returns gives the place back; more than once does nothing
   * @throws ProblemError `unavailable` where the process has no place left
   */
  readonly take: (callerKey: string, evict: () => void) => () => void;
}

/** Makes the places of a process, all of them free. */
export function createStreamPlaces({ perCaller, perProcess }: StreamNumbers): StreamPlaces {
  /** What ends the streams of a caller, the oldest first. */
  const byCaller = new Map<string, Set<() => void>>();
  let taken = 0;

  const giveBack = (key: string, evict: () => void) => {
    const own = byCaller.get(key);
    if (own === undefined || !own.delete(evict)) return;
    taken -= 1;
    if (own.size === 0) byCaller.delete(key);
  };
  return {
    take: (key, evict) => {
      const own = [...(byCaller.get(key) ?? [])];
      for (const evictOldest of own.slice(0, Math.max(0, own.length + 1 - perCaller))) {
        giveBack(key, evictOldest);
        evictOldest();
      }
      if (taken >= perProcess) {
        throw problemError('unavailable', 'This process has no room for another stream at the moment.', {
          headers: { 'retry-after': RETRY_AFTER_S },
        });
      }
      byCaller.set(key, (byCaller.get(key) ?? new Set()).add(evict));
      taken += 1;
      return () => giveBack(key, evict);
    },
  };
}
