const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * How long after a failed attempt the next one is made: ten attempts in all, the last one 75 hours and 35 minutes after
 * the first. Source: the example schedule of the Standard Webhooks specification 1.0.0.
 */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** What a receiver may ask us to wait at most. */
const LONGEST_WAIT_MS = 24 * HOUR;
const JITTER = 0.1;

/** Reads `Retry-After`, seconds or a date; null if it says nothing that can be understood. */
export function retryAfterMs(header: string | null, now: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * SECOND : Date.parse(text) - now;
  return Number.isFinite(ms) ? Math.min(LONGEST_WAIT_MS, Math.max(0, ms)) : null;
}

/**
 * When to try again, in milliseconds from now; null once all attempts have been made.
 * @param attempts how many there have been, the one that has just failed included
 * @param asked what the receiver asked us to wait, in milliseconds: it is never asked earlier
 * @param chance from 0 to 1: receivers that failed together are not asked again together
 */
export function nextAttemptInMs(attempts: number, asked: number | null, chance: number): number | null {
  const delay = RETRY_DELAYS_MS[attempts - 1];
  if (delay === undefined) return null;
  return Math.round(Math.max(delay, asked ?? 0) * (1 + JITTER * chance));
}
