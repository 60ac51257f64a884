import type { Logger } from 'pino';
import { createChangeLog } from '../../platform/logging/change-log.ts';
import { sharingAnswers } from '../../platform/shared-answer.ts';
import { within } from '../../platform/within.ts';
import { ALIVE_MS, isAlive, type SeenWorker } from './heartbeats.ts';

/** Whether a worker lives, as far as that is known. */
export interface WorkersLook {
  /** How many live; null while PostgreSQL does not say. */
  readonly alive: number | null;
  /** Absent while it is not known, and while there may be none yet: one of them may be starting. */
  readonly worker?: 'up' | 'down';
}

export interface WatchOptions {
  /** A clock of this process in milliseconds. */
  readonly now?: () => number;
  /** For how long an answer is good, in milliseconds. */
  readonly freshMs?: number;
}

/** How long a worker may take to leave a heartbeat after this process has started, or after PostgreSQL was away, in milliseconds. */
const GRACE_MS = 30_000;
const FRESH_MS = 1_000;
const ANSWER_MS = 2_000;

/**
 * Makes what watches the workers: it says within two seconds whether one lives, and never rejects. However many callers it has,
 * it reads once a second at most, on one connection. A worker is `down` when no heartbeat has come for fifteen seconds, and
 * when PostgreSQL could be asked in the last thirty: so neither a start of all processes nor a restart of the worker is `down`.
 * Each change is logged.
 * @param read the workers that have left a heartbeat
 */
export function watchWorkers(
  read: () => Promise<readonly SeenWorker[]>,
  log: Pick<Logger, 'info' | 'error'>,
  { now = () => performance.now(), freshMs = FRESH_MS }: WatchOptions = {},
): () => Promise<WorkersLook> {
  const logChange = createChangeLog({ initial: 'up' });
  const ask = sharingAnswers(read);
  let unknownAt = now();
  let heardAt = Number.NEGATIVE_INFINITY;
  let last = { alive: 0, at: Number.NEGATIVE_INFINITY };

  const tell = (worker: 'up' | 'down') => {
    logChange(worker, (facts) => {
      if (worker === 'up') log.info(facts, 'a worker lives');
      else log.error(facts, 'no worker lives: deadlines take effect only when their dispute is read');
    });
    return { alive: last.alive, worker };
  };
  return async () => {
    try {
      if (now() - last.at >= freshMs) {
        const workers = await within(ANSWER_MS, 'PostgreSQL did not say which workers live', ask());
        last = { alive: workers.filter(isAlive).length, at: now() };
        heardAt = Math.max(heardAt, ...workers.map(({ ageMs }) => last.at - ageMs));
      }
    } catch {
      unknownAt = now();
      return { alive: null };
    }
    if (last.alive > 0) return tell('up');
    const mayBeStarting = now() - heardAt <= ALIVE_MS || now() - unknownAt <= GRACE_MS;
    return mayBeStarting ? { alive: 0 } : tell('down');
  };
}
