import { within } from '../platform/within.ts';

/** A measurement on demand, made at most every few seconds. */
export type Probe = () => Promise<void>;

export interface ProbeOptions<T> {
  readonly ask: () => Promise<T>;
  readonly show: (answer: T) => void;
  /** Called where there is no answer, or none in time: what is not known is not shown. */
  readonly hide: () => void;
}

export interface ProbeTiming {
  /** For how long an answer is good. */
  readonly freshMs?: number;
  /** For how long one is waited for. */
  readonly patienceMs?: number;
  readonly now?: () => number;
}

const FRESH_MS = 5_000;
const PATIENCE_MS = 1_000;

/**
 * Makes a probe that never rejects. Concurrent calls share one measurement, calls within `freshMs` get the last
 * one, and no measurement begins while an earlier one is open: ten scrapes cost no more than one.
 */
export function createProbe<T>(
  { ask, show, hide }: ProbeOptions<T>,
  { freshMs = FRESH_MS, patienceMs = PATIENCE_MS, now = () => performance.now() }: ProbeTiming = {},
): Probe {
  let askedAt = Number.NEGATIVE_INFINITY;
  let isOpen = false;
  let round: Promise<void> | null = null;

  const question = async (): Promise<T> => {
    isOpen = true;
    try {
      return await ask();
    } finally {
      isOpen = false;
    }
  };

  const look = async (): Promise<void> => {
    try {
      show(await within(patienceMs, `no answer within ${patienceMs} ms`, question()));
    } catch {
      hide();
    } finally {
      round = null;
    }
  };

  return () => {
    if (round !== null) return round;
    if (isOpen || now() - askedAt < freshMs) return Promise.resolve();
    askedAt = now();
    round = look();
    return round;
  };
}
