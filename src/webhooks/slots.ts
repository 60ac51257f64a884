import { type EndpointState, isProbed } from './states.ts';

/** An attempt that takes longer than this no longer counts against the quick slots of its endpoint, in milliseconds. */
export const SLOW_MS = 1_000;
/**
 * An attempt has ended and is recorded after this time: 15 s until the status line, 2 s for the body, and a margin, in
 * milliseconds. The sender of an older claim has died.
 */
export const LONGEST_ATTEMPT_MS = 20_000;
/** The most attempts of one kind that are under way at one endpoint, slow ones included. */
export const MOST_UNDER_WAY = 32;

/** How many attempts of each kind may be quick at a time. */
const QUICK = { firsts: 16, retries: 4 } as const;
/** The same at an endpoint that fails in a row. */
const PROBES = { firsts: 1, retries: 1 } as const;

/** An attempt that is under way at an endpoint. */
export interface UnderWay {
  readonly isRetry: boolean;
  /** How long it has taken until now, in milliseconds. */
  readonly forMs: number;
}

/** How many deliveries of each kind may be sent now. */
export interface FreeSlots {
  readonly firsts: number;
  readonly retries: number;
}

/**
 * The free slots of an endpoint. First attempts and retries have slots of their own, so that deliveries that failed before
 * never delay the others. An attempt that hangs gives its slot up after `SLOW_MS`, while fewer than `MOST_UNDER_WAY` of its
 * kind are under way.
 * @param underWay all attempts under way at this endpoint, of every process
 */
export function freeSlots(endpoint: Pick<EndpointState, 'failures'>, underWay: readonly UnderWay[]): FreeSlots {
  const quick = isProbed(endpoint) ? PROBES : QUICK;
  const alive = underWay.filter(({ forMs }) => forMs < LONGEST_ATTEMPT_MS);
  const free = (isRetry: boolean, most: number): number => {
    const ofKind = alive.filter((one) => one.isRetry === isRetry);
    const quickOnes = ofKind.filter(({ forMs }) => forMs < SLOW_MS).length;
    return Math.max(0, Math.min(most - quickOnes, MOST_UNDER_WAY - ofKind.length));
  };
  return { firsts: free(false, quick.firsts), retries: free(true, quick.retries) };
}
