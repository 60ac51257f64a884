import type { Worker } from 'bullmq';
import type { Logger } from 'pino';
import { createRepeatingLog } from '../platform/log.ts';
import { refusalOf } from '../platform/redis/redis-errors.ts';

export interface BrakeOptions {
  /** Makes a worker that has begun to work. `isVersionHidden` says that Redis does not let its version be asked for. */
  readonly make: (isVersionHidden: boolean) => Worker;
  /** Whether Redis does what the queue needs; it never rejects. */
  readonly isUsable: () => Promise<boolean>;
  readonly log: Logger;
  /** How many errors in a second are a loop that BullMQ does not leave. */
  readonly mostErrors: number;
}

/** A worker that is made anew after each rest. */
export interface BrakedWorker {
  /** Ends it for good. It may never return while Redis is away, so its caller has to bound the wait. */
  readonly close: () => Promise<void>;
}

const WINDOW_MS = 1_000;
const SHORTEST_REST_MS = 1_000;
const LONGEST_REST_MS = 30_000;
/** A worker that has lived for so long did not fail at once: its next rest is a short one. */
const HEALTHY_MS = 60_000;

/** BullMQ asks for the server's version with INFO, and a client that may not ask never becomes ready. */
const HIDES_VERSION = /NOPERM.*'info/i;

/**
 * Keeps a worker of BullMQ working, and makes it rest where Redis refuses it or it fails in a loop. BullMQ retries at once
 * whatever is not a broken connection: a user that may not call INFO kept the process in microtasks until its memory was full,
 * one that may not call EVAL cost a core and thousands of log lines a second. After a rest of 1 s, doubled up to 30 s where
 * that does not help, a new worker is made as soon as Redis does what the queue needs.
 */
export function startBraked({ make, isUsable, log, mostErrors }: BrakeOptions): BrakedWorker {
  const warn = createRepeatingLog(log);
  let isStopped = false;
  let isVersionHidden = false;
  let restMs = SHORTEST_REST_MS;
  let waking: NodeJS.Timeout | undefined;
  let current: Worker;

  const wakeIn = (ms: number, error: Error, isKnown: boolean) => {
    waking = setTimeout(() => void tryAgain(error, isKnown), ms).unref();
  };
  const tryAgain = async (error: Error, isKnown: boolean) => {
    const isBack = await isUsable();
    if (isStopped) return;
    if (!isBack) return wakeIn(SHORTEST_REST_MS, error, true);
    if (!isKnown) warn(error, {}, 'the deadline worker was ended by its errors, and is made again');
    begin();
  };

  const begin = () => {
    const worker = make(isVersionHidden);
    const begunAt = performance.now();
    let windowAt = begunAt;
    let errors = 0;
    current = worker;

    const rest = (error: Error) => {
      // Its loops end with this call, before it returns; what is under way ends by itself.
      worker.close(true).catch(() => {});
      restMs = performance.now() - begunAt > HEALTHY_MS ? SHORTEST_REST_MS : restMs;
      log.debug({ err: error, restMs }, 'the deadline worker rests; the sweeper goes on');
      // The health check logs it while Redis is of no use, and the start that INFO may not be called.
      wakeIn(restMs, error, HIDES_VERSION.test(error.message));
      restMs = Math.min(2 * restMs, LONGEST_REST_MS);
    };

    worker.on('error', (error) => {
      if (worker.closing !== undefined) return;
      isVersionHidden ||= HIDES_VERSION.test(error.message);
      const now = performance.now();
      if (now - windowAt > WINDOW_MS) [windowAt, errors] = [now, 0];
      errors += 1;
      if ((errors > mostErrors || refusalOf(error) !== null) && !isStopped) rest(error);
    });
  };

  begin();
  return {
    close: async () => {
      isStopped = true;
      clearTimeout(waking);
      await current.close();
    },
  };
}
