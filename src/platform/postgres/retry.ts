import { setTimeout as sleep } from 'node:timers/promises';
import { CommitUnknownError, isStatementLost, isTimeout, isTransient } from './database.ts';

/** Two decisions met; the one that lost has to look again. */
export class LostRaceError extends Error {
  constructor(what: string) {
    super(`lost a race: ${what}`);
    this.name = 'LostRaceError';
  }
}

const ATTEMPTS = 3;
const FIRST_DELAY_MS = 20;
// A caller whose connection is ended again and again while it waits would wait three times as long as it may: with two seconds
// for a connection and two for the lock, the last try ends before five.
const PATIENCE_MS = 500;

function isWorthARetry(error: unknown, idempotent: boolean): boolean {
  if (error instanceof LostRaceError) return true;
  if (error instanceof CommitUnknownError) return idempotent;
  // Having waited once for a lock, a connection or a statement, the caller has waited long enough.
  return isTransient(error) && !isTimeout(error);
}

/** Failures that cost no time by themselves, and that the next try does not meet again: the order exists then, or is locked. */
const happensOnce = (error: unknown): boolean => error instanceof LostRaceError || isStatementLost(error);

/**
 * Tries `work` up to three times, with jitter between, while its failures are transient and come soon: what has taken longer
 * than half a second in all is not begun again, except after a lost race or a statement that a pooler has lost.
 * @param idempotent whether `work` may also be repeated after a commit whose outcome is unknown
 * @throws the last failure
 */
export async function withRetry<T>(work: () => Promise<T>, { idempotent }: { idempotent: boolean }): Promise<T> {
  const begun = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const hasWaited = performance.now() - begun > PATIENCE_MS;
      const isOver = attempt === ATTEMPTS || (hasWaited && !happensOnce(error));
      if (isOver || !isWorthARetry(error, idempotent)) throw error;
      await sleep(FIRST_DELAY_MS * 2 ** attempt * (0.5 + Math.random()));
    }
  }
}
